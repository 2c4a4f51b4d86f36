/* SPDX-License-Identifier: GPL-2.0-only */
/* From a measurement to the figures of a report, and those to paper. */
#ifndef REPORT_H
#define REPORT_H

#include "measure.h"

#include <stdio.h>
#include <sys/types.h>

/**
 * struct figures - the figures of a slot, of another part, or of all; in bytes
 * @size: of the slot
 * @mapped: what the second-level table mapped in the last pass
 * @hot: mapped, and touched in the last hot_passes passes
 * @warm: neither hot nor cold
 * @cold: idle in each of the last cold_passes passes
 * @working_set: mapped, and touched at least once since the baseline
 */
struct figures {
	uint64_t size;
	uint64_t mapped;
	uint64_t hot;
	uint64_t warm;
	uint64_t cold;
	uint64_t working_set;
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

/* What memory can be broken down by, besides slots. */
#define BY_SIZE	(1U << 0)	/* of the entries that map it */
#define BY_NODE	(1U << 1)	/* of NUMA */

/**
 * struct size_figures - memory mapped by entries of one size
 * @entry_bytes: that size
 * @figures: without a size of their own: 0
 */
struct size_figures {
	uint64_t entry_bytes;
	struct figures figures;
};

/* Pages, the large ones above them, and 1 GiB. */
#define ENTRY_SIZES	3

/* Where it is not known on which node memory lies. */
#define NODE_UNKNOWN	(~0U)

/**
 * struct node_figures - memory on one NUMA node
 * @node: its number, or NODE_UNKNOWN
 * @figures: without a size of their own: 0
 */
struct node_figures {
	unsigned int node;
	struct figures figures;
};

struct report {
	/* Given by the caller of report_build(). */
	pid_t pid;
	const char *name;
	unsigned int machines;		/* the process has */
	unsigned int vm;		/* this is which of them */
	bool vm_given;			/* it was asked for */
	enum kvmidle_door door;
	const char *file;		/* the recording, printable, or NULL */
	bool partial;			/* it is damaged or cut off */
	uint64_t recorded_ns;		/* when it began, in ns since 1970 */
	struct plan plan;
	const struct measurement *m;
	unsigned int hot_passes;	/* lowered if there were fewer passes */
	unsigned int cold_passes;	/* lowered if there were fewer passes */
	unsigned int by;		/* BY_* */
	const struct kvmidle_nodes *nodes; /* NULL: not known */

	/* Filled in by report_build(). */
	uint64_t passes;
	uint64_t interval_ns;		/* of a recording, as it was on the average */
	unsigned int hot_asked;
	unsigned int cold_asked;
	struct figures total;
	struct figures *slots;		/* as many as m->slots */
	struct size_figures sizes[ENTRY_SIZES];
	struct node_figures *by_node;
	size_t by_node_count;
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
