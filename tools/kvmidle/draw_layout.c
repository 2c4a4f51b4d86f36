// SPDX-License-Identifier: GPL-2.0-only
/* Where the cells of a heat map lie on paper. */
#include "draw_layout.h"

#include <errno.h>
#include <stdlib.h>

/* Around the cells: addresses, sizes, title, time and the scale. */
#define LEFT	104
#define RIGHT	76
/* Of the left, for each digit of an address above eight. */
#define DIGIT	8
#define TOP	64
#define BOTTOM	124

#define GAP		16
/* A cell is seen if it is no smaller. */
#define CELL_WIDTH	2
#define CELL_HEIGHT	2

static unsigned int left_of(uint64_t last_gpa)
{
	unsigned int digits = 8;

	while (digits < 16 && last_gpa >> 4 * digits)
		digits++;
	return LEFT + (digits - 8) * DIGIT;
}

void layout_room(unsigned int width, unsigned int height, size_t *columns,
		 size_t *rows)
{
	*columns = (width - LEFT - RIGHT) / CELL_WIDTH;
	*rows = (height - TOP - BOTTOM) / CELL_HEIGHT;
}

int layout_make(const struct picture *picture, unsigned int width,
		unsigned int height, struct layout *layout)
{
	unsigned int gaps = 0;
	size_t row;

	*layout = (struct layout){
		.left = left_of(picture->row_gpa[picture->rows - 1]),
		.top = TOP,
		.height = height - TOP - BOTTOM,
		.columns = picture->columns,
		.rows = picture->rows,
	};
	layout->width = width - layout->left - RIGHT;
	layout->gaps = calloc(picture->rows + 1, sizeof(*layout->gaps));
	if (!layout->gaps)
		return -ENOMEM;
	for (row = 0; row < picture->rows; row++) {
		if (picture->row_skipped[row])
			gaps++;
		layout->gaps[row] = gaps;
	}
	layout->gaps[row] = gaps;
	/* However many there are, most of the height is for memory. */
	layout->gap = gaps ? layout->height / 3 / gaps : 0;
	if (layout->gap > GAP)
		layout->gap = GAP;
	return 0;
}

unsigned int layout_x(const struct layout *layout, size_t column)
{
	return layout->left + column * layout->width / layout->columns;
}

/* What the rows above take, without gaps. */
static unsigned int height_above(const struct layout *layout, size_t row)
{
	return row * (layout->height - layout->gaps[layout->rows] * layout->gap) /
	       layout->rows;
}

unsigned int layout_y(const struct layout *layout, size_t row)
{
	return layout->top + layout->gaps[row] * layout->gap +
	       height_above(layout, row);
}

unsigned int layout_y_end(const struct layout *layout, size_t row)
{
	return layout->top + layout->gaps[row] * layout->gap +
	       height_above(layout, row + 1);
}
