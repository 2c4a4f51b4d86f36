// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <stdio.h>
#include <stdlib.h>

#include "random.h"
#include "truth.h"

#define TABLE_WORDS	8	/* of a bitmap: the pages of one table, 2 MiB */

void truth_init(struct truth *t, u64 pages)
{
	t->pages = pages;
	t->count = 0;
	t->young = calloc(pages / 64, sizeof(u64));
	if (!t->young)
		err(1, "no memory for a bitmap");
}

void truth_free(struct truth *t)
{
	free(t->young);
}

static void count(struct truth *t)
{
	t->count = 0;
	for (u64 i = 0; i < t->pages / 64; i++)
		t->count += (u64)__builtin_popcountll(t->young[i]);
}

void truth_scatter(struct truth *t, double part)
{
	u64 state = 0x9e3779b97f4a7c15ULL;
	u64 below = (u64)(part * 4294967296.0);

	for (u64 i = 0; i < t->pages / 64; i++) {
		t->young[i] = 0;
		for (unsigned int bit = 0; bit < 64; bit++)
			if (random_next(&state) >> 32 < below)
				t->young[i] |= BIT_ULL(bit);
	}
	count(t);
}

void truth_cluster(struct truth *t, double part)
{
	u64 state = 0xd1b54a32d192ed03ULL;
	u64 tables = t->pages / 64 / TABLE_WORDS;
	u64 left = (u64)(part * (double)tables);

	memset(t->young, 0, t->pages / 8);
	for (left = left ?: 1; left; ) {
		u64 *word = &t->young[random_below(&state, tables) * TABLE_WORDS];

		if (*word)
			continue;
		memset(word, 0xff, TABLE_WORDS * sizeof(u64));
		left--;
	}
	count(t);
}

bool truth_agrees(const struct truth *t, const u64 *idle, char *why, size_t size)
{
	u64 missed = 0, extra = 0;

	for (u64 i = 0; i < t->pages / 64; i++) {
		missed += (u64)__builtin_popcountll(idle[i] & t->young[i]);
		extra += (u64)__builtin_popcountll(~idle[i] & ~t->young[i]);
	}
	if (!missed && !extra)
		return true;
	snprintf(why, size, "%llu of %llu touched pages missed, %llu reported that were not touched",
		 (unsigned long long)missed, (unsigned long long)t->count,
		 (unsigned long long)extra);
	return false;
}
