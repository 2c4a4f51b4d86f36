// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that runs a guest of its own (AMD's VMRUN). What the inner one
 * touches may stand in tables that are not walked, so from then on there is no
 * answer, also after it has stopped.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "options.h"

#define EFER_SVME	(1UL << 12)
#define MSR_VM_HSAVE_PA	0xc0010117
#define SVM_EXIT_VMMCALL 0x81

/* Pages of the guest that this test gives a meaning. */
enum { PAGE_VMCB, PAGE_HSAVE, PAGE_TABLE, PAGE_TOUCHED, PAGES_USED };

static bool nested_paging;
static struct vmm vmm;
static struct idle_reader reader;

static uint64_t page_gpa(unsigned int page)
{
	return (vmm.first_free_gfn + page) << PAGE_SHIFT;
}

static void put(uint8_t *vmcb, unsigned int offset, uint64_t value, size_t bytes)
{
	memcpy(vmcb + offset, &value, bytes);
}

/* Offsets: AMD64 manual, volume 2, appendix "Layout of VMCB". */
static void write_vmcb(void)
{
	static const unsigned int data_segments[] = { 0x400, 0x420, 0x430, 0x440, 0x450 };
	uint8_t *vmcb = vmm_hva(&vmm, page_gpa(PAGE_VMCB));

	memset(vmcb, 0, PAGE_SIZE);
	put(vmcb, 0x010, 0x3, 4);		/* intercept VMRUN, VMMCALL */
	put(vmcb, 0x058, 1, 4);			/* ASID */
	put(vmcb, 0x402 + 0x10, 0xc9b, 2);	/* CS: 32-bit code */
	put(vmcb, 0x404 + 0x10, ~0U, 4);
	for (size_t i = 0; i < sizeof(data_segments) / sizeof(data_segments[0]); i++) {
		put(vmcb, data_segments[i] + 2, 0xc93, 2);
		put(vmcb, data_segments[i] + 4, ~0U, 4);
	}
	put(vmcb, 0x4d0, EFER_SVME, 8);
	put(vmcb, 0x558, 0x11, 8);		/* CR0: PE, ET */
	put(vmcb, 0x560, 0x400, 8);		/* DR7 */
	put(vmcb, 0x568, 0xffff0ff0, 8);	/* DR6 */
	put(vmcb, 0x570, 0x2, 8);		/* RFLAGS */
	put(vmcb, 0x578, vmm_code_gpa(&vmm, guest_l2), 8);
	put(vmcb, 0x5f8, page_gpa(PAGE_TOUCHED), 8);
	put(vmcb, 0x668, 0x0007040600070406, 8);	/* PAT */

	if (nested_paging) {
		/* It is in the outer guest's paging mode, so its table will do. */
		put(vmcb, 0x090, 1, 8);
		put(vmcb, 0x0b0, page_gpa(PAGE_TABLE), 8);
	}
}

/*
 * KVM lets a guest VMRUN only if it has paging on: 4 MiB pages, one to one.
 * A hardware walk of its table touches the page that it is in.
 */
static void turn_paging_on(struct kvm_sregs *sregs)
{
	uint32_t *table = vmm_hva(&vmm, page_gpa(PAGE_TABLE));

	for (uint32_t i = 0; i < 1024; i++)
		table[i] = i << 22 | 0xe7;
	sregs->cr3 = page_gpa(PAGE_TABLE);
	sregs->cr4 |= 0x10;		/* PSE */
	sregs->cr0 |= 0x80000000;	/* PG */
}

