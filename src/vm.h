/* SPDX-License-Identifier: GPL-2.0-only */
/* One observed virtual machine: its lifetime, and who reads it. */
#ifndef KI_VM_H
#define KI_VM_H

#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/kvm_host.h>
#include <linux/kvm_idle.h>
#include <linux/list.h>
#include <linux/mutex.h>

struct ki_aging;

/**
 * struct ki_vm - one VM with at least one file open on it
 * @kvm: the VM; this struct holds a reference
 * @owner: the module that can destroy it (kvm_amd, kvm_intel), held too: a
 *	struct kvm does not hold it from Linux 6.8 on, only files of KVM's do.
 *	NULL where KVM is built in
 * @ref: one for each open file
 * @node: in the list of all observed VMs. Protected by the list's mutex
 * @lock: serialises harvests of this VM; protects all below, and what every
 *	reader has yet to see
 * @readers: the files that harvest and read (struct ki_reader.node)
 * @nr_readers: how many these are
 * @harvesters: how many files may clear bits
 * @aging: what the host asks and is owed; NULL while there is no harvester, or
 *	if the host goes its own ways
 * @harvested_pages: pages found young and cleared so far
 * @cleared: grows whenever something is cleared
 * @flushed: value of @cleared up to which all TLBs are known to be flushed
 * @flushes: TLB flushes so far
 * @told: reasons for refusal that the kernel log has been told, a bit each
 */
struct ki_vm {
	struct kvm *kvm;
	struct module *owner;
	struct kref ref;
	struct list_head node;

	struct mutex lock;		/* Inside reader->lock. */
	struct list_head readers;	/* Protected by vm->lock. */
	unsigned int nr_readers;	/* Protected by vm->lock. */
	unsigned int harvesters;	/* Protected by vm->lock. */
	struct ki_aging *aging;		/* Protected by vm->lock. */
	u64 harvested_pages;		/* Protected by vm->lock. */
	u64 cleared;			/* Protected by vm->lock. */
	u64 flushed;			/* Protected by vm->lock. */
	u64 flushes;			/* Protected by vm->lock. */
	unsigned long told;		/* Atomic bit operations. */
};

/**
 * ki_vm_get() - the observed VM that an open file stands for
 * @file: the file of a VM (ki_kvm_of_file()), held by the caller for the
 *	duration of the call
 *
 * Return: the one there is, or a new one; ERR_PTR(-ENOMEM). It holds the VM
 * until ki_vm_put(). May sleep.
 */
struct ki_vm *ki_vm_get(struct file *file);

/** ki_vm_put() - drop what ki_vm_get() returned. May sleep. */
void ki_vm_put(struct ki_vm *vm);

/**
 * ki_vm_add_harvester() - one more file may clear bits
 * @vm: the VM; vm->lock is held
 *
 * With the first of them, what the host asks KVM comes to us.
 *
 * Return: 0 or -ENOMEM. May sleep.
 */
int ki_vm_add_harvester(struct ki_vm *vm);

/**
 * ki_vm_remove_harvester() - undo it
 * @vm: the VM; vm->lock is held
 * @mm: of the VMM, in use; or NULL if it is gone
 *
 * With the last of them, the host is paid what it is owed. May sleep.
 */
void ki_vm_remove_harvester(struct ki_vm *vm, struct mm_struct *mm);

/**
 * ki_vm_flush() - flush the TLBs of all vCPUs, if it is needed
 * @vm: the VM
 *
 * It is if anything was cleared since the last flush, no matter by whose
 * harvest: a stale translation hides accesses from every reader. May sleep.
 */
void ki_vm_flush(struct ki_vm *vm);

/**
 * ki_vm_refuse() - say why this VM cannot be read, once for each reason
 * @vm: the VM
 * @reason: one that no source answers for
 *
 * Return: -EOPNOTSUPP.
 */
int ki_vm_refuse(struct ki_vm *vm, enum kvm_idle_reason reason);

#endif /* KI_VM_H */
