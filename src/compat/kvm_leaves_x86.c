// SPDX-License-Identifier: GPL-2.0-only
/*
 * Leaves of shadow tables. KVM keeps, for each page of a slot and each size of
 * leaf, a list of the entries that map it ("rmap": struct kvm_rmap_head in
 * asm/kvm_host.h). Whether a list is empty is all that is looked at here; it
 * changes under mmu_lock held for writing alone.
 */
#include <linux/build_bug.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>

#include "compat/kvm_slots.h"
#include "compat/kvm_tables.h"
#include "table/leaf.h"

/*
 * A plain or an atomic long, by kernel. Bit 1 marks a list that is locked just
 * now (since Linux 6.15).
 */
static_assert(sizeof(struct kvm_rmap_head) == sizeof(unsigned long));

static bool ki_rmap_in_use(const struct kvm_rmap_head *head)
{
	return READ_ONCE(*(const unsigned long *)head) & ~BIT(1);
}

/* A page of a leaf, from @gfn on, that is wanted. */
static void ki_probe_leaf(const struct ki_walk *w, u64 gfn, u64 pages, u64 *probe)
{
	u64 end = min((gfn & ~(pages - 1)) + pages, w->end);

	for (; gfn < end; gfn++) {
		u64 word = (gfn - w->base) / 64, bit = BIT_ULL(gfn % 64);

		if (w->bits->want[word] & bit) {
			probe[word] |= bit;
			return;
		}
	}
}

static void ki_rmaps_of_level(const struct kvm_memory_slot *slot,
			      unsigned int level, struct ki_walk *w, u64 *probe)
{
	const struct kvm_rmap_head *rmap = READ_ONCE(slot->arch.rmap[level - 1]);
	unsigned int shift = KVM_HPAGE_GFN_SHIFT(level);
	u64 start = max_t(u64, w->start, slot->base_gfn);
	u64 end = min_t(u64, w->end, slot->base_gfn + slot->npages);

	/* KVM makes them when it first has a use for them. */
	if (!rmap)
		return;
	for (u64 n = start >> shift; n <= (end - 1) >> shift; n++) {
		u64 gfn = max(n << shift, start);

		if (!ki_rmap_in_use(&rmap[n - (slot->base_gfn >> shift)]))
			continue;
		ki_bits_add_leaf(w->bits, w->base, gfn, BIT_ULL(shift));
		/* It may be mapped by a larger one too. */
		if (probe)
			ki_probe_leaf(w, gfn, BIT_ULL(shift), probe);
	}
}

void ki_leaves_elsewhere(struct kvm *kvm, struct ki_walk *w, u64 *probe)
{
	struct ki_slot_iter iter;

	lockdep_assert_held(&kvm->mmu_lock);
	ki_slots_for_each(kvm, &iter, w->start, w->end)
		for (unsigned int level = 1; level <= KVM_NR_PAGE_SIZES; level++)
			ki_rmaps_of_level(iter.slot, level, w, probe);
}
