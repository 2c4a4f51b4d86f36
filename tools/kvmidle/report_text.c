// SPDX-License-Identifier: GPL-2.0-only
/* A report for a person. */
#include "parse.h"
#include "report.h"
#include "table.h"

#include <errno.h>
#include <inttypes.h>

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "es";
}

static void print_head(const struct report *r, FILE *out)
{
	const struct kvm_idle_info *info = &r->m->info;
	char interval[TIME_TEXT], window[TIME_TEXT], date[DATE_TEXT];

	fprintf(out, "Virtual machine:  %s (process %d", r->name, r->pid);
	if (r->machines > 1 || r->vm)
		fprintf(out, ", VM %u", r->vm);
	if (r->file)
		fprintf(out, ")\nRecorded:         %s (%s",
			format_date(date, r->recorded_ns), r->file);
	fprintf(out, ")\nSource:           %s", kvmidle_source_name(info->source));
	if (info->format != KVM_IDLE_FORMAT_NONE)
		fprintf(out, ", table format %s", kvmidle_format_name(info->format));
	if (info->levels)
		fprintf(out, " with %u levels", info->levels);
	fprintf(out, "; TLB policy %s\n", kvmidle_tlb_policy_name(info->tlb_policy));
	if (info->flags & KVM_IDLE_INFO_HOST)
		fputs("Counted:          accesses by the guest, and by the host (VMM, vhost, emulated devices)\n",
		      out);
	fprintf(out, "Observed:         %" PRIu64 " pass%s after the baseline, one every %s; %s in all\n",
		r->passes, plural(r->passes),
		format_time(interval, r->interval_ns),
		format_time(window, r->m->window_ns));
}

/* What makes the figures less than, or other than, what was asked for. */
static void print_notes(const struct report *r, FILE *out)
{
	char source[512];

	if (r->machines > 1 && !r->vm_given)
		fprintf(out, "Note: process %d runs %u virtual machines; this is the first. --vm chooses, from 0 to %u.\n",
			r->pid, r->machines, r->machines - 1);
	if (r->m->ended_early)
		fprintf(out, "Note: ended early, after %" PRIu64 " of %" PRIu64 " passes.\n",
			r->passes, r->plan.passes);
	if (r->partial)
		fprintf(out, "Note: the recording is damaged or cut off; these are the passes before that.\n");
	if (r->by & BY_NODE && !r->nodes)
		fputs("Note: it is not known on which NUMA node the memory lies.\n", out);
	if (r->cold_passes < r->cold_asked)
		fprintf(out, "Note: cold means idle in %u pass%s here, not in %u: there were no more.\n",
			r->cold_passes, plural(r->cold_passes), r->cold_asked);
	if (kvmidle_explain_source(&r->m->info, source, sizeof(source)))
		fprintf(out, "Note: %s\n", source);
	if (!(r->m->info.flags & KVM_IDLE_INFO_SHARED))
		fputs("Note: the host's own page aging (reclaim, MGLRU, DAMON) is not served: accesses that it saw\n"
		      "      first are missing here, and it does not see those that are counted here.\n",
		      out);
	if (r->m->slots_changed)
		fputs("Note: the VMM changed its memory slots meanwhile; ages begin anew where it did.\n",
		      out);
}

static void print_legend(const struct report *r, FILE *out)
{
	char hot[TIME_TEXT], cold[TIME_TEXT], window[TIME_TEXT];

	format_time(hot, r->ages[r->hot_passes].ns);
	format_time(cold, r->ages[r->cold_passes].ns);
	format_time(window, r->m->window_ns);

	fprintf(out, "\nHOT   touched within the last %s (%u pass%s)\n", hot,
		r->hot_passes, plural(r->hot_passes));
	if (r->hot_passes < r->cold_passes)
		fprintf(out, "WARM  touched within the last %s (%u passes), but not within the last %s\n",
			cold, r->cold_passes, hot);
	fprintf(out, "COLD  not touched for %s or longer (%u pass%s)\n", cold,
		r->cold_passes, plural(r->cold_passes));
	fprintf(out, "USED  touched at least once in the %s observed: the working set\n\n",
		window);
}

static void add_row(struct table *table, const char *slot, const char *address,
		    const struct figures *f)
{
	char size[SIZE_TEXT], mapped[SIZE_TEXT], hot[SIZE_TEXT], warm[SIZE_TEXT];
	char cold[SIZE_TEXT], used[SIZE_TEXT];
	const char *const cells[] = {
		slot, address,
		format_size(size, f->size), format_size(mapped, f->mapped),
		format_size(hot, f->hot), format_size(warm, f->warm),
		format_size(cold, f->cold), format_size(used, f->working_set),
	};

	table_line(table, cells);
}

