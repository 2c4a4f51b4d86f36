/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where young bits come from. Which source answers is a property of the tables
 * that a VM has at the moment, and is looked at again for every slice; both may
 * have to, for the tables may be the truth about themselves and not be all
 * there is (nested guests).
 */
#ifndef KI_SOURCE_H
#define KI_SOURCE_H

#include <linux/kvm_host.h>
#include <linux/kvm_idle.h>

#include "table/table.h"

struct ki_aging;

/**
 * struct ki_flushes - TLB flushes of a VM, by number
 * @begun: number of the last that has begun
 * @done: all up to this one are done
 *
 * What was cleared before @begun was read is covered by a flush of a higher
 * number. @begun is written before, and @done after it, with full order.
 */
struct ki_flushes {
	u64 begun;
	u64 done;
};

/* Words of a huge leaf, of the size that is usual: a whole table of pages. */
#define KI_HUGE_WORDS	((unsigned int)PTRS_PER_PTE / 64)
#define KI_TABLE_PAGES	(64ULL * KI_HUGE_WORDS)

/* The tables of pages that map the words of a slice from @first to @end, a bit each. */
static inline u64 ki_tables_of(unsigned int first, unsigned int end)
{
	return GENMASK_ULL((end - 1) / KI_HUGE_WORDS, first / KI_HUGE_WORDS);
}

/**
 * struct ki_examination - what answers for a VM
 * @source: what; KVM_IDLE_SOURCE_NONE if nothing does
 * @reason: why
 * @format: format of the tables that are walked
 * @levels: levels of the deepest, 0 if there is none
 * @hw_accessed: hardware sets accessed bits in them
 * @hw_dirty: and dirty bits
 * @lone: and those above tables of pages tell which of these were used
 */
struct ki_examination {
	enum kvm_idle_source source;
	enum kvm_idle_reason reason;
	enum kvm_idle_format format;
	unsigned int levels;
	bool hw_accessed;
	bool hw_dirty;
	bool lone;
};

/**
 * struct ki_collect - one order: young and present of some pages
 * @base: gfn of the slice
 * @first: first word of the slice to look at
 * @words: how many words
 * @clear: clear what is young, not only look
 * @arm: with @clear: where that can be done, clear only the accessed bits above
 *	tables of pages, and not what is young in these
 * @flushes: of the VM
 * @aging: the host's page aging, which is told what is cleared, and tells what it
 *	has cleared itself, which counts as young. If NULL, it goes its own ways
 * @mm: of the VMM, in use: its own page tables count too; or NULL
 * @host: out: what was touched by them
 * @dirty: out: pages whose entry has its dirty bit set; or NULL. It cannot be told but
 *	from tables that are walked, and then they must be all there is
 * @clear_dirty: with @clear: clear these bits
 * @dirty_taken: the step at work cleared one
 * @giant_ready: leaves larger than a slice may be cleared
 * @giant_taken: out: such a leaf was cleared; all its KI_GIANT_PAGES were young
 * @touched: out: tables of pages of the slice, a bit each, but for those whose
 *	accessed bit above was clear all the while: what was young in these was
 *	so before that bit was cleared
 * @armed: out: with @arm: those whose pages were not looked at, and whose
 *	accessed bit above is clear now
 * @owes_flush: out: after a TLB flush, more can be told from the accessed bits
 *	above tables of pages
 * @at_once: out: most entries looked at under one hold of mmu_lock
 * @no_table: out: for some step there was no table to walk: what was mapped may be in one
 *	that the vCPUs have left for now
 * @ask_kvm: out: not all is in the tables that were walked
 * @reason: out: why, if it is refused
 * @bits: bits.want says which pages; the others are answered
 */
struct ki_collect {
	u64 base;
	unsigned int first;
	unsigned int words;
	bool clear;
	bool arm;
	const struct ki_flushes *flushes;
	struct ki_aging *aging;
	struct mm_struct *mm;
	u64 *host;
	u64 *dirty;
	bool clear_dirty;
	bool dirty_taken;
	bool giant_ready;
	bool giant_taken;
	u64 touched;
	u64 armed;
	bool owes_flush;
	unsigned int at_once;
	bool no_table;
	bool ask_kvm;
	enum kvm_idle_reason reason;
	struct ki_bits *bits;
};

/** ki_source_examine() - look at a VM and take nothing. May sleep */
void ki_source_examine(struct kvm *kvm, struct ki_examination *e);

/**
 * ki_source_collect() - carry an order out
 * @kvm: a VM, held by the caller; its VMM's mm is in use
 * @c: the order. c->bits has no answers yet
 *
 * What was cleared stands in bits.young whatever is returned: 0; -EOPNOTSUPP
 * with ki_collect.reason; -EAGAIN if a leaf larger than the slice may have to be
 * cleared and ki_collect.giant_ready is not set; -ENOMEM; -EINTR if a signal to
 * the death is pending. May sleep.
 */
int ki_source_collect(struct kvm *kvm, struct ki_collect *c);

/**
 * ki_source_asleep() - is all that is wanted present, and none of it young?
 * @kvm: a VM, held by the caller; its VMM's mm is in use
 * @c: the order, to clear; c->bits is not looked at: all memory in the range of
 *	words is wanted
 *
 * Return: true if so, as far as it can be told without a look at any page; and
 * then there is nothing to clear. May sleep.
 */
bool ki_source_asleep(struct kvm *kvm, struct ki_collect *c);

/**
 * ki_source_empty() - is nothing mapped there, nor left to tell of what was?
 * @kvm: a VM, held by the caller; its VMM's mm is in use
 * @c: the order, for any range of words; c->bits is not looked at
 *
 * Return: true if so, as far as it can be told at a glance; and then there is
 * nothing to clear, and nothing has to be prepared for it. May sleep.
 */
bool ki_source_empty(struct kvm *kvm, const struct ki_collect *c);

/*
 * The two sources behind it. Each does its part of an order, and returns as
 * ki_source_collect() does.
 */

/* Walks the tables, where their accessed bits are the truth; sets ask_kvm. */
int ki_direct_collect(struct kvm *kvm, struct ki_collect *c);

/* ki_source_asleep() and ki_source_empty() of them, where there is nothing else. */
bool ki_direct_asleep(struct kvm *kvm, struct ki_collect *c);
bool ki_direct_empty(struct kvm *kvm, const struct ki_collect *c);

/*
 * Looks into the page tables of the VMM itself. What is young there is answered in
 * ki_collect.host, or, if it is cleared, left with ki_collect.aging, which tells.
 */
int ki_host_collect(struct kvm *kvm, struct ki_collect *c);

/* Asks KVM about the leaves that the walk says nothing about. */
int ki_notifier_collect(struct kvm *kvm, struct ki_collect *c);

#endif /* KI_SOURCE_H */
