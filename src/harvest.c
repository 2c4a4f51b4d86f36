// SPDX-License-Identifier: GPL-2.0-only
/*
 * A harvest clears bits that other readers have yet to see. So it first makes
 * room to write them down for everyone, then collects, then writes them down,
 * all under the lock of the slice's region: no reader can look in between, and
 * nothing can fail between the clearing and the writing down. Harvests of other
 * regions go on at the same time, and write to nothing that this one does.
 *
 * The harvesting reader is treated like the others, and then takes what it
 * asked for out of its own pending map. So it gets what other readers cleared,
 * what a huge leaf told about pages outside of its request stays due to it, and
 * so does everything if the harvest failed half-way.
 */
#include <linux/bitmap.h>
#include <linux/lockdep.h>
#include <linux/mutex.h>
#include <linux/percpu.h>
#include <linux/string.h>

#include "compat/kvm_slots.h"
#include "harvest.h"
#include "pending.h"
#include "source/aging.h"
#include "source/source.h"
#include "vm.h"

/* Room for @count slices from @slice on, with every reader, the host included. */
static int ki_prepare(struct ki_vm *vm, u64 slice, unsigned int count, bool dirty)
{
	struct ki_reader *r;
	int err;

	lockdep_assert_held(ki_vm_slice_lock(vm, slice));
	for (unsigned int i = 0; i < count; i++) {
		err = ki_aging_prepare(vm->aging, slice + i);
		if (err)
			return err;
		list_for_each_entry(r, &vm->readers, node) {
			err = ki_pending_prepare(&r->pending, slice + i);
			if (!err && r->host)
				err = ki_pending_prepare(&r->host_pending,
							 slice + i);
			if (!err && dirty && r->dirty)
				err = ki_pending_prepare(&r->dirty_pending,
							 slice + i);
			if (err)
				return err;
		}
	}
	return 0;
}

/* Tables of pages that would stand where there is a larger leaf, a bit each. */
static u64 ki_huge_tables(const struct ki_bits *bits)
{
	u64 tables = 0;

	for (unsigned int word = 0; word < KI_SLICE_WORDS; word += KI_HUGE_WORDS)
		if (ki_word_is_in(bits->huge, word))
			tables |= BIT_ULL(word / KI_HUGE_WORDS);
	return tables;
}

/* Tables of pages all of which was looked at, a bit each. */
static u64 ki_whole_tables(struct ki_vm *vm, const struct ki_slice *s)
{
	unsigned int first = DIV_ROUND_UP(s->first, KI_HUGE_WORDS);
	unsigned int end = s->first + s->words;
	u64 behind = (s->index << KI_SLICE_SHIFT) + 64ULL * end;

	/* The last one may be shorter. */
	end = behind >= ki_slots_end(vm->kvm) ? DIV_ROUND_UP(end, KI_HUGE_WORDS) :
						end / KI_HUGE_WORDS;
	return first < end ? GENMASK_ULL(end - 1, first) : 0;
}

/* But not what is no news. */
static void ki_add_young(struct ki_reader *r, const struct ki_slice *s,
			 u64 no_news)
{
	unsigned int words = no_news ? KI_HUGE_WORDS : KI_SLICE_WORDS;

	for (unsigned int word = 0; word < KI_SLICE_WORDS; word += words)
		if (!(no_news & BIT_ULL(word / KI_HUGE_WORDS)))
			ki_pending_add(&r->pending, s->index, word, words,
				       &s->bits.young[word]);
}

static void ki_write_down(struct ki_vm *vm, const struct ki_slice *s,
			  const struct ki_collect *c, u64 harvested)
{
	u64 giant = round_down(s->index, KI_GIANT_SLICES);
	u64 touched = c->touched | ki_huge_tables(&s->bits);
	struct ki_reader *r;

	lockdep_assert_held(ki_vm_slice_lock(vm, s->index));
	list_for_each_entry(r, &vm->readers, node) {
		ki_add_young(r, s, ki_pending_armed(&r->pending, s->index,
						    touched, harvested));
		if (r->host)
			ki_pending_add(&r->host_pending, s->index, 0,
				       KI_SLICE_WORDS, s->host);
		if (c->clear_dirty && r->dirty)
			ki_pending_add(&r->dirty_pending, s->index, 0,
				       KI_SLICE_WORDS, s->dirty);
		for (unsigned int i = 0; c->giant_taken && i < KI_GIANT_SLICES; i++)
			ki_pending_add_all(&r->pending, giant + i);
	}
}

