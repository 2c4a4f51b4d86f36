// SPDX-License-Identifier: GPL-2.0-only
/* What a heat map shows, ready to be drawn. */
#include "heat_picture.h"
#include "heat_words.h"
#include "parse.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEVEL_SPAN	(LEVEL_MAX - LEVEL_LEAST)

/* Words at the scale that are closer than this would lie upon each other. */
#define TICK_DISTANCE	24

int level_of_share(uint64_t touched, uint64_t covered)
{
	double share;

	if (!touched || !covered)
		return 0;
	share = (double)touched / covered;
	return LEVEL_LEAST + lround(LEVEL_SPAN * sqrt(share < 1 ? share : 1));
}

int level_of_age(double age, double oldest)
{
	if (age <= 0)
		return LEVEL_MAX;
	if (age >= oldest)
		return 0;
	return LEVEL_MAX - lround(LEVEL_SPAN * log1p(age) / log1p(oldest));
}

static void scale_of_share(struct picture_scale *scale)
{
	static const unsigned int percent[] = { 1, 5, 10, 25, 50, 75, 100 };
	unsigned int i;

	strcpy(scale->title, "share touched in each pass");
	strcpy(scale->cold, "not touched");
	for (i = 0; i < sizeof(percent) / sizeof(percent[0]); i++) {
		scale->at[i] = level_of_share(percent[i], 100);
		snprintf(scale->text[i], sizeof(scale->text[i]), "%u%%", percent[i]);
	}
	scale->count = i;
}

/* What a number of passes stands for, on the average, to two digits. */
static const char *words_age(char text[TIME_TEXT], unsigned int age, uint64_t pass_ns)
{
	uint64_t ns = age * pass_ns, digit = 1;

	while (ns / digit >= 100)
		digit *= 10;
	return words_time(text, (ns + digit / 2) / digit * digit);
}

static void scale_of_ages(struct picture_scale *scale, unsigned int oldest,
			  uint64_t pass_ns)
{
	static const unsigned int ages[] = { 200, 100, 50, 20, 10, 5, 2, 1, 0 };
	int last = LEVEL_LEAST - TICK_DISTANCE;
	char text[TIME_TEXT];
	unsigned int i;

	strcpy(scale->title, "idle for (mean of the cell)");
	snprintf(scale->cold, sizeof(scale->cold), "%s or more",
		 words_age(text, oldest, pass_ns));
	for (i = 0; i < sizeof(ages) / sizeof(ages[0]); i++) {
		int level = level_of_age(ages[i], oldest);

		/* Rather the hot end than what is too close to it. */
		if (ages[i] >= oldest || level < last + TICK_DISTANCE ||
		    (ages[i] && level > LEVEL_MAX - TICK_DISTANCE) ||
		    scale->count == SCALE_TICKS)
			continue;
		scale->at[scale->count] = last = level;
		snprintf(scale->text[scale->count++], sizeof(scale->text[0]), "%s",
			 words_age(text, ages[i], pass_ns));
	}
}

static int allocate(struct picture *picture)
{
	size_t rows = picture->rows ? picture->rows : 1;

	picture->levels = calloc(rows * (picture->columns + 1), sizeof(*picture->levels));
	picture->row_gpa = calloc(rows, sizeof(*picture->row_gpa));
	picture->row_covered = calloc(rows, sizeof(*picture->row_covered));
	picture->row_skipped = calloc(rows, sizeof(*picture->row_skipped));
	if (!picture->levels || !picture->row_gpa || !picture->row_covered ||
	    !picture->row_skipped)
		return -ENOMEM;
	return 0;
}

static void place_row(struct picture *picture, size_t row, uint64_t gpa)
{
	picture->row_gpa[row] = gpa;
	if (row)
		picture->row_skipped[row] = gpa - picture->row_gpa[row - 1] -
					    picture->row_bytes;
}

int level_of_cell(const struct heat_cell *cell)
{
	if (!cell->covered)
		return LEVEL_OUTSIDE;
	if (!cell->mapped && !cell->touched)
		return LEVEL_HOLE;
	return level_of_share(cell->touched, cell->covered);
}

static void make_title(struct picture *picture, const struct picture_words *words,
		       const char *what)
{
	snprintf(picture->title, sizeof(picture->title), "%s (process %d): %s",
		 words->name, (int)words->pid, what);
}

/* Half of a sentence that both kinds begin with. */
static int say_memory(const struct picture *picture, const struct heat *heat,
		      char *text, size_t size)
{
	struct heat_cell latest = heat_latest(heat);
	char covered[SIZE_TEXT], mapped[SIZE_TEXT], row[SIZE_TEXT];

	return snprintf(text, size, "%s of memory, %s mapped; a row is %s",
			format_size(covered, latest.covered),
			format_size(mapped, latest.mapped),
			words_size(row, picture->row_bytes));
}

int picture_of_time(const struct heat *heat, const struct picture_words *words,
		    struct picture *picture)
{
	size_t column, row;
	char text[TIME_TEXT];
	int length;

	*picture = (struct picture){
		.columns = heat_columns(heat),
		.rows = heat_bins(heat),
		.row_bytes = heat_bin_bytes(heat),
	};
	picture->edge_ns = calloc(picture->columns + 1, sizeof(*picture->edge_ns));
	if (!picture->edge_ns || allocate(picture))
		return -ENOMEM;

