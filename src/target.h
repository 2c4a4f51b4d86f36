/* SPDX-License-Identifier: GPL-2.0-only */
/* From a process to the VM that it runs. */
#ifndef KI_TARGET_H
#define KI_TARGET_H

#include <linux/mm_types.h>
#include <linux/sched.h>

struct ki_vm;

/**
 * ki_target_vm() - the VM of a process
 * @task: its thread group leader, held by the caller
 * @mm: its memory, as the caller was permitted to access it; held
 *
 * A VM counts if it runs on @mm; one whose file was merely passed to the
 * process belongs to whoever made it. With several, the first by fd number.
 *
 * Return: the VM, to be dropped by ki_vm_put(); ERR_PTR(-ENODEV) if there is
 * none; ERR_PTR(-ENOMEM). May sleep.
 */
struct ki_vm *ki_target_vm(struct task_struct *task, struct mm_struct *mm);

#endif /* KI_TARGET_H */
