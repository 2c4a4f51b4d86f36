/* SPDX-License-Identifier: GPL-2.0-only */
/* One observed virtual machine: its lifetime, and who reads it. */
#ifndef KI_VM_H
#define KI_VM_H

#include <linux/atomic.h>
#include <linux/cache.h>
#include <linux/fs.h>
#include <linux/kref.h>
#include <linux/kvm_host.h>
#include <linux/kvm_idle.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/percpu.h>

#include "source/source.h"
#include "table/table.h"

struct ki_aging;

/*
 * Locks for slices. A giant leaf lies under one; neighbouring ones have
 * different locks, and who goes over a VM with this many threads, each with a
 * part of its own, seldom meets another.
 */
#define KI_VM_REGIONS	16

/**
 * struct ki_vm - one VM with at least one file open on it
 * @kvm: the VM; this struct holds a reference
 * @owner: the module that can destroy it (kvm_amd, kvm_intel), held too: a
 *	struct kvm does not hold it from Linux 6.8 on, only files of KVM's do.
 *	NULL where KVM is built in
 * @ref: one for each open file
 * @node: in the list of all observed VMs. Protected by the list's mutex
 * @most_at_once: most entries looked at under one hold of mmu_lock
 * @told: reasons for refusal that the kernel log has been told, a bit each
 * @lock: for who comes and goes; nobody needs it to harvest
 * @nr_readers: how many are in @readers, or will be
 * @harvesters: how many files may clear bits
 * @readers: the files that harvest and read (struct ki_reader.node)
 * @aging: what the host asks and is owed; NULL while there is no harvester, or
 *	if the host goes its own ways
 * @harvested_pages: pages found young and cleared so far
 * @flush_lock: held for a TLB flush
 * @flushes: these, by number
 * @needed: number of the flush that covers all that was cleared so far: it is
 *	owed while flushes.done is below
 * @region: each is held for a harvest of one of its slices, and protects what
 *	readers have yet to see there. Who holds @lock and all of these may
 *	change what every harvest looks at: @readers, @aging, ki_reader.host
 */
struct ki_vm {
	struct kvm *kvm;
	struct module *owner;
	struct kref ref;
	struct list_head node;
	unsigned long told;		/* Atomic bit operations. */

	struct mutex lock;		/* Inside reader->lock. */
	unsigned int nr_readers;	/* Protected by vm->lock. */
	unsigned int harvesters;	/* Protected by vm->lock. */

	/* Read by each harvest, and seldom written. */
	struct list_head readers ____cacheline_aligned_in_smp;
	struct ki_aging *aging;		/* Like readers: any of both to read. */
	u64 __percpu *harvested_pages;
	struct ki_flushes flushes;	/* Written under vm->flush_lock. */
	atomic64_t needed;		/* Raised by ki_raise(). */
	atomic64_t most_at_once;	/* Raised by ki_raise(). */

	struct mutex flush_lock;	/* Inside reader->lock. */
	struct {
		struct mutex lock;	/* Inside vm->lock. */
	} ____cacheline_aligned_in_smp region[KI_VM_REGIONS];
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

/** ki_vm_slice_lock() - the lock of the region that a slice lies in */
static inline struct mutex *ki_vm_slice_lock(struct ki_vm *vm, u64 slice)
{
	return &vm->region[slice / KI_GIANT_SLICES % KI_VM_REGIONS].lock;
}

/**
 * ki_vm_lock_all() - hold off all harvests
 * @vm: the VM; vm->lock is held
 *
 * For a moment: nothing that waits for anybody is done meanwhile.
 */
void ki_vm_lock_all(struct ki_vm *vm);
void ki_vm_unlock_all(struct ki_vm *vm);

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

/** ki_raise() - see to it that a number is not below another. Any context */
static inline void ki_raise(atomic64_t *number, u64 least)
{
	s64 old = atomic64_read(number);

	while ((u64)old < least &&
	       !atomic64_try_cmpxchg(number, &old, least))
		;
}

/**
 * ki_vm_cleared() - something was cleared just now, so a flush is needed
 *
 * To be called before anyone is told of what was cleared: before the lock of
 * its region is dropped. Any context.
 */
void ki_vm_cleared(struct ki_vm *vm);

/** ki_vm_needed() - number of the flush that covers all that was cleared */
static inline u64 ki_vm_needed(struct ki_vm *vm)
{
	return atomic64_read(&vm->needed);
}

/**
 * ki_vm_flush() - see to it that the TLBs of all vCPUs were flushed
 * @vm: the VM
 * @number: which flush must be done: what ki_vm_needed() said, or 0 for none
 *
 * It is done here if nobody has done it, or a later one, yet. So what was cleared
 * before the number was asked for hides no access from here on, no matter by
 * whose harvest it was: a stale translation hides them from every reader. Waits
 * for a flush that is on its way; may sleep.
 */
void ki_vm_flush(struct ki_vm *vm, u64 number);

/** ki_vm_harvested_pages() - pages found young and cleared so far */
u64 ki_vm_harvested_pages(struct ki_vm *vm);

/**
 * ki_vm_refuse() - say why this VM cannot be read, once for each reason
 * @vm: the VM
 * @reason: one that no source answers for
 *
 * Return: -EOPNOTSUPP.
 */
int ki_vm_refuse(struct ki_vm *vm, enum kvm_idle_reason reason);

#endif /* KI_VM_H */
