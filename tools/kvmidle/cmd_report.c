// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle report: the hot and the cold memory of one virtual machine. */
#include "command.h"
#include "parse.h"
#include "report.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define COUNT_DEFAULT	10
#define COUNT_MAX	1000000

static const struct cmd_option options[] = {
	{ "vm", 'm', "N",
	  "which virtual machine of the process, if it runs\n"
	  "several: 0, 1 ... (default: 0)" },
	{ "interval", 'i', "TIME",
	  "from one pass to the next: 500ms, 2m ... (default: 1s)" },
	{ "count", 'c', "N",
	  "how many passes (default: 10)" },
	{ "hot", 'H', "N",
	  "hot = touched in one of the last N passes (default: 1)" },
	{ "cold", 'C', "N",
	  "cold = idle in each of the last N passes (default:\n"
	  "all of them, at most 255)" },
	{ "host", 'o', NULL,
	  "count what the host touches too: the VMM, vhost,\n"
	  "emulated devices (default: the guest alone)" },
	{ "tlb", 't', "POLICY",
	  "when cleared bits are followed by a TLB flush:\n"
	  "none, pass or precise (default: the module's)" },
	{ "json", 'j', NULL,
	  "print JSON; sizes are in bytes" },
	{ 0 }
};

static const char text[] =
"Watches the memory of the virtual machine that process PID runs (QEMU or another\n"
"VMM; 'kvmidle list' shows them) and tells how much of it the guest really uses:\n"
"\n"
"  hot    the guest has touched it lately\n"
"  cold   the guest has left it alone all the time: it could be moved to slower\n"
"         memory, or taken back, and nobody would notice soon\n"
"  warm   in between\n"
"  used   the working set: all that was touched at least once while we looked\n"
"  mapped what the guest has been given so far; of the rest of its memory it has\n"
"         never touched a byte, or the host has taken it back\n"
"\n"
"It works by passes. Each asks the processor's page tables, or KVM where these do\n"
"not tell, which pages were touched since the pass before; the first one only\n"
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
"Only what the guest does counts. What the host does on its behalf (a disk's data\n"
"that the VMM reads into the guest's memory, say) counts with --host.\n"
"\n"
"Ctrl-C ends it early, with a report of what was measured so far.\n"
"\n"
"Examples:\n"
"  kvmidle report 4242                            ten seconds\n"
"  kvmidle report --interval 1m --count 60 4242   an hour: for decisions\n"
"  kvmidle report --hot 2 --cold 5 --json 4242    own limits; for a program\n";

struct arguments {
	pid_t pid;
	uint64_t vm;
	bool vm_given;
	struct plan plan;
	uint64_t hot;
	uint64_t cold;	/* 0 = as long as possible */
	struct kvm_idle_options options;
	bool json;
};

static bool parse_tlb_policy(const char *word, uint32_t *policy)
{
	for (*policy = 0; *policy <= KVM_IDLE_TLB_PRECISE; ++*policy)
		if (!strcmp(word, kvmidle_tlb_policy_name(*policy)))
			return true;
	return false;
}

static int parse_option(const struct command *self, int option,
			struct arguments *a)
{
	switch (option) {
	case 'm':
		if (!parse_number(optarg, 0, INT_MAX, &a->vm))
			return usage_error(self, "'%s' is no number of a virtual machine: they are counted 0, 1 ...; 'kvmidle list' shows them",
					   optarg);
		a->vm_given = true;
		break;
	case 'i':
		if (!parse_interval(optarg, &a->plan.interval_ns))
			return usage_error(self, "'%s' is no interval: give a time such as 500ms, 1s or 2m, above zero and at most 7 days (168h)",
					   optarg);
		break;
	case 'c':
		if (!parse_number(optarg, 1, COUNT_MAX, &a->plan.passes))
			return usage_error(self, "'%s' is no count of passes: give a number from 1 to %d",
					   optarg, COUNT_MAX);
		break;
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
	case 'o':
		a->options.host = 1;
		a->options.set |= KVM_IDLE_OPTION_HOST;
		break;
	case 't':
		if (!parse_tlb_policy(optarg, &a->options.tlb_policy))
			return usage_error(self, "'%s' is no TLB policy: give none, pass or precise",
					   optarg);
		a->options.set |= KVM_IDLE_OPTION_TLB;
		break;
	case 'j':
		a->json = true;
		break;
	}
	return EXIT_OK;
}

