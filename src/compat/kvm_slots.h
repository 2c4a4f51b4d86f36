/* SPDX-License-Identifier: GPL-2.0-only */
/* The memslots of a VM: address space 0, without KVM's internal ones. */
#ifndef KI_COMPAT_KVM_SLOTS_H
#define KI_COMPAT_KVM_SLOTS_H

#include <linux/kvm_host.h>

/**
 * struct ki_slot_iter - where a loop over slots is
 * @slot: the slot it is at
 * @end: gfn at which it ends
 */
struct ki_slot_iter {
	struct kvm_memory_slot *slot;
	u64 end;
#ifdef HAVE_KVM_MEMSLOT_ITER
	struct kvm_memslot_iter tree;
#else
	struct kvm_memslots *slots;
	int next;
	u64 start;
#endif
};

struct ki_slot_iter *ki_slot_iter_start(struct ki_slot_iter *iter,
					struct kvm *kvm, u64 start, u64 end);
bool ki_slot_iter_next(struct ki_slot_iter *iter);

/**
 * ki_slots_for_each() - the slots that cover a page of a range, by gfn
 * @kvm: a VM, held by the caller
 * @iter: iter->slot is the slot
 * @start: first gfn of the range
 * @end: first gfn behind it
 *
 * Context: under kvm->srcu.
 */
#define ki_slots_for_each(kvm, iter, start, end)			\
	for (struct ki_slot_iter *iter_ =				\
		     ki_slot_iter_start(iter, kvm, start, end);		\
	     ki_slot_iter_next(iter_);)

/**
 * struct ki_hva_iter - where a loop over slots by host address is
 * @slot: the slot it is at
 * @start: first host address of the range
 * @end: first host address behind it
 */
struct ki_hva_iter {
	struct kvm_memory_slot *slot;
	struct kvm_memslots *slots;
	u64 start;
	u64 end;
#ifdef HAVE_KVM_MEMSLOT_HVA_TREE
	struct interval_tree_node *node;
#else
	int next;
#endif
};

struct ki_hva_iter *ki_hva_iter_start(struct ki_hva_iter *iter, struct kvm *kvm,
				      u64 start, u64 end);
bool ki_hva_iter_next(struct ki_hva_iter *iter);

/**
 * ki_slots_for_each_hva() - the slots that have a page of a range of host memory
 * @kvm: a VM, held by the caller
 * @iter: iter->slot is the slot
 * @start: first host address of the range
 * @end: first host address behind it
 *
 * Context: under kvm->srcu.
 */
#define ki_slots_for_each_hva(kvm, iter, start, end)			\
	for (struct ki_hva_iter *iter_ =				\
		     ki_hva_iter_start(iter, kvm, start, end);		\
	     ki_hva_iter_next(iter_);)

/**
 * ki_slot_from_hva() - the slot of a range of host memory that begins first
 * @kvm: a VM, held by the caller
 * @start: first host address of the range
 * @end: first host address behind it
 *
 * Return: one of those, or NULL. Context: under kvm->srcu.
 */
struct kvm_memory_slot *ki_slot_from_hva(struct kvm *kvm, u64 start, u64 end);

static inline u64 ki_slot_hva(const struct kvm_memory_slot *slot, u64 gfn)
{
	return slot->userspace_addr + (gfn - slot->base_gfn) * PAGE_SIZE;
}

static inline u64 ki_slot_hva_end(const struct kvm_memory_slot *slot)
{
	return slot->userspace_addr + slot->npages * PAGE_SIZE;
}

static inline u64 ki_slot_gfn(const struct kvm_memory_slot *slot, u64 hva)
{
	return slot->base_gfn + (hva - slot->userspace_addr) / PAGE_SIZE;
}

/*
 * The rest takes kvm->srcu for itself. The VM must be held.
 */

/**
 * ki_slots_end() - the end of guest memory
 * @kvm: a VM, held by the caller
 *
 * Return: the first gfn past the last slot, 0 if there is no slot.
 */
u64 ki_slots_end(struct kvm *kvm);

/**
 * ki_slots_generation() - a number that changes when a slot does
 * @kvm: a VM, held by the caller
 */
u64 ki_slots_generation(struct kvm *kvm);

/**
 * ki_slots_changes() - a number that is another one after KVM has dropped entries with a slot
 * @kvm: a VM, held by the caller
 *
 * Of all address spaces: KVM may drop what it maps by whichever slot that changes. Who
 * gets the same number before and after it has looked at tables has seen no such change.
 *
 * Return: the number; 0 while slots change, which is to be taken for another one each time.
 */
u64 ki_slots_changes(struct kvm *kvm);

/**
 * ki_slots_cover() - which pages of a range some slot covers
 * @kvm: a VM, held by the caller
 * @start: first gfn, a multiple of 64
 * @words: length of the range in words of 64 pages
 * @with_hva: only those slots that the VMM has mapped
 * @map: @words words; bits of covered pages are set, none is cleared
 */
void ki_slots_cover(struct kvm *kvm, u64 start, unsigned int words,
		    bool with_hva, u64 *map);

/**
 * struct ki_slot - a slot, copied out
 * @gfn: its first page
 * @pages: how many it has
 * @hva: where the VMM has it, 0 if nowhere
 * @id: the number the VMM gave it
 * @readonly: the guest's writes are emulated
 */
struct ki_slot {
	u64 gfn;
	u64 pages;
	u64 hva;
	u32 id;
	bool readonly;
};

/**
 * ki_slots_next() - the first slot, by gfn, that ends after a gfn
 * @kvm: a VM, held by the caller
 * @gfn: where to begin
 * @found: out: that slot
 *
 * Return: true if there is one.
 */
bool ki_slots_next(struct kvm *kvm, u64 gfn, struct ki_slot *found);

/**
 * ki_slots_next_hva() - the first slot, by host address, that ends after one
 * @kvm: a VM, held by the caller
 * @hva: where to begin, a multiple of the page size
 * @found: out: that slot. If several cover @hva, one of them
 *
 * Slots without a host mapping are left out. Return: true if there is one.
 */
bool ki_slots_next_hva(struct kvm *kvm, u64 hva, struct ki_slot *found);

#endif /* KI_COMPAT_KVM_SLOTS_H */
