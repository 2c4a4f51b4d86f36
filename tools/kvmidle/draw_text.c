// SPDX-License-Identifier: GPL-2.0-only
/* Heat maps in a terminal. */
#include "draw.h"
#include "draw_color.h"
#include "heat_words.h"

#include <inttypes.h>
#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define WIDTH_DEFAULT	80
/* Room for the address at the left, if it has eight digits. */
#define LABEL		12
/* A cell over time is no wider, however few there are. */
#define CELL_MOST	8

/* From nothing mapped on; the first of the rest is mapped and cold. */
static const char plain[] = " .:-=+*#%@";
#define OUTSIDE_CHARACTER	'/'

static bool no_color(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no && *no) || !term || !*term || !strcmp(term, "dumb");
}

struct text_options text_options_of(FILE *out, unsigned int width)
{
	struct text_options options = { TEXT_PLAIN, false, width };
	const char *colors = getenv("COLORTERM");
	struct winsize size;

	if (!isatty(fileno(out))) {
		if (!options.width)
			options.width = WIDTH_DEFAULT;
		return options;
	}
	if (!options.width)
		options.width = ioctl(fileno(out), TIOCGWINSZ, &size) || !size.ws_col ?
				WIDTH_DEFAULT : size.ws_col;
	if (no_color())
		return options;
	options.style = colors && (!strcmp(colors, "truecolor") || !strcmp(colors, "24bit")) ?
			TEXT_RGB : TEXT_256;
	options.blocks = !strcmp(nl_langinfo(CODESET), "UTF-8");
	return options;
}

void text_room(const struct text_options *options, unsigned int lines,
	       size_t *columns, size_t *rows)
{
	/* Six more, for addresses as high as they can be. */
	*columns = options->width > LABEL + 6 + 8 ? options->width - LABEL - 6 : 8;
	*rows = options->blocks ? 2 * (size_t)lines : lines;
}

char level_character(int level)
{
	if (level == LEVEL_OUTSIDE)
		return OUTSIDE_CHARACTER;
	if (level == LEVEL_HOLE)
		return plain[0];
	if (!level)
		return plain[1];
	return plain[2 + (level - LEVEL_LEAST) * (sizeof(plain) - 4) /
			 (LEVEL_MAX - LEVEL_LEAST)];
}

/* Colour what comes; @layer is 3 for the letters, 4 for what is behind them. */
static void use_color(FILE *out, const struct text_options *options, int layer, int level)
{
	struct color c = color_of_level(level, GROUND_TERMINAL);

	if (level == LEVEL_OUTSIDE)
		fprintf(out, "\033[%d9m", layer);
	else if (options->style == TEXT_RGB)
		fprintf(out, "\033[%d8;2;%u;%u;%um", layer, c.red, c.green, c.blue);
	else
		fprintf(out, "\033[%d8;5;%um", layer, color_256(c));
}

static void repeat(FILE *out, const char *text, unsigned int times)
{
	while (times--)
		fputs(text, out);
}

/* One cell, or with half blocks two above each other. */
static void draw_cell(FILE *out, const struct text_options *options, int upper,
		      int lower, unsigned int width)
{
	char text[2] = { level_character(upper), '\0' };

	if (options->style == TEXT_PLAIN) {
		repeat(out, text, width);
	} else if (!options->blocks || upper == lower) {
		use_color(out, options, 4, upper);
		repeat(out, " ", width);
	} else if (upper == LEVEL_OUTSIDE) {
		/* What is behind the letters can be left as it is, they cannot. */
		use_color(out, options, 3, lower);
		use_color(out, options, 4, upper);
		repeat(out, "\342\226\204", width);	/* lower half block */
	} else {
		use_color(out, options, 3, upper);
		use_color(out, options, 4, lower);
		repeat(out, "\342\226\200", width);	/* upper half block */
	}
}

