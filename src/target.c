// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "compat/kvm_vm.h"
#include "target.h"
#include "vm.h"

/*
 * More VMs than these a process can have, but not be asked about: each of its
 * files is compared with all that were found, under a spinlock.
 */
#define KI_MAX_VMS	64

/**
 * struct ki_search - looking through a table of files
 * @mm: the memory that the VMs are to run on
 * @target: which of them is looked for
 * @found: its file, held
 * @seen: the VMs so far, each once. For comparison alone: they are not held
 */
struct ki_search {
	struct mm_struct *mm;
	struct ki_target *target;
	struct file *found;
	const struct kvm *seen[KI_MAX_VMS];
};

static bool ki_seen(const struct ki_search *search, const struct kvm *kvm)
{
	for (unsigned int i = 0; i < search->target->count; i++)
		if (search->seen[i] == kvm)
			return true;
	return false;
}

/* Called under files->file_lock, in order of fd. */
static int ki_look_at_file(const void *data, struct file *file, unsigned int fd)
{
	/* iterate_fd() is const-minded, and leaves no other way out. */
	struct ki_search *search = (struct ki_search *)data;
	struct ki_target *target = search->target;
	struct kvm *kvm = ki_kvm_of_file(file);

	if (!kvm || kvm->mm != search->mm || ki_seen(search, kvm))
		return 0;
	if (target->count == KI_MAX_VMS)
		return 1;
	search->seen[target->count] = kvm;
	if (target->count == target->index) {
		/* The table that we hold the lock of holds the file. */
		search->found = get_file(file);
		target->fd = fd;
	}
	target->count++;
	return 0;
}

/*
 * Threads share their files; but the leader may have exited before the others.
 * One table of files is looked through, and no more: it can be very long.
 */
static void ki_look_at_files(struct task_struct *task, struct ki_search *search)
{
	struct task_struct *t;

	rcu_read_lock();
	for_each_thread(task, t) {
		bool has_files;

		task_lock(t);
		has_files = t->files;
		if (has_files)
			iterate_fd(t->files, 0, ki_look_at_file, search);
		task_unlock(t);
		if (has_files)
			break;
	}
	rcu_read_unlock();
}

struct ki_vm *ki_target_vm(struct task_struct *task, struct mm_struct *mm,
			   struct ki_target *target)
{
	struct ki_search search = { .mm = mm, .target = target };
	struct ki_vm *vm;

	target->count = 0;
	target->fd = -1;
	ki_look_at_files(task, &search);
	if (!search.found)
		return ERR_PTR(-ENODEV);
	vm = ki_vm_get(search.found);
	fput(search.found);
	return vm;
}
