/* SPDX-License-Identifier: GPL-2.0-only */
/* Watch one VM over several passes, and keep account of each page. */
#ifndef MEASURE_H
#define MEASURE_H

#include "extents.h"
#include "series.h"

#include <kvmidle.h>

#include <stdbool.h>
#include <stdint.h>

/**
 * struct measurement - what was found
 * @ages: the account of all passes
 * @mapped: what was mapped in the last pass
 * @slots: as of the last measurement_look_around()
 * @info: likewise
 * @started: when each of the last passes began, by CLOCK_MONOTONIC in ns: pass
 *	n at index n % (KVMIDLE_AGE_MAX + 1), the baseline being pass 0
 * @window_ns: from the baseline to the last pass
 * @ended_early: a signal, or the end of the VM, came before all passes were done
 * @slots_changed: the slots at the end are not those of the beginning
 * @next: a pass that is under way; nobody else's
 */
struct measurement {
	struct kvmidle_ages *ages;
	struct extents mapped;
	struct kvmidle_slots *slots;
	struct kvm_idle_info info;
	uint64_t started[KVMIDLE_AGE_MAX + 1];
	uint64_t window_ns;
	bool ended_early;
	bool slots_changed;
	struct extents next;
};

/**
 * measurement_begin() - begin an account without any pass in it
 * @m: out; release it with measurement_release() in any case
 * @vm: the VM or recording
 *
 * Return: 0, or a negative errno as of libkvmidle.
 */
int measurement_begin(struct measurement *m, struct kvmidle_vm *vm);

/* Of a series: its pass @number has these regions too. Returns 0 or a negative errno. */
int measurement_regions(struct measurement *m, uint64_t number,
			const struct kvm_idle_region *regions, size_t count);

/* Of a series: its pass @number, which began at @started_ns, is over. */
void measurement_end_pass(struct measurement *m, uint64_t number,
			  uint64_t started_ns);

/**
 * measurement_look_around() - ask for info and slots as they are now
 * @m: the measurement
 * @vm: the VM or recording
 *
 * Return: 0, or a negative errno as of libkvmidle: then it knows them as they were before.
 */
int measurement_look_around(struct measurement *m, struct kvmidle_vm *vm);

/**
 * measure() - harvest a VM as planned: all of the above
 * @vm: opened with KVMIDLE_HARVEST, or a recording
 * @plan: how often
 * @m: out; release it with measurement_release() in any case
 *
 * Ended early without an error as of series_run(). Shows the progress on stderr if that
 * is a terminal.
 *
 * Return: 0, or a negative errno as of libkvmidle.
 */
int measure(struct kvmidle_vm *vm, const struct plan *plan,
	    struct measurement *m);

/* Free what a measurement holds. */
void measurement_release(struct measurement *m);

/**
 * measurement_age_ns() - how long ago a pass began, seen from the last one
 * @m: the measurement
 * @age: passes back from the last one, at most all that were done and at most
 *	KVMIDLE_AGE_MAX
 *
 * Return: nanoseconds.
 */
uint64_t measurement_age_ns(const struct measurement *m, unsigned int age);

#endif /* MEASURE_H */
