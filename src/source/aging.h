/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The host's memory management (reclaim, MGLRU, DAMON, page_idle) is one more
 * reader of a VM. It asks KVM which pages were used, page by page, and KVM
 * clears their accessed bits. While files that harvest are open, these questions
 * come to us instead, and two maps keep both sides whole:
 *
 *	owed	cleared by a harvest; the host has yet to hear of it
 *	aged	cleared for the host; our readers have yet to hear of it
 *
 * Each step of a harvest, and each answer to the host, is done under a spinlock
 * for the part of guest memory that it is about: whoever clears a bit writes it
 * down for the other before the other can look. The answers, besides, are given
 * one at a time.
 */
#ifndef KI_SOURCE_AGING_H
#define KI_SOURCE_AGING_H

#include <linux/kvm_host.h>

#include "compat/kvm_tables.h"
#include "source/gfnmap.h"
#include "source/source.h"

struct ki_aging;

/**
 * ki_aging_start() - be asked in KVM's place from now on
 * @kvm: a VM, held by the caller until ki_aging_stop()
 *
 * Return: what the other functions want; ERR_PTR(-ENOMEM); NULL where this KVM
 * cannot be hooked into. May sleep.
 */
struct ki_aging *ki_aging_start(struct kvm *kvm);

/**
 * ki_aging_stop() - let KVM be asked itself again
 * @a: of ki_aging_start(), or NULL
 * @mm: of the VMM, in use; or NULL if it is gone
 *
 * What is owed to the host is paid into the VMM's page tables: those pages look
 * touched by the VMM. What no reader was told is forgotten. May sleep.
 */
void ki_aging_stop(struct ki_aging *a, struct mm_struct *mm);

/**
 * ki_aging_prepare() - see to it that a slice has maps
 * @a: of ki_aging_start(), or NULL
 * @slice: slice number
 *
 * To be called before anything of the slice is cleared. Return: 0 or -ENOMEM.
 * May sleep.
 */
int ki_aging_prepare(struct ki_aging *a, u64 slice);

/** struct ki_aging_stats - figures about one VM, zero where there is no aging
 * @aged: pages aged so far
 * @skipped: pages told without a look at their entries so far
 * @bytes: memory in use
 */
struct ki_aging_stats {
	u64 aged;
	u64 skipped;
	u64 bytes;
};

/** ki_aging_get_stats() - of ki_aging_start(), or NULL */
void ki_aging_get_stats(struct ki_aging *a, struct ki_aging_stats *stats);

/*
 * For the sources. Between begin and end, which do nothing if the order is not
 * to clear, the host is held off from the slice. Atomic context; no lock of KVM's
 * is held at either end.
 */

/** ki_step_begin() - a step of an order begins */
void ki_step_begin(struct ki_collect *c) __acquires(c->aging);

/** ki_step_wanted() - is the host waiting for the step to end? */
bool ki_step_wanted(const struct ki_collect *c);

/**
 * ki_step_end() - and ends: what it cleared is owed to the host
 * @c: the order
 * @first: first word of the slice that the step was about; of the leaves that
 *	lie in it in part, the rest is taken care of
 * @end: first word behind it
 * @giant_taken: it cleared a leaf that is larger than the slice
 *
 * It is told now what the host has aged of these words: pages that were touched
 * before the step looked at them, or at the accessed bits above them. What is aged after
 * it is for the next order.
 */
void ki_step_end(struct ki_collect *c, unsigned int first, unsigned int end,
		 bool giant_taken)
	__releases(c->aging);

/**
 * ki_step_above() - which tables need not be looked at
 * @c: the order
 * @t: the tables of the VM
 * @above: filled in
 *
 * Return: false if that cannot be known, as ever if nothing is to be cleared.
 *
 * Context: in a step, under kvm->srcu and ki_mmu_lock().
 */
bool ki_step_above(struct ki_collect *c, const struct ki_tables *t,
		   struct ki_above *above);

/**
 * ki_step_may_be_asleep() - is it worth the question, ki_source_asleep()?
 * @c: the order
 *
 * Takes no lock, so it may be wrong.
 */
bool ki_step_may_be_asleep(const struct ki_collect *c);

/** ki_step_aged() - has the host aged anything of the slice? In a step */
bool ki_step_aged(const struct ki_collect *c);

/**
 * ki_aging_knows() - is there an account of this slice?
 * @c: the order
 *
 * Return: false if nothing of it was ever cleared, by anybody, while the host's
 * page aging was shared. Takes no lock.
 */
bool ki_aging_knows(const struct ki_collect *c);

/** ki_step_found() - after the walk: in the same hold of the locks */
void ki_step_found(struct ki_collect *c, const struct ki_above *above);

/**
 * ki_aging_host_room() - before the host's own tables are looked at
 * @a: of ki_aging_start()
 * @span: host memory
 *
 * Return: 0 or -ENOMEM. May sleep.
 */
int ki_aging_host_room(struct ki_aging *a, struct ki_span span);

/**
 * ki_aging_add_host() - the host has touched this, and its bits will be cleared
 * @a: of ki_aging_start()
 * @span: host memory
 *
 * So it is owed to the host's page aging, and to the readers who want to know.
 *
 * Context: under the lock of the host's page table. Return: false, and the bits
 * must stay, if it cannot be written down: for want of memory, and only beyond
 * what ki_aging_host_room() was told.
 */
bool ki_aging_add_host(struct ki_aging *a, struct ki_span span);

/**
 * ki_aging_tell_host() - what the host has touched of the pages of an order
 * @c: the order, to clear, with ki_collect.aging and ki_collect.mm. Goes to
 *	ki_collect.host
 */
void ki_aging_tell_host(struct ki_collect *c);

/**
 * ki_aging_look() - what a harvest would be told, and leave it there
 * @a: of ki_aging_start(), or NULL
 * @slice: slice number
 * @first: first word of it
 * @words: how many words
 * @young: words of the slice; what the host has aged of those is set
 * @host: likewise; what the host has touched; or NULL
 *
 * To be called after a look at the tables: what was unmapped since stands here.
 */
void ki_aging_look(struct ki_aging *a, u64 slice, unsigned int first,
		   unsigned int words, u64 *young, u64 *host);

#endif /* KI_SOURCE_AGING_H */
