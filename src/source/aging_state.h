/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What aging.h hides: for the three files that do it. aging.c is the harvests' side,
 * answer.c the host's, pay.c the end.
 */
#ifndef KI_SOURCE_AGING_STATE_H
#define KI_SOURCE_AGING_STATE_H

#include <linux/kvm_host.h>
#include <linux/spinlock.h>

#include "compat/kvm_hook.h"
#include "source/cold.h"
#include "source/gfnmap.h"
#include "table/table.h"

/*
 * One lock for every so many GiB: a leaf larger than a slice is still all of one.
 */
#define KI_REGIONS	16

struct ki_region {
	spinlock_t lock;		/* Inside aging->asking. */
} ____cacheline_aligned_in_smp;

/**
 * struct ki_aging - the host's page aging of one VM
 * @kvm: the VM
 * @asking: held for each answer to the host
 * @region: held for each step of a harvest, and each answer, that is about it
 * @owed: cleared by a harvest; the host has yet to hear of it
 * @aged: cleared for the host; our readers have yet to hear of it
 * @host: touched by the host itself; readers who care have yet to hear of it
 * @cold: tables of pages that nobody uses
 * @bits: working memory: all zero but while in use
 * @pages: how many were aged
 */
struct ki_aging {
	struct kvm *kvm;
	spinlock_t asking;		/* Outside of region->lock. */
	struct ki_region region[KI_REGIONS]; /* Locks outside of mmu_lock. */
	struct ki_gfnmap owed;		/* Protected by region->lock. */
	struct ki_gfnmap aged;		/* Protected by region->lock. */
	struct ki_gfnmap host;		/* Protected by region->lock. */
	struct ki_cold cold;		/* Protected by region->lock. */
	struct ki_bits bits;		/* Protected by aging->asking. */
	u64 pages;			/* Protected by aging->asking. */
};

static inline unsigned int ki_region_of(u64 gfn)
{
	return gfn / KI_GIANT_PAGES % KI_REGIONS;
}

static inline spinlock_t *ki_region_lock(struct ki_aging *a, u64 gfn)
{
	return &a->region[ki_region_of(gfn)].lock;
}

/* The host's questions, and what it unmaps; the data is a struct ki_aging. */
extern const struct ki_hook_ops ki_aging_hook;

/**
 * ki_aging_pay() - make young in the VMM's page tables what the host has yet to hear
 * @a: nobody adds to the debt any more
 * @mm: of the VMM, in use
 *
 * As much as can be done without making anybody wait. May sleep.
 */
void ki_aging_pay(struct ki_aging *a, struct mm_struct *mm);

#endif /* KI_SOURCE_AGING_STATE_H */
