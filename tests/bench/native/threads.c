// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "clock.h"
#include "figures.h"
#include "report.h"

#define MAX_THREADS	2

struct worker {
	pthread_t thread;
	pthread_barrier_t *start;
	struct ours *ours;
	u64 first;
	u64 end;
	u64 ns;
	bool good;
};

static void *work(void *arg)
{
	struct worker *w = arg;
	struct stopwatch watch;

	pthread_barrier_wait(w->start);
	watch = stopwatch_start();
	w->good = ours_pass(w->ours, w->first, w->end);
	w->ns = stopwatch_ns(watch);
	return NULL;
}

/* Return: how long it took the slowest. @wall: out: from the first to the last. */
static u64 run(struct arena *a, unsigned int threads, u64 *wall)
{
	u64 slices = slices_of(&a->tables), begun, slowest = 0;
	struct worker workers[MAX_THREADS];
	pthread_barrier_t start;

	pthread_barrier_init(&start, NULL, threads + 1);
	for (unsigned int i = 0; i < threads; i++) {
		workers[i] = (struct worker) {
			.start	= &start,
			.ours	= arena_ours(a, false),
			.first	= slices * i / threads,
			.end	= slices * (i + 1) / threads,
		};
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			errx(1, "no thread can be made");
	}
	begun = clock_ns(CLOCK_MONOTONIC);
	pthread_barrier_wait(&start);
	for (unsigned int i = 0; i < threads; i++) {
		pthread_join(workers[i].thread, NULL);
		free(workers[i].ours);
		if (!workers[i].good)
			errx(1, "threads: a pass failed");
		if (workers[i].ns > slowest)
			slowest = workers[i].ns;
	}
	*wall = clock_ns(CLOCK_MONOTONIC) - begun;
	pthread_barrier_destroy(&start);
	return slowest;
}

static void measure(struct arena *a, const struct truth *truth, unsigned int turns,
		    u64 *ns, u64 *wall)
{
	u64 times[MAX_THREADS][MAX_TURNS], walls[MAX_THREADS][MAX_TURNS];
	char why[128];

	for (unsigned int turn = 0; turn < turns; turn++)
		for (unsigned int i = 0; i < MAX_THREADS; i++) {
			tables_touch(&a->tables, truth);
			forget_caches();
			memset(a->idle, 0x55, a->tables.pages / 8);
			times[i][turn] = run(a, i + 1, &walls[i][turn]);
			if (!truth_agrees(truth, a->idle, why, sizeof(why)))
				errx(1, "%u threads: %s", i + 1, why);
		}
	for (unsigned int i = 0; i < MAX_THREADS; i++) {
		ns[i] = median(times[i], turns);
		wall[i] = median(walls[i], turns);
	}
}

void figure_threads(struct arena *a, unsigned int turns)
{
	static const char *const names[] = { "0", "1", "100" };
	const char *kind = a->tables.shape->name;
	u64 ns[MAX_THREADS], wall[MAX_THREADS];
	struct truth truth;
	char text[96];

	snprintf(text, sizeof(text), "%s: two threads, each with half of the memory", kind);
	report_title(text, '~');
	table_begin(5);
	table_cell("Young");
	table_cell("One, ms");
	table_cell("Two, ms");
	table_cell("Ratio");
	table_cell("By the clock on the wall");
	truth_init(&truth, a->tables.pages);
	for (unsigned int i = 0; i < ARRAY_SIZE(names); i++) {
		young_truth(young_named(names[i]), &truth);
		measure(a, &truth, turns, ns, wall);
		table_cell("%s %%", names[i]);
		table_cell("%.1f", (double)ns[0] / 1e6);
		table_cell("%.1f", (double)ns[1] / 1e6);
		table_cell("%.2f", (double)ns[0] / (double)ns[1]);
		table_cell("%.2f", (double)wall[0] / (double)wall[1]);
		snprintf(text, sizeof(text), "%s, %s %% young, two threads: as fast as one",
			 kind, names[i]);
		target(text, (double)ns[0] / (double)ns[1], AT_LEAST, 1.7);
	}
	truth_free(&truth);
	table_end();
}
