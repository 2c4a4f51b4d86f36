/* SPDX-License-Identifier: GPL-2.0-only */
/* Passes, made ready, timed and checked. */
#ifndef BENCH_CONTEST_H
#define BENCH_CONTEST_H

#include "contestants.h"

#define MAX_TURNS	101

/**
 * struct arena - where they compete
 * @tables: the tables of a guest; idle between passes
 * @idle: the bitmap that they answer with
 * @above: for the one that skips: what it knows
 */
struct arena {
	struct tables tables;
	u64 *idle;
	struct ki_above *above;
};

void arena_init(struct arena *a, const struct shape *shape, unsigned int gib);
void arena_free(struct arena *a);

/* For a pass of our own in it; to be freed. @skip: with a->above. */
struct ours *arena_ours(const struct arena *a, bool skip);

/**
 * struct contestant - one of them
 * @name: a word
 * @what: for people
 * @prepare: the state that it leaves to itself in normal use, and then @truth is
 *	touched
 * @pass: what is timed. False if it failed
 * @exact: all of @truth is harvested and told: to be checked
 */
struct contestant {
	const char *name;
	const char *what;
	void (*prepare)(struct arena *a, const struct truth *truth);
	bool (*pass)(struct arena *a);
	bool exact;
};

extern const struct contestant floor_, rfc, every, singles, skipping, visiting;

/* By its word; NULL if there is none. */
const struct contestant *contestant_named(const char *name);

/* The caches are full of something else. */
void forget_caches(void);

/*
 * One turn, with cold caches. Return: how long the pass took, in nanoseconds.
 * Exits if its result is wrong.
 */
u64 contest_turn(struct arena *a, const struct contestant *c, const struct truth *truth);

/* Sorts; @n is odd. */
u64 median(u64 *values, unsigned int n);

/**
 * contest() - by turns
 * @a: the arena
 * @c: @n contestants
 * @n: how many
 * @truth: what is touched before each pass
 * @turns: of each, an odd number
 * @ns: out: of each, the median
 */
void contest(struct arena *a, const struct contestant *const *c, unsigned int n,
	     const struct truth *truth, unsigned int turns, u64 *ns);

#endif /* BENCH_CONTEST_H */
