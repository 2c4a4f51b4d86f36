// SPDX-License-Identifier: GPL-2.0-only
#include <linux/lockdep.h>
#include <asm/cpufeature.h>
#include <asm/page.h>

#include "compat/kvm_tables.h"

/*
 * Without HAVE_KVM_ROOT_ROLE this is Linux 5.10 or 5.11: the build ends
 * otherwise. KVM has no bit of its own for "present" there.
 */
#ifdef HAVE_KVM_ROOT_ROLE

#define ki_walk_ept_here		ki_walk_ept
#define ki_walk_ept_tracked_here	ki_walk_ept_tracked
#define ki_walk_npt_here		ki_walk_npt

static union kvm_mmu_page_role ki_role(const struct kvm_mmu *mmu)
{
	return READ_ONCE(mmu->root_role);
}

static u64 ki_root(const struct kvm_mmu *mmu)
{
	return READ_ONCE(mmu->root.hpa);
}

#else

#define ki_walk_ept_here		ki_walk_ept_no_present_bit
#define ki_walk_ept_tracked_here	ki_walk_ept_tracked_no_present_bit
#define ki_walk_npt_here		ki_walk_npt_no_present_bit

static union kvm_mmu_page_role ki_role(const struct kvm_mmu *mmu)
{
	return READ_ONCE(mmu->mmu_role.base);
}

static u64 ki_root(const struct kvm_mmu *mmu)
{
	return READ_ONCE(mmu->root_hpa);
}

#endif

/*
 * What a guest of the guest touches is marked in tables that belong to no
 * address of its host's, or below a root that its host does not use, and may
 * stay there when it has stopped. So "has ever run one" is what counts:
 * - stat.nested_run counts entries of a nested guest;
 * - stat.guest_mode is set while one runs, also one restored by migration;
 * - shadow_root_allocated: tables for one were made at some time.
 */
static bool ki_ran_nested(struct kvm *kvm, struct kvm_vcpu *vcpu)
{
	if (READ_ONCE(vcpu->arch.mmu) != &vcpu->arch.root_mmu)
		return true;
#ifdef HAVE_KVM_NESTED_STAT
	return READ_ONCE(vcpu->stat.nested_run) ||
	       READ_ONCE(vcpu->stat.guest_mode) ||
	       READ_ONCE(kvm->arch.shadow_root_allocated);
#else
	/*
	 * Tables for one were made; or the guest has the virtualization
	 * extension turned on, without which none can run.
	 */
	return ki_role(&vcpu->arch.guest_mmu).word ||
	       (READ_ONCE(vcpu->arch.efer) & EFER_SVME) ||
	       (READ_ONCE(vcpu->arch.cr4) & X86_CR4_VMXE);
#endif
}

/*
 * Where KVM counts what it unmaps (not in Linux 5.10), and all vCPUs use tables
 * of one role: tables of pages, too, may be shared by roots of two roles.
 */
static void ki_examine_lone(struct kvm *kvm, struct ki_tables *t)
{
#ifdef HAVE_KVM_INVALIDATE_SEQ
	t->lone &= t->marked && !t->elsewhere && t->count == 1;
	/*
	 * Of a change of slots, either the lock was seen, or a generation that is
	 * not the final one: that is only stored after those who are under
	 * kvm->srcu now are gone.
	 */
	t->changing |= kvm->mmu_invalidate_in_progress;
	t->generation = kvm_memslots(kvm)->generation;
	t->invalidations = kvm->mmu_invalidate_seq;
	t->mapped = atomic64_read(&kvm->stat.pages_4k);
#else
	t->lone = false;
#endif
}

static void ki_refuse(struct ki_tables *t)
{
	t->reason = KVM_IDLE_REASON_UNKNOWN_TABLE;
	t->refused = true;
	t->lone = false;
}

static void ki_add_root(struct ki_tables *t, u64 root, unsigned int levels)
{
	if (!VALID_PAGE(root))
		return;
	root &= t->addr_mask;
	for (unsigned int i = 0; i < t->count; i++)
		if (t->root[i] == root)
			return;
	if (t->count == KI_MAX_ROOTS) {
		ki_refuse(t);
		return;
	}
	t->root[t->count] = root;
	t->levels[t->count] = levels;
	t->count++;
}

