/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The encoding of /proc/PID/idle_pages: a stream of extents in order of host
 * addresses (Documentation/ABI/idle_pages.rst). Pure.
 */
#ifndef KI_ENCODE_EXTENTS_H
#define KI_ENCODE_EXTENTS_H

#include "../table/table.h"

/* A chunk, and what is kept of it for an address behind its last item. */
#define KI_EXTENTS_CHUNK	8000
#define KI_EXTENTS_ADDRESS	9

/* The smallest buffer: one in which there is room for an address and an item. */
#define KI_EXTENTS_LEAST	20

/*
 * Where bytes go before they are delivered, and more than are ever written at once: the
 * longest hole that is told, and pages behind it that are alike. With tables of 8192 entries
 * that is 3 * 547 items of pages and PMDs, of less than two PUDs, and a few addresses.
 */
#define KI_EXTENTS_OUT		16384
#define KI_EXTENTS_AT_ONCE	4096

/* ki_extents.flags; what they mean is in Documentation/ABI/idle_pages.rst. */
#define KI_EXTENTS_HUGE		(1U << 0)
#define KI_EXTENTS_SKIM		(1U << 1)
#define KI_EXTENTS_DIRTY	(1U << 2)
#define KI_EXTENTS_AS_HUGE	(1U << 3)

/**
 * struct ki_extents_window - what is known of as many pages as a slice has
 * @base: host address of the first, a multiple of the size of them all
 * @covered: pages that there is memory for; what is between them is no hole, but nothing
 * @present: of these, what is mapped
 * @young: pages that were touched. ki_extents_add() takes out what it has told
 * @dirty: pages that were written, as far as that is asked for
 * @huge: one bit for each table of pages there may be: a larger leaf is in its place
 * @giant: likewise, in addition to @huge: it is part of a leaf one level larger still
 */
struct ki_extents_window {
	u64 base;
	u64 covered[KI_SLICE_WORDS];
	u64 present[KI_SLICE_WORDS];
	u64 young[KI_SLICE_WORDS];
	u64 dirty[KI_SLICE_WORDS];
	u64 huge;
	u64 giant;
};

/**
 * struct ki_extents - a stream, amid one read
 * @page_shift: in: size of a page
 * @pmd_shift: in: of what a table of pages maps
 * @pud_shift: in: and one level above
 * @flags: in: KI_EXTENTS_*
 * @end: in: host address up to which it goes; items of larger units may end behind it
 * @room: in: bytes that the caller's buffer has, %KI_EXTENTS_LEAST at least
 * @next: out: host address that who decodes it all has arrived at
 * @at: in: host address to begin at; out: all before it was looked at
 * @full: out: there is no more room: nothing from @at on was told
 * @out: where bytes go, %KI_EXTENTS_OUT of them
 * @count: out: how many there are. The first is the last of the call before, which may
 *	have grown, if @again
 * @again: out: it is
 *
 * The rest is for the encoder alone.
 */
struct ki_extents {
	unsigned int page_shift;
	unsigned int pmd_shift;
	unsigned int pud_shift;
	unsigned int flags;
	u64 end;
	u64 room;
	u64 next;
	u64 at;
	bool full;
	u8 *out;
	unsigned int count;
	bool again;

	unsigned int chunk;	/* Bytes that the chunk has. */
	unsigned int limit;	/* How many it may have. */
	u64 hole;		/* From here to @hole_end, not told yet. */
	u64 hole_end;
};

/**
 * ki_extents_begin() - begin a read
 * @e: the stream; what is "in" of it is the caller's to set, all else zero
 */
void ki_extents_begin(struct ki_extents *e);

/**
 * ki_extents_add() - go on with a window
 * @e: the stream
 * @w: the window that @e->at lies in, or the next one there is anything in
 *
 * Tells of the window from @e->at on, as far as it goes: up to its end, to @e->end, until
 * it is full, or as much as @e->out takes. The caller delivers that and calls
 * ki_extents_delivered().
 */
void ki_extents_add(struct ki_extents *e, struct ki_extents_window *w);

/**
 * ki_extents_stop() - end a read
 * @e: the stream, not full
 *
 * All up to @e->end was looked at. To be delivered likewise.
 */
void ki_extents_stop(struct ki_extents *e);

/** ki_extents_delivered() - what is in @e->out has reached the caller */
void ki_extents_delivered(struct ki_extents *e);

#endif /* KI_ENCODE_EXTENTS_H */
