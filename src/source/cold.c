// SPDX-License-Identifier: GPL-2.0-only
#include <linux/atomic.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/slab.h>

#include "source/cold.h"

/**
 * struct ki_cold_slice - what is remembered of one slice
 * @epoch: in which one
 * @cleared_at: TLB flushes that had begun when @fresh was last added to; what
 *	was cleared then is settled when a later one is done
 * @mapped: pages mapped in the VM when this was last looked at
 * @zaps: and how often anything had been unmapped
 * @fresh: tables whose accessed bits were cleared, and not all TLBs flushed since
 * @settled: see struct ki_above, as for the next two
 * @quiet: likewise
 * @whole: likewise
 * @present: a bit a page, when first needed
 * @wants_present: which is now
 * @holds: the step at work may rely on all this
 * @skipped: pages skipped so far
 * @generation: of the slots when it was last looked at; KI_NO_GENERATION while they changed
 * @tables: where there was a table of pages when it was last looked at, or had been
 * @upper: there were any of these, or leaves of their size
 * @merged: tables that KVM may have made leaves of since, as slots have changed
 * @merged_giant: likewise, one leaf of all
 */
struct ki_cold_slice {
	u64 epoch;
	u64 cleared_at;
	u64 mapped;
	unsigned long zaps;
	u64 fresh;
	u64 settled;
	u64 quiet;
	u64 whole;
	u64 *present;
	bool wants_present;
	bool holds;
	u64 skipped;
	u64 generation;
	u64 tables;
	bool upper;
	u64 merged;
	bool merged_giant;
};

#define KI_NO_GENERATION	(~0ULL)

void ki_cold_init(struct ki_cold *cold)
{
	*cold = (struct ki_cold) { .epoch = 1 };
	xa_init(&cold->slices);
	spin_lock_init(&cold->key_lock);
}

void ki_cold_destroy(struct ki_cold *cold)
{
	struct ki_cold_slice *s;
	unsigned long slice;

	xa_for_each(&cold->slices, slice, s) {
		kfree(s->present);
		kfree(s);
	}
	xa_destroy(&cold->slices);
}

/* Steps of other slices go on meanwhile, but none of this one. */
int ki_cold_prepare(struct ki_cold *cold, u64 slice)
{
	struct ki_cold_slice *s = xa_load(&cold->slices, slice);
	int err;

	if (!s) {
		s = kzalloc(sizeof(*s), GFP_KERNEL_ACCOUNT);
		if (!s)
			return -ENOMEM;
		err = xa_insert(&cold->slices, slice, s, GFP_KERNEL_ACCOUNT);
		if (err) {
			kfree(s);
			return err;
		}
	}
	/* Without it, it takes longer. */
	if (s->wants_present && !s->present)
		s->present = kzalloc(KI_SLICE_BYTES,
				     GFP_KERNEL_ACCOUNT | __GFP_NOWARN);
	return 0;
}

/* What KVM has counted and we have not. */
static bool ki_cold_untold(const struct ki_cold *cold, const struct ki_tables *t,
			   unsigned long *untold)
{
	/* Pairs with ki_cold_count_end(). */
	if (atomic_read_acquire(&cold->ending))
		return false;
	*untold = t->invalidations - atomic_long_read(&cold->told);
	return true;
}

static bool ki_cold_same_key(const struct ki_cold *cold,
			     const struct ki_cold_key *key)
{
	return READ_ONCE(cold->key.root) == key->root &&
	       READ_ONCE(cold->key.generation) == key->generation &&
	       READ_ONCE(cold->key.untold) == key->untold;
}

static void ki_cold_new_epoch(struct ki_cold *cold, const struct ki_cold_key *key)
{
	spin_lock(&cold->key_lock);
	if (!ki_cold_same_key(cold, key)) {
		WRITE_ONCE(cold->epoch, cold->epoch + 1);
		/* Who sees the new key sees the new epoch. */
		smp_wmb();
		WRITE_ONCE(cold->key.root, key->root);
		WRITE_ONCE(cold->key.generation, key->generation);
		WRITE_ONCE(cold->key.untold, key->untold);
	}
	spin_unlock(&cold->key_lock);
}

/*
 * Return: may what is remembered be relied upon? If that is not certain at the
 * moment, it is not forgotten either.
 */
static bool ki_cold_holds(struct ki_cold *cold, const struct ki_tables *t)
{
	struct ki_cold_key now = {
		.root		= t->root[0],
		.generation	= t->generation,
	};

	if (t->changing || !ki_cold_untold(cold, t, &now.untold))
		return false;
	if (!ki_cold_same_key(cold, &now))
		ki_cold_new_epoch(cold, &now);
	/* Pairs with ki_cold_new_epoch(). */
	smp_rmb();
	return true;
}

/*
 * When dirty logging ends, KVM makes large leaves of tables, in place. That is a change of
 * slots; until it is over, more may follow.
 */
