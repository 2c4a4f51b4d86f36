// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

#include "isolated.h"
#include "ktap.h"

bool guest_cpu_is_isolated(void)
{
	char list[64] = "";
	FILE *f = fopen("/sys/devices/system/cpu/isolated", "re");
	bool isolated = f && fgets(list, sizeof(list), f) && atoi(list) == GUEST_CPU;

	if (f)
		fclose(f);
	return isolated;
}

static void pin(pthread_t thread, int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	errno = pthread_setaffinity_np(thread, sizeof(set), &set);
	if (errno)
		die("CPU %d: %m", cpu);
}

void isolate_guest(struct vmm *vmm)
{
	pin(pthread_self(), 0);
	pin(vmm->vcpu[0].thread, GUEST_CPU);
}

uint32_t wait_for_sweeps(struct vmm *vmm)
{
	uint32_t start = vmm_spin_sweeps(vmm, 0), moved;

	do {
		moved = vmm_spin_sweeps(vmm, 0) - start;
	} while (moved < 2);
	return moved;
}
