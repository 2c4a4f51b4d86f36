/* SPDX-License-Identifier: GPL-2.0-only */
/* DAMON, set to observe memory of this process by way of its sysfs files. */
#ifndef DAMON_H
#define DAMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct damon_range {
	uint64_t start, end;	/* addresses */
};

struct damon_plan {
	unsigned long sample_us, aggr_us;
	unsigned int min_regions, max_regions;
	const struct damon_range *range;	/* in order */
	unsigned int ranges;
};

/* What it tells of a region that it has made: in how many samples it was found young. */
struct damon_region {
	uint64_t start, end;
	unsigned long accesses;
};

bool damon_is_there(void);

/* All of these die if it does not do what it is told. */
void damon_start(const struct damon_plan *plan);
void damon_stop(void);

/* Its thread. -1: this kernel does not tell. */
int damon_thread(void);

/*
 * Wait for the end of an aggregation interval, and have it tell. Return: how many
 * regions there are, at most @n.
 */
size_t damon_regions(struct damon_region *region, size_t n);

#endif
