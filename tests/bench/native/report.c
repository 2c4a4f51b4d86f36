// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "report.h"

#define MAX_CELLS	256
#define MAX_COLUMNS	16
#define MAX_TARGETS	32

static struct {
	unsigned int columns;
	unsigned int count;
	char cell[MAX_CELLS][96];
} table;

static struct {
	char what[96];
	double value;
	enum bound bound;
	double limit;
} targets[MAX_TARGETS];

static unsigned int nr_targets;

/* Of text in UTF-8: the bytes that begin a character. */
static size_t characters(const char *text)
{
	size_t n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static void repeat(char c, size_t n)
{
	while (n--)
		putchar(c);
}

void report_title(const char *title, char underline)
{
	printf("\n%s\n", title);
	repeat(underline, characters(title));
	printf("\n\n");
	fflush(stdout);
}

void table_begin(unsigned int columns)
{
	if (columns > MAX_COLUMNS)
		errx(1, "a table of %u columns", columns);
	table.columns = columns;
	table.count = 0;
}

void table_cell(const char *format, ...)
{
	va_list args;

	if (table.count == MAX_CELLS)
		errx(1, "a table of too many cells");
	va_start(args, format);
	vsnprintf(table.cell[table.count++], sizeof(table.cell[0]), format, args);
	va_end(args);
}

static void print_rule(const size_t *width)
{
	for (unsigned int c = 0; c < table.columns; c++) {
		repeat('=', width[c]);
		printf("%s", c + 1 < table.columns ? "  " : "\n");
	}
}

static void print_padded(const char *text, size_t width)
{
	fputs(text, stdout);
	repeat(' ', width - characters(text));
}

static void print_row(const size_t *width, unsigned int first)
{
	for (unsigned int c = 0; c < table.columns; c++)
		if (c + 1 < table.columns)
			print_padded(table.cell[first + c], width[c] + 2);
		else
			printf("%s\n", table.cell[first + c]);
}

void table_end(void)
{
	size_t width[MAX_COLUMNS] = { 0 };

	if (!table.count || table.count % table.columns)
		errx(1, "a table with a row that is not complete");
	for (unsigned int i = 0; i < table.count; i++)
		if (characters(table.cell[i]) > width[i % table.columns])
			width[i % table.columns] = characters(table.cell[i]);

	print_rule(width);
	for (unsigned int i = 0; i < table.count; i += table.columns) {
		print_row(width, i);
		if (!i)
			print_rule(width);
	}
	print_rule(width);
	putchar('\n');
	fflush(stdout);
}

void target(const char *what, double value, enum bound bound, double limit)
{
	if (nr_targets == MAX_TARGETS)
		errx(1, "too many targets");
	snprintf(targets[nr_targets].what, sizeof(targets[0].what), "%s", what);
	targets[nr_targets].value = value;
	targets[nr_targets].bound = bound;
	targets[nr_targets].limit = limit;
	nr_targets++;
}

/* Something that was not measured is not met either. */
static bool is_met(unsigned int i)
{
	double value = targets[i].value;

	if (!isfinite(value) || value <= 0)
		return false;
	return targets[i].bound == AT_MOST ? value <= targets[i].limit :
	       value >= targets[i].limit;
}

/* A small part is easier to read as one of so many. */
static void cell_of(const char *before, double value, bool part)
{
	if (part && value > 0)
		table_cell("%s1/%.0f", before, 1 / value);
	else
		table_cell("%s%.3g", before, value);
}

bool targets_print(void)
{
	bool met = nr_targets;

	table_begin(4);
	table_cell("What");
	table_cell("Measured");
	table_cell("Target");
	table_cell("Verdict");
	for (unsigned int i = 0; i < nr_targets; i++) {
		bool part = targets[i].limit < 0.1;

		table_cell("%s", targets[i].what);
		cell_of("", targets[i].value, part);
		cell_of(targets[i].bound == AT_MOST ? "≤ " : "≥ ", targets[i].limit, part);
		table_cell("%s", is_met(i) ? "PASS" : "**FAIL**");
		met &= is_met(i);
	}
	table_end();
	return met;
}
