// SPDX-License-Identifier: GPL-2.0-only
#include "rounds.h"

uint64_t round_size(unsigned long round, unsigned long rounds, uint64_t pages)
{
	if (round < 2)
		return round;
	if (round == rounds / 2 || round + 1 == rounds)
		return pages;
	pages >>= random_below(14);
	return pages ? 1 + random_below(pages) : 1;
}

static uint32_t touch_of(struct vmm *vmm, uint32_t gpa)
{
	const struct guest_tables *shadowed = vmm->mmu.shadowed;
	uint32_t dword = random_below(PAGE_SIZE / 4) * 4, write = random_below(2);

	if (shadowed && guest_tables_cover(shadowed, gpa >> PAGE_SHIFT))
		write = 0;
	return gpa | dword | write;
}

void touch_random(struct vmm *vmm, uint64_t pages, uint64_t n)
{
	uint32_t *list = malloc(pages * sizeof(*list));

	for (uint64_t i = 0; i < pages; i++)
		list[i] = vmm_nth_gfn(vmm, i) << PAGE_SHIFT;
	for (uint64_t i = 0; i < n; i++) {
		uint64_t other = i + random_below(pages - i);
		uint32_t gpa = list[other];

		list[other] = list[i];
		list[i] = touch_of(vmm, gpa);
	}
	vmm_touch(vmm, list, n);
	free(list);
}
