/* SPDX-License-Identifier: GPL-2.0-only */
/* A file of extents, and what a read of it does. */
#ifndef KI_DOOR_PAGES_READ_H
#define KI_DOOR_PAGES_READ_H

#include <linux/fs.h>
#include <linux/idle_pages.h>
#include <linux/mutex.h>

#include "door/pages_window.h"
#include "encode/extents.h"

#define KI_OPEN_FLAGS	(SCAN_HUGE_PAGE | SCAN_SKIM_IDLE | SCAN_DIRTY_PAGE)
#define KI_SCAN_FLAGS	(KI_OPEN_FLAGS | SCAN_AS_HUGE | SCAN_IGN_HOST)

/**
 * struct ki_pages - one open file
 * @lock: held for a read, and for whatever changes the rest
 * @added: flags that were added by ioctl
 * @removed: flags that were removed, though the file is open with them
 * @owes_flush: something was cleared in the process's own tables since the last flush
 * @start: address that the last read began at
 * @reached: and ended at; 0 if there is none
 * @passed: address that the pass has reached
 * @win: the window at work; also, what process the file is of: none while @win.mm is NULL
 * @was: what of the window was young before it was encoded
 * @out: where the encoder writes
 */
struct ki_pages {
	struct mutex lock;		/* Outside reader->lock. */
	unsigned int added;
	unsigned int removed;
	bool owes_flush;
	u64 start;
	u64 reached;
	u64 passed;
	struct ki_pages_window win;
	u64 was[KI_SLICE_WORDS];
	u8 out[KI_EXTENTS_OUT];
};

/**
 * ki_pages_read_some() - read of a process
 * @f: the file; @f->lock is held, and it has a process
 * @file: the same
 * @buf: the caller's buffer
 * @bytes: size of it
 * @ppos: position: an address of the process; moved on
 *
 * Return: bytes delivered, or an error as of read(2): Documentation/ABI/idle_pages.rst.
 */
ssize_t ki_pages_read_some(struct ki_pages *f, struct file *file,
			   char __user *buf, size_t bytes, loff_t *ppos);

/**
 * ki_pages_pay() - drop what is cached of the process's own tables, if that is owed
 *
 * A VM's is the reader's business. @f->lock is held, or nobody else has the file.
 */
void ki_pages_pay(struct ki_pages *f);

#endif /* KI_DOOR_PAGES_READ_H */
