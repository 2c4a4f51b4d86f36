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
 * @dirty: set by hardware when it writes by the entry, if it is a leaf; 0: never
 * @marks_tables: also in entries that point to tables
 * @page_mask: at level 1: further bits, to compare with @page_value
 * @page_value: what those bits are in a real entry
 * @leaf_mask: above level 1: the bits to compare with the next two
 * @leaf_value: what those bits are if the entry maps memory
 * @table_value: and if it points to a table
 */
struct ki_format {
	unsigned int level_bits;
	unsigned int max_leaf_level;
	u64 mapped;
	u64 real_mask;
	u64 real_value;
	u64 accessed;
	u64 dirty;
	bool marks_tables;
	u64 page_mask;
	u64 page_value;
	u64 leaf_mask;
	u64 leaf_value;
	u64 table_value;
};

/* An entry that can be told by some of its bits, provided that it is mapped. */
struct ki_pattern {
	u64 mask;
	u64 value;
};

static __always_inline bool ki_matches(const struct ki_format *f, u64 entry,
				       struct ki_pattern p)
{
	return (entry & p.mask) == p.value && (entry & f->mapped);
}

static __always_inline struct ki_pattern ki_real(const struct ki_format *f)
{
	return (struct ki_pattern) { f->real_mask, f->real_value };
}

static __always_inline struct ki_pattern ki_page(const struct ki_format *f)
{
	return (struct ki_pattern) { f->real_mask | f->page_mask,
				     f->real_value | f->page_value };
}

/* Above level 1: something that maps memory, or a table. */
static __always_inline struct ki_pattern ki_leaf(const struct ki_format *f)
{
	return (struct ki_pattern) { f->real_mask | f->leaf_mask,
				     f->real_value | f->leaf_value };
}

static __always_inline struct ki_pattern ki_table(const struct ki_format *f)
{
	return (struct ki_pattern) { f->real_mask | f->leaf_mask,
				     f->real_value | f->table_value };
}

/* And it was accessed, or written; of a format with such a bit. */
static __always_inline struct ki_pattern ki_young(const struct ki_format *f,
						  struct ki_pattern p)
{
	return (struct ki_pattern) { p.mask | f->accessed, p.value | f->accessed };
}

static __always_inline struct ki_pattern ki_written(const struct ki_format *f,
						    struct ki_pattern p)
{
	return (struct ki_pattern) { p.mask | f->dirty, p.value | f->dirty };
}

static __always_inline u64 ki_level_pages(const struct ki_format *f,
					  unsigned int level)
{
	return BIT_ULL((level - 1) * f->level_bits);
}

/*
 * Clear @bit of what is like @p, which has it; false if there is none to clear any
 * more. Never a plain bit clear: an entry that KVM has just replaced (by its
 * marker for removal, by a table, or by an MMIO entry with a generation in
 * those bits) would be damaged by it.
 */
static __always_inline bool ki_clear_bit(const struct ki_format *f, u64 *entry,
					 struct ki_pattern p, u64 bit)
{
	u64 old = READ_ONCE(*entry);

	while (ki_matches(f, old, p)) {
		if (ki_replace_entry(entry, old, old & ~bit))
			return true;
		old = READ_ONCE(*entry);
	}
	return false;
}

/* Clear the accessed bit of what is @young. */
static __always_inline bool ki_clear_one(const struct ki_format *f, u64 *entry,
					 struct ki_pattern young)
{
	return ki_clear_bit(f, entry, young, f->accessed);
}

/* Entries are read a cache line at a time. */
#define KI_LINE	8

static __always_inline bool ki_is_line(const u64 *entries)
{
	return !((unsigned long)entries % (KI_LINE * sizeof(*entries)));
}

/* A bit for each of some entries: is it what we look for, and is it young? */
struct ki_seen {
	u64 found;
	u64 young;
};

/*
 * The entries of a line are as a rule all alike: then what all of them have and
 * what any of them has tells it.
 */
