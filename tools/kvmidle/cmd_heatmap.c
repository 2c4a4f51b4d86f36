// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle heatmap: guest memory as a picture. */
#include "command.h"
#include "common.h"
#include "draw.h"
#include "draw_layout.h"
#include "draw_paper.h"
#include "heat.h"
#include "heat_json.h"
#include "heat_picture.h"
#include "json.h"
#include "parse.h"
#include "range.h"
#include "target.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>

#define COUNT_DEFAULT	30

/* Of a picture, in pixels. */
#define WIDTH_DEFAULT	1000
#define HEIGHT_DEFAULT	720
/* Of text, in characters and lines with cells. */
#define TEXT_WIDTH_MIN	40
#define TEXT_LINES	24
#define TEXT_MAX	1000
/* In a picture, a cell of a grid is about as many times as large as one over time. */
#define GRID_CELL	3

enum own_letter {
	LETTER_WIDTH = LONG_ONLY_OWN,
	LETTER_HEIGHT,
};

static const struct cmd_option options[] = {
	{ "output", 'o', "FILE",
	  "write a picture, PNG or SVG by the end of its name\n"
	  "(default: show it in the terminal)" },
	{ "grid", 'g', NULL,
	  "not over time: addresses line by line, and for how long\n"
	  "they have been idle at the end" },
	OPTION_RANGE,
	{ "width", LETTER_WIDTH, "N",
	  "in pixels (default: 1000), in the terminal characters;\n"
	  "with --json the most cells side by side" },
	{ "height", LETTER_HEIGHT, "N",
	  "in pixels (default: 720), in the terminal lines\n"
	  "(default: 24); with --json the most rows" },
	OPTION_VM,
	OPTION_INTERVAL,
	OPTION_COUNT("30; all of a recording"),
	OPTION_HOST,
	OPTION_TLB,
	OPTION_PARTIAL,
	OPTION_JSON,
	{ 0 }
};

static const char text[] =
"Draws the memory of a virtual machine: from top to bottom its guest physical\n"
"addresses, from left to right the time, and the brighter, the more of it was\n"
"touched. What is bright all the time is in use; what is dark could be moved to\n"
"slower memory. TARGET is a PID, a name as 'kvmidle list' shows it, or a file\n"
"that 'kvmidle record' has made.\n"
"\n"
"With --grid it shows the end alone, and finer: addresses go line by line, like\n"
"words on a page, and the darker, the longer they have been idle.\n"
"\n"
"Grey is memory with nothing mapped behind it. Addresses at which there is no\n"
"memory (the PCI hole, say) are left out, with a mark.\n"
"\n"
"Passes are made as by 'kvmidle report'. Ctrl-C ends them early, and draws what\n"
"there is.\n"
"\n"
"Examples:\n"
"  kvmidle heatmap web1                       half a minute, in the terminal\n"
"  kvmidle heatmap -i 1m -c 60 -o h.png web1  an hour, as a picture\n"
"  kvmidle heatmap --grid monday.kvi          of a recording\n";

/**
 * struct job - a heat map that is being made
 * @bins_per_row: as of struct heat_shape
 * @begun: the pass that is under way has bins for its slots
 */
struct job {
	struct common common;
	const char *path;
	bool grid;
	struct range range;
	uint64_t width;
	uint64_t height;
	struct text_options text;
	struct target target;
	uint64_t page_size;
	size_t bins_per_row;
	struct heat *heat;
	struct kvmidle_ages *ages;
	uint64_t first_ns;
	uint64_t last_ns;
	bool begun;
	bool ended_early;
};

static int own_option(const struct command *self, int letter, void *arg)
{
	struct job *job = arg;

	switch (letter) {
	case 'o':
		job->path = optarg;
		break;
	case 'g':
		job->grid = true;
		break;
	case 'r':
		return range_option(self, &job->range);
	case LETTER_WIDTH:
		if (!parse_number(optarg, 1, DRAW_SIZE_MAX, &job->width))
			return usage_error(self, "'%s' is no width: give a number from 1 to %d",
					   optarg, DRAW_SIZE_MAX);
		break;
	case LETTER_HEIGHT:
		if (!parse_number(optarg, 1, DRAW_SIZE_MAX, &job->height))
			return usage_error(self, "'%s' is no height: give a number from 1 to %d",
					   optarg, DRAW_SIZE_MAX);
		break;
	}
	return EXIT_OK;
}

