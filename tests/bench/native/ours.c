// SPDX-License-Identifier: GPL-2.0-only
/*
 * What src/harvest.c and src/source/direct.c do with a slice, without locks and
 * without writing down for others what was found.
 */
#include "contestants.h"
#include "encode/bitmap.h"

/*
 * Words looked at under one hold of the lock at the least: the Makefile reads it
 * in src/source/direct.c.
 */
#define WORDS_AT_ONCE	BENCH_WORDS_AT_ONCE

static struct ki_walk walk_of(struct ours *o, u64 slice)
{
	return (struct ki_walk) {
		.root		= tables_root(o->t),
		.levels		= o->t->shape->levels,
		.root_entries	= o->t->shape->root_entries,
		.addr_mask	= ADDR_MASK,
		.base		= slice * KI_SLICE_PAGES,
		.clear		= true,
		.above		= o->above ? &o->above[slice] : NULL,
		.bits		= &o->bits,
	};
}

/* After a pass, all TLBs are flushed. */
static void flush(struct ours *o, u64 slice)
{
	if (o->above) {
		o->above[slice].settled |= o->above[slice].cleared;
		o->above[slice].cleared = 0;
	}
}

/* Nothing to clear, and nothing new? */
static bool all_asleep(struct ours *o, u64 slice)
{
	struct ki_walk w = walk_of(o, slice);

	if (!o->above || ~(o->above[slice].quiet & o->above[slice].whole))
		return false;
	w.start = w.base;
	w.end = w.base + KI_SLICE_PAGES;
	w.only_skip = true;
	return o->walk(&w) == KI_WALK_SKIPPED;
}

static bool look(struct ours *o, u64 slice)
{
	struct ki_bits *bits = &o->bits;

	ki_bits_clear_answers(bits);
	for (unsigned int word = 0, stop; word < KI_SLICE_WORDS; word = stop) {
		struct ki_walk w = walk_of(o, slice);
		u64 before = o->loads ? *o->loads : 0;

		stop = word + WORDS_AT_ONCE;
		w.start = w.base + 64ULL * word;
		w.end = w.base + 64ULL * stop;
		if (o->walk(&w) != KI_WALK_DONE)
			return false;
		if (o->loads && *o->loads - before > o->most_at_once)
			o->most_at_once = *o->loads - before;
	}
	return true;
}

static bool harvest(struct ours *o, u64 slice)
{
	struct ki_bits *bits = &o->bits;

	memset(bits->want, 0xff, sizeof(bits->want));
	if (all_asleep(o, slice)) {
		memcpy(&o->idle[slice * KI_SLICE_WORDS], bits->want, sizeof(bits->want));
		return true;
	}
	if (!look(o, slice))
		return false;
	ki_encode_bitmap(&o->idle[slice * KI_SLICE_WORDS], bits->present, bits->young,
			 KI_SLICE_WORDS);
	return true;
}

bool ours_pass(struct ours *o, u64 first, u64 end)
{
	for (u64 slice = first; slice < end; slice++) {
		if (!harvest(o, slice))
			return false;
		flush(o, slice);
	}
	return true;
}

bool ours_arm(struct ours *o, u64 first, u64 end)
{
	for (u64 slice = first; slice < end; slice++) {
		struct ki_walk w = walk_of(o, slice);

		w.start = w.base;
		w.end = w.base + KI_SLICE_PAGES;
		w.arm = true;
		if (o->walk(&w) != KI_WALK_DONE)
			return false;
		flush(o, slice);
	}
	return true;
}
