// SPDX-License-Identifier: GPL-2.0-only
#include <linux/lockdep.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "harvest.h"
#include "options.h"
#include "reader.h"
#include "vm.h"

/* Only who reads what it clears has anything yet to see. */
static bool ki_reader_has_pending(const struct ki_reader *r)
{
	return (r->mode & FMODE_READ) && (r->mode & FMODE_WRITE);
}

struct ki_reader *ki_reader_open(struct ki_vm *vm, struct mm_struct *mm,
				 fmode_t mode)
{
	struct ki_reader *r = kzalloc(sizeof(*r), GFP_KERNEL_ACCOUNT);
	struct ki_slice *slice = kvzalloc(sizeof(*slice), GFP_KERNEL_ACCOUNT);

	if (!r || !slice) {
		kvfree(slice);
		kfree(r);
		return ERR_PTR(-ENOMEM);
	}
	r->vm = vm;
	r->mm = mm;
	r->mode = mode;
	r->policy = ki_option_tlb();
	r->slice = slice;
	mutex_init(&r->lock);
	ki_pending_init(&r->pending);

	mutex_lock(&vm->lock);
	if (mode & FMODE_WRITE)
		vm->harvesters++;
	if (ki_reader_has_pending(r))
		list_add(&r->node, &vm->readers);
	mutex_unlock(&vm->lock);
	return r;
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
	struct ki_vm *vm = r->vm;

	/* Nobody else can hold it; for lockdep's sake. */
	mutex_lock(&r->lock);
	ki_reader_pay(r);
	mutex_unlock(&r->lock);

	mutex_lock(&vm->lock);
	if (r->mode & FMODE_WRITE)
		vm->harvesters--;
	if (ki_reader_has_pending(r))
		list_del(&r->node);
	mutex_unlock(&vm->lock);

	ki_pending_destroy(&r->pending);
	mutex_destroy(&r->lock);
	ki_vm_put(vm);
	mmdrop(r->mm);
	kvfree(r->slice);
	kfree(r);
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

/* What the policy makes of a flush that has come to be owed. */
static void ki_reader_cleared(struct ki_reader *r)
{
	if (r->slice->cleared && r->policy != KVM_IDLE_TLB_NONE)
		r->flush_owed = true;
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
		ki_reader_cleared(r);
	} else {
		err = ki_harvest_peek(r->vm, r->slice);
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
	ki_reader_cleared(r);
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

void ki_reader_stop(struct ki_reader *r, u64 word, bool at_end)
{
	lockdep_assert_held(&r->lock);
	r->expected = word;
	if (at_end || r->policy == KVM_IDLE_TLB_PRECISE)
		ki_reader_pay(r);
}
