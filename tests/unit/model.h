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
	u64 table;	/* a non-leaf entry, but for the address */
	u64 page;	/* a level 1 leaf that is not young, but for the address */
	u64 huge;	/* likewise, above level 1 */
	u64 accessed;
	u64 dirty;
	u64 mmio;	/* an MMIO entry as KVM writes it */
};

extern const struct format formats[2];

/* What KVM leaves in an entry while it takes it out (REMOVED_SPTE). */
#define REMOVED		0x5a0ULL
#define AD_DISABLED	(1ULL << 52)
#define AD_WRPROT	(2ULL << 52)

/* A fresh table of @levels levels; frees the last one. Return: its root. */
u64 model_new(const struct format *f, unsigned int levels);
void model_free(void);

/* The entry of @gfn at @level, with the tables above it made as needed. */
u64 *model_entry(u64 gfn, unsigned int level);

/* A level 2 or 3 leaf, or a level 1 leaf, with @bits added. */
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

#endif /* MODEL_H */
