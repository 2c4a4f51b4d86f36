/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's memory management at work on the memory of this process, all the
 * time: it clears accessed bits, or unmaps pages that have them.
 */
#ifndef DISTURB_H
#define DISTURB_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm.h"

struct disturbance;

/* One kind of it. */
struct disturber {
	const char *name;
	const char *does;
	/* What it does to pages: */
	bool ages;	/* clears accessed bits */
	bool zaps;	/* unmaps pages, of which it keeps account: see below ... */
	bool surely;	/* ... each that it is told to, and at once */
	bool breaks_huge;	/* huge pages do not stay whole */
	/*
	 * To split a mapping within a huge page, the kernel has KVM unmap all of that,
	 * even if it is none. So parts are as large as those, and account is right.
	 */
	bool splits_mappings;
	bool read_only;	/* a write by the guest might fail meanwhile */

	/* Return: false, and *why, where this kernel has no such thing. May be NULL. */
	bool (*start)(struct disturbance *d, const char **why);
	/* In a thread, over and over. Return: has it done anything? NULL: the kernel does it. */
	bool (*pass)(struct disturbance *d);
	void (*stop)(struct disturbance *d);
	/* Something that grows with what it does; NULL: its passes. */
	uint64_t (*counter)(void);
};

struct disturbance {
	const struct disturber *by;
	struct vmm *vmm;
	uint64_t first_gfn, pages;	/* of slot 0: what it may zap */

	/*
	 * For each page of slot 0, how many zaps of it have begun, and have been
	 * done. What was zapped is a hole until it is touched again; so a page
	 * is out of a zap's reach if, since before its last touch, no more have
	 * begun than had been done then.
	 */
	atomic_uint *begun, *done;

	pthread_t thread;
	atomic_bool stopping;
	atomic_ulong passes;
	uint64_t counter_before;
	unsigned int seed;
	int fd;
};

/* By name; NULL if there is none. The list ends with one without a name. */
extern const struct disturber disturbers[];
const struct disturber *disturber_of(const char *name);

/* Return: false, and *why, if this kernel cannot. Dies of what is no reason to skip. */
bool disturb_start(struct disturbance *d, struct vmm *vmm, const struct disturber *by,
		   const char **why);

/* How much it has done so far. */
uint64_t disturb_done(struct disturbance *d);
void disturb_stop(struct disturbance *d);

#endif
