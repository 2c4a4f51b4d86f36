// SPDX-License-Identifier: GPL-2.0-only
/*
 * Since Linux kernel commit 4f128f8e1aaa ("KVM: arm64: nv: Support multiple
 * nested Stage-2 mmu structures") (in v6.11).
 */
#include <linux/kvm_host.h>

size_t probe(struct kvm *kvm);
size_t probe(struct kvm *kvm)
{
	return kvm->arch.nested_mmus_size;
}
