/* SPDX-License-Identifier: GPL-2.0-only */
/* Which second-level tables a VM has, and whether they tell the truth. */
#ifndef KI_COMPAT_KVM_ROOTS_H
#define KI_COMPAT_KVM_ROOTS_H

#include <linux/kvm_host.h>
#include <linux/kvm_idle.h>

/*
 * All vCPUs share one root as a rule. Two are seen for a moment when KVM
 * replaces it, and for good if vCPUs differ in the width of their addresses.
 */
#define KI_MAX_ROOTS	4

/**
 * struct ki_roots - the tables of a VM
 * @reason: KVM_IDLE_REASON_OK or _NO_TABLE: they may be walked; else why not
 * @format: of all of them
 * @addr_mask: the bits of an entry that hold a physical address
 * @count: roots found
 * @levels: of each
 * @root: physical address of each
 */
struct ki_roots {
	enum kvm_idle_reason reason;
	enum kvm_idle_format format;
	u64 addr_mask;
	unsigned int count;
	unsigned int levels[KI_MAX_ROOTS];
	u64 root[KI_MAX_ROOTS];
};

/**
 * ki_mmu_lock() - hold off changes of the tables that free them at once
 * @kvm: a VM, held by the caller
 *
 * For reading, where mmu_lock is an rwlock; together with RCU, which delays the
 * freeing of what KVM takes out of the tables while others read. Spins; does
 * not nest with itself.
 */
static inline void ki_mmu_lock(struct kvm *kvm)
{
	read_lock(&kvm->mmu_lock);
	rcu_read_lock();
}

static inline void ki_mmu_unlock(struct kvm *kvm)
{
	rcu_read_unlock();
	read_unlock(&kvm->mmu_lock);
}

static inline bool ki_mmu_lock_wanted(struct kvm *kvm)
{
	return need_resched() || rwlock_is_contended(&kvm->mmu_lock);
}

/**
 * ki_roots_get() - find the tables of a VM
 * @kvm: a VM, held by the caller
 * @roots: filled in
 *
 * Context: under ki_mmu_lock(), and the answer is good only there.
 */
void ki_roots_get(struct kvm *kvm, struct ki_roots *roots);

#endif /* KI_COMPAT_KVM_ROOTS_H */
