/* SPDX-License-Identifier: GPL-2.0-only */
/* What a VM had mapped in one pass, and by entries of which size. */
#ifndef EXTENTS_H
#define EXTENTS_H

#include <kvmidle.h>

/* Of a region's categories, those that say how large the entry is. */
#define EXTENT_SIZES	(KVM_IDLE_PAGE_HUGE_2M | KVM_IDLE_PAGE_HUGE_1G)

/**
 * struct extents - mapped memory in order of guest address
 * @at: the extents; of their categories, EXTENT_SIZES alone are kept. No two that
 *	touch are alike
 * @count: how many
 * @room: for how many
 */
struct extents {
	struct kvm_idle_region *at;
	size_t count;
	size_t room;
};

/**
 * extents_add() - add what some regions of a pass have mapped
 * @e: all zero at first
 * @regions: behind those that were added before
 * @count: how many
 *
 * Return: 0 or -ENOMEM.
 */
int extents_add(struct extents *e, const struct kvm_idle_region *regions,
		size_t count);

/* The first extent that ends above @gpa; @e->count if there is none. */
size_t extents_find(const struct extents *e, uint64_t gpa);

/* Free what it holds; it is empty then. */
void extents_free(struct extents *e);

#endif /* EXTENTS_H */
