/* SPDX-License-Identifier: GPL-2.0-only */
/* Tables for a terminal, by libsmartcols. */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stdio.h>

/**
 * struct column - a column of a table
 * @name: its heading; NULL ends an array of columns
 * @right: align to the right
 * @hidden: leave it out; lines have a cell for it all the same
 */
struct column {
	const char *name;
	bool right;
	bool hidden;
};

struct table;

/* Begin a table. Returns NULL if there is no memory. */
struct table *table_new(const struct column *columns, FILE *out);

/* Add a line: one string for each column, copied. */
void table_line(struct table *table, const char *const *cells);

/**
 * table_print() - print a table and free it
 * @table: the table; NULL is allowed
 *
 * Return: 0, or -ENOMEM if there was no memory at any time since table_new().
 */
int table_print(struct table *table);

#endif /* TABLE_H */
