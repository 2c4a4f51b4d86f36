// SPDX-License-Identifier: GPL-2.0-only
/* Heat maps on paper. */
#include "draw.h"
#include "draw_layout.h"
#include "draw_paper.h"
#include "heat_words.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#ifndef HAVE_CAIRO

int draw_file(const struct picture *picture, unsigned int width,
	      unsigned int height, const char *path, char *why, size_t size)
{
	(void)picture;
	(void)width;
	(void)height;
	return paper_can(path, why, size);
}

#else

#define FONT		12.0
#define FONT_TITLE	17.0
/* From one label to the next: more would be a list. */
#define LABEL_HEIGHT	18
#define LABEL_WIDTH	90

static const struct color ink = { 0x20, 0x20, 0x20 };
static const struct color pale = { 0x70, 0x70, 0x70 };

struct sheet {
	const struct picture *picture;
	struct layout layout;
	unsigned int width;
};

static void draw_title(cairo_t *cr, const struct sheet *s)
{
	double width = s->layout.width;

	paper_color(cr, ink);
	paper_text_within(cr, s->layout.left, 22, width, FONT_TITLE, true,
			  s->picture->title);
	paper_color(cr, pale);
	paper_text_within(cr, s->layout.left, 45, width, FONT, false,
			  s->picture->subtitle);
}

/* Neighbours of one colour are one rectangle: an SVG has some less of them. */
static void draw_row(cairo_t *cr, const struct sheet *s, size_t row)
{
	const struct picture *p = s->picture;
	unsigned int y = layout_y(&s->layout, row);
	unsigned int height = layout_y_end(&s->layout, row) - y;
	size_t from = 0, to;

	for (; from < p->columns; from = to) {
		int level = picture_level(p, from, row);
		unsigned int x = layout_x(&s->layout, from);

		for (to = from + 1; to < p->columns; to++)
			if (picture_level(p, to, row) != level)
				break;
		if (level != LEVEL_OUTSIDE)
			paper_box(cr, x, y, layout_x(&s->layout, to) - x, height,
				  color_of_level(level, GROUND_PAPER));
	}
}

/* A wave over the whole width: the address goes on elsewhere. */
static void draw_gap(cairo_t *cr, const struct sheet *s, size_t row)
{
	const struct layout *l = &s->layout;
	double y = layout_y(l, row) - l->gap / 2.0;
	double height = l->gap / 4.0, x = l->left, width;
	char size[SIZE_TEXT], text[64];

	if (l->gap < 4)
		return;
	cairo_save(cr);
	cairo_rectangle(cr, l->left, y - l->gap, l->width, 2 * l->gap);
	cairo_clip(cr);
	cairo_move_to(cr, x, y);
	for (; x < l->left + l->width; x += 16)
		cairo_rel_curve_to(cr, 5, -height * 2, 11, height * 2, 16, 0);
	cairo_set_line_width(cr, 1);
	paper_color(cr, pale);
	cairo_stroke(cr);
	cairo_restore(cr);
	if (l->gap < FONT)
		return;
	snprintf(text, sizeof(text), "%s without memory",
		 words_size(size, s->picture->row_skipped[row]));
	width = paper_text_width(cr, FONT - 1, false, text) + 16;
	if (width > l->width)
		return;
	paper_box(cr, l->left + (l->width - width) / 2, y - l->gap / 2.0, width, l->gap,
		  color_of_level(LEVEL_OUTSIDE, GROUND_PAPER));
	paper_color(cr, pale);
	paper_text(cr, l->left + l->width / 2.0, y, ALIGN_MIDDLE, FONT - 1, false, text);
}

static void draw_cells(cairo_t *cr, const struct sheet *s)
{
	size_t row;

	cairo_set_antialias(cr, CAIRO_ANTIALIAS_NONE);
	for (row = 0; row < s->picture->rows; row++)
		draw_row(cr, s, row);
	cairo_set_antialias(cr, CAIRO_ANTIALIAS_DEFAULT);
	for (row = 0; row < s->picture->rows; row++)
		if (s->picture->row_skipped[row])
			draw_gap(cr, s, row);
}

