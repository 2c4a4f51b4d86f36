/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading young bits out of a radix table of second-level (guest physical to
 * host physical) translations. Pure: no lock, no KVM type, nothing allocated.
 * The caller sees to it that no table page is freed meanwhile.
 */
#ifndef KI_TABLE_H
#define KI_TABLE_H

#include "env.h"

/*
 * The unit of work: what one 4 KiB piece of bitmap speaks of, whatever the size
 * of a page: 128 MiB of guest in pages of 4 KiB.
 */
#define KI_SLICE_SHIFT	15
#define KI_SLICE_PAGES	BIT_ULL(KI_SLICE_SHIFT)
#define KI_SLICE_WORDS	(KI_SLICE_PAGES / 64)
#define KI_SLICE_BYTES	(KI_SLICE_PAGES / 8)

/*
 * One size of leaf is larger than a slice: level 3 where pages are of 4 KiB,
 * which is 1 GiB. See KI_WALK_GIANT.
 */
#define KI_GIANT_PAGES	BIT_ULL(18)
#define KI_GIANT_SLICES	(KI_GIANT_PAGES / KI_SLICE_PAGES)

/**
 * struct ki_bits - the bitmaps of one slice, bit 0 being its first gfn
 * @want: the pages to look at; words of zeroes are not visited
 * @present: set where a page of @want is mapped by a real leaf
 * @young: set where such a leaf was found young, and if the walk clears, it is not any
 *	more; or where it may have been made of others that were (ki_above.merged)
 * @huge: one bit a word of @present: set where a leaf above level 1 maps all
 *	64 pages
 * @giant: likewise, in addition to @huge: where that leaf is larger than the
 *	slice
 *
 * What is said of a huge leaf is said for all of it that lies in the slice, be
 * it in @want or not: its accessed bit speaks of all its pages.
 * A walk only ever sets bits in the answers (all but @want); it is for the
 * caller to begin with none: ki_bits_clear_answers().
 */
struct ki_bits {
	u64 want[KI_SLICE_WORDS];
	u64 present[KI_SLICE_WORDS];
	u64 young[KI_SLICE_WORDS];
	u64 huge[KI_SLICE_WORDS / 64];
	u64 giant[KI_SLICE_WORDS / 64];
};

static inline void ki_bits_clear_answers(struct ki_bits *bits)
{
	memset(bits->present, 0, sizeof(bits->present));
	memset(bits->young, 0, sizeof(bits->young));
	memset(bits->huge, 0, sizeof(bits->huge));
	memset(bits->giant, 0, sizeof(bits->giant));
}

/* Of @huge and @giant, the bit of a word. */
static inline bool ki_word_is_in(const u64 *map, unsigned int word)
{
	return map[word / 64] & BIT_ULL(word % 64);
}

/**
 * struct ki_above - accessed bits one level above the pages of a slice
 * @settled: in: their accessed bits were cleared, and all TLBs flushed since: as
 *	long as one is clear, nothing has been translated through its entry
 * @quiet: in and out: of those, tables in which nothing was young when they were
 *	looked at after that flush: as long as the bit above is clear, nothing is
 * @whole: in and out: of @quiet, tables that map all their pages
 * @present: what the others of @quiet map, a bit a page of the slice; or NULL, and
 *	then there are none
 * @cleared: out: accessed bits that were found set, and cleared
 * @untouched: out: entries whose accessed bit was clear before and after their
 *	tables were looked at, or they were skipped
 * @partly: out: there was a table for @quiet, but for want of @present
 * @skipped: out: how many pages were not looked at
 * @merged: in: if a leaf is found in place of one of these tables, it may have been made
 *	of the table's pages, and not have been told what was touched of them
 * @merged_giant: in: likewise, in place of all of them, and of leaves of their size
 * @tables: out: tables that were found
 * @leaves: out: and leaves in the place of one
 * @giant: out: there was one in the place of all
 *
 * A bit for each table of pages that the slice has at most, bit 0 being for its
 * first page. Documentation/design/skipping.rst says why it is true.
 */
struct ki_above {
	u64 settled;
	u64 quiet;
	u64 whole;
	u64 *present;
	u64 cleared;
	u64 untouched;
	bool partly;
	u64 skipped;
	u64 merged;
	bool merged_giant;
	u64 tables;
	u64 leaves;
	bool giant;
};

