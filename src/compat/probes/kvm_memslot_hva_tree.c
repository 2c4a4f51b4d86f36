// SPDX-License-Identifier: GPL-2.0-only
/*
 * Since Linux kernel commit ed922739c919 ("KVM: Use interval tree to do fast
 * hva lookup in memslots") (in v5.17).
 */
#include <linux/kvm_host.h>

struct interval_tree_node *probe(struct kvm_memslots *slots);
struct interval_tree_node *probe(struct kvm_memslots *slots)
{
	return interval_tree_iter_first(&slots->hva_tree, 0, 1);
}
