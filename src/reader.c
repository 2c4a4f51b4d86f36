// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/lockdep.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "compat/kvm_slots.h"
#include "harvest.h"
#include "options.h"
#include "reader.h"
#include "vm.h"

/*
 * Whoever harvests keeps account for every reader of the VM, so their number is
 * the business of others. Who may exceed limits, may exceed this one: a VMM
 * that opens its own file very often does not lock the host's monitor out.
 */
#define KI_MAX_READERS	64

bool ki_reader_has_pending(const struct ki_reader *r)
{
	return (r->mode & FMODE_READ) && (r->mode & FMODE_WRITE);
}

/*
 * In two steps, so that a reader can have a place on a VM before it gives up the
 * one it has on another.
 */
static int ki_reader_reserve(const struct ki_reader *r, struct ki_vm *vm)
{
	bool counts = ki_reader_has_pending(r);
	int err = 0;

	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	if (counts && vm->nr_readers >= KI_MAX_READERS &&
	    !capable(CAP_SYS_RESOURCE))
		err = -EBUSY;
	else if (r->mode & FMODE_WRITE)
		err = ki_vm_add_harvester(vm);
	if (!err && counts)
		vm->nr_readers++;
	mutex_unlock(&vm->lock);
	return err;
}

/* Who clears what the host has touched must tell the host's page aging. */
static bool ki_reader_may_have_host(const struct ki_reader *r)
{
	lockdep_assert_held(&r->vm->lock);
	return !(r->mode & FMODE_WRITE) || r->vm->aging;
}

/* From here on it is told what others clear. */
static void ki_reader_join(struct ki_reader *r, struct ki_vm *vm)
{
	r->vm = vm;
	r->dirty = false;
	ki_pending_init(&r->pending);
	ki_pending_init(&r->host_pending);
	ki_pending_init(&r->dirty_pending);
	atomic64_set(&r->owes, 0);
	atomic64_set(&r->unread, KI_ALL_READ);
	mutex_lock(&vm->lock);
	r->host &= ki_reader_may_have_host(r);
	if (ki_reader_has_pending(r)) {
		ki_vm_lock_all(vm);
		list_add(&r->node, &vm->readers);
		ki_vm_unlock_all(vm);
	}
	mutex_unlock(&vm->lock);
}

static void ki_reader_leave(struct ki_reader *r)
{
	bool harvests = r->mode & FMODE_WRITE;
	struct ki_vm *vm = r->vm;
	struct mm_struct *mm = harvests && mmget_not_zero(r->mm) ? r->mm : NULL;

	mutex_lock(&vm->lock);
	if (ki_reader_has_pending(r)) {
		ki_vm_lock_all(vm);
		list_del(&r->node);
		ki_vm_unlock_all(vm);
		vm->nr_readers--;
	}
	if (harvests)
		ki_vm_remove_harvester(vm, mm);
	mutex_unlock(&vm->lock);
	if (mm)
		mmput(mm);

	ki_pending_destroy(&r->pending);
	ki_pending_destroy(&r->host_pending);
	ki_pending_destroy(&r->dirty_pending);
	ki_vm_put(vm);
}

struct ki_reader *ki_reader_open(struct ki_vm *vm, struct task_struct *task,
				 struct mm_struct *mm, fmode_t mode)
{
	struct ki_reader *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	struct ki_slice *slice = kvzalloc(sizeof(*slice), GFP_KERNEL_ACCOUNT);
	int err = -ENOMEM;

	if (!r || !slice)
		goto free;
	r->mm = mm;
	r->mode = mode;
	r->policy = ki_option_tlb();
	r->spare = slice;
	init_rwsem(&r->lock);

	err = ki_reader_reserve(r, vm);
	if (err)
		goto free;
	r->process = get_task_pid(task, PIDTYPE_TGID);
	ki_reader_join(r, vm);
	return r;

free:
	kvfree(slice);
	kfree(r);
	return ERR_PTR(err);
}

static void ki_reader_pay(struct ki_reader *r)
{
	ki_vm_flush(r->vm, atomic64_read(&r->owes));
}

void ki_reader_close(struct ki_reader *r)
{
	/* Nobody else can hold it. */
	ki_reader_pay(r);
	ki_reader_leave(r);
	put_pid(r->process);
	mmdrop(r->mm);
	kvfree(r->spare);
	kfree(r);
}

int ki_reader_move(struct ki_reader *r, struct ki_vm *vm)
{
	int err;

	lockdep_assert_held_write(&r->lock);
	err = ki_reader_reserve(r, vm);
	if (err)
		return err;
	ki_reader_pay(r);
	ki_reader_leave(r);
	ki_reader_join(r, vm);
	return 0;
}

void ki_reader_set_policy(struct ki_reader *r, enum kvm_idle_tlb_policy policy)
{
	lockdep_assert_held_write(&r->lock);
	ki_reader_pay(r);
	r->policy = policy;
}

int ki_reader_set_host(struct ki_reader *r, bool host)
{
	struct ki_vm *vm = r->vm;
	int err = 0;

	lockdep_assert_held_write(&r->lock);
	mutex_lock(&vm->lock);
	if (host && !ki_reader_may_have_host(r)) {
		err = -EOPNOTSUPP;
	} else {
		ki_vm_lock_all(vm);
		r->host = host;
		if (!host)
			ki_pending_forget(&r->host_pending);
		ki_vm_unlock_all(vm);
	}
	mutex_unlock(&vm->lock);
	return err;
}

