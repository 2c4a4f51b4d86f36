// SPDX-License-Identifier: LGPL-2.1-or-later
/* Open a running VM; the ioctls. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void live_close(struct kvmidle_vm *vm)
{
	close(vm->fd);
	free(vm->regions);
}

/* One that may be interrupted, and then has done nothing. */
static int restarting_ioctl(const struct kvmidle_vm *vm, unsigned long request,
			    void *arg)
{
	int ret;

	do {
		ret = ioctl(vm->fd, request, arg);
	} while (ret < 0 && errno == EINTR);
	return ret < 0 ? -errno : ret;
}

/* Ask for, or select, one of the VMs; fills in arg->count also with -ENODEV. */
static int ask_select(const struct kvmidle_vm *vm, struct kvm_idle_select_vm *arg)
{
	if (!ioctl(vm->fd, KVM_IDLE_SELECT_VM, arg))
		return 0;
	if (errno != ENOTTY)
		return -errno;
	/* A module of ABI version 1 knows the first and no other. */
	arg->count = 1;
	return arg->index ? -ENODEV : 0;
}

static int live_count_vms(const struct kvmidle_vm *vm)
{
	struct kvm_idle_select_vm arg = {
		.size = sizeof(arg),
		.flags = KVM_IDLE_SELECT_QUERY,
	};
	int err = ask_select(vm, &arg);

	/* None: it has closed them all since. */
	return err && err != -ENODEV ? err : (int)arg.count;
}

static int live_select_vm(struct kvmidle_vm *vm, unsigned int index)
{
	struct kvm_idle_select_vm arg = { .size = sizeof(arg), .index = index };

	return ask_select(vm, &arg);
}

static int live_get_info(const struct kvmidle_vm *vm, struct kvm_idle_info *info)
{
	return ioctl(vm->fd, KVM_IDLE_GET_INFO, info) ? -errno : 0;
}

static int live_set_options(const struct kvmidle_vm *vm,
			    struct kvm_idle_options *options)
{
	return restarting_ioctl(vm, KVM_IDLE_SET_OPTIONS, options);
}

/* To mark what was marked already changes nothing, so it can be done anew. */
static int live_arm(const struct kvmidle_vm *vm, struct kvm_idle_arm *arm)
{
	return restarting_ioctl(vm, KVM_IDLE_ARM, arm);
}

/* What most machines need fits at once: QEMU has about ten slots. */
#define SLOTS_AT_FIRST	32

static int live_get_slots(const struct kvmidle_vm *vm, unsigned int flags,
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
		struct kvmidle_slots *slots = kvmidle_slots_new(capacity);
		int err;

		if (!slots)
			return -ENOMEM;
		arg.slots = (uintptr_t)slots->at;

		err = restarting_ioctl(vm, KVM_IDLE_GET_SLOTS, &arg);
		if (!err && arg.count <= capacity) {
			slots->count = arg.count;
			slots->generation = arg.generation;
			*slotsp = slots;
			return 0;
		}
		kvmidle_slots_free(slots);
		if (err)
			return err;
		capacity = arg.count;
	}
}

static const struct kvmidle_ops live_ops = {
	.close		= live_close,
	.count_vms	= live_count_vms,
	.select_vm	= live_select_vm,
	.get_info	= live_get_info,
	.get_slots	= live_get_slots,
	.pass		= kvmidle_live_pass,
	.pass_regions	= kvmidle_live_pass_regions,
	.get_nodes	= kvmidle_live_get_nodes,
	.set_options	= live_set_options,
	.arm		= live_arm,
	.scan		= kvmidle_live_scan,
	.read		= kvmidle_live_read,
	.mark_idle	= kvmidle_live_mark_idle,
};

/* The flags of open(2) for a mode, or a negative errno. */
static int flags_of(enum kvmidle_mode mode)
{
	switch (mode) {
	case KVMIDLE_PEEK:
		return O_RDONLY | O_CLOEXEC;
	case KVMIDLE_HARVEST:
		return O_RDWR | O_CLOEXEC;
	}
	return -EINVAL;
}

/* A handle around @fd, which it takes over; or @fd is the error to hand on. */
static int wrap(int fd, pid_t pid, enum kvmidle_mode mode, enum kvmidle_door door,
		struct kvmidle_vm **vmp)
{
	struct kvmidle_vm *vm;

	if (fd < 0)
		return fd;
	vm = calloc(1, sizeof(*vm));
	if (!vm) {
		close(fd);
		return -ENOMEM;
	}
	*vm = (struct kvmidle_vm){
		.ops = &live_ops, .door = door, .fd = fd, .pid = pid, .mode = mode,
	};
	*vmp = vm;
	return 0;
}

int kvmidle_open(pid_t pid, enum kvmidle_mode mode, struct kvmidle_vm **vmp)
{
	enum kvmidle_door door = KVMIDLE_DOOR_PROC;
	int flags = flags_of(mode), fd;

	if (pid <= 0 || flags < 0)
		return -EINVAL;
	fd = kvmidle_door_open(pid, flags, &door);
	return wrap(fd, pid, mode, door, vmp);
}

int kvmidle_open_door(pid_t pid, enum kvmidle_mode mode, enum kvmidle_door door,
		      struct kvmidle_vm **vmp)
{
	int flags = flags_of(mode), fd;

	if (pid <= 0 || flags < 0)
		return -EINVAL;
	switch (door) {
	case KVMIDLE_DOOR_PROC:
		fd = kvmidle_door_open_proc(pid, flags);
		break;
	case KVMIDLE_DOOR_DEVICE:
		fd = kvmidle_door_open_device(pid, flags);
		break;
	default:
		return -EINVAL;
	}
	return wrap(fd, pid, mode, door, vmp);
}

int kvmidle_open_pidfd(int pidfd, enum kvmidle_mode mode,
		       struct kvmidle_vm **vmp)
{
	enum kvmidle_door door = KVMIDLE_DOOR_DEVICE;
	int flags = flags_of(mode), fd;
	pid_t pid;

	if (flags < 0)
		return flags;
	fd = kvmidle_door_open_pidfd(pidfd, flags, &door, &pid);
	return wrap(fd, pid, mode, door, vmp);
}
