// SPDX-License-Identifier: GPL-2.0-only
/* From the regions of passes to a matrix: guest address by time. */
#include "heat.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* As far as addresses go: 52 bits. */
#define ADDRESS_END	(UINT64_C(1) << 52)

struct extent {
	uint64_t start;
	uint64_t end;
};

/*
 * @bins: index of each bin: it begins at that many times @bin_bytes
 * @covers: the slots of the pass that is under way, as far as they matter
 * @pass: its cells
 */
struct heat {
	struct heat_shape shape;
	uint64_t bin_bytes;
	uint64_t *bins;
	size_t bin_count;
	struct heat_column *columns;
	size_t column_count;
	uint64_t passes_per_column;
	uint64_t passes;
	uint64_t last_ns;
	struct heat_cell latest;
	struct extent *covers;
	size_t cover_count;
	struct heat_cell *pass;
};

struct heat *heat_new(const struct heat_shape *shape)
{
	struct heat *heat = calloc(1, sizeof(*heat));

	if (!heat)
		return NULL;
	heat->shape = *shape;
	if (heat->shape.end > ADDRESS_END)
		heat->shape.end = ADDRESS_END;
	heat->bin_bytes = 1;
	while (heat->bin_bytes < shape->page_size)
		heat->bin_bytes *= 2;
	heat->passes_per_column = 1;
	heat->columns = calloc(shape->columns, sizeof(*heat->columns));
	if (!heat->columns) {
		free(heat);
		return NULL;
	}
	return heat;
}

void heat_free(struct heat *heat)
{
	size_t i;

	if (!heat)
		return;
	for (i = 0; i < heat->column_count; i++)
		free(heat->columns[i].cells);
	free(heat->columns);
	free(heat->bins);
	free(heat->covers);
	free(heat->pass);
	free(heat);
}

void heat_baseline(struct heat *heat, uint64_t started_ns)
{
	heat->last_ns = started_ns;
}

static int by_start(const void *a, const void *b)
{
	const struct extent *x = a, *y = b;

	return x->start < y->start ? -1 : x->start > y->start;
}

/* The part of a slot that lies in the range asked for; empty if none does. */
static struct extent clip(const struct heat *heat, const struct kvm_idle_slot *slot)
{
	struct extent e = { slot->gpa, slot->gpa + slot->bytes };

	if (e.end < e.start)
		e.end = UINT64_MAX;
	if (e.start < heat->shape.first)
		e.start = heat->shape.first;
	if (e.end > heat->shape.end)
		e.end = heat->shape.end;
	if (e.end < e.start)
		e.end = e.start;
	return e;
}

/*
 * Pieces of @unit bytes, at multiples of it, that @extents lie in. Counts no further
 * than to one above @most. Fills in their indices if @pieces is not NULL.
 */
static size_t count_pieces(const struct extent *extents, size_t count,
			   uint64_t unit, size_t most, uint64_t *pieces)
{
	uint64_t next = 0, first, last;
	size_t n = 0, i;

	for (i = 0; i < count; i++) {
		if (extents[i].start == extents[i].end)
			continue;
		first = extents[i].start / unit;
		last = (extents[i].end - 1) / unit;
		if (first < next)
			first = next;
		if (first > last)
			continue;
		next = last + 1;
		if (last - first >= most - n)
			return most + 1;
		while (first <= last) {
			if (pieces)
				pieces[n] = first;
			first++;
			n++;
		}
	}
	return n;
}