static void ki_cold_may_have_merged(struct ki_cold_slice *s, const struct ki_tables *t)
{
	if (!t->changing && s->generation == t->generation)
		return;
	s->merged |= s->tables;
	s->merged_giant |= s->upper;
	s->generation = t->changing ? KI_NO_GENERATION : t->generation;
}

/* What was looked at is known again. */
static void ki_cold_found(struct ki_cold_slice *s, const struct ki_above *above)
{
	s->tables = (s->tables | above->tables) & ~above->leaves;
	s->merged &= ~(above->tables | above->leaves);
	if (above->giant || above->tables || above->leaves) {
		s->upper = !above->giant;
		s->merged_giant = false;
	}
}

bool ki_cold_begin(struct ki_cold *cold, u64 slice, const struct ki_tables *t,
		   const struct ki_flushes *flushes, struct ki_above *above)
{
	struct ki_cold_slice *s = xa_load(&cold->slices, slice);
	unsigned long zaps = atomic_long_read(&cold->zaps);

	*above = (struct ki_above) { .settled = 0 };
	if (!t->lone || WARN_ON_ONCE(!s))
		return false;

	s->holds = ki_cold_holds(cold, t);
	if (s->epoch != READ_ONCE(cold->epoch)) {
		s->epoch = READ_ONCE(cold->epoch);
		s->fresh = 0;
		s->settled = 0;
		s->quiet = 0;
	}
	/* Pairs with who flushes: it was cleared before that began. */
	if (smp_load_acquire(&flushes->done) > s->cleared_at) {
		s->settled |= s->fresh;
		s->fresh = 0;
	}
	/* KVM may map a page that the guest has not asked for. */
	if (s->mapped != t->mapped || s->zaps != zaps)
		s->quiet &= s->whole;
	s->mapped = t->mapped;
	s->zaps = zaps;
	ki_cold_may_have_merged(s, t);
	above->merged = s->merged;
	above->merged_giant = s->merged_giant;
	if (s->holds) {
		above->settled = s->settled;
		above->quiet = s->quiet;
		above->whole = s->whole;
		above->present = s->present;
	}
	return true;
}

bool ki_cold_end(struct ki_cold *cold, u64 slice,
		 const struct ki_flushes *flushes, const struct ki_above *above)
{
	struct ki_cold_slice *s = xa_load(&cold->slices, slice);
	u64 fresh;

	if (s->holds) {
		s->quiet = above->quiet;
		s->whole = above->whole;
		s->wants_present |= above->partly;
	}
	ki_cold_found(s, above);
	s->skipped += above->skipped;
	s->quiet &= ~above->cleared;
	s->settled &= ~above->cleared;
	/* Also those that were clear before this was remembered, or forgotten. */
	fresh = above->cleared | (above->untouched & ~(s->settled | s->fresh));
	if (!fresh)
		return false;
	s->fresh |= fresh;
	/* After they were cleared, or seen clear. Pairs with who flushes. */
	smp_mb();
	s->cleared_at = READ_ONCE(flushes->begun);
	return true;
}

void ki_cold_unmapped(struct ki_cold *cold, struct ki_gfns gfns)
{
	u64 slice = gfns.start >> KI_SLICE_SHIFT, base = slice << KI_SLICE_SHIFT;
	struct ki_cold_slice *s = xa_load(&cold->slices, slice);

	if (s)
		s->quiet &= ~ki_tables_of((gfns.start - base) / 64,
					  DIV_ROUND_UP(gfns.end - base, 64));
}

/*
 * KVM counts under mmu_lock, held for writing, and who compares holds it too: he
 * sees @ending, or of each end both counts or none.
 */
void ki_cold_count_begin(struct ki_cold *cold)
{
	atomic_inc(&cold->ending);
	/* KVM's count comes after it. */
	smp_mb__after_atomic();
}

void ki_cold_count_end(struct ki_cold *cold)
{
	atomic_long_inc(&cold->told);
	/* Pairs with ki_cold_untold(). */
	atomic_dec_return_release(&cold->ending);
}

bool ki_cold_is_whole(struct ki_cold *cold, u64 slice, unsigned int first,
		      unsigned int words)
{
	const struct ki_cold_slice *s = xa_load(&cold->slices, slice);
	u64 tables = ki_tables_of(first, first + words);

	return s && READ_ONCE(s->epoch) == READ_ONCE(cold->epoch) &&
	       !(tables & ~(READ_ONCE(s->quiet) & READ_ONCE(s->whole)));
}

u64 ki_cold_skipped(struct ki_cold *cold)
{
	struct ki_cold_slice *s;
	unsigned long slice;
	u64 skipped = 0;

	xa_for_each(&cold->slices, slice, s)
		skipped += READ_ONCE(s->skipped);
	return skipped;
}

size_t ki_cold_bytes(struct ki_cold *cold)
{
	struct ki_cold_slice *s;
	unsigned long slice;
	size_t bytes = 0;

	xa_for_each(&cold->slices, slice, s)
		bytes += sizeof(*s) + (READ_ONCE(s->present) ? KI_SLICE_BYTES : 0);
	return bytes;
}
