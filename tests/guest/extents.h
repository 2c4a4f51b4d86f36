/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Reading the stream of /proc/PID/idle_pages. Written from its description alone
 * (Documentation/ABI/idle_pages.rst), so that the module's encoder is not its own judge.
 */
#ifndef EXTENTS_H
#define EXTENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum extent_type {
	EXTENT_PTE_ACCESSED,
	EXTENT_PMD_ACCESSED,
	EXTENT_PUD_PRESENT,
	EXTENT_PTE_DIRTY,
	EXTENT_PMD_DIRTY,
	EXTENT_PTE_IDLE,
	EXTENT_PMD_IDLE,
	EXTENT_PMD_IDLE_PTES,
	EXTENT_PTE_HOLE,
	EXTENT_PMD_HOLE,
	EXTENT_TYPES,
	EXTENT_NOTHING = EXTENT_TYPES,	/* nothing was said */
};

#define EXTENT_SET_HVA		0xa0
#define EXTENT_LEAST_COUNT	20
#define EXTENT_CHUNK		8000

extern const char *const extent_name[EXTENT_TYPES + 1];

/* Units in a row that have the same type. */
struct extent {
	uint64_t hva;
	uint64_t unit;	/* bytes */
	unsigned int nr;
	enum extent_type type;
};

/* A stream, amid its being read. Begins with .bytes and .count set, and the units' sizes. */
struct extents {
	const uint8_t *bytes;
	size_t count;
	uint64_t page, pmd, pud;

	size_t at;
	uint64_t hva;		/* arrived at */
	size_t since;		/* bytes since the last address began */
	size_t addresses;	/* how many there were */
	const char *wrong;	/* NULL: nothing so far */
};

/* The next one. False at the end, and if something is wrong. */
bool extents_next(struct extents *x, struct extent *found);

/*
 * All of it: what is said of each of @pages pages from @base on goes to @said, one enum
 * extent_type each; what nothing is said of is left as it is. What lies elsewhere is
 * passed over. Return: false if something is wrong.
 */
bool extents_spell_out(struct extents *x, uint64_t base, uint64_t pages, uint8_t *said);

#endif
