// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a protected KVM has had its hypervisor map: struct pkvm_mapping in
 * asm/kvm_pkvm.h, in a tree by gfn, none overlapping another. It changes under
 * mmu_lock held for writing alone.
 */
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/rbtree.h>
#include <asm/kvm_pgtable.h>
#include <asm/kvm_pkvm.h>

#include "compat/kvm_tables.h"
#include "table/leaf.h"

#ifdef HAVE_KVM_PKVM_MAPPINGS

static u64 ki_mapping_end(const struct pkvm_mapping *m)
{
	return m->gfn + m->nr_pages;
}

/* The first that ends after a gfn. */
static struct pkvm_mapping *ki_mapping_from(struct kvm_pgtable *pgt, u64 gfn)
{
	struct rb_node *node = pgt->pkvm_mappings.rb_root.rb_node;
	struct pkvm_mapping *found = NULL;

	while (node) {
		struct pkvm_mapping *m = rb_entry(node, struct pkvm_mapping, node);

		if (ki_mapping_end(m) > gfn) {
			found = m;
			node = node->rb_left;
		} else {
			node = node->rb_right;
		}
	}
	return found;
}

static struct pkvm_mapping *ki_mapping_next(struct pkvm_mapping *m)
{
	return rb_entry_safe(rb_next(&m->node), struct pkvm_mapping, node);
}

/* KVM asks the hypervisor about a mapping as a whole, so each is a leaf. */
void ki_leaves_elsewhere(struct kvm *kvm, struct ki_walk *w, u64 *probe)
{
	struct pkvm_mapping *m;

	lockdep_assert_held(&kvm->mmu_lock);
	if (!kvm->arch.mmu.pgt)
		return;
	for (m = ki_mapping_from(kvm->arch.mmu.pgt, w->start);
	     m && m->gfn < w->end; m = ki_mapping_next(m))
		ki_bits_add_leaf(w->bits, w->base, max(m->gfn, w->start),
				 m->nr_pages);
}

#else

void ki_leaves_elsewhere(struct kvm *kvm, struct ki_walk *w, u64 *probe)
{
}

#endif
