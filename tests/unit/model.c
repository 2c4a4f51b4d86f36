// SPDX-License-Identifier: GPL-2.0-only
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

/* x86 */

/* SPTE_MMU_PRESENT_MASK, and what may stand in bits 53:52; see src/table/kvm_x86.h. */
#define KVM_PRESENT	(1ULL << 11)
#define AD_DISABLED	(1ULL << 52)
#define AD_WRPROT	(2ULL << 52)
#define LATE_AD_DISABLED (1ULL << 60)	/* in 7.2 */
#define OLD_MMIO	(3ULL << 52)

/* REMOVED_SPTE, and what that was before v5.13. */
#define REMOVED		0x5a0ULL
#define OLD_REMOVED	(1ULL << 59)

#define SUPPRESS_VE	(1ULL << 63)

#define EPT_PAGE	0x37ULL		/* rwx, write-back */
#define EPT_HUGE	0xb7ULL
#define EPT_NO_ACCESS	0x30ULL
#define EPT_A		(1ULL << 8)
#define NPT_PAGE	0x7ULL
#define NPT_HUGE	0x87ULL
#define NPT_A		(1ULL << 5)

static u64 plain_address(u64 phys)
{
	return phys;
}

static u64 address_of_x86(u64 entry)
{
	return entry & 0x000ffffffffff000ULL;
}

#define X86				\
	.page_shift = 12,		\
	.level_bits = 9,		\
	.max_leaf_level = 3,		\
	.phys_base = 0x40000000ULL,	\
	.entry_address = plain_address,	\
	.address_of = address_of_x86,	\
	.addr_mask = 0x000ffffffffff000ULL

static const struct format ept = {
	X86,
	.name = "ept",
	.walk = ki_walk_ept,
	.table = 0x7 | KVM_PRESENT,
	.page = EPT_PAGE | KVM_PRESENT,
	.huge = EPT_HUGE | KVM_PRESENT,
	.accessed = EPT_A,
	.dirty = 1 << 9,
	.no_dirty = AD_WRPROT,
	.mmio = 0x8000000000000536,	/* misconfigured: -wx */
	.removed = REMOVED,
	.unreal = {
		EPT_PAGE | KVM_PRESENT | EPT_A | AD_DISABLED,
		EPT_PAGE | KVM_PRESENT | EPT_A | LATE_AD_DISABLED,
		EPT_HUGE | KVM_PRESENT | EPT_A | AD_DISABLED,
		EPT_NO_ACCESS | KVM_PRESENT | EPT_A,
		SUPPRESS_VE,
		SUPPRESS_VE | REMOVED,
		0x7f8,
	},
};

static const struct format npt = {
	X86,
	.name = "npt",
	.walk = ki_walk_npt,
	.table = 0x7 | KVM_PRESENT,
	.page = NPT_PAGE | KVM_PRESENT,
	.huge = NPT_HUGE | KVM_PRESENT,
	.accessed = NPT_A,
	.dirty = 1 << 6,
	.no_dirty = AD_WRPROT,
	.mmio = 0x80000d0000027,
	.removed = REMOVED,
	.unreal = {
		NPT_PAGE | KVM_PRESENT | NPT_A | AD_DISABLED,
		NPT_HUGE | KVM_PRESENT | NPT_A | AD_DISABLED,
		(NPT_PAGE | KVM_PRESENT | NPT_A) & ~1ULL,
		0x7f8,
	},
};

static const struct format ept_no_present_bit = {
	X86,
	.name = "ept without KVM's present bit",
	.walk = ki_walk_ept_no_present_bit,
	.table = 0x7,
	.page = EPT_PAGE,
	.huge = EPT_HUGE,
	.accessed = EPT_A,
	.dirty = 1 << 9,
	.no_dirty = AD_WRPROT,
	.mmio = OLD_MMIO | 0x8000000d0000d36,
	.removed = OLD_REMOVED,
	.unreal = {
		EPT_PAGE | EPT_A | AD_DISABLED,
		EPT_HUGE | EPT_A | AD_DISABLED,
		EPT_NO_ACCESS | EPT_A,
		SUPPRESS_VE,
		REMOVED,
		0xff8,
	},
};

