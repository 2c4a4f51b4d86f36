// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/pid.h>
#include <linux/rwsem.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "compat/kvm_slots.h"
#include "door/arg.h"
#include "door/info.h"
#include "door/scan.h"
#include "harvest.h"
#include "reader.h"
#include "source/aging.h"
#include "source/source.h"
#include "target.h"
#include "vm.h"

/* The first versions of the structs, for ever. No holes, no tails. */
static_assert(offsetof(struct kvm_idle_info, end_gpa) == 40);
static_assert(offsetofend(struct kvm_idle_info, flushes) ==
	      KVM_IDLE_INFO_SIZE_V1);
static_assert(offsetofend(struct kvm_idle_info, state_bytes) ==
	      sizeof(struct kvm_idle_info));
static_assert(sizeof(struct kvm_idle_slot) == KVM_IDLE_SLOT_SIZE_V1);
static_assert(offsetofend(struct kvm_idle_slot, flags) ==
	      KVM_IDLE_SLOT_SIZE_V1);
static_assert(sizeof(struct kvm_idle_slots) == KVM_IDLE_SLOTS_SIZE_V1);
static_assert(offsetofend(struct kvm_idle_slots, slots) ==
	      KVM_IDLE_SLOTS_SIZE_V1);
static_assert(sizeof(struct kvm_idle_select_vm) == KVM_IDLE_SELECT_VM_SIZE_V1);
static_assert(offsetofend(struct kvm_idle_select_vm, reserved) ==
	      KVM_IDLE_SELECT_VM_SIZE_V1);

static_assert(sizeof(struct kvm_idle_options) == KVM_IDLE_OPTIONS_SIZE_V1);
static_assert(offsetofend(struct kvm_idle_options, host) ==
	      KVM_IDLE_OPTIONS_SIZE_V1);

static_assert(sizeof(struct kvm_idle_arm) == KVM_IDLE_ARM_SIZE_V1);
static_assert(offsetofend(struct kvm_idle_arm, cleared_pages) ==
	      KVM_IDLE_ARM_SIZE_V1);

/* What vm->lock protects. */
static void ki_fill_shared_info(struct ki_vm *vm, struct kvm_idle_info *info)
{
	struct ki_aging_stats stats;
	struct ki_reader *r;

	mutex_lock(&vm->lock);
	ki_aging_get_stats(vm->aging, &stats);
	if (vm->aging)
		info->flags |= KVM_IDLE_INFO_SHARED;
	info->aged_pages = stats.aged;
	info->skipped_pages = stats.skipped;
	info->state_bytes = stats.bytes + sizeof(*vm);
	list_for_each_entry(r, &vm->readers, node)
		info->state_bytes += ki_pending_bytes(&r->pending) +
				     ki_pending_bytes(&r->host_pending) +
				     ki_pending_bytes(&r->dirty_pending);
	info->readers = vm->harvesters;
	mutex_unlock(&vm->lock);
}

static void ki_fill_info(struct ki_reader *r, struct kvm_idle_info *info,
			 u32 size)
{
	struct kvm *kvm = r->vm->kvm;
	struct ki_examination e;

	ki_source_examine(kvm, &e);
	*info = (struct kvm_idle_info) {
		.size			= size,
		.abi_version		= KVM_IDLE_ABI_VERSION,
		.page_size		= PAGE_SIZE,
		.source			= e.source,
		.reason			= e.reason,
		.format			= e.format,
		.levels			= e.levels,
		.tlb_policy		= r->policy,
		.end_gpa		= ki_slots_end(kvm) << PAGE_SHIFT,
		.slot_generation	= ki_slots_generation(kvm),
	};
	if (e.hw_accessed)
		info->flags |= KVM_IDLE_INFO_HW_ACCESSED;
	if (e.hw_dirty)
		info->flags |= KVM_IDLE_INFO_HW_DIRTY;
	if (r->mode & FMODE_WRITE)
		info->flags |= KVM_IDLE_INFO_CAN_HARVEST;
	if (r->host)
		info->flags |= KVM_IDLE_INFO_HOST;

	ki_fill_shared_info(r->vm, info);
	if (e.lone && (info->flags & KVM_IDLE_INFO_SHARED))
		info->flags |= KVM_IDLE_INFO_SKIPS;
	if (atomic64_read(&r->unread) != KI_ALL_READ)
		info->flags |= KVM_IDLE_INFO_ARMED;
	info->most_at_once = atomic64_read(&r->vm->most_at_once);
	info->harvested_pages = ki_vm_harvested_pages(r->vm);
	info->flushes = READ_ONCE(r->vm->flushes.done);
}

