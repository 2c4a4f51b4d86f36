/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What a heat map shows, ready to be drawn: levels instead of bytes, and words for its
 * axes. PURE. All that draws (draw_*.h) draws this, so that all show the same.
 */
#ifndef HEAT_PICTURE_H
#define HEAT_PICTURE_H

#include "heat.h"

/* Levels of a cell: 0 is mapped and as cold as can be, this is as hot as can be. */
#define LEVEL_MAX	255
/* The coldest that is not plain cold: it stands out, however little it is. */
#define LEVEL_LEAST	48
/* Nothing is mapped there. */
#define LEVEL_HOLE	(-1)
/* No slot covers it: there is no memory. */
#define LEVEL_OUTSIDE	(-2)

#define SCALE_TICKS	8

/**
 * struct picture_scale - what the levels stand for
 * @title: of all of them
 * @cold: what level 0 is
 * @count: how many levels have words
 * @at: these levels, LEVEL_LEAST ... LEVEL_MAX, rising
 * @text: and the words
 */
struct picture_scale {
	char title[48];
	char cold[32];
	unsigned int count;
	int at[SCALE_TICKS];
	char text[SCALE_TICKS][24];
};

/**
 * struct picture - a heat map
 * @title: one line
 * @subtitle: one more
 * @columns: cells side by side
 * @rows: cells above each other
 * @levels: row by row, of @columns each
 * @row_gpa: where each row begins, in bytes
 * @row_bytes: what each of them is, holes and all
 * @row_covered: bytes of memory in each row, the most there were at any time
 * @row_skipped: bytes without memory that were left out before it
 * @edge_ns: when each column begins, and at last where the last one ends, counted from
 *	the baseline; NULL if columns are no time but guest addresses
 * @scale: what the levels stand for
 */
struct picture {
	char title[256];
	char subtitle[256];
	size_t columns;
	size_t rows;
	int16_t *levels;
	uint64_t *row_gpa;
	uint64_t row_bytes;
	uint64_t *row_covered;
	uint64_t *row_skipped;
	uint64_t *edge_ns;
	struct picture_scale scale;
};

/* The level of a cell of a picture. */
static inline int picture_level(const struct picture *picture, size_t column,
				size_t row)
{
	return picture->levels[row * picture->columns + column];
}

/**
 * level_of_share() - the level for how much was touched
 * @touched: bytes
 * @covered: of so many
 *
 * Rises with the root of the share, so that little can be told from less.
 *
 * Return: 0, or LEVEL_LEAST ... LEVEL_MAX.
 */
int level_of_share(uint64_t touched, uint64_t covered);

/* The level of a cell over time: that, LEVEL_HOLE or LEVEL_OUTSIDE. */
int level_of_cell(const struct heat_cell *cell);

/**
 * level_of_age() - the level for how long something has been idle
 * @age: mean of its pages, in passes
 * @oldest: the age that is as cold as can be
 *
 * Return: LEVEL_MAX for an age of 0, falling with its logarithm to LEVEL_LEAST, and 0
 * for @oldest and above.
 */
int level_of_age(double age, double oldest);

/**
 * struct picture_words - what a picture says about where it comes from
 * @name: of the VM
 * @pid: of the process
 * @pass_ns: from one pass to the next
 */
struct picture_words {
	const char *name;
	pid_t pid;
	uint64_t pass_ns;
};

/**
 * heat_mean_age() - how long a bin has been idle
 * @heat: the latest pass alone
 * @bin: of which something is mapped
 * @ages: of all passes
 * @page_size: of the VM
 *
 * Return: passes, the mean of what is mapped there.
 */
double heat_mean_age(const struct heat *heat, size_t bin,
		     const struct kvmidle_ages *ages, uint64_t page_size);

/**
 * picture_of_time() - guest address by time
 * @heat: of one bin a row
 * @words: for the title
 * @picture: out; release it with picture_release() in any case
 *
 * Return: 0, or -ENOMEM.
 */
int picture_of_time(const struct heat *heat, const struct picture_words *words,
		    struct picture *picture);

/**
 * picture_of_ages() - guest addresses, line by line, by how long they have been idle
 * @heat: the latest pass alone
 * @bins_per_row: as it was made with
 * @ages: of all passes
 * @page_size: of the VM
 * @words: for the title
 * @picture: out; release it with picture_release() in any case
 *
 * Return: 0, or -ENOMEM.
 */
int picture_of_ages(const struct heat *heat, size_t bins_per_row,
		    const struct kvmidle_ages *ages, uint64_t page_size,
		    const struct picture_words *words, struct picture *picture);

/* Free what a picture holds. */
void picture_release(struct picture *picture);

#endif /* HEAT_PICTURE_H */
