/* SPDX-License-Identifier: GPL-2.0-only */
/* A set of guest frame numbers: one bit a page, in the same 64-bit words as idle_bitmap. */
#ifndef GFNSET_H
#define GFNSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct gfnset {
	uint64_t *word;
	size_t words;
};

/*
 * Shared with the children that are forked afterwards, so that a guest in one
 * process can be checked from another.
 */
static inline void gfnset_init(struct gfnset *set, uint64_t end_gfn)
{
	set->words = (end_gfn + 63) / 64;
	set->word = mmap(NULL, set->words * 8, PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (set->word == MAP_FAILED)
		abort();
}

static inline void gfnset_free(struct gfnset *set)
{
	munmap(set->word, set->words * 8);
}

static inline bool gfnset_has(const struct gfnset *set, uint64_t gfn)
{
	return set->word[gfn / 64] >> (gfn % 64) & 1;
}

static inline void gfnset_add_range(struct gfnset *set, uint64_t gfn, uint64_t n)
{
	for (; n; n--, gfn++)
		set->word[gfn / 64] |= 1ULL << (gfn % 64);
}

static inline void gfnset_del_range(struct gfnset *set, uint64_t gfn, uint64_t n)
{
	for (; n; n--, gfn++)
		set->word[gfn / 64] &= ~(1ULL << (gfn % 64));
}

static inline void gfnset_clear(struct gfnset *set)
{
	memset(set->word, 0, set->words * 8);
}

static inline uint64_t gfnset_count(const struct gfnset *set)
{
	uint64_t n = 0;

	for (size_t i = 0; i < set->words; i++)
		n += __builtin_popcountll(set->word[i]);
	return n;
}

#endif
