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
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/mmzone.h>
#include <linux/page-flags.h>
#include <linux/pfn.h>
#include <linux/prefetch.h>
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

/*
 * Two neighbours at once, the first at a multiple of 16 bytes: for the processor
 * the price of one. False also where there is no such instruction.
 */
static inline bool ki_replace_pair(u64 *entries, u64 old0, u64 old1, u64 new0,
				   u64 new1)
{
#if defined(CONFIG_X86_64) && defined(system_has_cmpxchg128)
	u128 old = (u128)old1 << 64 | old0;

	return cpu_feature_enabled(X86_FEATURE_CX16) &&
	       cmpxchg128((u128 *)entries, old, (u128)new1 << 64 | new0) == old;
#elif defined(CONFIG_X86_64)
	return cpu_feature_enabled(X86_FEATURE_CX16) &&
	       cmpxchg_double(&entries[0], &entries[1], old0, old1, new0, new1);
#else
	return false;
#endif
}

/*
 * The memory at physical address @phys was written by an entry that is about to say so
 * no longer. Marks what KVM marks when it zaps such an entry (kvm_set_pfn_dirty();
 * since v6.13 it does when it makes the entry).
 *
 * Context: under mmu_lock and kvm->srcu, under which the entry was seen: the host takes
 * no page of a memslot back meanwhile.
 */
static inline void ki_memory_written(u64 phys)
{
	struct page *page = pfn_to_online_page(PHYS_PFN(phys));

	if (page && !PageReserved(page) && !PageDirty(page))
		SetPageDirty(page);
}

/* 64 entries, from the first of a cache line on, will be looked at soon. */
static __always_inline void ki_soon(const u64 *entries, bool change)
{
	for (unsigned int i = 0; i < 64; i += 8) {
		if (change)
			prefetchw(&entries[i]);
		else
			prefetch(&entries[i]);
	}
}

#else
#include "userspace_env.h"	/* from who compiles it there: tests/unit */
#endif
#endif /* KI_TABLE_ENV_H */
