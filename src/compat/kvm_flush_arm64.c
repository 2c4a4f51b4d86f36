// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>

#include "compat/hidden.h"
#include "compat/kvm_flush.h"

/*
 * Here a flush is a broadcast by the hypervisor, which only KVM can ask for;
 * and it exports that in some kernels and not in others.
 */
DEFINE_STATIC_CALL_NULL(ki_flush, kvm_flush_remote_tlbs);

int ki_kvm_flush_init(void)
{
	void *flush = ki_find_function("kvm_flush_remote_tlbs");

	if (!flush) {
		pr_err("this kernel has no function kvm_flush_remote_tlbs\n");
		return -EOPNOTSUPP;
	}
	static_call_update(ki_flush, (typeof(kvm_flush_remote_tlbs) *)flush);
	return 0;
}

void ki_kvm_flush_tlbs(struct kvm *kvm)
{
	static_call(ki_flush)(kvm);
}
