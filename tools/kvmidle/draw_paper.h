/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A sheet of paper to draw on by cairo, which becomes a PNG or an SVG file. For builds
 * with cairo alone.
 */
#ifndef DRAW_PAPER_H
#define DRAW_PAPER_H

#include "draw_color.h"

#include <stdbool.h>
#include <stddef.h>

/**
 * paper_can() - whether a picture can be written there
 * @path: .png or .svg at its end
 * @why: out: a sentence if not
 * @size: room at @why
 *
 * Return: 0; -EOPNOTSUPP: built without cairo; -EINVAL: the name says neither; as
 * access(2) of the folder that it would be in.
 */
int paper_can(const char *path, char *why, size_t size);

#ifdef HAVE_CAIRO
#include <cairo.h>

/**
 * paper_write() - draw something and write it to a file
 * @path: where to; its end says as what
 * @width: in pixels
 * @height: in pixels
 * @draw: draws it; the paper is white
 * @arg: for @draw
 * @why: out: a sentence if it fails
 * @size: room at @why
 *
 * It is written beside it and renamed: there is never half a picture.
 *
 * Return: 0, or a negative errno.
 */
int paper_write(const char *path, unsigned int width, unsigned int height,
		void (*draw)(cairo_t *cr, const void *arg), const void *arg,
		char *why, size_t size);

enum align {
	ALIGN_LEFT,
	ALIGN_MIDDLE,
	ALIGN_RIGHT,
};

/* Use a colour for what comes. */
void paper_color(cairo_t *cr, struct color color);

/* A filled rectangle. */
void paper_box(cairo_t *cr, double x, double y, double width, double height,
	       struct color color);

/* A line of text; @y is that of its middle. */
void paper_text(cairo_t *cr, double x, double y, enum align align, double size,
		bool bold, const char *text);

/* How wide such text would be. */
double paper_text_width(cairo_t *cr, double size, bool bold, const char *text);

/* Text that is cut off where it would be wider than @width. */
void paper_text_within(cairo_t *cr, double x, double y, double width, double size,
		       bool bold, const char *text);
#endif /* HAVE_CAIRO */

#endif /* DRAW_PAPER_H */
