// SPDX-License-Identifier: GPL-2.0-only
/*
 * Since Linux kernel commit e912efed485a ("KVM: arm64: Introduce the EL1 pKVM
 * MMU") (in v6.14).
 */
#include <linux/kvm_host.h>
#include <asm/kvm_pkvm.h>

u64 probe(struct pkvm_mapping *mapping);
u64 probe(struct pkvm_mapping *mapping)
{
	return mapping->gfn;
}
