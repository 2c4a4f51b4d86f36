/* SPDX-License-Identifier: GPL-2.0-only */
/* Watch one VM over several passes. */
#ifndef MEASURE_H
#define MEASURE_H

#include <kvmidle.h>

#include <stdbool.h>
#include <stdint.h>

/**
 * struct plan - what was asked for
 * @interval_ns: from the start of a pass to the start of the next
 * @passes: how many, not counting the baseline
 */
struct plan {
	uint64_t interval_ns;
	uint64_t passes;
};

/**
 * struct measurement - what was found
 * @ages: the account of all passes
 * @slots: with mapped bytes, counted after the last pass
 * @info: as of the end
 * @started: when each of the last passes began, by CLOCK_MONOTONIC in ns: pass
 *	n at index n % (KVMIDLE_AGE_MAX + 1), the baseline being pass 0
 * @window_ns: from the baseline to the last pass
 * @mapped_delay_ns: from the end of the last pass to the end of counting the
 *	mapped bytes
 * @ended_early: a signal came before all passes were done
 * @slots_changed: the slots at the end are not those of the beginning
 */
struct measurement {
	struct kvmidle_ages *ages;
	struct kvmidle_slots *slots;
	struct kvm_idle_info info;
	uint64_t started[KVMIDLE_AGE_MAX + 1];
	uint64_t window_ns;
	uint64_t mapped_delay_ns;
	bool ended_early;
	bool slots_changed;
};

/**
 * measure() - harvest a VM as planned
 * @vm: opened with KVMIDLE_HARVEST
 * @plan: how often
 * @m: out; release it with measurement_release() in any case
 *
 * SIGINT and SIGTERM end it early without an error; a pass that is under way is
 * finished. Shows the progress on stderr if that is a terminal.
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
