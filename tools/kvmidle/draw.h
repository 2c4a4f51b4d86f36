/* SPDX-License-Identifier: GPL-2.0-only */
/* Heat maps, drawn. All show the same cells in the same colours. */
#ifndef DRAW_H
#define DRAW_H

#include "heat_picture.h"

#include <stdbool.h>
#include <stdio.h>

/**
 * draw_file() - draw a heat map into a file
 * @picture: of one row and one column at least
 * @width: in pixels, as of draw_layout.h
 * @height: in pixels, likewise
 * @path: .png or .svg at its end
 * @why: out: a sentence if it fails
 * @size: room at @why; 512 are enough
 *
 * Return: 0, or a negative errno as of paper_write() in draw_paper.h; -EOPNOTSUPP: built
 * without cairo.
 */
int draw_file(const struct picture *picture, unsigned int width,
	      unsigned int height, const char *path, char *why, size_t size);

/* How cells are shown in a terminal. */
enum text_style {
	TEXT_PLAIN,	/* characters for levels */
	TEXT_256,	/* 256 colours */
	TEXT_RGB,	/* all of them */
};

/**
 * struct text_options - what the terminal can do
 * @style: of cells
 * @blocks: it knows half blocks, so that a line has two rows
 * @width: characters in a line
 */
struct text_options {
	enum text_style style;
	bool blocks;
	unsigned int width;
};

/**
 * text_options_of() - what a file can do, by its environment
 * @out: where the text goes
 * @width: asked for; 0: that of the terminal, or 80
 */
struct text_options text_options_of(FILE *out, unsigned int width);

/**
 * text_room() - how many cells there is room for
 * @options: of the terminal
 * @lines: for cells
 * @columns: out
 * @rows: out
 */
void text_room(const struct text_options *options, unsigned int lines,
	       size_t *columns, size_t *rows);

/* What stands for a level where there are no colours. */
char level_character(int level);

/* Draw a heat map as text. */
void draw_text(const struct picture *picture, const struct text_options *options,
	       FILE *out);

#endif /* DRAW_H */
