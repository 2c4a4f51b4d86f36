/* SPDX-License-Identifier: GPL-2.0-only */
/* Sending calls of a kernel function to one of ours, by ftrace. */
#ifndef KI_COMPAT_REDIRECT_H
#define KI_COMPAT_REDIRECT_H

#include <linux/ftrace.h>

/**
 * struct ki_redirect - one function whose calls are looked at
 * @function: its name
 * @wanted: called with preemption off, in any context, for every call, with
 *	the call's first two arguments; true sends the call to @target. To be
 *	safe against unload, it takes a reference on the module in that case,
 *	which @target drops as its last act
 * @target: has the prototype of the function
 * @ops: used by ki_redirect_start() and _stop()
 */
struct ki_redirect {
	const char *function;
	bool (*wanted)(unsigned long arg0, unsigned long arg1);
	void *target;
	struct ftrace_ops ops;
};

/**
 * ki_redirect_start() - start redirecting
 * @r: what to redirect, and where to
 *
 * Return: 0; -EBUSY if somebody else redirects this function; -ENODEV, -ENOENT
 * or -EINVAL if ftrace cannot trace it.
 */
int ki_redirect_start(struct ki_redirect *r);

/**
 * ki_redirect_stop() - undo ki_redirect_start()
 * @r: as given there
 *
 * Afterwards no new call arrives at the target. Calls that are inside it hold
 * a reference on the module; ki_redirect_drain() waits for those that have
 * dropped it but not yet returned.
 */
void ki_redirect_stop(struct ki_redirect *r);

/** ki_redirect_drain() - wait until nobody runs the tail of a target any more */
void ki_redirect_drain(void);

#endif /* KI_COMPAT_REDIRECT_H */
