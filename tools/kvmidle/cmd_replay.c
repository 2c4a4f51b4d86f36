// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle replay: play a recording, or say what is in it. */
#include "json.h"
#include "parse.h"
#include "screen.h"
#include "screen_view.h"
#include "target.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#define COLD_DEFAULT	5

static const struct cmd_option options[] = {
	{ "info", 'n', NULL,
	  "say what is in it, and play nothing" },
	{ "speed", 's', "N",
	  "play it N times as fast as it was, 0.001 to 100000\n"
	  "(default: 1 on a terminal, else as fast as it can be\n"
	  "read)" },
	{ "cold", 'C', "N",
	  "cold = idle in each of the last N passes (default: 5)" },
	OPTION_COUNT("all of them"),
	OPTION_PARTIAL,
	OPTION_JSON,
	{ 0 }
};

static const char text[] =
"Plays a recording that 'kvmidle record' has made: on a terminal with the screen\n"
"of 'kvmidle watch', else a line a pass:\n"
"\n"
"  TIME     since the baseline\n"
"  HOT      memory that was touched since the pass before\n"
"  WARM     neither hot nor cold\n"
"  COLD     not touched in any of the last few passes (--cold); none before there\n"
"           were as many\n"
"  USED     touched at least once since the baseline: the working set\n"
"  MAPPED   what the guest had been given\n"
"\n"
"All other commands take the recording too, in place of a virtual machine.\n"
"\n"
"Examples:\n"
"  kvmidle replay --info monday.kvi\n"
"  kvmidle replay --speed 60 monday.kvi   an hour in a minute\n";

struct arguments {
	struct common common;
	bool info;
	double speed;	/* 0: not given */
	uint64_t cold;	/* 0: not given */
};

static int own_option(const struct command *self, int letter, void *arg)
{
	struct arguments *a = arg;

	switch (letter) {
	case 'n':
		a->info = true;
		break;
	case 's':
		if (!parse_factor(optarg, &a->speed))
			return usage_error(self, "'%s' is no speed: give a number from %g to %g, such as 2 or 0.5",
					   optarg, FACTOR_MIN, FACTOR_MAX);
		break;
	case 'C':
		if (!parse_number(optarg, 1, KVMIDLE_AGE_MAX, &a->cold))
			return usage_error(self, "'%s' is no limit for cold: give a number of passes from 1 to %d",
					   optarg, KVMIDLE_AGE_MAX);
		break;
	}
	return EXIT_OK;
}

/* ---- What is in it -------------------------------------------------------- */

/**
 * struct contents - what a recording holds
 * @passes: after the baseline
 * @window_ns: from the baseline to the last
 * @nodes: ranges of memory whose node is known
 */
struct contents {
	uint64_t passes;
	uint64_t window_ns;
	uint64_t file_bytes;
	size_t slots;
	uint64_t slots_bytes;
	size_t nodes;
	struct kvm_idle_info info;
};

static int look_at_end(struct contents *c, const struct target *t)
{
	struct kvmidle_nodes *nodes;
	struct kvmidle_slots *slots;
	size_t i;
	int err;

	c->info.size = sizeof(c->info);
	err = kvmidle_get_info(t->vm, &c->info);
	if (!err)
		err = kvmidle_get_slots(t->vm, 0, &slots);
	if (err)
		return err;
	c->slots = kvmidle_slots_count(slots);
	for (i = 0; i < c->slots; i++)
		c->slots_bytes += kvmidle_slots_at(slots, i)->bytes;
	if (!kvmidle_get_nodes(t->vm, slots, &nodes)) {
		c->nodes = kvmidle_nodes_count(nodes);
		kvmidle_nodes_free(nodes);
	}
	kvmidle_slots_free(slots);
	return 0;
}

static int look_into(struct contents *c, const struct target *t)
{
	uint64_t baseline = 0;
	struct stat st;
	int err;

	memset(c, 0, sizeof(*c));
	while (!(err = kvmidle_pass_regions(t->vm, NULL, NULL))) {
		if (!c->passes++)
			baseline = kvmidle_pass_started(t->vm);
		c->window_ns = kvmidle_pass_started(t->vm) - baseline;
	}
	if (err != -ENODATA)
		return err;
	c->passes -= c->passes > 0;
	if (!stat(t->file, &st))
		c->file_bytes = st.st_size;
	return look_at_end(c, t);
}

