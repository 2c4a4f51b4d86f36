// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kernel.h>
#include <linux/moduleparam.h>
#include <linux/string.h>
#include <linux/sysfs.h>

#include "options.h"

/**
 * struct ki_choice - a parameter that is one of several words
 * @names: the words
 * @count: how many there are
 * @value: index of the one chosen
 */
struct ki_choice {
	const char * const *names;
	size_t count;
	int value;
};

static int ki_choice_set(const char *value, const struct kernel_param *kp)
{
	struct ki_choice *choice = kp->arg;
	int index = __sysfs_match_string(choice->names, choice->count, value);

	if (index < 0)
		return index;
	WRITE_ONCE(choice->value, index);
	return 0;
}

static int ki_choice_get(char *buffer, const struct kernel_param *kp)
{
	const struct ki_choice *choice = kp->arg;

	return sysfs_emit(buffer, "%s\n",
			  choice->names[READ_ONCE(choice->value)]);
}

static const struct kernel_param_ops ki_choice_ops = {
	.set = ki_choice_set,
	.get = ki_choice_get,
};

static const char * const ki_tlb_names[] = {
	[KVM_IDLE_TLB_NONE]	= "none",
	[KVM_IDLE_TLB_PASS]	= "pass",
	[KVM_IDLE_TLB_PRECISE]	= "precise",
};

static struct ki_choice ki_tlb = {
	.names	= ki_tlb_names,
	.count	= ARRAY_SIZE(ki_tlb_names),
	.value	= KVM_IDLE_TLB_PASS,
};

module_param_cb(tlb, &ki_choice_ops, &ki_tlb, 0644);
MODULE_PARM_DESC(tlb, "When cleared accessed bits are followed by a TLB flush, for files opened from now on: none, pass (default: once a pass), precise (before each call returns)");

enum kvm_idle_tlb_policy ki_option_tlb(void)
{
	return READ_ONCE(ki_tlb.value);
}

static bool ki_share = true;

module_param_named(share, ki_share, bool, 0644);
MODULE_PARM_DESC(share, "Share accessed bits with the host's own page aging (reclaim, MGLRU, DAMON), for VMs observed from now on (default: Y). With N, each side loses what the other clears");

bool ki_option_share(void)
{
	return READ_ONCE(ki_share);
}

static const char * const ki_proc_names[] = {
	[KI_PROC_AUTO]		= "auto",
	[KI_PROC_FTRACE]	= "ftrace",
	[KI_PROC_KPROBE]	= "kprobe",
	[KI_PROC_OFF]		= "off",
};

static struct ki_choice ki_proc = {
	.names	= ki_proc_names,
	.count	= ARRAY_SIZE(ki_proc_names),
	.value	= KI_PROC_AUTO,
};

module_param_cb(proc, &ki_choice_ops, &ki_proc, 0444);
MODULE_PARM_DESC(proc, "How /proc/PID/idle_bitmap is made: auto (default: ftrace, else kprobe), ftrace, kprobe, off (only /dev/kvm_idle). Reads as what is in use");

enum ki_proc ki_option_proc(void)
{
	return READ_ONCE(ki_proc.value);
}

void ki_option_set_proc(enum ki_proc in_use)
{
	WRITE_ONCE(ki_proc.value, in_use);
}