/* Before the first run. Return: false if this KVM lets no guest do that. */
static bool allow_svm(void)
{
	struct {
		struct kvm_cpuid2 head;
		struct kvm_cpuid_entry2 entries[128];
	} cpuid = { .head.nent = 128 };
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = { .head.nmsrs = 1, .entry.index = MSR_VM_HSAVE_PA };
	struct kvm_sregs sregs;
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), vcpu = vmm.vcpu[0].fd;
	bool svm = false;

	if (ioctl(kvm, KVM_GET_SUPPORTED_CPUID, &cpuid))
		die("KVM_GET_SUPPORTED_CPUID: %m");
	close(kvm);
	for (uint32_t i = 0; i < cpuid.head.nent; i++)
		if (cpuid.entries[i].function == 0x80000001)
			svm = cpuid.entries[i].ecx & 4;
	if (!svm)
		return false;
	msrs.entry.data = page_gpa(PAGE_HSAVE);
	if (ioctl(vcpu, KVM_SET_CPUID2, &cpuid) || ioctl(vcpu, KVM_GET_SREGS, &sregs))
		die("KVM_SET_CPUID2: %m");
	sregs.efer |= EFER_SVME;
	turn_paging_on(&sregs);
	if (ioctl(vcpu, KVM_SET_SREGS, &sregs) || ioctl(vcpu, KVM_SET_MSRS, &msrs) != 1)
		die("KVM_SET_SREGS, KVM_SET_MSRS: %m");
	return true;
}

static void run_nested(bool paging)
{
	struct idle_verdict verdict = { 0 };
	unsigned int messages = idle_messages();
	uint32_t *counter;
	uint64_t word;
	int late;

	memset(&vmm, 0, sizeof(vmm));
	nested_paging = paging;
	vmm_two_slots(&vmm, 8);
	vmm_start(&vmm);
	if (!allow_svm()) {
		ktap_skip("this KVM offers its guests no SVM");
		vmm_stop(&vmm);
		return;
	}
	idle_open(&reader, &vmm, O_RDWR);
	vmm_touch_range(&vmm, vmm.first_free_gfn, PAGES_USED, true);
	idle_check_all(&reader, &verdict);
	idle_expect_exact(&verdict, "before");
	EXPECT_OK(idle_info(reader.fd).reason, KVM_IDLE_REASON_OK);

	write_vmcb();
	counter = vmm_hva(&vmm, page_gpa(PAGE_TOUCHED));
	*counter = 41;
	vmm_run(&vmm, guest_vmrun, page_gpa(PAGE_VMCB));
	memcpy(&word, (uint8_t *)vmm_hva(&vmm, page_gpa(PAGE_VMCB)) + 0x70, 8);
	EXPECT(word == SVM_EXIT_VMMCALL, "the inner guest's exit code is %#lx", word);
	EXPECT(*counter == 42, "the inner guest has not run: %u", *counter);

	EXPECT_ERR(pread(reader.fd, &word, 8, 0), EOPNOTSUPP);
	EXPECT_ERR(pwrite(reader.fd, &word, 8, 0), EOPNOTSUPP);
	EXPECT_OK(idle_info(reader.fd).source, KVM_IDLE_SOURCE_NONE);
	EXPECT_OK(idle_info(reader.fd).reason, KVM_IDLE_REASON_NESTED);
	late = open(idle_path(0), O_RDONLY | O_CLOEXEC);
	vmm_touch(&vmm, NULL, 0);
	EXPECT_ERR(pread(late, &word, 8, 0), EOPNOTSUPP);
	EXPECT_OK(idle_messages(), messages + 1);
	close(late);
	idle_close(&reader);
	vmm_stop(&vmm);
}

static void without_nested_paging(void)
{
	run_nested(false);
}

static void with_nested_paging(void)
{
	run_nested(true);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = { { 0 } };
	static const struct ktap_test tests[] = {
		{ "an inner guest without nested paging", without_nested_paging },
		{ "an inner guest with nested paging", with_nested_paging },
	};

	options_parse(argc, argv, "See that a guest that ran a guest is refused.", options);
	if (!kvm_param_is_yes("kvm_amd", "npt")) {
		printf("KTAP version 1\n1..0 # SKIP written for AMD with nested paging: there is no VMX guest here\n");
		return 0;
	}
	return KTAP_RUN(NULL, tests);
}
