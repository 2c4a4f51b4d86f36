/* SPDX-License-Identifier: GPL-2.0-only */
/* From a process to the VMs that it runs. */
#ifndef KI_TARGET_H
#define KI_TARGET_H

#include <linux/mm_types.h>
#include <linux/sched.h>

struct ki_vm;

/**
 * struct ki_target - one VM of a process
 * @index: in: which, in the order of their lowest file descriptors
 * @count: out: how many there are; of more than 64, the first 64 count
 * @fd: out: the lowest file descriptor of the one found, -1 if none was
 */
struct ki_target {
	unsigned int index;
	unsigned int count;
	int fd;
};

/**
 * ki_target_vm() - a VM of a process
 * @task: any thread of it, held by the caller
 * @mm: its memory, as the caller was permitted to access it; held
 * @target: which, and what was found out
 *
 * A VM counts if it runs on @mm; one whose file was merely passed to the
 * process belongs to whoever made it.
 *
 * Return: the VM, to be dropped by ki_vm_put(); ERR_PTR(-ENODEV) if there are
 * not so many; ERR_PTR(-ENOMEM). May sleep.
 */
struct ki_vm *ki_target_vm(struct task_struct *task, struct mm_struct *mm,
			   struct ki_target *target);

#endif /* KI_TARGET_H */
