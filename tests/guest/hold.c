// SPDX-License-Identifier: GPL-2.0-only
/* Virtual machines that stay, with a known amount of memory touched and hot. */
#include <stdio.h>
#include <unistd.h>

#include "ktap.h"
#include "options.h"
#include "vmm.h"

/* Of each machine more than of the one before, so that one can tell them apart. */
#define MORE_MEM	16
#define MORE_TOUCHED	2

static unsigned long mem = 64, touch = 16, hot, vms = 1, alias;
static bool thp;

static struct vmm vmm[4];

/* A slot more, of the same host memory as the beginning of the first. */
static void add_alias(struct vmm *v)
{
	if (alias * MIB > v->slot[0].bytes)
		die("--alias must not exceed half of --mem");
	vmm_set_region(v, v->nr_slots, 0, v->end_gfn * PAGE_SIZE + HUGE_SIZE, alias * MIB,
		       v->slot[0].hva);
}

static void make(struct vmm *v, unsigned int number)
{
	unsigned long touched = touch + number * MORE_TOUCHED;
	unsigned long spun = number ? 0 : hot;
	uint64_t first, sweeps = 0;

	v->thp = thp;
	vmm_two_slots(v, mem + number * MORE_MEM);
	vmm_start(v);
	if (alias)
		add_alias(v);
	first = v->first_free_gfn;
	if (thp)	/* the same number of pages, whole huge ones */
		first = (first + HUGE_PAGES - 1) / HUGE_PAGES * HUGE_PAGES;
	if (spun > touched || first * PAGE_SIZE + touched * MIB > v->slot[0].bytes)
		die("--hot must not exceed --touch, nor half of --mem less what the guest needs");

	vmm_touch_range(v, first, touched * MIB / PAGE_SIZE, true);
	if (spun) {
		vmm_spin(v, 0, first, spun * MIB / PAGE_SIZE);
		while ((sweeps = vmm_spin_sweeps(v, 0)) < 2)
			usleep(1000);
		vmm_spin_touched(v, 0);
	}
	/* Pages mapped: those asked for, and the few the guest itself lives in. */
	printf("vm=%u fd=%d first_gpa=%#lx touched_pages=%lu hot_pages=%lu mapped_pages=%lu sweeps=%lu\n",
	       number, v->fd, first * PAGE_SIZE, touched * MIB / PAGE_SIZE,
	       spun * MIB / PAGE_SIZE, gfnset_count(&v->mapped), sweeps);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "mem", "MiB of guest memory, in two slots", .number = &mem },
		{ "touch", "MiB touched once, all in the first slot", .number = &touch },
		{ "hot", "MiB of these touched over and over", .number = &hot },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "vms", "virtual machines, each 16 MiB larger than the one before, 2 MiB more of\n"
		  "\t\ttouched; only the first has something hot", .number = &vms },
		{ "alias", "MiB of the first slot that a third one shares", .number = &alias },
		{ 0 }
	};

	options_parse(argc, argv, "Make virtual machines, say READY, and stay until killed.", options);
	if (!vms || vms > sizeof(vmm) / sizeof(vmm[0]))
		die("--vms is 1 to %zu", sizeof(vmm) / sizeof(vmm[0]));
	for (unsigned int i = 0; i < vms; i++)
		make(&vmm[i], i);
	printf("READY pid=%d page_size=%lu\n", getpid(), PAGE_SIZE);
	fflush(stdout);
	for (;;)
		pause();
}