static long ki_get_info(struct ki_reader *r, void __user *arg)
{
	struct kvm_idle_info info;
	long size = ki_get_arg(&info, sizeof(info), KVM_IDLE_INFO_SIZE_V1, arg);

	if (size < 0)
		return size;
	if (down_read_killable(&r->lock))
		return -EINTR;
	ki_fill_info(r, &info, size);
	up_read(&r->lock);
	return copy_to_user(arg, &info, size) ? -EFAULT : 0;
}

/* How many pages of a slot are mapped. */
static long ki_count_mapped(struct ki_reader *r, const struct ki_slot *slot,
			    u64 *mapped)
{
	u64 gfn = slot->gfn, end = slot->gfn + slot->pages;
	struct ki_slice *s = ki_reader_get_slice(r);
	long err = s ? 0 : -ENOMEM;

	*mapped = 0;
	while (!err && gfn < end) {
		u64 from = gfn % KI_SLICE_PAGES;
		u64 count = min(end - gfn, KI_SLICE_PAGES - from);

		s->index = gfn >> KI_SLICE_SHIFT;
		s->first = 0;
		s->words = KI_SLICE_WORDS;
		memset(s->bits.want, 0, sizeof(s->bits.want));
		bitmap_set((unsigned long *)s->bits.want, from, count);
		err = ki_reader_count(r, s);
		if (!err && signal_pending(current))
			err = -EINTR;
		bitmap_and((unsigned long *)s->bits.want,
			   (unsigned long *)s->bits.want,
			   (unsigned long *)s->bits.present, KI_SLICE_PAGES);
		*mapped += bitmap_weight((unsigned long *)s->bits.want,
					 KI_SLICE_PAGES);
		gfn += count;
	}
	if (s)
		ki_reader_put_slice(r, s);
	return err;
}

static long ki_put_slot(struct ki_reader *r, const struct ki_slot *slot,
			const struct kvm_idle_slots *a)
{
	struct kvm_idle_slot out = {
		.gpa	= slot->gfn << PAGE_SHIFT,
		.hva	= slot->hva,
		.bytes	= slot->pages << PAGE_SHIFT,
		.id	= slot->id,
		.flags	= (slot->hva ? 0 : KVM_IDLE_SLOT_NO_HVA) |
			  (slot->readonly ? KVM_IDLE_SLOT_READONLY : 0),
	};
	void __user *to = u64_to_user_ptr(a->slots) + (u64)a->count * a->slot_size;
	size_t known = min_t(size_t, sizeof(out), a->slot_size);
	long err;

	if (a->flags & KVM_IDLE_SLOTS_COUNT_MAPPED) {
		u64 pages;

		err = ki_count_mapped(r, slot, &pages);
		if (err)
			return err;
		out.mapped_bytes = pages << PAGE_SHIFT;
	}
	if (copy_to_user(to, &out, known) ||
	    clear_user(to + known, a->slot_size - known))
		return -EFAULT;
	return 0;
}

/* A VMM may change its slots without end; nobody has to wait for that. */
#define KI_SLOTS_TRIES	16