static json_object *info_json(const struct contents *c, const struct target *t)
{
	json_object *o = json_object_new_object();

	json_add_uint(o, "version", JSON_VERSION);
	json_add_string(o, "recording", t->file);
	json_add_uint(o, "file_bytes", c->file_bytes);
	json_add_uint(o, "pid", t->pid);
	json_add_string(o, "name", t->name);
	json_add_uint(o, "vm", t->index);
	json_add_time(o, "recorded", t->recorded_ns);
	json_add_bool(o, "partial", t->partial);
	json_add_uint(o, "passes", c->passes);
	json_add_seconds(o, "window_seconds", c->window_ns);
	json_add_string(o, "source", kvmidle_source_name(c->info.source));
	json_add_string(o, "reason", kvmidle_reason_name(c->info.reason));
	json_add_string(o, "format", kvmidle_format_name(c->info.format));
	json_add_string(o, "tlb_policy", kvmidle_tlb_policy_name(c->info.tlb_policy));
	json_add_bool(o, "host_accesses", c->info.flags & KVM_IDLE_INFO_HOST);
	json_add_uint(o, "page_size", c->info.page_size);
	json_add_uint(o, "slots", c->slots);
	json_add_uint(o, "size_bytes", c->slots_bytes);
	json_add_bool(o, "nodes", c->nodes);
	return o;
}

static int print_info(const struct arguments *a, const struct target *t)
{
	char date[DATE_TEXT], window[TIME_TEXT], size[SIZE_TEXT], page[SIZE_TEXT];
	struct contents c;
	int err = look_into(&c, t);

	if (err)
		return target_failed(t, err);
	if (a->common.json)
		return json_print(info_json(&c, t), stdout) ?
		       failure("%s", strerror(ENOMEM)) : EXIT_OK;

	printf("Recording:        %s, %s\n", t->shown, format_size(size, c.file_bytes));
	printf("Virtual machine:  %s (process %d", t->name, t->pid);
	if (t->index)
		printf(", VM %u", t->index);
	printf(")\nRecorded:         %s\n", format_date(date, t->recorded_ns));
	printf("Passes:           %" PRIu64 " after the baseline, in %s\n", c.passes,
	       format_time(window, c.window_ns));
	printf("Source:           %s; TLB policy %s; accesses by the guest%s\n",
	       kvmidle_source_name(c.info.source),
	       kvmidle_tlb_policy_name(c.info.tlb_policy),
	       c.info.flags & KVM_IDLE_INFO_HOST ? " and the host" : "");
	printf("Memory:           %s in %zu slots, pages of %s\n",
	       format_size(size, c.slots_bytes), c.slots,
	       format_size(page, c.info.page_size));
	printf("NUMA nodes:       %s\n", c.nodes ? "recorded" : "not recorded");
	return EXIT_OK;
}

/* ---- Playing it ----------------------------------------------------------- */

struct playing {
	const struct target *target;
	const struct plan *plan;
	unsigned int cold;
	json_object *rows;	/* NULL: text */
	struct measurement m;
};

static int take_regions(void *arg, uint64_t pass,
			const struct kvm_idle_region *regions, size_t count)
{
	struct playing *p = arg;

	return measurement_regions(&p->m, pass, regions, count);
}

static void print_row(const struct report *r)
{
	char time[TIME_TEXT], hot[SIZE_TEXT], warm[SIZE_TEXT], cold[SIZE_TEXT];
	char used[SIZE_TEXT], mapped[SIZE_TEXT];
	const struct figures *f = &r->total;

	printf("%10s %11s %11s %11s %11s %11s\n",
	       format_time(time, r->m->window_ns), format_size(hot, f->hot),
	       format_size(warm, f->warm), format_size(cold, f->cold),
	       format_size(used, f->working_set), format_size(mapped, f->mapped));
	fflush(stdout);
}

