// SPDX-License-Identifier: GPL-2.0-only
/*
 * What DAMON sees of a guest, under somebody who harvests it all the time.
 *
 * DAMON looks at the accessed bits of pages that it picks, at each sample; in how
 * many of the samples of an aggregation interval one was found is nr_accesses. The
 * guest keeps one half of its memory hot. So the hot half is to have nearly as many
 * as there are samples, the cold one none; and with a harvest the same as without.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "damon.h"
#include "harvester.h"
#include "heat.h"
#include "idle.h"
#include "ktap.h"
#include "options.h"

#define SAMPLES		20	/* of an aggregation interval */
#define MOST_REGIONS	40

static unsigned long mem = 32, sample = 20, rounds = 3, limit = 2, far = 8;

/* Shared with the children that have the VMs. */
struct seen {
	double samples[2];	/* hot, cold: nr_accesses on the average of all bytes and rounds */
	uint64_t passes;
	unsigned int rounds, shared;
};

enum { HOT, COLD };

static struct seen *seen;	/* by enum harvest */
static bool has_damon;

static struct vmm vmm;
static struct harvester harvester;
static struct heat heat;

static void start_damon(const struct damon_range *half)
{
	struct damon_plan plan = {
		.sample_us = sample * 1000, .aggr_us = SAMPLES * sample * 1000,
		.min_regions = 10, .max_regions = MOST_REGIONS,
		.range = half, .ranges = 2,
	};

	damon_start(&plan);
}

static uint64_t overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	uint64_t from = a > b ? a : b, to = a_end < b_end ? a_end : b_end;

	return from < to ? to - from : 0;
}

/* The average of nr_accesses over the bytes of a range. */
static double accesses(const struct damon_range *of, const struct damon_region *region, size_t n)
{
	double sum = 0, bytes = 0;

	for (; n; n--, region++) {
		uint64_t common = overlap(region->start, region->end, of->start, of->end);

		sum += (double)common * region->accesses;
		bytes += common;
	}
	if (bytes < (of->end - of->start) * 0.9)
		die("DAMON tells of %.0f of %lu bytes", bytes, of->end - of->start);
	return sum / bytes;
}

/* The machine */

/* The guest touches its hot half twice a sample. */
static uint32_t *hot_pages(uint64_t n)
{
	uint32_t *list = calloc(n, sizeof(*list));

	for (uint64_t i = 0; i < n; i++)
		list[i] = (vmm.first_free_gfn + i) << PAGE_SHIFT;
	return list;
}

static void observe(enum harvest mode, struct seen *s)
{
	struct damon_region region[MOST_REGIONS];
	struct damon_range half[2];
	uint64_t pages;
	uint32_t *list;

	vmm.nr_slots = 1;
	vmm.slot[0].bytes = mem * MIB;
	vmm_start(&vmm);
	pages = (vmm.total_pages - vmm.first_free_gfn) / 2;
	vmm_touch_range(&vmm, vmm.first_free_gfn, 2 * pages, true);
	half[HOT].start = (uintptr_t)vmm.slot[0].hva + vmm.first_free_gfn * PAGE_SIZE;
	half[HOT].end = half[HOT].start + pages * PAGE_SIZE;
	half[COLD].start = half[HOT].end;
	half[COLD].end = half[COLD].start + pages * PAGE_SIZE;

	list = hot_pages(pages);
	heat_start(&heat, &vmm, list, pages, sample * 1000 / 2);
	harvester_start(&harvester, mode);
	start_damon(half);
	/* The first interval is of what was touched before. */
	usleep(2 * SAMPLES * sample * 1000);
	for (unsigned long round = 0; round < rounds; round++) {
		unsigned long times = heat_times(&heat);
		size_t n;

		usleep(SAMPLES * sample * 1000);
		/* Waits for the end of the interval. */
		n = damon_regions(region, MOST_REGIONS);
		for (int i = HOT; i <= COLD; i++)
			s->samples[i] += accesses(&half[i], region, n) / rounds;
		times = heat_times(&heat) - times;
		if (times < SAMPLES)
			die("the guest is too slow: its memory was hot %lu times in %d samples", times,
			    SAMPLES);
		s->rounds++;
	}
	damon_stop();
	s->shared = harvester_is_shared(&harvester);
	harvester_stop(&harvester);
	s->passes = atomic_load(&harvester.passes);
	heat_stop(&heat);
	free(list);
}

static void observe_in_child(enum harvest mode)
{
	int status;
	pid_t child;

	harvester_load(mode);
	fflush(stdout);
	child = fork();
	if (!child) {
		observe(mode, &seen[mode]);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status || seen[mode].rounds != rounds)
		die("the process with the virtual machine: status %#x", status);
	ktap_diag("%-20s nr_accesses of %d: hot %5.2f, cold %5.2f; %lu passes", harvest_name[mode],
		  SAMPLES, seen[mode].samples[HOT], seen[mode].samples[COLD], seen[mode].passes);
}

static void setup(void)
{
	seen = mmap(NULL, HARVEST_MODES * sizeof(*seen), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		die("mmap: %m");
	has_damon = damon_is_there();
	if (!has_damon)
		return;
	for (enum harvest mode = HARVEST_NONE; mode < HARVEST_MODES; mode++)
		observe_in_child(mode);
	harvester_load(HARVEST_NONE);
}

static bool skipped(void)
{
	if (!has_damon)
		ktap_skip("this kernel has no DAMON_SYSFS");
	return !has_damon;
}

static double difference(enum harvest mode, int half)
{
	double d = seen[mode].samples[half] - seen[HARVEST_NONE].samples[half];

	return d < 0 ? -d : d;
}

static void without_harvest(void)
{
	struct seen *s = &seen[HARVEST_NONE];

	if (skipped())
		return;
	EXPECT(s->samples[HOT] >= SAMPLES - 3, "%.2f", s->samples[HOT]);
	EXPECT(s->samples[COLD] <= 1, "%.2f", s->samples[COLD]);
}

static void with_harvest(void)
{
	struct seen *s = &seen[HARVEST_SHARED];

	if (skipped())
		return;
	EXPECT(s->shared);
	EXPECT(s->passes >= SAMPLES * rounds, "%lu passes", s->passes);
	for (int half = HOT; half <= COLD; half++)
		EXPECT(difference(HARVEST_SHARED, half) <= limit, "%s: %.2f", half ? "cold" : "hot",
		       difference(HARVEST_SHARED, half));
}

static void with_harvest_unshared(void)
{
	if (skipped())
		return;
	EXPECT(!seen[HARVEST_UNSHARED].shared);
	EXPECT(difference(HARVEST_UNSHARED, HOT) >= far, "%.2f: the test before shows nothing",
	       difference(HARVEST_UNSHARED, HOT));
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "mem", "MiB of guest memory", .number = &mem },
		{ "sample", "milliseconds from one sample of DAMON to the next", .number = &sample },
		{ "rounds", "aggregation intervals, of 20 samples each", .number = &rounds },
		{ "limit", "samples that a harvest may change", .number = &limit },
		{ "far", "samples that a harvest not shared must change", .number = &far },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "without a harvest DAMON sees the hot half", without_harvest },
		{ "with a harvest it sees the same", with_harvest },
		{ "with a harvest that is not shared it does not", with_harvest_unshared },
	};

	options_parse(argc, argv,
		      "What DAMON sees of a guest that is harvested all the time. Loads the module\n"
		      "itself: it must not be loaded.", options);
	return KTAP_RUN(setup, tests);
}