/* -EAGAIN: the slots have changed meanwhile. */
static long ki_fill_slots(struct ki_reader *r, struct kvm_idle_slots *a)
{
	struct kvm *kvm = r->vm->kvm;
	struct ki_slot slot;
	u64 gfn = 0;

	a->count = 0;
	a->generation = ki_slots_generation(kvm);
	while (ki_slots_next(kvm, gfn, &slot)) {
		long err = 0;

		if (a->count < a->capacity)
			err = ki_put_slot(r, &slot, a);
		if (err)
			return err;
		if (signal_pending(current))
			return -EINTR;
		a->count++;
		gfn = slot.gfn + slot.pages;
	}
	return a->generation == ki_slots_generation(kvm) ? 0 : -EAGAIN;
}

static long ki_get_slots(struct ki_reader *r, void __user *arg)
{
	struct kvm_idle_slots a;
	long size = ki_get_arg(&a, sizeof(a), KVM_IDLE_SLOTS_SIZE_V1, arg);
	long err;

	if (size < 0)
		return size;
	if (a.flags & ~KVM_IDLE_SLOTS_COUNT_MAPPED || a.reserved ||
	    a.slot_size < KVM_IDLE_SLOT_SIZE_V1 || a.slot_size > PAGE_SIZE)
		return -EINVAL;

	if (down_read_killable(&r->lock))
		return -EINTR;
	for (unsigned int tries = 0; tries < KI_SLOTS_TRIES; tries++) {
		err = ki_fill_slots(r, &a);
		if (err != -EAGAIN)
			break;
		cond_resched();
	}
	up_read(&r->lock);
	if (err)
		return err;

	a.size = size;
	return copy_to_user(arg, &a, size) ? -EFAULT : 0;
}

static long ki_select(struct file *file, struct kvm_idle_select_vm *a)
{
	struct ki_reader *r = file->private_data;
	struct task_struct *task = get_pid_task(r->process, PIDTYPE_TGID);
	struct ki_target target = { .index = a->index };
	struct ki_vm *vm;
	long err;

	if (!task)
		return -ESRCH;
	vm = ki_target_vm(task, r->mm, &target);
	put_task_struct(task);
	a->count = target.count;
	a->fd = target.fd;
	if (IS_ERR(vm))
		return PTR_ERR(vm);

	if (vm == r->vm || a->flags & KVM_IDLE_SELECT_QUERY) {
		ki_vm_put(vm);
		return 0;
	}
	err = ki_reader_move(r, vm);
	if (err)
		ki_vm_put(vm);
	else
		file->f_pos = 0;
	return err;
}

static long ki_select_vm(struct file *file, void __user *arg)
{
	struct ki_reader *r = file->private_data;
	struct kvm_idle_select_vm a;
	long size = ki_get_arg(&a, sizeof(a), KVM_IDLE_SELECT_VM_SIZE_V1, arg);
	long err;

	if (size < 0)
		return size;
	if (a.flags & ~KVM_IDLE_SELECT_QUERY || a.reserved)
		return -EINVAL;

	if (down_write_killable(&r->lock))
		return -EINTR;
	err = ki_select(file, &a);
	up_write(&r->lock);
	if (err && err != -ENODEV)
		return err;

	/* How many there are is an answer in itself. */
	a.size = size;
	return copy_to_user(arg, &a, size) ? -EFAULT : err;
}

static long ki_set_options(struct ki_reader *r, void __user *arg)
{
	struct kvm_idle_options a;
	long size = ki_get_arg(&a, sizeof(a), KVM_IDLE_OPTIONS_SIZE_V1, arg);
	long err = 0;

	if (size < 0)
		return size;
	if (a.set & ~(KVM_IDLE_OPTION_TLB | KVM_IDLE_OPTION_HOST))
		return -EINVAL;
	if (a.set & KVM_IDLE_OPTION_TLB && a.tlb_policy > KVM_IDLE_TLB_PRECISE)
		return -EINVAL;
	if (a.set & KVM_IDLE_OPTION_HOST && a.host > 1)
		return -EINVAL;

	if (down_write_killable(&r->lock))
		return -EINTR;
	if (a.set & KVM_IDLE_OPTION_HOST)
		err = ki_reader_set_host(r, a.host);
	if (!err && a.set & KVM_IDLE_OPTION_TLB)
		ki_reader_set_policy(r, a.tlb_policy);
	a.tlb_policy = r->policy;
	a.host = r->host;
	up_write(&r->lock);
	if (err)
		return err;

	a.size = size;
	return copy_to_user(arg, &a, size) ? -EFAULT : 0;
}

