// SPDX-License-Identifier: GPL-2.0-only
/*
 * Intel extended page tables. Bits as in Intel SDM volume 3, "EPT Translation
 * Mechanism" and "Accessed and Dirty Flags for EPT".
 */
#include "kvm_x86.h"
#include "walk.h"

static const struct ki_format ki_ept = {
	.mapped		= GENMASK_ULL(2, 0),	/* read, write or execute */
	.real_mask	= KI_KVM_PRESENT | KI_KVM_AD_TYPE,
	.real_value	= KI_KVM_PRESENT,
	.accessed	= BIT_ULL(8),
	.leaf		= BIT_ULL(7),
};

enum ki_walk_result ki_walk_ept(struct ki_walk *w)
{
	return ki_walk(&ki_ept, w);
}
