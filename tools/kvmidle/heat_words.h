/* SPDX-License-Identifier: GPL-2.0-only */
/* Short words for axes. */
#ifndef HEAT_WORDS_H
#define HEAT_WORDS_H

#include "parse.h"

#include <stddef.h>

/* A number of bytes without needless decimals: 2 MiB, 1.5 GiB. */
const char *words_size(char text[SIZE_TEXT], uint64_t bytes);

/* A length of time likewise, at most three digits: 0 s, 2.5 s, 10 min. */
const char *words_time(char text[TIME_TEXT], uint64_t ns);

/**
 * time_step() - a step for an axis of time that people count in
 * @span: what the axis covers, in ns, above 0
 * @most: steps there is room for, at least 1
 *
 * Return: nanoseconds, above 0.
 */
uint64_t time_step(uint64_t span, unsigned int most);

/* A point on an axis of time, in the unit that suits its step. */
const char *words_point(char text[TIME_TEXT], uint64_t ns, uint64_t step);

/**
 * size_step() - a step for an axis of bytes: a power of two, at least a page
 * @span: what the axis covers
 * @most: steps there is room for, at least 1
 */
uint64_t size_step(uint64_t span, unsigned int most);

#endif /* HEAT_WORDS_H */
