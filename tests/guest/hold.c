// SPDX-License-Identifier: GPL-2.0-only
/* A virtual machine that stays, with a known amount of memory touched and hot. */
#include <stdio.h>
#include <unistd.h>

#include "ktap.h"
#include "options.h"
#include "vmm.h"

static unsigned long mem = 64, touch = 16, hot;
static bool thp;

static struct vmm vmm;

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "mem", "MiB of guest memory, in two slots", .number = &mem },
		{ "touch", "MiB touched once, all in the first slot", .number = &touch },
		{ "hot", "MiB of these touched over and over", .number = &hot },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ 0 }
	};
	uint64_t first, sweeps;

	options_parse(argc, argv, "Make a virtual machine, say READY, and stay until killed.", options);
	vmm.thp = thp;
	vmm_two_slots(&vmm, mem);
	vmm_start(&vmm);
	/* On a border of a huge page, so that the figures hold with --thp too. */
	first = (vmm.first_free_gfn + HUGE_PAGES - 1) / HUGE_PAGES * HUGE_PAGES;
	if (hot > touch || first * PAGE_SIZE + touch * MIB > vmm.slot[0].bytes)
		die("--hot must not exceed --touch, nor that half of --mem less 2");

	vmm_touch_range(&vmm, first, touch * MIB / PAGE_SIZE, true);
	if (hot) {
		vmm_spin(&vmm, 0, first, hot * MIB / PAGE_SIZE);
		while (vmm_spin_sweeps(&vmm, 0) < 2)
			usleep(1000);
		vmm_spin_touched(&vmm, 0);
	}
	/* Pages mapped: those asked for, and the few the guest itself lives in. */
	sweeps = hot ? vmm_spin_sweeps(&vmm, 0) : 0;
	printf("READY pid=%d first_gpa=%#lx touched_pages=%lu hot_pages=%lu mapped_pages=%lu sweeps=%lu\n",
	       getpid(), first * PAGE_SIZE, touch * MIB / PAGE_SIZE, hot * MIB / PAGE_SIZE,
	       gfnset_count(&vmm.mapped), sweeps);
	fflush(stdout);
	for (;;)
		pause();
}
