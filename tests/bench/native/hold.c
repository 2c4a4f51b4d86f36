// SPDX-License-Identifier: GPL-2.0-only
/* How much is looked at before the lock is given to whoever waits for it. */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "figures.h"
#include "instances.h"
#include "report.h"

u64 bench_loads;

static u64 most_at_once(struct arena *a, const struct truth *truth)
{
	struct ours *o = arena_ours(a, false);
	u64 most;

	tables_touch(&a->tables, truth);
	o->walk = ki_walk_npt_loads;
	o->loads = &bench_loads;
	if (!ours_pass(o, 0, slices_of(&a->tables)) || !o->most_at_once)
		errx(1, "the entries under one hold of the lock were not counted");
	most = o->most_at_once;
	free(o);
	return most;
}

void figure_hold(struct arena *a)
{
	static const char *const names[] = { "0", "50", "100" };
	struct truth truth;

	report_title("NPT: entries loaded at the most under one hold of the lock", '~');
	table_begin(2);
	table_cell("Young");
	table_cell("Entries loaded");
	truth_init(&truth, a->tables.pages);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		young_truth(young_named(names[i]), &truth);
		table_cell("%s %%", names[i]);
		table_cell("%llu", (unsigned long long)most_at_once(a, &truth));
	}
	truth_free(&truth);
	table_end();
}
