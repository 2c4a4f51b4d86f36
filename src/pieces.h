/* SPDX-License-Identifier: GPL-2.0-only */
/* Guest memory in order of guest or of host addresses, a part of a slice at a time. */
#ifndef KI_PIECES_H
#define KI_PIECES_H

#include <linux/kvm_host.h>

#include "harvest.h"

/**
 * struct ki_piece - pages in a row, in one slot and one slice
 * @addr: address of the first, guest physical or host virtual
 * @gfn: of the first
 * @pages: how many
 */
struct ki_piece {
	u64 addr;
	u64 gfn;
	u64 pages;
};

/**
 * ki_piece_next() - the first guest memory at or after an address
 * @kvm: a VM, held by the caller
 * @by_hva: in order of host addresses, without the slots that have none
 * @addr: address to begin at, a multiple of the page size
 * @end: address to end at, likewise
 * @p: out: it
 *
 * Return: false if there is none before @end. May sleep.
 */
bool ki_piece_next(struct kvm *kvm, bool by_hva, u64 addr, u64 end,
		   struct ki_piece *p);

/* The part of a slice that it lies in, in whole words. */
static inline void ki_piece_to_slice(const struct ki_piece *p, struct ki_slice *s)
{
	u64 first = p->gfn % KI_SLICE_PAGES;

	s->index = p->gfn >> KI_SLICE_SHIFT;
	s->first = first / 64;
	s->words = DIV_ROUND_UP(first + p->pages, 64) - s->first;
}

#endif /* KI_PIECES_H */