/* Something may have been cleared: all that follows from it. */
static void ki_account(struct ki_vm *vm, const struct ki_slice *s,
		       const struct ki_collect *c, u64 harvested)
{
	unsigned long young = bitmap_weight((unsigned long *)s->bits.young,
					    KI_SLICE_PAGES);

	if (young || c->owes_flush)
		ki_vm_cleared(vm);
	this_cpu_add(*vm->harvested_pages,
		     c->giant_taken ? KI_GIANT_PAGES : young);
	ki_write_down(vm, s, c, harvested);
}

/* Give back the maps that nothing is in. */
static void ki_settle_own(struct ki_reader *r, u64 slice)
{
	ki_pending_settle(&r->pending, slice);
	ki_pending_settle(&r->host_pending, slice);
	ki_pending_settle(&r->dirty_pending, slice);
}

static void ki_settle(struct ki_vm *vm, u64 slice, unsigned int count)
{
	struct ki_reader *r;

	lockdep_assert_held(ki_vm_slice_lock(vm, slice));
	list_for_each_entry(r, &vm->readers, node)
		for (unsigned int i = 0; i < count; i++)
			ki_settle_own(r, slice + i);
}

/**
 * enum ki_manner - how to look at what is wanted
 * @KI_PEEK: and clear nothing
 * @KI_MARK: and clear it
 * @KI_TAKE: likewise; what is wanted is all there is
 * @KI_ARM: only at the accessed bits above tables of pages, and clear those
 */
enum ki_manner {
	KI_PEEK,
	KI_MARK,
	KI_TAKE,
	KI_ARM,
};

/* To look at a part of a slice, in the memory of @mm too if that is not NULL. */
static struct ki_collect ki_order(struct ki_vm *vm, const struct ki_slice *s,
				  bool clear, struct mm_struct *mm)
{
	return (struct ki_collect) {
		.base	= s->index << KI_SLICE_SHIFT,
		.first	= s->first,
		.words	= s->words,
		.clear	= clear,
		.aging	= vm->aging,
		.flushes = &vm->flushes,
		.mm	= mm,
	};
}

/*
 * Look at what @s wants. In the memory of @mm too, if that is not NULL.
 */
static int ki_collect(struct ki_vm *vm, struct ki_slice *s, enum ki_manner manner,
		      struct mm_struct *mm)
{
	u64 giant = round_down(s->index, KI_GIANT_SLICES);
	bool giant_prepared = false;
	bool clear = manner != KI_PEEK;
	struct ki_collect c = ki_order(vm, s, clear, mm);
	int err;

	lockdep_assert_held(ki_vm_slice_lock(vm, s->index));
	c.arm = manner == KI_ARM;
	c.host = s->host;
	c.bits = &s->bits;
	ki_bits_clear_answers(&s->bits);
	memset(s->host, 0, sizeof(s->host));
	if (s->want_dirty) {
		c.dirty = s->dirty;
		c.clear_dirty = manner == KI_TAKE && s->take_dirty;
		memset(s->dirty, 0, sizeof(s->dirty));
	}
	s->armed = 0;
	s->no_table = false;

	if (!memchr_inv(&s->bits.want[s->first], 0, s->words * sizeof(u64)))
		return 0;

	if (clear) {
		err = ki_prepare(vm, s->index, 1, c.clear_dirty);
		if (err)
			return err;
	}
	err = ki_source_collect(vm->kvm, &c);
	if (err == -EAGAIN) {
		giant_prepared = true;
		err = ki_prepare(vm, giant, KI_GIANT_SLICES, false);
		/* What was found so far stands; and then all anew. */
		ki_account(vm, s, &c, 0);
		ki_bits_clear_answers(&s->bits);
		c.giant_ready = true;
		c.touched = 0;
		c.armed = 0;
		err = err ?: ki_source_collect(vm->kvm, &c);
	}
	if (clear) {
		bool whole = !err && manner == KI_TAKE;

		ki_account(vm, s, &c, whole ? ki_whole_tables(vm, s) : 0);
		ki_settle(vm, s->index, 1);
		if (giant_prepared)
			ki_settle(vm, giant, KI_GIANT_SLICES);
	}
	s->armed = c.armed;
	s->no_table = c.no_table;
	ki_raise(&vm->most_at_once, c.at_once);
	/* What was written cannot be told where KVM is asked; all else can. */
	if (err == -EOPNOTSUPP && !(c.ask_kvm && c.dirty))
		ki_vm_refuse(vm, c.reason);
	return err;
}

