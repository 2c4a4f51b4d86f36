// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/hashtable.h>
#include <linux/lockdep.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include "compat/kvm_hook.h"

/* An int up to Linux 6.12, a bool in 7.2. */
typedef typeof(((struct mmu_notifier_ops *)NULL)->test_young(NULL, NULL, 0))
	ki_young_t;

/**
 * struct ki_hook - a VM whose callbacks were replaced
 * @ops: a copy of what was there, but for what is ours; the VM points here
 * @own: what was there
 * @to: what is called
 * @data: handed to it; NULL: nothing is called, all is passed on
 * @kvm: the VM
 * @released: its address space is gone, and nobody will call again soon
 * @node: in ki_hooks, by the notifier's address
 * @rcu: for who looks it up only to find another one
 *
 * The callbacks are called under the notifiers' own SRCU, for which
 * mmu_notifier_synchronize() waits.
 */
struct ki_hook {
	struct mmu_notifier_ops ops;
	const struct mmu_notifier_ops *own;
	const struct ki_hook_ops *to;
	void *data;
	struct kvm *kvm;
	bool released;			/* Protected by ki_hooks_lock. */
	struct hlist_node node;		/* Protected by ki_hooks_lock and RCU. */
	struct rcu_head rcu;
};

static DEFINE_SPINLOCK(ki_hooks_lock);
static DEFINE_HASHTABLE(ki_hooks, 6);

/*
 * By the VM's ops it cannot be found: another module may have replaced these
 * by a copy of ours.
 */
static struct ki_hook *ki_hook_of(const struct mmu_notifier *mn)
{
	struct ki_hook *hook, *found = NULL;

	rcu_read_lock();
	hash_for_each_possible_rcu(ki_hooks, hook, node, (unsigned long)mn) {
		if (&hook->kvm->mmu_notifier == mn) {
			found = hook;
			break;
		}
	}
	rcu_read_unlock();
	return found;
}

static bool ki_ask(const struct mmu_notifier_ops *ops, struct kvm *kvm,
		   enum ki_question question, u64 start, u64 end)
{
	struct mmu_notifier *mn = &kvm->mmu_notifier;

	switch (question) {
	case KI_CLEAR:
		return ops->clear_young(mn, kvm->mm, start, end);
	case KI_CLEAR_FLUSH:
		return ops->clear_flush_young(mn, kvm->mm, start, end);
	case KI_TEST:
	default:
		return ops->test_young(mn, kvm->mm, start);
	}
}

bool ki_kvm_ask(struct kvm *kvm, enum ki_question question, u64 start, u64 end)
{
	struct ki_hook *hook = ki_hook_of(&kvm->mmu_notifier);

	return ki_ask(hook ? hook->own : READ_ONCE(kvm->mmu_notifier.ops), kvm,
		      question, start, end);
}

/* Any address is good enough for who calls us; as KVM, go by whole pages. */
static bool ki_hook_young(struct mmu_notifier *mn, enum ki_question question,
			  unsigned long start, unsigned long end)
{
	struct ki_hook *hook = ki_hook_of(mn);
	void *data;

	/* Not reached: who could call would have found it. "Used" is harmless. */
	if (WARN_ON_ONCE(!hook))
		return true;
	start &= PAGE_MASK;
	end = PAGE_ALIGN(end);
	data = READ_ONCE(hook->data);
	return data ? hook->to->young(data, question, start, end) :
		      ki_ask(hook->own, hook->kvm, question, start, end);
}

static ki_young_t ki_hook_clear_young(struct mmu_notifier *mn,
				      struct mm_struct *mm,
				      unsigned long start, unsigned long end)
{
	return ki_hook_young(mn, KI_CLEAR, start, end);
}

static ki_young_t ki_hook_clear_flush_young(struct mmu_notifier *mn,
					    struct mm_struct *mm,
					    unsigned long start,
					    unsigned long end)
{
	return ki_hook_young(mn, KI_CLEAR_FLUSH, start, end);
}

static ki_young_t ki_hook_test_young(struct mmu_notifier *mn,
				     struct mm_struct *mm,
				     unsigned long address)
{
	return ki_hook_young(mn, KI_TEST, address, address + 1);
}

static int ki_hook_invalidate_range_start(struct mmu_notifier *mn,
					  const struct mmu_notifier_range *range)
{
	struct ki_hook *hook = ki_hook_of(mn);
	u64 start = range->start & PAGE_MASK, end = PAGE_ALIGN(range->end);
	void *data;
	int err;

	if (WARN_ON_ONCE(!hook))
		return 0;
	data = READ_ONCE(hook->data);
	/* If it must not sleep, the process is being killed for its memory. */
	if (data && mmu_notifier_range_blockable(range))
		hook->to->unmap(data, start, end);
	err = hook->own->invalidate_range_start(mn, range);
	if (data)
		hook->to->unmapped(data, start, end);
	return err;
}

static void ki_hook_invalidate_range_end(struct mmu_notifier *mn,
					 const struct mmu_notifier_range *range)
{
	struct ki_hook *hook = ki_hook_of(mn);
	bool counts;
	void *data;

	if (WARN_ON_ONCE(!hook))
		return;
	data = READ_ONCE(hook->data);
	counts = data && hook->to->count_begin(data, range->start & PAGE_MASK,
					       PAGE_ALIGN(range->end));
	hook->own->invalidate_range_end(mn, range);
	if (counts)
		hook->to->count_end(data);
}

