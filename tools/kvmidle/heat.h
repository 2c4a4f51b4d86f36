/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * From the regions of passes to a matrix: guest address by time. PURE: nothing is
 * read, printed or drawn here.
 *
 * Guest memory is cut into bins of equal size, a power of two, at multiples of that
 * size. Bins that no slot covers do not exist: a device window at a very high address
 * takes a bin or two, and what lies before it none. If there is no room for all bins,
 * their size is doubled; if there is none for all passes, two of them become one
 * column. What is in a cell only ever adds up, so nothing is lost by either.
 */
#ifndef HEAT_H
#define HEAT_H

#include <kvmidle.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Touched since the pass before, by whomever. */
#define TOUCHED	(KVM_IDLE_PAGE_YOUNG | KVM_IDLE_PAGE_HOST_YOUNG)

/**
 * struct heat_shape - how large the matrix may grow
 * @first: guest physical address to begin at, in bytes
 * @end: and to end at; UINT64_MAX for all there is
 * @page_size: of the VM: a bin is no smaller
 * @rows: most rows, at least 1
 * @bins_per_row: bins that are side by side in one row, a power of two. Rows begin at
 *	multiples of their size, too. 1 for a matrix over time
 * @columns: most columns, at least 1
 * @latest_only: keep the last pass and forget the ones before it
 */
struct heat_shape {
	uint64_t first;
	uint64_t end;
	uint64_t page_size;
	size_t rows;
	size_t bins_per_row;
	size_t columns;
	bool latest_only;
};

/**
 * struct heat_cell - a bin in a column; in bytes, summed up over the column's passes
 * @covered: what slots cover
 * @mapped: what was mapped for the guest
 * @touched: what was touched since the pass before. It may be a hole since
 */
struct heat_cell {
	uint64_t covered;
	uint64_t mapped;
	uint64_t touched;
};

/**
 * struct heat_column - some passes in a row
 * @from_ns: start of the pass before the first of them
 * @to_ns: start of the last of them
 * @passes: how many
 * @cells: one for each bin
 */
struct heat_column {
	uint64_t from_ns;
	uint64_t to_ns;
	uint64_t passes;
	struct heat_cell *cells;
};

struct heat;

/* Begin a matrix without any pass in it. Returns NULL if there is no memory. */
struct heat *heat_new(const struct heat_shape *shape);

/* Free a matrix; NULL is allowed. */
void heat_free(struct heat *heat);

/**
 * heat_baseline() - say when the time begins
 * @heat: the matrix
 * @started_ns: when the baseline began: what the first pass tells was touched since
 */
void heat_baseline(struct heat *heat, uint64_t started_ns);

/**
 * heat_begin_pass() - begin a pass
 * @heat: the matrix
 * @slots: of the VM now; each may be of any size, at any address
 *
 * A pass that was begun and not ended is forgotten.
 *
 * Return: 0, or -ENOMEM.
 */
int heat_begin_pass(struct heat *heat, const struct kvmidle_slots *slots);

/**
 * heat_feed() - put regions into the pass
 * @heat: the matrix
 * @regions: as kvmidle_pass_regions() delivers them. What lies in no bin is left out
 * @count: how many
 */
void heat_feed(struct heat *heat, const struct kvm_idle_region *regions,
	       size_t count);

/**
 * heat_end_pass() - count what was fed
 * @heat: the matrix
 * @started_ns: when the pass began
 *
 * Return: 0, or -ENOMEM: then the pass does not count.
 */
int heat_end_pass(struct heat *heat, uint64_t started_ns);

/* Passes counted, whether still to be seen or not. */
uint64_t heat_passes(const struct heat *heat);

/* What the last pass found, in all bins together. */
struct heat_cell heat_latest(const struct heat *heat);

/* Size of a bin in bytes. */
uint64_t heat_bin_bytes(const struct heat *heat);

/* Bins there are; all of them in order of address. */
size_t heat_bins(const struct heat *heat);

/* Guest physical address of the first byte of a bin. */
uint64_t heat_bin_gpa(const struct heat *heat, size_t bin);

/* Columns there are. */
size_t heat_columns(const struct heat *heat);

/* A column, valid until the next pass. */
const struct heat_column *heat_column(const struct heat *heat, size_t column);

#endif /* HEAT_H */
