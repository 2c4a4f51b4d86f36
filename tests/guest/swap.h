/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Swap space in memory, and control groups with memory of their own.
 *
 * The machine's init mounts no cgroup2, and Debian's kernels have no block device
 * built in: both are done here, when first asked for. The module brd has to be in
 * the machine as SWAP_MODULE:
 *
 *	tests/vm/run --add "$(tests/coexist/brd KERNEL):/lib/brd.ko" ...
 *
 * unless the kernel has it built in.
 */
#ifndef SWAP_H
#define SWAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SWAP_MODULE	"/lib/brd.ko"

/*
 * Swap on a RAM disk of @mib MiB, which takes memory as it is filled; on another
 * call, what there is stays. Return: false, and *why, if this kernel cannot. Dies of
 * what is no reason to skip a test.
 */
bool swap_on(unsigned long mib, const char **why);

/*
 * Make a control group, and put the calling process into it: what it allocates
 * from now on is charged to that. Return: false, and *why, if this kernel cannot.
 */
bool memcg_enter(const char *name, const char **why);

/*
 * Have the kernel reclaim @bytes from the group. Return: what writing
 * memory.reclaim does: 0, or -1 and EAGAIN if that much cannot be had.
 */
int memcg_reclaim(const char *name, unsigned long bytes);

/* Leave it, for the root of all groups, and remove it, once no process is in it. */
void memcg_leave(void);
void memcg_remove(const char *name);

/* One value of a file such as "memory.stat", "pgscan"; dies if there is none. */
uint64_t memcg_stat(const char *name, const char *file, const char *key);

/*
 * Which pages of a range of this process are in memory: one bit a page from @words
 * on. Those in swap, or never touched, are not.
 */
void resident_pages(const void *start, size_t pages, uint64_t *words);

#endif
