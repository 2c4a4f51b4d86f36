/* SPDX-License-Identifier: GPL-2.0-only */
/* What guest and host know of a window of a process's memory, put together. */
#ifndef KI_DOOR_PAGES_WINDOW_H
#define KI_DOOR_PAGES_WINDOW_H

#include <linux/mm_types.h>

#include "encode/extents.h"
#include "pending.h"

struct ki_reader;

/* Bytes of memory that a window is about. */
#define KI_WINDOW_BYTES	((u64)KI_SLICE_PAGES << PAGE_SHIFT)

/**
 * struct ki_window_account - pages by host address, by the number of their window
 * @young: pages that were touched
 * @dirty: pages that were written, as far as that was harvested
 */
struct ki_window_account {
	struct ki_pending young;
	struct ki_pending dirty;
};

void ki_window_account_init(struct ki_window_account *a);
void ki_window_account_destroy(struct ki_window_account *a);

/**
 * struct ki_window_guest - what the guest mapped, by host address, by the number of the window
 * @mapped: pages that its table mapped when this file last looked at them
 * @doubtful: such pages; since then slots have changed, and nobody has looked
 * @changes: ki_slots_changes() before the last look at any part of the window; a value
 *	for each that has something in the maps
 */
struct ki_window_guest {
	struct ki_pending mapped;
	struct ki_pending doubtful;
	struct xarray changes;
};

void ki_window_guest_init(struct ki_window_guest *g);
void ki_window_guest_destroy(struct ki_window_guest *g);

/**
 * struct ki_pages_window - a window, and what it is made of
 * @w: the window
 * @slots: pages that a slot covers
 * @scratch: what the host says
 * @huge: tables in whose place the host has a larger leaf, a bit each
 * @tmp: pages, for a moment
 * @mm: of the process
 * @reader: of its VM; NULL if it has none
 * @left: what was cleared and is yet to be told; what was written, to be told when it
 *	is young
 * @told: what has been told since the caller last emptied this
 * @guest: what the guest mapped; empty if there is no reader
 * @no_table: for some of the window there was no table to look at
 * @ignore_host: what the guest does not map is not looked for in the host's tables
 * @want_dirty: what was written is to be told apart; no longer set where that cannot be told
 * @blind: out: address of the first page that cannot be told of; behind the part that was
 *	asked for if there is none
 * @cleared: out: something of the process's own tables was cleared. Never reset here
 */
struct ki_pages_window {
	struct ki_extents_window w;
	u64 slots[KI_SLICE_WORDS];
	struct {
		u64 covered[KI_SLICE_WORDS];
		u64 present[KI_SLICE_WORDS];
		u64 young[KI_SLICE_WORDS];
	} scratch;
	u64 huge;
	u64 tmp[KI_SLICE_WORDS];
	struct mm_struct *mm;
	struct ki_reader *reader;
	struct ki_window_account left;
	struct ki_window_account told;
	struct ki_window_guest guest;
	bool no_table;
	bool ignore_host;
	bool want_dirty;
	u64 blind;
	bool cleared;
};

/**
 * ki_window_fetch() - harvest a part of a window
 * @win: the window; ki_reader.lock is held for reading if there is a reader
 * @start: where the part begins; what lies in the same table of pages is harvested too
 * @end: where it ends, likewise. Both in one window
 *
 * Return: 0, or what ki_reader_fetch() and ki_process_look() return. Whatever was
 * harvested before an error is due. ki_window_return() follows. May sleep.
 */
int ki_window_fetch(struct ki_pages_window *win, u64 start, u64 end);

/** ki_window_return() - what is young in @win->w, and was not told, is still due */
void ki_window_return(struct ki_pages_window *win);

/** ki_window_told() - what is set in @was and not in @win->w.young was told */
void ki_window_told(struct ki_pages_window *win, const u64 *was);

/**
 * ki_window_tell_again() - what was told of a part is due once more
 * @win: the window
 * @start: address where the part begins, a multiple of the page size
 * @end: address where it ends
 *
 * Return: 0, or -ENOMEM, and then it may be so of some of it. May sleep.
 */
int ki_window_tell_again(struct ki_pages_window *win, u64 start, u64 end);

#endif /* KI_DOOR_PAGES_WINDOW_H */
