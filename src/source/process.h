/* SPDX-License-Identifier: GPL-2.0-only */
/* The memory of a process, by its own page tables. */
#ifndef KI_SOURCE_PROCESS_H
#define KI_SOURCE_PROCESS_H

#include <linux/mm_types.h>

/**
 * struct ki_process_look - a look at some memory of a process
 * @mm: of the process, in use
 * @base: address that bit 0 of the maps is for
 * @start: address to begin at, a multiple of what a table of pages maps
 * @end: address to end at, likewise
 * @pos: address before which nothing needs to be told
 * @slots: pages that are a guest's memory, too
 * @keep: what is young of those is somebody else's to tell: neither told nor cleared
 * @only_cover: only @covered is wanted
 * @no_giant: leaves larger than a PMD are told of as if each were several of that size
 * @covered: out: pages of mappings
 * @present: out: pages that are mapped by an entry
 * @young: out: pages that were touched; that is no longer so, but of leaves that are larger
 *	than a PMD, or kept in part
 * @huge: out: a bit for each table of pages there may be from @base on: a larger leaf is in
 *	its place
 * @giant: out: likewise, in addition to @huge: it is part of one larger still. Of these it
 *	is neither told nor changed what was touched
 * @blind: out: address of the first page, from @pos on, that is not in @slots and whose table
 *	cannot be looked at, @end if there is none. What lies behind is not answered
 * @cleared: out: something was cleared
 *
 * The maps are the caller's, all zero but for @slots.
 */
struct ki_process_look {
	struct mm_struct *mm;
	u64 base;
	u64 start;
	u64 end;
	u64 pos;
	const u64 *slots;
	bool keep;
	bool only_cover;
	bool no_giant;
	u64 *covered;
	u64 *present;
	u64 *young;
	u64 huge;
	u64 giant;
	u64 blind;
	bool cleared;
};

/**
 * ki_process_look() - look, and clear what is young
 *
 * The host's own page aging is told of what is cleared (compat/host_page.h). Other
 * readers of the process are not: they share its accessed bits.
 *
 * Return: 0, or -EINTR if a signal to the death is pending. May sleep.
 */
int ki_process_look(struct ki_process_look *look);

/**
 * ki_process_next() - the first memory at or after an address
 * @mm: of the process, in use
 * @addr: where to begin; out: where it begins
 *
 * Return: 0; -ENXIO if there is none; -EINTR as above. May sleep.
 */
int ki_process_next(struct mm_struct *mm, u64 *addr);

#endif /* KI_SOURCE_PROCESS_H */
