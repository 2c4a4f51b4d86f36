/* SPDX-License-Identifier: GPL-2.0-only */
/* The bitmap file: one bit a page, by guest address; whichever door it comes by. */
#ifndef KI_DOOR_BITMAP_FILE_H
#define KI_DOOR_BITMAP_FILE_H

#include <linux/fs.h>
#include <linux/proc_fs.h>

struct ki_reader;

/**
 * ki_bitmap_open() - a reader of the VM of a process
 * @task: any thread of it, held by the caller
 * @mode: FMODE_READ, FMODE_WRITE
 *
 * Return: the reader, for file->private_data of a file with &ki_bitmap_fops;
 * ERR_PTR(-EACCES) if the caller may not trace the process; ERR_PTR(-ESRCH) if
 * it is gone or has no memory of its own; what ki_target_vm() and
 * ki_reader_open() return. May sleep.
 */
struct ki_reader *ki_bitmap_open(struct task_struct *task, fmode_t mode);

/* For files that were given a reader; the other, for files below /proc/PID. */
extern const struct file_operations ki_bitmap_fops;
extern const struct proc_ops ki_bitmap_proc_ops;

#endif /* KI_DOOR_BITMAP_FILE_H */
