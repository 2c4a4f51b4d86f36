/* SPDX-License-Identifier: GPL-2.0-only */
/* The userspace side of src/table/env.h. */
#ifndef USERSPACE_ENV_H
#define USERSPACE_ENV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

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

/* The test decides where physical addresses lie: NULL: there is no memory. */
u64 *ki_table_at(u64 phys);

/* Likewise, and what gets there first: hardware, or KVM. */
bool ki_replace_entry(u64 *entry, u64 old, u64 new);
bool ki_replace_pair(u64 *entries, u64 old0, u64 old1, u64 new0, u64 new1);

static inline void ki_soon(const u64 *entries, bool change)
{
	(void)change;
	__builtin_prefetch(entries);
}

#endif /* USERSPACE_ENV_H */
