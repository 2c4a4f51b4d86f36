/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * /dev/kvm_idle: hands out, for a pidfd, what /proc/PID/idle_bitmap is. For
 * kernels where procfs cannot be made to show that file.
 */
#ifndef KI_DOOR_CHARDEV_H
#define KI_DOOR_CHARDEV_H

/**
 * ki_chardev_init() - make the device appear
 *
 * Return: 0 or an error, with a message. May sleep.
 */
int ki_chardev_init(void);

/** ki_chardev_exit() - make it disappear, if it did appear */
void ki_chardev_exit(void);

#endif /* KI_DOOR_CHARDEV_H */
