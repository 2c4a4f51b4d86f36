/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Page tables in guest memory, by which all slots are mapped one to one: for a
 * guest that has its own paging on, and, in the same formats, for the nested
 * page tables of a guest that runs guests.
 *
 * Their entries are accessed and dirty from the start, so who walks them never
 * writes to them.
 */
#ifndef PAGING_H
#define PAGING_H

#include <stdbool.h>
#include <stdint.h>

struct kvm_sregs;
struct vmm;

enum paging {
	PAGING_OFF,
	PAGING_4M,	/* 32-bit, pages of 4 MiB */
	PAGING_4K,	/* 32-bit */
	PAGING_LONG_2M,	/* the 4 levels of long mode, pages of 2 MiB */
	PAGING_LONG_4K,
};

struct guest_tables {
	struct vmm *vmm;
	enum paging paging;
	uint64_t first_gfn;
	uint64_t pages;		/* that they take */
};

/* Tables that a hardware walk reads for one address, at most. */
#define GUEST_TABLES_WALK	4

/* "off", "4m", "4k", "long-2m" or "long-4k"; dies of any other word. */
enum paging paging_of(const char *word);

/* Write the tables to guest memory, beginning with page @gfn, for the slots of @vmm. */
void guest_tables_write(struct guest_tables *tables, struct vmm *vmm, enum paging paging,
			uint64_t gfn);

bool guest_tables_cover(const struct guest_tables *tables, uint64_t gfn);

/* Which pages a hardware walk for the page @gfn reads, into @walk. Return: how many. */
unsigned int guest_tables_walk(const struct guest_tables *tables, uint64_t gfn,
			       uint64_t walk[GUEST_TABLES_WALK]);

/* Registers of a guest that has these tables in use. */
void guest_tables_use(const struct guest_tables *tables, struct kvm_sregs *sregs);

#endif