static __always_inline struct ki_seen
ki_look_at_line(const struct ki_format *f, const u64 *entries, struct ki_pattern p)
{
	const u64 usual = f->mapped & -f->mapped, mask = p.mask | usual;
	struct ki_seen seen = { .found = 0 };
	u64 any = 0, differs = 0;

	for (unsigned int i = 0; i < KI_LINE; i++) {
		u64 entry = READ_ONCE(entries[i]);

		any |= entry;
		differs |= entry ^ (p.value | usual);
	}
	if (!(differs & (mask | f->accessed))) {
		seen.found = 0xff;	/* and idle */
		return seen;
	}
	if (!(any & f->mapped))
		return seen;
#pragma GCC unroll 8
	for (unsigned int i = 0; i < KI_LINE; i++) {
		u64 entry = READ_ONCE(entries[i]);
		u64 found = ki_matches(f, entry, p);

		seen.found |= found << i;
		seen.young |= (found & ((entry & f->accessed) != 0)) << i;
	}
	return seen;
}

/* One by one, those of 64 entries that @todo says. */
static __always_inline void ki_clear_each(const struct ki_format *f, u64 *entries,
					  u64 todo, struct ki_pattern young)
{
	for (; todo; todo &= todo - 1)
		ki_clear_one(f, &entries[__ffs64(todo)], young);
}

/* What became of two neighbours: they are not young, or were, or are not any more. */
enum ki_two {
	KI_TWO_DIFFER,
	KI_TWO_LOST,
	KI_TWO_CLEARED,
};

/*
 * Clear those of two neighbours that @todo says (a bit each), if they are @young, and
 * readable (or whatever the lowest of f->mapped says), and nobody comes in between.
 * The other one is replaced by itself.
 */
static __always_inline enum ki_two
ki_clear_of_two(const struct ki_format *f, u64 *entries, u64 todo,
		struct ki_pattern young)
{
	const u64 usual = f->mapped & -f->mapped;
	const u64 value = young.value | usual, mask = young.mask | usual;
	u64 old0 = READ_ONCE(entries[0]), old1 = READ_ONCE(entries[1]);
	u64 clear0 = -(todo & 1), clear1 = -(todo >> 1);

	if ((((old0 ^ value) & clear0) | ((old1 ^ value) & clear1)) & mask)
		return KI_TWO_DIFFER;
	return ki_replace_pair(entries, old0, old1,
			       old0 & ~(f->accessed & clear0),
			       old1 & ~(f->accessed & clear1)) ?
	       KI_TWO_CLEARED : KI_TWO_LOST;
}

/*
 * 64 entries that are probably all young. Between the locked operations is nothing
 * but what tells that the next two are young, for they wait for what is before them
 * and what is behind waits for them. Return: how many were cleared, from the first
 * on, up to the first pair that is different; in @lost, that pair, if it was young
 * before somebody changed it.
 */
static __always_inline unsigned int
ki_clear_run(const struct ki_format *f, u64 *entries, struct ki_pattern young,
	     u64 *lost)
{
	enum ki_two two;
	unsigned int i;

	*lost = 0;
	for (i = 0; i < 64; i += 2) {
		two = ki_clear_of_two(f, &entries[i], 3, young);
		if (two == KI_TWO_CLEARED)
			continue;
		if (two == KI_TWO_LOST)
			*lost = 3ULL << i;
		break;
	}
	return i;
}

/*
 * Those of 64 entries that @todo says; two at a time, be it that one of them is as
 * it should be.
 */
static __always_inline void ki_clear_word(const struct ki_format *f, u64 *entries,
					  u64 todo, struct ki_pattern young)
{
	while (todo) {
		unsigned long i = __ffs64(todo) & ~1UL;
		u64 pair = todo & (3ULL << i);

		if (ki_clear_of_two(f, &entries[i], pair >> i, young) != KI_TWO_CLEARED)
			ki_clear_each(f, entries, pair, young);
		todo &= ~pair;
	}
}

/*
 * 64 entries of level 1, those of @want alone. Return: what is mapped. What is seen
 * young was touched, be it that KVM takes the entry away before it is cleared (its
 * TDP MMU does so while others read): then this look was the last chance to tell.
 */
