/* SPDX-License-Identifier: GPL-2.0-only */
/* Those that are compared, each a pass over the tables of a whole guest. */
#ifndef BENCH_CONTESTANTS_H
#define BENCH_CONTESTANTS_H

#include "tables.h"

/*
 * The floor: the entries of all tables of pages are read, in the order of the
 * guest's memory, and nothing else is done. Return: their sum.
 */
u64 floor_pass(const struct tables *t);

/*
 * The algorithm of the RFC of 2018 ("/proc/PID/idle_bitmap"), after its
 * description: a loop over the entries of each level, a branch and, if it is
 * young, an atomic operation and a bit to clear in the bitmap for each page. A
 * table of pages is skipped if the entry above has no accessed bit, which it
 * never clears.
 */
void rfc_pass(const struct tables *t, u64 *idle);

/*
 * Every entry of every level is visited by a callback, as KVM on arm64 walks its
 * tables; this one harvests. For a stage 2 table.
 */
void visit_pass(const struct tables *t, u64 *idle);

/**
 * struct ours - the module's way, the pure parts of it
 * @t: the tables
 * @walk: which instance
 * @above: of each slice, what is known of its tables of pages; or NULL: all of
 *	them are looked at
 * @idle: the result
 * @most_at_once: out: the most that @loads went up by under one hold of the lock
 * @loads: what counts, or NULL
 * @bits: working memory
 */
struct ours {
	const struct tables *t;
	enum ki_walk_result (*walk)(struct ki_walk *w);
	struct ki_above *above;
	u64 *idle;
	u64 most_at_once;
	const u64 *loads;
	struct ki_bits bits;
};

/*
 * A harvest of the slices from @first to before @end, and the flush that follows
 * a pass. False if the tables were found strange.
 */
bool ours_pass(struct ours *o, u64 first, u64 end);

/* Likewise, but everything is marked idle by the bits above the leaves alone. */
bool ours_arm(struct ours *o, u64 first, u64 end);

static inline u64 slices_of(const struct tables *t)
{
	return t->pages / KI_SLICE_PAGES;
}

#endif /* BENCH_CONTESTANTS_H */
