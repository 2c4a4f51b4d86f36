// SPDX-License-Identifier: GPL-2.0-only
/*
 * A guest that runs a guest of its own (AMD's VMRUN). What the inner one touches
 * is reported at the outer one's addresses, exactly: while it runs, when its
 * host goes on, and when it runs again.
 *
 * Both run the same code at the same addresses; only through which of KVM's
 * tables they reach their pages differs, and what else is touched on the way.
 * Of its VMCB, of the page to save state in, and of the inner guest's nested
 * page tables, the hardware touches nothing: it uses KVM's own instead. So they
 * lie in a slot that nobody touches.
 */
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arch.h"
#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "rounds.h"

#define EFER_SVME	(1UL << 12)
#define CR0_PG		(1UL << 31)
#define MSR_VM_HSAVE_PA	0xc0010117
#define SVM_EXIT_VMMCALL 0x81
#define NO_EXIT_YET	0x5a5a5a5a

/* Offsets: AMD64 manual, volume 2, appendix "Layout of VMCB". */
enum vmcb {
	VMCB_INTERCEPT_MISC2	= 0x010,
	VMCB_ASID		= 0x058,
	VMCB_EXIT_CODE		= 0x070,
	VMCB_NESTED_PAGING	= 0x090,
	VMCB_NESTED_CR3		= 0x0b0,
	VMCB_CS			= 0x410,
	VMCB_EFER		= 0x4d0,
	VMCB_CR4		= 0x548,
	VMCB_CR3		= 0x550,
	VMCB_CR0		= 0x558,
	VMCB_DR7		= 0x560,
	VMCB_DR6		= 0x568,
	VMCB_RFLAGS		= 0x570,
	VMCB_RIP		= 0x578,
	VMCB_PAT		= 0x668,
};

struct nested_case {
	const char *name;
	enum paging nested_paging;	/* format of the tables for the inner guest */
	bool inner_paging;		/* the inner guest's own paging is on */
	bool huge;			/* leaves may be huge */
};

static const struct nested_case cases[] = {
	{ "no nested paging", PAGING_OFF, false, true },
	{ "no nested paging, paging on in the inner guest", PAGING_OFF, true, true },
	{ "nested paging by 4 MiB", PAGING_4M, false, true },
	{ "nested paging by 4 KiB", PAGING_4K, false, false },
	{ "nested paging by 4 KiB in 4 levels, paging on in the inner guest", PAGING_LONG_4K, true, false },
	{ "nested paging by 2 MiB in 4 levels", PAGING_LONG_2M, false, true },
};
#define NR_CASES (sizeof(cases) / sizeof(cases[0]))

static unsigned long rounds = 20, mem = 64, vcpus = 1, seed = 1;
static unsigned long only;
static bool thp;

static const struct nested_case *test;
static struct vmm vmm;
static struct vmm_mmu inner_mmu;
static struct guest_tables nested_tables;
static struct idle_reader reader, peeker;

/* The third slot: a page to save state in and a VMCB for each vCPU, then tables. */
#define HIDDEN_SLOT	2
#define HIDDEN_GPA	0x60000000UL

static uint64_t hsave_gpa(unsigned int vcpu)
{
	return HIDDEN_GPA + 2 * vcpu * PAGE_SIZE;
}

static uint64_t vmcb_gpa(unsigned int vcpu)
{
	return hsave_gpa(vcpu) + PAGE_SIZE;
}

static void put(unsigned int vcpu, enum vmcb field, uint64_t value, size_t bytes)
{
	memcpy((uint8_t *)vmm_hva(&vmm, vmcb_gpa(vcpu)) + field, &value, bytes);
}

static uint64_t exit_code(unsigned int vcpu)
{
	uint64_t code;

	memcpy(&code, (uint8_t *)vmm_hva(&vmm, vmcb_gpa(vcpu)) + VMCB_EXIT_CODE, 8);
	return code;
}

static void put_segment(unsigned int vcpu, unsigned int segment, uint16_t attributes)
{
	put(vcpu, segment + 2, attributes, 2);
	put(vcpu, segment + 4, ~0U, 4);
}

