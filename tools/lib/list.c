// SPDX-License-Identifier: LGPL-2.1-or-later
/* The virtual machines of this host. */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* What an entry points to, next to it. */
struct item {
	struct kvmidle_list_entry entry;
	char name[KVMIDLE_NAME_SIZE];
	char explanation[512];
	struct kvm_idle_info info;
};

struct kvmidle_list {
	size_t count;
	size_t room;
	size_t unseen;
	struct item **items;
};

static uint64_t sum_of_slots(const struct kvmidle_vm *vm)
{
	struct kvmidle_slots *slots;
	uint64_t sum = 0;
	size_t i;

	if (kvmidle_get_slots(vm, 0, &slots))
		return 0;
	for (i = 0; i < kvmidle_slots_count(slots); i++)
		sum += kvmidle_slots_at(slots, i)->bytes;
	kvmidle_slots_free(slots);
	return sum;
}

static void look_closer(struct item *item, const struct kvmidle_vm *vm)
{
	struct kvmidle_list_entry *entry = &item->entry;

	entry->door = kvmidle_door(vm);
	item->info.size = sizeof(item->info);
	entry->error = kvmidle_get_info(vm, &item->info);
	if (entry->error)
		return;
	entry->info = &item->info;
	entry->bytes = sum_of_slots(vm);
	if (item->info.source == KVM_IDLE_SOURCE_NONE)
		entry->error = -EOPNOTSUPP;
}

static void explain(struct item *item, const struct kvmidle_vm *vm)
{
	struct kvmidle_list_entry *entry = &item->entry;

	if (entry->error)
		entry->problem = kvmidle_diagnose(entry->pid, KVMIDLE_PEEK, vm,
						  entry->error, item->explanation,
						  sizeof(item->explanation));
	else
		kvmidle_explain_source(&item->info, item->explanation,
				       sizeof(item->explanation));
}

static int append(struct kvmidle_list *list, struct item *item)
{
	if (list->count == list->room) {
		size_t more = list->room ? list->room * 2 : 16;
		struct item **bigger;

		bigger = realloc(list->items, more * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		list->items = bigger;
		list->room = more;
	}
	list->items[list->count++] = item;
	return 0;
}

/* @vm is the machine, or NULL if it could not be opened, for @error. */
static int add(struct kvmidle_list *list, const struct kvmidle_list_entry *about,
	       const struct kvmidle_vm *vm, int error)
{
	struct item *item = calloc(1, sizeof(*item));
	int err;

	if (!item)
		return -ENOMEM;
	item->entry = *about;
	item->entry.error = error;
	kvmidle_proc_name(about->pid, item->name);
	item->entry.name = item->name;
	item->entry.explanation = item->explanation;
	if (!error)
		look_closer(item, vm);
	explain(item, vm);

	err = append(list, item);
	if (err)
		free(item);
	return err;
}

/* All machines of a process, of which the first is open. */
static int add_machines(struct kvmidle_list *list, pid_t pid,
			struct kvmidle_vm *vm)
{
	int count = kvmidle_count_vms(vm), err = 0;
	struct kvmidle_list_entry about = { .pid = pid, .machines = count };

	if (count < 0) {
		about.machines = 1;
		return add(list, &about, vm, count);
	}
	for (; !err && about.vm < about.machines; about.vm++) {
		int error = kvmidle_select_vm(vm, about.vm);

		if (error == -ENODEV)	/* it has just been closed */
			break;
		err = add(list, &about, vm, error);
	}
	return err;
}

static int look_at(struct kvmidle_list *list, pid_t pid)
{
	int machines = kvmidle_proc_machines(pid);
	struct kvmidle_list_entry about = { .pid = pid, .machines = machines };
	struct kvmidle_vm *vm;
	int err;

	if (machines == -EACCES || machines == -EPERM) {
		if (!kvmidle_proc_is_kthread(pid))
			list->unseen++;
		return 0;
	}
	if (machines <= 0)	/* none, or the process has just exited */
		return 0;

	err = kvmidle_open(pid, KVMIDLE_PEEK, &vm);
	if (err)
		return add(list, &about, NULL, err);
	err = add_machines(list, pid, vm);
	kvmidle_close(vm);
	return err;
}

static int look_at_all(struct kvmidle_list *list)
{
	struct dirent *entry;
	DIR *proc;
	int err = 0;

	proc = opendir(kvmidle_proc_root);
	if (!proc)
		return -errno;
	while (!err && (entry = readdir(proc))) {
		char *end;
		long pid = strtol(entry->d_name, &end, 10);

		if (!*end && pid > 0 && pid <= INT_MAX)
			err = look_at(list, pid);
	}
	closedir(proc);
	return err;
}

static int in_order(const void *a, const void *b)
{
	const struct kvmidle_list_entry *x = &(*(struct item *const *)a)->entry;
	const struct kvmidle_list_entry *y = &(*(struct item *const *)b)->entry;

	if (x->pid != y->pid)
		return x->pid > y->pid ? 1 : -1;
	return (x->vm > y->vm) - (x->vm < y->vm);
}

int kvmidle_list_get(pid_t pid, struct kvmidle_list **listp)
{
	struct kvmidle_list *list;
	int err;

	if (!kvmidle_proc_mounted())
		return -ENOENT;
	list = calloc(1, sizeof(*list));
	if (!list)
		return -ENOMEM;

	err = pid ? look_at(list, pid) : look_at_all(list);
	if (err) {
		kvmidle_list_free(list);
		return err;
	}
	if (list->count)
		qsort(list->items, list->count, sizeof(list->items[0]), in_order);
	*listp = list;
	return 0;
}

void kvmidle_list_free(struct kvmidle_list *list)
{
	size_t i;

	if (!list)
		return;
	for (i = 0; i < list->count; i++)
		free(list->items[i]);
	free(list->items);
	free(list);
}

size_t kvmidle_list_count(const struct kvmidle_list *list)
{
	return list->count;
}

const struct kvmidle_list_entry *kvmidle_list_at(const struct kvmidle_list *list,
						 size_t index)
{
	return index < list->count ? &list->items[index]->entry : NULL;
}

size_t kvmidle_list_unseen(const struct kvmidle_list *list)
{
	return list->unseen;
}