	for (row = 0; row < picture->rows; row++)
		place_row(picture, row, heat_bin_gpa(heat, row));
	for (column = 0; column < picture->columns; column++) {
		const struct heat_column *c = heat_column(heat, column);

		picture->edge_ns[column + 1] = c->to_ns - heat_column(heat, 0)->from_ns;
		for (row = 0; row < picture->rows; row++) {
			uint64_t covered = c->cells[row].covered / c->passes;

			picture->levels[row * picture->columns + column] =
				level_of_cell(&c->cells[row]);
			if (picture->row_covered[row] < covered)
				picture->row_covered[row] = covered;
		}
	}
	scale_of_share(&picture->scale);

	make_title(picture, words, "memory touched over time");
	length = say_memory(picture, heat, picture->subtitle, sizeof(picture->subtitle));
	snprintf(picture->subtitle + length, sizeof(picture->subtitle) - length,
		 "; %" PRIu64 " pass%s in %s", heat_passes(heat),
		 heat_passes(heat) == 1 ? "" : "es",
		 words_time(text, picture->edge_ns[picture->columns]));
	return 0;
}

/* Where each row of a grid begins; returns how many there are. */
static size_t find_rows(const struct heat *heat, uint64_t row_bytes, uint64_t *gpas)
{
	size_t bin, n = 0;

	for (bin = 0; bin < heat_bins(heat); bin++) {
		uint64_t gpa = heat_bin_gpa(heat, bin) / row_bytes * row_bytes;

		if (!n || gpas[n - 1] != gpa)
			gpas[n++] = gpa;
	}
	return n;
}

double heat_mean_age(const struct heat *heat, size_t bin,
		     const struct kvmidle_ages *ages, uint64_t page_size)
{
	uint64_t at_least[KVMIDLE_AGE_MAX + 1], sum = 0;
	unsigned int age;

	kvmidle_ages_histogram(ages, heat_bin_gpa(heat, bin) / page_size,
			       heat_bin_bytes(heat) / page_size, at_least);
	for (age = 1; age <= KVMIDLE_AGE_MAX; age++)
		sum += at_least[age];
	return (double)sum * page_size / heat_column(heat, 0)->cells[bin].mapped;
}

static int level_of_bin(const struct heat *heat, size_t bin,
			const struct kvmidle_ages *ages, uint64_t page_size,
			unsigned int oldest)
{
	const struct heat_cell *cell = &heat_column(heat, 0)->cells[bin];

	if (!cell->covered)
		return LEVEL_OUTSIDE;
	if (!cell->mapped)
		return LEVEL_HOLE;
	return level_of_age(heat_mean_age(heat, bin, ages, page_size), oldest);
}

int picture_of_ages(const struct heat *heat, size_t bins_per_row,
		    const struct kvmidle_ages *ages, uint64_t page_size,
		    const struct picture_words *words, struct picture *picture)
{
	uint64_t passes = kvmidle_ages_passes(ages), *gpas;
	unsigned int oldest = passes < KVMIDLE_AGE_MAX ? passes : KVMIDLE_AGE_MAX;
	char text[SIZE_TEXT];
	size_t bin, row = 0, i;
	int length;

	*picture = (struct picture){
		.columns = bins_per_row,
		.row_bytes = heat_bin_bytes(heat) * bins_per_row,
	};
	gpas = calloc(heat_bins(heat) + 1, sizeof(*gpas));
	if (!gpas)
		return -ENOMEM;
	picture->rows = find_rows(heat, picture->row_bytes, gpas);
	if (allocate(picture)) {
		free(gpas);
		return -ENOMEM;
	}
	for (i = 0; i < picture->rows; i++)
		place_row(picture, i, gpas[i]);
	for (i = 0; i < picture->rows * picture->columns; i++)
		picture->levels[i] = LEVEL_OUTSIDE;
	for (bin = 0; heat_columns(heat) && bin < heat_bins(heat); bin++) {
		uint64_t gpa = heat_bin_gpa(heat, bin);

		while (gpa >= gpas[row] + picture->row_bytes)
			row++;
		picture->row_covered[row] += heat_column(heat, 0)->cells[bin].covered;
		picture->levels[row * picture->columns +
				(gpa - gpas[row]) / heat_bin_bytes(heat)] =
			level_of_bin(heat, bin, ages, page_size, oldest);
	}
	free(gpas);
	scale_of_ages(&picture->scale, oldest, words->pass_ns);

	make_title(picture, words, "how long memory has been idle");
	length = say_memory(picture, heat, picture->subtitle, sizeof(picture->subtitle));
	snprintf(picture->subtitle + length, sizeof(picture->subtitle) - length,
		 ", a cell %s; after %" PRIu64 " pass%s",
		 words_size(text, heat_bin_bytes(heat)), passes,
		 passes == 1 ? "" : "es");
	return 0;
}

void picture_release(struct picture *picture)
{
	free(picture->levels);
	free(picture->row_gpa);
	free(picture->row_covered);
	free(picture->row_skipped);
	free(picture->edge_ns);
	*picture = (struct picture){ 0 };
}
