// SPDX-License-Identifier: GPL-2.0-only
/* Must compile on arm64: where KVM keeps the stage 2 table of a VM. */
#include <linux/kvm_host.h>
#include <asm/kvm_pgtable.h>

u64 probe(struct kvm *kvm);
u64 probe(struct kvm *kvm)
{
	const struct kvm_pgtable *pgt = kvm->arch.mmu.pgt;

	read_lock(&kvm->mmu_lock);
	read_unlock(&kvm->mmu_lock);
	return kvm->arch.mmu.pgd_phys + pgt->ia_bits + pgt->start_level +
	       KVM_PTE_ADDR_MASK + KVM_PTE_ADDR_51_48;
}
