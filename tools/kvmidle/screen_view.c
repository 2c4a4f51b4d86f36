// SPDX-License-Identifier: GPL-2.0-only
/* What the live screen shows of a VM, without the screen. */
#include "screen_view.h"
#include "heat_picture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int view_begin(struct view *view, const struct target *target, unsigned int cold)
{
	struct heat_shape shape = {
		.end = UINT64_MAX,
		.rows = VIEW_STRIP,
		.bins_per_row = 1,
		.columns = 1,
		.latest_only = true,
	};
	int err;

	memset(view, 0, sizeof(*view));
	view->target = target;
	view->cold = cold;
	err = measurement_begin(&view->m, target->vm);
	if (err)
		return err;
	shape.page_size = view->m.info.page_size;
	view->heat = heat_new(&shape);
	return view->heat ? 0 : -ENOMEM;
}

static int larger_first(const void *a, const void *b)
{
	const struct view_run *x = a, *y = b;

	if (x->bytes != y->bytes)
		return x->bytes < y->bytes ? 1 : -1;
	return x->gpa < y->gpa ? -1 : x->gpa > y->gpa;
}

/* The run is over: is it one of the largest? When full, the last is the smallest. */
static void close_run(struct view_runs *runs)
{
	size_t place;

	if (!runs->open.bytes)
		return;
	if (runs->count == VIEW_RUNS &&
	    larger_first(&runs->open, &runs->at[VIEW_RUNS - 1]) > 0)
		return;
	place = runs->count < VIEW_RUNS ? runs->count++ : VIEW_RUNS - 1;
	for (; place && larger_first(&runs->open, &runs->at[place - 1]) < 0; place--)
		runs->at[place] = runs->at[place - 1];
	runs->at[place] = runs->open;
}

static void add_region(struct view_runs *runs, const struct kvm_idle_region *region)
{
	if (!(region->categories & TOUCHED))
		return;
	if (runs->open.bytes && runs->open.gpa + runs->open.bytes == region->start) {
		runs->open.bytes += region->end - region->start;
		return;
	}
	close_run(runs);
	runs->open.gpa = region->start;
	runs->open.bytes = region->end - region->start;
}

/* Since when has it been hot? As long as the one of before that it overlaps most. */
static uint64_t since(const struct view_runs *before, const struct view_run *run,
		      uint64_t otherwise)
{
	uint64_t most = 0, result = otherwise;
	size_t i;

	for (i = 0; i < before->count; i++) {
		const struct view_run *old = &before->at[i];
		uint64_t start = old->gpa > run->gpa ? old->gpa : run->gpa;
		uint64_t end = old->gpa + old->bytes;

		if (end > run->gpa + run->bytes)
			end = run->gpa + run->bytes;
		if (start < end && end - start > most) {
			most = end - start;
			result = old->since_ns;
		}
	}
	return result;
}

static void end_runs(struct view *view, uint64_t since_ns)
{
	size_t i;

	close_run(&view->next);
	for (i = 0; i < view->next.count; i++)
		view->next.at[i].since_ns = since(&view->runs, &view->next.at[i], since_ns);
	view->runs = view->next;
	view->next.count = 0;
	view->next.open.bytes = 0;
}

static int begin_pass(struct view *view)
{
	struct kvmidle_slots *slots;
	int err;

	if (view->begun)
		return 0;
	view->next.count = 0;
	view->next.open.bytes = 0;
	err = kvmidle_get_slots(view->target->vm, 0, &slots);
	if (err)
		return err;
	err = heat_begin_pass(view->heat, slots);
	kvmidle_slots_free(slots);
	view->begun = !err;
	return err;
}

int view_regions(void *arg, uint64_t pass, const struct kvm_idle_region *regions,
		 size_t count)
{
	struct view *view = arg;
	size_t i;
	int err;

	if (pass) {
		err = begin_pass(view);
		if (err)
			return err;
		heat_feed(view->heat, regions, count);
		for (i = 0; i < count; i++)
			add_region(&view->next, &regions[i]);
	}
	return measurement_regions(&view->m, pass, regions, count);
}

/* Lines of other cells than those of now would mean nothing: they go. */
static void note_cells(struct view *view)
{
	uint64_t bytes = heat_bin_bytes(view->heat);
	size_t bins = heat_bins(view->heat), i;

	if (bins != view->strip_cells || bytes != view->strip_bytes)
		view->strip_passes = 0;
	view->strip_cells = bins;
	view->strip_bytes = bytes;
	for (i = 0; i < bins; i++) {
		uint64_t gpa = heat_bin_gpa(view->heat, i);

		if (gpa != view->strip_gpa[i])
			view->strip_passes = 0;
		view->strip_gpa[i] = gpa;
	}
}

/* The newest line goes on top. */
static void add_strip(struct view *view)
{
	const struct heat_column *column = heat_column(view->heat, 0);
	size_t i;

	note_cells(view);
	memmove(view->strip[1], view->strip[0], sizeof(view->strip) - sizeof(view->strip[0]));
	if (view->strip_passes < VIEW_HISTORY)
		view->strip_passes++;
	for (i = 0; i < view->strip_cells; i++)
		view->strip[0][i] = level_of_cell(&column->cells[i]);
}

static int make_report(struct view *view)
{
	/* Nothing that is shown depends on when the next pass will be. */
	const struct plan plan = { 0 };
	int err;

	if (view->has_report)
		report_release(&view->report);
	view->has_report = false;
	target_report(view->target, &plan, &view->m, &view->report);
	if (view->cold)
		view->report.cold_passes = view->cold;
	err = report_build(&view->report);
	view->has_report = !err;
	if (!err)
		view_not_yet_cold(&view->report, view->cold);
	return err;
}

void view_not_yet_cold(struct report *r, unsigned int cold)
{
	if (r->passes >= cold)
		return;
	r->total.warm += r->total.cold;
	r->total.cold = 0;
}

int view_end_pass(void *arg, uint64_t pass, uint64_t started_ns)
{
	struct view *view = arg;
	uint64_t before = view->started_ns;
	int err;

	measurement_end_pass(&view->m, pass, started_ns);
	view->started_ns = started_ns;
	view->passes = pass;
	err = measurement_look_around(&view->m, view->target->vm);
	if (err)
		return err;
	if (!pass) {
		heat_baseline(view->heat, started_ns);
		return 0;
	}
	err = begin_pass(view);
	if (!err)
		err = heat_end_pass(view->heat, started_ns);
	view->begun = false;
	if (err)
		return err;
	end_runs(view, before);
	add_strip(view);
	return make_report(view);
}

int view_ended(const struct view *view, int err)
{
	const struct target *t = view->target;

	if (err == -ESRCH && view->passes) {
		remark("%s (process %d) has ended", t->name, (int)t->pid);
		return EXIT_OK;
	}
	return err ? target_failed(t, err) : EXIT_OK;
}

void view_release(struct view *view)
{
	if (view->has_report)
		report_release(&view->report);
	measurement_release(&view->m);
	heat_free(view->heat);
	view->heat = NULL;
	view->has_report = false;
}
