/* SPDX-License-Identifier: GPL-2.0-only */
/* What of the mini VMM depends on the architecture: vmm_x86.c, vmm_arm64.c. */
#ifndef ARCH_H
#define ARCH_H

#include "vmm.h"

/* guest_x86.S, guest_arm64.S: the guest's code and where its pieces begin. */
extern const char guest_code[], guest_touch[], guest_spin[], guest_code_end[];
extern const char guest_read[], guest_write[];

/* What a piece of the guest's code finds in its registers. */
struct guest_orders {
	uint64_t list;		/* guest physical, as all here: dwords to touch, ... */
	uint32_t count;		/* ... that many */
	uint64_t from, to;	/* or: the pages of a range, once, or over and over, ... */
	uint64_t counter;	/* ... and where to count */
};

/* x86: what a guest's processor can be told to have. */
const struct kvm_cpuid2 *kvm_supported_cpuid(void);

/* Return: a file descriptor, or -1. */
int arch_create_vm(struct vmm *vmm, int kvm);

/* x86: what a vmm_mmu says of that, if KVM makes its tables after some in this format. */
bool kvm_prefetches_all(enum paging shadowed);

/* Fill in vmm->mmu, but for the set of what is mapped. */
void arch_init_mmu(struct vmm *vmm);

/* As the guest's code wants it. */
void arch_init_vcpu(struct vmm_vcpu *vcpu);

/* Let the next run begin with @piece. */
void arch_set_orders(struct vmm_vcpu *vcpu, const char *piece, struct guest_orders orders);

/* Was it the end of a piece that the vCPU exited for? Dies of what is none at all. */
bool arch_has_halted(struct vmm_vcpu *vcpu);

/* Make guest and VMM see the same, where their caches may differ. */
void arch_sync(const void *p, size_t n);

#endif
