/* SPDX-License-Identifier: GPL-2.0-only */
/* The memslots of a VM: address space 0, without KVM's internal ones. */
#ifndef KI_COMPAT_KVM_SLOTS_H
#define KI_COMPAT_KVM_SLOTS_H

#include <linux/kvm_host.h>

/*
 * All of these read the slots under kvm->srcu, which they take and drop. The
 * VM must be held.
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
 * ki_slots_cover() - which pages of a range some slot covers
 * @kvm: a VM, held by the caller
 * @start: first gfn, a multiple of 64
 * @words: length of the range in words of 64 pages
 * @map: @words words; bits of covered pages are set, none is cleared
 */
void ki_slots_cover(struct kvm *kvm, u64 start, unsigned int words, u64 *map);

/**
 * ki_slots_next() - the first slot, by gfn, that ends after a gfn
 * @kvm: a VM, held by the caller
 * @gfn: where to begin
 * @slot: out: a copy of that slot's description
 *
 * Return: true if there is one.
 */
struct ki_slot {
	u64 gfn;
	u64 pages;
	u64 hva;	/* 0: none */
	u32 id;
	bool readonly;
};

bool ki_slots_next(struct kvm *kvm, u64 gfn, struct ki_slot *slot);

#endif /* KI_COMPAT_KVM_SLOTS_H */
