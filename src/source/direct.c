// SPDX-License-Identifier: GPL-2.0-only
/* Young bits straight from the tables that the hardware walks. */
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "compat/kvm_mmu_lock.h"
#include "source/aging.h"
#include "source/source.h"
#include "source/walk.h"

/*
 * Words looked at before asking whether somebody waits for the lock: 8192
 * pages, 16 tables of 4 KiB leaves, some 10 µs.
 */
#define KI_WORDS_AT_ONCE	max_t(unsigned int, 128, KI_HUGE_WORDS)

/* Entries looked at for these words: of tables of pages, and those above. */
static unsigned int ki_entries(unsigned int first, unsigned int end, u64 skipped)
{
	return 64 * (end - first) - skipped +
	       DIV_ROUND_UP(end - first, KI_HUGE_WORDS);
}

/* The walk of one step, part by part, until it is done or somebody waits. */
static enum ki_walk_result ki_walk_step(struct kvm *kvm,
					const struct ki_tables *tables,
					struct ki_collect *c, struct ki_walk *w,
					unsigned int *word, unsigned int end)
{
	enum ki_walk_result res;

	do {
		/* No part ends within a huge leaf. */
		unsigned int stop = min(ALIGN_DOWN(*word, KI_HUGE_WORDS) +
					KI_WORDS_AT_ONCE, end);

		w->start = c->base + 64ULL * *word;
		w->end = c->base + 64ULL * stop;
		res = ki_walk_tables(tables, w);
		*word = stop;
	} while (res == KI_WALK_DONE && *word < end &&
		 !ki_mmu_lock_wanted(kvm) && !ki_step_wanted(c));
	return res;
}

/* Which of the pages just looked at were written? */
static enum ki_walk_result ki_walk_dirty(const struct ki_tables *tables,
					 const struct ki_collect *c,
					 unsigned int first, unsigned int end)
{
	struct ki_walk w = {
		.base	= c->base,
		.start	= c->base + 64ULL * first,
		.end	= c->base + 64ULL * end,
		.clear	= c->clear_dirty,
		.dirty	= c->dirty,
		.bits	= c->bits,
	};

	return ki_walk_tables(tables, &w);
}

/* As much as the lock may be held for; moves @word on. */
static int ki_collect_some(struct kvm *kvm, struct ki_collect *c,
			   unsigned int *word, unsigned int end)
{
	struct ki_above above = { .untouched = 0 };
	struct ki_walk w = {
		.base		= c->base,
		.clear		= c->clear,
		.giant_ready	= c->giant_ready,
		.bits		= c->bits,
	};
	enum ki_walk_result res = KI_WALK_DONE;
	unsigned int first = *word;
	struct ki_tables tables;
	int idx;

	ki_step_begin(c);
	idx = ki_tables_hold(kvm, &tables);
	c->reason = tables.reason;
	c->ask_kvm |= tables.elsewhere || !tables.marked;
	if (tables.refused || !tables.marked) {
		*word = end;
	} else {
		if (ki_step_above(c, &tables, &above)) {
			w.above = &above;
			w.arm = c->arm;
		}
		res = ki_walk_step(kvm, &tables, c, &w, word, end);
		if (c->dirty && tables.hw_dirty && res == KI_WALK_DONE)
			res = ki_walk_dirty(&tables, c, first, *word);
		if (w.above)
			ki_step_found(c, &above);
	}
	ki_tables_drop(kvm, idx);
	c->giant_taken |= w.giant_taken;
	if (w.arm)
		above.skipped += KI_TABLE_PAGES * hweight64(above.untouched);
	c->at_once = max(c->at_once, ki_entries(first, *word, above.skipped));
	c->touched |= (ki_tables_of(first, *word) & ~above.untouched) |
		      above.cleared;
	if (w.arm)
		c->armed |= above.untouched;
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

bool ki_direct_asleep(struct kvm *kvm, struct ki_collect *c)
{
	struct ki_above above;
	struct ki_walk w = {
		.base		= c->base,
		.start		= c->base + 64ULL * c->first,
		.end		= c->base + 64ULL * (c->first + c->words),
		.clear		= true,
		.only_skip	= true,
		.above		= &above,
	};
	bool asleep = false;
	struct ki_tables tables;
	int idx;

	ki_step_begin(c);
	idx = ki_tables_hold(kvm, &tables);
	if (ki_step_above(c, &tables, &above)) {
		asleep = ki_walk_tables(&tables, &w) == KI_WALK_SKIPPED;
		ki_step_found(c, &above);
	}
	ki_tables_drop(kvm, idx);
	asleep &= !ki_step_aged(c);
	ki_step_end(c, c->first, c->first + c->words, false);
	return asleep;
}

bool ki_direct_empty(struct kvm *kvm, const struct ki_collect *c)
{
	struct ki_walk w = {
		.base		= c->base,
		.start		= c->base + 64ULL * c->first,
		.end		= c->base + 64ULL * (c->first + c->words),
		.only_any	= true,
	};
	struct ki_tables tables;
	bool empty = false;
	int idx = ki_tables_hold(kvm, &tables);

	if (!tables.refused && tables.marked && !tables.elsewhere)
		empty = !tables.count ||
			(tables.count == 1 &&
			 ki_walk_tables(&tables, &w) == KI_WALK_EMPTY);
	ki_tables_drop(kvm, idx);
	return empty;
}
