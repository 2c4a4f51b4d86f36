/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Files under every /proc/PID. procfs has no interface for that, so its lookup
 * and its directory listing are redirected: see Documentation/design/proc.rst.
 */
#ifndef KI_DOOR_PROC_PID_H
#define KI_DOOR_PROC_PID_H

#include <linux/fs.h>
#include <linux/proc_fs.h>

#define KI_PROC_NAME		"idle_bitmap"
#define KI_PROC_PAGES_NAME	"idle_pages"

/**
 * struct ki_proc_file - one of the files
 * @name: its name, which nothing below /proc/PID has
 * @ops: its operations; .proc_open takes a reference on the module that
 *	.proc_release drops
 */
struct ki_proc_file {
	const char *name;
	const struct proc_ops *ops;
};

/**
 * ki_proc_init() - make the files appear, in the way that the option says
 * @files: an array of them, which must stay; the end has no name. The first is the one
 *	that messages speak of
 *
 * Called while the module is loaded, before anybody can hold it by another
 * door. Tells the option how it is done.
 *
 * Return: 0; or an error, with a message unless the option is "off". May sleep.
 */
int ki_proc_init(const struct ki_proc_file *files);

/** ki_proc_exit() - make them disappear, if they did appear; none may be open */
void ki_proc_exit(void);

/**
 * ki_proc_task() - the process that an open file of ours belongs to
 * @file: the file
 *
 * Return: the leader of the thread group, to be dropped by put_task_struct();
 * NULL if it is gone, or if the file was not opened below /proc/PID.
 */
struct task_struct *ki_proc_task(struct file *file);

#endif /* KI_DOOR_PROC_PID_H */
