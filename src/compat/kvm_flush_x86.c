// SPDX-License-Identifier: GPL-2.0-only
#include <linux/smp.h>

#include "compat/kvm_flush.h"

int ki_kvm_flush_init(void)
{
	return 0;
}

/*
 * kvm_flush_remote_tlbs() is not exported everywhere. This is what it does: the
 * request makes a vCPU flush before it enters the guest again, and the
 * interrupt brings those out that are inside. kick_all_cpus_sync() returns when
 * every processor has taken it.
 */
void ki_kvm_flush_tlbs(struct kvm *kvm)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	kvm_for_each_vcpu(i, vcpu, kvm)
		kvm_make_request(KVM_REQ_TLB_FLUSH, vcpu);
	kick_all_cpus_sync();
}
