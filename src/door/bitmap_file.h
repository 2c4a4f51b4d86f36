/* SPDX-License-Identifier: GPL-2.0-only */
/* /proc/PID/idle_bitmap: one bit a page, by guest address. */
#ifndef KI_DOOR_BITMAP_FILE_H
#define KI_DOOR_BITMAP_FILE_H

#include <linux/proc_fs.h>

extern const struct proc_ops ki_bitmap_ops;

#endif /* KI_DOOR_BITMAP_FILE_H */
