/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Second-level tables as KVM makes them, of a guest with all its memory mapped in
 * pages of 4 KiB; and the hardware that marks them.
 */
#ifndef BENCH_TABLES_H
#define BENCH_TABLES_H

#include "table/table.h"
#include "truth.h"

#define TABLE_ENTRIES	512
#define MAX_LEVELS	4

#define GIB_PAGES	BIT_ULL(18)

/**
 * struct shape - one kind of table
 * @name: for people
 * @levels: how many there are
 * @root_entries: of the root, if it is not one page; or 0
 * @leaf: an entry that maps a page and was not accessed, but for the address
 * @table: likewise, one that points to a table
 * @accessed: the accessed bit, of a leaf; of a table if @marks_tables
 * @marks_tables: hardware sets it in entries that point to tables
 * @walk: the module's
 * @walk_singles: the module's, if it could not replace two entries at once; or NULL
 */
struct shape {
	const char *name;
	unsigned int levels;
	unsigned int root_entries;
	u64 leaf;
	u64 table;
	u64 accessed;
	bool marks_tables;
	enum ki_walk_result (*walk)(struct ki_walk *w);
	enum ki_walk_result (*walk_singles)(struct ki_walk *w);
};

extern const struct shape shape_npt, shape_ept, shape_stage2;

/* The bits of an entry that hold an address, in all of them. */
#define ADDR_MASK	GENMASK_ULL(47, 12)

/**
 * struct tables - the tables of one guest
 * @shape: their kind
 * @pages: pages that the guest has, all mapped
 * @table: by level, from 1 on: the tables, in the order of the guest's memory
 * @count: by level: how many there are
 * @memory: where they lie, in no order
 * @size: of @memory
 * @huge: did the kernel back that with huge pages, as its own direct map is?
 */
struct tables {
	const struct shape *shape;
	u64 pages;
	u64 **table[MAX_LEVELS + 1];
	u64 count[MAX_LEVELS + 1];
	void *memory;
	size_t size;
	bool huge;
};

/* Makes them, all pages idle. @gib: of guest memory. Exits where there is no memory. */
void tables_init(struct tables *t, const struct shape *shape, unsigned int gib);
void tables_free(struct tables *t);

static inline u64 tables_root(const struct tables *t)
{
	return (u64)t->table[t->shape->levels][0];
}

/* The guest touches this: the bits of leaves are set, and all those above. */
void tables_touch(const struct tables *t, const struct truth *truth);

/* All bits above leaves are set: everything was used at some time. */
void tables_mark_above(const struct tables *t);

/*
 * How many entries of a level, the root's excepted, have the accessed bit, of the
 * first @pages pages.
 */
u64 tables_young(const struct tables *t, unsigned int level, u64 pages);

#endif /* BENCH_TABLES_H */
