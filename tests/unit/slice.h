/* SPDX-License-Identifier: GPL-2.0-only */
/* One slice of a model's table, and a walk over it. */
#ifndef SLICE_H
#define SLICE_H

#include <string.h>

#include "model.h"

#define BASE		(5 * KI_SLICE_PAGES)	/* a slice like any other */

static struct ki_bits bits;

static inline struct ki_walk walk_of(const struct kind *k, u64 root, bool clear)
{
	const struct format *f = k->format;

	return (struct ki_walk) {
		.root = root,
		.levels = k->levels,
		.root_entries = k->root_entries,
		.addr_mask = f->addr_mask,
		.high_addr_mask = f->high_addr_mask,
		.high_addr_shift = f->high_addr_shift,
		.base = BASE,
		.start = BASE,
		.end = BASE + KI_SLICE_PAGES,
		.clear = clear,
		.bits = &bits,
	};
}

static inline void want_all(void)
{
	memset(&bits, 0, sizeof(bits));
	memset(bits.want, 0xff, sizeof(bits.want));
}

static inline bool present(u64 gfn)
{
	return bit(bits.present, BASE, gfn);
}

static inline bool young(u64 gfn)
{
	return bit(bits.young, BASE, gfn);
}

static inline unsigned int count(const u64 *map)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++)
		n += __builtin_popcountll(map[i]);
	return n;
}

static inline u64 huge_pages(const struct format *f)
{
	return level_pages(f, 2);
}

/* Every test runs for every format and for each depth and root of its tables. */
#define for_each_kind(k, f)						\
	for (const struct kind *k = kinds; k < kinds + nr_kinds; k++)	\
		for (const struct format *f = k->format; f; f = NULL)

#endif /* SLICE_H */
