// SPDX-License-Identifier: GPL-2.0-only
/* The working set over time. */
#include "wss.h"
#include "json.h"
#include "parse.h"

#include <inttypes.h>

struct plot_point wss_point(const struct report *r, unsigned int window)
{
	const uint64_t mapped = r->total.mapped;

	if (window > r->oldest)
		window = r->oldest;
	return (struct plot_point){
		.ns = r->m->window_ns,
		.touched = mapped - r->ages[1].bytes_at_least,
		.recent = mapped - r->ages[window].bytes_at_least,
		.since_start = r->total.working_set,
		.mapped = mapped,
	};
}

void wss_print_head(enum wss_form form, FILE *out)
{
	if (form == WSS_TEXT)
		fprintf(out, "%10s %11s %11s %11s %11s\n", "TIME", "TOUCHED",
			"RECENT", "USED", "MAPPED");
	if (form == WSS_CSV)
		fputs("seconds,touched_bytes,recent_bytes,working_set_bytes,mapped_bytes\n",
		      out);
	fflush(out);
}

static void print_text(const struct plot_point *p, FILE *out)
{
	char time[TIME_TEXT], touched[SIZE_TEXT], recent[SIZE_TEXT];
	char used[SIZE_TEXT], mapped[SIZE_TEXT];

	fprintf(out, "%10s %11s %11s %11s %11s\n",
		format_time(time, p->ns),
		format_size(touched, p->touched), format_size(recent, p->recent),
		format_size(used, p->since_start), format_size(mapped, p->mapped));
}

/* At once: somebody is looking on, or a program is. */
void wss_print_row(enum wss_form form, const struct plot_point *row, FILE *out)
{
	if (form == WSS_TEXT)
		print_text(row, out);
	if (form == WSS_CSV)
		fprintf(out, "%.6f,%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
			row->ns / (double)NS_PER_SECOND, row->touched, row->recent,
			row->since_start, row->mapped);
	fflush(out);
}

static json_object *row_json(const struct plot_point *p)
{
	json_object *o = json_object_new_object();

	json_add_seconds(o, "seconds", p->ns);
	json_add_uint(o, "touched_bytes", p->touched);
	json_add_uint(o, "recent_bytes", p->recent);
	json_add_uint(o, "working_set_bytes", p->since_start);
	json_add_uint(o, "mapped_bytes", p->mapped);
	return o;
}

int wss_print_json(const struct wss_about *about, const struct plot_point *rows,
		   size_t count, FILE *out)
{
	json_object *o = json_object_new_object();
	json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < count; i++)
		json_object_array_add(array, row_json(&rows[i]));
	json_add_uint(o, "version", JSON_VERSION);
	json_add_uint(o, "pid", about->pid);
	json_add_string(o, "name", about->name);
	json_add_uint(o, "vm", about->vm);
	json_add_uint(o, "window_passes", about->window);
	json_add_bool(o, "ended_early", about->ended_early);
	json_object_object_add(o, "by_pass", array);
	return json_print(o, out);
}