static __always_inline u64 ki_walk_word(const struct ki_format *f,
					struct ki_walk *w, u64 *entries,
					unsigned int word)
{
	const struct ki_pattern young = ki_young(f, ki_page(f));
	const u64 want = w->bits->want[word];
	struct ki_seen seen = { .found = 0 };
	unsigned int run = 0;
	u64 done, lost = 0;

	if (!want)
		return 0;

	if (w->clear && f->accessed && want == ~0ULL &&
	    (READ_ONCE(entries[0]) & f->accessed))
		run = ki_clear_run(f, entries, young, &lost);
	done = run < 64 ? BIT_ULL(run) - 1 : ~0ULL;
	for (unsigned int i = run & ~(KI_LINE - 1U); i < 64; i += KI_LINE) {
		struct ki_seen line = ki_look_at_line(f, &entries[i], ki_page(f));

		seen.found |= line.found << i;
		seen.young |= line.young << i;
	}
	seen.young &= want & ~done;
	if (w->clear && seen.young)
		ki_clear_word(f, entries, seen.young, young);
	seen.found |= done;
	w->bits->present[word] |= seen.found & want;
	w->bits->young[word] |= seen.young | done | lost;
	return seen.found & want;
}

static __always_inline u64 ki_address(const struct ki_walk *w, u64 entry)
{
	return (entry & w->addr_mask) |
	       (entry & w->high_addr_mask) << w->high_addr_shift;
}

/*
 * A leaf like @p was seen to be written. If it maps other memory now, KVM has seen to it.
 * (In a large one, the lowest bit of the address may be another's, PAT: of the same memory.)
 */
static __always_inline void ki_clear_dirty(const struct ki_format *f,
					   struct ki_walk *w, u64 *entry,
					   u64 seen, struct ki_pattern p)
{
	const u64 address = w->addr_mask | w->high_addr_mask;
	struct ki_pattern same = ki_written(f, p);

	same.mask |= address;
	same.value |= seen & address;
	ki_memory_written(ki_address(w, seen));
	w->dirty_taken |= ki_clear_bit(f, entry, same, f->dirty);
}

/* What is known one level above the pages of a slice, if anything is. */
static __always_inline struct ki_above *ki_above_of(const struct ki_format *f,
						    const struct ki_walk *w)
{
	return f->marks_tables ? w->above : NULL;
}

/* There, the bit of the table, or of the leaf in its place, that @gfn is a page of. */
static __always_inline u64 ki_above_bit(const struct ki_format *f,
					const struct ki_walk *w, u64 gfn)
{
	return BIT_ULL((gfn - w->base) >> f->level_bits);
}

/*
 * May pages of this leaf have been touched when it was not there yet, and nothing tells it
 * any more? KVM merges tables by taking over one of their entries (since Linux 6.13).
 */
static __always_inline bool ki_may_be_merged(const struct ki_format *f,
					     const struct ki_walk *w, u64 gfn,
					     u64 pages)
{
	const struct ki_above *above = ki_above_of(f, w);

	if (!above)
		return false;
	return ki_is_giant(pages) ? above->merged_giant :
				    above->merged & ki_above_bit(f, w, gfn);
}

static __always_inline void ki_found_leaf(const struct ki_format *f,
					  const struct ki_walk *w, u64 gfn,
					  u64 pages)
{
	struct ki_above *above = ki_above_of(f, w);

	if (above && ki_is_giant(pages))
		above->giant = true;
	else if (above)
		above->leaves |= ki_above_bit(f, w, gfn);
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
	if (w->dirty) {
		/* Of a leaf that others have a part of, who have not been asked: no. */
		if (!(seen & f->dirty) || (w->clear && ki_is_giant(pages)))
			return KI_WALK_DONE;
		for (unsigned int i = first; i < end; i++)
			w->dirty[i] = ~0ULL;
		if (w->clear)
			ki_clear_dirty(f, w, entry, seen, ki_leaf(f));
		return KI_WALK_DONE;
	}

	young |= ki_may_be_merged(f, w, gfn, pages);
	if (w->clear && young) {
		if (ki_is_giant(pages) && !w->giant_ready)
			return KI_WALK_GIANT;
		/* Seen young, it was touched, whoever is faster; as in ki_walk_word(). */
		ki_clear_one(f, entry, ki_young(f, ki_leaf(f)));
		w->giant_taken |= ki_is_giant(pages);
	}
	ki_found_leaf(f, w, gfn, pages);
	ki_add_huge_leaf(w->bits, first, end, pages, young);
	return KI_WALK_DONE;
}

static __always_inline u64 *ki_next_table(const struct ki_walk *w, u64 entry)
{
	return ki_table_at(ki_address(w, entry));
}

/* The table that will be looked at next, if there is one, or NULL. */
static __always_inline const u64 *ki_table_after(const struct ki_format *f,
						 const struct ki_walk *w,
						 const u64 *entry, bool last)
{
	u64 next = last ? 0 : READ_ONCE(entry[1]);

	return ki_matches(f, next, ki_table(f)) ? ki_next_table(w, next) : NULL;
}

