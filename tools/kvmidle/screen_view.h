/* SPDX-License-Identifier: GPL-2.0-only */
/* What the live screen shows of a VM, without the screen: figures, hot runs, a strip. */
#ifndef SCREEN_VIEW_H
#define SCREEN_VIEW_H

#include "heat.h"
#include "measure.h"
#include "report.h"
#include "target.h"

/* Hot runs that are kept account of. */
#define VIEW_RUNS	64
/* Cells of the strip, and passes that it goes back. */
#define VIEW_STRIP	512
#define VIEW_HISTORY	64

/**
 * struct view_run - pages in a row that were touched in the last pass
 * @gpa: of the first, in bytes
 * @bytes: all of them
 * @since_ns: start of the pass since which it, or a run that it overlaps, has been among
 *	the largest without a break
 */
struct view_run {
	uint64_t gpa;
	uint64_t bytes;
	uint64_t since_ns;
};

/**
 * struct view_runs - the largest of them
 * @at: largest first, once a pass is over
 * @count: how many
 * @open: the one that may still go on
 */
struct view_runs {
	struct view_run at[VIEW_RUNS];
	size_t count;
	struct view_run open;
};

/**
 * struct view - all that is shown
 * @target: of what
 * @cold: cold is what was idle in each of so many passes; 0: in all of them
 * @m: the account of all passes
 * @report: its figures; what they are of is in @m
 * @has_report: there is one: a pass was made
 * @runs: of the last pass
 * @strip: levels of the last passes, as of heat_picture.h, the newest first
 * @strip_gpa: where each cell of it begins
 * @strip_bytes: size of each
 * @strip_cells: cells in each of these
 * @strip_passes: how many of them there are
 * @started_ns: when the last pass began
 * @passes: made, without the baseline
 * @heat: behind @strip
 */
struct view {
	const struct target *target;
	unsigned int cold;
	struct measurement m;
	struct report report;
	bool has_report;
	struct view_runs runs;
	int16_t strip[VIEW_HISTORY][VIEW_STRIP];
	uint64_t strip_gpa[VIEW_STRIP];
	uint64_t strip_bytes;
	size_t strip_cells;
	size_t strip_passes;
	uint64_t started_ns;
	uint64_t passes;

	struct heat *heat;
	struct view_runs next;
	bool begun;
};

/**
 * view_begin() - begin without any pass
 * @view: out; release it with view_release() in any case
 * @target: to look at
 * @cold: as of struct view
 *
 * Return: 0, or a negative errno as of libkvmidle.
 */
int view_begin(struct view *view, const struct target *target, unsigned int cold);

/* Of a series: give these to it, with the view as their argument. */
int view_regions(void *view, uint64_t pass, const struct kvm_idle_region *regions,
		 size_t count);
int view_end_pass(void *view, uint64_t pass, uint64_t started_ns);

/**
 * view_not_yet_cold() - what has not been watched for so long is warm
 * @r: a report that was built
 * @cold: passes that it takes to be cold; 0: as many as there were
 */
void view_not_yet_cold(struct report *r, unsigned int cold);

/**
 * view_ended() - say how it ended
 * @view: the view
 * @err: 0, or a negative errno as of libkvmidle. That the VM has ended after some passes
 *	is no failure: it was watched to its end
 *
 * Return: an exit code.
 */
int view_ended(const struct view *view, int err);

/* Free what a view holds. */
void view_release(struct view *view);

#endif /* SCREEN_VIEW_H */
