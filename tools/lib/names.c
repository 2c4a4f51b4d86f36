// SPDX-License-Identifier: LGPL-2.1-or-later
/* Words for the numbers of the ABI. */
#include "internal.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

/* Arrays may have gaps: a number added to the ABI before it is added here. */
static const char *lookup(const char *const *names, size_t count,
			  uint32_t value, const char *otherwise)
{
	return value < count && names[value] ? names[value] : otherwise;
}

#define LOOKUP(names, value, otherwise) \
	lookup(names, ARRAY_SIZE(names), value, otherwise)

static const char *const sources[] = {
	[KVM_IDLE_SOURCE_NONE]		= "none",
	[KVM_IDLE_SOURCE_DIRECT]	= "direct",
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
};

const char *kvmidle_reason_name(uint32_t reason)
{
	return LOOKUP(reasons, reason, "unknown");
}

static const char *const reason_texts[] = {
	[KVM_IDLE_REASON_OK] =
		"The hardware's second-level page tables hold the whole truth.",
	[KVM_IDLE_REASON_NO_TABLE] =
		"No virtual CPU has a page table now (none has run yet, or KVM has just dropped them): nothing is mapped. Try again when the guest runs.",
	[KVM_IDLE_REASON_SHADOW] =
		"KVM runs without two-dimensional paging (npt=0 or ept=0), so its tables are not indexed by guest address. Load kvm_amd with npt=1, or kvm_intel with ept=1.",
	[KVM_IDLE_REASON_NO_ACCESSED] =
		"The page tables have no accessed bits: kvm_intel was loaded with eptad=0, or the processor is older than Haswell. If it is newer, load kvm_intel with eptad=1.",
	[KVM_IDLE_REASON_NESTED] =
		"The guest runs virtual machines of its own, or has done so: what they touch may stand in tables that are not walked. Only a guest that has never run one can be read.",
	[KVM_IDLE_REASON_UNKNOWN_TABLE] =
		"A page table looks like nothing the module knows, and it does not guess. The kernel log has details; please report it with the kernel's version.",
};

const char *kvmidle_reason_text(uint32_t reason)
{
	return LOOKUP(reason_texts, reason,
		      "The module gives a reason that this program is too old to know.");
}

static const char *const formats[] = {
	[KVM_IDLE_FORMAT_NONE]	= "none",
	[KVM_IDLE_FORMAT_EPT]	= "ept",
	[KVM_IDLE_FORMAT_NPT]	= "npt",
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
};

const char *kvmidle_problem_name(enum kvmidle_problem problem)
{
	return LOOKUP(problems, problem, "unknown");
}