/* How large it may be, and whether it can be written at all, before anything is measured. */
static int check_size(const struct command *self, struct job *job)
{
	char why[512];
	int err;

	if (job->path && job->common.json)
		return usage_error(self, "--output writes a picture, and --json prints numbers: choose one");
	if (job->common.json)
		return EXIT_OK;
	if (!job->path) {
		if ((job->width && job->width < TEXT_WIDTH_MIN) || job->width > TEXT_MAX)
			return usage_error(self, "in the terminal, the width is %d to %d characters",
					   TEXT_WIDTH_MIN, TEXT_MAX);
		if (job->height > TEXT_MAX)
			return usage_error(self, "in the terminal, the height is 1 to %d lines",
					   TEXT_MAX);
		return EXIT_OK;
	}
	if (!job->width)
		job->width = WIDTH_DEFAULT;
	if (!job->height)
		job->height = HEIGHT_DEFAULT;
	if (job->width < DRAW_WIDTH_MIN || job->height < DRAW_HEIGHT_MIN)
		return usage_error(self, "a picture is %d pixels wide and %d high at least",
				   DRAW_WIDTH_MIN, DRAW_HEIGHT_MIN);
	err = paper_can(job->path, why, sizeof(why));
	if (err == -EINVAL)
		return usage_error(self, "%s", why);
	return err ? failure("%s", why) : EXIT_OK;
}

/* The matrix may be as large as where it is drawn has room for. */
static void make_shape(struct job *job, struct heat_shape *shape)
{
	size_t columns, rows;

	if (job->common.json) {
		layout_room(WIDTH_DEFAULT, HEIGHT_DEFAULT, &columns, &rows);
		if (job->width)
			columns = job->width;
		if (job->height)
			rows = job->height;
	} else if (job->path) {
		layout_room(job->width, job->height, &columns, &rows);
		if (job->grid) {
			columns /= GRID_CELL;
			rows /= GRID_CELL;
		}
	} else {
		job->text = text_options_of(stdout, job->width);
		text_room(&job->text, job->height ? job->height : TEXT_LINES,
			  &columns, &rows);
	}
	job->bins_per_row = 1;
	while (job->grid && job->bins_per_row * 2 <= columns)
		job->bins_per_row *= 2;
	*shape = (struct heat_shape){
		.first = job->range.start,
		.end = job->range.end,
		.page_size = job->page_size,
		.rows = rows ? rows : 1,
		.bins_per_row = job->bins_per_row,
		.columns = job->grid ? 1 : columns,
		.latest_only = job->grid,
	};
}

static int begin_pass(struct job *job)
{
	struct kvmidle_slots *slots;
	int err;

	if (job->begun)
		return 0;
	err = kvmidle_get_slots(job->target.vm, 0, &slots);
	if (err)
		return err;
	err = heat_begin_pass(job->heat, slots);
	kvmidle_slots_free(slots);
	job->begun = !err;
	return err;
}

static int take_regions(void *arg, uint64_t pass, const struct kvm_idle_region *regions,
			size_t count)
{
	struct job *job = arg;
	int err;

	if (!pass)
		return 0;
	err = begin_pass(job);
	if (err)
		return err;
	heat_feed(job->heat, regions, count);
	if (!job->grid)
		return 0;
	return kvmidle_ages_feed_regions(job->ages, job->page_size, regions, count);
}

static int end_pass(void *arg, uint64_t pass, uint64_t started_ns)
{
	struct job *job = arg;
	int err;

	if (!pass) {
		job->first_ns = started_ns;
		heat_baseline(job->heat, started_ns);
		return 0;
	}
	err = begin_pass(job);
	if (!err)
		err = heat_end_pass(job->heat, started_ns);
	if (err)
		return err;
	kvmidle_ages_end_pass(job->ages);
	job->last_ns = started_ns;
	job->begun = false;
	return 0;
}

static int no_memory(void)
{
	return failure("there is no guest memory in that range: 'kvmidle map' shows where it is");
}

