// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "source/gfnmap.h"

struct ki_piece *ki_piece_start(struct ki_piece *p, struct kvm *kvm,
				struct ki_span span)
{
	*p = (struct ki_piece) { .span = span };
	ki_hva_iter_start(&p->slots, kvm, span.start, span.end);
	return p;
}

bool ki_piece_next(struct ki_piece *p)
{
	const struct kvm_memory_slot *slot;
	u64 gfn;

	p->hva += p->count * PAGE_SIZE;
	if (p->hva == p->slot_end) {
		if (!ki_hva_iter_next(&p->slots))
			return false;
		slot = p->slots.slot;
		p->hva = max_t(u64, p->span.start, slot->userspace_addr);
		p->slot_end = min(p->span.end, ki_slot_hva_end(slot));
	}
	gfn = ki_slot_gfn(p->slots.slot, p->hva);
	p->slice = gfn >> KI_SLICE_SHIFT;
	p->first = gfn % KI_SLICE_PAGES;
	p->count = min_t(u64, (p->slot_end - p->hva) / PAGE_SIZE,
			 KI_SLICE_PAGES - p->first);
	return true;
}

void ki_gfnmap_destroy(struct ki_gfnmap *m)
{
	unsigned long slice;
	u64 *map;

	xa_for_each(&m->slices, slice, map)
		kfree(map);
	xa_destroy(&m->slices);
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

bool ki_gfnmap_room(struct ki_gfnmap *m, struct kvm *kvm, struct ki_span span,
		    gfp_t gfp)
{
	struct ki_piece p;

	ki_for_each_piece(&p, kvm, span)
		if (ki_gfnmap_add(m, p.slice, gfp))
			return false;
	return true;
}

u64 ki_gfnmap_set(struct ki_gfnmap *m, struct kvm *kvm, struct ki_span span)
{
	struct ki_piece p;
	u64 pages = 0;

	ki_for_each_piece(&p, kvm, span) {
		u64 *map = ki_gfnmap_slice(m, p.slice);

		if (map)
			bitmap_set((unsigned long *)map, p.first, p.count);
		pages += p.count;
	}
	return pages;
}

void ki_gfnmap_clear(struct ki_gfnmap *m, struct kvm *kvm, struct ki_span span)
{
	struct ki_piece p;

	ki_for_each_piece(&p, kvm, span) {
		u64 *map = ki_gfnmap_slice(m, p.slice);

		if (map)
			bitmap_clear((unsigned long *)map, p.first, p.count);
	}
}

bool ki_gfnmap_any(struct ki_gfnmap *m, struct kvm *kvm, struct ki_span span)
{
	struct ki_piece p;

	ki_for_each_piece(&p, kvm, span) {
		u64 *map = ki_gfnmap_slice(m, p.slice);
		unsigned int end = p.first + p.count;

		if (map && find_next_bit((unsigned long *)map, end, p.first) < end)
			return true;
	}
	return false;
}
