// SPDX-License-Identifier: GPL-2.0-only
/*
 * Since Linux kernel commit b38c9775f783 ("KVM: arm64: Convert
 * pkvm_mappings to interval tree") (in v6.17).
 */
#include <linux/kvm_host.h>
#include <linux/rbtree.h>
#include <asm/kvm_pgtable.h>
#include <asm/kvm_pkvm.h>

u64 probe(struct kvm *kvm, struct pkvm_mapping *mapping);
u64 probe(struct kvm *kvm, struct pkvm_mapping *mapping)
{
	struct rb_root_cached *root = &kvm->arch.mmu.pgt->pkvm_mappings;

	return (root->rb_root.rb_node == &mapping->node) + mapping->nr_pages +
	       kvm_vm_is_protected(kvm);
}
