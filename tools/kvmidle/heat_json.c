// SPDX-License-Identifier: GPL-2.0-only
/* Heat maps for programs. */
#include "heat_json.h"
#include "json.h"

#include <stddef.h>

/* One figure of all cells of a column, as the mean of its passes. */
static void add_figure(json_object *to, const char *key, const struct heat *heat,
		       const struct heat_column *column, size_t offset)
{
	json_object *array = json_object_new_array();
	size_t bin;

	for (bin = 0; bin < heat_bins(heat); bin++) {
		const char *cell = (const char *)&column->cells[bin];
		uint64_t sum = *(const uint64_t *)(cell + offset);

		json_object_array_add(array, json_object_new_uint64(sum / column->passes));
	}
	json_object_object_add(to, key, array);
}

void heat_json_time(json_object *to, const struct heat *heat)
{
	json_object *rows = json_object_new_array(), *columns = json_object_new_array();
	size_t i;

	for (i = 0; i < heat_bins(heat); i++)
		json_object_array_add(rows, json_object_new_uint64(heat_bin_gpa(heat, i)));
	for (i = 0; i < heat_columns(heat); i++) {
		const struct heat_column *column = heat_column(heat, i);
		uint64_t start = heat_column(heat, 0)->from_ns;
		json_object *o = json_object_new_object();

		json_add_seconds(o, "from_seconds", column->from_ns - start);
		json_add_seconds(o, "to_seconds", column->to_ns - start);
		json_add_uint(o, "passes", column->passes);
		add_figure(o, "covered_bytes", heat, column, offsetof(struct heat_cell, covered));
		add_figure(o, "mapped_bytes", heat, column, offsetof(struct heat_cell, mapped));
		add_figure(o, "touched_bytes", heat, column, offsetof(struct heat_cell, touched));
		json_object_array_add(columns, o);
	}
	json_add_uint(to, "row_bytes", heat_bin_bytes(heat));
	json_object_object_add(to, "row_gpa", rows);
	json_object_object_add(to, "columns", columns);
}

void heat_json_ages(json_object *to, const struct heat *heat, size_t bins_per_row,
		    const struct kvmidle_ages *ages, uint64_t page_size,
		    uint64_t pass_ns)
{
	json_object *cells = json_object_new_array();
	size_t bin;

	for (bin = 0; bin < heat_bins(heat); bin++) {
		const struct heat_cell *cell = &heat_column(heat, 0)->cells[bin];
		json_object *o = json_object_new_object();

		json_add_uint(o, "gpa", heat_bin_gpa(heat, bin));
		json_add_uint(o, "covered_bytes", cell->covered);
		json_add_uint(o, "mapped_bytes", cell->mapped);
		if (cell->mapped)
			json_add_seconds(o, "idle_seconds",
					 heat_mean_age(heat, bin, ages, page_size) * pass_ns);
		else
			json_add_null(o, "idle_seconds");
		json_object_array_add(cells, o);
	}
	json_add_uint(to, "cell_bytes", heat_bin_bytes(heat));
	json_add_uint(to, "cells_per_row", bins_per_row);
	json_object_object_add(to, "cells", cells);
}