static int print_slots(const struct report *r, FILE *out)
{
	static const struct column columns[] = {
		{ "SLOT", true }, { "GUEST ADDRESS", true }, { "SIZE", true },
		{ "MAPPED", true }, { "HOT", true }, { "WARM", true },
		{ "COLD", true }, { "USED", true }, { 0 }
	};
	struct table *table = table_new(columns, out);
	size_t i;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < kvmidle_slots_count(r->m->slots); i++) {
		const struct kvm_idle_slot *slot = kvmidle_slots_at(r->m->slots, i);
		char id[16], address[24];

		snprintf(id, sizeof(id), "%u", slot->id);
		snprintf(address, sizeof(address), "0x%llx",
			 (unsigned long long)slot->gpa);
		add_row(table, id, address, &r->slots[i]);
	}
	add_row(table, "all", "", &r->total);
	return table_print(table);
}

/* ---- By something else than slots ----------------------------------------- */

static void add_part(struct table *table, const char *what, const struct figures *f)
{
	char mapped[SIZE_TEXT], hot[SIZE_TEXT], warm[SIZE_TEXT];
	char cold[SIZE_TEXT], used[SIZE_TEXT];
	const char *const cells[] = {
		what, format_size(mapped, f->mapped), format_size(hot, f->hot),
		format_size(warm, f->warm), format_size(cold, f->cold),
		format_size(used, f->working_set),
	};

	table_line(table, cells);
}

static struct table *new_parts(const char *what, FILE *out)
{
	const struct column columns[] = {
		{ what, true }, { "MAPPED", true }, { "HOT", true },
		{ "WARM", true }, { "COLD", true }, { "USED", true }, { 0 }
	};

	return table_new(columns, out);
}

static int print_sizes(const struct report *r, FILE *out)
{
	struct table *table = new_parts("MAPPED BY", out);
	char size[SIZE_TEXT];
	unsigned int i;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < ENTRY_SIZES; i++)
		add_part(table, format_size(size, r->sizes[i].entry_bytes),
			 &r->sizes[i].figures);
	fputs("\n", out);
	return table_print(table);
}

static int print_nodes(const struct report *r, FILE *out)
{
	struct table *table = new_parts("NODE", out);
	char number[16];
	size_t i;

	if (!table)
		return -ENOMEM;
	for (i = 0; i < r->by_node_count; i++) {
		snprintf(number, sizeof(number), "%u", r->by_node[i].node);
		add_part(table, r->by_node[i].node == NODE_UNKNOWN ? "unknown" : number,
			 &r->by_node[i].figures);
	}
	fputs("\n", out);
	return table_print(table);
}

/* ---- By age --------------------------------------------------------------- */

/*
 * Every age a line as long as they are few, then 1, 2, 3-4, 5-8 ... passes, so
 * that the table always fits a screen.
 */
#define LINES_OF_ONE	12

static unsigned int last_of_line(const struct report *r, unsigned int first)
{
	unsigned int last = 1;

	if (!first || r->oldest <= LINES_OF_ONE)
		return first;
	while (last < first)
		last *= 2;
	return last < r->oldest ? last : r->oldest;
}

static uint64_t bytes_of_ages(const struct report *r, unsigned int first,
			      unsigned int last)
{
	uint64_t older = last < r->oldest ? r->ages[last + 1].bytes_at_least : 0;

	return r->ages[first].bytes_at_least - older;
}

static int print_ages(const struct report *r, FILE *out)
{
	static const struct column columns[] = {
		{ "IDLE PASSES", true }, { "IDLE TIME", true }, { "MEMORY", true },
		{ "OF MAPPED", true }, { 0 }
	};
	struct table *table = table_new(columns, out);
	unsigned int first, last;

	if (!table)
		return -ENOMEM;
	for (first = 0; first <= r->oldest; first = last + 1) {
		char passes[32], time[TIME_TEXT + 16], size[SIZE_TEXT];
		char share[16] = "-", ns[TIME_TEXT];
		const char *const cells[] = { passes, time, size, share };
		uint64_t bytes;

		last = last_of_line(r, first);
		bytes = bytes_of_ages(r, first, last);

		if (last == first)
			snprintf(passes, sizeof(passes), "%u", first);
		else
			snprintf(passes, sizeof(passes), "%u-%u", first, last);
		if (first == 0)
			snprintf(time, sizeof(time), "< %s", format_time(ns, r->ages[1].ns));
		else
			snprintf(time, sizeof(time), ">= %s", format_time(ns, r->ages[first].ns));
		if (last == r->oldest)
			snprintf(passes, sizeof(passes), "%u or more", first);
		format_size(size, bytes);
		if (r->total.mapped)
			snprintf(share, sizeof(share), "%.1f %%",
				 100.0 * bytes / r->total.mapped);
		table_line(table, cells);
	}
	return table_print(table);
}

int report_print_text(const struct report *r, FILE *out)
{
	int err;

	print_head(r, out);
	print_notes(r, out);
	print_legend(r, out);
	err = print_slots(r, out);
	if (!err && r->by & BY_SIZE)
		err = print_sizes(r, out);
	if (!err && r->by & BY_NODE)
		err = print_nodes(r, out);
	if (err)
		return err;
	fputs("\n", out);
	return print_ages(r, out);
}
