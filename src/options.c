// SPDX-License-Identifier: GPL-2.0-only
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "options.h"

static const char * const ki_tlb_names[] = {
	[KVM_IDLE_TLB_NONE]	= "none",
	[KVM_IDLE_TLB_PASS]	= "pass",
	[KVM_IDLE_TLB_PRECISE]	= "precise",
};

static enum kvm_idle_tlb_policy ki_tlb = KVM_IDLE_TLB_PASS;

static int ki_tlb_set(const char *value, const struct kernel_param *kp)
{
	int policy = sysfs_match_string(ki_tlb_names, value);

	if (policy < 0)
		return policy;
	WRITE_ONCE(ki_tlb, policy);
	return 0;
}

static int ki_tlb_get(char *buffer, const struct kernel_param *kp)
{
	return sysfs_emit(buffer, "%s\n", ki_tlb_names[READ_ONCE(ki_tlb)]);
}

static const struct kernel_param_ops ki_tlb_ops = {
	.set = ki_tlb_set,
	.get = ki_tlb_get,
};

module_param_cb(tlb, &ki_tlb_ops, NULL, 0644);
MODULE_PARM_DESC(tlb, "When cleared accessed bits are followed by a TLB flush, for files opened from now on: none, pass (default: once a pass), precise (before each call returns)");

enum kvm_idle_tlb_policy ki_option_tlb(void)
{
	return READ_ONCE(ki_tlb);
}
