// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intel extended page tables. Bits as in Intel SDM volume 3, "EPT Translation
 * Mechanism" and "Accessed and Dirty Flags for EPT".
 */
#include "kvm_x86.h"
#include "walk.h"

#define KI_EPT_RWX	GENMASK_ULL(2, 0)	/* read, write or execute */

static const struct ki_format ki_ept = {
	KI_X86_FORMAT,
	.mapped		= KI_EPT_RWX,
	.real_mask	= KI_KVM_PRESENT | KI_KVM_AD_EMULATED,
	.real_value	= KI_KVM_PRESENT,
	.accessed	= BIT_ULL(8),
	.dirty		= BIT_ULL(9),
	.marks_tables	= true,
};

static const struct ki_format ki_ept_no_present_bit = {
	KI_X86_FORMAT,
	.mapped		= KI_EPT_RWX,
	.real_mask	= KI_KVM_SPECIAL_EMULATED,
	.real_value	= 0,
	.accessed	= BIT_ULL(8),
	.dirty		= BIT_ULL(9),
	.marks_tables	= true,
};

/*
 * Of a table without accessed bits. A page that was not accessed yet has none of
 * RWX, and is mapped all the same: KVM's own bits alone tell. Bit 8 is not
 * hardware's here.
 */
static const struct ki_format ki_ept_tracked = {
	KI_X86_FORMAT,
	.mapped		= KI_KVM_PRESENT,
	.real_mask	= KI_KVM_PRESENT,
	.real_value	= KI_KVM_PRESENT,
};

static const struct ki_format ki_ept_tracked_no_present_bit = {
	KI_X86_FORMAT,
	.mapped		= KI_KVM_SPECIAL_EMULATED,
	.real_mask	= KI_KVM_SPECIAL,
	.real_value	= KI_KVM_SPECIAL_EMULATED,
};

enum ki_walk_result ki_walk_ept(struct ki_walk *w)
{
	return ki_walk(&ki_ept, w);
}

enum ki_walk_result ki_walk_ept_no_present_bit(struct ki_walk *w)
{
	return ki_walk(&ki_ept_no_present_bit, w);
}

enum ki_walk_result ki_walk_ept_tracked(struct ki_walk *w)
{
	return ki_walk(&ki_ept_tracked, w);
}

enum ki_walk_result ki_walk_ept_tracked_no_present_bit(struct ki_walk *w)
{
	return ki_walk(&ki_ept_tracked_no_present_bit, w);
}
