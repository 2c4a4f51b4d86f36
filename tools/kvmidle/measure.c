// SPDX-License-Identifier: GPL-2.0-only
/* Watch one VM over several passes. */
#include "measure.h"
#include "parse.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_SECOND + now.tv_nsec;
}

static void show_progress(uint64_t done, const struct plan *plan)
{
	char text[TIME_TEXT];

	if (!isatty(STDERR_FILENO))
		return;
	fprintf(stderr, "\rpass %" PRIu64 " of %" PRIu64 ", about %s to go (Ctrl-C: report now)\033[K",
		done, plan->passes,
		format_time(text, (plan->passes - done) * plan->interval_ns));
	fflush(stderr);
}

static void clear_progress(void)
{
	if (isatty(STDERR_FILENO))
		fputs("\r\033[K", stderr);
}

/*
 * The signals that end a measurement are blocked and waited for, so that none
 * can slip in between a look at a flag and the sleep.
 */
static void block_signals(sigset_t *ending, sigset_t *old)
{
	sigemptyset(ending);
	sigaddset(ending, SIGINT);
	sigaddset(ending, SIGTERM);
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

static uint64_t *started(struct measurement *m, uint64_t pass)
{
	return &m->started[pass % (KVMIDLE_AGE_MAX + 1)];
}

static int run_passes(struct kvmidle_vm *vm, const struct plan *plan,
		      struct measurement *m, const sigset_t *ending)
{
	uint64_t pass, baseline = now_ns(), end = 0;
	uint64_t generation;
	int err;

	m->info.size = sizeof(m->info);
	err = kvmidle_get_info(vm, &m->info);
	if (err)
		return err;
	generation = m->info.slot_generation;

	*started(m, 0) = baseline;
	err = kvmidle_pass(vm, NULL, NULL);
	if (err)
		return err;

	for (pass = 1; pass <= plan->passes; pass++) {
		show_progress(pass - 1, plan);
		if (!wait_until(*started(m, pass - 1) + plan->interval_ns, ending)) {
			m->ended_early = true;
			break;
		}
		*started(m, pass) = now_ns();
		err = kvmidle_ages_pass(m->ages, vm);
		if (err)
			return err;
		m->window_ns = *started(m, pass) - baseline;
		end = now_ns();
	}

	err = kvmidle_get_slots(vm, KVM_IDLE_SLOTS_COUNT_MAPPED, &m->slots);
	if (err)
		return err;
	m->mapped_delay_ns = end ? now_ns() - end : 0;
	m->slots_changed = kvmidle_slots_generation(m->slots) != generation;

	m->info.size = sizeof(m->info);
	return kvmidle_get_info(vm, &m->info);
}

int measure(struct kvmidle_vm *vm, const struct plan *plan,
	    struct measurement *m)
{
	sigset_t ending, old;
	int err;

	memset(m, 0, sizeof(*m));
	m->ages = kvmidle_ages_new();
	if (!m->ages)
		return -ENOMEM;

	block_signals(&ending, &old);
	err = run_passes(vm, plan, m, &ending);
	clear_progress();
	unblock_signals(&ending, &old);
	return err;
}

void measurement_release(struct measurement *m)
{
	kvmidle_ages_free(m->ages);
	kvmidle_slots_free(m->slots);
	memset(m, 0, sizeof(*m));
}

uint64_t measurement_age_ns(const struct measurement *m, unsigned int age)
{
	uint64_t last = kvmidle_ages_passes(m->ages);

	return m->started[last % (KVMIDLE_AGE_MAX + 1)] -
	       m->started[(last - age) % (KVMIDLE_AGE_MAX + 1)];
}
