/* SPDX-License-Identifier: GPL-2.0-only */
/* The figures, each printed with its heading, and its targets noted. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include "contest.h"

/* How much of a guest is young, and how that lies. */
struct young {
	const char *name;
	double part;
	bool clustered;
};

#define NR_YOUNG	6

extern const struct young young_parts[NR_YOUNG];

/* By its name in per cent, such as "0.1"; NULL if there is none. */
const struct young *young_named(const char *name);

void young_truth(const struct young *y, struct truth *truth);

/* Each kind of pass, at each of young_parts. */
void figure_harvest(struct arena *a, unsigned int turns);

/* What it costs to clear: with everything young, two entries at a time or one. */
void figure_clearing(struct arena *a, unsigned int turns);

void figure_arming(struct arena *a, unsigned int turns);
void figure_threads(struct arena *a, unsigned int turns);
void figure_hold(struct arena *a);

/* Of a stage 2 table. */
void figure_arm64(struct arena *a, unsigned int turns);

#endif /* BENCH_FIGURES_H */
