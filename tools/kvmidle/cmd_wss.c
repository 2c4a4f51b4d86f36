// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle wss: the working set over time. */
#include "draw_paper.h"
#include "parse.h"
#include "target.h"
#include "wss.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define COUNT_DEFAULT	10
#define WINDOW_DEFAULT	5

static const struct cmd_option options[] = {
	OPTION_VM,
	OPTION_INTERVAL,
	OPTION_COUNT("10; all of a recording"),
	{ "window", 'w', "N",
	  "RECENT = touched in one of the last N passes\n"
	  "(default: 5)" },
	{ "csv", 's', NULL,
	  "print comma-separated values; sizes are in bytes" },
	{ "plot", 'p', "FILE",
	  "draw it, too: FILE ends with .png or .svg" },
	OPTION_HOST,
	OPTION_TLB,
	OPTION_PARTIAL,
	OPTION_JSON,
	{ 0 }
};

static const char text[] =
"Shows how the working set of a virtual machine grows and shrinks: a line a\n"
"pass, with\n"
"\n"
"  TIME     since the baseline\n"
"  TOUCHED  memory that was touched since the pass before\n"
"  RECENT   touched in one of the last few passes (--window)\n"
"  USED     touched at least once since the baseline\n"
"  MAPPED   what the guest has been given\n"
"\n"
"TOUCHED depends on how long a pass takes to come round; USED only grows, unless\n"
"the guest gives memory back. In between, RECENT is the working set of the last\n"
"while. Ctrl-C ends it early.\n"
"\n"
"Examples:\n"
"  kvmidle wss web1\n"
"  kvmidle wss --interval 10s --count 360 --plot hour.png --csv web1 >hour.csv\n";

struct arguments {
	struct common common;
	uint64_t window;
	bool csv;
	const char *plot;
};

static int own_option(const struct command *self, int letter, void *arg)
{
	struct arguments *a = arg;

	switch (letter) {
	case 'w':
		if (!parse_number(optarg, 1, KVMIDLE_AGE_MAX, &a->window))
			return usage_error(self, "'%s' is no window: give a number of passes from 1 to %d",
					   optarg, KVMIDLE_AGE_MAX);
		break;
	case 's':
		a->csv = true;
		break;
	case 'p':
		a->plot = optarg;
		break;
	}
	return EXIT_OK;
}

/* Before an hour of watching, not after it. */
static int check_plot(const struct command *self, const char *path)
{
	char why[512];
	int err = paper_can(path, why, sizeof(why));

	if (err == -EINVAL)
		return usage_error(self, "%s", why);
	return err ? failure("%s", why) : EXIT_OK;
}

/* What is going on. */
struct watching {
	const struct target *target;
	const struct plan *plan;
	unsigned int window;
	enum wss_form form;
	struct measurement m;
	struct plot_point *rows;
	size_t count, room;
};

static int take_regions(void *arg, uint64_t pass,
			const struct kvm_idle_region *regions, size_t count)
{
	struct watching *w = arg;

	return measurement_regions(&w->m, pass, regions, count);
}

static int append(struct watching *w, const struct plot_point *row)
{
	if (w->count == w->room) {
		size_t more = w->room ? w->room * 2 : 64;
		struct plot_point *bigger = reallocarray(w->rows, more, sizeof(*row));

		if (!bigger)
			return -ENOMEM;
		w->rows = bigger;
		w->room = more;
	}
	w->rows[w->count++] = *row;
	return 0;
}

static int take_end(void *arg, uint64_t pass, uint64_t started_ns)
{
	struct watching *w = arg;
	struct plot_point row;
	struct report r;
	int err;

	measurement_end_pass(&w->m, pass, started_ns);
	if (!pass)
		return 0;
	err = measurement_look_around(&w->m, w->target->vm);
	if (err)
		return err;
	target_report(w->target, w->plan, &w->m, &r);
	err = report_build(&r);
	if (err)
		return err;
	row = wss_point(&r, w->window);
	report_release(&r);
	wss_print_row(w->form, &row, stdout);
	return append(w, &row);
}

static int plot(const struct arguments *a, const struct watching *w)
{
	char title[sizeof(w->target->name) + 64], recent[64], why[512];

	snprintf(title, sizeof(title), "Working set of %s (process %d)",
		 w->target->name, w->target->pid);
	snprintf(recent, sizeof(recent), "touched in the last %u passes", w->window);
	return plot_write(a->plot, title, recent, w->rows, w->count, why, sizeof(why)) ?
		failure("%s", why) : EXIT_OK;
}

static int finish(const struct arguments *a, struct watching *w, bool ended_early)
{
	const struct wss_about about = {
		.pid = w->target->pid, .name = w->target->name,
		.vm = w->target->index, .window = w->window,
		.ended_early = ended_early,
	};
	int err;

	if (!w->count)
		return failure("ended before the first pass: nothing was measured");
	err = w->form == WSS_JSON ? wss_print_json(&about, w->rows, w->count, stdout) : 0;
	if (err)
		return failure("%s", strerror(-err));
	return a->plot ? plot(a, w) : EXIT_OK;
}

static int watch(const struct arguments *a, const struct target *t)
{
	struct plan plan;
	struct watching w = {
		.target = t, .plan = &plan, .window = a->window,
		.form = a->common.json ? WSS_JSON : a->csv ? WSS_CSV : WSS_TEXT,
	};
	struct series series = {
		.vm = t->vm, .what = a->common.json ? "end it now" : NULL,
		.regions = take_regions, .end_pass = take_end, .arg = &w,
	};
	bool ended_early = false;
	int code, err;

	code = target_plan(t, &a->common, COUNT_DEFAULT, &plan);
	if (code)
		return code;
	series.plan = plan;
	err = measurement_begin(&w.m, t->vm);
	if (!err) {
		wss_print_head(w.form, stdout);
		err = series_run(&series, &ended_early);
	}
	code = err ? target_failed(t, err) : finish(a, &w, ended_early);
	measurement_release(&w.m);
	free(w.rows);
	return code;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct arguments a = { .window = WINDOW_DEFAULT };
	struct target t;
	int code;

	code = parse_options(self, argc, argv, &a.common, own_option, &a);
	if (code != GO_ON)
		return code;
	if (a.csv && a.common.json)
		return usage_error(self, "give one of --csv and --json");
	code = a.plot ? check_plot(self, a.plot) : EXIT_OK;
	if (code)
		return code;
	code = target_argument(self, argc, argv, KVMIDLE_HARVEST, &a.common, &t);
	if (code)
		return code;
	code = watch(&a, &t);
	target_close(&t);
	return code;
}

const struct command cmd_wss = {
	.name = "wss",
	.group = GROUP_LOOK,
	.args = "TARGET",
	.summary = "the working set over time, a line a pass",
	.text = text,
	.options = options,
	.run = run,
};
