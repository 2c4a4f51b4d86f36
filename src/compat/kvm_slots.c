// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/minmax.h>

#include "compat/kvm_slots.h"

/*
 * KVM keeps a few slots for itself above the numbers that a VMM can use (the
 * APIC access page, the TSS of real mode): no memory of the guest's.
 */
static bool ki_slot_is_users(const struct kvm_memory_slot *slot)
{
	return slot->id < KVM_USER_MEM_SLOTS;
}

u64 ki_slots_end(struct kvm *kvm)
{
	struct kvm_memory_slot *slot;
	int idx = srcu_read_lock(&kvm->srcu);
	u64 end = 0;
	int bkt;

	kvm_for_each_memslot(slot, bkt, kvm_memslots(kvm))
		if (ki_slot_is_users(slot))
			end = max_t(u64, end, slot->base_gfn + slot->npages);
	srcu_read_unlock(&kvm->srcu, idx);
	return end;
}

u64 ki_slots_generation(struct kvm *kvm)
{
	int idx = srcu_read_lock(&kvm->srcu);
	u64 generation = kvm_memslots(kvm)->generation;

	srcu_read_unlock(&kvm->srcu, idx);
	/*
	 * With KVM's flag for an update in progress: until that is over, new
	 * slots go by the number of the old ones.
	 */
	return generation;
}

void ki_slots_cover(struct kvm *kvm, u64 start, unsigned int words, u64 *map)
{
	u64 end = start + 64ULL * words;
	struct kvm_memslot_iter iter;
	int idx = srcu_read_lock(&kvm->srcu);

	kvm_for_each_memslot_in_gfn_range(&iter, kvm_memslots(kvm), start, end) {
		struct kvm_memory_slot *slot = iter.slot;
		u64 from = max_t(u64, start, slot->base_gfn);
		u64 to = min_t(u64, end, slot->base_gfn + slot->npages);

		if (ki_slot_is_users(slot))
			bitmap_set((unsigned long *)map, from - start, to - from);
	}
	srcu_read_unlock(&kvm->srcu, idx);
}

bool ki_slots_next(struct kvm *kvm, u64 gfn, struct ki_slot *found)
{
	struct kvm_memslot_iter iter;
	int idx = srcu_read_lock(&kvm->srcu);
	bool any = false;

	kvm_for_each_memslot_in_gfn_range(&iter, kvm_memslots(kvm), gfn,
					  ~(gfn_t)0) {
		struct kvm_memory_slot *slot = iter.slot;

		if (!ki_slot_is_users(slot))
			continue;
		*found = (struct ki_slot) {
			.gfn = slot->base_gfn,
			.pages = slot->npages,
			.hva = slot->userspace_addr,
			.id = slot->id,
			.readonly = slot->flags & KVM_MEM_READONLY,
		};
		any = true;
		break;
	}
	srcu_read_unlock(&kvm->srcu, idx);
	return any;
}
