// SPDX-License-Identifier: GPL-2.0-only
/* From a measurement to the figures of a report. */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* Figures, and beside them what the table of ages is made of. */
struct sum {
	struct figures figures;
	uint64_t at_least[KVMIDLE_AGE_MAX + 1];
};

/* All of it mapped. Both the account and what was mapped are as of the last pass. */
static void add_mapped(const struct report *r, uint64_t start, uint64_t end,
		       struct sum *sum)
{
	const uint64_t page = r->m->info.page_size;
	const uint64_t gfn = start / page, pages = (end - start) / page;
	uint64_t at_least[KVMIDLE_AGE_MAX + 1], untouched, hot, cold;
	struct figures *f = &sum->figures;
	unsigned int a;

	kvmidle_ages_histogram(r->m->ages, gfn, pages, at_least);
	untouched = kvmidle_ages_untouched(r->m->ages, gfn, pages);
	hot = pages - at_least[r->hot_passes];
	cold = at_least[r->cold_passes];

	f->mapped += pages * page;
	f->hot += hot * page;
	f->cold += cold * page;
	f->warm += (pages - hot - cold) * page;
	f->working_set += (pages - untouched) * page;
	for (a = 0; a <= r->oldest; a++)
		sum->at_least[a] += at_least[a] * page;
}

/* What of @extent lies in @start ... @end. Returns false if nothing does. */
static bool cut(const struct kvm_idle_region *extent, uint64_t *start,
		uint64_t *end)
{
	if (extent->start > *start)
		*start = extent->start;
	if (extent->end < *end)
		*end = extent->end;
	return *start < *end;
}

static void add_range(const struct report *r, uint64_t start, uint64_t end,
		      struct sum *sum)
{
	const struct extents *mapped = &r->m->mapped;
	size_t i;

	for (i = extents_find(mapped, start);
	     i < mapped->count && mapped->at[i].start < end; i++) {
		uint64_t from = start, to = end;

		if (cut(&mapped->at[i], &from, &to))
			add_mapped(r, from, to, sum);
	}
}

static void add_figures(struct figures *to, const struct figures *f)
{
	to->size += f->size;
	to->mapped += f->mapped;
	to->hot += f->hot;
	to->warm += f->warm;
	to->cold += f->cold;
	to->working_set += f->working_set;
}

static void subtract(struct figures *from, const struct figures *f)
{
	from->mapped -= f->mapped;
	from->hot -= f->hot;
	from->warm -= f->warm;
	from->cold -= f->cold;
	from->working_set -= f->working_set;
}

/* ---- By slot -------------------------------------------------------------- */

static void fill_slots(struct report *r)
{
	size_t count = kvmidle_slots_count(r->m->slots), i;
	unsigned int a;

	for (i = 0; i < count; i++) {
		const struct kvm_idle_slot *slot = kvmidle_slots_at(r->m->slots, i);
		struct sum sum = { .figures.size = slot->bytes };

		add_range(r, slot->gpa, slot->gpa + slot->bytes, &sum);
		r->slots[i] = sum.figures;
		add_figures(&r->total, &sum.figures);
		for (a = 0; a <= r->oldest; a++)
			r->ages[a].bytes_at_least += sum.at_least[a];
	}
}

/* ---- By size of the entries ----------------------------------------------- */

/* A table has as many entries as fit a page of it. */
static uint64_t large_page(uint64_t page)
{
	return page * (page / sizeof(uint64_t));
}

static unsigned int size_index(uint64_t categories)
{
	if (categories & KVM_IDLE_PAGE_HUGE_1G)
		return 2;
	return categories & KVM_IDLE_PAGE_HUGE_2M ? 1 : 0;
}

static void fill_sizes(struct report *r)
{
	const struct extents *mapped = &r->m->mapped;
	size_t slot, i;

	r->sizes[0].entry_bytes = r->m->info.page_size;
	r->sizes[1].entry_bytes = large_page(r->m->info.page_size);
	r->sizes[2].entry_bytes = UINT64_C(1) << 30;

	/* By way of the slots, so that the sum is the total. */
	for (slot = 0; slot < kvmidle_slots_count(r->m->slots); slot++) {
		const struct kvm_idle_slot *s = kvmidle_slots_at(r->m->slots, slot);

		for (i = extents_find(mapped, s->gpa); i < mapped->count; i++) {
			uint64_t start = s->gpa, end = s->gpa + s->bytes;
			struct sum sum = { 0 };

			if (!cut(&mapped->at[i], &start, &end))
				break;
			add_mapped(r, start, end, &sum);
			add_figures(&r->sizes[size_index(mapped->at[i].categories)].figures,
				    &sum.figures);
		}
	}
}

