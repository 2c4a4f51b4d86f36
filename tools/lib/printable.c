// SPDX-License-Identifier: LGPL-2.1-or-later
/* Text from elsewhere that a person, or a program, is shown. */
#include "internal.h"

/* Length of the UTF-8 sequence at @s that is fit to print; 0 if there is none. */
static unsigned int printable_at(const unsigned char *s)
{
	unsigned int length, i;
	uint32_t c;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		length = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		length = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		length = 4;
	else
		return 0;

	c = s[0] & (0xff >> (length + 1));
	for (i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	/* C1 controls, overlong forms, surrogates, beyond Unicode. */
	if (c < 0xa0 || (length == 3 && c < 0x800) ||
	    (length == 4 && c < 0x10000) || (c >= 0xd800 && c <= 0xdfff) ||
	    c > 0x10ffff)
		return 0;
	return length;
}

void kvmidle_make_printable(char *text)
{
	while (*text) {
		unsigned int length = printable_at((unsigned char *)text);

		if (!length) {
			*text = '?';
			length = 1;
		}
		text += length;
	}
}