/**
 * enum ki_walk_result - how a walk ended
 * @KI_WALK_DONE: the whole range was looked at; or, with @only_skip, something
 *	has to be; or, with @only_any, something is mapped
 * @KI_WALK_SKIPPED: with @only_skip: nothing has to be looked at
 * @KI_WALK_EMPTY: with @only_any: nothing is mapped
 * @KI_WALK_GIANT: there is a young leaf that reaches beyond the slice, and the
 *	caller did not say that it is ready to account for all of it
 * @KI_WALK_STRANGE: this is no table of this format: a depth, a leaf, or the
 *	address of a table that it cannot have
 */
enum ki_walk_result {
	KI_WALK_DONE,
	KI_WALK_SKIPPED,
	KI_WALK_EMPTY,
	KI_WALK_GIANT,
	KI_WALK_STRANGE,
};

/**
 * struct ki_walk - one walk over a part of a slice
 * @root: physical address of the root table
 * @levels: levels of the table, 2 to 5; the root's entries are of this level,
 *	and those of level 1 map a page each
 * @root_entries: entries of the root, if it is not one table page: stage 2
 *	tables may begin with less than one or with several; 0: one page
 * @addr_mask: the bits of an entry that hold a physical address, in place
 * @high_addr_mask: further bits of it, kept elsewhere in the entry, or 0
 * @high_addr_shift: by how much to shift those left
 * @base: gfn of the slice: bit 0 of the bitmaps
 * @start: first gfn to look at, a multiple of 64, in the slice
 * @end: first gfn not to look at, a multiple of 64, in the slice or its end
 * @clear: clear young bits, not only look
 * @arm: with @clear and @above: tables of pages are not looked at, only the
 *	accessed bits above them cleared; what is larger is treated as ever
 * @only_skip: with @clear and @above: nothing is looked at, changed or answered; only
 *	whether all tables of the range can be skipped and map all their pages, so
 *	that all of it is present and idle
 * @only_any: nothing is looked at but the entries above tables of pages, nothing
 *	changed and nothing answered: only whether there is anything in the range
 * @above: what is known of tables of pages, to look only at those that have been
 *	used; or NULL. With @clear, and a format that has such accessed bits
 * @dirty: if not NULL: only the dirty bits of leaves are looked at, and answered here, a
 *	bit a page of the slice; nothing else is answered. With @clear these bits are
 *	cleared, after the memory itself was marked as written; and leaves larger than the
 *	slice are left out
 * @dirty_taken: out: such a bit was cleared
 * @giant_ready: a young leaf larger than the slice may be cleared
 * @giant_taken: out: such a leaf was cleared: all of KI_GIANT_PAGES was young
 * @bits: where the answer goes
 */
struct ki_walk {
	u64 root;
	unsigned int levels;
	unsigned int root_entries;
	u64 addr_mask;
	u64 high_addr_mask;
	unsigned int high_addr_shift;
	u64 base;
	u64 start;
	u64 end;
	bool clear;
	bool arm;
	bool only_skip;
	bool only_any;
	bool giant_ready;
	bool giant_taken;
	struct ki_above *above;
	u64 *dirty;
	bool dirty_taken;
	struct ki_bits *bits;
};

/*
 * One instance of the walk (walk.h) a format. Each may run beside the
 * hardware and beside KVM: an entry is changed by one compare-and-exchange (of it
 * alone, or of two neighbours at once), if it still is the real, young leaf, or
 * the table, that was seen.
 *
 * _no_present_bit: tables of a KVM that does not mark real entries by a bit of
 * its own. _tracked: tables without accessed bits (eptad=0), where KVM takes
 * away the permissions of what it wants to see accessed: only what is present,
 * and the sizes of leaves, can be told; nothing is young and nothing cleared.
 */
enum ki_walk_result ki_walk_ept(struct ki_walk *w);
enum ki_walk_result ki_walk_ept_no_present_bit(struct ki_walk *w);
enum ki_walk_result ki_walk_ept_tracked(struct ki_walk *w);
enum ki_walk_result ki_walk_ept_tracked_no_present_bit(struct ki_walk *w);
enum ki_walk_result ki_walk_npt(struct ki_walk *w);
enum ki_walk_result ki_walk_npt_no_present_bit(struct ki_walk *w);

/* @page_shift: 12, 14 or 16: pages, and tables, of 4, 16 or 64 KiB. */
enum ki_walk_result ki_walk_stage2(struct ki_walk *w, unsigned int page_shift);

#endif /* KI_TABLE_H */