/*
 * The address space goes, or the VM; and if both do, this may be called twice.
 * Whoever is in use holds the VM; so if it is the VM, this hook has been stopped,
 * and could not be taken away. It stays in the table until somebody comes across
 * it: others may be on their way through it.
 */
static void ki_hook_release(struct mmu_notifier *mn, struct mm_struct *mm)
{
	struct ki_hook *hook = ki_hook_of(mn);
	bool left_behind;

	if (WARN_ON_ONCE(!hook))
		return;
	hook->own->release(mn, mm);

	spin_lock(&ki_hooks_lock);
	left_behind = !hook->data && !hook->released;
	hook->released = true;
	spin_unlock(&ki_hooks_lock);
	/* Unloading waits for who is in here: ki_hooks_exit(). */
	if (left_behind)
		module_put(THIS_MODULE);
}

static void ki_hook_publish(struct ki_hook *hook)
{
	/* Pairs with the address dependency of who calls through it. */
	smp_store_release(&hook->kvm->mmu_notifier.ops, &hook->ops);
}

/* ki_hooks_lock is held. */
static void ki_hook_forget(struct ki_hook *hook)
{
	lockdep_assert_held(&ki_hooks_lock);
	hash_del_rcu(&hook->node);
	kfree_rcu(hook, rcu);
}

/*
 * One that was left behind, in the way of another module's that still is there;
 * or by a VM that is gone and was at the same address.
 */
static bool ki_hook_revive(struct kvm *kvm, const struct ki_hook_ops *ops,
			   void *data)
{
	struct ki_hook *hook;

	spin_lock(&ki_hooks_lock);
	hook = ki_hook_of(&kvm->mmu_notifier);
	if (hook && hook->released) {
		ki_hook_forget(hook);
		hook = NULL;
	}
	if (hook) {
		hook->to = ops;
		/* Pairs with the address dependency of who is called with it. */
		smp_store_release(&hook->data, data);
		/* The other one has taken us away along with itself. */
		if (READ_ONCE(kvm->mmu_notifier.ops) == hook->own)
			ki_hook_publish(hook);
	}
	spin_unlock(&ki_hooks_lock);
	if (hook)
		module_put(THIS_MODULE);
	return hook;
}

int ki_hook_start(struct kvm *kvm, const struct ki_hook_ops *ops, void *data)
{
	const struct mmu_notifier_ops *own;
	struct ki_hook *hook;

	if (ki_hook_revive(kvm, ops, data)) {
		mmu_notifier_synchronize();
		return 0;
	}

	own = READ_ONCE(kvm->mmu_notifier.ops);
	if (!own || !own->clear_young || !own->clear_flush_young ||
	    !own->test_young || !own->invalidate_range_start ||
	    !own->invalidate_range_end || !own->release)
		return -EOPNOTSUPP;

	hook = kzalloc(sizeof(*hook), GFP_KERNEL_ACCOUNT);
	if (!hook)
		return -ENOMEM;
	hook->kvm = kvm;
	hook->own = own;
	hook->to = ops;
	hook->data = data;
	hook->ops = *own;
	hook->ops.clear_young = ki_hook_clear_young;
	hook->ops.clear_flush_young = ki_hook_clear_flush_young;
	hook->ops.test_young = ki_hook_test_young;
	hook->ops.invalidate_range_start = ki_hook_invalidate_range_start;
	hook->ops.invalidate_range_end = ki_hook_invalidate_range_end;
	hook->ops.release = ki_hook_release;

	spin_lock(&ki_hooks_lock);
	hash_add_rcu(ki_hooks, &hook->node, (unsigned long)&kvm->mmu_notifier);
	spin_unlock(&ki_hooks_lock);
	ki_hook_publish(hook);
	/* Whoever is inside of KVM's own has not come by here. */
	mmu_notifier_synchronize();
	return 0;
}

/*
 * Return: true if nobody can call it any more, but for who is inside. Else it
 * has no data now and is left to ki_hook_release(), with a reference on the
 * module.
 */
static bool ki_hook_retire(struct ki_hook *hook)
{
	struct kvm *kvm = hook->kvm;
	bool retired;

	retired = cmpxchg(&kvm->mmu_notifier.ops, &hook->ops, hook->own) ==
		  &hook->ops;
	spin_lock(&ki_hooks_lock);
	retired |= hook->released;
	if (!retired) {
		__module_get(THIS_MODULE);
		WRITE_ONCE(hook->data, NULL);
	}
	spin_unlock(&ki_hooks_lock);
	return retired;
}

void ki_hook_stop(struct kvm *kvm)
{
	struct ki_hook *hook = ki_hook_of(&kvm->mmu_notifier);
	bool retired;

	if (WARN_ON_ONCE(!hook))
		return;
	retired = ki_hook_retire(hook);
	mmu_notifier_synchronize();
	if (!retired) {
		pr_notice_ratelimited("another module has hooked into KVM too, for the VM of process %d: this one stays loaded until that VM is gone\n",
				      kvm->userspace_pid);
		return;
	}
	spin_lock(&ki_hooks_lock);
	ki_hook_forget(hook);
	spin_unlock(&ki_hooks_lock);
}

void ki_hooks_exit(void)
{
	struct hlist_node *next;
	struct ki_hook *hook;
	int bucket;

	mmu_notifier_synchronize();
	spin_lock(&ki_hooks_lock);
	hash_for_each_safe(ki_hooks, bucket, next, hook, node)
		ki_hook_forget(hook);
	spin_unlock(&ki_hooks_lock);
}
