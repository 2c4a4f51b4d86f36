/* SPDX-License-Identifier: GPL-2.0-only */
/* The ioctls that tell what stands behind the file. */
#ifndef KI_DOOR_INFO_H
#define KI_DOOR_INFO_H

#include <linux/fs.h>

long ki_info_ioctl(struct file *file, unsigned int cmd, unsigned long arg);

#endif /* KI_DOOR_INFO_H */
