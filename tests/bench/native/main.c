// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "figures.h"
#include "report.h"

static const char usage_text[] =
	"Usage: native [OPTION]...\n"
	"\n"
	"Measures a harvest of tables that are made up, and prints what is to be shown. The\n"
	"exit status is 1 if a result was wrong, or a target was missed.\n"
	"\n"
	"  --gib N        of guest memory (default 128)\n"
	"  --tib          1024 GiB\n"
	"  --turns N      of each, an odd number (default 7)\n"
	"  --once WHO     one pass of one contestant, in a function called timed_pass(),\n"
	"                 and nothing printed: floor, rfc, every, singles, skipping, visiting\n"
	"  --young PART   with --once: 0, 0.1, 1, 10, 50 or 100 per cent (default 0)\n";

struct options {
	unsigned int gib;
	unsigned int turns;
	const struct contestant *once;
	const struct young *young;
};

static void __attribute__((__noreturn__)) usage_error(void)
{
	fputs(usage_text, stderr);
	exit(2);
}

static unsigned int number(const char *text, unsigned int most)
{
	unsigned long value;
	char *end;

	value = strtoul(text, &end, 10);
	if (end == text || *end || !value || value > most)
		usage_error();
	return (unsigned int)value;
}

static struct options options_of(int argc, char **argv)
{
	static const struct option names[] = {
		{ "gib", required_argument, NULL, 'g' },
		{ "tib", no_argument, NULL, 't' },
		{ "turns", required_argument, NULL, 'n' },
		{ "once", required_argument, NULL, 'o' },
		{ "young", required_argument, NULL, 'y' },
		{ "help", no_argument, NULL, 'h' },
		{ }
	};
	struct options o = { .gib = 128, .turns = 7, .young = young_named("0") };
	int c;

	while ((c = getopt_long(argc, argv, "h", names, NULL)) != -1)
		switch (c) {
		case 'g':
			o.gib = number(optarg, 1024);
			break;
		case 't':
			o.gib = 1024;
			break;
		case 'n':
			o.turns = number(optarg, MAX_TURNS) | 1;
			break;
		case 'o':
			o.once = contestant_named(optarg);
			if (!o.once)
				usage_error();
			break;
		case 'y':
			o.young = young_named(optarg);
			if (!o.young)
				usage_error();
			break;
		case 'h':
			fputs(usage_text, stdout);
			exit(0);
		default:
			usage_error();
		}
	if (optind != argc)
		usage_error();
	return o;
}

static void once(const struct options *o)
{
	const struct shape *shape = o->once == &visiting ? &shape_stage2 : &shape_npt;
	struct truth truth;
	struct arena a;

	arena_init(&a, shape, o->gib);
	truth_init(&truth, a.tables.pages);
	young_truth(o->young, &truth);
	contest_turn(&a, o->once, &truth);
}

static void introduce(const struct options *o)
{
	printf("Tables of %u GiB in pages of 4 KiB, table pages in no order. Medians of %u turns.\n",
	       o->gib, o->turns);
}

static void say_backing(const struct arena *a)
{
	if (!a->tables.huge)
		printf("\nThe tables are not in huge pages, as the kernel's own are: TLB misses distort.\n");
}

static void x86(const struct options *o, const struct shape *shape)
{
	struct arena a;

	arena_init(&a, shape, o->gib);
	say_backing(&a);
	figure_harvest(&a, o->turns);
	figure_clearing(&a, o->turns);
	figure_arming(&a, o->turns);
	if (shape == &shape_npt) {
		figure_threads(&a, o->turns);
		figure_hold(&a);
	}
	arena_free(&a);
}

static void arm64(const struct options *o)
{
	struct arena a;

	arena_init(&a, &shape_stage2, o->gib);
	say_backing(&a);
	figure_arm64(&a, o->turns);
	arena_free(&a);
}

int main(int argc, char **argv)
{
	struct options o = options_of(argc, argv);

	if (o.once) {
		once(&o);
		return 0;
	}
	if (o.gib < 30)
		errx(2, "it takes at least 30 GiB");
	introduce(&o);
	x86(&o, &shape_npt);
	x86(&o, &shape_ept);
	arm64(&o);
	report_title("What was to be shown", '~');
	return targets_print() ? 0 : 1;
}