static void ki_want_covered(struct ki_vm *vm, struct ki_slice *s)
{
	memset(s->bits.want, 0, sizeof(s->bits.want));
	ki_slots_cover(vm->kvm, (s->index << KI_SLICE_SHIFT) + 64ULL * s->first,
		       s->words, false, &s->bits.want[s->first]);
}

static void ki_drop_uncovered(struct ki_vm *vm, struct ki_slice *s)
{
	u64 *covered = s->bits.present;	/* not in use yet */

	memset(s->bits.present, 0, sizeof(s->bits.present));
	ki_slots_cover(vm->kvm, s->index << KI_SLICE_SHIFT, KI_SLICE_WORDS,
		       false, covered);
	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++)
		s->bits.want[i] &= covered[i];
}

/* Whose own page tables are to be looked at for this reader. */
static struct mm_struct *ki_host_mm(const struct ki_reader *r)
{
	return r->host ? r->mm : NULL;
}

/*
 * Most of a large guest, as a rule: nothing is mapped, nothing was told of it before, and
 * no memory has to be taken for its account.
 */
static bool ki_is_empty(struct ki_reader *r, const struct ki_slice *s)
{
	struct ki_collect c = ki_order(r->vm, s, false, ki_host_mm(r));

	lockdep_assert_held(ki_vm_slice_lock(r->vm, s->index));
	return !ki_pending_has(&r->pending, s->index) &&
	       ki_source_empty(r->vm->kvm, &c);
}

/* What was written, by the account of this reader too; of what is mapped now. */
static void ki_look_dirty(struct ki_reader *r, struct ki_slice *s)
{
	if (!s->want_dirty)
		return;
	ki_pending_look(&r->dirty_pending, s->index, s->first, s->words,
			&s->dirty[s->first]);
	for (unsigned int i = s->first; i < s->first + s->words; i++)
		s->dirty[i] &= s->bits.present[i];
}

int ki_harvest_peek(struct ki_reader *r, struct ki_slice *s)
{
	struct ki_vm *vm = r->vm;
	struct mutex *lock = ki_vm_slice_lock(vm, s->index);
	int err = 0;

	s->asleep = false;
	s->has_host = r->host;
	if (mutex_lock_killable(lock))
		return -EINTR;
	ki_want_covered(vm, s);
	s->empty = ki_is_empty(r, s);
	if (!s->empty)
		err = ki_collect(vm, s, KI_PEEK, ki_host_mm(r));
	if (!err && !s->empty && ki_reader_has_pending(r)) {
		ki_pending_look(&r->pending, s->index, s->first, s->words,
				&s->bits.young[s->first]);
		ki_pending_look(&r->host_pending, s->index, s->first, s->words,
				&s->host[s->first]);
		ki_look_dirty(r, s);
		ki_aging_look(vm->aging, s->index, s->first, s->words,
			      s->bits.young, r->host ? s->host : NULL);
	}
	mutex_unlock(lock);
	return err;
}

int ki_harvest_count(struct ki_vm *vm, struct ki_slice *s)
{
	struct mutex *lock = ki_vm_slice_lock(vm, s->index);
	int err;

	if (mutex_lock_killable(lock))
		return -EINTR;
	err = ki_collect(vm, s, KI_PEEK, NULL);
	mutex_unlock(lock);
	return err;
}

/*
 * The usual case, if most of the memory is not used: there is nothing to be
 * cleared, and nobody has to be told anything new.
 */
static bool ki_all_asleep(struct ki_reader *r, struct ki_slice *s)
{
	struct ki_vm *vm = r->vm;
	struct ki_collect c = ki_order(vm, s, true, ki_host_mm(r));

	lockdep_assert_held(ki_vm_slice_lock(vm, s->index));
	return !s->want_dirty && ki_source_asleep(vm->kvm, &c);
}

/*
 * What has yet to be seen of the words asked for goes to @bits, all of a slice. Return:
 * it may be put back by ki_put_back().
 */
