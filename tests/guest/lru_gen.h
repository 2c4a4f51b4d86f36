/* SPDX-License-Identifier: GPL-2.0-only */
/* MGLRU, by way of its file in debugfs. */
#ifndef LRU_GEN_H
#define LRU_GEN_H

#include <stdbool.h>

/* Is it in use? */
bool lru_gen_is_on(void);

/* Return: false if this kernel has none. */
bool lru_gen_turn_on(void);

/*
 * Have the accessed bits of a control group's pages looked at and cleared, and a
 * new generation made; "/" is the root of all. Return: false if another did so at
 * the same moment.
 */
bool lru_gen_age(const char *memcg);

#endif
