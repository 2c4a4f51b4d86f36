// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <linux/kvm.h>
#include <linux/kvm_idle.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arch.h"
#include "ktap.h"

/*
 * The last page below 4 GiB, which every guest can address: a store to its
 * first word is the end of a piece of the guest's code, one to the next an
 * exception. Without memory there, and without an interrupt controller.
 */
#define DOORBELL		0xfffff000UL
#define DOORBELL_EXCEPTION	(DOORBELL + 8)

#define CORE_REG(reg)	(KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | \
			 KVM_REG_ARM_CORE_REG(regs.reg))
#define X_REG(n)	(CORE_REG(regs[0]) + (n) * sizeof(uint64_t) / sizeof(uint32_t))

#define PSTATE_EL1H_MASKED	0x3c5UL	/* EL1, its own stack pointer, D, A, I, F masked */

#define DEFAULT_IPA_BITS	40	/* what KVM takes type 0 for */

bool kvm_is_shadow_paging(void)
{
	return false;
}

unsigned int kvm_reason_to_ask(void)
{
	return KVM_IDLE_REASON_PROTECTED;
}

unsigned int kvm_table_format(void)
{
	return KVM_IDLE_FORMAT_STAGE2;
}

unsigned int kvm_min_levels(void)
{
	return 2;
}

unsigned int kvm_reason_before_run(void)
{
	return KVM_IDLE_REASON_OK;
}

unsigned int kvm_max_ipa_bits(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), bits;

	if (kvm < 0)
		die("/dev/kvm: %m");
	bits = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VM_IPA_SIZE);
	close(kvm);
	return bits > 0 ? bits : DEFAULT_IPA_BITS;
}

int arch_create_vm(struct vmm *vmm, int kvm)
{
	unsigned int bits = vmm->ipa_bits;

	if (!bits && kvm_max_ipa_bits() < DEFAULT_IPA_BITS)
		bits = kvm_max_ipa_bits();
	return ioctl(kvm, KVM_CREATE_VM, bits ? KVM_VM_TYPE_ARM_IPA_SIZE(bits) : 0);
}

void arch_init_mmu(struct vmm *vmm)
{
	vmm->mmu.leaf_pages = vmm->thp ? HUGE_PAGES : 1;
}

static void set_reg(struct vmm_vcpu *vcpu, uint64_t id, uint64_t value)
{
	struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

	if (ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg))
		die("KVM_SET_ONE_REG %#lx: %m", id);
}

void arch_init_vcpu(struct vmm_vcpu *vcpu)
{
	struct kvm_vcpu_init init;

	if (ioctl(vcpu->vmm->fd, KVM_ARM_PREFERRED_TARGET, &init) ||
	    ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &init))
		die("KVM_ARM_VCPU_INIT: %m");
	set_reg(vcpu, CORE_REG(pstate), PSTATE_EL1H_MASKED);
}

void arch_set_orders(struct vmm_vcpu *vcpu, const char *piece, struct guest_orders orders)
{
	const uint64_t x[] = {
		orders.count, orders.list, orders.from, orders.to, orders.counter, 0,
		PAGE_SIZE, DOORBELL,
	};

	for (unsigned int i = 0; i < sizeof(x) / sizeof(x[0]); i++)
		set_reg(vcpu, X_REG(i), x[i]);
	set_reg(vcpu, CORE_REG(pc), vmm_code_gpa(vcpu->vmm, piece));
}

bool arch_has_halted(struct vmm_vcpu *vcpu)
{
	const struct kvm_run *run = vcpu->run;

	if (run->exit_reason != KVM_EXIT_MMIO || !run->mmio.is_write)
		return false;
	if (run->mmio.phys_addr == DOORBELL_EXCEPTION)
		die("the guest took an exception");
	return run->mmio.phys_addr == DOORBELL;
}

/*
 * With its MMU off the guest's accesses are not cached, but the VMM's are. The
 * kernel lets user space clean and invalidate.
 */
bool kvm_drops_all_with_a_slot(void)
{
	return false;
}

bool vmm_drop_roots(struct vmm *vmm)
{
	(void)vmm;
	return false;
}

void arch_sync(const void *p, size_t n)
{
	uint64_t ctr, line;

	__asm__ volatile("mrs %0, ctr_el0" : "=r"(ctr));
	line = 4UL << (ctr >> 16 & 15);
	__asm__ volatile("dsb sy" ::: "memory");
	for (uintptr_t a = (uintptr_t)p & -line; a < (uintptr_t)p + n; a += line)
		__asm__ volatile("dc civac, %0" :: "r"(a) : "memory");
	__asm__ volatile("dsb sy" ::: "memory");
}
