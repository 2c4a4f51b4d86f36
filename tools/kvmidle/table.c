// SPDX-License-Identifier: GPL-2.0-only
/* Tables for a terminal, by libsmartcols. */
#include "table.h"

#include <errno.h>
#include <libsmartcols.h>
#include <stdlib.h>

struct table {
	struct libscols_table *scols;
	size_t columns;
	bool failed;
};

struct table *table_new(const struct column *columns, FILE *out)
{
	struct table *table = calloc(1, sizeof(*table));

	if (!table)
		return NULL;
	table->scols = scols_new_table();
	table->failed = !table->scols || scols_table_set_stream(table->scols, out);
	for (; columns->name && !table->failed; columns++) {
		if (scols_table_new_column(table->scols, columns->name, 0,
					   (columns->right ? SCOLS_FL_RIGHT : 0) |
					   (columns->hidden ? SCOLS_FL_HIDDEN : 0)))
			table->columns++;
		else
			table->failed = true;
	}
	return table;
}

void table_line(struct table *table, const char *const *cells)
{
	struct libscols_line *line = NULL;
	size_t i;

	if (!table->failed)
		line = scols_table_new_line(table->scols, NULL);
	if (!line)
		table->failed = true;
	for (i = 0; i < table->columns && !table->failed; i++)
		if (scols_line_set_data(line, i, cells[i]))
			table->failed = true;
}

int table_print(struct table *table)
{
	bool failed;

	if (!table)
		return -ENOMEM;
	failed = table->failed || scols_print_table(table->scols);
	scols_unref_table(table->scols);
	free(table);
	return failed ? -ENOMEM : 0;
}
