// SPDX-License-Identifier: GPL-2.0-only
/* A VM or a recording, live on a terminal. */
#include "screen.h"
#include "parse.h"
#include "screen_curses.h"
#include "screen_view.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SPEED_MOST	1024.0
/* Where a recording has a break, it is not waited for longer. */
#define WAIT_MOST	(60 * NS_PER_SECOND)

static const uint64_t intervals[] = {
	100000000, 200000000, 500000000, 1000000000, 2000000000, 5000000000,
	10000000000, 20000000000, 30000000000, 60000000000, 120000000000,
	300000000000, 600000000000,
};

#define INTERVALS	(sizeof(intervals) / sizeof(intervals[0]))

/**
 * struct play - what is going on
 * @passes: to make, not counting the baseline; 0: without end
 * @cold: as of screen_play()
 * @next: the number of the next pass
 * @read: it has been read and waits to be shown: of a recording, which tells only
 *	then how long to wait
 * @shown_ns: when the one before it was shown
 * @quit: end it
 * @reset: begin anew
 */
struct play {
	struct target *target;
	struct view *view;
	struct screen_state state;
	uint64_t passes;
	unsigned int cold;
	uint64_t next;
	bool read;
	uint64_t shown_ns;
	bool quit;
	bool reset;
};

static volatile sig_atomic_t ending;

static void on_signal(int number)
{
	(void)number;
	ending = 1;
}

bool screen_can_play(char *why, size_t size)
{
#ifndef HAVE_NCURSES
	snprintf(why, size, "this kvmidle was built without ncurses and has no live screen: install libncurses-dev and build it again, or use 'kvmidle report' or 'kvmidle wss'");
	return false;
#else
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO)) {
		snprintf(why, size, "the live screen needs a terminal: for a file or a program use 'kvmidle report', 'kvmidle wss' or --json");
		return false;
	}
	if (!screen_knows_terminal()) {
		snprintf(why, size, "the live screen cannot do with this terminal (TERM=%s): set TERM to what it is, or use 'kvmidle report' or 'kvmidle wss'",
			 getenv("TERM") ? getenv("TERM") : "");
		return false;
	}
	return true;
#endif
}

/* The next one there is in that direction. */
static uint64_t other_interval(uint64_t now, bool longer)
{
	size_t i;

	if (longer) {
		for (i = 0; i < INTERVALS; i++)
			if (intervals[i] > now)
				return intervals[i];
		return now;
	}
	for (i = INTERVALS; i--;)
		if (intervals[i] < now)
			return intervals[i];
	return now;
}

static void change_pace(struct screen_state *s, bool plus)
{
	if (!s->is_recording)
		s->interval_ns = other_interval(s->interval_ns, plus);
	else if (plus && s->speed < SPEED_MOST)
		s->speed *= 2;
	else if (!plus && s->speed > 1 / SPEED_MOST)
		s->speed /= 2;
}

static void take_key(struct play *play, int key)
{
	switch (key) {
	case 'q':
	case 'Q':
		play->quit = true;
		break;
	case ' ':
		play->state.paused = !play->state.paused;
		break;
	case '+':
	case '=':
	case '-':
		change_pace(&play->state, key != '-');
		break;
	case 'r':
	case 'R':
		play->reset = true;
		break;
	case 'h':
	case 'H':
	case '?':
		play->state.help = !play->state.help;
		break;
	}
}

static bool waits_for_nothing(const struct play *play)
{
	return play->state.paused || play->state.ended;
}

/*
 * When the next pass is to be made or shown, at the pace of now: of a VM, an interval
 * after the last one began; of a recording, as long after it as it was then.
 */
static uint64_t due_ns(const struct play *play)
{
	uint64_t before = play->view->started_ns;
	double wait;

	if (!play->next)
		return 0;
	if (!play->state.is_recording)
		return before + play->state.interval_ns;
	if (!play->read)
		return 0;
	wait = (kvmidle_pass_started(play->target->vm) - before) / play->state.speed;
	return play->shown_ns + (uint64_t)(wait < WAIT_MOST ? wait : WAIT_MOST);
}

/*
 * Sleep until the next pass is due, a key is pressed or a signal comes. Signals are
 * blocked but here, so that none slips in between a look at @ending and the sleep.
 */
