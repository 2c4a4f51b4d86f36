// SPDX-License-Identifier: GPL-2.0-only
/*
 * AMD nested page tables: the long-mode page table format. Bits as in AMD64
 * APM volume 2, "Nested Paging" and "Page-Translation-Table Entry Fields".
 */
#include "kvm_x86.h"
#include "walk.h"

static const struct ki_format ki_npt = {
	KI_X86_FORMAT,
	.mapped		= BIT_ULL(0),
	.real_mask	= KI_KVM_PRESENT | KI_KVM_AD_EMULATED,
	.real_value	= KI_KVM_PRESENT,
	.accessed	= BIT_ULL(5),
	.dirty		= BIT_ULL(6),
	.marks_tables	= true,
};

static const struct ki_format ki_npt_no_present_bit = {
	KI_X86_FORMAT,
	.mapped		= BIT_ULL(0),
	.real_mask	= KI_KVM_SPECIAL_EMULATED,
	.real_value	= 0,
	.accessed	= BIT_ULL(5),
	.dirty		= BIT_ULL(6),
	.marks_tables	= true,
};

enum ki_walk_result ki_walk_npt(struct ki_walk *w)
{
	return ki_walk(&ki_npt, w);
}

enum ki_walk_result ki_walk_npt_no_present_bit(struct ki_walk *w)
{
	return ki_walk(&ki_npt_no_present_bit, w);
}
