/* SPDX-License-Identifier: GPL-2.0-only */
/* --range: a part of guest memory. */
#ifndef RANGE_H
#define RANGE_H

#include "target.h"

/* An entry of a command's table. */
#define OPTION_RANGE \
	{ "range", 'r', "GPA+SIZE", \
	  "of this part of guest memory alone: 0x100000+64M.\n" \
	  "Both in multiples of 64 pages" }

/**
 * struct range - a part of guest memory
 * @start: guest physical address
 * @end: of the first byte behind it
 * @given: it was asked for; else it is all there is
 */
struct range {
	uint64_t start;
	uint64_t end;
	bool given;
};

#define RANGE_ALL	((struct range){ .end = UINT64_MAX })

/* Take the argument of --range. Returns EXIT_OK, or that of usage_error(). */
int range_option(const struct command *self, struct range *range);

/**
 * range_aligned() - does it begin and end at a multiple of so many bytes?
 * @self: the command
 * @range: as asked for
 * @unit: so many
 *
 * Return: EXIT_OK, or that of usage_error().
 */
int range_aligned(const struct command *self, const struct range *range,
		  uint64_t unit);

/* Is there any memory in it, by these slots? */
bool range_has_memory(const struct range *range, const struct kvmidle_slots *slots);

/**
 * range_check() - are these multiples of 64 pages, and is there memory?
 * @self: the command
 * @range: as asked for; out: @range->end is no higher than guest memory, rounded up
 *	to 64 pages
 * @info: of the VM
 *
 * Return: EXIT_OK, or that of usage_error().
 */
int range_check(const struct command *self, struct range *range,
		const struct kvm_idle_info *info);

/**
 * range_regions() - the regions of a range
 * @range: as of range_check()
 * @t: the target. A recording's next pass; of a VM, harvested if it was opened for that,
 *	and nothing outside of @range is
 * @fn: is given them, cut off at the ends of the range
 * @arg: for @fn
 *
 * Return: 0, what @fn returned, or a negative errno as of kvmidle_pass_regions().
 */
int range_regions(const struct range *range, const struct target *t,
		  kvmidle_region_fn *fn, void *arg);

#endif /* RANGE_H */
