// SPDX-License-Identifier: GPL-2.0-only
/*
 * Since Linux kernel commit 7a458f0e1ba1 ("KVM: x86/mmu: remove extended bits
 * from mmu_role, rename field") (in v5.19).
 */
#include <linux/kvm_host.h>

u64 probe(struct kvm *kvm, struct kvm_vcpu *vcpu);
u64 probe(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	struct kvm_mmu *mmu = &vcpu->arch.root_mmu;

	read_lock(&kvm->mmu_lock);
	read_unlock(&kvm->mmu_lock);
	return mmu->root.hpa + mmu->prev_roots[0].hpa + mmu->root_role.word +
	       mmu->root_role.level + mmu->root_role.direct +
	       mmu->root_role.ad_disabled + mmu->root_role.smm +
	       (vcpu->arch.mmu == &vcpu->arch.guest_mmu);
}
