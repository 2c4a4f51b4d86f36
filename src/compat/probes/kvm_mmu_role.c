// SPDX-License-Identifier: GPL-2.0-only
/*
 * The layout of Linux 5.10 and 5.11. From v5.12 on (531810caa9f4, "KVM: x86/mmu:
 * Use an rwlock for the x86 MMU") entries begin to look like those of later
 * kernels, which this layout must not be taken for.
 */
#include <linux/kvm_host.h>

#ifdef KVM_HAVE_MMU_RWLOCK
#error neither the old layout nor the new one
#endif

u64 probe(struct kvm *kvm, struct kvm_vcpu *vcpu);
u64 probe(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	struct kvm_mmu *mmu = &vcpu->arch.root_mmu;

	spin_lock(&kvm->mmu_lock);
	spin_unlock(&kvm->mmu_lock);
	return mmu->root_hpa + mmu->prev_roots[0].hpa + mmu->mmu_role.base.word +
	       mmu->mmu_role.base.level + mmu->mmu_role.base.direct +
	       mmu->mmu_role.base.ad_disabled + mmu->mmu_role.base.smm +
	       vcpu->arch.efer + vcpu->arch.cr4 +
	       (vcpu->arch.mmu == &vcpu->arch.guest_mmu);
}
