/* SPDX-License-Identifier: GPL-2.0-only */
/* From a measurement to the figures of a report, and those to paper. */
#ifndef REPORT_H
#define REPORT_H

#include "measure.h"

#include <stdio.h>
#include <sys/types.h>

/**
 * struct figures - the figures of a slot, or of all of them; in bytes
 * @size: of the slot
 * @mapped: what the second-level table maps
 * @hot: touched in the last hot_passes passes
 * @warm: neither hot nor cold
 * @cold: idle in each of the last cold_passes passes
 * @working_set: touched at least once since the baseline
 * @unmapped_since: idle in the last pass, but no longer mapped when mapped was
 *	counted; at least so much. It is 0 on a VM that loses no memory meanwhile
 */
struct figures {
	uint64_t size;
	uint64_t mapped;
	uint64_t hot;
	uint64_t warm;
	uint64_t cold;
	uint64_t working_set;
	uint64_t unmapped_since;
};

/**
 * struct age_line - a line of the histogram
 * @bytes_at_least: bytes of memory this old or older
 * @ns: the time that this age stands for
 */
struct age_line {
	uint64_t bytes_at_least;
	uint64_t ns;
};

struct report {
	/* Given by the caller of report_build(). */
	pid_t pid;
	const char *name;
	unsigned int machines;		/* the process has */
	unsigned int vm;		/* this is which of them */
	bool vm_given;			/* it was asked for */
	enum kvmidle_door door;
	struct plan plan;
	const struct measurement *m;
	unsigned int hot_passes;	/* lowered if there were fewer passes */
	unsigned int cold_passes;	/* lowered if there were fewer passes */

	/* Filled in by report_build(). */
	uint64_t passes;
	unsigned int hot_asked;
	unsigned int cold_asked;
	struct figures total;
	struct figures *slots;		/* as many as m->slots */
	unsigned int oldest;		/* highest index of @ages */
	struct age_line ages[KVMIDLE_AGE_MAX + 1];
};

/**
 * report_build() - work out the figures
 * @r: the report, its first part filled in
 *
 * The measurement must have at least one pass.
 *
 * Return: 0 or -ENOMEM. Release it with report_release() if 0.
 */
int report_build(struct report *r);

/* Free what report_build() has allocated. */
void report_release(struct report *r);

/* Print a report for a person. Returns 0 or -ENOMEM. */
int report_print_text(const struct report *r, FILE *out);

/* Print a report for a program. Returns 0 or -ENOMEM. */
int report_print_json(const struct report *r, FILE *out);

#endif /* REPORT_H */