static bool ki_take_pending(struct ki_pending *p, const struct ki_slice *s,
			    u64 *bits)
{
	bool held = ki_pending_hold(p, s->index);

	memset(&bits[s->first], 0xff, s->words * sizeof(u64));
	ki_pending_take(p, s->index, s->first, s->words, &bits[s->first],
			&bits[s->first]);
	return held;
}

/* All but the pages from @first to @end. */
static void ki_put_back(struct ki_pending *p, const struct ki_slice *s,
			u64 *bits, unsigned int first, unsigned int end)
{
	if (first > 64 * s->first || end < 64 * (s->first + s->words)) {
		bitmap_clear((unsigned long *)bits, first, end - first);
		ki_pending_add(p, s->index, s->first, s->words,
			       &bits[s->first]);
	}
	ki_pending_release(p, s->index);
	ki_pending_settle(p, s->index);
}

int ki_harvest_take(struct ki_reader *r, struct ki_slice *s)
{
	struct ki_vm *vm = r->vm;
	struct mutex *lock = ki_vm_slice_lock(vm, s->index);
	bool told;	/* at a glance */
	int err = 0;

	if (mutex_lock_killable(lock))
		return -EINTR;
	ki_want_covered(vm, s);
	s->held = false;
	s->has_host = false;
	s->host_held = false;
	s->dirty_held = false;
	s->asleep = !ki_pending_has(&r->pending, s->index) && ki_all_asleep(r, s);
	s->empty = !s->asleep && ki_is_empty(r, s);
	/* At a glance, no table looks like one that is empty. */
	s->no_table = s->empty;
	told = s->asleep || s->empty;
	if (!told)
		err = ki_collect(vm, s, KI_TAKE, ki_host_mm(r));
	if (err) {
		ki_settle_own(r, s->index);
	} else if (!told) {
		s->held = ki_take_pending(&r->pending, s, s->bits.young);
		s->has_host = r->host;
		if (s->has_host)
			s->host_held = ki_take_pending(&r->host_pending, s,
						       s->host);
		if (s->take_dirty)
			s->dirty_held = ki_take_pending(&r->dirty_pending, s,
							s->dirty);
		else
			ki_look_dirty(r, s);
	}
	mutex_unlock(lock);
	return err;
}

void ki_harvest_return(struct ki_reader *r, struct ki_slice *s,
		       unsigned int first, unsigned int end)
{
	struct mutex *lock = ki_vm_slice_lock(r->vm, s->index);

	mutex_lock(lock);
	if (s->held)
		ki_put_back(&r->pending, s, s->bits.young, first, end);
	if (s->host_held)
		ki_put_back(&r->host_pending, s, s->host, first, end);
	if (s->dirty_held)
		ki_put_back(&r->dirty_pending, s, s->dirty, first, end);
	/* To go on within a word is not to go back. */
	ki_pending_set_place(&r->pending, s->index, end / 64, s->flush);
	mutex_unlock(lock);
}

int ki_harvest_mark(struct ki_reader *r, struct ki_slice *s)
{
	struct ki_vm *vm = r->vm;
	struct mutex *lock = ki_vm_slice_lock(vm, s->index);
	u64 *want = &s->bits.want[s->first];
	int err;

	if (mutex_lock_killable(lock))
		return -EINTR;
	ki_drop_uncovered(vm, s);
	err = ki_collect(vm, s, KI_MARK, ki_host_mm(r));
	if (!err) {
		ki_pending_take(&r->host_pending, s->index, s->first, s->words,
				want, &s->host[s->first]);
		ki_pending_take(&r->pending, s->index, s->first, s->words,
				want, want);
	}
	ki_settle_own(r, s->index);
	mutex_unlock(lock);
	return err;
}

int ki_harvest_arm(struct ki_reader *r, struct ki_slice *s)
{
	struct ki_vm *vm = r->vm;
	struct mutex *lock = ki_vm_slice_lock(vm, s->index);
	int err;

	if (mutex_lock_killable(lock))
		return -EINTR;
	ki_want_covered(vm, s);
	err = ki_collect(vm, s, KI_ARM, ki_host_mm(r));
	if (!err) {
		ki_pending_arm(&r->pending, s->index, s->armed);
		ki_pending_arm(&r->host_pending, s->index, 0);
	}
	ki_settle_own(r, s->index);
	mutex_unlock(lock);
	return err;
}
