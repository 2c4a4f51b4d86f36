// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "figures.h"
#include "report.h"

enum { FLOOR, RFC, EVERY, SKIPPING, NR };

static const struct contestant *const contestants[NR] = {
	[FLOOR]		= &floor_,
	[RFC]		= &rfc,
	[EVERY]		= &every,
	[SKIPPING]	= &skipping,
};

static double ratio(const u64 *ns, unsigned int a, unsigned int b)
{
	return (double)ns[a] / (double)ns[b];
}

static void note_targets(const char *kind, const struct young *y, const u64 *ns)
{
	char what[96];

	if (!y->part) {
		snprintf(what, sizeof(what), "%s, all idle, every table: of the floor", kind);
		target(what, ratio(ns, EVERY, FLOOR), AT_MOST, 1.3);
	}
	if (y->clustered) {
		snprintf(what, sizeof(what), "%s, 0.1 %% hot, skipping: of the RFC", kind);
		target(what, ratio(ns, SKIPPING, RFC), AT_MOST, 1. / 100);
	}
	if (y->part >= 1) {
		snprintf(what, sizeof(what), "%s, all young: of the RFC", kind);
		target(what, ratio(ns, EVERY, RFC), AT_MOST, 0.6);
		snprintf(what, sizeof(what), "%s, all young, skipping: of the RFC", kind);
		target(what, ratio(ns, SKIPPING, RFC), AT_MOST, 0.6);
	}
}

static void row(const struct arena *a, const struct young *y, const u64 *ns)
{
	table_cell("%s %%%s", y->name, y->clustered ? ", in 2 MiB" : "");
	for (unsigned int i = 0; i < NR; i++)
		table_cell("%.3f", (double)ns[i] / (double)a->tables.pages);
	table_cell("%.2f", ratio(ns, EVERY, FLOOR));
	table_cell("%.2f", ratio(ns, EVERY, RFC));
	if (ratio(ns, SKIPPING, RFC) < 0.1)
		table_cell("1/%.0f", 1 / ratio(ns, SKIPPING, RFC));
	else
		table_cell("%.2f", ratio(ns, SKIPPING, RFC));
}

void figure_harvest(struct arena *a, unsigned int turns)
{
	static const char *const heads[] = {
		"Young", "Floor", "RFC", "Every table", "Skipping",
		"Every / floor", "Every / RFC", "Skipping / RFC",
	};
	const char *kind = a->tables.shape->name;
	struct truth truth;
	char title[128];
	u64 ns[NR];

	snprintf(title, sizeof(title), "%s: a harvest of %llu GiB, nanoseconds a page", kind,
		 (unsigned long long)(a->tables.pages / GIB_PAGES));
	report_title(title, '~');
	table_begin(ARRAY_SIZE(heads));
	for (unsigned int i = 0; i < ARRAY_SIZE(heads); i++)
		table_cell("%s", heads[i]);

	truth_init(&truth, a->tables.pages);
	for (unsigned int i = 0; i < NR_YOUNG; i++) {
		young_truth(&young_parts[i], &truth);
		contest(a, contestants, NR, &truth, turns, ns);
		row(a, &young_parts[i], ns);
		note_targets(kind, &young_parts[i], ns);
	}
	truth_free(&truth);
	table_end();
}
