// SPDX-License-Identifier: GPL-2.0-only
/* How the working set went, as a picture of lines. */
#include "plot.h"
#include "draw_paper.h"

#ifndef HAVE_CAIRO

int plot_write(const char *path, const char *title, const char *recent,
	       const struct plot_point *points, size_t count, char *why, size_t size)
{
	(void)title;
	(void)recent;
	(void)points;
	(void)count;
	return paper_can(path, why, size);
}

#else

#include "heat_words.h"

#define WIDTH	1000
#define HEIGHT	560
#define LEFT	84
#define RIGHT	28
#define TOP	52
#define BOTTOM	84
#define FONT	12.0

static const struct color ink = { 0x20, 0x20, 0x20 };
static const struct color pale = { 0x70, 0x70, 0x70 };
static const struct color grid = { 0xe4, 0xe4, 0xe4 };

#define LINES	4

/* Told apart by how light they are too, and by the order in which they lie. */
static const struct color colors[LINES] = {
	{ 0x9a, 0x9a, 0x9a }, { 0x44, 0x01, 0x54 }, { 0x21, 0x91, 0x8c },
	{ 0xe0, 0x8a, 0x00 },
};

struct plot {
	const char *title;
	const char *names[LINES];
	const struct plot_point *points;
	size_t count;
	uint64_t ns;
	double bytes;
};

/* From the uppermost line to the lowest. */
static uint64_t figure(const struct plot_point *point, unsigned int line)
{
	const uint64_t figures[LINES] = {
		point->mapped, point->since_start, point->recent, point->touched,
	};

	return figures[line];
}

static double x_of(const struct plot *p, uint64_t ns)
{
	return LEFT + (WIDTH - LEFT - RIGHT) * ((double)ns / p->ns);
}

static double y_of(const struct plot *p, double bytes)
{
	return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * bytes / p->bytes;
}

static void rule(cairo_t *cr, double x, double y, double x_end, double y_end,
		 struct color color)
{
	cairo_set_line_width(cr, 1);
	cairo_move_to(cr, x, y);
	cairo_line_to(cr, x_end, y_end);
	paper_color(cr, color);
	cairo_stroke(cr);
}

static void draw_axes(cairo_t *cr, const struct plot *p)
{
	uint64_t bytes, byte_step = size_step(p->bytes, 8);
	uint64_t at, step = time_step(p->ns, 10);
	char text[TIME_TEXT], size[SIZE_TEXT];

	for (bytes = 0; bytes <= p->bytes; bytes += byte_step) {
		double y = (int)y_of(p, bytes) + 0.5;

		rule(cr, LEFT, y, WIDTH - RIGHT, y, bytes ? grid : pale);
		paper_color(cr, ink);
		paper_text(cr, LEFT - 9, y, ALIGN_RIGHT, FONT, false,
			   bytes ? words_size(size, bytes) : "0");
	}
	for (at = 0; ; at += step) {
		double x = (int)x_of(p, at) + 0.5;

		rule(cr, x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 5, pale);
		paper_color(cr, ink);
		paper_text(cr, x, HEIGHT - BOTTOM + 16, ALIGN_MIDDLE, FONT, false,
			   words_point(text, at, step));
		/* Not by comparing at + step, which may be too large for 64 bits. */
		if (p->ns - at < step)
			break;
	}
}

static void draw_line(cairo_t *cr, const struct plot *p, unsigned int line)
{
	size_t i;

	cairo_new_path(cr);
	for (i = 0; i < p->count; i++)
		cairo_line_to(cr, x_of(p, p->points[i].ns),
			      y_of(p, figure(&p->points[i], line)));
	cairo_set_line_width(cr, 2);
	cairo_set_line_join(cr, CAIRO_LINE_JOIN_ROUND);
	paper_color(cr, colors[line]);
	cairo_stroke(cr);
	/* One point makes no line, and few of them shall be seen. */
	for (i = 0; p->count <= 60 && i < p->count; i++) {
		cairo_new_path(cr);
		cairo_arc(cr, x_of(p, p->points[i].ns),
			  y_of(p, figure(&p->points[i], line)), 3, 0, 6.2832);
		cairo_fill(cr);
	}
}

static void draw_names(cairo_t *cr, const struct plot *p)
{
	double x = LEFT, y = HEIGHT - 30;
	unsigned int line;

	for (line = 0; line < LINES; line++) {
		paper_box(cr, x, y - 2, 22, 4, colors[line]);
		paper_color(cr, ink);
		paper_text(cr, x + 29, y, ALIGN_LEFT, FONT, false, p->names[line]);
		x += 29 + paper_text_width(cr, FONT, false, p->names[line]) + 24;
	}
}

static void draw(cairo_t *cr, const void *arg)
{
	const struct plot *p = arg;
	unsigned int line;

	paper_color(cr, ink);
	paper_text_within(cr, LEFT, 24, WIDTH - LEFT - 8, 17, true, p->title);
	draw_axes(cr, p);
	for (line = 0; line < LINES; line++)
		draw_line(cr, p, line);
	draw_names(cr, p);
}

int plot_write(const char *path, const char *title, const char *recent,
	       const struct plot_point *points, size_t count, char *why, size_t size)
{
	struct plot p = {
		.title = title,
		.names = { "mapped", "touched since the start", recent,
			   "touched since the pass before" },
		.points = points,
		.count = count,
		.ns = points[count - 1].ns,
	};
	unsigned int line;
	size_t i;

	for (i = 0; i < count; i++)
		for (line = 0; line < LINES; line++)
			if (figure(&points[i], line) > p.bytes)
				p.bytes = figure(&points[i], line);
	/* A little air above the highest line; and something to divide by. */
	p.bytes = p.bytes ? p.bytes * 1.05 : 4096;
	if (!p.ns)
		p.ns = NS_PER_SECOND;
	return paper_write(path, WIDTH, HEIGHT, draw, &p, why, size);
}

#endif /* HAVE_CAIRO */
