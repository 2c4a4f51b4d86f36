// SPDX-License-Identifier: LGPL-2.1-or-later
/* Open and close a VM; the ioctls. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

int kvmidle_open(pid_t pid, enum kvmidle_mode mode, struct kvmidle_vm **vmp)
{
	struct kvmidle_vm *vm;
	int flags, err;

	if (pid <= 0)
		return -EINVAL;
	switch (mode) {
	case KVMIDLE_PEEK:
		flags = O_RDONLY;
		break;
	case KVMIDLE_HARVEST:
		flags = O_RDWR;
		break;
	default:
		return -EINVAL;
	}

	vm = calloc(1, sizeof(*vm));
	if (!vm)
		return -ENOMEM;
	vm->pid = pid;
	vm->mode = mode;

	vm->fd = kvmidle_door_open(pid, flags | O_CLOEXEC, &vm->door);
	if (vm->fd < 0) {
		err = vm->fd;
		free(vm);
		return err;
	}

	*vmp = vm;
	return 0;
}

void kvmidle_close(struct kvmidle_vm *vm)
{
	if (!vm)
		return;
	close(vm->fd);
	free(vm->buffer);
	free(vm);
}

int kvmidle_fd(const struct kvmidle_vm *vm)
{
	return vm->fd;
}

enum kvmidle_door kvmidle_door(const struct kvmidle_vm *vm)
{
	return vm->door;
}

/* Ask for, or select, one of the VMs; fills in arg->count also with -ENODEV. */
static int select_vm(const struct kvmidle_vm *vm, struct kvm_idle_select_vm *arg)
{
	if (!ioctl(vm->fd, KVM_IDLE_SELECT_VM, arg))
		return 0;
	if (errno != ENOTTY)
		return -errno;
	/* A module of ABI version 1 knows the first and no other. */
	arg->count = 1;
	return arg->index ? -ENODEV : 0;
}

int kvmidle_count_vms(const struct kvmidle_vm *vm)
{
	struct kvm_idle_select_vm arg = {
		.size = sizeof(arg),
		.flags = KVM_IDLE_SELECT_QUERY,
	};
	int err = select_vm(vm, &arg);

	/* None: it has closed them all since. */
	return err && err != -ENODEV ? err : (int)arg.count;
}

int kvmidle_select_vm(struct kvmidle_vm *vm, unsigned int index)
{
	struct kvm_idle_select_vm arg = { .size = sizeof(arg), .index = index };

	return select_vm(vm, &arg);
}

int kvmidle_get_info(const struct kvmidle_vm *vm, struct kvm_idle_info *info)
{
	return ioctl(vm->fd, KVM_IDLE_GET_INFO, info) ? -errno : 0;
}

int kvmidle_set_options(const struct kvmidle_vm *vm,
			struct kvm_idle_options *options)
{
	int ret;

	do {
		ret = ioctl(vm->fd, KVM_IDLE_SET_OPTIONS, options);
	} while (ret && errno == EINTR);
	return ret ? -errno : 0;
}

struct kvmidle_slots {
	uint64_t generation;
	size_t count;
	struct kvm_idle_slot at[];
};

/* What most machines need fits at once: QEMU has about ten slots. */
#define SLOTS_AT_FIRST	32

int kvmidle_get_slots(const struct kvmidle_vm *vm, unsigned int flags,
		      struct kvmidle_slots **slotsp)
{
	uint32_t capacity = SLOTS_AT_FIRST;

	for (;;) {
		struct kvm_idle_slots arg = {
			.size = sizeof(arg),
			.flags = flags,
			.slot_size = sizeof(struct kvm_idle_slot),
			.capacity = capacity,
		};
		struct kvmidle_slots *slots;

		slots = calloc(1, sizeof(*slots) + capacity * sizeof(slots->at[0]));
		if (!slots)
			return -ENOMEM;
		arg.slots = (uintptr_t)slots->at;

		if (ioctl(vm->fd, KVM_IDLE_GET_SLOTS, &arg)) {
			int err = -errno;

			free(slots);
			if (err == -EINTR)
				continue;
			return err;
		}
		if (arg.count <= capacity) {
			slots->count = arg.count;
			slots->generation = arg.generation;
			*slotsp = slots;
			return 0;
		}
		free(slots);
		capacity = arg.count;
	}
}

void kvmidle_slots_free(struct kvmidle_slots *slots)
{
	free(slots);
}

size_t kvmidle_slots_count(const struct kvmidle_slots *slots)
{
	return slots->count;
}

const struct kvm_idle_slot *kvmidle_slots_at(const struct kvmidle_slots *slots,
					     size_t index)
{
	return index < slots->count ? &slots->at[index] : NULL;
}

uint64_t kvmidle_slots_generation(const struct kvmidle_slots *slots)
{
	return slots->generation;
}
