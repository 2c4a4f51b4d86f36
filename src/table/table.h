/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading young bits out of a radix table of second-level (guest physical to
 * host physical) translations. Pure: no lock, no KVM type, nothing allocated.
 * The caller sees to it that no table page is freed meanwhile.
 */
#ifndef KI_TABLE_H
#define KI_TABLE_H

#include "env.h"

/* The unit of work: what one 4 KiB page of bitmap speaks of, 128 MiB of guest. */
#define KI_SLICE_SHIFT	15
#define KI_SLICE_PAGES	BIT_ULL(KI_SLICE_SHIFT)
#define KI_SLICE_WORDS	(KI_SLICE_PAGES / 64)
#define KI_SLICE_BYTES	(KI_SLICE_PAGES / 8)

/* A level 3 leaf maps more than one slice: see KI_WALK_GIANT. */
#define KI_GIANT_PAGES	BIT_ULL(18)
#define KI_GIANT_SLICES	(KI_GIANT_PAGES / KI_SLICE_PAGES)

/**
 * struct ki_bits - the bitmaps of one slice, bit 0 being its first gfn
 * @want: the pages to look at; words of zeroes are not visited
 * @present: set where a page of @want is mapped by a real leaf
 * @young: set where such a leaf was found young and, if the walk clears, was
 *	cleared by this walk and nobody else
 *
 * Present and young of a huge leaf are set for all of it that lies in the
 * slice, be it in @want or not: its accessed bit speaks of all its pages.
 * The walk only ever sets bits in @present and @young.
 */
struct ki_bits {
	u64 want[KI_SLICE_WORDS];
	u64 present[KI_SLICE_WORDS];
	u64 young[KI_SLICE_WORDS];
};

/**
 * enum ki_walk_result - how a walk ended
 * @KI_WALK_DONE: the whole range was looked at
 * @KI_WALK_GIANT: there is a young leaf that reaches beyond the slice (1 GiB),
 *	and the caller did not say that it is ready to account for all of it
 * @KI_WALK_STRANGE: an entry that no table of this format can hold
 */
enum ki_walk_result {
	KI_WALK_DONE,
	KI_WALK_GIANT,
	KI_WALK_STRANGE,
};

/**
 * struct ki_walk - one walk over a part of a slice
 * @root: physical address of the root table
 * @levels: levels of the table; the root's entries are of this level, and
 *	those of level 1 map 4 KiB each
 * @addr_mask: the bits of an entry that hold a physical address
 * @base: gfn of the slice: bit 0 of the bitmaps
 * @start: first gfn to look at, a multiple of 64, in the slice
 * @end: first gfn not to look at, a multiple of 64, in the slice or its end
 * @clear: clear young bits, not only look
 * @giant_ready: a young leaf larger than the slice may be cleared
 * @giant_taken: out: such a leaf was cleared: all of its 1 GiB was young
 * @bits: where the answer goes
 */
struct ki_walk {
	u64 root;
	unsigned int levels;
	u64 addr_mask;
	u64 base;
	u64 start;
	u64 end;
	bool clear;
	bool giant_ready;
	bool giant_taken;
	struct ki_bits *bits;
};

/*
 * One instance of the walk (walk.h) a format. Each may run beside the
 * hardware and beside KVM: an entry is changed by one compare-and-exchange, if
 * it still is the real, young leaf that was seen.
 */
enum ki_walk_result ki_walk_ept(struct ki_walk *w);
enum ki_walk_result ki_walk_npt(struct ki_walk *w);

#endif /* KI_TABLE_H */
