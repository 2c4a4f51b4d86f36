// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/mutex.h>

#include "compat/kvm_slots.h"

/*
 * KVM keeps a few slots for itself above the numbers that a VMM can use (the
 * APIC access page, the TSS of real mode): no memory of the guest's.
 */
static bool ki_slot_is_users(const struct kvm_memory_slot *slot)
{
	return slot->id < KVM_USER_MEM_SLOTS;
}

#ifdef HAVE_KVM_MEMSLOT_ITER

struct ki_slot_iter *ki_slot_iter_start(struct ki_slot_iter *iter,
					struct kvm *kvm, u64 start, u64 end)
{
	iter->slot = NULL;
	iter->end = end;
	kvm_memslot_iter_start(&iter->tree, kvm_memslots(kvm), start);
	return iter;
}

static bool ki_slot_iter_step(struct ki_slot_iter *iter)
{
	if (iter->slot)
		kvm_memslot_iter_next(&iter->tree);
	if (!kvm_memslot_iter_is_valid(&iter->tree, iter->end))
		return false;
	iter->slot = iter->tree.slot;
	return true;
}

#else /* an array of them, the highest gfn first */

struct ki_slot_iter *ki_slot_iter_start(struct ki_slot_iter *iter,
					struct kvm *kvm, u64 start, u64 end)
{
	iter->slot = NULL;
	iter->start = start;
	iter->end = end;
	iter->slots = kvm_memslots(kvm);
	iter->next = iter->slots->used_slots;
	return iter;
}

static bool ki_slot_iter_step(struct ki_slot_iter *iter)
{
	while (iter->next > 0) {
		iter->slot = &iter->slots->memslots[--iter->next];
		if (iter->slot->base_gfn >= iter->end)
			return false;
		if (iter->slot->base_gfn + iter->slot->npages > iter->start)
			return true;
	}
	return false;
}

#endif

bool ki_slot_iter_next(struct ki_slot_iter *iter)
{
	while (ki_slot_iter_step(iter))
		if (ki_slot_is_users(iter->slot))
			return true;
	return false;
}

#ifdef HAVE_KVM_MEMSLOT_HVA_TREE

/* Sorted by where they begin. */
#define KI_HVA_ORDER	true

static void ki_hva_iter_first(struct ki_hva_iter *iter)
{
	iter->node = interval_tree_iter_first(&iter->slots->hva_tree,
					      iter->start, iter->end - 1);
}

static bool ki_hva_iter_step(struct ki_hva_iter *iter)
{
	if (!iter->node)
		return false;
	iter->slot = container_of(iter->node, struct kvm_memory_slot,
				  hva_node[iter->slots->node_idx]);
	iter->node = interval_tree_iter_next(iter->node, iter->start,
					     iter->end - 1);
	return true;
}

#else

#define KI_HVA_ORDER	false

static void ki_hva_iter_first(struct ki_hva_iter *iter)
{
	iter->next = iter->slots->used_slots;
}

static bool ki_hva_iter_step(struct ki_hva_iter *iter)
{
	while (iter->next > 0) {
		iter->slot = &iter->slots->memslots[--iter->next];
		if (iter->slot->userspace_addr < iter->end &&
		    ki_slot_hva_end(iter->slot) > iter->start)
			return true;
	}
	return false;
}

#endif

struct ki_hva_iter *ki_hva_iter_start(struct ki_hva_iter *iter, struct kvm *kvm,
				      u64 start, u64 end)
{
	iter->start = start;
	iter->end = end;
	iter->slots = kvm_memslots(kvm);
	ki_hva_iter_first(iter);
	return iter;
}

bool ki_hva_iter_next(struct ki_hva_iter *iter)
{
	while (ki_hva_iter_step(iter))
		if (ki_slot_is_users(iter->slot) && iter->slot->userspace_addr)
			return true;
	return false;
}

struct kvm_memory_slot *ki_slot_from_hva(struct kvm *kvm, u64 start, u64 end)
{
	struct kvm_memory_slot *first = NULL;
	struct ki_hva_iter iter;

	ki_slots_for_each_hva(kvm, &iter, start, end) {
		if (!first ||
		    iter.slot->userspace_addr < first->userspace_addr)
			first = iter.slot;
		if (KI_HVA_ORDER || first->userspace_addr <= start)
			break;
	}
	return first;
}

u64 ki_slots_end(struct kvm *kvm)
{
	int idx = srcu_read_lock(&kvm->srcu);
	struct ki_slot_iter iter;
	u64 end = 0;

	ki_slots_for_each(kvm, &iter, 0, ~0ULL)
		end = iter.slot->base_gfn + iter.slot->npages;
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

/* Of one address space each, and no other's changes with it; some may not be there. */
static u64 ki_slots_generations(struct kvm *kvm)
{
	int idx = srcu_read_lock(&kvm->srcu);
	u64 sum = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(kvm->memslots); i++) {
		const struct kvm_memslots *slots = __kvm_memslots(kvm, i);

		if (slots)
			sum += slots->generation;
	}
	srcu_read_unlock(&kvm->srcu, idx);
	return sum;
}

u64 ki_slots_changes(struct kvm *kvm)
{
	u64 generations = ki_slots_generations(kvm);

	/*
	 * The numbers come first: KVM drops entries after they have changed, and until it
	 * is done with that it holds the lock.
	 */
	smp_rmb();
	if (generations & KVM_MEMSLOT_GEN_UPDATE_IN_PROGRESS ||
	    mutex_is_locked(&kvm->slots_lock))
		return 0;
	return generations;
}

void ki_slots_cover(struct kvm *kvm, u64 start, unsigned int words,
		    bool with_hva, u64 *map)
{
	u64 end = start + 64ULL * words;
	int idx = srcu_read_lock(&kvm->srcu);
	struct ki_slot_iter iter;

	ki_slots_for_each(kvm, &iter, start, end) {
		u64 from = max_t(u64, start, iter.slot->base_gfn);
		u64 to = min_t(u64, end,
			       iter.slot->base_gfn + iter.slot->npages);

		if (iter.slot->userspace_addr || !with_hva)
			bitmap_set((unsigned long *)map, from - start, to - from);
	}
	srcu_read_unlock(&kvm->srcu, idx);
}

static void ki_copy_slot(const struct kvm_memory_slot *slot, struct ki_slot *to)
{
	*to = (struct ki_slot) {
		.gfn = slot->base_gfn,
		.pages = slot->npages,
		.hva = slot->userspace_addr,
		.id = slot->id,
		.readonly = slot->flags & KVM_MEM_READONLY,
	};
}

bool ki_slots_next(struct kvm *kvm, u64 gfn, struct ki_slot *found)
{
	int idx = srcu_read_lock(&kvm->srcu);
	struct ki_slot_iter iter;
	bool any = false;

	ki_slots_for_each(kvm, &iter, gfn, ~0ULL) {
		ki_copy_slot(iter.slot, found);
		any = true;
		break;
	}
	srcu_read_unlock(&kvm->srcu, idx);
	return any;
}

bool ki_slots_next_hva(struct kvm *kvm, u64 hva, struct ki_slot *found)
{
	int idx = srcu_read_lock(&kvm->srcu);
	const struct kvm_memory_slot *slot;

	slot = ki_slot_from_hva(kvm, hva, ULONG_MAX);
	if (slot)
		ki_copy_slot(slot, found);
	srcu_read_unlock(&kvm->srcu, idx);
	return slot;
}
