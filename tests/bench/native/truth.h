/* SPDX-License-Identifier: GPL-2.0-only */
/* Which pages the guest touched: what every pass has to find out. */
#ifndef BENCH_TRUTH_H
#define BENCH_TRUTH_H

#include "../../kernel.h"

/**
 * struct truth - a bit a page
 * @young: of @pages bits
 * @pages: a multiple of 64
 * @count: how many of them are set
 */
struct truth {
	u64 *young;
	u64 pages;
	u64 count;
};

/* @pages: a multiple of 512. Exits where there is no memory. */
void truth_init(struct truth *t, u64 pages);
void truth_free(struct truth *t);

/* Each page with this probability, be it how it will. 0 and 1 are exact. */
void truth_scatter(struct truth *t, double part);

/* This part of all the 2 MiB, at random and at least one, with all their pages. */
void truth_cluster(struct truth *t, double part);

/**
 * truth_agrees() - is this the bitmap that tells it?
 * @t: what was touched, of memory that is all mapped
 * @idle: 1 = idle
 * @why: out: if not, what differs, for a person to read
 * @size: of @why
 */
bool truth_agrees(const struct truth *t, const u64 *idle, char *why, size_t size);

#endif /* BENCH_TRUTH_H */
