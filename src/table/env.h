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
#include <linux/mmzone.h>
#include <linux/pfn.h>
#include <linux/string.h>
#include <linux/types.h>

/*
 * The table page at physical address @phys, in the kernel's direct map. NULL if
 * there is no memory: then what led there is not the entry it was taken for.
 */
static inline u64 *ki_table_at(u64 phys)
{
	return pfn_valid(PHYS_PFN(phys)) ? __va(phys) : NULL;
}

static inline bool ki_replace_entry(u64 *entry, u64 old, u64 new)
{
	return cmpxchg64(entry, old, new) == old;
}

#else
#include "userspace_env.h"	/* from who compiles it there: tests/unit */
#endif
#endif /* KI_TABLE_ENV_H */
