// SPDX-License-Identifier: GPL-2.0-only
#include <linux/kvm.h>

#include "ktap.h"
#include "paging.h"
#include "vmm.h"

#define ENTRY_FLAGS	0x67	/* P, W, U, A, D */
#define ENTRY_HUGE	0x80

#define CR0_PG		0x80000000UL
#define CR4_PSE		0x10UL
#define CR4_PAE		0x20UL
#define EFER_LME	0x100UL
#define EFER_LMA	0x400UL

struct format {
	unsigned int entry_bytes;
	unsigned int levels;
	unsigned int leaf_level;	/* 1, or 2 with huge pages */
};

static const struct format formats[] = {
	[PAGING_4M]		= { 4, 2, 2 },
	[PAGING_4K]		= { 4, 2, 1 },
	[PAGING_LONG_2M]	= { 8, 4, 2 },
	[PAGING_LONG_4K]	= { 8, 4, 1 },
};

enum paging paging_of(const char *word)
{
	static const char *const name[] = {
		[PAGING_OFF] = "off", [PAGING_4M] = "4m", [PAGING_4K] = "4k",
		[PAGING_LONG_2M] = "long-2m", [PAGING_LONG_4K] = "long-4k",
	};

	for (unsigned int i = 0; i < sizeof(name) / sizeof(name[0]); i++)
		if (!strcmp(word, name[i]))
			return i;
	die("no paging mode %s", word);
}

static const struct format *format_of(const struct guest_tables *t)
{
	return &formats[t->paging];
}

/* Pages that an entry at a level maps. */
static uint64_t span(const struct guest_tables *t, unsigned int level)
{
	unsigned int bits = format_of(t)->entry_bytes == 8 ? 9 : 10;

	return 1UL << bits * (level - 1);
}

/* Where in the table at a level that is page @table the entry for @gfn is. */
static void *entry(const struct guest_tables *t, uint64_t table, unsigned int level, uint64_t gfn)
{
	unsigned int bytes = format_of(t)->entry_bytes;
	uint64_t index = gfn / span(t, level) % (PAGE_SIZE / bytes);

	return (uint8_t *)vmm_hva(t->vmm, table << PAGE_SHIFT) + index * bytes;
}

static uint64_t get(const struct guest_tables *t, const void *e)
{
	uint64_t value = 0;

	memcpy(&value, e, format_of(t)->entry_bytes);
	return value;
}

static void put(const struct guest_tables *t, void *e, uint64_t gfn, uint64_t flags)
{
	uint64_t value = gfn << PAGE_SHIFT | flags;

	memcpy(e, &value, format_of(t)->entry_bytes);
}

static uint64_t new_table(struct guest_tables *t)
{
	uint64_t gfn = t->first_gfn + t->pages++;
	void *table = vmm_hva(t->vmm, gfn << PAGE_SHIFT);

	if (!table)
		die("no room for the guest's page tables");
	memset(table, 0, PAGE_SIZE);
	return gfn;
}

static void map(struct guest_tables *t, uint64_t gfn)
{
	const struct format *f = format_of(t);
	uint64_t table = t->first_gfn;
	unsigned int level = f->levels;
	void *e;

	for (; level > f->leaf_level; level--) {
		e = entry(t, table, level, gfn);
		if (!get(t, e))
			put(t, e, new_table(t), ENTRY_FLAGS);
		table = get(t, e) >> PAGE_SHIFT;
	}
	put(t, entry(t, table, level, gfn), gfn & -span(t, level),
	    ENTRY_FLAGS | (level > 1 ? ENTRY_HUGE : 0));
}

void guest_tables_write(struct guest_tables *t, struct vmm *vmm, enum paging paging, uint64_t gfn)
{
	*t = (struct guest_tables){ .vmm = vmm, .paging = paging, .first_gfn = gfn };
	if (paging == PAGING_OFF)
		return;
	new_table(t);
	for (uint64_t n = 0; n < vmm->total_pages; n++)
		map(t, vmm_nth_gfn(vmm, n));
}

bool guest_tables_cover(const struct guest_tables *t, uint64_t gfn)
{
	return gfn - t->first_gfn < t->pages;
}

unsigned int guest_tables_walk(const struct guest_tables *t, uint64_t gfn,
			       uint64_t walk[GUEST_TABLES_WALK])
{
	uint64_t table = t->first_gfn;
	unsigned int n = 0;

	if (t->paging == PAGING_OFF)
		return 0;
	for (unsigned int level = format_of(t)->levels; ; level--) {
		walk[n++] = table;
		if (level == format_of(t)->leaf_level)
			return n;
		table = get(t, entry(t, table, level, gfn)) >> PAGE_SHIFT;
	}
}

void guest_tables_use(const struct guest_tables *t, struct kvm_sregs *sregs)
{
	if (t->paging == PAGING_OFF)
		return;
	sregs->cr3 = t->first_gfn << PAGE_SHIFT;
	sregs->cr0 |= CR0_PG;
	if (format_of(t)->levels == 2) {
		sregs->cr4 |= CR4_PSE;
	} else {
		/* The code segment stays a 32-bit one: compatibility mode. */
		sregs->cr4 |= CR4_PAE;
		sregs->efer |= EFER_LME | EFER_LMA;
	}
}
