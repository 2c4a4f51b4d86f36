/* SPDX-License-Identifier: GPL-2.0-only */
/* Where the cells of a heat map lie on paper. PURE. */
#ifndef DRAW_LAYOUT_H
#define DRAW_LAYOUT_H

#include "heat_picture.h"

/* Of a picture on paper, in pixels. */
#define DRAW_WIDTH_MIN	400
#define DRAW_HEIGHT_MIN	300
#define DRAW_SIZE_MAX	8192

/**
 * struct layout - the place of the cells, in whole pixels
 * @left: of the leftmost cell
 * @top: of the topmost cell
 * @width: of all cells together
 * @height: of all cells together, with the gaps between them
 * @gap: height of a gap: where addresses without memory are left out
 * @columns: cells side by side
 * @rows: cells above each other
 * @gaps: gaps above each row, and at last all of them
 */
struct layout {
	unsigned int left;
	unsigned int top;
	unsigned int width;
	unsigned int height;
	unsigned int gap;
	size_t columns;
	size_t rows;
	unsigned int *gaps;
};

/**
 * layout_room() - how many cells there is room for
 * @width: of the whole picture
 * @height: of the whole picture
 * @columns: out
 * @rows: out
 */
void layout_room(unsigned int width, unsigned int height, size_t *columns,
		 size_t *rows);

/**
 * layout_make() - lay out a picture
 * @picture: of one row and one column at least
 * @width: of the whole, DRAW_WIDTH_MIN at least
 * @height: of the whole, DRAW_HEIGHT_MIN at least
 * @layout: out; free @layout->gaps
 *
 * Return: 0, or -ENOMEM.
 */
int layout_make(const struct picture *picture, unsigned int width,
		unsigned int height, struct layout *layout);

/* The left end of a column; of column @columns, the right end of all. */
unsigned int layout_x(const struct layout *layout, size_t column);

/* The upper end of a row. */
unsigned int layout_y(const struct layout *layout, size_t row);

/* The lower end of a row. */
unsigned int layout_y_end(const struct layout *layout, size_t row);

#endif /* DRAW_LAYOUT_H */
