/* SPDX-License-Identifier: GPL-2.0-only */
/* Holding the tables of a VM, and the same walk over each of them. */
#ifndef KI_SOURCE_WALK_H
#define KI_SOURCE_WALK_H

#include "compat/kvm_mmu_lock.h"
#include "compat/kvm_tables.h"

/**
 * ki_tables_hold() - find the tables of a VM, and hold them as they are
 * @kvm: a VM, held by the caller
 * @t: filled in
 *
 * Atomic context until ki_tables_drop(), which is given what this returns.
 */
static inline int ki_tables_hold(struct kvm *kvm, struct ki_tables *t)
{
	int idx = srcu_read_lock(&kvm->srcu);

	ki_mmu_lock(kvm);
	ki_tables_get(kvm, t);
	return idx;
}

static inline void ki_tables_drop(struct kvm *kvm, int idx)
{
	ki_mmu_unlock(kvm);
	srcu_read_unlock(&kvm->srcu, idx);
}

/**
 * ki_walk_tables() - walk all of them
 * @t: the tables
 * @w: the walk; what belongs to a table is filled in here
 *
 * Return: of the first that is not KI_WALK_DONE; those after it are not walked.
 */
static inline enum ki_walk_result ki_walk_tables(const struct ki_tables *t,
						 struct ki_walk *w)
{
	enum ki_walk_result res = KI_WALK_DONE;

	w->addr_mask = t->addr_mask;
	w->high_addr_mask = t->high_addr_mask;
	w->high_addr_shift = t->high_addr_shift;
	for (unsigned int i = 0; res == KI_WALK_DONE && i < t->count; i++) {
		w->root = t->root[i];
		w->levels = t->levels[i];
		w->root_entries = t->root_entries[i];
		res = t->walk(w);
	}
	return res;
}

#endif /* KI_SOURCE_WALK_H */
