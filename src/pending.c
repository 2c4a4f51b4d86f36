// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bug.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "pending.h"
#include "table/table.h"

void ki_pending_init(struct ki_pending *p)
{
	xa_init(&p->slices);
	p->spare = NULL;
}

void ki_pending_destroy(struct ki_pending *p)
{
	unsigned long slice;
	u64 *map;

	xa_for_each(&p->slices, slice, map)
		kfree(map);
	xa_destroy(&p->slices);
	kfree(p->spare);
}

int ki_pending_prepare(struct ki_pending *p, u64 slice)
{
	u64 *map;
	int err;

	if (xa_load(&p->slices, slice))
		return 0;

	map = p->spare;
	p->spare = NULL;
	if (!map)
		map = kzalloc(KI_SLICE_BYTES, GFP_KERNEL_ACCOUNT);
	if (!map)
		return -ENOMEM;
	err = xa_err(xa_store(&p->slices, slice, map, GFP_KERNEL_ACCOUNT));
	if (err)
		p->spare = map;
	return err;
}

void ki_pending_add(struct ki_pending *p, u64 slice, unsigned int first,
		    unsigned int words, const u64 *bits)
{
	u64 *map = xa_load(&p->slices, slice);

	if (!map) {
		WARN_ON_ONCE(memchr_inv(bits, 0, words * sizeof(*bits)));
		return;
	}
	for (unsigned int i = 0; i < words; i++)
		map[first + i] |= bits[i];
}

void ki_pending_add_all(struct ki_pending *p, u64 slice)
{
	u64 *map = xa_load(&p->slices, slice);

	if (!WARN_ON_ONCE(!map))
		memset(map, 0xff, KI_SLICE_BYTES);
}

void ki_pending_take(struct ki_pending *p, u64 slice, unsigned int first,
		     unsigned int words, const u64 *mask, u64 *bits)
{
	u64 *map = xa_load(&p->slices, slice);

	for (unsigned int i = 0; i < words; i++) {
		u64 taken = map ? map[first + i] & mask[i] : 0;

		if (taken)
			map[first + i] &= ~taken;
		bits[i] = taken;
	}
}

void ki_pending_settle(struct ki_pending *p, u64 slice)
{
	u64 *map = xa_load(&p->slices, slice);

	if (!map || memchr_inv(map, 0, KI_SLICE_BYTES))
		return;
	xa_erase(&p->slices, slice);
	if (p->spare)
		kfree(map);
	else
		p->spare = map;
}