/* A range of pages in one slice and one table, whole words. */
struct ki_part {
	u64 gfn;
	u64 end;
};

/* A table in which nothing was touched since it was looked at: what it maps. */
static __always_inline void ki_skip_table(struct ki_walk *w, struct ki_part p,
					  u64 bit)
{
	struct ki_above *above = w->above;
	struct ki_bits *bits = w->bits;

	for (unsigned int i = (p.gfn - w->base) / 64;
	     i < (p.end - w->base) / 64; i++)
		bits->present[i] |= bits->want[i] & (above->whole & bit ? ~0ULL :
						     above->present[i]);
	above->untouched |= bit;
	above->skipped += p.end - p.gfn;
}

/*
 * Can all of these tables, of which a slice has no more than 64, be skipped, and
 * do they map all their pages? Most guests have much memory that nobody uses.
 */
static __always_inline bool ki_skips_all(const struct ki_format *f,
					 struct ki_walk *w, const u64 *entries,
					 struct ki_part p)
{
	const u64 usual = f->mapped & -f->mapped;
	const struct ki_pattern table = ki_table(f);
	u64 shift = (p.gfn - w->base) >> f->level_bits;
	u64 count = ((p.end - 1 - w->base) >> f->level_bits) + 1 - shift;
	u64 mask = ~0ULL >> (64 - count) << shift;
	struct ki_above *above = w->above;
	u64 differs = 0;

	if (~(above->quiet & above->whole) & mask)
		return false;
	for (u64 i = 0; i < count; i++)
		differs |= READ_ONCE(entries[i]) ^ (table.value | usual);
	if (differs & (table.mask | usual | f->accessed))
		return false;
	above->untouched |= mask;
	above->skipped += p.end - p.gfn;
	return true;
}

/* Do none of these entries of level 2 map anything? */
static __always_inline bool ki_maps_nothing(const struct ki_format *f,
					    const u64 *entries, struct ki_part p)
{
	u64 count = ((p.end - 1) >> f->level_bits) - (p.gfn >> f->level_bits) + 1;

	for (u64 i = 0; i < count; i++) {
		u64 seen = READ_ONCE(entries[i]);

		if (ki_matches(f, seen, ki_table(f)) ||
		    ki_matches(f, seen, ki_leaf(f)))
			return false;
	}
	return true;
}

/* What is known of a table now that all of it was looked at. */
static __always_inline void ki_remember(struct ki_above *above, u64 bit,
					const struct ki_bits *bits,
					unsigned int first, unsigned int end,
					bool whole)
{
	if (!whole && !above->present) {
		above->partly = true;
		return;
	}
	for (unsigned int i = first; !whole && i < end; i++)
		above->present[i] = bits->present[i];
	above->quiet |= bit;
	if (whole)
		above->whole |= bit;
	else
		above->whole &= ~bit;
}

/* A table of pages, or the part of it that is in the walk. */
static __always_inline enum ki_walk_result
ki_walk_table(const struct ki_format *f, struct ki_walk *w, u64 *entry, u64 seen,
	      struct ki_part p, const u64 *next)
{
	unsigned int first = (p.gfn - w->base) / 64, end = (p.end - w->base) / 64;
	struct ki_above *above = ki_above_of(f, w);
	u64 mapped = ~0ULL, wanted = ~0ULL, bit = 0;
	u64 *table;

	if (above) {
		bit = ki_above_bit(f, w, p.gfn);
		if (!(seen & f->accessed) && (above->quiet & bit)) {
			ki_skip_table(w, p, bit);
			return KI_WALK_DONE;
		}
		above->quiet &= ~bit;
	}
	table = ki_next_table(w, seen);
	if (!table)
		return KI_WALK_STRANGE;
	if (above && (seen & f->accessed) &&
	    ki_clear_one(f, entry, ki_young(f, ki_table(f))))
		above->cleared |= bit;

	table += p.gfn & (BIT_ULL(f->level_bits) - 1);
	for (unsigned int i = first; i < end; i++, table += 64) {
		if (next) {
			ki_soon(next, false);
			next += 64;
		}
		mapped &= ki_walk_word(f, w, table, i);
		wanted &= w->bits->want[i];
	}

