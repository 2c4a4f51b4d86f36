/* SPDX-License-Identifier: GPL-2.0-only */
/* A place that young bits come from. */
#ifndef KI_SOURCE_H
#define KI_SOURCE_H

#include <linux/kvm_host.h>
#include <linux/kvm_idle.h>

#include "table/table.h"

/* Does a source that gives this reason answer? */
static inline bool ki_usable(enum kvm_idle_reason reason)
{
	return reason == KVM_IDLE_REASON_OK ||
	       reason == KVM_IDLE_REASON_NO_TABLE;
}

/**
 * struct ki_examination - what a source has to say about a VM
 * @reason: KVM_IDLE_REASON_OK or _NO_TABLE if it can answer; else why not
 * @format: format of the tables
 * @levels: levels of the deepest, 0 if there is none
 */
struct ki_examination {
	enum kvm_idle_reason reason;
	enum kvm_idle_format format;
	unsigned int levels;
};

/**
 * struct ki_collect - one order to a source: young and present of some pages
 * @base: gfn of the slice
 * @first: first word of the slice to look at
 * @words: how many words
 * @clear: clear what is young, not only look
 * @giant_ready: leaves larger than a slice may be cleared
 * @giant_taken: out: such a leaf was cleared; all its 1 GiB was young
 * @reason: out: why, if the source refuses
 * @bits: bits.want says which pages; the other two are answered
 */
struct ki_collect {
	u64 base;
	unsigned int first;
	unsigned int words;
	bool clear;
	bool giant_ready;
	bool giant_taken;
	enum kvm_idle_reason reason;
	struct ki_bits *bits;
};

/**
 * struct ki_source - one kind of source
 * @id: as GET_INFO names it
 * @examine: look at a VM and take nothing. May sleep
 * @collect: carry an order out. What was cleared stands in bits.young whatever
 *	is returned: 0; -EOPNOTSUPP with ki_collect.reason; -EAGAIN if a leaf
 *	larger than the slice is young and ki_collect.giant_ready is not set;
 *	-EINTR if a signal to the death is pending. May sleep
 */
struct ki_source {
	enum kvm_idle_source id;
	void (*examine)(struct kvm *kvm, struct ki_examination *e);
	int (*collect)(struct kvm *kvm, struct ki_collect *c);
};

extern const struct ki_source ki_source_direct;

#endif /* KI_SOURCE_H */