static const struct format npt_no_present_bit = {
	X86,
	.name = "npt without KVM's present bit",
	.walk = ki_walk_npt_no_present_bit,
	.table = 0x7,
	.page = NPT_PAGE,
	.huge = NPT_HUGE,
	.accessed = NPT_A,
	.dirty = 1 << 6,
	.no_dirty = AD_WRPROT,
	.mmio = 0x380000d0000027,
	.removed = OLD_REMOVED,
	.unreal = {
		NPT_PAGE | NPT_A | AD_DISABLED,
		NPT_HUGE | NPT_A | AD_DISABLED,
		(NPT_PAGE | NPT_A) & ~1ULL,
		REMOVED,
		0xff8,
	},
};

/* Where A/D bits are off. @page and @huge are those of pages not accessed. */
static const struct format ept_tracked = {
	X86,
	.name = "ept tracked",
	.walk = ki_walk_ept_tracked,
	.table = 0x7 | KVM_PRESENT | AD_DISABLED,
	.page = EPT_NO_ACCESS | KVM_PRESENT | AD_DISABLED,
	.huge = EPT_NO_ACCESS | 0x80 | KVM_PRESENT | AD_DISABLED,
	.mmio = 0x8000000000000536,
	.removed = REMOVED,
	.unreal = {
		EPT_PAGE | AD_DISABLED | EPT_A,
		EPT_PAGE | LATE_AD_DISABLED | EPT_A,
		/* An MMIO entry whose generation looks like the type. */
		AD_DISABLED | 0x536,
		SUPPRESS_VE,
		SUPPRESS_VE | REMOVED,
	},
};

static const struct format ept_late_tracked = {
	X86,
	.name = "ept tracked, as in 7.2",
	.walk = ki_walk_ept_tracked,
	.table = 0x7 | KVM_PRESENT | LATE_AD_DISABLED,
	.page = EPT_NO_ACCESS | KVM_PRESENT | LATE_AD_DISABLED,
	.huge = EPT_NO_ACCESS | 0x80 | KVM_PRESENT | LATE_AD_DISABLED,
	.mmio = 0x8000000000000536,
	.removed = REMOVED,
};

static const struct format ept_tracked_no_present_bit = {
	X86,
	.name = "ept tracked, without KVM's present bit",
	.walk = ki_walk_ept_tracked_no_present_bit,
	.table = 0x7 | AD_DISABLED,
	.page = EPT_NO_ACCESS | AD_DISABLED,
	.huge = EPT_NO_ACCESS | 0x80 | AD_DISABLED,
	.mmio = OLD_MMIO | 0x8000000d0000d36,
	.removed = OLD_REMOVED,
	.unreal = {
		EPT_PAGE | EPT_A,
		EPT_PAGE | AD_WRPROT,
		SUPPRESS_VE,
		REMOVED,
	},
};

/*
 * arm64, stage 2. Upper attributes and the address aside, KVM writes into a page
 * or block: memory attributes (5:2), read and write (7:6), shareability (9:8; part
 * of the address with LPA2), AF (10).
 */
#define S2_TABLE	0x3ULL
#define S2_PAGE		0x3ffULL
#define S2_BLOCK	0x3fdULL
#define S2_AF		(1ULL << 10)
#define S2_SOFTWARE	(1ULL << 55)

/* KVM_INVALID_PTE_LOCKED, and an entry annotated with an owner. */
#define S2_LOCKED	(1ULL << 10)
#define S2_OWNED	0x4ULL

static enum ki_walk_result walk_stage2_4k(struct ki_walk *w)
{
	return ki_walk_stage2(w, 12);
}

static enum ki_walk_result walk_stage2_16k(struct ki_walk *w)
{
	return ki_walk_stage2(w, 14);
}

static enum ki_walk_result walk_stage2_64k(struct ki_walk *w)
{
	return ki_walk_stage2(w, 16);
}

static u64 address_of_stage2(u64 entry)
{
	return entry & 0x0000fffffffff000ULL;
}

static u64 lpa2_address(u64 phys)
{
	return (phys & ~(3ULL << 50)) | (phys >> 50 & 3) << 8;
}

