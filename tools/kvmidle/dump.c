// SPDX-License-Identifier: GPL-2.0-only
/* The pages of a VM one by one, as text or JSON. */
#include "dump.h"
#include "json.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Pages of a line. */
#define LINE	64

/**
 * struct dump - what is being printed
 * @next: gfn of the first page of @line
 * @line: of text: what is known of it so far
 * @last: the line printed last, "" if the next one must be printed
 * @repeated: a * was printed after it
 * @regions: of JSON: printed so far
 */
struct dump {
	enum dump_form form;
	uint64_t page_size;
	const struct kvmidle_slots *slots;
	uint64_t end;
	uint64_t next;
	char line[LINE + 1];
	char last[LINE + 1];
	bool repeated;
	size_t regions;
};

enum page_state page_state(const struct kvm_idle_region *region)
{
	const uint64_t young = KVM_IDLE_PAGE_YOUNG | KVM_IDLE_PAGE_HOST_YOUNG;

	if (!(region->categories & KVM_IDLE_PAGE_PRESENT))
		return PAGE_HOLE;
	return region->categories & young ? PAGE_YOUNG : PAGE_IDLE;
}

/* ---- Text ----------------------------------------------------------------- */

/* The first guest frame at @gfn or above that a slot covers; UINT64_MAX: none. */
static uint64_t covered(const struct dump *d, uint64_t gfn)
{
	size_t i;

	for (i = 0; i < kvmidle_slots_count(d->slots); i++) {
		const struct kvm_idle_slot *slot = kvmidle_slots_at(d->slots, i);
		uint64_t first = slot->gpa / d->page_size;

		if (gfn < first + slot->bytes / d->page_size)
			return gfn > first ? gfn : first;
	}
	return UINT64_MAX;
}

/* The line that is to be printed next is the first that a slot has a part in. */
static void skip_uncovered(struct dump *d)
{
	uint64_t gfn = covered(d, d->next), line = gfn - gfn % LINE;

	if (line <= d->next)
		return;
	d->next = gfn == UINT64_MAX ? d->end : line;
	if (d->next > d->end)
		d->next = d->end;
	d->last[0] = '\0';
}

static void clear_line(struct dump *d)
{
	memset(d->line, '.', LINE);
	d->line[LINE] = '\0';
}

static void put_line(struct dump *d)
{
	if (strcmp(d->line, d->last)) {
		printf("0x%012" PRIx64 ": %s\n", d->next * d->page_size, d->line);
		strcpy(d->last, d->line);
		d->repeated = false;
	} else if (!d->repeated) {
		puts("*");
		d->repeated = true;
	}
	d->next += LINE;
	clear_line(d);
	skip_uncovered(d);
}

/* Print all lines before the one that @gfn is in. */
static void put_lines(struct dump *d, uint64_t gfn)
{
	while (d->next + LINE <= gfn && d->next < d->end)
		put_line(d);
}

static void put_text(struct dump *d, const struct kvm_idle_region *region)
{
	const enum page_state state = page_state(region);
	uint64_t gfn = region->start / d->page_size;
	const uint64_t end = region->end / d->page_size;

	if (state == PAGE_HOLE)
		return;
	while (gfn < end && d->next < d->end) {
		uint64_t stop;

		put_lines(d, gfn);
		if (d->next >= d->end)
			break;
		/* Of memory that the slots have lost since, nothing is said. */
		if (gfn < d->next) {
			gfn = d->next;
			continue;
		}
		stop = d->next + LINE < end ? d->next + LINE : end;
		memset(d->line + (gfn - d->next), state == PAGE_IDLE ? '1' : '0',
		       stop - gfn);
		gfn = stop;
		put_lines(d, gfn);
	}
}

/* ---- JSON ----------------------------------------------------------------- */

/* A member at a time, as there may be millions of regions. */
static void put_member(const char *format, json_object *o)
{
	printf(format, json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
						      JSON_C_TO_STRING_NOSLASHESCAPE));
	json_object_put(o);
}

static void begin_json(const struct target *t, const struct dump *d)
{
	printf("{\n  \"version\":%d,\n  \"pid\":%d,\n", JSON_VERSION, t->pid);
	put_member("  \"name\":%s,\n", json_object_new_string(t->name));
	printf("  \"vm\":%u,\n  \"page_size\":%" PRIu64 ",\n  \"regions\":[",
	       t->index, d->page_size);
}

static void put_json(struct dump *d, const struct kvm_idle_region *region)
{
	json_object *o = json_object_new_object();
	const uint64_t c = region->categories;

	json_add_uint(o, "start", region->start);
	json_add_uint(o, "end", region->end);
	json_add_bool(o, "present", c & KVM_IDLE_PAGE_PRESENT);
	json_add_bool(o, "young", c & KVM_IDLE_PAGE_YOUNG);
	json_add_bool(o, "host_young", c & KVM_IDLE_PAGE_HOST_YOUNG);
	json_add_bool(o, "huge_2m", c & KVM_IDLE_PAGE_HUGE_2M);
	json_add_bool(o, "huge_1g", c & KVM_IDLE_PAGE_HUGE_1G);
	put_member(d->regions++ ? ",\n    %s" : "\n    %s", o);
}

/* ---- Both ----------------------------------------------------------------- */

struct dump *dump_new(enum dump_form form, const struct target *t,
		      const struct kvm_idle_info *info,
		      const struct kvmidle_slots *slots, uint64_t start,
		      uint64_t end)
{
	struct dump *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->form = form;
	d->page_size = info->page_size;
	d->slots = slots;
	d->next = start / d->page_size;
	d->end = end / d->page_size;
	if (form == DUMP_JSON) {
		begin_json(t, d);
	} else {
		clear_line(d);
		skip_uncovered(d);
	}
	return d;
}

int dump_regions(void *arg, const struct kvm_idle_region *regions, size_t count)
{
	struct dump *d = arg;
	size_t i;

	for (i = 0; i < count; i++) {
		if (d->form == DUMP_JSON)
			put_json(d, &regions[i]);
		else
			put_text(d, &regions[i]);
	}
	return 0;
}

void dump_end(struct dump *dump, bool whole)
{
	if (dump && whole && dump->form == DUMP_JSON)
		puts(dump->regions ? "\n  ]\n}" : "]\n}");
	if (dump && whole && dump->form == DUMP_TEXT)
		put_lines(dump, UINT64_MAX);
	free(dump);
}