static void sleep_a_while(const struct play *play, const sigset_t *usual)
{
	struct pollfd keys = { .fd = STDIN_FILENO, .events = POLLIN };
	uint64_t now = now_ns(), due = due_ns(play), left = due > now ? due - now : 0;
	const struct timespec timeout = {
		.tv_sec = left / NS_PER_SECOND,
		.tv_nsec = left % NS_PER_SECOND,
	};

	ppoll(&keys, 1, waits_for_nothing(play) ? NULL : &timeout, usual);
	/* The terminal is gone, and no signal came of it. */
	if (keys.revents & (POLLHUP | POLLERR | POLLNVAL))
		ending = 1;
}

static int read_pass(struct play *play)
{
	const struct series series = {
		.vm = play->target->vm,
		.regions = view_regions,
		.arg = play->view,
	};
	int err = series_pass(&series, play->next);

	if (err == -ENODATA && play->state.is_recording) {
		play->state.ended = true;
		return 0;
	}
	play->read = !err;
	return err;
}

static int show_pass(struct play *play)
{
	int err = view_end_pass(play->view, play->next,
				kvmidle_pass_started(play->target->vm));

	play->read = false;
	play->shown_ns = now_ns();
	/* The last one stays to be seen. */
	play->state.ended = play->passes && play->next >= play->passes;
	play->next++;
	return err;
}

/* Read what is due and show it, or of a recording, what will be. */
static int go_on(struct play *play)
{
	int err = play->read ? 0 : read_pass(play);

	if (!err && play->read && now_ns() >= due_ns(play))
		err = show_pass(play);
	return err;
}

static int begin(struct play *play)
{
	int err;

	view_release(play->view);
	err = view_begin(play->view, play->target, play->cold);
	if (!err && play->state.is_recording)
		err = kvmidle_recording_rewind(play->target->vm);
	play->next = 0;
	play->read = false;
	play->reset = false;
	play->state.ended = false;
	return err;
}

static int play_on(struct play *play, const sigset_t *usual)
{
	int err = begin(play), key;

	while (!err && !play->quit && !ending) {
		if (play->reset)
			err = begin(play);
		else if (!waits_for_nothing(play) && now_ns() >= due_ns(play))
			err = go_on(play);
		if (err)
			break;
		screen_draw(play->view, &play->state);
		sleep_a_while(play, usual);
		while ((key = screen_key()) >= 0)
			take_key(play, key);
	}
	return err;
}

static void catch_signals(sigset_t *usual)
{
	static const int numbers[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP };
	const struct sigaction action = { .sa_handler = on_signal };
	sigset_t blocked;
	size_t i;

	sigemptyset(&blocked);
	/* That of ncurses shall be seen as soon as it comes, too. */
	sigaddset(&blocked, SIGWINCH);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		sigaddset(&blocked, numbers[i]);
		sigaction(numbers[i], &action, NULL);
	}
	sigprocmask(SIG_BLOCK, &blocked, usual);
	for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		sigdelset(usual, numbers[i]);
	sigdelset(usual, SIGWINCH);
}

int screen_play(struct target *t, const struct plan *plan, double speed,
		unsigned int cold)
{
	struct play play = {
		.target = t,
		.passes = plan->passes,
		.cold = cold,
		.state = {
			.interval_ns = plan->interval_ns,
			.speed = speed,
			.cold = cold,
			.is_recording = t->is_recording,
		},
	};
	sigset_t usual;
	int err, code;

	play.view = calloc(1, sizeof(*play.view));
	if (!play.view)
		return failure("%s", strerror(ENOMEM));
	if (screen_begin()) {
		free(play.view);
		return failure("the live screen cannot do with this terminal: use 'kvmidle report' or 'kvmidle wss'");
	}
	/* After it: ncurses has handlers of its own for some of them. */
	catch_signals(&usual);
	err = play_on(&play, &usual);
	screen_end();
	sigprocmask(SIG_SETMASK, &usual, NULL);
	/* Only now that there is a place for what it says. */
	code = view_ended(play.view, err);
	view_release(play.view);
	free(play.view);
	return code;
}