static u64 address_of_lpa2(u64 entry)
{
	return (entry & 0x0003fffffffff000ULL) | (entry >> 8 & 3) << 50;
}

static u64 lpa_64k_address(u64 phys)
{
	return (phys & ~(15ULL << 48)) | (phys >> 48 & 15) << 12;
}

static u64 address_of_lpa_64k(u64 entry)
{
	return (entry & 0x0000ffffffff0000ULL) | (entry >> 12 & 15) << 48;
}

#define STAGE2						\
	.table = S2_TABLE,				\
	.page = S2_PAGE,				\
	.huge = S2_BLOCK,				\
	.accessed = S2_AF,				\
	.dirty = S2_SOFTWARE,				\
	.mmio = S2_OWNED | S2_AF,			\
	.removed = S2_LOCKED,				\
	.unreal = {					\
		(S2_PAGE | S2_AF) & ~1ULL,		\
		(S2_BLOCK | S2_AF) & ~1ULL,		\
		S2_OWNED,				\
		S2_SOFTWARE | S2_AF,			\
		~1ULL,					\
	},						\
	.unreal_page = S2_BLOCK | S2_AF

/* Without LPA2: 48 bits of address. */
#define PLAIN(page_bits)				\
	.phys_base = 0x40000000ULL,			\
	.entry_address = plain_address,			\
	.address_of = address_of_stage2,		\
	.addr_mask = (1ULL << 48) - (1ULL << page_bits)

/* With it: 52 bits, each of the upper four used. */
#define LPA2(page_bits)					\
	.phys_base = 0x000e000040000000ULL,		\
	.entry_address = lpa2_address,			\
	.address_of = address_of_lpa2,			\
	.addr_mask = (1ULL << 50) - (1ULL << page_bits), \
	.high_addr_mask = 0x300,			\
	.high_addr_shift = 42

static const struct format stage2_4k = {
	STAGE2, PLAIN(12),
	.name = "stage 2, 4K",
	.walk = walk_stage2_4k,
	.page_shift = 12,
	.level_bits = 9,
	.max_leaf_level = 3,
};

static const struct format stage2_4k_lpa2 = {
	STAGE2, LPA2(12),
	.name = "stage 2, 4K with LPA2",
	.walk = walk_stage2_4k,
	.page_shift = 12,
	.level_bits = 9,
	.max_leaf_level = 3,
};

static const struct format stage2_16k = {
	STAGE2, PLAIN(14),
	.name = "stage 2, 16K",
	.walk = walk_stage2_16k,
	.page_shift = 14,
	.level_bits = 11,
	.max_leaf_level = 2,
};

static const struct format stage2_16k_lpa2 = {
	STAGE2, LPA2(14),
	.name = "stage 2, 16K with LPA2",
	.walk = walk_stage2_16k,
	.page_shift = 14,
	.level_bits = 11,
	.max_leaf_level = 2,
};

static const struct format stage2_64k = {
	STAGE2,
	.name = "stage 2, 64K",
	.walk = walk_stage2_64k,
	.page_shift = 16,
	.level_bits = 13,
	.max_leaf_level = 2,
	.phys_base = 0x000b000040000000ULL,
	.entry_address = lpa_64k_address,
	.address_of = address_of_lpa_64k,
	.addr_mask = (1ULL << 48) - (1ULL << 16),
	.high_addr_mask = 0xf000,
	.high_addr_shift = 36,
};

