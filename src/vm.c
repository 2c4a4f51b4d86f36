// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/percpu.h>
#include <linux/printk.h>
#include <linux/ratelimit.h>
#include <linux/slab.h>

#include "compat/kvm_flush.h"
#include "compat/kvm_vm.h"
#include "options.h"
#include "source/aging.h"
#include "vm.h"

static DEFINE_MUTEX(ki_vms_lock);
static LIST_HEAD(ki_vms);	/* Protected by ki_vms_lock. */

static struct ki_vm *ki_vm_find(const struct kvm *kvm)
{
	struct ki_vm *vm;

	lockdep_assert_held(&ki_vms_lock);
	list_for_each_entry(vm, &ki_vms, node)
		if (vm->kvm == kvm)
			return vm;
	return NULL;
}

/* NULL for want of memory. */
static struct ki_vm *ki_vm_alloc(void)
{
	struct ki_vm *vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);

	if (!vm)
		return NULL;
	vm->harvested_pages = alloc_percpu_gfp(u64, GFP_KERNEL_ACCOUNT);
	if (!vm->harvested_pages) {
		kfree(vm);
		return NULL;
	}
	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	mutex_init(&vm->flush_lock);
	for (unsigned int i = 0; i < KI_VM_REGIONS; i++)
		mutex_init(&vm->region[i].lock);
	INIT_LIST_HEAD(&vm->readers);
	return vm;
}

struct ki_vm *ki_vm_get(struct file *file)
{
	struct kvm *kvm = ki_kvm_of_file(file);
	struct ki_vm *vm;

	mutex_lock(&ki_vms_lock);
	vm = ki_vm_find(kvm);
	if (vm) {
		kref_get(&vm->ref);
		goto out;
	}

	vm = ki_vm_alloc();
	if (!vm) {
		vm = ERR_PTR(-ENOMEM);
		goto out;
	}
	/* The file holds it by now. */
	vm->owner = file->f_op->owner;
	__module_get(vm->owner);
	kvm_get_kvm(kvm);
	vm->kvm = kvm;
	list_add(&vm->node, &ki_vms);
out:
	mutex_unlock(&ki_vms_lock);
	return vm;
}

/* Called with ki_vms_lock held, which it drops. */
static void ki_vm_free(struct kref *ref)
{
	struct ki_vm *vm = container_of(ref, struct ki_vm, ref);

	list_del(&vm->node);
	mutex_unlock(&ki_vms_lock);

	/* The last reference to a VM whose VMM is gone tears it down here. */
	kvm_put_kvm(vm->kvm);
	module_put(vm->owner);
	for (unsigned int i = 0; i < KI_VM_REGIONS; i++)
		mutex_destroy(&vm->region[i].lock);
	mutex_destroy(&vm->flush_lock);
	mutex_destroy(&vm->lock);
	free_percpu(vm->harvested_pages);
	kfree(vm);
}

void ki_vm_put(struct ki_vm *vm)
{
	kref_put_mutex(&vm->ref, ki_vm_free, &ki_vms_lock);
}

void ki_vm_lock_all(struct ki_vm *vm)
{
	lockdep_assert_held(&vm->lock);
	for (unsigned int i = 0; i < KI_VM_REGIONS; i++)
		mutex_lock_nest_lock(&vm->region[i].lock, &vm->lock);
}

void ki_vm_unlock_all(struct ki_vm *vm)
{
	lockdep_assert_held(&vm->lock);
	for (unsigned int i = 0; i < KI_VM_REGIONS; i++)
		mutex_unlock(&vm->region[i].lock);
}

/* What there was is for the caller to stop. */
static struct ki_aging *ki_vm_set_aging(struct ki_vm *vm, struct ki_aging *aging)
{
	ki_vm_lock_all(vm);
	swap(vm->aging, aging);
	ki_vm_unlock_all(vm);
	return aging;
}

int ki_vm_add_harvester(struct ki_vm *vm)
{
	lockdep_assert_held(&vm->lock);
	if (!vm->harvesters && ki_option_share()) {
		struct ki_aging *aging = ki_aging_start(vm->kvm);

		if (IS_ERR(aging))
			return PTR_ERR(aging);
		ki_vm_set_aging(vm, aging);
	}
	/*
	 * Others may have cleared accessed bits before, and left it to chance when
	 * the TLBs forget: what is touched from now on would not be seen.
	 */
	if (!vm->harvesters) {
		ki_vm_cleared(vm);
		ki_vm_flush(vm, ki_vm_needed(vm));
	}
	vm->harvesters++;
	return 0;
}

void ki_vm_remove_harvester(struct ki_vm *vm, struct mm_struct *mm)
{
	lockdep_assert_held(&vm->lock);
	if (--vm->harvesters)
		return;
	/* That takes its time; who peeks meanwhile does without. */
	ki_aging_stop(ki_vm_set_aging(vm, NULL), mm);
}

void ki_vm_cleared(struct ki_vm *vm)
{
	/*
	 * The flush that begins after this covers it, as ki_vm_flush() has the
	 * other half of the barrier: it does not begin, with the number after the
	 * one seen here, before what was cleared can be seen by who fills a TLB.
	 */
	smp_mb();
	ki_raise(&vm->needed, READ_ONCE(vm->flushes.begun) + 1);
}

static bool ki_vm_is_flushed(struct ki_vm *vm, u64 number)
{
	/* Pairs with ki_vm_flush(): what is read after this was not hidden. */
	return smp_load_acquire(&vm->flushes.done) >= number;
}

void ki_vm_flush(struct ki_vm *vm, u64 number)
{
	if (ki_vm_is_flushed(vm, number))
		return;

	mutex_lock(&vm->flush_lock);
	/* Who held the lock may have done it. */
	if (!ki_vm_is_flushed(vm, number)) {
		u64 next = vm->flushes.begun + 1;

		WRITE_ONCE(vm->flushes.begun, next);
		smp_mb(); /* Pairs with the one in ki_vm_cleared(). */
		ki_kvm_flush_tlbs(vm->kvm);
		/* Pairs with ki_vm_is_flushed(). */
		smp_store_release(&vm->flushes.done, next);
	}
	mutex_unlock(&vm->flush_lock);
}

u64 ki_vm_harvested_pages(struct ki_vm *vm)
{
	u64 pages = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		pages += READ_ONCE(*per_cpu_ptr(vm->harvested_pages, cpu));
	return pages;
}

static const char *ki_reason_text(enum kvm_idle_reason reason)
{
	switch (reason) {
	case KVM_IDLE_REASON_NESTED:
		return "its guest may run guests of its own, whose tables KVM does not age";
	case KVM_IDLE_REASON_PROTECTED:
		return "it is a protected guest, or this KVM keeps its page tables out of reach";
	case KVM_IDLE_REASON_ALIASED:
		return "two of its memslots share host memory, by which KVM is asked";
	case KVM_IDLE_REASON_UNKNOWN_TABLE:
	default:
		return "its page tables are of a kind this module does not know";
	}
}

int ki_vm_refuse(struct ki_vm *vm, enum kvm_idle_reason reason)
{
	/* Anyone can open and read the file of a VM of his own over and over. */
	static DEFINE_RATELIMIT_STATE(limit, DEFAULT_RATELIMIT_INTERVAL,
				      DEFAULT_RATELIMIT_BURST);

	if (!test_bit(reason, &vm->told) && __ratelimit(&limit) &&
	    !test_and_set_bit(reason, &vm->told))
		pr_notice("cannot tell idle memory of the VM of process %d: %s\n",
			  vm->kvm->userspace_pid, ki_reason_text(reason));
	return -EOPNOTSUPP;
}