static json_object *row_json(const struct report *r)
{
	json_object *o = json_object_new_object();

	json_add_seconds(o, "seconds", r->m->window_ns);
	json_add_uint(o, "hot_bytes", r->total.hot);
	json_add_uint(o, "warm_bytes", r->total.warm);
	json_add_uint(o, "cold_bytes", r->total.cold);
	json_add_uint(o, "working_set_bytes", r->total.working_set);
	json_add_uint(o, "mapped_bytes", r->total.mapped);
	return o;
}

static int take_end(void *arg, uint64_t pass, uint64_t started_ns)
{
	struct playing *p = arg;
	struct report r;
	int err;

	measurement_end_pass(&p->m, pass, started_ns);
	if (!pass)
		return 0;
	err = measurement_look_around(&p->m, p->target->vm);
	if (err)
		return err;
	target_report(p->target, p->plan, &p->m, &r);
	r.cold_passes = p->cold;
	err = report_build(&r);
	if (err)
		return err;
	view_not_yet_cold(&r, p->cold);
	if (p->rows)
		json_object_array_add(p->rows, row_json(&r));
	else
		print_row(&r);
	report_release(&r);
	return 0;
}

static int print_json(const struct playing *p)
{
	json_object *o = json_object_new_object();

	json_add_uint(o, "version", JSON_VERSION);
	json_add_string(o, "recording", p->target->file);
	json_add_uint(o, "pid", p->target->pid);
	json_add_string(o, "name", p->target->name);
	json_add_uint(o, "vm", p->target->index);
	json_add_time(o, "recorded", p->target->recorded_ns);
	json_add_uint(o, "cold_passes", p->cold);
	json_object_object_add(o, "by_pass", p->rows);
	return json_print(o, stdout) ? failure("%s", strerror(ENOMEM)) : EXIT_OK;
}

static int play(const struct arguments *a, struct target *t)
{
	char why[512];	/* no screen: what follows does without */
	struct plan plan;
	struct playing p = { .target = t, .plan = &plan, .cold = a->cold ? a->cold : COLD_DEFAULT };
	struct series series = {
		.vm = t->vm, .speed = a->speed, .regions = take_regions,
		.end_pass = take_end, .arg = &p,
	};
	int code = target_plan(t, &a->common, 0, &plan), err;

	if (code)
		return code;
	if (!a->common.json && screen_can_play(why, sizeof(why)))
		return screen_play(t, &plan, a->speed ? a->speed : 1, p.cold);
	series.plan = plan;
	if (a->common.json)
		p.rows = json_object_new_array();
	else
		printf("%10s %11s %11s %11s %11s %11s\n", "TIME", "HOT", "WARM",
		       "COLD", "USED", "MAPPED");
	err = measurement_begin(&p.m, t->vm);
	if (!err)
		err = series_run(&series, NULL);
	measurement_release(&p.m);
	if (!err)
		return p.rows ? print_json(&p) : EXIT_OK;
	json_object_put(p.rows);
	return target_failed(t, err);
}

/* ---- Both ----------------------------------------------------------------- */

static int run(const struct command *self, int argc, char **argv)
{
	struct arguments a = { 0 };
	struct target t;
	int code;

	code = parse_options(self, argc, argv, &a.common, own_option, &a);
	if (code != GO_ON)
		return code;
	if (argc - optind != 1)
		return usage_error(self, argc == optind ? "which recording?" :
						     "give one recording only");
	if (a.info && (a.speed || a.cold || a.common.plan.passes))
		return usage_error(self, "--info plays nothing: --speed, --cold and --count mean nothing with it");
	code = target_recording(self, argv[optind], &a.common, &t);
	if (code)
		return code;
	code = a.info ? print_info(&a, &t) : play(&a, &t);
	target_close(&t);
	return code;
}

const struct command cmd_replay = {
	.name = "replay",
	.group = GROUP_RECORD,
	.args = "FILE",
	.summary = "play a recording, or say what is in it",
	.text = text,
	.options = options,
	.run = run,
};
