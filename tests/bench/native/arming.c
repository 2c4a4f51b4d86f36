// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "figures.h"
#include "report.h"

/* The caches: full of something else, or of what is about to be looked at. */
enum cache { COLD, WARM };

struct times {
	u64 clear[2];
	u64 arm[2];
};

static u64 slices_in(unsigned int gib)
{
	return gib * GIB_PAGES / KI_SLICE_PAGES;
}

/* As the guest and the hardware leave it: everything is accessed. */
static void make_young(struct arena *a, const struct truth *all, unsigned int gib,
		       enum cache cache)
{
	forget_caches();
	tables_touch(&a->tables, all);
	if (cache == COLD)
		forget_caches();
	else if (tables_young(&a->tables, 1, gib * GIB_PAGES) != gib * GIB_PAGES)
		errx(1, "arming: the tables are not young");
}

static u64 time_clear(struct arena *a, struct ours *o, u64 slices)
{
	struct stopwatch watch = stopwatch_start();
	bool good = ours_pass(o, 0, slices);
	u64 ns = stopwatch_ns(watch);

	if (!good || tables_young(&a->tables, 1, slices * KI_SLICE_PAGES))
		errx(1, "arming: the pass to compare with has left young pages");
	return ns;
}

static u64 time_arm(struct arena *a, struct ours *o, u64 slices)
{
	u64 pages = slices * KI_SLICE_PAGES, ns;
	struct stopwatch watch;
	bool good;

	/* What was known is of no use: as after the first harvest of a reader. */
	memset(a->above, 0, slices * sizeof(*a->above));
	watch = stopwatch_start();
	good = ours_arm(o, 0, slices);
	ns = stopwatch_ns(watch);

	if (!good || tables_young(&a->tables, 2, pages))
		errx(1, "arming: a table was left accessed");
	if (tables_young(&a->tables, 1, pages) != pages)
		errx(1, "arming: leaves were changed");
	for (u64 i = 0; i < slices; i++)
		if (~a->above[i].settled || a->above[i].quiet)
			errx(1, "arming: it is not noted that a table was armed");
	return ns;
}

static struct times measure(struct arena *a, const struct truth *all, unsigned int gib,
			    unsigned int turns)
{
	struct ours *clear = arena_ours(a, false), *arm = arena_ours(a, true);
	u64 slices = slices_in(gib), ns[4][MAX_TURNS];
	struct times t;

	for (unsigned int turn = 0; turn < turns; turn++)
		for (enum cache cache = COLD; cache <= WARM; cache++) {
			make_young(a, all, gib, cache);
			ns[cache][turn] = time_clear(a, clear, slices);
			make_young(a, all, gib, cache);
			if (cache == WARM) {
				time_arm(a, arm, slices);
				tables_mark_above(&a->tables);
			}
			ns[2 + cache][turn] = time_arm(a, arm, slices);
			/* They are left idle. */
			time_clear(a, clear, slices);
		}
	for (enum cache cache = COLD; cache <= WARM; cache++) {
		t.clear[cache] = median(ns[cache], turns);
		t.arm[cache] = median(ns[2 + cache], turns);
	}
	free(clear);
	free(arm);
	return t;
}

/* It takes microseconds, so more of them are asked for their median. */
static unsigned int more(unsigned int turns)
{
	return turns * 3 < MAX_TURNS ? turns * 3 : MAX_TURNS;
}

void figure_arming(struct arena *a, unsigned int turns)
{
	static const char *const caches[] = { [COLD] = "cold", [WARM] = "warm" };
	static const unsigned int sizes[] = { 3, 30 };
	const char *kind = a->tables.shape->name;
	char text[96];

	snprintf(text, sizeof(text), "%s: everything marked idle", kind);
	report_title(text, '~');
	table_begin(5);
	table_cell("Memory");
	table_cell("Caches");
	table_cell("Every leaf cleared, µs");
	table_cell("Armed, µs");
	table_cell("Ratio");
	for (unsigned int i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct truth all;
		struct times t;

		if (slices_in(sizes[i]) > slices_of(&a->tables))
			errx(1, "arming: %u GiB are more than the tables are of", sizes[i]);
		truth_init(&all, sizes[i] * GIB_PAGES);
		truth_scatter(&all, 1);
		t = measure(a, &all, sizes[i], more(turns));
		truth_free(&all);
		for (enum cache cache = COLD; cache <= WARM; cache++) {
			double ratio = (double)t.arm[cache] / (double)t.clear[cache];

			table_cell("%u GiB", sizes[i]);
			table_cell("%s", caches[cache]);
			table_cell("%.1f", (double)t.clear[cache] / 1000);
			table_cell("%.1f", (double)t.arm[cache] / 1000);
			table_cell("1/%.0f", 1 / ratio);
			if (cache == WARM) {
				snprintf(text, sizeof(text), "%s, arming %u GiB: of clearing it",
					 kind, sizes[i]);
				target(text, ratio, AT_MOST, 1. / 400);
			}
		}
	}
	table_end();
}
