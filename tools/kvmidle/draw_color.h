/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The colours of levels, the same wherever they are drawn: from dark violet over green
 * to bright yellow, each lighter than the one before, so that they keep their order for
 * colour-blind people and in grey.
 */
#ifndef DRAW_COLOR_H
#define DRAW_COLOR_H

#include <stdint.h>

struct color {
	uint8_t red;
	uint8_t green;
	uint8_t blue;
};

/* What is behind it: decides the greys of what has no level. */
enum ground {
	GROUND_PAPER,
	GROUND_TERMINAL,
};

/* The colour of a level, of LEVEL_HOLE or LEVEL_OUTSIDE. */
struct color color_of_level(int level, enum ground ground);

/* The nearest of the colours 16 ... 255 of a terminal that has 256. */
unsigned int color_256(struct color color);

#endif /* DRAW_COLOR_H */
