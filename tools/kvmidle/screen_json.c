// SPDX-License-Identifier: GPL-2.0-only
/* What the live screen shows, for programs. */
#include "screen_json.h"
#include "json.h"
#include "screen_view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static json_object *runs_of(const struct view *view)
{
	json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < view->runs.count; i++) {
		const struct view_run *run = &view->runs.at[i];
		json_object *o = json_object_new_object();

		json_add_uint(o, "gpa", run->gpa);
		json_add_uint(o, "bytes", run->bytes);
		json_add_seconds(o, "hot_seconds", view->started_ns - run->since_ns);
		json_object_array_add(array, o);
	}
	return array;
}

static int print_pass(const struct view *view)
{
	const struct figures *f = &view->report.total;
	json_object *o = json_object_new_object();
	const char *line;

	json_add_uint(o, "version", JSON_VERSION);
	json_add_uint(o, "pid", view->target->pid);
	json_add_string(o, "name", view->target->name);
	json_add_uint(o, "vm", view->target->index);
	json_add_uint(o, "pass", view->passes);
	json_add_seconds(o, "seconds", view->m.window_ns);
	json_add_string(o, "source", kvmidle_source_name(view->m.info.source));
	json_add_uint(o, "size_bytes", f->size);
	json_add_uint(o, "mapped_bytes", f->mapped);
	json_add_uint(o, "hot_bytes", f->hot);
	json_add_uint(o, "warm_bytes", f->warm);
	json_add_uint(o, "cold_bytes", f->cold);
	json_add_uint(o, "working_set_bytes", f->working_set);
	json_object_object_add(o, "hot_runs", runs_of(view));

	line = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
	if (line)
		puts(line);
	json_object_put(o);
	/* Whoever follows it waits for this. */
	return !line ? -ENOMEM : fflush(stdout) ? -errno : 0;
}

static int end_pass(void *arg, uint64_t pass, uint64_t started_ns)
{
	struct view *view = arg;
	int err = view_end_pass(view, pass, started_ns);

	if (err || !pass)
		return err;
	/* Nobody reads on: main() says what became of the output. */
	return print_pass(view) ? SERIES_END : 0;
}

int screen_json(struct target *t, const struct plan *plan)
{
	struct view *view = calloc(1, sizeof(*view));
	struct series series = {
		.vm = t->vm,
		.plan = *plan,
		.regions = view_regions,
		.end_pass = end_pass,
		.arg = view,
	};
	int err, code;

	if (!view)
		return failure("%s", strerror(ENOMEM));
	err = view_begin(view, t, 0);
	if (!err)
		err = series_run(&series, NULL);
	code = view_ended(view, err);
	view_release(view);
	free(view);
	return code;
}