static void tick(cairo_t *cr, double x, double y, double dx, double dy)
{
	cairo_move_to(cr, x, y);
	cairo_rel_line_to(cr, dx, dy);
	cairo_set_line_width(cr, 1);
	cairo_stroke(cr);
}

/* How much memory there is above a line: what is left out does not count. */
static void draw_sizes(cairo_t *cr, const struct sheet *s)
{
	const struct picture *p = s->picture;
	const struct layout *l = &s->layout;
	uint64_t above = 0, all = 0, at, step;
	char size[SIZE_TEXT];
	size_t row;

	for (row = 0; row < p->rows; row++)
		all += p->row_covered[row];
	step = size_step(all, l->height / LABEL_HEIGHT);
	at = 0;
	for (row = 0; row < p->rows; above += p->row_covered[row++])
		for (; at < above + p->row_covered[row]; at += step) {
			double top = layout_y(l, row), end = layout_y_end(l, row);
			double y = (int)(top + (end - top) * (at - above) /
					 p->row_covered[row]) + 0.5;

			paper_color(cr, pale);
			tick(cr, l->left + l->width, y, 5, 0);
			paper_color(cr, ink);
			paper_text(cr, l->left + l->width + 9, y, ALIGN_LEFT, FONT,
				   false, at ? words_size(size, at) : "0");
		}
	paper_color(cr, pale);
	paper_text(cr, l->left + l->width + 9, l->top - 17, ALIGN_LEFT, FONT, false,
		   "memory");
}

/* Guest addresses. */
static void draw_addresses(cairo_t *cr, const struct sheet *s)
{
	const struct picture *p = s->picture;
	const struct layout *l = &s->layout;
	uint64_t step = size_step(p->rows * p->row_bytes, l->height / LABEL_HEIGHT);
	double last = -LABEL_HEIGHT;
	char text[32];
	size_t row;

	for (row = 0; row < p->rows; row++) {
		double y = layout_y(l, row) + 0.5;
		bool first = !row || p->row_skipped[row];

		if ((!first && p->row_gpa[row] % step) || y < last + LABEL_HEIGHT)
			continue;
		last = y;
		paper_color(cr, pale);
		tick(cr, l->left, y, -5, 0);
		paper_color(cr, ink);
		snprintf(text, sizeof(text), "0x%08" PRIx64, p->row_gpa[row]);
		paper_text(cr, l->left - 9, y, ALIGN_RIGHT, FONT, false, text);
	}
	paper_color(cr, pale);
	paper_text(cr, l->left - 9, l->top - 17, ALIGN_RIGHT, FONT, false, "guest address");
}

/* Where a moment lies, between the edges of its column. */
static double x_of_time(const struct sheet *s, uint64_t ns)
{
	const uint64_t *edge = s->picture->edge_ns;
	size_t c = 0;
	double x, length;

	while (c + 1 < s->picture->columns && ns >= edge[c + 1])
		c++;
	x = layout_x(&s->layout, c);
	length = edge[c + 1] > edge[c] ? edge[c + 1] - edge[c] : 1;
	return x + (layout_x(&s->layout, c + 1) - x) * (ns - edge[c]) / length;
}

static void draw_label(cairo_t *cr, const struct sheet *s, double x, const char *text)
{
	double y = s->layout.top + s->layout.height;

	paper_color(cr, pale);
	tick(cr, x, y, 0, 5);
	paper_color(cr, ink);
	paper_text(cr, x, y + 15, ALIGN_MIDDLE, FONT, false, text);
}

static void draw_time(cairo_t *cr, const struct sheet *s)
{
	uint64_t end = s->picture->edge_ns[s->picture->columns], at, step;
	char text[TIME_TEXT];

	if (!end)
		return;
	step = time_step(end, s->layout.width / LABEL_WIDTH + 1);
	for (at = 0; ; at += step) {
		draw_label(cr, s, x_of_time(s, at), words_point(text, at, step));
		/* Not by comparing at + step, which may be too large for 64 bits. */
		if (end - at < step)
			break;
	}
}

