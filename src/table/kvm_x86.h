/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bits that KVM itself keeps in every second-level entry on x86, where the
 * hardware ignores them (arch/x86/kvm/mmu/spte.h).
 */
#ifndef KI_TABLE_KVM_X86_H
#define KI_TABLE_KVM_X86_H

#include "env.h"

/* What all of them have in common, for a struct ki_format. */
#define KI_X86_FORMAT				\
	.level_bits	= 9,			\
	.max_leaf_level	= 3,	/* 1 GiB */	\
	.leaf_mask	= BIT_ULL(7),		\
	.leaf_value	= BIT_ULL(7),		\
	.table_value	= 0

/*
 * Set in entries that KVM treats as present, clear in MMIO entries and in its
 * marker for an entry under removal, both of which have hardware's own present
 * and accessed bits set. Linux commit edea7c4fc215 ("KVM: x86/mmu: Use a
 * dedicated bit to track shadow/MMU-present SPTEs", v5.13).
 */
#define KI_KVM_PRESENT	BIT_ULL(11)

/*
 * SPTE_TDP_AD_MASK: 0 where the accessed and dirty bits are hardware's; 2 where
 * the accessed bit is, but KVM write-protects instead of using the dirty bit
 * (nested guests, with PML); 1 where KVM emulates both by faults (eptad=0,
 * nested). In bits 53:52; later, as in 7.2, in bits 61:60, and bit 52 is one of
 * those that keep the permissions of an emulated one. Either of them is set in
 * entries of type 1 alone.
 */
#define KI_KVM_AD_EMULATED	(BIT_ULL(52) | BIT_ULL(60))

/*
 * The same before there was KI_KVM_PRESENT, when it was called
 * SPTE_SPECIAL_MASK and was 3 in MMIO entries. It and the hardware's present
 * bits, which the marker for an entry under removal did not have either, tell
 * real entries.
 */
#define KI_KVM_SPECIAL		GENMASK_ULL(53, 52)
#define KI_KVM_SPECIAL_EMULATED	BIT_ULL(52)

#endif /* KI_TABLE_KVM_X86_H */
