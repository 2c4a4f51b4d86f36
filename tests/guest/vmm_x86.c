// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/kvm_idle.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "arch.h"
#include "ktap.h"

bool kvm_is_shadow_paging(void)
{
	return !kvm_param_is_yes("kvm_amd", "npt") && !kvm_param_is_yes("kvm_intel", "ept");
}

unsigned int kvm_reason_to_ask(void)
{
	return kvm_is_shadow_paging() ? KVM_IDLE_REASON_SHADOW : KVM_IDLE_REASON_NO_ACCESSED;
}

unsigned int kvm_table_format(void)
{
	return kvm_param_is_yes("kvm_intel", "ept") ? KVM_IDLE_FORMAT_EPT : KVM_IDLE_FORMAT_NPT;
}

unsigned int kvm_min_levels(void)
{
	return 4;
}

unsigned int kvm_reason_before_run(void)
{
	return KVM_IDLE_REASON_NO_TABLE;
}

unsigned int kvm_max_ipa_bits(void)
{
	return 0;
}

static bool kvm_has_accessed_bits(void)
{
	return !kvm_param_is_yes("kvm_intel", "ept") || kvm_param_is_yes("kvm_intel", "eptad");
}

const struct kvm_cpuid2 *kvm_supported_cpuid(void)
{
	static struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[256];
	} cpuid;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	cpuid.head.nent = 256;
	if (kvm < 0 || ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid))
		die("KVM_GET_SUPPORTED_CPUID: %m");
	close(kvm);
	return &cpuid.head;
}

int arch_create_vm(struct vmm *vmm, int kvm)
{
	uint64_t identity_map = 0xfffbc000;
	int fd = ioctl(kvm, KVM_CREATE_VM, 0);

	(void)vmm;
	/* Needed on Intel, where it makes a slot of KVM's own; ignored elsewhere. */
	ioctl(fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map);
	ioctl(fd, KVM_SET_TSS_ADDR, identity_map + PAGE_SIZE);
	return fd;
}

/*
 * Of tables after which KVM makes its own, it looks at each entry of a group. Where
 * there are none, or they map larger pages, it does so only since Linux commit
 * c6cecc4b9324 ("KVM: x86/mmu: Complete prefetch for trailing SPTEs for direct,
 * legacy MMU") (in v5.16).
 */
bool kvm_prefetches_all(enum paging shadowed)
{
	unsigned int major = 0, minor = 0;
	struct utsname name;

	if (shadowed == PAGING_4K || shadowed == PAGING_LONG_4K)
		return true;
	if (uname(&name) || sscanf(name.release, "%u.%u", &major, &minor) != 2)
		die("uname: %m");
	return major > 5 || (major == 5 && minor >= 16);
}

void arch_init_mmu(struct vmm *vmm)
{
	struct vmm_mmu *mmu = &vmm->mmu;
	bool shadow = kvm_is_shadow_paging();
	/* A shadow table has no larger leaf than the guest's own. */
	bool small = shadow && (vmm->paging == PAGING_4K || vmm->paging == PAGING_LONG_4K);

	mmu->leaf_pages = vmm->thp && !small ? HUGE_PAGES : 1;
	mmu->prefetches = (shadow || !kvm_param_is_yes("kvm", "tdp_mmu")) && kvm_has_accessed_bits();
	mmu->prefetches_all = kvm_prefetches_all(shadow ? vmm->paging : PAGING_OFF);
	if (shadow)
		mmu->shadowed = &vmm->tables;
	else
		mmu->walked = &vmm->tables;
}

void arch_init_vcpu(struct vmm_vcpu *vcpu)
{
	struct kvm_segment code = {
		.limit = ~0U, .selector = 8, .type = 11,
		.present = 1, .s = 1, .db = 1, .g = 1,
	};
	struct kvm_segment data = code;
	struct kvm_sregs sregs;

	/* Long mode is only for processors that have it. */
	if (vcpu->vmm->paging != PAGING_OFF &&
	    ioctl(vcpu->fd, KVM_SET_CPUID2, kvm_supported_cpuid()))
		die("KVM_SET_CPUID2: %m");
	data.selector = 16;
	data.type = 3;
	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		die("KVM_GET_SREGS: %m");
	sregs.cs = code;
	sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
	sregs.cr0 = 0x11;	/* PE, ET */
	guest_tables_use(&vcpu->vmm->tables, &sregs);
	if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs))
		die("KVM_SET_SREGS: %m");
}

void arch_set_orders(struct vmm_vcpu *vcpu, const char *piece, struct guest_orders orders)
{
	struct kvm_regs regs = {
		.rip = vmm_code_gpa(vcpu->vmm, piece),
		/* IF=1: Bochs lets no interrupt out of a guest that has it clear. */
		.rflags = 0x202,
		.rcx = orders.count, .rsi = orders.list,
		.rbx = orders.from, .rdx = orders.to, .rdi = orders.counter,
	};

	if (ioctl(vcpu->fd, KVM_SET_REGS, &regs))
		die("KVM_SET_REGS: %m");
}

bool arch_has_halted(struct vmm_vcpu *vcpu)
{
	return vcpu->run->exit_reason == KVM_EXIT_HLT;
}

bool kvm_drops_all_with_a_slot(void)
{
	return true;
}

/* CR4.PSE: says nothing as long as paging is off, but KVM looks at all anew. */
bool vmm_drop_roots(struct vmm *vmm)
{
	for (unsigned int i = 0; i < vmm->nr_vcpus; i++) {
		struct kvm_sregs sregs;

		if (ioctl(vmm->vcpu[i].fd, KVM_GET_SREGS, &sregs))
			die("KVM_GET_SREGS: %m");
		sregs.cr4 ^= 0x10;
		if (ioctl(vmm->vcpu[i].fd, KVM_SET_SREGS, &sregs))
			die("KVM_SET_SREGS: %m");
	}
	return true;
}

void arch_sync(const void *p, size_t n)
{
	(void)p;
	(void)n;
}
