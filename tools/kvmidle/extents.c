// SPDX-License-Identifier: GPL-2.0-only
/* What a VM had mapped in one pass. */
#include "extents.h"

#include <errno.h>
#include <stdlib.h>

static int append(struct extents *e, const struct kvm_idle_region *extent)
{
	if (e->count == e->room) {
		size_t more = e->room ? e->room * 2 : 64;
		struct kvm_idle_region *bigger;

		bigger = reallocarray(e->at, more, sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		e->at = bigger;
		e->room = more;
	}
	e->at[e->count++] = *extent;
	return 0;
}

int extents_add(struct extents *e, const struct kvm_idle_region *regions,
		size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		struct kvm_idle_region extent = regions[i];
		struct kvm_idle_region *last = e->count ? &e->at[e->count - 1] : NULL;
		int err;

		if (!(extent.categories & KVM_IDLE_PAGE_PRESENT))
			continue;
		extent.categories &= EXTENT_SIZES;
		if (last && last->end == extent.start &&
		    last->categories == extent.categories) {
			last->end = extent.end;
			continue;
		}
		err = append(e, &extent);
		if (err)
			return err;
	}
	return 0;
}

size_t extents_find(const struct extents *e, uint64_t gpa)
{
	size_t low = 0, high = e->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (e->at[middle].end > gpa)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

void extents_free(struct extents *e)
{
	free(e->at);
	*e = (struct extents){ 0 };
}
