// SPDX-License-Identifier: LGPL-2.1-or-later
/* Words for the numbers of the ABI. */
#include "internal.h"

#include <stdio.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Arrays may have gaps: a number added to the ABI before it is added here. */
static const char *lookup(const char *const *names, size_t count,
			  uint32_t value, const char *otherwise)
{
	return value < count && names[value] ? names[value] : otherwise;
}

#define LOOKUP(names, value, otherwise) \
	lookup(names, ARRAY_SIZE(names), value, otherwise)

static const char *const doors[] = {
	[KVMIDLE_DOOR_PROC]	= "proc",
	[KVMIDLE_DOOR_DEVICE]	= "device",
	[KVMIDLE_DOOR_RECORDING] = "recording",
};

const char *kvmidle_door_name(enum kvmidle_door door)
{
	return LOOKUP(doors, door, "unknown");
}

static const char *const sources[] = {
	[KVM_IDLE_SOURCE_NONE]		= "none",
	[KVM_IDLE_SOURCE_DIRECT]	= "direct",
	[KVM_IDLE_SOURCE_NOTIFIER]	= "notifier",
	[KVM_IDLE_SOURCE_BOTH]		= "both",
};

const char *kvmidle_source_name(uint32_t source)
{
	return LOOKUP(sources, source, "unknown");
}

static const char *const reasons[] = {
	[KVM_IDLE_REASON_OK]		= "ok",
	[KVM_IDLE_REASON_NO_TABLE]	= "no-table",
	[KVM_IDLE_REASON_SHADOW]	= "shadow",
	[KVM_IDLE_REASON_NO_ACCESSED]	= "no-accessed",
	[KVM_IDLE_REASON_NESTED]	= "nested",
	[KVM_IDLE_REASON_UNKNOWN_TABLE]	= "unknown-table",
	[KVM_IDLE_REASON_PROTECTED]	= "protected",
	[KVM_IDLE_REASON_ALIASED]	= "aliased",
};

const char *kvmidle_reason_name(uint32_t reason)
{
	return LOOKUP(reasons, reason, "unknown");
}

/* Sentences that are true whatever the source is. */
static const char *const reason_texts[] = {
	[KVM_IDLE_REASON_OK] =
		"The hardware's second-level page tables hold the whole truth.",
	[KVM_IDLE_REASON_NO_TABLE] =
		"No virtual CPU has a page table now (none has run yet, or KVM has just dropped them): nothing is mapped. Try again when the guest runs.",
	[KVM_IDLE_REASON_SHADOW] =
		"KVM runs without two-dimensional paging (npt=0 or ept=0), so its tables are not indexed by guest address. To have them walked, load kvm_amd with npt=1, or kvm_intel with ept=1.",
	[KVM_IDLE_REASON_NO_ACCESSED] =
		"The page tables have no accessed bits: kvm_intel was loaded with eptad=0, or the processor is older than Haswell. If it is newer, load kvm_intel with eptad=1.",
	[KVM_IDLE_REASON_NESTED] =
		"The guest runs virtual machines of its own, or has done so: what they touch may stand in tables of their own. Where KVM cannot be asked about these (arm64), only a guest that has never run one can be read.",
	[KVM_IDLE_REASON_UNKNOWN_TABLE] =
		"A page table looks like nothing the module knows, and it does not guess. The kernel log has details; please report it with the kernel's version.",
	[KVM_IDLE_REASON_PROTECTED] =
		"KVM runs in protected mode (kvm-arm.mode=protected): the page tables belong to its hypervisor, and are not walked.",
	[KVM_IDLE_REASON_ALIASED] =
		"Two memory slots share host memory, and KVM has to be asked by host address: it cannot say by which of them a page was touched. Where the page tables can be walked (npt=1; ept=1 and eptad=1; no guests of the guest) this does not matter.",
};

const char *kvmidle_reason_text(uint32_t reason)
{
	return LOOKUP(reason_texts, reason,
		      "The module gives a reason that this program is too old to know.");
}