/* The bin that has the address, or the next one there is. */
static size_t find_bin(const struct heat *heat, uint64_t index)
{
	size_t low = 0, high = heat->bin_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (heat->bins[middle] < index)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void add_cell(struct heat_cell *to, const struct heat_cell *from)
{
	to->covered += from->covered;
	to->mapped += from->mapped;
	to->touched += from->touched;
}

/* Have bins for @extents, and bring what there is over to them. */
static int reshape(struct heat *heat, const struct extent *extents, size_t count,
		   uint64_t bin_bytes, size_t most)
{
	uint64_t *old = heat->bins;
	size_t old_count = heat->bin_count, column, i;
	uint64_t ratio = bin_bytes / heat->bin_bytes;
	struct heat_cell **moved;
	uint64_t *bins;

	bins = calloc(most, sizeof(*bins));
	moved = calloc(heat->column_count + 1, sizeof(*moved));
	if (!bins || !moved)
		goto no_memory;
	heat->bins = bins;
	heat->bin_count = count_pieces(extents, count, bin_bytes, most, bins);
	for (column = 0; column < heat->column_count; column++) {
		moved[column] = calloc(heat->bin_count, sizeof(**moved));
		if (!moved[column])
			goto undo;
		for (i = 0; i < old_count; i++)
			add_cell(&moved[column][find_bin(heat, old[i] / ratio)],
				 &heat->columns[column].cells[i]);
	}
	for (column = 0; column < heat->column_count; column++) {
		free(heat->columns[column].cells);
		heat->columns[column].cells = moved[column];
	}
	heat->bin_bytes = bin_bytes;
	free(moved);
	free(old);
	return 0;

undo:
	heat->bins = old;
	heat->bin_count = old_count;
	while (column--)
		free(moved[column]);
no_memory:
	free(moved);
	free(bins);
	return -ENOMEM;
}

/*
 * Make bins for the slots of a pass, besides those that there are. The smallest size
 * is taken with which the rows do not become too many.
 */
static int make_bins(struct heat *heat)
{
	const struct heat_shape *shape = &heat->shape;
	size_t count = heat->cover_count + heat->bin_count;
	uint64_t bin_bytes = heat->bin_bytes;
	struct extent *extents;
	size_t i;
	int err;

	extents = calloc(count ? count : 1, sizeof(*extents));
	if (!extents)
		return -ENOMEM;
	if (heat->cover_count)
		memcpy(extents, heat->covers, heat->cover_count * sizeof(*extents));
	for (i = 0; i < heat->bin_count; i++) {
		extents[heat->cover_count + i].start = heat->bins[i] * heat->bin_bytes;
		extents[heat->cover_count + i].end = (heat->bins[i] + 1) * heat->bin_bytes;
	}
	qsort(extents, count, sizeof(*extents), by_start);
	while (count_pieces(extents, count, bin_bytes * shape->bins_per_row,
			    shape->rows, NULL) > shape->rows)
		bin_bytes *= 2;
	err = reshape(heat, extents, count, bin_bytes,
		      shape->rows * shape->bins_per_row);
	free(extents);
	return err;
}

static void add_cover(struct heat *heat)
{
	size_t i, bin;

	for (i = 0; i < heat->cover_count; i++) {
		uint64_t at = heat->covers[i].start, end = heat->covers[i].end;

		for (bin = find_bin(heat, at / heat->bin_bytes); at < end; bin++) {
			uint64_t stop = (heat->bins[bin] + 1) * heat->bin_bytes;

			if (stop > end)
				stop = end;
			heat->pass[bin].covered += stop - at;
			at = stop;
		}
	}
}

int heat_begin_pass(struct heat *heat, const struct kvmidle_slots *slots)
{
	size_t count = kvmidle_slots_count(slots), i;
	struct extent *covers;
	bool same;
	int err;

	covers = calloc(count + 1, sizeof(*covers));
	if (!covers)
		return -ENOMEM;
	for (i = 0; i < count; i++)
		covers[i] = clip(heat, kvmidle_slots_at(slots, i));
	same = heat->covers && heat->cover_count == count &&
	       !memcmp(covers, heat->covers, count * sizeof(*covers));
	free(heat->covers);
	heat->covers = covers;
	heat->cover_count = count;
	if (!same) {
		err = make_bins(heat);
		if (err) {
			/* The bins are not for these slots. */
			heat->cover_count = 0;
			return err;
		}
	}
	free(heat->pass);
	heat->pass = calloc(heat->bin_count + 1, sizeof(*heat->pass));
	if (!heat->pass)
		return -ENOMEM;
	add_cover(heat);
	return 0;
}

static void feed_one(struct heat *heat, const struct kvm_idle_region *region)
{
	uint64_t at = region->start, end = region->end;
	size_t bin;

	if (at < heat->shape.first)
		at = heat->shape.first;
	if (end > heat->shape.end)
		end = heat->shape.end;
	for (bin = find_bin(heat, at / heat->bin_bytes);
	     at < end && bin < heat->bin_count; bin++) {
		uint64_t start = heat->bins[bin] * heat->bin_bytes;
		uint64_t stop = start + heat->bin_bytes;

		if (at < start)
			at = start;
		if (stop > end)
			stop = end;
		if (at >= stop)
			break;
		if (region->categories & KVM_IDLE_PAGE_PRESENT)
			heat->pass[bin].mapped += stop - at;
		if (region->categories & TOUCHED)
			heat->pass[bin].touched += stop - at;
		at = stop;
	}
}

void heat_feed(struct heat *heat, const struct kvm_idle_region *regions,
	       size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		feed_one(heat, &regions[i]);
}

static void add_cells(struct heat_cell *to, const struct heat_cell *from,
		      size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		add_cell(&to[i], &from[i]);
}

/* Make one column of two. */
static void halve_columns(struct heat *heat)
{
	struct heat_column *c = heat->columns;
	size_t i;

	for (i = 0; i < heat->column_count; i += 2) {
		struct heat_column merged = c[i];

		if (i + 1 < heat->column_count) {
			add_cells(merged.cells, c[i + 1].cells, heat->bin_count);
			free(c[i + 1].cells);
			merged.to_ns = c[i + 1].to_ns;
			merged.passes += c[i + 1].passes;
		}
		c[i / 2] = merged;
	}
	heat->column_count = (heat->column_count + 1) / 2;
	heat->passes_per_column *= 2;
}

static struct heat_column *last_column(struct heat *heat)
{
	return &heat->columns[heat->column_count - 1];
}

int heat_end_pass(struct heat *heat, uint64_t started_ns)
{
	struct heat_cell *pass = heat->pass;
	size_t bin;

	if (!pass)
		return -ENOMEM;
	heat->pass = NULL;
	heat->latest = (struct heat_cell){ 0 };
	for (bin = 0; bin < heat->bin_count; bin++)
		add_cell(&heat->latest, &pass[bin]);
	if (heat->shape.latest_only && heat->column_count) {
		free(heat->columns[0].cells);
		heat->column_count = 0;
	}
	/* A lone column cannot be halved: it takes in all there is. */
	while (heat->column_count == heat->shape.columns && heat->column_count > 1 &&
	       last_column(heat)->passes == heat->passes_per_column)
		halve_columns(heat);
	if (heat->column_count &&
	    (heat->shape.columns == 1 ||
	     last_column(heat)->passes < heat->passes_per_column)) {
		add_cells(last_column(heat)->cells, pass, heat->bin_count);
		free(pass);
	} else {
		heat->column_count++;
		*last_column(heat) = (struct heat_column){
			.from_ns = heat->last_ns,
			.cells = pass,
		};
	}
	last_column(heat)->to_ns = started_ns;
	last_column(heat)->passes++;
	heat->last_ns = started_ns;
	heat->passes++;
	return 0;
}

uint64_t heat_passes(const struct heat *heat)
{
	return heat->passes;
}

struct heat_cell heat_latest(const struct heat *heat)
{
	return heat->latest;
}

uint64_t heat_bin_bytes(const struct heat *heat)
{
	return heat->bin_bytes;
}

size_t heat_bins(const struct heat *heat)
{
	return heat->bin_count;
}

uint64_t heat_bin_gpa(const struct heat *heat, size_t bin)
{
	return heat->bins[bin] * heat->bin_bytes;
}

size_t heat_columns(const struct heat *heat)
{
	return heat->column_count;
}

const struct heat_column *heat_column(const struct heat *heat, size_t column)
{
	return &heat->columns[column];
}
