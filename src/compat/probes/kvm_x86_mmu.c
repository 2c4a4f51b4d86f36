// SPDX-License-Identifier: GPL-2.0-only
/*
 * Must compile: the fields of KVM that src/compat/kvm_roots.c reads. Without
 * them there is no telling what kind of table a VM has.
 */
#include <linux/kvm_host.h>

u64 probe(struct kvm *kvm, struct kvm_vcpu *vcpu);
u64 probe(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	read_lock(&kvm->mmu_lock);
	read_unlock(&kvm->mmu_lock);
	return vcpu->arch.mmu->root.hpa + vcpu->arch.mmu->root_role.level +
	       vcpu->arch.mmu->root_role.direct +
	       vcpu->arch.mmu->root_role.ad_disabled +
	       vcpu->arch.mmu->root_role.smm +
	       (vcpu->arch.mmu == &vcpu->arch.root_mmu) +
	       vcpu->stat.guest_mode + vcpu->stat.nested_run +
	       kvm->arch.shadow_root_allocated;
}