	/* Nothing came through here from before the look until after it. */
	if (above && !(seen & f->accessed) && READ_ONCE(*entry) == seen) {
		above->untouched |= bit;
		if ((above->settled & bit) && wanted == ~0ULL &&
		    p.end - p.gfn == BIT_ULL(f->level_bits))
			ki_remember(above, bit, w->bits, first, end,
				    mapped == ~0ULL);
	}
	return KI_WALK_DONE;
}

/* An entry of level 2. */
static __always_inline enum ki_walk_result
ki_walk_entry(const struct ki_format *f, struct ki_walk *w, u64 *entry,
	      struct ki_part p, const u64 *next)
{
	u64 seen = READ_ONCE(*entry);

	if (ki_matches(f, seen, ki_table(f))) {
		if (ki_above_of(f, w))
			w->above->tables |= ki_above_bit(f, w, p.gfn);
		/* What could not be armed is looked at as ever. */
		if (f->marks_tables && w->arm &&
		    (w->above->untouched & ki_above_bit(f, w, p.gfn)))
			return KI_WALK_DONE;
		return ki_walk_table(f, w, entry, seen, p, next);
	}
	if (ki_matches(f, seen, ki_leaf(f)))
		return ki_walk_huge(f, w, entry, seen, p.gfn, 2);
	return KI_WALK_DONE;
}

/*
 * The entries above the tables of pages, 64 at most. Return: are there others,
 * which are left as they are?
 */
static __always_inline bool ki_arm_entries(const struct ki_format *f,
					   struct ki_walk *w, u64 *entries,
					   struct ki_part p)
{
	u64 shift = (p.gfn - w->base) >> f->level_bits;
	u64 count = ((p.end - 1 - w->base) >> f->level_bits) + 1 - shift;
	const struct ki_pattern young = ki_young(f, ki_table(f));
	struct ki_above *above = w->above;
	u64 cleared = 0, armed, lost;
	unsigned int i = 0;

	/* A whole slice, all of it used. */
	if (count == 64 && ki_is_line(entries))
		i = ki_clear_run(f, entries, young, &lost);
	cleared = i < 64 ? BIT_ULL(i) - 1 : ~0ULL;
	armed = cleared;
	for (; i < count; i++) {
		u64 entry = READ_ONCE(entries[i]);

		if (!ki_matches(f, entry, ki_table(f)))
			continue;
		if (!(entry & f->accessed)) {
			armed |= BIT_ULL(i);
		} else if (ki_clear_one(f, &entries[i], young)) {
			cleared |= BIT_ULL(i);
			armed |= BIT_ULL(i);
		}
	}
	above->cleared |= cleared << shift;
	above->quiet &= ~(cleared << shift);
	above->untouched |= armed << shift;
	return armed << (64 - count) != ~0ULL << (64 - count);
}

/*
 * Down to the entries of level 2, of which all that a slice has are in one table.
 * Return: in @entries the first of them; NULL if there are none, and then the
 * result is that of the whole walk.
 */
static __always_inline enum ki_walk_result
ki_walk_down(const struct ki_format *f, struct ki_walk *w, u64 **entries)
{
	u64 index_mask = ~0ULL;	/* the root may be longer than a table */
	u64 *table = ki_table_at(w->root);
	unsigned int level = w->levels;

	*entries = NULL;
	for (; table; level--) {
		u64 *entry = &table[(w->start >> (level - 1) * f->level_bits) &
				    index_mask];
		u64 seen;

		if (level == 2) {
			*entries = entry;
			return KI_WALK_DONE;
		}
		index_mask = BIT_ULL(f->level_bits) - 1;
		seen = READ_ONCE(*entry);
		if (ki_matches(f, seen, ki_leaf(f)) &&
		    (w->only_skip || w->only_any))
			return KI_WALK_DONE;
		if (ki_matches(f, seen, ki_leaf(f)))
			return level > f->max_leaf_level ? KI_WALK_STRANGE :
			       ki_walk_huge(f, w, entry, seen, w->start, level);
		if (!ki_matches(f, seen, ki_table(f)))
			return w->only_any ? KI_WALK_EMPTY : KI_WALK_DONE;
		table = ki_next_table(w, seen);
	}
	return KI_WALK_STRANGE;
}

