/* SPDX-License-Identifier: GPL-2.0-only */
/* A VM or a recording, live on a terminal, as top shows processes. */
#ifndef SCREEN_H
#define SCREEN_H

#include "target.h"

/**
 * screen_can_play() - whether there is a screen to show it on
 * @why: out: a sentence if not, which says what to do instead
 * @size: room at @why
 *
 * Return: true: standard input and output are a terminal that can do it.
 */
bool screen_can_play(char *why, size_t size);

/**
 * screen_play() - show it until somebody presses q or it ends
 * @t: the target
 * @plan: of a VM: from when to when; of a recording, how many passes
 * @speed: of a recording: how many times as fast as it was
 * @cold: cold is what was idle in each of so many passes; 0: in all of them
 *
 * The terminal is as it was before when this returns, however it ended; but for
 * SIGKILL. SIGINT, SIGQUIT, SIGTERM and SIGHUP end it, too. After the last pass that
 * was planned, that is shown until somebody quits.
 *
 * Return: an exit code. What went wrong has been said.
 */
int screen_play(struct target *t, const struct plan *plan, double speed,
		unsigned int cold);

#endif /* SCREEN_H */
