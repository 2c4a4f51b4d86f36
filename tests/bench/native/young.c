// SPDX-License-Identifier: GPL-2.0-only
#include "figures.h"

const struct young young_parts[NR_YOUNG] = {
	{ "0",   0,     false },
	{ "0.1", 0.001, true },
	{ "1",   0.01,  false },
	{ "10",  0.1,   false },
	{ "50",  0.5,   false },
	{ "100", 1,     false },
};

const struct young *young_named(const char *name)
{
	for (unsigned int i = 0; i < NR_YOUNG; i++)
		if (!strcmp(young_parts[i].name, name))
			return &young_parts[i];
	return NULL;
}

void young_truth(const struct young *y, struct truth *truth)
{
	if (y->clustered)
		truth_cluster(truth, y->part);
	else
		truth_scatter(truth, y->part);
}
