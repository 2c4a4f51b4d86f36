/* SPDX-License-Identifier: GPL-2.0-only */
/* The options that several commands have: one text and one parser for each. */
#ifndef COMMON_H
#define COMMON_H

#include "command.h"
#include "series.h"

#include <kvmidle.h>

enum common_letter {
	OPTION_LETTER_HOST = LONG_ONLY,
	OPTION_LETTER_PARTIAL,
	LONG_ONLY_OWN,		/* a command's own begin here */
};

/* Entries of a command's table. @def in brackets: what holds without the option. */
#define OPTION_VM \
	{ "vm", 'm', "N", \
	  "which virtual machine of the process, if it runs\n" \
	  "several: 0, 1 ... (default: 0)" }
#define OPTION_INTERVAL \
	{ "interval", 'i', "TIME", \
	  "from one pass to the next: 500ms, 2m ... (default: 1s)" }
#define OPTION_COUNT(def) \
	{ "count", 'c', "N", \
	  "how many passes after the baseline (default:\n" def ")" }
#define OPTION_HOST \
	{ "host", OPTION_LETTER_HOST, NULL, \
	  "count what the host touches too: the VMM, vhost,\n" \
	  "emulated devices (default: the guest alone)" }
#define OPTION_TLB \
	{ "tlb", 't', "POLICY", \
	  "when cleared bits are followed by a TLB flush:\n" \
	  "none, pass or precise (default: the module's)", "none pass precise" }
#define OPTION_PARTIAL \
	{ "partial", OPTION_LETTER_PARTIAL, NULL, \
	  "of a recording that is damaged or cut off, take the\n" \
	  "whole passes there are" }
#define OPTION_JSON \
	{ "json", 'j', NULL, \
	  "print JSON; sizes are in bytes" }

/**
 * struct common - what these options said
 * @vm: which virtual machine of the process
 * @vm_given: --vm was given, and likewise
 * @plan: of passes; @plan.passes is 0 without --count
 * @options: as kvmidle_set_options() takes them; @options.set says which were given
 */
struct common {
	unsigned int vm;
	bool vm_given;
	bool interval_given;
	struct plan plan;
	struct kvm_idle_options options;
	bool json;
	bool partial;
};

/**
 * typedef own_option_fn - takes an option that only this command has
 * @self: the command
 * @letter: of its table; the argument is in optarg
 * @arg: as given to parse_options()
 *
 * Return: EXIT_OK, or that of usage_error().
 */
typedef int own_option_fn(const struct command *self, int letter, void *arg);

/* Go on: nothing that ends the command. */
#define GO_ON	(-1)

/**
 * parse_options() - take all options of a command
 * @self: the command
 * @argc: as of run()
 * @argv: as of run()
 * @c: out: what the common ones said
 * @own: for the others; NULL if there are none
 * @arg: for @own
 *
 * Return: GO_ON, and the other arguments are at argv[optind]; else the exit code to
 * leave with.
 */
int parse_options(const struct command *self, int argc, char **argv,
		  struct common *c, own_option_fn *own, void *arg);

#endif /* COMMON_H */
