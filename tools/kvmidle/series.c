// SPDX-License-Identifier: GPL-2.0-only
/* Pass after pass over one VM, live or out of a recording. */
#include "series.h"
#include "command.h"
#include "parse.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static bool is_recording(const struct series *s)
{
	return kvmidle_door(s->vm) == KVMIDLE_DOOR_RECORDING;
}

static void show_progress(const struct series *s, uint64_t done)
{
	char text[TIME_TEXT];

	if (!s->what || is_recording(s) || !isatty(STDERR_FILENO))
		return;
	if (s->plan.passes)
		fprintf(stderr, "\rpass %" PRIu64 " of %" PRIu64 ", about %s to go (Ctrl-C: %s)\033[K",
			done, s->plan.passes,
			format_time(text, (s->plan.passes - done) * s->plan.interval_ns),
			s->what);
	else
		fprintf(stderr, "\rpass %" PRIu64 ", one every %s (Ctrl-C: %s)\033[K",
			done, format_time(text, s->plan.interval_ns), s->what);
	fflush(stderr);
}

static void clear_progress(const struct series *s)
{
	if (s->what && !is_recording(s) && isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

/*
 * The signals that end a series are blocked and waited for, so that none can slip in
 * between a look at a flag and the sleep.
 */
static void block_signals(sigset_t *ending, sigset_t *old)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	struct sigaction now;
	size_t i;

	sigemptyset(ending);
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		/* Ignored, as by nohup: once blocked, it would come all the same. */
		if (sigaction(signals[i], NULL, &now) || now.sa_handler == SIG_IGN)
			continue;
		sigaddset(ending, signals[i]);
	}
	sigprocmask(SIG_BLOCK, ending, old);
}

static void unblock_signals(const sigset_t *ending, const sigset_t *old)
{
	const struct timespec zero = { 0 };

	/* One more Ctrl-C during the last pass shall not take the report away. */
	while (sigtimedwait(ending, NULL, &zero) > 0)
		;
	sigprocmask(SIG_SETMASK, old, NULL);
}

/* Wait until @deadline. Returns false if a signal came to end it all. */
static bool wait_until(uint64_t deadline, const sigset_t *ending)
{
	for (;;) {
		uint64_t now = now_ns();
		uint64_t left = now < deadline ? deadline - now : 0;
		struct timespec timeout = {
			.tv_sec = left / NS_PER_SECOND,
			.tv_nsec = left % NS_PER_SECOND,
		};

		if (sigtimedwait(ending, NULL, &timeout) > 0)
			return false;
		if (errno == EAGAIN)
			return true;
	}
}

/* A pass that is under way. */
struct under_way {
	const struct series *series;
	uint64_t number;
};

static int hand_on(void *arg, const struct kvm_idle_region *regions,
		   size_t count)
{
	const struct under_way *w = arg;

	return w->series->regions(w->series->arg, w->number, regions, count);
}

static int read_pass(const struct series *s, uint64_t number)
{
	struct under_way w = { s, number };
	kvmidle_region_fn *fn = s->regions ? hand_on : NULL;

	return s->recorder ?
		kvmidle_recorder_pass(s->recorder, s->vm, fn, &w) :
		kvmidle_pass_regions(s->vm, fn, &w);
}

static int end_pass(const struct series *s, uint64_t number)
{
	if (!s->end_pass)
		return 0;
	return s->end_pass(s->arg, number, kvmidle_pass_started(s->vm));
}

int series_pass(const struct series *s, uint64_t number)
{
	int err = read_pass(s, number);

	return err ? err : end_pass(s, number);
}

/*
 * When pass @number, which was read last, is to be shown: a recording, as long after the
 * first as it was then. The clock of what is played starts with the first pass.
 */
struct playback {
	uint64_t first_then;
	uint64_t first_now;
};

static uint64_t play_at(const struct series *s, struct playback *p,
			uint64_t number)
{
	uint64_t then = kvmidle_pass_started(s->vm);
	double wait;

	if (!number) {
		p->first_then = then;
		p->first_now = now_ns();
	}
	if (!s->speed)
		return 0;
	wait = (then - p->first_then) / s->speed;
	/* Longer than anybody waits, and what 64 bits can tell. */
	return p->first_now + (uint64_t)(wait < 1e18 ? wait : 1e18);
}

/* Returns false if a signal came first. */
static bool wait_for_next(const struct series *s, uint64_t number,
			  const sigset_t *ending)
{
	if (is_recording(s))
		return wait_until(0, ending);
	show_progress(s, number - 1);
	return wait_until(kvmidle_pass_started(s->vm) + s->plan.interval_ns, ending);
}

/* @done: out: passes after the baseline. */
static int run_passes(const struct series *s, const sigset_t *ending,
		      uint64_t *done, bool *ended_early)
{
	struct playback p = { 0 };
	uint64_t number;
	int err;

	for (number = 0; !s->plan.passes || number <= s->plan.passes; number++) {
		if (number && !wait_for_next(s, number, ending)) {
			*ended_early = true;
			return 0;
		}
		err = read_pass(s, number);
		if (err == -ENODATA && is_recording(s))
			return 0;
		if (err)
			return err;
		if (is_recording(s) && !wait_until(play_at(s, &p, number), ending)) {
			*ended_early = true;
			return 0;
		}
		err = end_pass(s, number);
		if (err)
			return err;
		*done = number;
	}
	return 0;
}

int series_run(const struct series *s, bool *ended_early)
{
	sigset_t ending, old;
	uint64_t done = 0;
	bool early = false;
	int err;

	block_signals(&ending, &old);
	err = run_passes(s, &ending, &done, &early);
	clear_progress(s);
	unblock_signals(&ending, &old);
	/* What was seen of it is worth as much as if it had been asked to end here. */
	if (err == -ESRCH && done && !s->needs_all) {
		remark("the virtual machine has ended, after pass %" PRIu64, done);
		early = true;
		err = 0;
	}
	if (ended_early)
		*ended_early = early;
	return err == SERIES_END ? 0 : err;
}
