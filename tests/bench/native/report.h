/* SPDX-License-Identifier: GPL-2.0-only */
/* What is printed: reStructuredText, for people as well as for Documentation. */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include "../../kernel.h"

void report_title(const char *title, char underline);

/* A table: cells from left to right, row by row; printed at its end. */
void table_begin(unsigned int columns);
void table_cell(const char *format, ...) __attribute__((__format__(__printf__, 1, 2)));
void table_end(void);

enum bound { AT_MOST, AT_LEAST };

/* Something that is to be shown: kept until targets_print(). */
void target(const char *what, double value, enum bound bound, double limit);

/* A table of them. Return: are all of them met, and is there one? */
bool targets_print(void);

#endif /* BENCH_REPORT_H */
