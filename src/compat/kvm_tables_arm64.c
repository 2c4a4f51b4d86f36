// SPDX-License-Identifier: GPL-2.0-only
#include <linux/lockdep.h>
#include <asm/cpufeature.h>
#include <asm/kvm_pgtable.h>
#include <asm/virt.h>

#include "compat/kvm_tables.h"

static enum ki_walk_result ki_walk_here(struct ki_walk *w)
{
	return ki_walk_stage2(w, PAGE_SHIFT);
}

/*
 * KVM never ages the tables of nested guests. They are made when a vCPU with
 * the feature is.
 */
static bool ki_may_nest(struct kvm *kvm)
{
#ifdef HAVE_KVM_NESTED_MMUS
	return READ_ONCE(kvm->arch.nested_mmus_size);
#else
	return false;
#endif
}

/*
 * From where on a protected KVM keeps all tables in its hypervisor. What stands
 * where the root was is a list of what is mapped.
 */
static bool ki_is_protected(struct kvm *kvm, struct ki_tables *t)
{
#ifdef HAVE_KVM_PKVM_MAPPING
	if (!is_protected_kvm_enabled())
		return false;
	t->reason = KVM_IDLE_REASON_PROTECTED;
	t->marked = false;
	t->hw_accessed = false;
#ifdef HAVE_KVM_PKVM_MAPPINGS
	t->elsewhere = true;
	/* Memory of a protected guest is not the host's to age. */
	t->refused = kvm_vm_is_protected(kvm);
#else
	t->refused = true;
#endif
	return true;
#else
	return false;
#endif
}

/* How entries hold addresses of more than 48 bits, if they do. */
static void ki_set_address(struct ki_tables *t)
{
	t->addr_mask = KVM_PTE_ADDR_MASK;
	if (PAGE_SHIFT == 16) {
		t->high_addr_mask = KVM_PTE_ADDR_51_48;
		t->high_addr_shift = 48 - 12;
	}
#ifdef HAVE_KVM_LPA2
	if (kvm_lpa2_is_enabled()) {
		t->addr_mask = KVM_PTE_ADDR_MASK_LPA2;
		t->high_addr_mask = KVM_PTE_ADDR_51_50_LPA2;
		t->high_addr_shift = 50 - 8;
	}
#endif
}

void ki_tables_get(struct kvm *kvm, struct ki_tables *t)
{
	const struct kvm_pgtable *pgt = READ_ONCE(kvm->arch.mmu.pgt);
	unsigned int shift;
	int start;

	lockdep_assert_held(&kvm->mmu_lock);

	*t = (struct ki_tables) {
		.reason		= KVM_IDLE_REASON_NO_TABLE,
		.format		= KVM_IDLE_FORMAT_STAGE2,
		.walk		= ki_walk_here,
		.marked		= true,
		.hw_accessed	= cpu_has_hw_af(),
	};
	ki_set_address(t);

	if (ki_is_protected(kvm, t)) {
		t->format = KVM_IDLE_FORMAT_NONE;
		return;
	}
	if (ki_may_nest(kvm)) {
		t->reason = KVM_IDLE_REASON_NESTED;
		t->refused = true;
		return;
	}
	/* Taken away when the VMM's memory is. */
	if (!pgt)
		return;

	start = (int)pgt->start_level;
	if (start < -1 || start > 2) {
		t->reason = KVM_IDLE_REASON_UNKNOWN_TABLE;
		t->refused = true;
		return;
	}
	shift = ARM64_HW_PGTABLE_LEVEL_SHIFT(start);
	t->reason = KVM_IDLE_REASON_OK;
	t->root[0] = kvm->arch.mmu.pgd_phys;
	t->levels[0] = 4 - start;
	t->root_entries[0] = BIT(max(pgt->ia_bits, shift) - shift);
	t->count = 1;
}
