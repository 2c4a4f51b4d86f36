/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The userspace side of src/table/env.h for the bench: the instructions that the
 * kernel uses, inline as there.
 *
 * BENCH_SINGLES: as on a processor that cannot replace two entries at once.
 * BENCH_LOADS: loads are counted. What is measured is never compiled like this.
 */
#ifndef USERSPACE_ENV_H
#define USERSPACE_ENV_H

#include "../../kernel.h"

#ifdef BENCH_LOADS
extern u64 bench_loads;

#undef READ_ONCE
#define READ_ONCE(x)	(bench_loads++, *(const volatile __typeof__(x) *)&(x))
#endif

/* A physical address is one of our own: the direct map. */
static inline u64 *ki_table_at(u64 phys)
{
	return (u64 *)phys;
}

static inline void ki_memory_written(u64 phys)
{
	(void)phys;
}

static inline bool ki_replace_entry(u64 *entry, u64 old, u64 new)
{
	return __atomic_compare_exchange_n(entry, &old, new, false,
					   __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
}

/* As the kernel's cmpxchg128(), which gcc has no builtin without a call for. */
static inline bool ki_replace_pair(u64 *entries, u64 old0, u64 old1, u64 new0,
				   u64 new1)
{
#ifdef BENCH_SINGLES
	(void)entries;
	(void)old0;
	(void)old1;
	(void)new0;
	(void)new1;
	return false;
#else
	bool same;

	asm volatile("lock cmpxchg16b %1"
		     : "=@ccz"(same), "+m"(*(unsigned __int128 *)entries),
		       "+a"(old0), "+d"(old1)
		     : "b"(new0), "c"(new1)
		     : "memory");
	return same;
#endif
}

/* The kernel's prefetch() and prefetchw(). */
static __always_inline void ki_soon(const u64 *entries, bool change)
{
	for (unsigned int i = 0; i < 64; i += 8) {
		if (change)
			asm volatile("prefetchw %0" : : "m"(entries[i]));
		else
			__builtin_prefetch(&entries[i]);
	}
}

#endif /* USERSPACE_ENV_H */
