/* SPDX-License-Identifier: GPL-2.0-only */
/* How the working set went, as a picture of lines. */
#ifndef PLOT_H
#define PLOT_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct plot_point - the figures of one pass, in bytes
 * @ns: when, counted from the baseline; rising
 * @touched: since the pass before
 * @recent: in the last few passes
 * @since_start: since the baseline
 * @mapped: for the guest
 */
struct plot_point {
	uint64_t ns;
	uint64_t touched;
	uint64_t recent;
	uint64_t since_start;
	uint64_t mapped;
};

/**
 * plot_write() - draw a line for each of the four figures
 * @path: where to; its end says as what: .png or .svg
 * @title: one line above it
 * @recent: what to call that line, such as "touched in the last 10 passes"
 * @points: at least one
 * @count: how many
 * @why: out: a sentence if it fails, without a newline
 * @size: room at @why; 512 are enough
 *
 * There is no file, or the one that was there, if it fails.
 *
 * Return: 0, or a negative errno: -EOPNOTSUPP: built without cairo; -EINVAL: @path says
 * neither; -ENOMEM; as open(2), write(2), rename(2).
 */
int plot_write(const char *path, const char *title, const char *recent,
	       const struct plot_point *points, size_t count, char *why, size_t size);

#endif /* PLOT_H */