/* The pages of a slice that lie in tables that were armed, or were marked. */
static void ki_count_armed(const struct ki_slice *s, struct kvm_idle_arm *a)
{
	for (unsigned int word = 0; word < KI_SLICE_WORDS; word++) {
		if (s->armed & BIT_ULL(word / KI_HUGE_WORDS))
			a->armed_pages += hweight64(s->bits.want[word]);
		else
			a->cleared_pages += hweight64(s->bits.present[word] &
						      s->bits.want[word]);
	}
}

static long ki_arm_all(struct ki_reader *r, struct ki_slice *s,
		       struct kvm_idle_arm *a)
{
	struct ki_slot slot;
	long err = 0;
	u64 gfn = 0;

	a->armed_pages = 0;
	a->cleared_pages = 0;
	while (!err && ki_slots_next(r->vm->kvm, gfn, &slot)) {
		s->index = max(gfn, slot.gfn) >> KI_SLICE_SHIFT;
		s->first = 0;
		s->words = KI_SLICE_WORDS;
		err = ki_reader_arm(r, s);
		if (!err)
			ki_count_armed(s, a);
		if (!err && signal_pending(current))
			err = -EINTR;
		gfn = (s->index + 1) << KI_SLICE_SHIFT;
		cond_resched();
	}
	ki_reader_stop(r, true);
	return err;
}

static long ki_arm(struct ki_reader *r, void __user *arg)
{
	struct kvm_idle_arm a;
	long size = ki_get_arg(&a, sizeof(a), KVM_IDLE_ARM_SIZE_V1, arg);
	struct ki_slice *s;
	long err;

	if (size < 0)
		return size;
	if (a.flags)
		return -EINVAL;
	if (!ki_reader_has_pending(r))
		return -EBADF;

	if (down_write_killable(&r->lock))
		return -EINTR;
	s = ki_reader_get_slice(r);
	err = s ? ki_arm_all(r, s, &a) : -ENOMEM;
	if (s)
		ki_reader_put_slice(r, s);
	up_write(&r->lock);
	if (err)
		return err;

	a.size = size;
	return copy_to_user(arg, &a, size) ? -EFAULT : 0;
}

/*
 * The size in the number of an ioctl is that of the struct as the caller knows
 * it; so is the one in the struct, and that one counts.
 */
long ki_info_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	struct ki_reader *r = file->private_data;
	void __user *argp = (void __user *)arg;
	long err;

	if (_IOC_TYPE(cmd) != KVM_IDLE_IOC_TYPE)
		return -ENOTTY;
	err = ki_reader_alive(r);
	if (err)
		return err;

	switch (_IOC_NR(cmd)) {
	case _IOC_NR(KVM_IDLE_GET_INFO):
		return ki_get_info(r, argp);
	case _IOC_NR(KVM_IDLE_GET_SLOTS):
		return ki_get_slots(r, argp);
	case _IOC_NR(KVM_IDLE_SELECT_VM):
		return ki_select_vm(file, argp);
	case _IOC_NR(KVM_IDLE_SET_OPTIONS):
		return ki_set_options(r, argp);
	case _IOC_NR(KVM_IDLE_ARM):
		return ki_arm(r, argp);
	case _IOC_NR(KVM_IDLE_SCAN):
		return ki_scan(r, argp);
	default:
		return -ENOTTY;
	}
}
