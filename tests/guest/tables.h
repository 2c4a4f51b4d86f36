/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A guest with small pages in several slots, and its touches, table by table: a table
 * of the hardware's has HUGE_PAGES pages.
 */
#ifndef TABLES_H
#define TABLES_H

#include "vmm.h"

/* The guest's slots: one with its code, a large one, and one to be moved. */
enum tables_slot {
	TABLES_LOW,
	TABLES_HIGH,
	TABLES_MOVING,
	TABLES_SLOTS,
};

#define TABLES_HIGH_GPA		(1030 * MIB)
#define TABLES_HIGH_BYTES	(32 * MIB)
#define TABLES_MOVING_GPA	(128 * MIB)
#define TABLES_MOVING_BYTES	(8 * MIB)

#define TABLES_MAX	64

/* Start it, for remap.h to work on. */
void tables_start(struct vmm *vmm, unsigned int vcpus);

/* Tables that a slot fills: gfn of the first page of each. Return: how many. */
unsigned int tables_of(struct vmm *vmm, uint64_t gfn_of[TABLES_MAX]);

/* A random one; one with nothing in it that the guest runs and reads its orders from. */
uint64_t tables_random(struct vmm *vmm);
uint64_t tables_random_free(struct vmm *vmm);

/* One of the large slot. */
uint64_t tables_random_high(struct vmm *vmm);

/* A range of pages in such a table, or somewhat beyond; one in four is all of it. */
struct vmm_range tables_random_range(struct vmm *vmm);

/* Pages of a set in a range. */
uint64_t tables_count_in(const struct gfnset *set, uint64_t gfn, uint64_t n);

/* What to touch next: a page; at least one page of a table, and @most at most. */
void also(uint64_t gfn);
void also_some_of(uint64_t table, uint64_t most);
void touch_these(struct vmm *vmm);

/* Each page of each table. */
void touch_all(struct vmm *vmm);

#endif
