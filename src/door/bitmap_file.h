/* SPDX-License-Identifier: GPL-2.0-only */
/* The bitmap file: one bit a page, by guest address; whichever door it comes by. */
#ifndef KI_DOOR_BITMAP_FILE_H
#define KI_DOOR_BITMAP_FILE_H

#include <linux/fs.h>
#include <linux/proc_fs.h>

struct ki_reader;
struct mm_struct;
struct task_struct;

/**
 * ki_access_mm() - the memory of a process, for who may look into it
 * @task: any thread of it, held by the caller
 * @mode: with FMODE_WRITE, for who may influence it, too
 *
 * Return: it, mmgrabbed; ERR_PTR(-EACCES) if the caller may not; ERR_PTR(-ESRCH) if the
 * process is gone or has no memory of its own. May sleep.
 */
struct mm_struct *ki_access_mm(struct task_struct *task, fmode_t mode);

/**
 * ki_open_reader() - a reader of the VM of a process
 * @task: any thread of it, held by the caller
 * @mm: of ki_access_mm(); the reader takes it over
 * @mode: as above
 *
 * Return: the reader; or, and nothing was taken over, what ki_target_vm() and
 * ki_reader_open() return. May sleep.
 */
struct ki_reader *ki_open_reader(struct task_struct *task, struct mm_struct *mm,
				 fmode_t mode);

/**
 * ki_bitmap_open() - a reader of the VM of a process
 * @task: any thread of it, held by the caller
 * @mode: FMODE_READ, FMODE_WRITE
 *
 * Return: the reader, for file->private_data of a file with &ki_bitmap_fops;
 * what ki_access_mm() and ki_open_reader() return. May sleep.
 */
struct ki_reader *ki_bitmap_open(struct task_struct *task, fmode_t mode);

/* For files that were given a reader; the other, for files below /proc/PID. */
extern const struct file_operations ki_bitmap_fops;
extern const struct proc_ops ki_bitmap_proc_ops;

#endif /* KI_DOOR_BITMAP_FILE_H */
