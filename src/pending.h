/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one reader has yet to see: pages that were found young and cleared, but
 * not by a harvest whose result this reader got. One bit a page, a 4 KiB map a
 * slice, allocated when first needed and given back when empty. And where in
 * each slice it is, and which TLB flush it owes for that.
 *
 * What concerns a slice is protected by the lock of its region (vm.h), which no
 * other region's harvest needs: so nothing here is shared by two of them.
 */
#ifndef KI_PENDING_H
#define KI_PENDING_H

#include <linux/types.h>
#include <linux/xarray.h>

/**
 * struct ki_pending - the maps of one reader
 * @regions: slice number / KI_GIANT_SLICES → struct ki_pending_region, made when
 *	first needed and there until the end: 256 bytes a GiB that was harvested
 *	by anyone (a GiB of memory in pages of 4 KiB)
 */
struct ki_pending {
	struct xarray regions;
};

void ki_pending_init(struct ki_pending *p);
void ki_pending_destroy(struct ki_pending *p);

/** ki_pending_forget() - nothing is pending any more, in no slice */
void ki_pending_forget(struct ki_pending *p);

/**
 * ki_pending_prepare() - see to it that a slice has a map
 * @p: the maps
 * @slice: slice number
 *
 * Whoever will clear bits calls this first, for after that it is too late to
 * fail. Return: 0 or -ENOMEM. May sleep.
 */
int ki_pending_prepare(struct ki_pending *p, u64 slice);

/**
 * ki_pending_add() - these were cleared
 * @p: the maps; those of @slice prepared, unless @bits is all zero
 * @slice: slice number
 * @first: first word
 * @words: number of words
 * @bits: @words words
 */
void ki_pending_add(struct ki_pending *p, u64 slice, unsigned int first,
		    unsigned int words, const u64 *bits);

/** ki_pending_add_all() - every page of a prepared slice was cleared */
void ki_pending_add_all(struct ki_pending *p, u64 slice);

/**
 * ki_pending_take() - hand out and forget
 * @p: the maps
 * @slice: slice number
 * @first: first word
 * @words: number of words
 * @mask: the bits to take, @words words
 * @bits: out: what was pending of those, @words words. May be @mask
 */
void ki_pending_take(struct ki_pending *p, u64 slice, unsigned int first,
		     unsigned int words, const u64 *mask, u64 *bits);

/**
 * ki_pending_look() - look at what is pending and leave it there
 * @p: the maps
 * @slice: slice number
 * @first: first word
 * @words: number of words
 * @bits: @words words; bits of what is pending are set, none is cleared
 */
void ki_pending_look(struct ki_pending *p, u64 slice, unsigned int first,
		     unsigned int words, u64 *bits);

/** ki_pending_has() - has the slice a map, so that something may be pending? */
bool ki_pending_has(struct ki_pending *p, u64 slice);

/**
 * ki_pending_hold() - what is taken out of a slice may be put back
 * @p: the maps
 * @slice: slice number
 *
 * Return: false if the slice has no map, and hence nothing to take. Else the map
 * stays, if empty or not, until ki_pending_release(). Several may hold it.
 */
bool ki_pending_hold(struct ki_pending *p, u64 slice);

/** ki_pending_release() - undo it; to be followed by ki_pending_settle() */
void ki_pending_release(struct ki_pending *p, u64 slice);

/**
 * ki_pending_settle() - give the map of a slice back if nothing is in it
 *
 * Unless somebody holds it.
 */
void ki_pending_settle(struct ki_pending *p, u64 slice);

/**
 * ki_pending_set_place() - the reader has got the slice up to here
 * @p: the maps; does nothing if none of the slice's region was ever prepared
 * @slice: slice number
 * @word: first word that it has not got
 * @flush: number of the TLB flush that it owes for this, 0 if none
 *
 * A higher number than before begins anew: the flush before has begun by then,
 * and what it was owed for is no concern any more.
 */
void ki_pending_set_place(struct ki_pending *p, u64 slice, unsigned int word,
			  u64 flush);

/**
 * ki_pending_flush_before() - what a reader owes who goes on here
 * @p: the maps
 * @slice: slice number
 * @word: the word that is next
 *
 * Return: number of the TLB flush that must be done first if this goes back to
 * what it has got; 0 if it does not. Takes no lock: who reads a slice in
 * two threads at once has no order there to go back in.
 */
u64 ki_pending_flush_before(struct ki_pending *p, u64 slice, unsigned int word);

/**
 * ki_pending_arm() - all of a slice is idle for the reader, as of now
 * @p: the maps; the slice prepared, if anything was cleared
 * @slice: slice number
 * @tables: of these tables of pages, what is found young is not news, as long as
 *	they are not touched
 *
 * Forgets what was pending.
 */
void ki_pending_arm(struct ki_pending *p, u64 slice, u64 tables);

/**
 * ki_pending_armed() - whose young pages are not news
 * @p: the maps
 * @slice: slice number
 * @touched: tables that were touched after all, a bit each
 * @harvested: tables in which, from now on, nothing old is young any more
 *
 * Return: the tables that were armed and not touched. Both kinds are not armed
 * when it returns.
 */
u64 ki_pending_armed(struct ki_pending *p, u64 slice, u64 touched,
		     u64 harvested);

/** ki_pending_bytes() - memory in use. Takes no lock */
size_t ki_pending_bytes(struct ki_pending *p);

#endif /* KI_PENDING_H */
