// SPDX-License-Identifier: GPL-2.0-only
/* --range: a part of guest memory. */
#include "range.h"
#include "parse.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>

/* Regions that are asked for at a time. */
#define SCAN_ROOM	1024

int range_option(const struct command *self, struct range *range)
{
	if (!parse_range(optarg, &range->start, &range->end))
		return usage_error(self, "'%s' is no range: give an address and a size, such as 0x100000+64M",
				   optarg);
	range->given = true;
	return EXIT_OK;
}

int range_aligned(const struct command *self, const struct range *range,
		  uint64_t unit)
{
	char text[SIZE_TEXT];

	if (range->given && (range->start % unit || range->end % unit))
		return usage_error(self, "the range must begin and end at a multiple of %s",
				   format_size(text, unit));
	return EXIT_OK;
}

bool range_has_memory(const struct range *range, const struct kvmidle_slots *slots)
{
	size_t i;

	for (i = 0; i < kvmidle_slots_count(slots); i++) {
		const struct kvm_idle_slot *slot = kvmidle_slots_at(slots, i);

		if (slot->gpa < range->end && slot->gpa + slot->bytes > range->start)
			return true;
	}
	return false;
}

int range_check(const struct command *self, struct range *range,
		const struct kvm_idle_info *info)
{
	const uint64_t unit = 64 * (uint64_t)info->page_size;
	const uint64_t end = (info->end_gpa + unit - 1) / unit * unit;
	int code = range_aligned(self, range, 64 * (uint64_t)info->page_size);

	if (code)
		return code;
	if (range->given && range->start >= end)
		return usage_error(self, "the range begins behind the end of guest memory, which is 0x%" PRIx64,
				   (uint64_t)info->end_gpa);
	if (range->end > end)
		range->end = end;
	return EXIT_OK;
}

struct cutter {
	const struct range *range;
	kvmidle_region_fn *fn;
	void *arg;
};

static int cut(void *arg, const struct kvm_idle_region *regions, size_t count)
{
	const struct cutter *c = arg;
	int err = 0;
	size_t i;

	for (i = 0; i < count && !err; i++) {
		struct kvm_idle_region r = regions[i];

		if (r.start < c->range->start)
			r.start = c->range->start;
		if (r.end > c->range->end)
			r.end = c->range->end;
		if (r.start < r.end)
			err = c->fn(c->arg, &r, 1);
	}
	return err;
}

static int scan(const struct range *range, const struct target *t,
		kvmidle_region_fn *fn, void *arg)
{
	const uint64_t told = KVM_IDLE_PAGE_ALL & ~KVM_IDLE_PAGE_DIRTY;
	struct kvm_idle_region regions[SCAN_ROOM];
	struct kvm_idle_scan s = {
		.size = sizeof(s),
		.flags = t->mode == KVMIDLE_HARVEST ? KVM_IDLE_SCAN_HARVEST : 0,
		.start = range->start,
		.end = range->end,
		.vec = (uintptr_t)regions,
		.vec_len = SCAN_ROOM,
		.category_anyof_mask = told,
		.return_mask = told,
	};
	ssize_t count;
	int err = 0;

	while (!err && s.start < s.end) {
		count = kvmidle_scan(t->vm, &s);
		if (count < 0)
			return count;
		/* The library promises to get on; a loop without end would be worse. */
		if (s.walk_end <= s.start)
			return -EIO;
		if (count)
			err = fn(arg, regions, count);
		s.start = s.walk_end;
	}
	return err;
}

int range_regions(const struct range *range, const struct target *t,
		  kvmidle_region_fn *fn, void *arg)
{
	struct cutter c = { range, fn, arg };

	/* Of a recording there is nothing that could be harvested by mistake. */
	if (range->given && !t->is_recording)
		return scan(range, t, fn, arg);
	return kvmidle_pass_regions(t->vm, cut, &c);
}
