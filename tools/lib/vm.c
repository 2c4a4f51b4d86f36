// SPDX-License-Identifier: LGPL-2.1-or-later
/* A handle, whatever is behind it. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

/* Do it, or say that it cannot be had of such a handle. */
#define CALL(vm, op, ...) \
	((vm)->ops->op ? (vm)->ops->op(vm, ##__VA_ARGS__) : -EOPNOTSUPP)

void kvmidle_close(struct kvmidle_vm *vm)
{
	if (!vm)
		return;
	vm->ops->close(vm);
	free(vm->buffer);
	free(vm);
}

int kvmidle_get_buffer(struct kvmidle_vm *vm)
{
	if (!vm->buffer)
		vm->buffer = malloc(PIECE_WORDS * sizeof(vm->buffer[0]));
	return vm->buffer ? 0 : -ENOMEM;
}

uint64_t kvmidle_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int kvmidle_fd(const struct kvmidle_vm *vm)
{
	return vm->fd;
}

enum kvmidle_door kvmidle_door(const struct kvmidle_vm *vm)
{
	return vm->door;
}

uint64_t kvmidle_pass_started(const struct kvmidle_vm *vm)
{
	return vm->started;
}

int kvmidle_count_vms(const struct kvmidle_vm *vm)
{
	return CALL(vm, count_vms);
}

int kvmidle_select_vm(struct kvmidle_vm *vm, unsigned int index)
{
	return CALL(vm, select_vm, index);
}

int kvmidle_get_info(const struct kvmidle_vm *vm, struct kvm_idle_info *info)
{
	return CALL(vm, get_info, info);
}

int kvmidle_get_slots(const struct kvmidle_vm *vm, unsigned int flags,
		      struct kvmidle_slots **slotsp)
{
	return CALL(vm, get_slots, flags, slotsp);
}

int kvmidle_pass(struct kvmidle_vm *vm, kvmidle_pass_fn *fn, void *arg)
{
	return CALL(vm, pass, fn, arg);
}

int kvmidle_pass_regions(struct kvmidle_vm *vm, kvmidle_region_fn *fn,
			 void *arg)
{
	return CALL(vm, pass_regions, fn, arg);
}

int kvmidle_get_nodes(const struct kvmidle_vm *vm,
		      const struct kvmidle_slots *slots,
		      struct kvmidle_nodes **nodesp)
{
	return CALL(vm, get_nodes, slots, nodesp);
}

int kvmidle_set_options(const struct kvmidle_vm *vm,
			struct kvm_idle_options *options)
{
	return CALL(vm, set_options, options);
}

int kvmidle_arm(const struct kvmidle_vm *vm, struct kvm_idle_arm *arm)
{
	return CALL(vm, arm, arm);
}

ssize_t kvmidle_scan(const struct kvmidle_vm *vm, struct kvm_idle_scan *scan)
{
	return CALL(vm, scan, scan);
}

ssize_t kvmidle_read(const struct kvmidle_vm *vm, uint64_t gfn,
		     uint64_t *words, size_t count)
{
	return CALL(vm, read, gfn, words, count);
}

ssize_t kvmidle_mark_idle(const struct kvmidle_vm *vm, uint64_t gfn,
			  const uint64_t *words, size_t count)
{
	return CALL(vm, mark_idle, gfn, words, count);
}