/* ---- By NUMA node --------------------------------------------------------- */

static size_t highest_node(const struct kvmidle_nodes *nodes)
{
	size_t highest = 0, i;

	for (i = 0; i < kvmidle_nodes_count(nodes); i++)
		if (kvmidle_nodes_at(nodes, i)->node > highest)
			highest = kvmidle_nodes_at(nodes, i)->node;
	return highest;
}

/* Leave those out that have nothing of it. */
static void keep_used_nodes(struct report *r, size_t count)
{
	size_t i;

	r->by_node_count = 0;
	for (i = 0; i < count; i++)
		if (r->by_node[i].figures.mapped)
			r->by_node[r->by_node_count++] = r->by_node[i];
}

/* The library sees to it that numbers are those of nodes: some thousands at most. */
static int fill_nodes(struct report *r)
{
	size_t count = r->nodes ? highest_node(r->nodes) + 1 : 0, i = 0, slot = 0;
	struct figures unknown = r->total;

	r->by_node = calloc(count + 1, sizeof(*r->by_node));
	if (!r->by_node)
		return -ENOMEM;
	/* By way of the slots, as above. Both are in order of address. */
	while (r->nodes && i < kvmidle_nodes_count(r->nodes) &&
	       slot < kvmidle_slots_count(r->m->slots)) {
		const struct kvmidle_node_range *range = kvmidle_nodes_at(r->nodes, i);
		const struct kvm_idle_slot *s = kvmidle_slots_at(r->m->slots, slot);
		const uint64_t slot_end = s->gpa + s->bytes;
		struct sum sum = { 0 };

		add_range(r, range->start > s->gpa ? range->start : s->gpa,
			  range->end < slot_end ? range->end : slot_end, &sum);
		add_figures(&r->by_node[range->node].figures, &sum.figures);
		subtract(&unknown, &sum.figures);
		if (range->end < slot_end)
			i++;
		else
			slot++;
	}
	for (i = 0; i < count; i++)
		r->by_node[i].node = i;
	unknown.size = 0;
	r->by_node[count] = (struct node_figures){ NODE_UNKNOWN, unknown };
	keep_used_nodes(r, count + 1);
	return 0;
}

/* ---- All of it ------------------------------------------------------------ */

static void set_limits(struct report *r)
{
	r->passes = kvmidle_ages_passes(r->m->ages);
	r->oldest = r->passes < KVMIDLE_AGE_MAX ? r->passes : KVMIDLE_AGE_MAX;
	r->hot_asked = r->hot_passes;
	r->cold_asked = r->cold_passes;
	if (r->cold_passes > r->oldest)
		r->cold_passes = r->oldest;
	if (r->hot_passes > r->cold_passes)
		r->hot_passes = r->cold_passes;
}

int report_build(struct report *r)
{
	size_t count = kvmidle_slots_count(r->m->slots);
	unsigned int a;

	r->slots = calloc(count ? count : 1, sizeof(*r->slots));
	if (!r->slots)
		return -ENOMEM;
	r->by_node = NULL;
	r->by_node_count = 0;
	memset(&r->total, 0, sizeof(r->total));
	memset(r->ages, 0, sizeof(r->ages));
	memset(r->sizes, 0, sizeof(r->sizes));

	set_limits(r);
	r->interval_ns = r->file ? r->m->window_ns / r->passes :
				   r->plan.interval_ns;
	fill_slots(r);
	for (a = 0; a <= r->oldest; a++)
		r->ages[a].ns = measurement_age_ns(r->m, a);
	if (r->by & BY_SIZE)
		fill_sizes(r);
	if (r->by & BY_NODE && fill_nodes(r)) {
		report_release(r);
		return -ENOMEM;
	}
	return 0;
}

void report_release(struct report *r)
{
	free(r->slots);
	free(r->by_node);
	r->slots = NULL;
	r->by_node = NULL;
}