/*
 * It intercepts VMRUN, as it must, and VMMCALL. A HLT of the inner guest is
 * KVM's business, and so ends KVM_RUN with the inner guest being what runs.
 */
static void write_vmcb(unsigned int vcpu, const struct kvm_sregs *outer)
{
	static const unsigned int data_segments[] = { 0x400, 0x420, 0x430, 0x440, 0x450 };

	memset(vmm_hva(&vmm, vmcb_gpa(vcpu)), 0, PAGE_SIZE);
	put(vcpu, VMCB_INTERCEPT_MISC2, 0x3, 4);
	put(vcpu, VMCB_ASID, 1, 4);
	put(vcpu, VMCB_EXIT_CODE, NO_EXIT_YET, 8);
	put_segment(vcpu, VMCB_CS, 0xc9b);
	for (size_t i = 0; i < sizeof(data_segments) / sizeof(data_segments[0]); i++)
		put_segment(vcpu, data_segments[i], 0xc93);
	put(vcpu, VMCB_EFER, test->inner_paging ? outer->efer : EFER_SVME, 8);
	put(vcpu, VMCB_CR0, test->inner_paging ? outer->cr0 : outer->cr0 & ~CR0_PG, 8);
	put(vcpu, VMCB_CR4, outer->cr4, 8);
	put(vcpu, VMCB_CR3, test->inner_paging ? outer->cr3 : 0, 8);
	put(vcpu, VMCB_DR7, 0x400, 8);
	put(vcpu, VMCB_DR6, 0xffff0ff0, 8);
	put(vcpu, VMCB_RFLAGS, 0x202, 8);
	put(vcpu, VMCB_RIP, vmm_code_gpa(&vmm, guest_touch), 8);
	put(vcpu, VMCB_PAT, 0x0007040600070406, 8);
	if (test->nested_paging != PAGING_OFF) {
		put(vcpu, VMCB_NESTED_PAGING, 1, 8);
		put(vcpu, VMCB_NESTED_CR3, nested_tables.first_gfn << PAGE_SHIFT, 8);
	}
}

static bool is_inside(unsigned int vcpu)
{
	return vmm.vcpu[vcpu].mmu == &inner_mmu;
}

/* The outer guest enters the inner one, which finds nothing to do and halts. */
static void enter(unsigned int i)
{
	struct vmm_vcpu *vcpu = &vmm.vcpu[i];
	struct kvm_sregs sregs;

	if (ioctl(vcpu->fd, KVM_GET_SREGS, &sregs))
		die("KVM_GET_SREGS: %m");
	write_vmcb(i, &sregs);
	vmm_run(&vmm, i, guest_vmrun, vmcb_gpa(i));
	if (exit_code(i) != NO_EXIT_YET)
		die("the inner guest was left, or not entered: exit code %#lx", exit_code(i));
	vmm_touched(&vmm, &vmm.mmu, vmm.code_gfn);
	vmm_touched(&vmm, &inner_mmu, vmm.code_gfn);
	vcpu->mmu = &inner_mmu;
}

/* The inner guest calls the outer one, which halts. */
static void leave(unsigned int i)
{
	vmm_run(&vmm, i, guest_vmmcall, 0);
	if (exit_code(i) != SVM_EXIT_VMMCALL)
		die("the inner guest's exit code is %#lx", exit_code(i));
	vmm_touched(&vmm, &inner_mmu, vmm.code_gfn);
	vmm_touched(&vmm, &vmm.mmu, vmm.code_gfn);
	vmm.vcpu[i].mmu = &vmm.mmu;
}

static bool kvm_offers_svm(void)
{
	const struct kvm_cpuid2 *cpuid = kvm_supported_cpuid();

	for (uint32_t i = 0; i < cpuid->nent; i++)
		if (cpuid->entries[i].function == 0x80000001)
			return cpuid->entries[i].ecx & 4;
	return false;
}

