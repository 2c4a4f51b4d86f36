// SPDX-License-Identifier: GPL-2.0-only
/*
 * Since Linux kernel commits 20ec3ebd707c ("KVM: Rename mmu_notifier_* to
 * mmu_invalidate_*", v6.1), after 071064f14d87 ("KVM: Don't take mmu_lock for
 * range invalidation unless necessary") and others in v5.15, by which it is
 * moved whenever guest memory is unmapped; and 71f51d2c3253 ("KVM: x86/mmu: Add
 * detailed page size stats", v5.15).
 */
#include <linux/kvm_host.h>

u64 probe(struct kvm *kvm);
u64 probe(struct kvm *kvm)
{
	return kvm->mmu_invalidate_seq + kvm->mmu_invalidate_in_progress +
	       atomic64_read(&kvm->stat.pages_4k);
}
