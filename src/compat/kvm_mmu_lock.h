/* SPDX-License-Identifier: GPL-2.0-only */
/* Holding the tables of a VM still enough to walk them. */
#ifndef KI_COMPAT_KVM_MMU_LOCK_H
#define KI_COMPAT_KVM_MMU_LOCK_H

#include <linux/kvm_host.h>

/**
 * ki_mmu_lock() - hold off changes of the tables that free them at once
 * @kvm: a VM, held by the caller
 *
 * For reading, where mmu_lock is an rwlock (KVM says so itself, per
 * architecture); together with RCU, which delays the freeing of what KVM takes
 * out of the tables while others read. Spins; does not nest with itself.
 */
static inline void ki_mmu_lock(struct kvm *kvm)
{
#ifdef KVM_HAVE_MMU_RWLOCK
	read_lock(&kvm->mmu_lock);
#else
	spin_lock(&kvm->mmu_lock);
#endif
	rcu_read_lock();
}

static inline void ki_mmu_unlock(struct kvm *kvm)
{
	rcu_read_unlock();
#ifdef KVM_HAVE_MMU_RWLOCK
	read_unlock(&kvm->mmu_lock);
#else
	spin_unlock(&kvm->mmu_lock);
#endif
}

static inline bool ki_mmu_lock_wanted(struct kvm *kvm)
{
#ifdef KVM_HAVE_MMU_RWLOCK
	return need_resched() || rwlock_is_contended(&kvm->mmu_lock);
#else
	return need_resched() || spin_is_contended(&kvm->mmu_lock);
#endif
}

#endif /* KI_COMPAT_KVM_MMU_LOCK_H */
