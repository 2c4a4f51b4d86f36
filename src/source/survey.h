/* SPDX-License-Identifier: GPL-2.0-only */
/* Which leaves there are, and nothing more. */
#ifndef KI_SOURCE_SURVEY_H
#define KI_SOURCE_SURVEY_H

#include <linux/kvm_host.h>
#include <linux/kvm_idle.h>

#include "table/table.h"

/**
 * struct ki_survey - looking up the leaves of a part of a slice
 * @base: gfn of the slice
 * @first: first word
 * @end: first word behind it
 * @marked: the leaves of tables that tell for themselves what is young go here;
 *	bits.want says which pages, and young is answered too
 * @others: all other leaves. May be the same
 * @probe: a page of each leaf where leaves of several sizes may map the same
 *	page without either knowing; or NULL
 * @is_marked: out: the tables tell for themselves
 * @is_all: out: and there are no leaves elsewhere
 * @overlap: out: leaves of several sizes may map the same page
 * @reason: out
 */
struct ki_survey {
	u64 base;
	unsigned int first;
	unsigned int end;
	struct ki_bits *marked;
	struct ki_bits *others;
	u64 *probe;
	bool is_marked;
	bool is_all;
	bool overlap;
	enum kvm_idle_reason reason;
};

/**
 * ki_survey() - look them up
 * @kvm: a VM, held by the caller
 * @s: what to look up
 *
 * Context: takes kvm->srcu and mmu_lock. Does not sleep.
 *
 * Return: 0, or -EOPNOTSUPP with ki_survey.reason.
 */
int ki_survey(struct kvm *kvm, struct ki_survey *s);

#endif /* KI_SOURCE_SURVEY_H */