/* What is left of the cells: the longest address is the last. */
static int label_width(const struct picture *picture)
{
	int width = snprintf(NULL, 0, "  0x%" PRIx64,
			     picture->rows ? picture->row_gpa[picture->rows - 1] : 0);

	return (width > LABEL - 2 ? width : LABEL - 2) + 2;
}

/* How many characters a cell is wide. */
static unsigned int cell_width(const struct picture *picture, const struct text_options *options)
{
	size_t columns, rows;
	unsigned int width;

	text_room(options, 1, &columns, &rows);
	width = picture->columns ? columns / picture->columns : 1;
	if (!width)
		return 1;
	/* Addresses side by side have a width that is theirs. */
	if (!picture->edge_ns)
		return 1;
	return width < CELL_MOST ? width : CELL_MOST;
}

static void draw_line(const struct picture *picture, const struct text_options *options,
		      size_t row, bool two, FILE *out)
{
	unsigned int width = cell_width(picture, options);
	char label[24];
	size_t column;

	/* With "%#x", nought would have no 0x. */
	snprintf(label, sizeof(label), "0x%" PRIx64, picture->row_gpa[row]);
	fprintf(out, "%*s  ", label_width(picture) - 2, label);
	for (column = 0; column < picture->columns; column++)
		draw_cell(out, options, picture_level(picture, column, row),
			  two ? picture_level(picture, column, row + 1) : LEVEL_OUTSIDE,
			  width);
	if (options->style != TEXT_PLAIN)
		fputs("\033[0m", out);
	fputc('\n', out);
}

static void draw_edges(const struct picture *picture, const struct text_options *options,
		       FILE *out)
{
	unsigned int width = cell_width(picture, options) * picture->columns;
	char text[TIME_TEXT];
	int room;

	if (picture->edge_ns)
		words_time(text, picture->edge_ns[picture->columns]);
	else
		words_size(text, picture->row_bytes);
	room = (int)width - 3 - (int)strlen(text);
	fprintf(out, "%*s%s%*s%s\n", label_width(picture), "", picture->edge_ns ? "0 s" : "+0 ",
		room > 1 ? room : 1, "", text);
}

static void draw_swatch(FILE *out, const struct text_options *options, int level)
{
	if (options->style == TEXT_PLAIN) {
		fprintf(out, "'%c'", level_character(level));
		return;
	}
	use_color(out, options, 4, level);
	fputs("   \033[0m", out);
}

static void draw_scale(const struct picture *picture, const struct text_options *options,
		       FILE *out)
{
	const struct picture_scale *scale = &picture->scale;
	unsigned int i;

	fprintf(out, "%s:", scale->title);
	for (i = 0; i < scale->count; i++) {
		fputc(' ', out);
		draw_swatch(out, options, scale->at[i]);
		fprintf(out, " %s", scale->text[i]);
	}
	fputc('\n', out);
	draw_swatch(out, options, 0);
	fprintf(out, " %s  ", scale->cold);
	draw_swatch(out, options, LEVEL_HOLE);
	fputs(" nothing mapped", out);
	if (options->style == TEXT_PLAIN)
		fprintf(out, "  '%c' no memory", OUTSIDE_CHARACTER);
	fputc('\n', out);
}

void draw_text(const struct picture *picture, const struct text_options *options,
	       FILE *out)
{
	char size[SIZE_TEXT];
	size_t row;

	fprintf(out, "%s\n%s\n\n", picture->title, picture->subtitle);
	draw_edges(picture, options, out);
	for (row = 0; row < picture->rows; row++) {
		bool two = options->blocks && row + 1 < picture->rows &&
			   !picture->row_skipped[row + 1];

		if (picture->row_skipped[row])
			fprintf(out, "%*s~ %s without memory ~\n", label_width(picture), "",
				words_size(size, picture->row_skipped[row]));
		draw_line(picture, options, row, two, out);
		row += two;
	}
	fputc('\n', out);
	draw_scale(picture, options, out);
}