static void draw_offsets(cairo_t *cr, const struct sheet *s)
{
	uint64_t row = s->picture->row_bytes, at;
	uint64_t step = size_step(row, s->layout.width / LABEL_WIDTH + 1);
	char text[SIZE_TEXT + 2] = "+";

	for (at = 0; at <= row; at += step) {
		words_size(text + 1, at);
		draw_label(cr, s, s->layout.left + (double)s->layout.width * at / row,
			   at ? text : "0");
	}
}

static double draw_swatch(cairo_t *cr, double x, double y, int level, const char *text)
{
	paper_box(cr, x, y - 6, 22, 12, color_of_level(level, GROUND_PAPER));
	paper_color(cr, ink);
	paper_text(cr, x + 29, y, ALIGN_LEFT, FONT, false, text);
	return x + 29 + paper_text_width(cr, FONT, false, text) + 22;
}

/* What the colours mean: the scale, and below it what is not on it. */
static void draw_scale(cairo_t *cr, const struct sheet *s)
{
	const struct picture_scale *scale = &s->picture->scale;
	const unsigned int steps = LEVEL_MAX - LEVEL_LEAST;
	double y = s->layout.top + s->layout.height + 50, x = s->layout.left;
	double title = paper_text_width(cr, FONT, false, scale->title) + 14;
	double left = x + title, width = s->layout.width - title, free;
	unsigned int i;

	paper_color(cr, ink);
	if (width < 150) {
		/* Narrow: the title above it. */
		paper_text(cr, x, y - 14, ALIGN_LEFT, FONT, false, scale->title);
		left = x;
		width = s->layout.width;
	} else {
		paper_text(cr, x, y + 1, ALIGN_LEFT, FONT, false, scale->title);
	}
	if (width > 480)
		width = 480;
	free = left + width + 40;

	cairo_set_antialias(cr, CAIRO_ANTIALIAS_NONE);
	for (i = 0; i <= steps; i++)
		paper_box(cr, left + width * i / (steps + 1), y - 6,
			  width / (steps + 1) + 1, 13,
			  color_of_level(LEVEL_LEAST + i, GROUND_PAPER));
	cairo_set_antialias(cr, CAIRO_ANTIALIAS_DEFAULT);
	/* From the hot end: where there is little room, its words are kept. */
	for (i = scale->count; i--;) {
		double at = left + width * (scale->at[i] - LEVEL_LEAST) / steps;
		double half = paper_text_width(cr, FONT - 1, false, scale->text[i]) / 2 + 3;

		if (at + half > free)
			continue;
		free = at - half;
		paper_color(cr, pale);
		tick(cr, at, y + 7, 0, 4);
		paper_color(cr, ink);
		paper_text(cr, at, y + 19, ALIGN_MIDDLE, FONT - 1, false, scale->text[i]);
	}

	y += 49;
	x = draw_swatch(cr, x, y, 0, scale->cold);
	x = draw_swatch(cr, x, y, LEVEL_HOLE, "nothing mapped");
	if (s->layout.gaps[s->layout.rows]) {
		paper_color(cr, pale);
		cairo_move_to(cr, x, y);
		cairo_rel_curve_to(cr, 5, -6, 11, 6, 16, 0);
		cairo_set_line_width(cr, 1);
		cairo_stroke(cr);
		paper_color(cr, ink);
		paper_text(cr, x + 23, y, ALIGN_LEFT, FONT, false, "no memory: left out");
	}
}

static void draw(cairo_t *cr, const void *arg)
{
	const struct sheet *s = arg;

	draw_title(cr, s);
	draw_cells(cr, s);
	draw_addresses(cr, s);
	draw_sizes(cr, s);
	if (s->picture->edge_ns)
		draw_time(cr, s);
	else
		draw_offsets(cr, s);
	draw_scale(cr, s);
}

int draw_file(const struct picture *picture, unsigned int width,
	      unsigned int height, const char *path, char *why, size_t size)
{
	struct sheet s = { .picture = picture, .width = width };
	int err;

	if (layout_make(picture, width, height, &s.layout)) {
		snprintf(why, size, "out of memory");
		return -ENOMEM;
	}
	err = paper_write(path, width, height, draw, &s, why, size);
	free(s.layout.gaps);
	return err;
}

#endif /* HAVE_CAIRO */
