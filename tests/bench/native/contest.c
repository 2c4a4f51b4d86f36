// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <stdlib.h>
#include <unistd.h>

#include "clock.h"
#include "contest.h"
#include "instances.h"

static void *allocate(size_t size)
{
	void *p = aligned_alloc(64, (size + 63) & ~(size_t)63);

	if (!p)
		err(1, "no memory");
	memset(p, 0, size);
	return p;
}

void arena_init(struct arena *a, const struct shape *shape, unsigned int gib)
{
	tables_init(&a->tables, shape, gib);
	a->idle = allocate(a->tables.pages / 8);
	a->above = allocate(slices_of(&a->tables) * sizeof(*a->above));
}

void arena_free(struct arena *a)
{
	tables_free(&a->tables);
	free(a->idle);
	free(a->above);
}

struct ours *arena_ours(const struct arena *a, bool skip)
{
	struct ours *o = allocate(sizeof(*o));

	o->t = &a->tables;
	o->walk = a->tables.shape->walk;
	o->above = skip ? a->above : NULL;
	o->idle = a->idle;
	memset(o->bits.want, 0xff, sizeof(o->bits.want));
	return o;
}

static bool pass_of_ours(struct arena *a, bool skip,
			 enum ki_walk_result (*walk)(struct ki_walk *w))
{
	struct ours *o = arena_ours(a, skip);
	bool good;

	o->walk = walk;
	good = ours_pass(o, 0, slices_of(&a->tables));
	free(o);
	return good;
}

static bool pass_floor(struct arena *a)
{
	/* Never so: but the compiler does not know. */
	return floor_pass(&a->tables) != 1;
}

static bool pass_rfc(struct arena *a)
{
	rfc_pass(&a->tables, a->idle);
	return true;
}

static bool pass_every(struct arena *a)
{
	return pass_of_ours(a, false, a->tables.shape->walk);
}

static bool pass_singles(struct arena *a)
{
	return pass_of_ours(a, false, a->tables.shape->walk_singles);
}

static bool pass_skipping(struct arena *a)
{
	return pass_of_ours(a, true, a->tables.shape->walk);
}

static bool pass_visiting(struct arena *a)
{
	visit_pass(&a->tables, a->idle);
	return true;
}

static void touch(struct arena *a, const struct truth *truth)
{
	tables_touch(&a->tables, truth);
}

/* It never clears bits above leaves, and each table was used some time. */
static void prepare_rfc(struct arena *a, const struct truth *truth)
{
	tables_mark_above(&a->tables);
	tables_touch(&a->tables, truth);
}

/* The guest was idle for some passes. Whatever is touched each time, is cold now. */
static void prepare_skipping(struct arena *a, const struct truth *truth)
{
	for (unsigned int i = 0; i < 3; i++)
		if (!pass_skipping(a))
			errx(1, "skipping: a pass before the one to time failed");
	for (u64 i = 0; i < slices_of(&a->tables); i++) {
		if (~a->above[i].quiet)
			errx(1, "skipping: a table of an idle guest is not skipped");
		a->above[i].skipped = 0;
	}
	tables_touch(&a->tables, truth);
}

const struct contestant floor_ = {
	.name = "floor", .what = "streaming read",
	.prepare = touch, .pass = pass_floor,
};

const struct contestant rfc = {
	.name = "rfc", .what = "RFC of 2018",
	.prepare = prepare_rfc, .pass = pass_rfc, .exact = true,
};

const struct contestant every = {
	.name = "every", .what = "kvm-idle, every table",
	.prepare = touch, .pass = pass_every, .exact = true,
};

const struct contestant singles = {
	.name = "singles", .what = "kvm-idle, every table, one entry at a time",
	.prepare = touch, .pass = pass_singles, .exact = true,
};

const struct contestant skipping = {
	.name = "skipping", .what = "kvm-idle, skipping",
	.prepare = prepare_skipping, .pass = pass_skipping, .exact = true,
};

const struct contestant visiting = {
	.name = "visiting", .what = "a visitor for every entry",
	.prepare = touch, .pass = pass_visiting, .exact = true,
};

const struct contestant *contestant_named(const char *name)
{
	static const struct contestant *const all[] = {
		&floor_, &rfc, &every, &singles, &skipping, &visiting,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(all); i++)
		if (!strcmp(all[i]->name, name))
			return all[i];
	return NULL;
}

void forget_caches(void)
{
	static u64 *other;
	static size_t size;
	volatile u64 *line;

	if (!other) {
		long l3 = sysconf(_SC_LEVEL3_CACHE_SIZE);

		size = 2 * (l3 > 0 ? (size_t)l3 : BIT_ULL(25));
		other = allocate(size);
	}
	for (size_t i = 0; i < size / sizeof(u64); i += 8) {
		line = &other[i];
		(*line)++;
	}
}

/* What callgrind counts: nothing but this. */
static noipa bool timed_pass(struct arena *a, const struct contestant *c)
{
	return c->pass(a);
}

static void check_skipped(const struct arena *a, const struct truth *truth)
{
	u64 skipped = 0, cold = 0;

	for (u64 i = 0; i < slices_of(&a->tables); i++)
		skipped += a->above[i].skipped;
	for (u64 i = 0; i < truth->pages / 64; i += TABLE_ENTRIES / 64) {
		u64 any = 0;

		for (unsigned int j = 0; j < TABLE_ENTRIES / 64; j++)
			any |= truth->young[i + j];
		cold += !any;
	}
	if (skipped != cold * TABLE_ENTRIES)
		errx(1, "skipping: %llu pages were skipped, %llu tables were cold",
		     (unsigned long long)skipped, (unsigned long long)cold);
}

u64 contest_turn(struct arena *a, const struct contestant *c, const struct truth *truth)
{
	struct stopwatch watch;
	char why[128];
	bool good;
	u64 ns;

	c->prepare(a, truth);
	forget_caches();
	/* A reader uses its buffer again and again. What is not told is wrong. */
	memset(a->idle, 0x55, a->tables.pages / 8);

	watch = stopwatch_start();
	good = timed_pass(a, c);
	ns = stopwatch_ns(watch);

	if (!good)
		errx(1, "%s: the pass failed", c->what);
	if (c->exact && !truth_agrees(truth, a->idle, why, sizeof(why)))
		errx(1, "%s: %s", c->what, why);
	if (c->exact && tables_young(&a->tables, 1, a->tables.pages))
		errx(1, "%s: young pages were left", c->what);
	if (c == &skipping)
		check_skipped(a, truth);
	return ns;
}

static int compare(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

u64 median(u64 *values, unsigned int n)
{
	qsort(values, n, sizeof(*values), compare);
	return values[n / 2];
}

void contest(struct arena *a, const struct contestant *const *c, unsigned int n,
	     const struct truth *truth, unsigned int turns, u64 *ns)
{
	u64 times[n][MAX_TURNS];

	for (unsigned int turn = 0; turn < turns; turn++)
		for (unsigned int i = 0; i < n; i++)
			times[i][turn] = contest_turn(a, c[i], truth);
	for (unsigned int i = 0; i < n; i++)
		ns[i] = median(times[i], turns);
}