/* 64 entries of level 1, those of @want alone. */
static __always_inline void ki_dirty_word(const struct ki_format *f,
					  struct ki_walk *w, u64 *entries,
					  unsigned int word)
{
	const struct ki_pattern written = ki_written(f, ki_page(f));
	u64 dirty = 0;

	for (unsigned int i = 0; f->dirty && i < 64; i++) {
		u64 seen = READ_ONCE(entries[i]);
		u64 found = ki_matches(f, seen, written) &&
			    (w->bits->want[word] & BIT_ULL(i));

		if (found && w->clear)
			ki_clear_dirty(f, w, &entries[i], seen, ki_page(f));
		dirty |= found << i;
	}
	w->dirty[word] |= dirty;
}

/* An entry of level 2, of which nothing but what was written is asked. */
static __always_inline enum ki_walk_result
ki_dirty_entry(const struct ki_format *f, struct ki_walk *w, u64 *entry,
	       struct ki_part p)
{
	u64 seen = READ_ONCE(*entry);
	u64 *table;

	if (ki_matches(f, seen, ki_leaf(f)))
		return ki_walk_huge(f, w, entry, seen, p.gfn, 2);
	if (!ki_matches(f, seen, ki_table(f)))
		return KI_WALK_DONE;
	table = ki_next_table(w, seen);
	if (!table)
		return KI_WALK_STRANGE;
	table += p.gfn & (BIT_ULL(f->level_bits) - 1);
	for (; p.gfn < p.end; p.gfn += 64, table += 64)
		ki_dirty_word(f, w, table, (p.gfn - w->base) / 64);
	return KI_WALK_DONE;
}

/* What is seldom asked, out of the way of what is asked all the time. */
static noinline enum ki_walk_result ki_walk_aside(const struct ki_format *f,
						  struct ki_walk *w, u64 *entries,
						  struct ki_part all)
{
	const u64 pages = BIT_ULL(f->level_bits);
	enum ki_walk_result res = KI_WALK_DONE;
	struct ki_part p = all;

	if (w->only_any)
		return ki_maps_nothing(f, entries, all) ? KI_WALK_EMPTY :
							  KI_WALK_DONE;
	for (; res == KI_WALK_DONE && p.gfn < all.end; p.gfn = p.end) {
		p.end = (p.gfn | (pages - 1)) + 1;
		if (p.end > all.end)
			p.end = all.end;
		res = ki_dirty_entry(f, w, entries++, p);
	}
	return res;
}

static __always_inline enum ki_walk_result ki_walk(const struct ki_format *f,
						   struct ki_walk *w)
{
	const u64 pages = BIT_ULL(f->level_bits);
	enum ki_walk_result res;
	struct ki_part all = { w->start, w->end }, p;
	u64 *entries, reach;

	if (w->levels < 2 || w->levels > KI_MAX_LEVELS)
		return KI_WALK_STRANGE;
	/* A VMM may have a memslot where its tables do not reach. */
	reach = (w->root_entries ?: pages) * ki_level_pages(f, w->levels);
	if (all.end > reach)
		all.end = reach;
	if (all.gfn >= all.end)
		return KI_WALK_DONE;

	res = ki_walk_down(f, w, &entries);
	if (!entries)
		return res;
	if (w->only_any || w->dirty)
		return ki_walk_aside(f, w, entries, all);
	/* Those of the slices to come, as a rule. */
	if (f->marks_tables && w->above && w->start == w->base) {
		ki_soon(entries + 128, w->arm);
		if (!((unsigned long)entries % (pages * sizeof(*entries)))) {
			ki_soon(entries, w->arm);
			ki_soon(entries + 64, w->arm);
		}
	}
	if (f->marks_tables && w->only_skip)
		return ki_skips_all(f, w, entries, all) ? KI_WALK_SKIPPED :
							  KI_WALK_DONE;
	if (f->marks_tables && w->arm && !ki_arm_entries(f, w, entries, all))
		return KI_WALK_DONE;

	for (p.gfn = all.gfn; p.gfn < all.end; p.gfn = p.end, entries++) {
		p.end = (p.gfn | (pages - 1)) + 1;
		if (p.end > all.end)
			p.end = all.end;
		res = ki_walk_entry(f, w, entries, p,
				    ki_table_after(f, w, entries,
						   p.end == all.end));
		if (res != KI_WALK_DONE)
			return res;
	}
	return KI_WALK_DONE;
}

#endif /* KI_TABLE_WALK_H */
