// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bug.h>
#include <linux/build_bug.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "pending.h"
#include "table/table.h"

/**
 * struct ki_pending_region - of the slices that a giant leaf has
 * @map: u64[KI_SLICE_WORDS], or NULL if nothing is pending
 * @flush: number of the flush that the reader owes for what it got of a slice
 * @held: how many harvests may put back what they took
 * @place: word of the slice up to which it got that
 * @armed: tables of pages, a bit each, that were armed and not touched since
 */
struct ki_pending_region {
	u64 *map[KI_GIANT_SLICES];
	u64 flush[KI_GIANT_SLICES];
	unsigned int held[KI_GIANT_SLICES];
	u16 place[KI_GIANT_SLICES];
	u64 armed[KI_GIANT_SLICES];
};

static_assert(sizeof(struct ki_pending_region) <= 256);

void ki_pending_init(struct ki_pending *p)
{
	xa_init(&p->regions);
}

void ki_pending_destroy(struct ki_pending *p)
{
	struct ki_pending_region *region;
	unsigned long index;

	xa_for_each(&p->regions, index, region) {
		for (unsigned int i = 0; i < KI_GIANT_SLICES; i++)
			kfree(region->map[i]);
		kfree(region);
	}
	xa_destroy(&p->regions);
}

void ki_pending_forget(struct ki_pending *p)
{
	struct ki_pending_region *region;
	unsigned long index;

	xa_for_each(&p->regions, index, region)
		for (unsigned int i = 0; i < KI_GIANT_SLICES; i++)
			if (region->map[i])
				memset(region->map[i], 0, KI_SLICE_BYTES);
}

static unsigned int ki_in_region(u64 slice)
{
	return slice % KI_GIANT_SLICES;
}

/* NULL if there is none yet. */
static struct ki_pending_region *ki_region(struct ki_pending *p, u64 slice)
{
	return xa_load(&p->regions, slice / KI_GIANT_SLICES);
}

static u64 *ki_map(struct ki_pending *p, u64 slice)
{
	struct ki_pending_region *region = ki_region(p, slice);

	return region ? region->map[ki_in_region(slice)] : NULL;
}

/* NULL for want of memory. */
static struct ki_pending_region *ki_make_region(struct ki_pending *p, u64 slice)
{
	struct ki_pending_region *region;

	region = kzalloc(sizeof(*region), GFP_KERNEL_ACCOUNT);
	if (region && xa_err(xa_store(&p->regions, slice / KI_GIANT_SLICES,
				      region, GFP_KERNEL_ACCOUNT))) {
		kfree(region);
		region = NULL;
	}
	return region;
}

int ki_pending_prepare(struct ki_pending *p, u64 slice)
{
	struct ki_pending_region *region = ki_region(p, slice) ?:
					   ki_make_region(p, slice);
	u64 **map;

	if (!region)
		return -ENOMEM;
	map = &region->map[ki_in_region(slice)];
	if (!*map)
		*map = kzalloc(KI_SLICE_BYTES, GFP_KERNEL_ACCOUNT);
	return *map ? 0 : -ENOMEM;
}

void ki_pending_add(struct ki_pending *p, u64 slice, unsigned int first,
		    unsigned int words, const u64 *bits)
{
	u64 *map = ki_map(p, slice);

	if (!map) {
		WARN_ON_ONCE(memchr_inv(bits, 0, words * sizeof(*bits)));
		return;
	}
	for (unsigned int i = 0; i < words; i++)
		map[first + i] |= bits[i];
}

void ki_pending_add_all(struct ki_pending *p, u64 slice)
{
	u64 *map = ki_map(p, slice);

	if (!WARN_ON_ONCE(!map))
		memset(map, 0xff, KI_SLICE_BYTES);
}

void ki_pending_take(struct ki_pending *p, u64 slice, unsigned int first,
		     unsigned int words, const u64 *mask, u64 *bits)
{
	u64 *map = ki_map(p, slice);

	for (unsigned int i = 0; i < words; i++) {
		u64 taken = map ? map[first + i] & mask[i] : 0;

		if (taken)
			map[first + i] &= ~taken;
		bits[i] = taken;
	}
}

void ki_pending_look(struct ki_pending *p, u64 slice, unsigned int first,
		     unsigned int words, u64 *bits)
{
	const u64 *map = ki_map(p, slice);

	for (unsigned int i = 0; map && i < words; i++)
		bits[i] |= map[first + i];
}

bool ki_pending_has(struct ki_pending *p, u64 slice)
{
	return ki_map(p, slice);
}

bool ki_pending_hold(struct ki_pending *p, u64 slice)
{
	if (!ki_map(p, slice))
		return false;
	ki_region(p, slice)->held[ki_in_region(slice)]++;
	return true;
}

void ki_pending_release(struct ki_pending *p, u64 slice)
{
	struct ki_pending_region *region = ki_region(p, slice);

	if (!WARN_ON_ONCE(!region || !region->held[ki_in_region(slice)]))
		region->held[ki_in_region(slice)]--;
}

void ki_pending_settle(struct ki_pending *p, u64 slice)
{
	struct ki_pending_region *region = ki_region(p, slice);
	unsigned int i = ki_in_region(slice);

	if (!region || !region->map[i] || region->held[i] ||
	    memchr_inv(region->map[i], 0, KI_SLICE_BYTES))
		return;
	kfree(region->map[i]);
	region->map[i] = NULL;
}

void ki_pending_set_place(struct ki_pending *p, u64 slice, unsigned int word,
			  u64 flush)
{
	struct ki_pending_region *region = ki_region(p, slice);
	unsigned int i = ki_in_region(slice);

	if (!region)
		return;
	if (flush > region->flush[i]) {
		WRITE_ONCE(region->place[i], word);
		WRITE_ONCE(region->flush[i], flush);
	} else if (word > region->place[i]) {
		WRITE_ONCE(region->place[i], word);
	}
}

u64 ki_pending_flush_before(struct ki_pending *p, u64 slice, unsigned int word)
{
	struct ki_pending_region *region = ki_region(p, slice);
	unsigned int i = ki_in_region(slice);

	if (!region || word >= READ_ONCE(region->place[i]))
		return 0;
	return READ_ONCE(region->flush[i]);
}

void ki_pending_arm(struct ki_pending *p, u64 slice, u64 tables)
{
	struct ki_pending_region *region = ki_region(p, slice);
	u64 *map = ki_map(p, slice);

	if (map)
		memset(map, 0, KI_SLICE_BYTES);
	if (region)
		region->armed[ki_in_region(slice)] = tables;
}

u64 ki_pending_armed(struct ki_pending *p, u64 slice, u64 touched,
		     u64 harvested)
{
	struct ki_pending_region *region = ki_region(p, slice);
	u64 armed = region ? region->armed[ki_in_region(slice)] : 0;

	if (armed)
		region->armed[ki_in_region(slice)] = armed & ~(touched | harvested);
	return armed & ~touched;
}

size_t ki_pending_bytes(struct ki_pending *p)
{
	struct ki_pending_region *region;
	unsigned long index;
	size_t bytes = 0;

	xa_for_each(&p->regions, index, region) {
		bytes += sizeof(*region);
		for (unsigned int i = 0; i < KI_GIANT_SLICES; i++)
			bytes += READ_ONCE(region->map[i]) ? KI_SLICE_BYTES : 0;
	}
	return bytes;
}