/* Before the first run. */
static void allow_svm(unsigned int vcpu)
{
	struct {
		struct kvm_msrs head;
		struct kvm_msr_entry entry;
	} msrs = {
		.head.nmsrs = 1,
		.entry = { .index = MSR_VM_HSAVE_PA, .data = hsave_gpa(vcpu) },
	};
	struct kvm_sregs sregs;
	int fd = vmm.vcpu[vcpu].fd;

	if (ioctl(fd, KVM_GET_SREGS, &sregs))
		die("KVM_GET_SREGS: %m");
	sregs.efer |= EFER_SVME;
	if (ioctl(fd, KVM_SET_SREGS, &sregs) || ioctl(fd, KVM_SET_MSRS, &msrs) != 1)
		die("KVM_SET_SREGS, KVM_SET_MSRS: %m");
}

/*
 * Without nested paging, the inner guest has a table of its own like the outer
 * one's; with it, one that KVM makes after the outer one's, in its older way.
 */
static void init_inner_mmu(void)
{
	bool nested = test->nested_paging != PAGING_OFF;

	inner_mmu = (struct vmm_mmu){
		.leaf_pages = vmm.mmu.leaf_pages,
		.prefetches = nested || vmm.mmu.prefetches,
		.prefetches_all = kvm_prefetches_all(nested ? test->nested_paging : PAGING_OFF),
		.shadowed = nested ? &nested_tables : vmm.mmu.shadowed,
		.walked = test->inner_paging ? vmm.mmu.walked : NULL,
	};
	gfnset_init(&inner_mmu.mapped, vmm.end_gfn);
	guest_tables_write(&nested_tables, &vmm, test->nested_paging,
			   HIDDEN_GPA / PAGE_SIZE + 2 * vmm.nr_vcpus);
}

/*
 * KVM gives a guest VMRUN only with paging on; its kind is that of nested paging,
 * too. With shadow paging, KVM takes its own CR4.PAE for the guest's when an
 * inner guest without paging is left: so the guest had better have it set.
 */
static enum paging outer_paging(void)
{
	bool wide = test->nested_paging == PAGING_LONG_4K ||
		    test->nested_paging == PAGING_LONG_2M || kvm_is_shadow_paging();

	return wide ? PAGING_LONG_2M : PAGING_4M;
}

static void start(void)
{
	memset(&vmm, 0, sizeof(vmm));
	vmm.nr_vcpus = vcpus;
	vmm.thp = thp;
	vmm.paging = outer_paging();
	vmm_two_slots(&vmm, mem);
	vmm.slot[HIDDEN_SLOT] = (struct vmm_slot){ .gpa = HIDDEN_GPA, .bytes = HUGE_SIZE };
	vmm.nr_slots = 3;
	vmm_start(&vmm);
	init_inner_mmu();
	for (unsigned int i = 0; i < vmm.nr_vcpus; i++)
		allow_svm(i);
	idle_open(&reader, &vmm, O_RDWR);
	idle_open(&peeker, &vmm, O_RDONLY);
}

static uint64_t touchable_pages(void)
{
	return vmm.total_pages - vmm.slot[HIDDEN_SLOT].bytes / PAGE_SIZE;
}

static void harvest(struct idle_verdict *all, const char *what)
{
	struct idle_verdict peeked = { 0 }, verdict = { 0 }, again = { 0 };

	idle_check_all(&peeker, &peeked);
	idle_expect_exact(&peeked, what);
	idle_check_all(&reader, &verdict);
	idle_expect_exact(&verdict, what);
	idle_check_all(&reader, &again);
	idle_expect_exact(&again, "harvested twice");
	EXPECT(!again.young);
	all->young += verdict.young;
	all->miss.pages += verdict.miss.pages;
	all->extra.pages += verdict.extra.pages;
	all->hole_lie.pages += verdict.hole_lie.pages;
}

/* From 5.14 on KVM counts the runs of nested guests. Before, that there may be one must do. */
static void expect_source(bool has_run_nested)
{
	struct kvm_idle_info info = idle_info(reader.fd);
	bool nested = has_run_nested || vmm.vcpu[0].stats_fd < 0;

	if (kvm_is_shadow_paging()) {
		EXPECT_OK(info.source, KVM_IDLE_SOURCE_NOTIFIER);
		EXPECT_OK(info.reason, KVM_IDLE_REASON_SHADOW);
		return;
	}
	EXPECT_OK(info.source, nested ? KVM_IDLE_SOURCE_BOTH : KVM_IDLE_SOURCE_DIRECT);
	EXPECT_OK(info.reason, nested ? KVM_IDLE_REASON_NESTED : KVM_IDLE_REASON_OK);
}

