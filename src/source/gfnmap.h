/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One bit a guest page, a 4 KiB map a slice, allocated when first needed; and
 * spoken to in host addresses, as the host does.
 */
#ifndef KI_SOURCE_GFNMAP_H
#define KI_SOURCE_GFNMAP_H

#include <linux/kvm_host.h>
#include <linux/xarray.h>

#include "compat/kvm_slots.h"
#include "table/table.h"

/**
 * struct ki_gfnmap - one bit a guest page
 * @slices: slice number → u64[KI_SLICE_WORDS]; none is removed before the end
 *
 * The maps are protected by whatever lock the owner chooses; to add one takes
 * none.
 */
struct ki_gfnmap {
	struct xarray slices;
};

/* A range of host addresses, whole pages. */
struct ki_span {
	u64 start;
	u64 end;
};

/**
 * struct ki_piece - a part of a span that one slot has, and that is in one slice
 * @slots: where we are
 * @span: of which
 * @hva: where the piece begins
 * @slot_end: where the span or the slot ends
 * @slice: the slice
 * @first: the first page in it
 * @count: how many pages
 */
struct ki_piece {
	struct ki_hva_iter slots;
	struct ki_span span;
	u64 hva;
	u64 slot_end;
	u64 slice;
	unsigned int first;
	unsigned int count;
};

struct ki_piece *ki_piece_start(struct ki_piece *p, struct kvm *kvm,
				struct ki_span span);
bool ki_piece_next(struct ki_piece *p);

/* All guest memory that a span is; twice what two slots share. Under kvm->srcu. */
#define ki_for_each_piece(p, kvm, span)					\
	for (struct ki_piece *piece_ = ki_piece_start(p, kvm, span);	\
	     ki_piece_next(piece_);)

static inline void ki_gfnmap_init(struct ki_gfnmap *m)
{
	xa_init(&m->slices);
}

void ki_gfnmap_destroy(struct ki_gfnmap *m);

/** ki_gfnmap_slice() - the map of a slice, or NULL */
static inline u64 *ki_gfnmap_slice(struct ki_gfnmap *m, u64 slice)
{
	return xa_load(&m->slices, slice);
}

/** ki_gfnmap_add() - see to it that a slice has a map: 0 or -ENOMEM */
int ki_gfnmap_add(struct ki_gfnmap *m, u64 slice, gfp_t gfp);

/*
 * What follows is about the guest pages that some host memory is, and is called
 * under kvm->srcu. Pages without a map have no bit set, and get none.
 */

/*
 * For ki_gfnmap_room() where the host is held up, which may be reclaiming: it
 * must not go round in circles, nor take what is kept for it.
 */
#define KI_GFP_AT_ONCE	(GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC)

/**
 * ki_gfnmap_room() - see to it that they have maps
 * @m: the map
 * @kvm: a VM, held by the caller
 * @span: host memory
 * @gfp: how to get them
 *
 * Return: do they all? Nothing may be cleared that cannot be written down.
 */
bool ki_gfnmap_room(struct ki_gfnmap *m, struct kvm *kvm, struct ki_span span,
		    gfp_t gfp);

/** ki_gfnmap_set() - set their bits. Return: how many pages these are */
u64 ki_gfnmap_set(struct ki_gfnmap *m, struct kvm *kvm, struct ki_span span);

/** ki_gfnmap_clear() - clear their bits */
void ki_gfnmap_clear(struct ki_gfnmap *m, struct kvm *kvm, struct ki_span span);

/** ki_gfnmap_any() - is a bit of theirs set? */
bool ki_gfnmap_any(struct ki_gfnmap *m, struct kvm *kvm, struct ki_span span);

#endif /* KI_SOURCE_GFNMAP_H */
