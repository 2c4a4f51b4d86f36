// SPDX-License-Identifier: LGPL-2.1-or-later
#include "internal.h"

/* The bits of a word from @from on, below @to; 0 <= @from < @to <= 64. */
static uint64_t mask(unsigned int from, unsigned int to)
{
	return (~(uint64_t)0 << from) & (~(uint64_t)0 >> (PAGES_PER_WORD - to));
}

void kvmidle_set_bits(uint64_t *words, uint64_t first, uint64_t count, bool value)
{
	uint64_t *word = words + first / PAGES_PER_WORD;
	unsigned int from = first % PAGES_PER_WORD;

	while (count) {
		unsigned int n = PAGES_PER_WORD - from;

		if (n > count)
			n = count;
		if (value)
			*word |= mask(from, from + n);
		else
			*word &= ~mask(from, from + n);
		word++;
		count -= n;
		from = 0;
	}
}
