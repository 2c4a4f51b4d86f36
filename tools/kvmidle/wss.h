/* SPDX-License-Identifier: GPL-2.0-only */
/* The working set over time: its rows, and those to paper. */
#ifndef WSS_H
#define WSS_H

#include "plot.h"
#include "report.h"

#include <stdio.h>

enum wss_form {
	WSS_TEXT,
	WSS_CSV,
	WSS_JSON,
};

/**
 * struct wss_about - what the rows are about
 * @pid: of the VMM
 * @name: of the VM
 * @vm: which of the process
 * @window: passes that "recent" looks back
 * @ended_early: a signal, or the end of the VM, came before all passes were done
 */
struct wss_about {
	pid_t pid;
	const char *name;
	unsigned int vm;
	unsigned int window;
	bool ended_early;
};

/**
 * wss_point() - the row of a pass
 * @r: a report up to this pass, built
 * @window: passes that "recent" looks back; fewer if there were fewer
 */
struct plot_point wss_point(const struct report *r, unsigned int window);

/* Print the heading, if this form has one, and each row when it is there. */
void wss_print_head(enum wss_form form, FILE *out);
void wss_print_row(enum wss_form form, const struct plot_point *row, FILE *out);

/* Print all rows for a program. Returns 0 or -ENOMEM. */
int wss_print_json(const struct wss_about *about, const struct plot_point *rows,
		   size_t count, FILE *out);

#endif /* WSS_H */
