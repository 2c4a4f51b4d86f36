// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle report: the hot and the cold memory of one virtual machine. */
#include "command.h"
#include "common.h"
#include "parse.h"
#include "report.h"
#include "target.h"

#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#define COUNT_DEFAULT	10

static const struct cmd_option options[] = {
	OPTION_VM,
	OPTION_INTERVAL,
	OPTION_COUNT("10; all of a recording"),
	{ "hot", 'H', "N",
	  "hot = touched in one of the last N passes (default: 1)" },
	{ "cold", 'C', "N",
	  "cold = idle in each of the last N passes (default:\n"
	  "all of them, at most 255)" },
	{ "by", 'b', "WHAT",
	  "also by size (of the entries that map it: 4 KiB,\n"
	  "2 MiB, 1 GiB) or by node (of NUMA). May be repeated", "size node" },
	OPTION_HOST,
	OPTION_TLB,
	OPTION_PARTIAL,
	OPTION_JSON,
	{ 0 }
};

static const char text[] =
"Watches the memory of a virtual machine and tells how much of it the guest\n"
"really uses. TARGET is the PID of the process that runs it (QEMU or another\n"
"VMM), its name as 'kvmidle list' shows it, or a file that 'kvmidle record' has\n"
"made.\n"
"\n"
"  hot    the guest has touched it lately\n"
"  cold   the guest has left it alone all the time: it could be moved to slower\n"
"         memory, or taken back, and nobody would notice soon\n"
"  warm   in between\n"
"  used   the working set: all that was touched at least once while we looked\n"
"  mapped what the guest has been given so far; of the rest of its memory it has\n"
"         never touched a byte, or the host has taken it back\n"
"\n"
"It works by passes. Each asks the processor's page tables, or KVM where these\n"
"do not tell, which pages were touched since the pass before; the first one only\n"
"sets the starting line. The idle age of a page is the number of passes it has\n"
"been left alone for. The longer you watch, the surer is the word cold: memory\n"
"that is needed once an hour looks cold for 59 minutes.\n"
"\n"
"What it changes: each pass clears the accessed bits in the tables, so the\n"
"processor must set them again (a slight cost for the guest, nothing it could\n"
"notice otherwise). Other readers, such as a second 'kvmidle report', lose\n"
"nothing by it: the kernel module keeps a separate account for each of them.\n"
"Reading the file /proc/PID/idle_bitmap with cat clears nothing at all.\n"
"\n"
"Only what the guest does counts. What the host does on its behalf (a disk's\n"
"data that the VMM reads into the guest's memory, say) counts with --host.\n"
"\n"
"Ctrl-C ends it early, with a report of what was measured so far.\n"
"\n"
"Examples:\n"
"  kvmidle report web1                            ten seconds\n"
"  kvmidle report --interval 1m --count 60 4242   an hour: for decisions\n"
"  kvmidle report --hot 2 --cold 5 --json 4242    own limits; for a program\n"
"  kvmidle report --by size --by node monday.kvi  what was recorded\n";

struct arguments {
	struct common common;
	uint64_t hot;
	uint64_t cold;	/* 0 = as long as possible */
	unsigned int by;
};

static int own_option(const struct command *self, int letter, void *arg)
{
	struct arguments *a = arg;

	switch (letter) {
	case 'H':
		if (!parse_number(optarg, 1, KVMIDLE_AGE_MAX, &a->hot))
			return usage_error(self, "'%s' is no limit for hot: give a number of passes from 1 to %d",
					   optarg, KVMIDLE_AGE_MAX);
		break;
	case 'C':
		if (!parse_number(optarg, 1, KVMIDLE_AGE_MAX, &a->cold))
			return usage_error(self, "'%s' is no limit for cold: give a number of passes from 1 to %d",
					   optarg, KVMIDLE_AGE_MAX);
		break;
	case 'b':
		if (strcmp(optarg, "size") && strcmp(optarg, "node"))
			return usage_error(self, "'%s' is nothing to break down by: give size or node",
					   optarg);
		a->by |= *optarg == 's' ? BY_SIZE : BY_NODE;
		break;
	}
	return EXIT_OK;
}

/* @passes: how many there will be at most. */
static uint64_t cold_limit(const struct arguments *a, uint64_t passes)
{
	if (a->cold)
		return a->cold;
	return passes < KVMIDLE_AGE_MAX ? passes : KVMIDLE_AGE_MAX;
}

static int check_limits(const struct command *self, const struct arguments *a,
			uint64_t passes)
{
	uint64_t cold = cold_limit(a, passes);

	if (cold > passes)
		return usage_error(self, "cold after %" PRIu64 " passes cannot be seen in %" PRIu64 ": raise --count or lower --cold",
				   cold, passes);
	if (a->hot > cold)
		return usage_error(self, "the limit for hot (%" PRIu64 " passes) is above the one for cold (%" PRIu64 ")",
				   a->hot, cold);
	return EXIT_OK;
}

static int print_report(const struct arguments *a, const struct target *t,
			const struct plan *plan, const struct measurement *m)
{
	struct kvmidle_nodes *nodes = NULL;
	struct report r;
	int err;

	target_report(t, plan, m, &r);
	r.hot_passes = a->hot;
	r.cold_passes = cold_limit(a, plan->passes);
	r.by = a->by;
	if (a->by & BY_NODE && !kvmidle_get_nodes(t->vm, m->slots, &nodes))
		r.nodes = nodes;
	err = report_build(&r);
	if (!err) {
		err = a->common.json ? report_print_json(&r, stdout) :
				       report_print_text(&r, stdout);
		report_release(&r);
	}
	kvmidle_nodes_free(nodes);
	return err ? failure("%s", strerror(-err)) : EXIT_OK;
}

static int measure_and_print(const struct command *self, struct arguments *a,
			     const struct target *t)
{
	struct measurement m = { 0 };
	struct plan plan;
	int code, err;

	code = target_plan(t, &a->common, COUNT_DEFAULT, &plan);
	if (!code)
		code = check_limits(self, a, plan.passes);
	if (code)
		return code;

	err = measure(t->vm, &plan, &m);
	if (err)
		code = target_failed(t, err);
	else if (!kvmidle_ages_passes(m.ages))
		code = failure("ended before the first pass: nothing was measured");
	else
		code = print_report(a, t, &plan, &m);
	measurement_release(&m);
	return code;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct arguments a = { .hot = 1 };
	struct target t;
	int code;

	code = parse_options(self, argc, argv, &a.common, own_option, &a);
	if (code != GO_ON)
		return code;
	/* As far as can be told without a look at the target. */
	if (a.common.plan.passes)
		code = check_limits(self, &a, a.common.plan.passes);
	else
		code = check_limits(self, &a, UINT64_MAX);
	if (!code)
		code = target_argument(self, argc, argv, KVMIDLE_HARVEST,
				       &a.common, &t);
	if (code)
		return code;
	code = measure_and_print(self, &a, &t);
	target_close(&t);
	return code;
}

const struct command cmd_report = {
	.name = "report",
	.group = GROUP_LOOK,
	.args = "TARGET",
	.summary = "how much of the memory is hot, warm and cold",
	.text = text,
	.options = options,
	.run = run,
};
