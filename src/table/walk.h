/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The walk, a template: a format's .c file makes an instance of it with a
 * constant descriptor, so that every test of an entry becomes a test against
 * immediates and there is no call in the loop, let alone an indirect one.
 */
#ifndef KI_TABLE_WALK_H
#define KI_TABLE_WALK_H

#include "leaf.h"

#define KI_MAX_LEVELS	5

/**
 * struct ki_format - how the entries of one kind of table are read
 * @level_bits: a table has 1 << level_bits entries
 * @max_leaf_level: the highest level that has leaves; level 1 maps pages
 * @mapped: an entry with none of these bits maps nothing
 * @real_mask: the bits to compare with @real_value; an entry that differs is
 *	not one that the hardware uses and marks (absent, MMIO, A/D disabled,
 *	being removed), and is neither counted nor changed
 * @real_value: what those bits are in a real entry
 * @accessed: set by hardware when it uses the entry
 * @page_mask: at level 1: further bits, to compare with @page_value
 * @page_value: what those bits are in a real entry
 * @leaf_mask: above level 1: the bits to compare with @leaf_value
 * @leaf_value: what those bits are if the entry maps memory and not a table
 */
struct ki_format {
	unsigned int level_bits;
	unsigned int max_leaf_level;
	u64 mapped;
	u64 real_mask;
	u64 real_value;
	u64 accessed;
	u64 page_mask;
	u64 page_value;
	u64 leaf_mask;
	u64 leaf_value;
};

static __always_inline bool ki_is_real(const struct ki_format *f, u64 entry)
{
	return (entry & f->real_mask) == f->real_value && (entry & f->mapped);
}

static __always_inline bool ki_is_real_page(const struct ki_format *f, u64 entry)
{
	return (entry & (f->real_mask | f->page_mask)) ==
	       (f->real_value | f->page_value) && (entry & f->mapped);
}

/* Of a real entry above level 1. */
static __always_inline bool ki_maps_memory(const struct ki_format *f, u64 entry)
{
	return (entry & f->leaf_mask) == f->leaf_value;
}

static __always_inline u64 ki_level_pages(const struct ki_format *f,
					  unsigned int level)
{
	return BIT_ULL((level - 1) * f->level_bits);
}

/* A real leaf of @level that was accessed; of a format with such a bit. */
static __always_inline bool ki_is_young(const struct ki_format *f, u64 entry,
					unsigned int level)
{
	u64 mask = f->real_mask | f->accessed |
		   (level == 1 ? f->page_mask : f->leaf_mask);
	u64 value = f->real_value | f->accessed |
		    (level == 1 ? f->page_value : f->leaf_value);

	return (entry & mask) == value && (entry & f->mapped);
}

/*
 * Clear the accessed bit of a real leaf; false if there is none to clear any
 * more. Never a plain bit clear: an entry that KVM has just replaced (by its
 * marker for removal, by a table, or by an MMIO entry with a generation in
 * those bits) would be damaged by it.
 */
static __always_inline bool ki_clear_young(const struct ki_format *f, u64 *entry,
					   unsigned int level)
{
	u64 old = READ_ONCE(*entry);

	while (ki_is_young(f, old, level)) {
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
		u64 real = ki_is_real_page(f, entry);

		present |= real << i;
		young |= (real & ((entry & f->accessed) != 0)) << i;
	}

	young &= want;
	if (w->clear) {
		for (todo = young; todo; todo &= todo - 1) {
			unsigned long i = __ffs64(todo);

			if (!ki_clear_young(f, &entries[i], 1))
				young &= ~BIT_ULL(i);
		}
	}
	w->bits->present[word] |= present & want;
	w->bits->young[word] |= young;
}

/* A leaf above level 1, of which @gfn is a page. */
static __always_inline enum ki_walk_result
ki_walk_huge(const struct ki_format *f, struct ki_walk *w, u64 *entry, u64 seen,
	     u64 gfn, unsigned int level)
{
	u64 pages = ki_level_pages(f, level);
	bool young = seen & f->accessed;
	unsigned int first, end;

	if (!ki_huge_leaf_words(w->bits, w->base, gfn, pages, &first, &end))
		return KI_WALK_DONE;

	if (w->clear && young) {
		if (ki_is_giant(pages) && !w->giant_ready)
			return KI_WALK_GIANT;
		young = ki_clear_young(f, entry, level);
		w->giant_taken |= ki_is_giant(pages) && young;
	}
	ki_add_huge_leaf(w->bits, first, end, pages, young);
	return KI_WALK_DONE;
}

static __always_inline u64 *ki_next_table(const struct ki_walk *w, u64 entry)
{
	return ki_table_at((entry & w->addr_mask) |
			   (entry & w->high_addr_mask) << w->high_addr_shift);
}

/*
 * Three moves, as in an odometer: down into a table, along it to the next
 * entry, and up as long as a table has been walked to its end.
 */
static __always_inline enum ki_walk_result ki_walk(const struct ki_format *f,
						   struct ki_walk *w)
{
	const u64 table_entries = BIT_ULL(f->level_bits);
	u64 *table[KI_MAX_LEVELS + 1];
	unsigned int level = w->levels;
	u64 gfn = w->start, end;

	if (level < 2 || level > KI_MAX_LEVELS)
		return KI_WALK_STRANGE;
	table[level] = ki_table_at(w->root);
	if (!table[level])
		return KI_WALK_STRANGE;

	/* A VMM may have a memslot where its tables do not reach. */
	end = (w->root_entries ?: table_entries) * ki_level_pages(f, level);
	if (end > w->end)
		end = w->end;

	while (gfn < end) {
		u64 index = gfn >> ((level - 1) * f->level_bits);
		u64 *entry;

		/* The root may be longer than a table. */
		if (level < w->levels)
			index &= table_entries - 1;
		entry = &table[level][index];

		if (level == 1) {
			ki_walk_word(f, w, entry, (gfn - w->base) / 64);
			gfn += 64;
		} else {
			u64 seen = READ_ONCE(*entry);

			if (ki_is_real(f, seen)) {
				enum ki_walk_result res;

				if (!ki_maps_memory(f, seen)) {
					level--;
					table[level] = ki_next_table(w, seen);
					if (!table[level])
						return KI_WALK_STRANGE;
					continue;
				}
				if (level > f->max_leaf_level)
					return KI_WALK_STRANGE;
				res = ki_walk_huge(f, w, entry, seen, gfn, level);
				if (res != KI_WALK_DONE)
					return res;
			}
			gfn = (gfn | (ki_level_pages(f, level) - 1)) + 1;
		}

		while (level < w->levels &&
		       !(gfn & (ki_level_pages(f, level + 1) - 1)))
			level++;
	}
	return KI_WALK_DONE;
}

#endif /* KI_TABLE_WALK_H */
