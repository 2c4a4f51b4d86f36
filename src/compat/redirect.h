/* SPDX-License-Identifier: GPL-2.0-only */
/* Sending calls of a kernel function to one of ours: by ftrace, or by a kprobe. */
#ifndef KI_COMPAT_REDIRECT_H
#define KI_COMPAT_REDIRECT_H

#include <linux/ftrace.h>
#include <linux/kprobes.h>

/**
 * struct ki_redirect - one function whose calls are looked at
 * @function: its name
 * @wanted: called with preemption off, in any context, for every call, with
 *	the call's first two arguments; true sends the call to @target. To be
 *	safe against unload, it takes a reference on the module in that case,
 *	which @target drops as its last act
 * @target: has the prototype of the function
 * @ops: used by ki_redirect_ftrace
 * @probe: used by ki_redirect_kprobe
 */
struct ki_redirect {
	const char *function;
	bool (*wanted)(unsigned long arg0, unsigned long arg1);
	void *target;
	union {
		struct ftrace_ops ops;
		struct kprobe probe;
	};
};

/**
 * struct ki_redirector - a way to do it
 * @name: what to call it
 * @hint: what to look at if it fails, as a question
 * @start: starts redirecting. Returns 0; -EBUSY if something else is in the
 *	way; or another error if it cannot be done on this kernel
 * @stop: undoes @start. Afterwards no new call arrives at the target. Calls
 *	that are inside it hold a reference on the module; ki_redirect_drain()
 *	waits for those that have dropped it but not yet returned
 */
struct ki_redirector {
	const char *name;
	const char *hint;
	int (*start)(struct ki_redirect *r);
	void (*stop)(struct ki_redirect *r);
};

extern const struct ki_redirector ki_redirect_ftrace;
extern const struct ki_redirector ki_redirect_kprobe;

/** ki_redirect_drain() - wait until nobody runs the tail of a target any more */
static inline void ki_redirect_drain(void)
{
	synchronize_rcu_tasks();
}

#endif /* KI_COMPAT_REDIRECT_H */
