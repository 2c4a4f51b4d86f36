// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>

#include "figures.h"
#include "report.h"

void figure_arm64(struct arena *a, unsigned int turns)
{
	static const struct contestant *const contestants[] = { &floor_, &visiting, &every };
	static const char *const names[] = { "0", "1" };
	u64 ns[ARRAY_SIZE(contestants)];
	struct truth truth;
	char text[128];

	snprintf(text, sizeof(text), "arm64: a harvest of %llu GiB, nanoseconds a page",
		 (unsigned long long)(a->tables.pages / GIB_PAGES));
	report_title(text, '~');
	table_begin(5);
	table_cell("Young");
	table_cell("Floor");
	table_cell("A visitor for every entry");
	table_cell("kvm-idle");
	table_cell("Ratio");
	truth_init(&truth, a->tables.pages);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		double ratio;

		young_truth(young_named(names[i]), &truth);
		contest(a, contestants, ARRAY_SIZE(contestants), &truth, turns, ns);
		ratio = (double)ns[2] / (double)ns[1];
		table_cell("%s %%", names[i]);
		for (unsigned int j = 0; j < ARRAY_SIZE(contestants); j++)
			table_cell("%.3f", (double)ns[j] / (double)a->tables.pages);
		table_cell("%.2f", ratio);
		snprintf(text, sizeof(text), "arm64, %s %% young: of visiting every entry",
			 names[i]);
		target(text, ratio, AT_MOST, 0.65);
	}
	truth_free(&truth);
	table_end();
}