/* Before an hour of watching, not after it. What is recorded may get memory there yet. */
static int check_range(const struct command *self, struct job *job)
{
	struct kvm_idle_info info = { .size = sizeof(info) };
	struct kvmidle_slots *slots;
	bool good;
	int err = kvmidle_get_info(job->target.vm, &info), code;

	if (err)
		return target_failed(&job->target, err);
	job->page_size = info.page_size;
	code = range_aligned(self, &job->range, info.page_size);
	if (code || job->target.is_recording)
		return code;
	err = kvmidle_get_slots(job->target.vm, 0, &slots);
	if (err)
		return target_failed(&job->target, err);
	good = range_has_memory(&job->range, slots);
	kvmidle_slots_free(slots);
	return good ? EXIT_OK : no_memory();
}

static int measure_heat(struct job *job)
{
	struct heat_shape shape;
	struct series series = {
		.vm = job->target.vm,
		.what = "draw now",
		.regions = take_regions,
		.end_pass = end_pass,
		.arg = job,
	};

	make_shape(job, &shape);
	job->heat = heat_new(&shape);
	job->ages = kvmidle_ages_new();
	if (!job->heat || !job->ages)
		return -ENOMEM;
	series.plan = job->common.plan;
	return series_run(&series, &job->ended_early);
}

static uint64_t pass_ns(const struct job *job)
{
	return (job->last_ns - job->first_ns) / heat_passes(job->heat);
}

static int print_json(const struct job *job)
{
	json_object *o = json_object_new_object();

	json_add_uint(o, "version", JSON_VERSION);
	json_add_string(o, "kind", job->grid ? "grid" : "time");
	json_add_uint(o, "pid", job->target.pid);
	json_add_string(o, "name", job->target.name);
	json_add_uint(o, "vm", job->target.index);
	json_add_uint(o, "page_size", job->page_size);
	json_add_uint(o, "passes", heat_passes(job->heat));
	json_add_bool(o, "ended_early", job->ended_early);
	json_add_seconds(o, "window_seconds", job->last_ns - job->first_ns);
	if (job->grid)
		heat_json_ages(o, job->heat, job->bins_per_row, job->ages,
			       job->page_size, pass_ns(job));
	else
		heat_json_time(o, job->heat);
	return json_print(o, stdout);
}

static int make_picture(const struct job *job, struct picture *picture)
{
	const struct picture_words words = {
		.name = job->target.name,
		.pid = job->target.pid,
		.pass_ns = pass_ns(job),
	};

	return job->grid ? picture_of_ages(job->heat, job->bins_per_row, job->ages,
					   job->page_size, &words, picture) :
			   picture_of_time(job->heat, &words, picture);
}

static int show(const struct job *job)
{
	struct picture picture = { 0 };
	char why[512];
	int err;

	if (!heat_passes(job->heat))
		return failure("ended before the first pass: nothing was measured");
	if (!heat_bins(job->heat))
		return no_memory();
	if (job->common.json) {
		err = print_json(job);
		return err ? failure("%s", strerror(-err)) : EXIT_OK;
	}
	err = make_picture(job, &picture);
	if (err)
		snprintf(why, sizeof(why), "%s", strerror(-err));
	else if (job->path)
		err = draw_file(&picture, job->width, job->height, job->path, why,
				sizeof(why));
	else
		draw_text(&picture, &job->text, stdout);
	picture_release(&picture);
	return err ? failure("%s", why) : EXIT_OK;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct job job = { .range = RANGE_ALL };
	int code, err;

	code = parse_options(self, argc, argv, &job.common, own_option, &job);
	if (code != GO_ON)
		return code;
	code = check_size(self, &job);
	if (code)
		return code;
	code = target_argument(self, argc, argv, KVMIDLE_HARVEST, &job.common, &job.target);
	if (code)
		return code;
	code = target_plan(&job.target, &job.common, COUNT_DEFAULT, &job.common.plan);
	if (!code)
		code = check_range(self, &job);
	if (!code) {
		err = measure_heat(&job);
		code = err ? target_failed(&job.target, err) : show(&job);
	}
	heat_free(job.heat);
	kvmidle_ages_free(job.ages);
	target_close(&job.target);
	return code;
}

const struct command cmd_heatmap = {
	.name = "heatmap",
	.group = GROUP_LOOK,
	.args = "TARGET",
	.summary = "guest memory over time as a picture",
	.text = text,
	.options = options,
	.run = run,
};
