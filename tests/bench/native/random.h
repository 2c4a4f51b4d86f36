/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers that are the same in each run (xorshift64*). */
#ifndef BENCH_RANDOM_H
#define BENCH_RANDOM_H

#include "../../kernel.h"

static inline u64 random_next(u64 *state)
{
	*state ^= *state >> 12;
	*state ^= *state << 25;
	*state ^= *state >> 27;
	return *state * 0x2545f4914f6cdd1dULL;
}

/* Below @n, which is far below 2^32. */
static inline u64 random_below(u64 *state, u64 n)
{
	return (random_next(state) >> 32) * n >> 32;
}

#endif /* BENCH_RANDOM_H */
