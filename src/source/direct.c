// SPDX-License-Identifier: GPL-2.0-only
/* Young bits straight from the tables that the hardware walks. */
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "compat/kvm_flush.h"
#include "compat/kvm_mmu_lock.h"
#include "source/aging.h"
#include "source/source.h"
#include "source/walk.h"

/*
 * Words looked at before asking whether somebody waits for the lock: 8192
 * pages, 16 tables of 4 KiB leaves, some 10 µs. A dirty bit that is cleared costs some
 * more: there is something to be marked for each.
 */
#define KI_WORDS_AT_ONCE	max_t(unsigned int, 128, KI_HUGE_WORDS)
#define KI_DIRTY_WORDS_AT_ONCE	max_t(unsigned int, 16, KI_HUGE_WORDS)

static unsigned int ki_words_at_once(const struct ki_collect *c)
{
	return c->clear_dirty ? KI_DIRTY_WORDS_AT_ONCE : KI_WORDS_AT_ONCE;
}

/* Entries looked at for these words: of tables of pages, and those above. */
static unsigned int ki_entries(unsigned int first, unsigned int end, u64 skipped)
{
	return 64 * (end - first) - skipped +
	       DIV_ROUND_UP(end - first, KI_HUGE_WORDS);
}

/*
 * Which of the pages that @w looks at were written? While slots change, these bits are
 * not cleared: what was seen under mmu_lock held for reading may be taken away all the
 * same, by who takes away all there is, and then nobody tells us before the host takes
 * the memory.
 */
static enum ki_walk_result ki_walk_dirty(const struct ki_tables *tables,
					 struct ki_collect *c,
					 const struct ki_walk *w)
{
	struct ki_walk dirty = {
		.base	= w->base,
		.start	= w->start,
		.end	= w->end,
		.clear	= c->clear_dirty && !tables->changing,
		.dirty	= c->dirty,
		.bits	= w->bits,
	};
	enum ki_walk_result res = ki_walk_tables(tables, &dirty);

	c->dirty_taken |= dirty.dirty_taken;
	return res;
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
					ki_words_at_once(c), end);

		w->start = c->base + 64ULL * *word;
		w->end = c->base + 64ULL * stop;
		res = ki_walk_tables(tables, w);
		/* It can be told of what is in the tables alone. */
		if (res == KI_WALK_DONE && c->dirty && tables->hw_dirty && !c->ask_kvm)
			res = ki_walk_dirty(tables, c, w);
		*word = stop;
	} while (res == KI_WALK_DONE && *word < end &&
		 !ki_mmu_lock_wanted(kvm) && !ki_step_wanted(c));
	return res;
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
	/* Of shadow tables there is never one here: KVM is asked. */
	c->no_table |= !tables.count && tables.format != KVM_IDLE_FORMAT_NONE;
	c->ask_kvm |= tables.elsewhere || !tables.marked;
	if (tables.refused || !tables.marked) {
		*word = end;
	} else {
		if (ki_step_above(c, &tables, &above)) {
			w.above = &above;
			w.arm = c->arm;
		}
		res = ki_walk_step(kvm, &tables, c, &w, word, end);
		if (w.above)
			ki_step_found(c, &above);
	}
	/*
	 * Not later: who begins to log what is written, by dirty bits, finds none here, and
	 * before Linux 6.0 does not flush then (commit b64d740ea7dd, "KVM: x86/mmu: Always
	 * flush TLBs when enabling dirty logging"). By what is cached, no log is written.
	 */
	if (c->dirty_taken)
		ki_kvm_flush_tlbs(kvm);
	c->dirty_taken = false;
	ki_tables_drop(kvm, idx);
	c->giant_taken |= w.giant_taken;
	if (w.arm)
		above.skipped += KI_TABLE_PAGES * hweight64(above.untouched);
	c->at_once = max(c->at_once, ki_entries(first, *word, above.skipped) +
				     (c->dirty ? ki_entries(first, *word, 0) : 0));
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
