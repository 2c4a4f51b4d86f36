// SPDX-License-Identifier: GPL-2.0-only
/*
 * Since Linux kernel commits 43c11d91fb1e ("KVM: x86: to track if L1 is running
 * L2 VM"), d5a0483f9f32 ("KVM: nVMX: nSVM: Add a new VCPU statistic to show if
 * VCPU is in guest mode") (in v5.14) and 1e76a3ce0d3c ("KVM: cleanup allocation
 * of rmaps and page tracking data") (in v5.16).
 */
#include <linux/kvm_host.h>

u64 probe(struct kvm *kvm, struct kvm_vcpu *vcpu);
u64 probe(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	return vcpu->stat.nested_run + vcpu->stat.guest_mode +
	       kvm->arch.shadow_root_allocated;
}
