// SPDX-License-Identifier: GPL-2.0-only
/*
 * Since Linux kernel commit bd412e2a310c ("KVM: arm64: Use LPA2 page-tables for
 * stage2 and hyp stage1") (in v6.8).
 */
#include <linux/kvm_host.h>
#include <asm/kvm_pgtable.h>

u64 probe(void);
u64 probe(void)
{
	return kvm_lpa2_is_enabled() ? KVM_PTE_ADDR_MASK_LPA2 |
				       KVM_PTE_ADDR_51_50_LPA2 : 0;
}
