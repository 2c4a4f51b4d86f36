// SPDX-License-Identifier: GPL-2.0-only
/* The options that several commands have. */
#include "common.h"
#include "parse.h"

#include <getopt.h>
#include <limits.h>
#include <string.h>

#define COUNT_MAX	1000000

/* This option is a command's own. */
#define NOT_COMMON	(-2)

static bool parse_tlb_policy(const char *word, uint32_t *policy)
{
	for (*policy = 0; *policy <= KVM_IDLE_TLB_PRECISE; ++*policy)
		if (!strcmp(word, kvmidle_tlb_policy_name(*policy)))
			return true;
	return false;
}

static int take(const struct command *self, int letter, struct common *c)
{
	uint64_t number;

	switch (letter) {
	case 'm':
		if (!parse_number(optarg, 0, INT_MAX, &number))
			return usage_error(self, "'%s' is no number of a virtual machine: they are counted 0, 1 ...; 'kvmidle list' shows them",
					   optarg);
		c->vm = number;
		c->vm_given = true;
		return EXIT_OK;
	case 'i':
		if (!parse_interval(optarg, &c->plan.interval_ns))
			return usage_error(self, "'%s' is no interval: give a time such as 500ms, 1s or 2m, above zero and at most 7 days (168h)",
					   optarg);
		c->interval_given = true;
		return EXIT_OK;
	case 'c':
		if (!parse_number(optarg, 1, COUNT_MAX, &c->plan.passes))
			return usage_error(self, "'%s' is no count of passes: give a number from 1 to %d",
					   optarg, COUNT_MAX);
		return EXIT_OK;
	case OPTION_LETTER_HOST:
		c->options.host = 1;
		c->options.set |= KVM_IDLE_OPTION_HOST;
		return EXIT_OK;
	case 't':
		if (!parse_tlb_policy(optarg, &c->options.tlb_policy))
			return usage_error(self, "'%s' is no TLB policy: give none, pass or precise",
					   optarg);
		c->options.set |= KVM_IDLE_OPTION_TLB;
		return EXIT_OK;
	case OPTION_LETTER_PARTIAL:
		c->partial = true;
		return EXIT_OK;
	case 'j':
		c->json = true;
		return EXIT_OK;
	}
	return NOT_COMMON;
}

int parse_options(const struct command *self, int argc, char **argv,
		  struct common *c, own_option_fn *own, void *arg)
{
	int letter, code;

	*c = (struct common){
		.plan.interval_ns = NS_PER_SECOND,
		.options.size = sizeof(c->options),
	};
	while ((letter = next_option(self, argc, argv)) != OPTION_END) {
		if (letter == OPTION_HELP)
			return EXIT_OK;
		if (letter == OPTION_BAD)
			return EXIT_USAGE;
		code = take(self, letter, c);
		if (code == NOT_COMMON)
			code = own(self, letter, arg);
		if (code != EXIT_OK)
			return code;
	}
	return GO_ON;
}
