// SPDX-License-Identifier: LGPL-2.1-or-later
#include "complaint.h"
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

/* "PATH: byte N: ..."; @at NULL: without the byte. */
static void say(struct complaint *to, const uint64_t *at, const char *format,
		va_list args)
{
	char byte[40] = "";
	int n;

	if (!to || !to->size)
		return;
	if (at)
		snprintf(byte, sizeof(byte), "byte %llu: ", (unsigned long long)*at);
	/* However long the path, there must be room for the rest. */
	n = snprintf(to->text, to->size, "%.200s: %s", to->path, byte);
	if (n >= 0 && (size_t)n < to->size)
		vsnprintf(to->text + n, to->size - n, format, args);
	kvmidle_make_printable(to->text);
}

int kvmidle_complain(struct complaint *to, uint64_t at, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(to, &at, format, args);
	va_end(args);
	return -EBADMSG;
}

int kvmidle_complain_of_all(struct complaint *to, int error, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(to, NULL, format, args);
	va_end(args);
	return error;
}
