/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * /proc/PID/idle_pages and /proc/idle_pages: which memory of a process was touched, as
 * a stream of extents in order of its addresses.
 *
 * The names and numbers are those of the two kernels that had this file before, whose
 * clients it is for; Documentation/ABI/idle_pages.rst describes the stream.
 */
#ifndef _UAPI_LINUX_IDLE_PAGES_H
#define _UAPI_LINUX_IDLE_PAGES_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * By flags of open(), which are looked at in each read, or by IDLE_SCAN_ADD_FLAGS.
 * The O_* are those of <fcntl.h>.
 */
#define SCAN_HUGE_PAGE	O_NONBLOCK	/* of pages below a PMD, only that they are there */
#define SCAN_SKIM_IDLE	O_NOFOLLOW	/* if all of these are idle, so as well */
#define SCAN_DIRTY_PAGE	O_NOATIME	/* tell apart what was written since this was told */

/* By IDLE_SCAN_ADD_FLAGS alone. */
#define SCAN_AS_HUGE	0x1000000	/* pages below a PMD are told as one */
#define SCAN_IGN_HOST	0x2000000	/* of a VM, only what its guest maps */

/* By VMA_SCAN_ADD_FLAGS. */
#define VMA_SCAN_FLAG	0x1000		/* only mappings that are marked: there are none */

/*
 * On /proc/idle_pages: a process, by its number and not by a pointer. It takes the
 * place of the one there was.
 */
#define IDLE_PAGE_SET_PID	_IOW(0x1, 0x1, __s32)

/* By a pointer. What is not known is ignored. */
#define IDLE_SCAN_ADD_FLAGS	_IOW(0x66, 0x0, __u32)
#define IDLE_SCAN_REMOVE_FLAGS	_IOW(0x66, 0x1, __u32)
#define VMA_SCAN_ADD_FLAGS	_IOW(0x66, 0x2, __u32)
#define VMA_SCAN_REMOVE_FLAGS	_IOW(0x66, 0x3, __u32)

#endif /* _UAPI_LINUX_IDLE_PAGES_H */
