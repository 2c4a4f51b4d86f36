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

static void try_to_read(struct item *item)
{
	struct kvmidle_list_entry *entry = &item->entry;
	struct kvmidle_vm *vm = NULL;

	entry->error = kvmidle_open(entry->pid, KVMIDLE_PEEK, &vm);
	if (!entry->error) {
		item->info.size = sizeof(item->info);
		entry->error = kvmidle_get_info(vm, &item->info);
	}
	if (!entry->error) {
		entry->info = &item->info;
		entry->bytes = sum_of_slots(vm);
		if (item->info.source == KVM_IDLE_SOURCE_NONE)
			entry->error = -EOPNOTSUPP;
	}
	if (entry->error)
		entry->problem = kvmidle_diagnose(entry->pid, KVMIDLE_PEEK, vm,
						  entry->error, item->explanation,
						  sizeof(item->explanation));
	kvmidle_close(vm);
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

static int look_at(struct kvmidle_list *list, pid_t pid)
{
	int machines = kvmidle_proc_machines(pid);
	struct item *item;
	int err;

	if (machines == -EACCES || machines == -EPERM) {
		if (!kvmidle_proc_is_kthread(pid))
			list->unseen++;
		return 0;
	}
	if (machines <= 0)	/* none, or the process has just exited */
		return 0;

	item = calloc(1, sizeof(*item));
	if (!item)
		return -ENOMEM;
	kvmidle_proc_name(pid, item->name);
	item->entry.pid = pid;
	item->entry.machines = machines;
	item->entry.name = item->name;
	item->entry.explanation = item->explanation;
	try_to_read(item);

	err = append(list, item);
	if (err)
		free(item);
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

static int by_pid(const void *a, const void *b)
{
	pid_t x = (*(struct item *const *)a)->entry.pid;
	pid_t y = (*(struct item *const *)b)->entry.pid;

	return (x > y) - (x < y);
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
		qsort(list->items, list->count, sizeof(list->items[0]), by_pid);
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
