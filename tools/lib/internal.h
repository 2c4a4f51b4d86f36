/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the library share and programs do not see. */
#ifndef KVMIDLE_INTERNAL_H
#define KVMIDLE_INTERNAL_H

#include "kvmidle.h"

#include <stdbool.h>

#define PAGES_PER_WORD	64

/* Guest physical addresses have at most 52 bits, pages at least 4 KiB. */
#define GFN_LIMIT	((uint64_t)1 << 40)

struct kvmidle_vm {
	pid_t pid;
	enum kvmidle_mode mode;
	enum kvmidle_door door;
	int fd;
	uint64_t *buffer;	/* one piece of a pass; allocated by the first */
};

/* door.c: the two ways to the bitmap of a process. */

/* The device. Only tests point it elsewhere. */
extern const char *kvmidle_device;

/**
 * kvmidle_door_open() - open the bitmap of a process, the device being the
 *	second choice
 * @pid: the process
 * @flags: as of open(2)
 * @door: out: how it was opened
 *
 * Return: a file descriptor, or a negative errno as of kvmidle_open().
 */
int kvmidle_door_open(pid_t pid, int flags, enum kvmidle_door *door);

/* Is the device the only way to this process, and one may not open it? */
bool kvmidle_door_is_locked(pid_t pid);

/* procfs.c: what else /proc tells about a process. */

/* Where procfs is. Only tests point it elsewhere. */
extern const char *kvmidle_proc_root;

/**
 * kvmidle_proc_path() - the path of a file of a process
 * @path: out
 * @size: room at @path
 * @pid: the process; 0 = the caller
 * @name: file below its directory, or "" for the directory
 */
void kvmidle_proc_path(char *path, size_t size, pid_t pid, const char *name);

/* Is there such a process? */
bool kvmidle_proc_exists(pid_t pid);

/* Is procfs mounted at all? */
bool kvmidle_proc_mounted(void);

/* The process that a thread belongs to; @pid itself if that is not known. */
pid_t kvmidle_proc_leader(pid_t pid);

/* Is it a kernel thread? */
bool kvmidle_proc_is_kthread(pid_t pid);

/**
 * kvmidle_proc_machines() - count the virtual machines of a process
 * @pid: the process
 *
 * Return: how many, or a negative errno if its open files cannot be seen.
 */
int kvmidle_proc_machines(pid_t pid);

#define KVMIDLE_NAME_SIZE	128

/**
 * kvmidle_proc_name() - what to call the VM of a process
 * @pid: the process
 * @name: out: QEMU's -name if there is one, else the command's name, else ""
 */
void kvmidle_proc_name(pid_t pid, char name[KVMIDLE_NAME_SIZE]);

/**
 * kvmidle_qemu_name() - find the guest's name in QEMU's arguments
 * @cmdline: the arguments, a NUL after each
 * @length: of @cmdline in bytes
 * @name: out
 *
 * Return: whether there is one.
 */
bool kvmidle_qemu_name(const char *cmdline, size_t length,
		       char name[KVMIDLE_NAME_SIZE]);

/**
 * kvmidle_make_printable() - replace what a terminal or JSON should not see
 * @text: changed in place: bytes that are control characters, or not valid
 *	UTF-8, become '?'
 */
void kvmidle_make_printable(char *text);

#endif /* KVMIDLE_INTERNAL_H */
