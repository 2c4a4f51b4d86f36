/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What one reader has yet to see: pages that were found young and cleared, but
 * not by a harvest whose result this reader got. One bit a page, a 4 KiB map a
 * slice, allocated when first needed and given back when empty.
 *
 * All of it is protected by the lock of the VM (struct ki_vm.lock).
 */
#ifndef KI_PENDING_H
#define KI_PENDING_H

#include <linux/types.h>
#include <linux/xarray.h>

/**
 * struct ki_pending - the maps of one reader
 * @slices: slice number → u64[KI_SLICE_WORDS]
 * @spare: a map of zeroes for the next slice that needs one, or NULL; so that
 *	a lone reader sweeping over a VM needs one map and not one a slice
 */
struct ki_pending {
	struct xarray slices;
	u64 *spare;
};

void ki_pending_init(struct ki_pending *p);
void ki_pending_destroy(struct ki_pending *p);

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

/** ki_pending_settle() - give the map of a slice back if nothing is in it */
void ki_pending_settle(struct ki_pending *p, u64 slice);

#endif /* KI_PENDING_H */