const struct kind kinds[] = {
	{ &ept, 4, 0 }, { &ept, 5, 0 },
	{ &npt, 4, 0 }, { &npt, 5, 0 },
	{ &ept_no_present_bit, 4, 0 },
	{ &npt_no_present_bit, 4, 0 },
	/* Guest addresses of 32, 36, 40, 44 and 48 bits; 52 in both ways. */
	{ &stage2_4k, 2, 4 * 512 },
	{ &stage2_4k, 3, 64 },
	{ &stage2_4k, 3, 2 * 512 },
	{ &stage2_4k, 4, 32 },
	{ &stage2_4k, 4, 512 },
	{ &stage2_4k_lpa2, 4, 16 * 512 },
	{ &stage2_4k_lpa2, 5, 16 },
	/* 32, 40, 48; 47 and 52. */
	{ &stage2_16k, 2, 128 },
	{ &stage2_16k, 3, 16 },
	{ &stage2_16k, 3, 2 * 2048 },
	{ &stage2_16k_lpa2, 3, 2048 },
	{ &stage2_16k_lpa2, 4, 32 },
	/* 40, 46 and 52. */
	{ &stage2_64k, 2, 2048 },
	{ &stage2_64k, 2, 16 * 8192 },
	{ &stage2_64k, 3, 1024 },
};
const unsigned int nr_kinds = sizeof(kinds) / sizeof(kinds[0]);

const struct kind tracked_kinds[] = {
	{ &ept_tracked, 4, 0 }, { &ept_tracked, 5, 0 },
	{ &ept_late_tracked, 4, 0 },
	{ &ept_tracked_no_present_bit, 4, 0 },
};
const unsigned int nr_tracked_kinds = sizeof(tracked_kinds) / sizeof(tracked_kinds[0]);

/*
 * "Physical" memory: pages of an array, given out in an order that makes
 * neighbours in the table strangers in memory. Before them is the root, whose
 * pages do lie side by side. Page 0 of those given out is never used.
 */
#define ROOT_PAGES	16
#define PAGES		512

static unsigned char *memory;
static unsigned int used;
static const struct kind *kind;
static const struct format *format;

static size_t page_bytes(void)
{
	return (size_t)1 << format->page_shift;
}

static u64 new_table(void)
{
	u64 page = used++ * 331 % PAGES;	/* odd, so all are reached */

	if (used >= PAGES)
		abort();
	return format->phys_base + (ROOT_PAGES + page) * page_bytes();
}

u64 *ki_table_at(u64 phys)
{
	u64 offset = phys - format->phys_base;

	if (phys % page_bytes())
		abort();
	if (offset >= (ROOT_PAGES + PAGES) * page_bytes())
		return NULL;
	return (u64 *)(memory + offset);
}

void (*model_race)(u64 *entry);
void (*model_written)(u64 phys);

bool ki_replace_entry(u64 *entry, u64 old, u64 new)
{
	if (model_race)
		model_race(entry);
	if (*entry != old)
		return false;
	*entry = new;
	return true;
}

bool ki_replace_pair(u64 *entries, u64 old0, u64 old1, u64 new0, u64 new1)
{
	assert((uintptr_t)entries % 16 == 0);
	if (model_race)
		model_race(entries);
	if (entries[0] != old0 || entries[1] != old1)
		return false;
	entries[0] = new0;
	entries[1] = new1;
	return true;
}

void ki_memory_written(u64 phys)
{
	if (model_written)
		model_written(phys);
}

void model_free(void)
{
	free(memory);
	memory = NULL;
}

u64 model_new(const struct kind *k)
{
	size_t root_bytes = k->root_entries * 8;

	model_free();
	kind = k;
	format = k->format;
	model_race = NULL;
	model_written = NULL;
	used = 1;
	memory = calloc(ROOT_PAGES + PAGES, page_bytes());
	if (!memory)
		abort();
	/* What lies behind the root is no entry, whatever it looks like. */
	if (root_bytes)
		memset(memory + root_bytes, 0xff, ROOT_PAGES * page_bytes() - root_bytes);
	return format->phys_base;
}

u64 *model_entry(u64 gfn, unsigned int level)
{
	u64 *entry = (u64 *)memory + (gfn / level_pages(format, kind->levels));

	for (unsigned int l = kind->levels; l > level; l--) {
		u64 index = gfn / level_pages(format, l - 1) % (1ULL << format->level_bits);

		if (!*entry)
			*entry = format->entry_address(new_table()) | format->table;
		entry = ki_table_at(format->address_of(*entry)) + index;
	}
	return entry;
}

u64 *model_map(u64 gfn, unsigned int level, u64 bits)
{
	u64 *entry = model_entry(gfn, level);

	*entry = (level == 1 ? format->page : format->huge) | bits |
		 0x123400000000ULL;
	return entry;
}
