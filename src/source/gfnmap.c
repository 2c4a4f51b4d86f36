// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "source/gfnmap.h"

struct ki_gfns ki_slot_gfns(const struct kvm_memory_slot *slot,
			    struct ki_span span)
{
	u64 start = max_t(u64, span.start, slot->userspace_addr);
	u64 end = min(span.end, ki_slot_hva_end(slot));

	return (struct ki_gfns) {
		.start	= ki_slot_gfn(slot, start),
		.end	= ki_slot_gfn(slot, end),
	};
}

/**
 * struct ki_part - as much of a range as lies in one slice
 * @slice: the slice
 * @first: the first page in it
 * @count: how many
 */
struct ki_part {
	u64 slice;
	unsigned int first;
	unsigned int count;
};

static bool ki_part_at(u64 gfn, u64 end, struct ki_part *p)
{
	if (gfn >= end)
		return false;
	p->slice = gfn >> KI_SLICE_SHIFT;
	p->first = gfn % KI_SLICE_PAGES;
	p->count = min_t(u64, end - gfn, KI_SLICE_PAGES - p->first);
	return true;
}

#define ki_for_each_part(p, gfns)					\
	for (u64 gfn_ = (gfns).start; ki_part_at(gfn_, (gfns).end, p);	\
	     gfn_ += (p)->count)

void ki_gfnmap_destroy(struct ki_gfnmap *m)
{
	unsigned long slice;
	u64 *map;

	xa_for_each(&m->slices, slice, map)
		kfree(map);
	xa_destroy(&m->slices);
}

size_t ki_gfnmap_bytes(struct ki_gfnmap *m)
{
	unsigned long slice;
	size_t bytes = 0;
	u64 *map;

	xa_for_each(&m->slices, slice, map)
		bytes += KI_SLICE_BYTES;
	return bytes;
}

int ki_gfnmap_add(struct ki_gfnmap *m, u64 slice, gfp_t gfp)
{
	u64 *map;
	int err;

	if (ki_gfnmap_slice(m, slice))
		return 0;
	map = kzalloc(KI_SLICE_BYTES, gfp);
	if (!map)
		return -ENOMEM;
	err = xa_insert(&m->slices, slice, map, gfp);
	if (err)
		kfree(map);
	/* Somebody else was faster. */
	return err == -EBUSY ? 0 : err;
}

bool ki_gfnmap_room(struct ki_gfnmap *m, struct ki_gfns gfns, gfp_t gfp)
{
	struct ki_part p;

	ki_for_each_part(&p, gfns)
		if (ki_gfnmap_add(m, p.slice, gfp))
			return false;
	return true;
}

void ki_gfnmap_set(struct ki_gfnmap *m, struct ki_gfns gfns)
{
	struct ki_part p;

	ki_for_each_part(&p, gfns) {
		u64 *map = ki_gfnmap_slice(m, p.slice);

		if (map)
			bitmap_set((unsigned long *)map, p.first, p.count);
	}
}

void ki_gfnmap_clear(struct ki_gfnmap *m, struct ki_gfns gfns)
{
	struct ki_part p;

	ki_for_each_part(&p, gfns) {
		u64 *map = ki_gfnmap_slice(m, p.slice);

		if (map)
			bitmap_clear((unsigned long *)map, p.first, p.count);
	}
}

bool ki_gfnmap_any(struct ki_gfnmap *m, struct ki_gfns gfns)
{
	struct ki_part p;

	ki_for_each_part(&p, gfns) {
		u64 *map = ki_gfnmap_slice(m, p.slice);
		unsigned int end = p.first + p.count;

		if (map && find_next_bit((unsigned long *)map, end, p.first) < end)
			return true;
	}
	return false;
}