static int check_limits(const struct command *self, struct arguments *a)
{
	if (!a->cold)
		a->cold = a->plan.passes < KVMIDLE_AGE_MAX ? a->plan.passes :
							     KVMIDLE_AGE_MAX;
	if (a->cold > a->plan.passes)
		return usage_error(self, "cold after %" PRIu64 " passes cannot be seen in %" PRIu64 ": raise --count or lower --cold",
				   a->cold, a->plan.passes);
	if (a->hot > a->cold)
		return usage_error(self, "the limit for hot (%" PRIu64 " passes) is above the one for cold (%" PRIu64 ")",
				   a->hot, a->cold);
	return EXIT_OK;
}

static int failed(const struct arguments *a, const struct kvmidle_vm *vm,
		  int err)
{
	char why[512];

	kvmidle_diagnose(a->pid, KVMIDLE_HARVEST, vm, err, why, sizeof(why));
	return failure("%s", why);
}

static int print_report(const struct arguments *a, const struct kvmidle_vm *vm,
			const struct measurement *m)
{
	const struct kvmidle_list_entry *entry;
	struct kvmidle_list *list = NULL;
	int machines = kvmidle_count_vms(vm);
	struct report r = {
		.pid = a->pid,
		.name = "?",
		/* It may have exited since the last pass. */
		.machines = machines > 0 ? machines : 1,
		.vm = a->vm,
		.vm_given = a->vm_given,
		.door = kvmidle_door(vm),
		.plan = a->plan,
		.m = m,
		.hot_passes = a->hot,
		.cold_passes = a->cold,
	};
	int err;

	if (!kvmidle_list_get(a->pid, &list)) {
		entry = kvmidle_list_at(list, 0);
		if (entry)
			r.name = entry->name;
	}

	err = report_build(&r);
	if (!err) {
		err = a->json ? report_print_json(&r, stdout) :
				report_print_text(&r, stdout);
		report_release(&r);
	}
	kvmidle_list_free(list);
	return err ? failure("%s", strerror(-err)) : EXIT_OK;
}

/* Never in silence: it is a sign that the module could not do all it wanted. */
static void say_if_by_device(pid_t pid, const struct kvmidle_vm *vm)
{
	if (kvmidle_door(vm) == KVMIDLE_DOOR_DEVICE)
		fprintf(stderr, "kvmidle: read through %s, as there is no /proc/%d/idle_bitmap here\n",
			KVM_IDLE_DEVICE, pid);
}

static int run(const struct command *self, int argc, char **argv)
{
	struct arguments a = {
		.plan = {
			.interval_ns = NS_PER_SECOND,
			.passes = COUNT_DEFAULT,
		},
		.hot = 1,
		.options = { .size = sizeof(a.options) },
	};
	struct kvmidle_vm *vm = NULL;
	struct measurement m = { 0 };
	uint64_t pid;
	int option, err, code;

	while ((option = next_option(self, argc, argv)) != OPTION_END) {
		if (option == OPTION_HELP)
			return EXIT_OK;
		if (option == OPTION_BAD || parse_option(self, option, &a))
			return EXIT_USAGE;
	}
	if (argc - optind != 1)
		return usage_error(self, argc == optind ? "which process? Give its PID" :
							  "give one PID only");
	if (!parse_number(argv[optind], 1, INT_MAX, &pid))
		return usage_error(self, "'%s' is no PID: give the number of a process",
				   argv[optind]);
	a.pid = pid;
	if (check_limits(self, &a))
		return EXIT_USAGE;

	err = kvmidle_open(a.pid, KVMIDLE_HARVEST, &vm);
	if (err)
		return failed(&a, NULL, err);

	say_if_by_device(a.pid, vm);

	err = kvmidle_select_vm(vm, a.vm);
	/* A module that knows no options will do if none is wanted. */
	if (!err && a.options.set)
		err = kvmidle_set_options(vm, &a.options);
	if (!err)
		err = measure(vm, &a.plan, &m);
	if (err)
		code = failed(&a, vm, err);
	else if (!kvmidle_ages_passes(m.ages))
		code = failure("ended before the first pass: nothing was measured");
	else
		code = print_report(&a, vm, &m);
	measurement_release(&m);
	kvmidle_close(vm);
	return code;
}

const struct command cmd_report = {
	.name = "report",
	.args = "PID",
	.summary = "how much of a guest's memory is hot, warm and cold",
	.text = text,
	.options = options,
	.run = run,
};
