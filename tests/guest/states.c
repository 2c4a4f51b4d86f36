// SPDX-License-Identifier: GPL-2.0-only
#include "ktap.h"
#include "remap.h"
#include "rounds.h"
#include "states.h"

static bool may_drop, may_collapse;

static void add_slot(struct vmm *vmm, uint64_t gpa, uint64_t bytes)
{
	vmm->slot[vmm->nr_slots++] = (struct vmm_slot){ .gpa = gpa, .bytes = bytes };
}

static uint64_t end_of(const struct vmm_slot *slot)
{
	return slot->gpa + slot->bytes;
}

void states_layout(struct vmm *vmm, unsigned long mib)
{
	const uint64_t border = 32768 * PAGE_SIZE;	/* of slices */
	uint64_t half = mib * MIB / 2;

	vmm->nr_slots = 0;
	if (vmm->thp) {
		uint64_t huge = (half + HUGE_SIZE - 1) / HUGE_SIZE * HUGE_SIZE;

		add_slot(vmm, 0, huge);
		add_slot(vmm, 8 * border + 3 * HUGE_SIZE, HUGE_SIZE);
		add_slot(vmm, end_of(&vmm->slot[1]), huge);
		return;
	}
	half = half / PAGE_SIZE * PAGE_SIZE;
	add_slot(vmm, 0, half + 13 * PAGE_SIZE);
	add_slot(vmm, end_of(&vmm->slot[0]) + 3 * PAGE_SIZE, 70 * PAGE_SIZE);
	add_slot(vmm, 8 * border - half / 4 - 5 * PAGE_SIZE, half + 29 * PAGE_SIZE);
	add_slot(vmm, end_of(&vmm->slot[2]), 3 * PAGE_SIZE);
}

static uint64_t random_gfn_of_ours(struct vmm *vmm)
{
	uint64_t nothing_of_the_guests = vmm->first_free_gfn - vmm->code_gfn;

	return vmm_nth_gfn(vmm, nothing_of_the_guests +
			   random_below(vmm->total_pages - nothing_of_the_guests));
}

/* Up to @most pages from there on, in one slot. */
static uint64_t random_pages(struct vmm *vmm, uint64_t gfn, uint64_t most)
{
	uint64_t room = end_of(vmm_slot_of(vmm, gfn << PAGE_SHIFT)) / PAGE_SIZE - gfn;

	return 1 + random_below(room < most ? room : most);
}

/* A huge page of slot 0 in which the guest has nothing of its own; 0 if there is none. */
static uint64_t random_huge(struct vmm *vmm)
{
	uint64_t first = (vmm->first_free_gfn + HUGE_PAGES - 1) / HUGE_PAGES;
	uint64_t end = vmm->slot[0].bytes / HUGE_SIZE;

	return first < end ? (first + random_below(end - first)) * HUGE_PAGES : 0;
}

static void drop(struct vmm *vmm)
{
	uint64_t gfn = random_gfn_of_ours(vmm);

	if (may_drop)
		remap_drop(vmm, gfn, random_pages(vmm, gfn, 300), true);
}

static void collapse(struct vmm *vmm)
{
	uint64_t gfn = random_huge(vmm);

	if (may_drop && may_collapse && gfn)
		may_collapse = remap_collapse(vmm, gfn);
}

void states_touch(struct vmm *vmm)
{
	uint64_t gfn = random_gfn_of_ours(vmm);

	if (random_below(2))
		vmm_touch_range(vmm, gfn, random_pages(vmm, gfn, 600), random_below(2));
	else
		touch_random(vmm, vmm->total_pages, round_size(2, 9, vmm->total_pages / 2));
}

void states_next(struct vmm *vmm)
{
	for (uint64_t n = 1 + random_below(6); n; n--) {
		switch (random_below(8)) {
		case 0:
		case 1:
			drop(vmm);
			break;
		case 2:
			collapse(vmm);
			break;
		default:
			states_touch(vmm);
		}
	}
}

void states_begin(struct vmm *vmm, bool drops)
{
	may_drop = may_collapse = drops && !vmm->thp;
	if (!vmm->thp)
		remap_begin(vmm);
}

bool states_are_out_of_order(const struct vmm *vmm)
{
	for (unsigned int i = 1; i < vmm->nr_slots; i++)
		if (vmm->slot[i].hva < vmm->slot[i - 1].hva)
			return true;
	return false;
}
