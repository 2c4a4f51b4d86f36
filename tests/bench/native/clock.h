/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef BENCH_CLOCK_H
#define BENCH_CLOCK_H

#include <time.h>

#include "../../kernel.h"

static inline u64 clock_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return (u64)ts.tv_sec * 1000000000ULL + (u64)ts.tv_nsec;
}

struct stopwatch {
	u64 wall;
	u64 cpu;
};

static inline struct stopwatch stopwatch_start(void)
{
	struct stopwatch s;

	s.cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
	s.wall = clock_ns(CLOCK_MONOTONIC);
	return s;
}

/*
 * Nanoseconds since then, less those in which somebody else had the processor.
 * That is told by a clock which takes longer to read: it is not believed where it
 * says more than the other.
 */
static inline u64 stopwatch_ns(struct stopwatch s)
{
	u64 wall = clock_ns(CLOCK_MONOTONIC) - s.wall;
	u64 cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID) - s.cpu;

	return cpu < wall ? cpu : wall;
}

#endif /* BENCH_CLOCK_H */
