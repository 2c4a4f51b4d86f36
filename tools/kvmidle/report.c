// SPDX-License-Identifier: GPL-2.0-only
/* From a measurement to the figures of a report. */
#include "report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t difference_or_zero(uint64_t a, uint64_t b)
{
	return a > b ? a - b : 0;
}

/*
 * Idle pages are known one by one. Young ones are not, because a clear bit may
 * be a hole as well: they are what is mapped and not idle.
 */
static void fill_slot(const struct report *r, const struct kvm_idle_slot *slot,
		      struct figures *f, uint64_t at_least[KVMIDLE_AGE_MAX + 1])
{
	const uint64_t page = r->m->info.page_size;
	const uint64_t gfn = slot->gpa / page;
	const uint64_t pages = slot->bytes / page;
	uint64_t untouched;
	unsigned int a;

	kvmidle_ages_histogram(r->m->ages, gfn, pages, at_least);
	untouched = kvmidle_ages_untouched(r->m->ages, gfn, pages) * page;
	for (a = 0; a <= KVMIDLE_AGE_MAX; a++)
		at_least[a] *= page;

	f->size = slot->bytes;
	f->mapped = slot->mapped_bytes;
	f->hot = difference_or_zero(f->mapped, at_least[r->hot_passes]);
	f->cold = at_least[r->cold_passes];
	f->warm = at_least[r->hot_passes] - f->cold;
	f->working_set = difference_or_zero(f->mapped, untouched);
	f->unmapped_since = difference_or_zero(at_least[1], f->mapped);
}

static void add_figures(struct figures *sum, const struct figures *f)
{
	sum->size += f->size;
	sum->mapped += f->mapped;
	sum->hot += f->hot;
	sum->warm += f->warm;
	sum->cold += f->cold;
	sum->working_set += f->working_set;
	sum->unmapped_since += f->unmapped_since;
}

int report_build(struct report *r)
{
	size_t count = kvmidle_slots_count(r->m->slots), i;
	uint64_t at_least[KVMIDLE_AGE_MAX + 1];
	unsigned int a;

	r->slots = calloc(count ? count : 1, sizeof(*r->slots));
	if (!r->slots)
		return -ENOMEM;

	r->passes = kvmidle_ages_passes(r->m->ages);
	r->oldest = r->passes < KVMIDLE_AGE_MAX ? r->passes : KVMIDLE_AGE_MAX;
	r->hot_asked = r->hot_passes;
	r->cold_asked = r->cold_passes;
	if (r->cold_passes > r->oldest)
		r->cold_passes = r->oldest;
	if (r->hot_passes > r->cold_passes)
		r->hot_passes = r->cold_passes;

	memset(&r->total, 0, sizeof(r->total));
	memset(r->ages, 0, sizeof(r->ages));
	for (i = 0; i < count; i++) {
		fill_slot(r, kvmidle_slots_at(r->m->slots, i), &r->slots[i],
			  at_least);
		add_figures(&r->total, &r->slots[i]);
		for (a = 1; a <= r->oldest; a++)
			r->ages[a].bytes_at_least += at_least[a];
	}
	/* Every mapped page is 0 passes old or older. */
	r->ages[0].bytes_at_least = r->total.mapped + r->total.unmapped_since;
	for (a = 0; a <= r->oldest; a++)
		r->ages[a].ns = measurement_age_ns(r->m, a);
	return 0;
}

void report_release(struct report *r)
{
	free(r->slots);
	r->slots = NULL;
}
