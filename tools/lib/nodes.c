// SPDX-License-Identifier: LGPL-2.1-or-later
/* On which NUMA nodes the memory of a VM lies. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Pages that one call asks about: 16 MiB of 4 KiB pages. */
#define BATCH	4096

int kvmidle_nodes_add(struct kvmidle_nodes *nodes, uint64_t start, uint64_t end,
		      unsigned int node)
{
	struct kvmidle_node_range *last;

	last = nodes->count ? &nodes->at[nodes->count - 1] : NULL;
	if (last && last->end == start && last->node == node) {
		last->end = end;
		return 0;
	}
	if (nodes->count == nodes->room) {
		size_t room = nodes->room ? nodes->room * 2 : 64;
		struct kvmidle_node_range *bigger;

		bigger = realloc(nodes->at, room * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		nodes->at = bigger;
		nodes->room = room;
	}
	nodes->at[nodes->count++] = (struct kvmidle_node_range){ start, end, node };
	return 0;
}

void kvmidle_nodes_free(struct kvmidle_nodes *nodes)
{
	if (!nodes)
		return;
	free(nodes->at);
	free(nodes);
}

size_t kvmidle_nodes_count(const struct kvmidle_nodes *nodes)
{
	return nodes->count;
}

const struct kvmidle_node_range *
kvmidle_nodes_at(const struct kvmidle_nodes *nodes, size_t index)
{
	return index < nodes->count ? &nodes->at[index] : NULL;
}

/* Who is asked, and for whom. */
struct query {
	const struct kvmidle_vm *vm;
	uint64_t page_size;
	struct kvmidle_nodes *nodes;
	void *pages[BATCH];
	int status[BATCH];
};

/* Ask about up to BATCH pages in a row, that a slot has. */
static int ask(struct query *q, const struct kvm_idle_slot *slot, uint64_t gpa,
	       size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		q->pages[i] = (void *)(uintptr_t)(slot->hva + (gpa - slot->gpa) +
						  i * q->page_size);
	/* By number: the function is libnuma's, and there is no need of that for this. */
	if (syscall(SYS_move_pages, q->vm->pid, (unsigned long)count, q->pages,
		    NULL, q->status, 0) < 0)
		return -errno;

	for (i = 0; i < count; i++) {
		uint64_t start = gpa + i * q->page_size;
		int err;

		if (q->status[i] < 0)	/* there is no page now */
			continue;
		err = kvmidle_nodes_add(q->nodes, start, start + q->page_size,
					q->status[i]);
		if (err)
			return err;
	}
	return 0;
}

/* Ask about [@start, @end) of guest addresses, as far as @slot covers it. */
static int ask_slot(struct query *q, const struct kvm_idle_slot *slot,
		    uint64_t start, uint64_t end)
{
	int err = 0;

	if (slot->flags & KVM_IDLE_SLOT_NO_HVA)
		return 0;
	if (start < slot->gpa)
		start = slot->gpa;
	if (end > slot->gpa + slot->bytes)
		end = slot->gpa + slot->bytes;
	while (!err && start < end) {
		uint64_t count = (end - start) / q->page_size;

		if (count > BATCH)
			count = BATCH;
		err = ask(q, slot, start, count);
		start += count * q->page_size;
	}
	return err;
}

static int ask_range(struct query *q, const struct kvmidle_slots *slots,
		     uint64_t start, uint64_t end)
{
	int err = 0;
	size_t i;

	for (i = 0; !err && i < slots->count && slots->at[i].gpa < end; i++)
		if (slots->at[i].gpa + slots->at[i].bytes > start)
			err = ask_slot(q, &slots->at[i], start, end);
	return err;
}

/* What is mapped for the guest; a look at it clears nothing. */
static int ask_mapped(struct query *q, const struct kvmidle_slots *slots)
{
	struct kvm_idle_region regions[256];
	struct kvm_idle_scan scan = {
		.size = sizeof(scan),
		.end = ~(uint64_t)0,
		.vec = (uintptr_t)regions,
		.vec_len = sizeof(regions) / sizeof(regions[0]),
		.category_mask = KVM_IDLE_PAGE_PRESENT,
		.return_mask = KVM_IDLE_PAGE_PRESENT,
	};
	ssize_t n, i;
	int err = 0;

	do {
		n = kvmidle_scan(q->vm, &scan);
		for (i = 0; !err && i < n; i++)
			err = ask_range(q, slots, regions[i].start, regions[i].end);
		scan.start = scan.walk_end;
	} while (!err && n >= 0 && scan.walk_end < scan.end);
	return n < 0 ? (int)n : err;
}

int kvmidle_live_get_nodes(const struct kvmidle_vm *vm,
			   const struct kvmidle_slots *slots,
			   struct kvmidle_nodes **nodesp)
{
	struct kvm_idle_info info = { .size = sizeof(info) };
	struct query *q;
	int err;

	err = kvmidle_get_info(vm, &info);
	if (err)
		return err;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->vm = vm;
	q->page_size = info.page_size;
	q->nodes = calloc(1, sizeof(*q->nodes));
	err = q->nodes ? ask_mapped(q, slots) : -ENOMEM;
	/* An older module cannot tell what is mapped, so ask about everything. */
	if (err == -ENOTTY)
		err = ask_range(q, slots, 0, GPA_LIMIT);
	/* Its number may be another process's by now: then the VM is gone. */
	if (!err)
		err = kvmidle_get_info(vm, &info);
	if (err)
		kvmidle_nodes_free(q->nodes);
	else
		*nodesp = q->nodes;
	free(q);
	return err;
}
