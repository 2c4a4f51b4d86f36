// SPDX-License-Identifier: GPL-2.0-only
/* Young bits straight from the tables that the hardware walks. */
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "compat/kvm_mmu_lock.h"
#include "compat/kvm_tables.h"
#include "source/aging.h"
#include "source/source.h"
#include "source/walk.h"

/*
 * Words looked at before asking whether somebody waits for the lock: 8192
 * pages, 16 tables of 4 KiB leaves, some 10 µs.
 */
#define KI_WORDS_AT_ONCE	max_t(unsigned int, 128, KI_HUGE_WORDS)

/* As much as the lock may be held for; moves @word on. */
static int ki_collect_some(struct kvm *kvm, struct ki_collect *c,
			   unsigned int *word, unsigned int end)
{
	struct ki_walk w = {
		.base		= c->base,
		.clear		= c->clear,
		.giant_ready	= c->giant_ready,
		.bits		= c->bits,
	};
	enum ki_walk_result res = KI_WALK_DONE;
	unsigned int first = *word;
	struct ki_tables tables;

	ki_step_begin(c);
	ki_mmu_lock(kvm);
	ki_tables_get(kvm, &tables);
	c->reason = tables.reason;
	c->ask_kvm |= tables.elsewhere || !tables.marked;
	if (tables.refused || !tables.marked) {
		*word = end;
	} else {
		do {
			/* No step ends within a huge leaf. */
			unsigned int stop = min(ALIGN_DOWN(*word, KI_HUGE_WORDS) +
						KI_WORDS_AT_ONCE, end);

			w.start = c->base + 64ULL * *word;
			w.end = c->base + 64ULL * stop;
			res = ki_walk_tables(&tables, &w);
			*word = stop;
		} while (res == KI_WALK_DONE && *word < end &&
			 !ki_mmu_lock_wanted(kvm) && !ki_step_wanted(c));
	}
	ki_mmu_unlock(kvm);
	c->giant_taken |= w.giant_taken;
	ki_step_end(c, first, *word, w.giant_taken);

	if (res == KI_WALK_GIANT)
		return -EAGAIN;
	if (res == KI_WALK_STRANGE)
		c->reason = KVM_IDLE_REASON_UNKNOWN_TABLE;
	return tables.refused || res == KI_WALK_STRANGE ? -EOPNOTSUPP : 0;
}

int ki_direct_collect(struct kvm *kvm, struct ki_collect *c)
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
