/* SPDX-License-Identifier: GPL-2.0-only */
/* Module parameters. */
#ifndef KI_OPTIONS_H
#define KI_OPTIONS_H

#include <linux/kvm_idle.h>

/** ki_option_tlb() - the TLB policy of files opened from now on */
enum kvm_idle_tlb_policy ki_option_tlb(void);

#endif /* KI_OPTIONS_H */
