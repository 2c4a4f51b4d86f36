/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The bits that KVM itself keeps in every second-level entry on x86, where the
 * hardware ignores them (arch/x86/kvm/mmu/spte.h, same in 5.13 to 6.12).
 */
#ifndef KI_TABLE_KVM_X86_H
#define KI_TABLE_KVM_X86_H

#include "env.h"

/*
 * Set in entries that KVM treats as present, clear in MMIO entries and in its
 * marker for an entry under removal, both of which have hardware's own present
 * and accessed bits set. Linux commit edea7c4fc215 ("KVM: x86/mmu: Use a
 * dedicated bit to track shadow/MMU-present SPTEs", v5.13).
 */
#define KI_KVM_PRESENT	BIT_ULL(11)

/*
 * SPTE_TDP_AD_MASK: zero where the accessed and dirty bits are hardware's, 1
 * where KVM emulates them by faults (eptad=0, nested), 2 where it
 * write-protects instead of using the dirty bit (nested, PML).
 */
#define KI_KVM_AD_TYPE	GENMASK_ULL(53, 52)

#endif /* KI_TABLE_KVM_X86_H */
