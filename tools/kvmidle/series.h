/* SPDX-License-Identifier: GPL-2.0-only */
/* Pass after pass over one VM, live or out of a recording. */
#ifndef SERIES_H
#define SERIES_H

#include <kvmidle.h>

#include <stdbool.h>
#include <stdint.h>

/* CLOCK_MONOTONIC, in nanoseconds, as passes are timed by. */
uint64_t now_ns(void);

/**
 * struct plan - when to look
 * @interval_ns: from the start of a pass to the start of the next; of a recording it
 *	means nothing
 * @passes: how many, not counting the baseline; 0: until something else ends it
 */
struct plan {
	uint64_t interval_ns;
	uint64_t passes;
};

/* What a function of a series returns to end it without an error. */
#define SERIES_END	1

/**
 * struct series - what to do
 * @vm: opened with KVMIDLE_HARVEST, or a recording
 * @plan: when
 * @speed: of a recording: how many times as fast as it was; 0: as fast as it can be
 *	read
 * @recorder: each pass is recorded there; NULL: nowhere
 * @needs_all: that the VM ends before all passes are done is an error
 * @what: on a terminal, stderr shows the progress, and that Ctrl-C does this; NULL:
 *	no progress
 * @regions: is given the regions of pass @pass (0: the baseline) in some calls, as
 *	kvmidle_pass_regions() delivers them; may be NULL
 * @end_pass: is told that all regions of pass @pass have been delivered, and by
 *	CLOCK_MONOTONIC when it began; may be NULL. @vm may be asked for info and slots
 * @arg: for both
 *
 * Both functions return 0 to go on, SERIES_END to end it, or a negative errno.
 */
struct series {
	struct kvmidle_vm *vm;
	struct plan plan;
	double speed;
	struct kvmidle_recorder *recorder;
	bool needs_all;
	const char *what;
	int (*regions)(void *arg, uint64_t pass,
		       const struct kvm_idle_region *regions, size_t count);
	int (*end_pass)(void *arg, uint64_t pass, uint64_t started_ns);
	void *arg;
};

/**
 * series_run() - look once for the baseline, and then as often as planned
 * @s: the series
 * @ended_early: out: a signal, or the end of the VM, came before all passes were done;
 *	may be NULL
 *
 * SIGINT, SIGTERM and SIGHUP end it early without an error, unless they were ignored; a
 * pass that is under way is finished. So does the end of the VM (-ESRCH of whatever asks
 * it), once one pass after the baseline is done, unless @s->needs_all: it is remarked
 * upon, and what was given to @regions since the last @end_pass counts for nothing. A
 * recording ends at its end.
 *
 * Return: 0, or a negative errno, as of libkvmidle or of the functions of @s.
 */
int series_run(const struct series *s, bool *ended_early);

/**
 * series_pass() - one pass alone, at once: for those who wait by themselves
 * @s: the series
 * @number: of the pass
 *
 * Return: 0, SERIES_END, or a negative errno; -ENODATA: the recording has no more.
 */
int series_pass(const struct series *s, uint64_t number);

#endif /* SERIES_H */
