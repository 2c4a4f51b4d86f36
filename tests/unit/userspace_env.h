/* SPDX-License-Identifier: GPL-2.0-only */
/* The userspace side of src/table/env.h. */
#ifndef USERSPACE_ENV_H
#define USERSPACE_ENV_H

#include "../kernel.h"

/* The test decides where physical addresses lie: NULL: there is no memory. */
u64 *ki_table_at(u64 phys);

/* Likewise, and what gets there first: hardware, or KVM. */
bool ki_replace_entry(u64 *entry, u64 old, u64 new);
bool ki_replace_pair(u64 *entries, u64 old0, u64 old1, u64 new0, u64 new1);

/* The test takes note. */
void ki_memory_written(u64 phys);

static inline void ki_soon(const u64 *entries, bool change)
{
	(void)change;
	__builtin_prefetch(entries);
}

#endif /* USERSPACE_ENV_H */
