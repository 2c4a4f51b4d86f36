/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * One bit a guest page, a 4 KiB map a slice, allocated when first needed. And from
 * host addresses, which the host speaks in, to guest pages.
 */
#ifndef KI_SOURCE_GFNMAP_H
#define KI_SOURCE_GFNMAP_H

#include <linux/kvm_host.h>
#include <linux/minmax.h>
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

/* A range of guest pages. */
struct ki_gfns {
	u64 start;
	u64 end;
};

/**
 * ki_gfns_next() - the next part of a range
 * @part: the one before; to begin with, { all.start, all.start }
 * @all: the range
 * @pages: a part ends at each multiple of it, a power of two
 *
 * Return: false if there is none any more.
 */
static inline bool ki_gfns_next(struct ki_gfns *part, struct ki_gfns all,
				u64 pages)
{
	part->start = part->end;
	part->end = min(ALIGN(part->start + 1, pages), all.end);
	return part->start < all.end;
}

/* All parts of a range. */
#define ki_gfns_for_each(part, all, pages)				\
	for (*(part) = (struct ki_gfns) { (all).start, (all).start };	\
	     ki_gfns_next(part, all, pages);)

/** ki_slot_gfns() - those that a slot has of a span */
struct ki_gfns ki_slot_gfns(const struct kvm_memory_slot *slot,
			    struct ki_span span);

static inline void ki_gfnmap_init(struct ki_gfnmap *m)
{
	xa_init(&m->slices);
}

void ki_gfnmap_destroy(struct ki_gfnmap *m);

/** ki_gfnmap_bytes() - memory in use */
size_t ki_gfnmap_bytes(struct ki_gfnmap *m);

/** ki_gfnmap_slice() - the map of a slice, or NULL */
static inline u64 *ki_gfnmap_slice(struct ki_gfnmap *m, u64 slice)
{
	return xa_load(&m->slices, slice);
}

/** ki_gfnmap_add() - see to it that a slice has a map: 0 or -ENOMEM */
int ki_gfnmap_add(struct ki_gfnmap *m, u64 slice, gfp_t gfp);

/* Pages without a map have no bit set, and get none. */

/*
 * For ki_gfnmap_room() where the host is held up, which may be reclaiming: it
 * must not go round in circles, nor take what is kept for it.
 */
#define KI_GFP_AT_ONCE	(GFP_NOWAIT | __GFP_NOWARN | __GFP_NOMEMALLOC | \
			 __GFP_ACCOUNT)

/**
 * ki_gfnmap_room() - see to it that pages have maps
 * @m: the map
 * @gfns: the pages
 * @gfp: how to get them
 *
 * Return: do they all? Nothing may be cleared that cannot be written down.
 */
bool ki_gfnmap_room(struct ki_gfnmap *m, struct ki_gfns gfns, gfp_t gfp);

/** ki_gfnmap_set() - set their bits */
void ki_gfnmap_set(struct ki_gfnmap *m, struct ki_gfns gfns);

/** ki_gfnmap_clear() - clear their bits */
void ki_gfnmap_clear(struct ki_gfnmap *m, struct ki_gfns gfns);

/** ki_gfnmap_any() - is a bit of theirs set? */
bool ki_gfnmap_any(struct ki_gfnmap *m, struct ki_gfns gfns);

#endif /* KI_SOURCE_GFNMAP_H */
