// SPDX-License-Identifier: GPL-2.0-only
#include <linux/lockdep.h>
#include <asm/cpufeature.h>
#include <asm/page.h>

#include "compat/kvm_roots.h"

/*
 * What a guest of the guest touches is marked in tables that belong to no
 * address of its host's, or to a root that its host does not use, and may stay
 * there when it has stopped. So "has ever run one" is what counts:
 * - stat.nested_run counts entries of a nested guest;
 * - stat.guest_mode is set while one runs, also one restored by migration;
 * - shadow_root_allocated: tables for one were made at some time.
 */
static bool ki_ran_nested(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	return READ_ONCE(vcpu->stat.nested_run) ||
	       READ_ONCE(vcpu->stat.guest_mode) ||
	       READ_ONCE(vcpu->arch.mmu) != &vcpu->arch.root_mmu ||
	       READ_ONCE(kvm->arch.shadow_root_allocated);
}

/*
 * Two-dimensional tables are direct and as deep as a 64-bit address needs.
 * Shadow tables are either not direct (they follow the guest's own), or, for a
 * guest that has paging off, direct with the 3 levels of PAE.
 */
static enum kvm_idle_reason ki_judge(struct kvm *kvm, struct kvm_vcpu *vcpu,
				     union kvm_mmu_page_role role)
{
	if (!role.direct || role.level < 4)
		return KVM_IDLE_REASON_SHADOW;
	if (role.level > 5)
		return KVM_IDLE_REASON_UNKNOWN_TABLE;
	if (role.ad_disabled)
		return KVM_IDLE_REASON_NO_ACCESSED;
	if (ki_ran_nested(kvm, vcpu))
		return KVM_IDLE_REASON_NESTED;
	return KVM_IDLE_REASON_OK;
}

static enum kvm_idle_format ki_format(void)
{
	if (boot_cpu_has(X86_FEATURE_SVM))
		return KVM_IDLE_FORMAT_NPT;
	if (boot_cpu_has(X86_FEATURE_VMX))
		return KVM_IDLE_FORMAT_EPT;
	return KVM_IDLE_FORMAT_NONE;
}

static enum kvm_idle_reason ki_add_root(struct ki_roots *roots, u64 root,
					unsigned int levels)
{
	for (unsigned int i = 0; i < roots->count; i++)
		if (roots->root[i] == root)
			return KVM_IDLE_REASON_OK;
	if (roots->count == KI_MAX_ROOTS)
		return KVM_IDLE_REASON_UNKNOWN_TABLE;
	roots->root[roots->count] = root;
	roots->levels[roots->count] = levels;
	roots->count++;
	return KVM_IDLE_REASON_OK;
}

void ki_roots_get(struct kvm *kvm, struct ki_roots *roots)
{
	struct kvm_vcpu *vcpu;
	unsigned long i;

	lockdep_assert_held(&kvm->mmu_lock);

	*roots = (struct ki_roots) {
		.reason		= KVM_IDLE_REASON_NO_TABLE,
		.format		= ki_format(),
		/* Without the bit that marks encrypted memory, if there is one. */
		.addr_mask	= __PHYSICAL_MASK & PAGE_MASK,
	};
	if (roots->format == KVM_IDLE_FORMAT_NONE) {
		roots->reason = KVM_IDLE_REASON_UNKNOWN_TABLE;
		return;
	}

	kvm_for_each_vcpu(i, vcpu, kvm) {
		struct kvm_mmu *mmu = &vcpu->arch.root_mmu;
		union kvm_mmu_page_role role = READ_ONCE(mmu->root_role);
		u64 root = READ_ONCE(mmu->root.hpa);
		enum kvm_idle_reason reason;

		/*
		 * Being set up, or going from one address space to the other:
		 * it is not running.
		 */
		if (!role.word || READ_ONCE(mmu->root_role).word != role.word)
			continue;
		reason = ki_judge(kvm, vcpu, role);
		/* In system management mode: its table is address space 1's. */
		if (reason == KVM_IDLE_REASON_OK && (role.smm || !VALID_PAGE(root)))
			continue;
		if (reason == KVM_IDLE_REASON_OK)
			reason = ki_add_root(roots, root & roots->addr_mask,
					     role.level);
		roots->reason = reason;
		if (reason != KVM_IDLE_REASON_OK)
			return;
	}
}
