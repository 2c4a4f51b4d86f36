// SPDX-License-Identifier: GPL-2.0-only
#include <linux/capability.h>
#include <linux/lockdep.h>
#include <linux/pid.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

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

/* Only who reads what it clears has anything yet to see. */
static bool ki_reader_has_pending(const struct ki_reader *r)
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
	ki_pending_init(&r->pending);
	mutex_lock(&vm->lock);
	r->host &= ki_reader_may_have_host(r);
	if (ki_reader_has_pending(r))
		list_add(&r->node, &vm->readers);
	mutex_unlock(&vm->lock);
}

static void ki_reader_leave(struct ki_reader *r)
{
	bool harvests = r->mode & FMODE_WRITE;
	struct ki_vm *vm = r->vm;
	struct mm_struct *mm = harvests && mmget_not_zero(r->mm) ? r->mm : NULL;

	mutex_lock(&vm->lock);
	if (harvests)
		ki_vm_remove_harvester(vm, mm);
	if (ki_reader_has_pending(r)) {
		list_del(&r->node);
		vm->nr_readers--;
	}
	mutex_unlock(&vm->lock);
	if (mm)
		mmput(mm);

	ki_pending_destroy(&r->pending);
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
	r->slice = slice;
	mutex_init(&r->lock);

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
	if (!r->flush_owed)
		return;
	ki_vm_flush(r->vm);
	r->flush_owed = false;
}

void ki_reader_close(struct ki_reader *r)
{
	/* Nobody else can hold it; for lockdep's sake. */
	mutex_lock(&r->lock);
	ki_reader_pay(r);
	mutex_unlock(&r->lock);

	ki_reader_leave(r);
	mutex_destroy(&r->lock);
	put_pid(r->process);
	mmdrop(r->mm);
	kvfree(r->slice);
	kfree(r);
}

int ki_reader_move(struct ki_reader *r, struct ki_vm *vm)
{
	int err;

	lockdep_assert_held(&r->lock);
	err = ki_reader_reserve(r, vm);
	if (err)
		return err;
	ki_reader_pay(r);
	ki_reader_leave(r);
	ki_reader_join(r, vm);
	r->expected = 0;
	return 0;
}

void ki_reader_set_policy(struct ki_reader *r, enum kvm_idle_tlb_policy policy)
{
	lockdep_assert_held(&r->lock);
	ki_reader_pay(r);
	r->policy = policy;
}

int ki_reader_set_host(struct ki_reader *r, bool host)
{
	int err = 0;

	lockdep_assert_held(&r->lock);
	mutex_lock(&r->vm->lock);
	if (host && !ki_reader_may_have_host(r))
		err = -EOPNOTSUPP;
	else
		r->host = host;
	mutex_unlock(&r->vm->lock);
	return err;
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
 */
static void ki_reader_owes_flush(struct ki_reader *r)
{
	r->flush_owed = r->policy != KVM_IDLE_TLB_NONE;
}

int ki_reader_fetch(struct ki_reader *r)
{
	int err;

	lockdep_assert_held(&r->lock);
	err = ki_reader_get_mm(r);
	if (err)
		return err;
	if (ki_reader_has_pending(r)) {
		err = ki_harvest_take(r, r->slice);
		ki_reader_owes_flush(r);
	} else {
		err = ki_harvest_peek(r, r->slice);
	}
	mmput(r->mm);
	return err;
}

void ki_reader_delivered(struct ki_reader *r, unsigned int words)
{
	lockdep_assert_held(&r->lock);
	if (ki_reader_has_pending(r))
		ki_harvest_return(r, r->slice, words);
}

int ki_reader_mark(struct ki_reader *r)
{
	int err;

	lockdep_assert_held(&r->lock);
	err = ki_reader_get_mm(r);
	if (err)
		return err;
	err = ki_harvest_mark(r, r->slice);
	ki_reader_owes_flush(r);
	mmput(r->mm);
	return err;
}

int ki_reader_count(struct ki_reader *r)
{
	int err;

	lockdep_assert_held(&r->lock);
	err = ki_reader_get_mm(r);
	if (err)
		return err;
	err = ki_harvest_count(r->vm, r->slice);
	mmput(r->mm);
	return err;
}

void ki_reader_goto(struct ki_reader *r, u64 word)
{
	lockdep_assert_held(&r->lock);
	if (word < r->expected)
		ki_reader_pay(r);
	r->expected = word;
}

void ki_reader_stop(struct ki_reader *r, u64 word, bool pass_ends)
{
	lockdep_assert_held(&r->lock);
	r->expected = word;
	if (pass_ends || r->policy == KVM_IDLE_TLB_PRECISE)
		ki_reader_pay(r);
}