static void ki_note_role(struct ki_tables *t, union kvm_mmu_page_role role)
{
	role.smm = 0;
	t->lone &= !t->role || t->role == role.word;
	t->role = role.word;
}

/*
 * Two-dimensional tables are direct and as deep as a 64-bit address needs.
 * Shadow tables are either not direct (they follow the guest's own), or, for a
 * guest that has paging off, direct with the 3 levels of PAE.
 */
static void ki_add_vcpu(struct kvm *kvm, struct kvm_vcpu *vcpu,
			struct ki_tables *t)
{
	struct kvm_mmu *mmu = &vcpu->arch.root_mmu;
	union kvm_mmu_page_role role = ki_role(mmu);
	u64 root = ki_root(mmu);

	/*
	 * Being set up, or going from one address space to the other: it is not
	 * running.
	 */
	if (!role.word || ki_role(mmu).word != role.word)
		return;
	ki_note_role(t, role);

	if (!role.direct || role.level < 4) {
		t->reason = KVM_IDLE_REASON_SHADOW;
		t->marked = false;
		t->elsewhere = true;
		return;
	}
	if (role.level > 5) {
		ki_refuse(t);
		return;
	}
	if (t->reason == KVM_IDLE_REASON_NO_TABLE)
		t->reason = KVM_IDLE_REASON_OK;
	if (role.ad_disabled) {
		t->reason = KVM_IDLE_REASON_NO_ACCESSED;
		t->marked = false;
	}
	if (ki_ran_nested(kvm, vcpu)) {
		if (t->reason == KVM_IDLE_REASON_OK)
			t->reason = KVM_IDLE_REASON_NESTED;
		t->elsewhere = true;
		/* A nested guest without nested paging uses a root like ours. */
		for (unsigned int i = 0; i < KVM_MMU_NUM_PREV_ROOTS; i++)
			ki_add_root(t, READ_ONCE(mmu->prev_roots[i].hpa),
				    role.level);
		/* It may have changed places with one of them meanwhile. */
		if (!role.smm)
			ki_add_root(t, ki_root(mmu), role.level);
	}
	/* In system management mode: its table is address space 1's. */
	if (!role.smm)
		ki_add_root(t, root, role.level);
}

void ki_tables_get(struct kvm *kvm, struct ki_tables *t)
{
	bool svm = boot_cpu_has(X86_FEATURE_SVM);
	struct kvm_vcpu *vcpu;
	unsigned long i;

	lockdep_assert_held(&kvm->mmu_lock);

	*t = (struct ki_tables) {
		.reason		= KVM_IDLE_REASON_NO_TABLE,
		.marked		= true,
		.hw_accessed	= true,
		.hw_dirty	= true,
		.lone		= true,
		.changing	= mutex_is_locked(&kvm->slots_lock),
		/* Without the bit that marks encrypted memory, if there is one. */
		.addr_mask	= __PHYSICAL_MASK & PAGE_MASK,
	};

	kvm_for_each_vcpu(i, vcpu, kvm) {
		ki_add_vcpu(kvm, vcpu, t);
		if (t->refused)
			return;
	}

	/* Set up, but none has run, or KVM has just dropped the roots. */
	if (t->reason == KVM_IDLE_REASON_OK && !t->count)
		t->reason = KVM_IDLE_REASON_NO_TABLE;
	if (!t->marked) {
		t->hw_accessed = false;
		t->hw_dirty = false;
	}
	if (t->reason != KVM_IDLE_REASON_SHADOW)
		t->format = svm ? KVM_IDLE_FORMAT_NPT : KVM_IDLE_FORMAT_EPT;
	if (t->marked)
		t->walk = svm ? ki_walk_npt_here : ki_walk_ept_here;
	else
		t->walk = ki_walk_ept_tracked_here;
	/* Hardware always sets accessed bits in nested page tables. */
	if (svm && t->reason == KVM_IDLE_REASON_NO_ACCESSED)
		ki_refuse(t);
	ki_examine_lone(kvm, t);
}
