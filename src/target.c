// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/fdtable.h>
#include <linux/file.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>

#include "compat/kvm_vm.h"
#include "target.h"
#include "vm.h"

struct ki_search {
	struct mm_struct *mm;
	struct file *found;
};

/* Called under files->file_lock; a non-zero return ends the search. */
static int ki_look_at_file(const void *data, struct file *file, unsigned int fd)
{
	/* iterate_fd() is const-minded, and leaves no other way out. */
	struct ki_search *search = (struct ki_search *)data;
	struct kvm *kvm = ki_kvm_of_file(file);

	if (!kvm || kvm->mm != search->mm)
		return 0;
	/* The table that we hold the lock of holds the file. */
	search->found = get_file(file);
	return 1;
}

/*
 * Threads share their files; but the leader may have exited before the others.
 * One table of files is looked through, and no more: it can be very long.
 */
static struct file *ki_find_vm_file(struct task_struct *task,
				    struct mm_struct *mm)
{
	struct ki_search search = { .mm = mm };
	struct task_struct *t;

	rcu_read_lock();
	for_each_thread(task, t) {
		bool has_files;

		task_lock(t);
		has_files = t->files;
		if (has_files)
			iterate_fd(t->files, 0, ki_look_at_file, &search);
		task_unlock(t);
		if (has_files)
			break;
	}
	rcu_read_unlock();
	return search.found;
}

struct ki_vm *ki_target_vm(struct task_struct *task, struct mm_struct *mm)
{
	struct file *file = ki_find_vm_file(task, mm);
	struct ki_vm *vm;

	if (!file)
		return ERR_PTR(-ENODEV);
	vm = ki_vm_get(ki_kvm_of_file(file));
	fput(file);
	return vm;
}
