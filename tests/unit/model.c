// SPDX-License-Identifier: GPL-2.0-only
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* SPTE_MMU_PRESENT_MASK; see src/table/kvm_x86.h. */
#define KVM_PRESENT	(1ULL << 11)

const struct format formats[2] = {
	{
		.name = "ept",
		.walk = ki_walk_ept,
		.table = 0x7 | KVM_PRESENT,
		.page = 0x37 | KVM_PRESENT,	/* rwx, write-back */
		.huge = 0xb7 | KVM_PRESENT,
		.accessed = 1 << 8,
		.dirty = 1 << 9,
		.mmio = 0x8000000000000536,	/* misconfigured: -wx */
	}, {
		.name = "npt",
		.walk = ki_walk_npt,
		.table = 0x7 | KVM_PRESENT,
		.page = 0x7 | KVM_PRESENT,
		.huge = 0x87 | KVM_PRESENT,
		.accessed = 1 << 5,
		.dirty = 1 << 6,
		.mmio = 0x80000d0000027,
	},
};

/*
 * "Physical" memory: pages of an array, given out in an order that makes
 * neighbours in the table strangers in memory. Page 0 is never given out.
 */
#define PAGES	8192
#define ENTRIES	512

static u64 (*memory)[ENTRIES];
static unsigned int used;
static const struct format *format;
static unsigned int root_level;
static u64 root;

/* Above what is real, so that a wild address is seen as one. */
#define PHYS_BASE	0x40000000ULL
#define ADDR_MASK	0x000ffffffffff000ULL

static u64 new_table(void)
{
	u64 page = used++ * 2531 % PAGES;	/* odd, so all are reached */

	if (used >= PAGES)
		abort();
	return PHYS_BASE + page * 4096;
}

u64 *ki_table_at(u64 phys)
{
	u64 page = (phys - PHYS_BASE) / 4096;

	if (phys % 4096 || phys < PHYS_BASE || page >= PAGES)
		abort();
	return memory[page];
}

void (*model_race)(u64 *entry);

bool ki_replace_entry(u64 *entry, u64 old, u64 new)
{
	if (model_race)
		model_race(entry);
	if (*entry != old)
		return false;
	*entry = new;
	return true;
}

void model_free(void)
{
	free(memory);
	memory = NULL;
}

u64 model_new(const struct format *f, unsigned int levels)
{
	model_free();
	memory = calloc(PAGES, sizeof(*memory));
	if (!memory)
		abort();
	model_race = NULL;
	used = 1;
	format = f;
	root_level = levels;
	root = new_table();
	return root;
}

u64 *model_entry(u64 gfn, unsigned int level)
{
	u64 table = root;

	for (unsigned int l = root_level; ; l--) {
		u64 *entry = &ki_table_at(table)[gfn >> (9 * (l - 1)) & 511];

		if (l == level)
			return entry;
		if (!*entry)
			*entry = new_table() | format->table;
		table = *entry & ADDR_MASK;
	}
}

u64 *model_map(u64 gfn, unsigned int level, u64 bits)
{
	u64 *entry = model_entry(gfn, level);

	*entry = (level == 1 ? format->page : format->huge) | bits |
		 0x123400000000ULL;
	return entry;
}
