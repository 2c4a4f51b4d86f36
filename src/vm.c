// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/module.h>
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

struct ki_vm *ki_vm_get(struct file *file)
{
	struct kvm *kvm = ki_kvm_of_file(file);
	struct ki_vm *vm;

	mutex_lock(&ki_vms_lock);
	list_for_each_entry(vm, &ki_vms, node) {
		if (vm->kvm == kvm) {
			kref_get(&vm->ref);
			goto out;
		}
	}

	vm = kzalloc(sizeof(*vm), GFP_KERNEL_ACCOUNT);
	if (!vm) {
		vm = ERR_PTR(-ENOMEM);
		goto out;
	}
	/* The file holds it by now. */
	vm->owner = file->f_op->owner;
	__module_get(vm->owner);
	kvm_get_kvm(kvm);
	vm->kvm = kvm;
	kref_init(&vm->ref);
	mutex_init(&vm->lock);
	INIT_LIST_HEAD(&vm->readers);
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
	mutex_destroy(&vm->lock);
	kfree(vm);
}

void ki_vm_put(struct ki_vm *vm)
{
	kref_put_mutex(&vm->ref, ki_vm_free, &ki_vms_lock);
}

int ki_vm_add_harvester(struct ki_vm *vm)
{
	lockdep_assert_held(&vm->lock);
	if (!vm->harvesters && ki_option_share()) {
		struct ki_aging *aging = ki_aging_start(vm->kvm);

		if (IS_ERR(aging))
			return PTR_ERR(aging);
		vm->aging = aging;
	}
	vm->harvesters++;
	return 0;
}

void ki_vm_remove_harvester(struct ki_vm *vm, struct mm_struct *mm)
{
	lockdep_assert_held(&vm->lock);
	if (--vm->harvesters)
		return;
	ki_aging_stop(vm->aging, mm);
	vm->aging = NULL;
}

void ki_vm_flush(struct ki_vm *vm)
{
	u64 cleared;
	bool owed;

	mutex_lock(&vm->lock);
	cleared = vm->cleared;
	owed = vm->flushed != cleared;
	mutex_unlock(&vm->lock);
	if (!owed)
		return;

	ki_kvm_flush_tlbs(vm->kvm);

	/* What was cleared meanwhile may not have been flushed. */
	mutex_lock(&vm->lock);
	vm->flushed = max(vm->flushed, cleared);
	vm->flushes++;
	mutex_unlock(&vm->lock);
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
