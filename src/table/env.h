/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pure code (src/table, src/encode) needs from the world around it,
 * and all it may use: this header has a kernel side and a userspace side, so
 * that the same sources run in the module and under the sanitizers.
 */
#ifndef KI_TABLE_ENV_H
#define KI_TABLE_ENV_H

#ifdef __KERNEL__

#include <linux/atomic.h>
#include <linux/bitops.h>
#include <linux/bits.h>
#include <linux/compiler.h>
#include <linux/io.h>
#include <linux/types.h>

/* The table page at physical address @phys, in the kernel's direct map. */
static inline u64 *ki_table_at(u64 phys)
{
	return __va(phys);
}

static inline bool ki_replace_entry(u64 *entry, u64 old, u64 new)
{
	return cmpxchg64(entry, old, new) == old;
}

#else /* userspace: the unit tests, the benchmark */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t u64;
typedef uint32_t u32;

#define READ_ONCE(x)		(*(const volatile __typeof__(x) *)&(x))
#define BIT_ULL(n)		(1ULL << (n))
#define GENMASK_ULL(h, l)	((~0ULL << (l)) & (~0ULL >> (63 - (h))))
#undef __always_inline
#define __always_inline		inline __attribute__((__always_inline__))

static inline unsigned long __ffs64(u64 word)
{
	return (unsigned long)__builtin_ctzll(word);
}

/* The test decides where physical addresses lie. */
u64 *ki_table_at(u64 phys);

/* Likewise, and what gets there first: hardware, or KVM. */
bool ki_replace_entry(u64 *entry, u64 old, u64 new);

#endif
#endif /* KI_TABLE_ENV_H */
