// SPDX-License-Identifier: GPL-2.0-only
/* Young bits straight from the tables that the hardware walks. */
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "compat/kvm_roots.h"
#include "source/source.h"

/*
 * Words looked at before asking whether somebody waits for the lock: 8192
 * pages, 16 tables of 4 KiB leaves, some 10 µs.
 */
#define KI_WORDS_AT_ONCE	128

static void ki_direct_examine(struct kvm *kvm, struct ki_examination *e)
{
	struct ki_roots roots;

	ki_mmu_lock(kvm);
	ki_roots_get(kvm, &roots);
	ki_mmu_unlock(kvm);

	*e = (struct ki_examination) {
		.reason = roots.reason,
		.format = roots.format,
	};
	for (unsigned int i = 0; i < roots.count; i++)
		e->levels = max(e->levels, roots.levels[i]);
}

static enum ki_walk_result ki_walk_roots(const struct ki_roots *roots,
					 struct ki_collect *c,
					 unsigned int word, unsigned int end)
{
	enum ki_walk_result res = KI_WALK_DONE;

	for (unsigned int i = 0; res == KI_WALK_DONE && i < roots->count; i++) {
		struct ki_walk w = {
			.root		= roots->root[i],
			.levels		= roots->levels[i],
			.addr_mask	= roots->addr_mask,
			.base		= c->base,
			.start		= c->base + 64ULL * word,
			.end		= c->base + 64ULL * end,
			.clear		= c->clear,
			.giant_ready	= c->giant_ready,
			.bits		= c->bits,
		};

		res = roots->format == KVM_IDLE_FORMAT_EPT ? ki_walk_ept(&w) :
							     ki_walk_npt(&w);
		c->giant_taken |= w.giant_taken;
	}
	return res;
}

/* As much as the lock may be held for; moves @word on. */
static int ki_collect_some(struct kvm *kvm, struct ki_collect *c,
			   unsigned int *word, unsigned int end)
{
	enum ki_walk_result res = KI_WALK_DONE;
	struct ki_roots roots;

	ki_mmu_lock(kvm);
	ki_roots_get(kvm, &roots);
	if (ki_usable(roots.reason)) {
		do {
			unsigned int stop = min(*word + KI_WORDS_AT_ONCE, end);

			res = ki_walk_roots(&roots, c, *word, stop);
			*word = stop;
		} while (res == KI_WALK_DONE && *word < end &&
			 !ki_mmu_lock_wanted(kvm));
	}
	ki_mmu_unlock(kvm);

	if (res == KI_WALK_GIANT)
		return -EAGAIN;
	c->reason = res == KI_WALK_STRANGE ? KVM_IDLE_REASON_UNKNOWN_TABLE :
					     roots.reason;
	return ki_usable(c->reason) ? 0 : -EOPNOTSUPP;
}

static int ki_direct_collect(struct kvm *kvm, struct ki_collect *c)
{
	unsigned int word = c->first, end = c->first + c->words;
	int err = 0;

	while (!err && word < end) {
		err = ki_collect_some(kvm, c, &word, end);
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
	}
	return err;
}

const struct ki_source ki_source_direct = {
	.id		= KVM_IDLE_SOURCE_DIRECT,
	.examine	= ki_direct_examine,
	.collect	= ki_direct_collect,
};