/* The same in brief, to follow a colon. */
static const char *const reason_briefs[] = {
	[KVM_IDLE_REASON_OK]		= "no reason given",
	[KVM_IDLE_REASON_NO_TABLE]	= "no virtual CPU has a page table now",
	[KVM_IDLE_REASON_SHADOW]	= "shadow paging (npt=0 or ept=0)",
	[KVM_IDLE_REASON_NO_ACCESSED]	= "the page tables have no accessed bits (eptad=0, or an older processor)",
	[KVM_IDLE_REASON_NESTED]	= "the guest runs virtual machines of its own, or has done so",
	[KVM_IDLE_REASON_UNKNOWN_TABLE]	= "a page table looks like nothing the module knows",
	[KVM_IDLE_REASON_PROTECTED]	= "the page tables belong to the hypervisor of protected KVM",
	[KVM_IDLE_REASON_ALIASED]	= "memory slots share host memory",
};

static const char *reason_brief(uint32_t reason)
{
	return LOOKUP(reason_briefs, reason,
		      "for a reason that this program is too old to know");
}

size_t kvmidle_explain_source(const struct kvm_idle_info *info, char *text,
			      size_t size)
{
	const char *how = NULL, *why = "";
	int length = 0;

	switch (info->source) {
	case KVM_IDLE_SOURCE_NONE:
		why = kvmidle_reason_text(info->reason);
		break;
	case KVM_IDLE_SOURCE_DIRECT:
		if (info->reason != KVM_IDLE_REASON_OK)
			why = kvmidle_reason_text(info->reason);
		break;
	case KVM_IDLE_SOURCE_NOTIFIER:
		how = "KVM is asked page by page";
		break;
	case KVM_IDLE_SOURCE_BOTH:
		how = "The page tables are walked, and KVM is asked page by page as well";
		break;
	default:
		how = "The answers come from where this program is too old to know";
		break;
	}
	if (how)
		length = snprintf(text, size, "%s: %s.", how,
				  reason_brief(info->reason));
	else
		length = snprintf(text, size, "%s", why);
	return length;
}

static const char *const formats[] = {
	[KVM_IDLE_FORMAT_NONE]	= "none",
	[KVM_IDLE_FORMAT_EPT]	= "ept",
	[KVM_IDLE_FORMAT_NPT]	= "npt",
	[KVM_IDLE_FORMAT_STAGE2] = "stage2",
};

const char *kvmidle_format_name(uint32_t format)
{
	return LOOKUP(formats, format, "unknown");
}

static const char *const tlb_policies[] = {
	[KVM_IDLE_TLB_NONE]	= "none",
	[KVM_IDLE_TLB_PASS]	= "pass",
	[KVM_IDLE_TLB_PRECISE]	= "precise",
};

const char *kvmidle_tlb_policy_name(uint32_t policy)
{
	return LOOKUP(tlb_policies, policy, "unknown");
}

static const char *const problems[] = {
	[KVMIDLE_PROBLEM_NONE]		= "none",
	[KVMIDLE_PROBLEM_NO_PROCESS]	= "no-process",
	[KVMIDLE_PROBLEM_EXITED]	= "exited",
	[KVMIDLE_PROBLEM_KERNEL_THREAD]	= "kernel-thread",
	[KVMIDLE_PROBLEM_NO_VM]		= "no-vm",
	[KVMIDLE_PROBLEM_NO_MODULE]	= "no-module",
	[KVMIDLE_PROBLEM_NO_PROC]	= "no-proc",
	[KVMIDLE_PROBLEM_PERMISSION]	= "permission",
	[KVMIDLE_PROBLEM_REFUSED]	= "refused",
	[KVMIDLE_PROBLEM_OTHER]		= "other",
	[KVMIDLE_PROBLEM_DEVICE]	= "device",
	[KVMIDLE_PROBLEM_NO_SUCH_VM]	= "no-such-vm",
	[KVMIDLE_PROBLEM_OLD_MODULE]	= "old-module",
	[KVMIDLE_PROBLEM_NOT_SHARED]	= "not-shared",
	[KVMIDLE_PROBLEM_RECORDING]	= "recording",
};

const char *kvmidle_problem_name(enum kvmidle_problem problem)
{
	return LOOKUP(problems, problem, "unknown");
}
