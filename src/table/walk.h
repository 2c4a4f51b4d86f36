/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk, a template: a format's .c file makes an instance of it with a
 * constant descriptor, so that every test of an entry becomes a test against
 * immediates and there is no call in the loop, let alone an indirect one.
 */
#ifndef KI_TABLE_WALK_H
#define KI_TABLE_WALK_H

#include "table.h"

#define KI_LEVEL_BITS	9
#define KI_MAX_LEVELS	5
#define KI_GIANT_LEVEL	3	/* the highest level that has leaves */

/**
 * struct ki_format - how the entries of one kind of table are read
 * @mapped: an entry with none of these bits maps nothing
 * @real_mask: the bits to compare with @real_value; an entry that differs is
 *	not one that the hardware uses and marks (absent, MMIO, A/D disabled,
 *	being removed), and is neither counted nor changed
 * @real_value: what those bits are in a real entry
 * @accessed: set by hardware when it uses the entry
 * @leaf: above level 1: the entry maps memory and not a table
 */
struct ki_format {
	u64 mapped;
	u64 real_mask;
	u64 real_value;
	u64 accessed;
	u64 leaf;
};

static __always_inline bool ki_is_real(const struct ki_format *f, u64 entry)
{
	return (entry & f->real_mask) == f->real_value && (entry & f->mapped);
}

static __always_inline u64 ki_level_pages(unsigned int level)
{
	return BIT_ULL((level - 1) * KI_LEVEL_BITS);
}

static __always_inline unsigned int ki_level_index(u64 gfn, unsigned int level)
{
	return (gfn >> ((level - 1) * KI_LEVEL_BITS)) &
	       (BIT_ULL(KI_LEVEL_BITS) - 1);
}

/*
 * Clear the accessed bit of a real leaf; false if there is none to clear any
 * more. Never a plain bit clear: an entry that KVM has just replaced (by its
 * marker for removal, or by an MMIO entry with a generation in those bits)
 * would be damaged by it.
 */
static __always_inline bool ki_clear_young(const struct ki_format *f, u64 *entry)
{
	u64 old = READ_ONCE(*entry);

	while (ki_is_real(f, old) && (old & f->accessed)) {
		if (ki_replace_entry(entry, old, old & ~f->accessed))
			return true;
		old = READ_ONCE(*entry);
	}
	return false;
}

/* 64 entries of level 1, those of @want alone. */
static __always_inline void ki_walk_word(const struct ki_format *f,
					 struct ki_walk *w, u64 *entries,
					 unsigned int word)
{
	u64 want = w->bits->want[word];
	u64 present = 0, young = 0, todo;

	if (!want)
		return;

	for (unsigned int i = 0; i < 64; i++) {
		u64 entry = READ_ONCE(entries[i]);
		u64 real = ki_is_real(f, entry);

		present |= real << i;
		young |= (real & ((entry & f->accessed) != 0)) << i;
	}

	young &= want;
	if (w->clear) {
		for (todo = young; todo; todo &= todo - 1) {
			unsigned long i = __ffs64(todo);

			if (!ki_clear_young(f, &entries[i]))
				young &= ~BIT_ULL(i);
		}
	}
	w->bits->present[word] |= present & want;
	w->bits->young[word] |= young;
}

/* A leaf of 2 MiB or 1 GiB, of which @gfn is a page; up to @end. */
static __always_inline enum ki_walk_result
ki_walk_huge(const struct ki_format *f, struct ki_walk *w, u64 *entry, u64 seen,
	     u64 gfn, unsigned int level)
{
	u64 pages = ki_level_pages(level);
	u64 start = gfn & ~(pages - 1), end = start + pages;
	unsigned int first, last;
	u64 wanted = 0;
	bool young = seen & f->accessed;

	if (start < w->base)
		start = w->base;
	if (end > w->base + KI_SLICE_PAGES)
		end = w->base + KI_SLICE_PAGES;
	first = (start - w->base) / 64;
	last = (end - w->base) / 64;

	for (unsigned int i = first; i < last; i++)
		wanted |= w->bits->want[i];
	if (!wanted)
		return KI_WALK_DONE;

	if (w->clear && young) {
		if (level == KI_GIANT_LEVEL && !w->giant_ready)
			return KI_WALK_GIANT;
		young = ki_clear_young(f, entry);
		if (level == KI_GIANT_LEVEL)
			w->giant_taken |= young;
	}

	for (unsigned int i = first; i < last; i++) {
		w->bits->present[i] = ~0ULL;
		if (young)
			w->bits->young[i] = ~0ULL;
	}
	return KI_WALK_DONE;
}

/*
 * Three moves, as in an odometer: down into a table, along it to the next
 * entry, and up as long as a table has been walked to its end.
 */
static __always_inline enum ki_walk_result ki_walk(const struct ki_format *f,
						   struct ki_walk *w)
{
	u64 *table[KI_MAX_LEVELS + 1];
	unsigned int level = w->levels;
	u64 gfn = w->start;

	/* A VMM may have a memslot where its tables do not reach. */
	if (gfn >= ki_level_pages(level + 1))
		return KI_WALK_DONE;

	table[level] = ki_table_at(w->root);

	while (gfn < w->end) {
		u64 *entry = &table[level][ki_level_index(gfn, level)];

		if (level == 1) {
			ki_walk_word(f, w, entry, (gfn - w->base) / 64);
			gfn += 64;
		} else {
			u64 seen = READ_ONCE(*entry);

			if (ki_is_real(f, seen)) {
				enum ki_walk_result res;

				if (!(seen & f->leaf)) {
					level--;
					table[level] = ki_table_at(seen & w->addr_mask);
					continue;
				}
				if (level > KI_GIANT_LEVEL)
					return KI_WALK_STRANGE;
				res = ki_walk_huge(f, w, entry, seen, gfn, level);
				if (res != KI_WALK_DONE)
					return res;
			}
			gfn = (gfn | (ki_level_pages(level) - 1)) + 1;
		}

		while (level < w->levels &&
		       !(gfn & (ki_level_pages(level + 1) - 1)))
			level++;
	}
	return KI_WALK_DONE;
}

#endif /* KI_TABLE_WALK_H */
