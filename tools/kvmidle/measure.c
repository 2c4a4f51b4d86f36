// SPDX-License-Identifier: GPL-2.0-only
/* Watch one VM over several passes, and keep account of each page. */
#include "measure.h"

#include <errno.h>
#include <string.h>

static int get_info(struct measurement *m, const struct kvmidle_vm *vm)
{
	m->info.size = sizeof(m->info);
	return kvmidle_get_info(vm, &m->info);
}

int measurement_begin(struct measurement *m, struct kvmidle_vm *vm)
{
	memset(m, 0, sizeof(*m));
	m->ages = kvmidle_ages_new();
	if (!m->ages)
		return -ENOMEM;
	return get_info(m, vm);
}

int measurement_regions(struct measurement *m, uint64_t number,
			const struct kvm_idle_region *regions, size_t count)
{
	int err = 0;

	if (number)
		err = kvmidle_ages_feed_regions(m->ages, m->info.page_size,
						regions, count);
	return err ? err : extents_add(&m->next, regions, count);
}

static uint64_t *started(struct measurement *m, uint64_t pass)
{
	return &m->started[pass % (KVMIDLE_AGE_MAX + 1)];
}

void measurement_end_pass(struct measurement *m, uint64_t number,
			  uint64_t started_ns)
{
	const struct extents over = m->mapped;

	if (number) {
		kvmidle_ages_end_pass(m->ages);
		m->window_ns += started_ns - *started(m, number - 1);
	}
	*started(m, number) = started_ns;

	/* What the last pass has filled in; its room is for the next one. */
	m->mapped = m->next;
	m->next = over;
	m->next.count = 0;
}

int measurement_look_around(struct measurement *m, struct kvmidle_vm *vm)
{
	uint64_t generation = m->info.slot_generation;
	struct kvmidle_slots *slots;
	int err = kvmidle_get_slots(vm, 0, &slots);

	if (err)
		return err;
	kvmidle_slots_free(m->slots);
	m->slots = slots;
	err = get_info(m, vm);
	if (!err)
		m->slots_changed |= m->info.slot_generation != generation;
	return err;
}

/* What is measured, and where it is kept. */
struct measuring {
	struct kvmidle_vm *vm;
	struct measurement *m;
};

static int take_regions(void *arg, uint64_t number,
			const struct kvm_idle_region *regions, size_t count)
{
	const struct measuring *measuring = arg;

	return measurement_regions(measuring->m, number, regions, count);
}

/* After each pass: behind the last one, it may be too late. */
static int take_end(void *arg, uint64_t number, uint64_t started_ns)
{
	const struct measuring *measuring = arg;

	measurement_end_pass(measuring->m, number, started_ns);
	return measurement_look_around(measuring->m, measuring->vm);
}

int measure(struct kvmidle_vm *vm, const struct plan *plan,
	    struct measurement *m)
{
	struct measuring measuring = { vm, m };
	const struct series series = {
		.vm = vm,
		.plan = *plan,
		.what = "report now",
		.regions = take_regions,
		.end_pass = take_end,
		.arg = &measuring,
	};
	int err = measurement_begin(m, vm);

	return err ? err : series_run(&series, &m->ended_early);
}

void measurement_release(struct measurement *m)
{
	kvmidle_ages_free(m->ages);
	kvmidle_slots_free(m->slots);
	extents_free(&m->mapped);
	extents_free(&m->next);
	memset(m, 0, sizeof(*m));
}

uint64_t measurement_age_ns(const struct measurement *m, unsigned int age)
{
	uint64_t last = kvmidle_ages_passes(m->ages);

	return m->started[last % (KVMIDLE_AGE_MAX + 1)] -
	       m->started[(last - age) % (KVMIDLE_AGE_MAX + 1)];
}
