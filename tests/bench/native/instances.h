/* SPDX-License-Identifier: GPL-2.0-only */
/* Further instances of the module's walks; the Makefile makes them. */
#ifndef BENCH_INSTANCES_H
#define BENCH_INSTANCES_H

#include "table/table.h"

/* As on a processor that cannot replace two entries at once (BENCH_SINGLES). */
enum ki_walk_result ki_walk_npt_singles(struct ki_walk *w);
enum ki_walk_result ki_walk_ept_singles(struct ki_walk *w);
enum ki_walk_result ki_walk_stage2_singles(struct ki_walk *w, unsigned int page_shift);

/* One that counts the entries that it loads (BENCH_LOADS). */
enum ki_walk_result ki_walk_npt_loads(struct ki_walk *w);

#endif /* BENCH_INSTANCES_H */
