// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "figures.h"
#include "report.h"

void figure_clearing(struct arena *a, unsigned int turns)
{
	static const struct contestant *const contestants[] = { &every, &singles, &rfc };
	static const char *const names[] = { "50", "100" };
	u64 ns[ARRAY_SIZE(contestants)];
	struct truth truth;
	char title[128];

	snprintf(title, sizeof(title), "%s: what it costs to clear, nanoseconds a page",
		 a->tables.shape->name);
	report_title(title, '~');
	table_begin(4);
	table_cell("Young");
	table_cell("Two entries at once");
	table_cell("One at a time");
	table_cell("RFC");
	truth_init(&truth, a->tables.pages);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		young_truth(young_named(names[i]), &truth);
		contest(a, contestants, ARRAY_SIZE(contestants), &truth, turns, ns);
		table_cell("%s %%", names[i]);
		for (unsigned int j = 0; j < ARRAY_SIZE(contestants); j++)
			table_cell("%.3f", (double)ns[j] / (double)a->tables.pages);
	}
	truth_free(&truth);
	table_end();
}
