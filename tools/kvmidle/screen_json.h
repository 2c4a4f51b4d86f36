/* SPDX-License-Identifier: GPL-2.0-only */
/* What the live screen shows, for programs. The members are in kvmidle-watch(1). */
#ifndef SCREEN_JSON_H
#define SCREEN_JSON_H

#include "target.h"

/**
 * screen_json() - print an object, in one line, for each pass as it is made
 * @t: the target
 * @plan: when
 *
 * Return: an exit code. What went wrong has been said.
 */
int screen_json(struct target *t, const struct plan *plan);

#endif /* SCREEN_JSON_H */
