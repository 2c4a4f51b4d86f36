/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A procfs in a temporary directory, whose idle_bitmap is an ordinary sparse
 * file, and a device that hands the same out. The system calls on it can be made
 * to fail or to stop short, and the ioctls answer what a test puts here.
 */
#ifndef FAKE_H
#define FAKE_H

#include "internal.h"

#include <stdbool.h>

#define FAKE_PID	4242

/* A virtual machine of FAKE_PID. */
struct fake_vm {
	struct kvm_idle_info info;
	const struct kvm_idle_slot *slots;
	unsigned int slots_count;
};

struct fake {
	/* The next reads and writes, each: 0 = as it is, > 0 = at most so many
	 * bytes, < 0 = fails with this negative errno.
	 */
	const long *script;
	size_t script_length;

	unsigned int reads, writes, seeks;	/* calls that reached the file */
	off_t last_read_end;
	bool went_back;			/* a read or seek below the last read */
	bool saw_end;			/* a read returned 0 */

	/* KVM_IDLE_GET_INFO */
	int info_error;
	struct kvm_idle_info info;

	/* KVM_IDLE_GET_SLOTS */
	int slots_error;
	unsigned int slots_interrupted;	/* so many times first */
	unsigned int slots_calls;
	unsigned int slots_flags;		/* of the last call */
	const struct kvm_idle_slot *slots;
	unsigned int slots_count;

	/* KVM_IDLE_SELECT_VM. All that is above is about the first one. */
	bool selects;			/* else the module does not know it */
	int select_error;
	unsigned int others_count;
	const struct fake_vm *others;
	unsigned int selected;
	unsigned int closing;		/* so many of the last are there no more */

	/* KVM_IDLE_SET_OPTIONS */
	bool has_options;		/* else the module does not know it */
	int options_error;
	unsigned int options_interrupted;	/* so many times first */
	struct kvm_idle_options options;	/* those in force */

	/* KVM_IDLE_ARM */
	bool arms;			/* else the module does not know it */
	int arm_error;
	unsigned int arm_interrupted;	/* so many times first */

	/* KVM_IDLE_SCAN: filters, and knows no host addresses. */
	bool scans;			/* else the module does not know it */
	const struct kvm_idle_region *regions;	/* all there is, with all categories */
	unsigned int regions_count;
	uint64_t scan_slice;		/* a signal comes after so many bytes; 0: never */
	bool scan_splits;		/* the last region of a full array is not whole */
	unsigned int scan_interrupted;	/* so many times first, before anything is done */
	int scan_error;
	unsigned int scan_error_at;	/* in this call, counted from 0 */
	unsigned int scan_calls;
	struct kvm_idle_scan scanned;	/* the argument of the last one */

	/* move_pages(): the node of a page of the VMM, or a negative errno. */
	int (*node_of)(uint64_t hva);
	int move_pages_error;
	pid_t move_pages_of;		/* the last one */
	unsigned long move_pages_asked;	/* pages, in all calls */

	/* Called when the bitmap is opened by its file. */
	void (*on_open)(void);

	/* /dev/kvm_idle, KVM_IDLE_OPEN and pidfd_open(). */
	bool device;			/* it is there */
	int device_error;		/* of opening it */
	int pidfd_error;
	int open_error;
	unsigned int device_opens;
	pid_t pidfd_of;			/* the last one */
	struct kvm_idle_open opened;	/* the last one */
};

extern struct fake fake;

/* Setup and teardown of cmocka: a fresh procfs with FAKE_PID in it, no VM. */
int fake_setup(void **state);
int fake_teardown(void **state);

/* Make a file, or a symbolic link, of a process (0 = the root of procfs). */
void fake_file(pid_t pid, const char *name, const void *data, size_t size);
void fake_link(pid_t pid, const char *name, const char *target);
void fake_process(pid_t pid, const char *stat, const char *comm,
		  const char *cmdline, size_t cmdline_size);

/* Make FAKE_PID's idle_bitmap, of so many words, and put words in. */
void fake_bitmap(size_t words);
/* Make a device in its place, which hands out a bitmap of so many words. */
void fake_device(size_t words);
void fake_put(size_t word, const uint64_t *words, size_t count);
void fake_get(size_t word, uint64_t *words, size_t count);

#endif /* FAKE_H */
