/* SPDX-License-Identifier: GPL-2.0-only */
/* The file of extents, by host address: below /proc/PID, and /proc/idle_pages. */
#ifndef KI_DOOR_PAGES_FILE_H
#define KI_DOOR_PAGES_FILE_H

#include <linux/proc_fs.h>

/* Of the file below /proc/PID. */
extern const struct proc_ops ki_pages_proc_ops;

/**
 * ki_pages_init() - make /proc/idle_pages appear
 *
 * After ki_proc_init(), which waits until nobody holds the module. With a message if it
 * fails, which is no reason not to go on. May sleep.
 */
void ki_pages_init(void);

/** ki_pages_exit() - make it disappear, if it did appear; no file may be open */
void ki_pages_exit(void);

#endif /* KI_DOOR_PAGES_FILE_H */
