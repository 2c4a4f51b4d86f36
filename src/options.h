/* SPDX-License-Identifier: GPL-2.0-only */
/* Module parameters. */
#ifndef KI_OPTIONS_H
#define KI_OPTIONS_H

#include <linux/kvm_idle.h>

/**
 * enum ki_proc - how the file gets under every /proc/PID
 * @KI_PROC_AUTO: by the first of the others that works
 * @KI_PROC_FTRACE: by ftrace
 * @KI_PROC_KPROBE: by kprobes
 * @KI_PROC_OFF: not at all
 */
enum ki_proc {
	KI_PROC_AUTO,
	KI_PROC_FTRACE,
	KI_PROC_KPROBE,
	KI_PROC_OFF,
};

/** ki_option_tlb() - the TLB policy of files opened from now on */
enum kvm_idle_tlb_policy ki_option_tlb(void);

/** ki_option_share() - serve the host's page aging, of VMs observed from now on */
bool ki_option_share(void);

/** ki_option_proc() - what was asked for, or was told to ki_option_set_proc() */
enum ki_proc ki_option_proc(void);

/** ki_option_set_proc() - what the parameter is to read as: what came of it */
void ki_option_set_proc(enum ki_proc in_use);

#endif /* KI_OPTIONS_H */