static void outer_guest_alone(struct idle_verdict *all)
{
	for (int round = 0; round < 3; round++) {
		touch_random(&vmm, touchable_pages(), touchable_pages() >> (2 * round + 1));
		harvest(all, "before it has run a guest");
	}
	expect_source(false);
}

/* What was the case at harvests, to see that nothing was left out. */
static struct {
	unsigned long inside, inside_for_long, outside_again, mixed;
} seen;

static void move_about(bool *moved)
{
	for (unsigned int i = 0; i < vmm.nr_vcpus; i++) {
		if (random_below(3))
			continue;
		*moved = true;
		if (is_inside(i))
			leave(i);
		else
			enter(i);
	}
}

static void note_state(bool moved)
{
	unsigned int inside = 0;

	for (unsigned int i = 0; i < vmm.nr_vcpus; i++)
		inside += is_inside(i);
	seen.inside += inside > 0;
	seen.inside_for_long += inside == vmm.nr_vcpus && !moved;
	seen.outside_again += !inside;
	seen.mixed += inside && inside < vmm.nr_vcpus;
}

static void rounds_of_both(struct idle_verdict *all)
{
	enter(0);
	for (unsigned long round = 0; round < rounds; round++) {
		uint64_t pages = round_size(round, rounds, touchable_pages());
		unsigned int steps = 1 + random_below(3);
		bool moved = false;
		char what[80];

		for (unsigned int step = 0; step < steps; step++) {
			if (round)
				move_about(&moved);
			touch_random(&vmm, touchable_pages(), pages / steps);
		}
		note_state(moved);
		snprintf(what, sizeof(what), "round %lu, %lu pages in %u steps, %s", round, pages,
			 steps, is_inside(0) ? "inside" : "outside");
		harvest(all, what);
	}
	expect_source(true);
}

static void run_case(void)
{
	struct idle_verdict all = { 0 };

	if (test->nested_paging != PAGING_OFF && kvm_is_shadow_paging()) {
		ktap_skip("a KVM without nested paging offers none to its guests");
		return;
	}
	if (thp && !test->huge) {
		ktap_skip("no huge leaves: its host's tables map 4 KiB");
		return;
	}
	random_seed(seed);
	memset(&seen, 0, sizeof(seen));
	start();
	outer_guest_alone(&all);
	rounds_of_both(&all);
	EXPECT(all.young > rounds);
	ktap_diag("rounds %lu, pages young %lu, misses %lu, extras %lu, hole lies %lu",
		  rounds, all.young, all.miss.pages, all.extra.pages, all.hole_lie.pages);
	ktap_diag("harvests while the inner guest ran %lu, without having stopped %lu, after it %lu, beside it %lu",
		  seen.inside, seen.inside_for_long, seen.outside_again, seen.mixed);
	if (rounds >= 20)
		EXPECT(seen.inside && seen.inside_for_long && seen.outside_again &&
		       (seen.mixed || vcpus == 1));
	idle_close(&reader);
	idle_close(&peeker);
	gfnset_free(&inner_mmu.mapped);
	vmm_stop(&vmm);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "rounds", "rounds of random pages, for each kind of inner guest", .number = &rounds },
		{ "mem", "MiB of guest memory to touch", .number = &mem },
		{ "vcpus", "virtual CPUs", .number = &vcpus },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "only", "this one of the kinds of inner guest, from 1", .number = &only },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};

	options_parse(argc, argv, "Harvest what a guest and a guest of its own touch.", options);
	if (!kvm_param_is_yes("kvm_amd", "nested") || !kvm_offers_svm()) {
		printf("KTAP version 1\n1..0 # SKIP written for AMD: there is no VMX guest here\n");
		return 0;
	}
	ktap_plan(only ? 1 : NR_CASES);
	for (test = cases; test < cases + NR_CASES; test++) {
		if (only && test != &cases[only - 1])
			continue;
		ktap_begin("%s", test->name);
		run_case();
		ktap_end();
	}
	return ktap_status();
}