void ki_reader_set_dirty(struct ki_reader *r)
{
	struct ki_vm *vm = r->vm;

	lockdep_assert_held(&r->lock);
	if (READ_ONCE(r->dirty) || !ki_reader_has_pending(r))
		return;
	mutex_lock(&vm->lock);
	ki_vm_lock_all(vm);
	WRITE_ONCE(r->dirty, true);
	ki_vm_unlock_all(vm);
	mutex_unlock(&vm->lock);
}

struct ki_slice *ki_reader_get_slice(struct ki_reader *r)
{
	struct ki_slice *s = xchg(&r->spare, NULL) ?:
			     kvzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);

	if (s) {
		s->want_dirty = false;
		s->take_dirty = false;
	}
	return s;
}

void ki_reader_put_slice(struct ki_reader *r, struct ki_slice *s)
{
	kvfree(xchg(&r->spare, s));
}

/*
 * While its mm is in use nobody tears the VM's tables down for good. Taken for
 * one slice at a time: a VMM that is killed does not wait for a long read.
 */
static int ki_reader_get_mm(struct ki_reader *r)
{
	return mmget_not_zero(r->mm) ? 0 : -ESRCH;
}

int ki_reader_alive(struct ki_reader *r)
{
	int err = ki_reader_get_mm(r);

	if (!err)
		mmput(r->mm);
	return err;
}

/*
 * Even if nothing was cleared just now: what this reader was told of may have
 * been cleared by another one, whose policy is none or who takes his time.
 * Return: number of the flush, or 0.
 */
static u64 ki_reader_owes_flush(struct ki_reader *r)
{
	u64 flush = r->policy == KVM_IDLE_TLB_NONE ? 0 : ki_vm_needed(r->vm);

	ki_raise(&r->owes, flush);
	return flush;
}

int ki_reader_fetch(struct ki_reader *r, struct ki_slice *s)
{
	int err;

	lockdep_assert_held(&r->lock);
	ki_reader_goto(r, s->index, s->first);
	err = ki_reader_get_mm(r);
	if (err)
		return err;
	if (ki_reader_has_pending(r)) {
		err = ki_harvest_take(r, s);
		s->flush = ki_reader_owes_flush(r);
	} else {
		err = ki_harvest_peek(r, s);
	}
	mmput(r->mm);
	return err;
}

int ki_reader_peek(struct ki_reader *r, struct ki_slice *s)
{
	int err;

	lockdep_assert_held(&r->lock);
	err = ki_reader_get_mm(r);
	if (err)
		return err;
	err = ki_harvest_peek(r, s);
	mmput(r->mm);
	return err;
}

/* Is there guest memory in these pages? */
static bool ki_reader_has_data(struct ki_reader *r, u64 gfn, u64 end)
{
	struct ki_slot slot;

	return gfn < end && ki_slots_next(r->vm->kvm, gfn, &slot) &&
	       slot.gfn < end;
}

/* After it was armed: these pages were read for the first time. */
static void ki_reader_has_read(struct ki_reader *r, u64 start, u64 end)
{
	s64 unread = atomic64_read(&r->unread);

	if (unread == KI_ALL_READ || end <= unread ||
	    ki_reader_has_data(r, unread, start))
		return;
	/* If another thread was faster, it is as if this had been read before. */
	atomic64_cmpxchg(&r->unread, unread,
			 ki_reader_has_data(r, end, U64_MAX) ? end : KI_ALL_READ);
}

void ki_reader_delivered(struct ki_reader *r, struct ki_slice *s,
			 unsigned int first, unsigned int end)
{
	u64 base = s->index << KI_SLICE_SHIFT;

	lockdep_assert_held(&r->lock);
	if (!ki_reader_has_pending(r))
		return;
	ki_harvest_return(r, s, first, end);
	ki_reader_has_read(r, base + first, base + end);
}

int ki_reader_mark(struct ki_reader *r, struct ki_slice *s)
{
	int err;

	lockdep_assert_held(&r->lock);
	err = ki_reader_get_mm(r);
	if (err)
		return err;
	err = ki_harvest_mark(r, s);
	ki_reader_owes_flush(r);
	mmput(r->mm);
	return err;
}

int ki_reader_arm(struct ki_reader *r, struct ki_slice *s)
{
	int err;

	lockdep_assert_held_write(&r->lock);
	err = ki_reader_get_mm(r);
	if (err)
		return err;
	err = ki_harvest_arm(r, s);
	if (s->armed)
		atomic64_set(&r->unread, 0);
	/* Whatever the policy. */
	ki_raise(&r->owes, ki_vm_needed(r->vm));
	mmput(r->mm);
	return err;
}

int ki_reader_count(struct ki_reader *r, struct ki_slice *s)
{
	int err;

	lockdep_assert_held(&r->lock);
	err = ki_reader_get_mm(r);
	if (err)
		return err;
	err = ki_harvest_count(r->vm, s);
	mmput(r->mm);
	return err;
}

void ki_reader_goto(struct ki_reader *r, u64 slice, unsigned int word)
{
	lockdep_assert_held(&r->lock);
	ki_vm_flush(r->vm, ki_pending_flush_before(&r->pending, slice, word));
}

void ki_reader_stop(struct ki_reader *r, bool pass_ends)
{
	lockdep_assert_held(&r->lock);
	if (pass_ends || r->policy == KVM_IDLE_TLB_PRECISE)
		ki_reader_pay(r);
}
