// SPDX-License-Identifier: GPL-2.0-only
#include "ktap.h"
#include "remap.h"
#include "tables.h"

static uint32_t list[TABLES_MAX * 512];
static size_t listed;

void tables_start(struct vmm *vmm, unsigned int vcpus)
{
	vmm->nr_vcpus = vcpus;
	vmm->nr_slots = TABLES_SLOTS;
	vmm->slot[TABLES_LOW].bytes = 16 * MIB;
	vmm->slot[TABLES_HIGH] = (struct vmm_slot){
		.gpa = TABLES_HIGH_GPA, .bytes = TABLES_HIGH_BYTES,
	};
	vmm->slot[TABLES_MOVING] = (struct vmm_slot){
		.gpa = TABLES_MOVING_GPA, .bytes = TABLES_MOVING_BYTES,
	};
	vmm_start(vmm);
	remap_begin(vmm);
}

unsigned int tables_of(struct vmm *vmm, uint64_t gfn_of[TABLES_MAX])
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < vmm->nr_slots; i++) {
		uint64_t gfn = vmm->slot[i].gpa / PAGE_SIZE;
		uint64_t end = gfn + vmm->slot[i].bytes / PAGE_SIZE;

		for (gfn = (gfn + HUGE_PAGES - 1) & -HUGE_PAGES; gfn + HUGE_PAGES <= end;
		     gfn += HUGE_PAGES)
			gfn_of[n++] = gfn;
	}
	return n;
}

uint64_t tables_random(struct vmm *vmm)
{
	uint64_t gfn_of[TABLES_MAX];

	return gfn_of[random_below(tables_of(vmm, gfn_of))];
}

uint64_t tables_random_free(struct vmm *vmm)
{
	uint64_t gfn;

	do {
		gfn = tables_random(vmm);
	} while (gfn < vmm->first_free_gfn);
	return gfn;
}

uint64_t tables_random_high(struct vmm *vmm)
{
	uint64_t first = vmm->slot[TABLES_HIGH].gpa / PAGE_SIZE;

	return first + random_below(TABLES_HIGH_BYTES / HUGE_SIZE) * HUGE_PAGES;
}

struct vmm_range tables_random_range(struct vmm *vmm)
{
	uint64_t table = tables_random_free(vmm), first = random_below(HUGE_PAGES);
	const struct vmm_slot *slot = vmm_slot_of(vmm, table << PAGE_SHIFT);
	uint64_t most = (slot->gpa + slot->bytes) / PAGE_SIZE - table - first;
	struct vmm_range r = { table + first, 1 + random_below(600 >> random_below(9)) };

	if (!random_below(4))
		return (struct vmm_range){ table, HUGE_PAGES };
	if (r.pages > most)
		r.pages = most;
	return r;
}

uint64_t tables_count_in(const struct gfnset *set, uint64_t gfn, uint64_t n)
{
	uint64_t count = 0;

	for (; n; n--)
		count += gfnset_has(set, gfn++);
	return count;
}

void also(uint64_t gfn)
{
	if (listed == sizeof(list) / sizeof(list[0]))
		die("too many pages at once");
	list[listed++] = gfn << PAGE_SHIFT | random_below(PAGE_SIZE / 4) * 4 | random_below(2);
}

void also_some_of(uint64_t table, uint64_t most)
{
	for (uint64_t n = 1 + random_below(most); n; n--)
		also(table + random_below(HUGE_PAGES));
}

void touch_these(struct vmm *vmm)
{
	size_t done = 0, n;

	/* In as many rounds as it takes. */
	do {
		n = listed - done < vmm->total_pages ? listed - done : vmm->total_pages;
		vmm_touch(vmm, list + done, n);
		done += n;
	} while (done < listed);
	listed = 0;
}

void touch_all(struct vmm *vmm)
{
	uint64_t gfn_of[TABLES_MAX];

	for (unsigned int n = tables_of(vmm, gfn_of); n; n--)
		for (uint64_t i = 0; i < HUGE_PAGES; i++)
			also(gfn_of[n - 1] + i);
	touch_these(vmm);
}
