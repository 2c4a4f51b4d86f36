/* SPDX-License-Identifier: GPL-2.0-only */
/* How a leaf is written down, by a walk or by who knows of it otherwise. */
#ifndef KI_TABLE_LEAF_H
#define KI_TABLE_LEAF_H

#include "table.h"

/**
 * ki_huge_leaf_words() - the words of a slice that a huge leaf maps
 * @bits: bits.want says whether anybody wants to know
 * @base: gfn of the slice
 * @gfn: a page of the leaf, in the slice
 * @pages: pages of the leaf, a power of two of at least 64
 * @first: out: the first of them
 * @end: out: the first behind them
 *
 * Return: is a page of it wanted?
 */
static __always_inline bool ki_huge_leaf_words(const struct ki_bits *bits,
					       u64 base, u64 gfn, u64 pages,
					       unsigned int *first,
					       unsigned int *end)
{
	u64 start = gfn & ~(pages - 1), stop = start + pages;
	u64 wanted = 0;

	if (start < base)
		start = base;
	if (stop > base + KI_SLICE_PAGES)
		stop = base + KI_SLICE_PAGES;
	*first = (start - base) / 64;
	*end = (stop - base) / 64;

	for (unsigned int i = *first; i < *end; i++)
		wanted |= bits->want[i];
	return wanted;
}

static __always_inline bool ki_is_giant(u64 pages)
{
	return pages > KI_SLICE_PAGES;
}

/* A leaf of @pages maps these words. */
static __always_inline void ki_add_huge_leaf(struct ki_bits *bits,
					     unsigned int first,
					     unsigned int end, u64 pages,
					     bool young)
{
	for (unsigned int i = first; i < end; i++) {
		bits->present[i] = ~0ULL;
		if (young)
			bits->young[i] = ~0ULL;
		bits->huge[i / 64] |= BIT_ULL(i % 64);
		if (ki_is_giant(pages))
			bits->giant[i / 64] |= BIT_ULL(i % 64);
	}
}

/**
 * ki_bits_add_leaf() - a leaf maps these pages; whether it is young is unknown
 * @bits: bits.want says whether anybody wants to know; the rest is answered
 * @base: gfn of the slice
 * @gfn: a page of the leaf, in the slice
 * @pages: pages of the leaf: 1, or a power of two of at least 64
 */
static inline void ki_bits_add_leaf(struct ki_bits *bits, u64 base, u64 gfn,
				    u64 pages)
{
	unsigned int first, end;

	if (pages == 1)
		bits->present[(gfn - base) / 64] |=
			bits->want[(gfn - base) / 64] & BIT_ULL(gfn % 64);
	else if (ki_huge_leaf_words(bits, base, gfn, pages, &first, &end))
		ki_add_huge_leaf(bits, first, end, pages, false);
}

#endif /* KI_TABLE_LEAF_H */
