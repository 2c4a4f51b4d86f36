/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A CPU for the guest alone, which then does not exit unless somebody makes it.
 * Wants kernel arguments:
 *
 *	isolcpus=nohz,domain,managed_irq,1 nohz_full=1 rcu_nocbs=1 nowatchdog
 */
#ifndef ISOLATED_H
#define ISOLATED_H

#include <stdbool.h>

#include "vmm.h"

#define GUEST_CPU	1

bool guest_cpu_is_isolated(void);

/* The first vCPU there, and the caller on another one. */
void isolate_guest(struct vmm *vmm);

/* After this, a vCPU that spins has passed over each page since the call. Return: sweeps. */
uint32_t wait_for_sweeps(struct vmm *vmm);

#endif
