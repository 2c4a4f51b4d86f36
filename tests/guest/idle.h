/* SPDX-License-Identifier: GPL-2.0-only */
/* Readers of /proc/PID/idle_bitmap that compare what they get with the truth. */
#ifndef IDLE_H
#define IDLE_H

#include <fcntl.h>
#include <linux/kvm_idle.h>
#include <sys/types.h>

#include "vmm.h"

#define IDLE_SHOWN 4	/* wrong pages named in a verdict */

/* One kind of wrong answer. */
struct idle_wrong {
	uint64_t pages;
	uint64_t first[IDLE_SHOWN];
};

/* What came of comparing. Added up over calls; begins as zeros. */
struct idle_verdict {
	uint64_t words;			/* compared */
	uint64_t young;			/* pages that had to be young */
	struct idle_wrong miss;		/* touched, reported as idle */
	struct idle_wrong extra;	/* mapped and not touched, reported as not idle */
	struct idle_wrong hole_lie;	/* never mapped, reported as idle */
};

struct idle_reader {
	struct vmm *vmm;
	int fd;
	bool harvests;
	/* What its next read must report as young. */
	struct gfnset *due;
	struct gfnset own_due;
	/* If the file is open in a helper process: its socket and our shared buffer. */
	pid_t helper;
	int socket;
	void *buffer;
};

/* Bytes of a whole bitmap of this VM, by what the VMM knows. */
size_t idle_bitmap_bytes(const struct vmm *vmm);

/* Path of the file of a process, 0 being the caller. Static buffer. */
const char *idle_path(pid_t pid);

/* Open the file of a process: that one, or by way of /dev/kvm_idle. Returns what open() does. */
extern bool idle_by_device;
int idle_file(pid_t pid, int flags);

/*
 * Open the file of @vmm, which belongs to this process. O_RDWR harvests,
 * O_RDONLY peeks. Dies if it cannot.
 */
void idle_open(struct idle_reader *reader, struct vmm *vmm, int flags);

/* The same, with the file open in another process that reads on our behalf. */
void idle_open_elsewhere(struct idle_reader *reader, struct vmm *vmm, int flags);
void idle_close(struct idle_reader *reader);

/* From now on the file is of @vmm, as if it had just been opened: KVM_IDLE_SELECT_VM. */
void idle_belongs_to(struct idle_reader *reader, struct vmm *vmm);

/* One read, by whoever has the file open. */
ssize_t idle_pread(struct idle_reader *reader, void *buffer, size_t bytes, off_t pos);

/*
 * Read from @pos until @bytes are there or the file ends, in pieces of @chunk,
 * and compare. Return: bytes read; dies of an error.
 */
size_t idle_check(struct idle_reader *reader, off_t pos, size_t bytes, size_t chunk,
		  struct idle_verdict *verdict);

/* The whole file, in large pieces. */
size_t idle_check_all(struct idle_reader *reader, struct idle_verdict *verdict);

/* The whole file, nothing compared: from here on only what is touched now is young. */
void idle_baseline(struct idle_reader *reader);

/* For who reads by himself: compare @bytes at @pos with the truth, and take them from it. */
void idle_compare(struct idle_reader *reader, const uint64_t *words, size_t bytes, off_t pos,
		  struct idle_verdict *verdict);

bool idle_is_exact(const struct idle_verdict *verdict);

/* Expect that it is; say what was wrong if not. */
void idle_expect_exact(const struct idle_verdict *verdict, const char *what);

/* "direct", "notifier" or "both"; dies of any other word. */
enum kvm_idle_source idle_source_of(const char *word);

/* Dies of an error. */
struct kvm_idle_info idle_info(int fd);

/* Value of a parameter of the module, as text; "" if there is none. Static buffer. */
const char *idle_module_param(const char *name);
bool idle_set_module_param(const char *name, const char *value);

/* Messages of the module in the kernel log that name this process. */
unsigned int idle_messages(void);

#endif
