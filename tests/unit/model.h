/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A second-level page table in userspace memory, built entry by entry, and the
 * plainest possible reading of it to compare the walk with.
 */
#ifndef MODEL_H
#define MODEL_H

#include "table/table.h"

/**
 * struct format - what the tests need to know of a format
 *
 * Written down here once more, from the manuals, and not taken from the code
 * under test.
 */
struct format {
	const char *name;
	enum ki_walk_result (*walk)(struct ki_walk *w);
	unsigned int page_shift;
	unsigned int level_bits;	/* entries of a table: 1 << level_bits */
	unsigned int max_leaf_level;
	u64 table;	/* a non-leaf entry, but for the address */
	u64 page;	/* a level 1 leaf that is not young, but for the address */
	u64 huge;	/* likewise, above level 1 */
	u64 accessed;	/* 0: entries have no such bit */
	u64 dirty;	/* some other bit that may change at any time */
	u64 no_dirty;	/* says that only the dirty bit is not hardware's, or 0 */
	u64 mmio;	/* an entry with KVM's notes of its own in it */
	u64 removed;	/* what KVM leaves in an entry that it is working on */
	u64 unreal[8];	/* further entries that map nothing, at any level */
	u64 unreal_page;	/* likewise, at level 1 alone; or 0 */
	/* Where a table's address lies in an entry, and what to tell the walk. */
	u64 phys_base;	/* what memory begins at */
	u64 (*entry_address)(u64 phys);
	u64 (*address_of)(u64 entry);	/* and the other way round */
	u64 addr_mask;
	u64 high_addr_mask;
	unsigned int high_addr_shift;
};

/* A table to test with: a format, and a depth and a root that it may have. */
struct kind {
	const struct format *format;
	unsigned int levels;
	unsigned int root_entries;	/* 0: those of a table */
};

/* Those with accessed bits, and those that can only tell what is present. */
extern const struct kind kinds[], tracked_kinds[];
extern const unsigned int nr_kinds, nr_tracked_kinds;

/* Pages that one entry of @level maps. */
static inline u64 level_pages(const struct format *f, unsigned int level)
{
	return 1ULL << (level - 1) * f->level_bits;
}

/* Pages that the whole table can map. */
static inline u64 kind_pages(const struct kind *k)
{
	return (k->root_entries ? k->root_entries : 1ULL << k->format->level_bits) *
	       level_pages(k->format, k->levels);
}

/* A fresh table; frees the last one. Return: its root. */
u64 model_new(const struct kind *k);
void model_free(void);

/* The entry of @gfn at @level, with the tables above it made as needed. */
u64 *model_entry(u64 gfn, unsigned int level);

/* A leaf, with @bits added. */
u64 *model_map(u64 gfn, unsigned int level, u64 bits);

/* The bit in @map, bit 0 being @base. */
static inline bool bit(const u64 *map, u64 base, u64 gfn)
{
	return map[(gfn - base) / 64] >> (gfn % 64) & 1;
}

/*
 * Called in place of the compare-and-exchange, before it is done: what the
 * hardware, or KVM, does to the entry at the worst moment. NULL: nothing.
 */
extern void (*model_race)(u64 *entry);

/* Called with the memory that is marked as written, by its address. NULL: nothing. */
extern void (*model_written)(u64 phys);

#endif /* MODEL_H */
