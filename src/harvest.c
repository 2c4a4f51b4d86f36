// SPDX-License-Identifier: GPL-2.0-only
/*
 * A harvest clears bits that other readers have yet to see. So it first makes
 * room to write them down for everyone, then collects, then writes them down,
 * all under the VM's lock: no reader can look in between, and nothing can fail
 * between the clearing and the writing down.
 *
 * The harvesting reader is treated like the others, and then takes what it
 * asked for out of its own pending map. So it gets what other readers cleared,
 * what a huge leaf told about pages outside of its request stays due to it, and
 * so does everything if the harvest failed half-way.
 */
#include <linux/bitmap.h>
#include <linux/lockdep.h>
#include <linux/string.h>

#include "compat/kvm_slots.h"
#include "harvest.h"
#include "pending.h"
#include "source/aging.h"
#include "source/source.h"
#include "vm.h"

/* Room for @count slices from @slice on, with every reader, the host included. */
static int ki_prepare(struct ki_vm *vm, u64 slice, unsigned int count)
{
	struct ki_reader *r;
	int err;

	lockdep_assert_held(&vm->lock);
	for (unsigned int i = 0; i < count; i++) {
		err = ki_aging_prepare(vm->aging, slice + i);
		if (err)
			return err;
		list_for_each_entry(r, &vm->readers, node) {
			err = ki_pending_prepare(&r->pending, slice + i);
			if (err)
				return err;
		}
	}
	return 0;
}

static void ki_write_down(struct ki_vm *vm, const struct ki_slice *s,
			  bool giant_taken)
{
	u64 giant = round_down(s->index, KI_GIANT_SLICES);
	struct ki_reader *r;

	lockdep_assert_held(&vm->lock);
	list_for_each_entry(r, &vm->readers, node) {
		ki_pending_add(&r->pending, s->index, 0, KI_SLICE_WORDS,
			       s->bits.young);
		if (r->host)
			ki_pending_add(&r->pending, s->index, 0, KI_SLICE_WORDS,
				       s->host);
		for (unsigned int i = 0; giant_taken && i < KI_GIANT_SLICES; i++)
			ki_pending_add_all(&r->pending, giant + i);
	}
}

/* Give back the maps that nothing is in, unless it was only taken out for now. */
static void ki_settle(struct ki_vm *vm, u64 slice, unsigned int count)
{
	struct ki_reader *r;

	lockdep_assert_held(&vm->lock);
	list_for_each_entry(r, &vm->readers, node)
		for (unsigned int i = 0; !r->in_flight && i < count; i++)
			ki_pending_settle(&r->pending, slice + i);
}

/*
 * Look at what @s wants, and clear it too or not. In the memory of @mm too, if
 * that is not NULL.
 */
static int ki_collect(struct ki_vm *vm, struct ki_slice *s, bool clear,
		      struct mm_struct *mm)
{
	u64 giant = round_down(s->index, KI_GIANT_SLICES);
	bool giant_prepared = false;
	struct ki_collect c = {
		.base	= s->index << KI_SLICE_SHIFT,
		.first	= s->first,
		.words	= s->words,
		.clear	= clear,
		.aging	= vm->aging,
		.mm	= mm,
		.host	= s->host,
		.bits	= &s->bits,
	};
	int err;

	lockdep_assert_held(&vm->lock);
	ki_bits_clear_answers(&s->bits);
	memset(s->host, 0, sizeof(s->host));

	if (!memchr_inv(&s->bits.want[s->first], 0, s->words * sizeof(u64)))
		return 0;

	if (clear) {
		err = ki_prepare(vm, s->index, 1);
		if (err)
			return err;
	}
	err = ki_source_collect(vm->kvm, &c);
	if (err == -EAGAIN) {
		giant_prepared = true;
		err = ki_prepare(vm, giant, KI_GIANT_SLICES);
		if (!err) {
			c.giant_ready = true;
			err = ki_source_collect(vm->kvm, &c);
		}
	}
	if (clear) {
		unsigned long young = bitmap_weight((unsigned long *)s->bits.young,
						    KI_SLICE_PAGES);

		if (young)
			vm->cleared++;
		vm->harvested_pages += c.giant_taken ? KI_GIANT_PAGES : young;
		ki_write_down(vm, s, c.giant_taken);
		ki_settle(vm, s->index, 1);
		if (giant_prepared)
			ki_settle(vm, giant, KI_GIANT_SLICES);
	}
	return err == -EOPNOTSUPP ? ki_vm_refuse(vm, c.reason) : err;
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

int ki_harvest_peek(struct ki_reader *r, struct ki_slice *s)
{
	struct ki_vm *vm = r->vm;
	int err;

	ki_want_covered(vm, s);
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	err = ki_collect(vm, s, false, ki_host_mm(r));
	mutex_unlock(&vm->lock);
	for (unsigned int i = s->first; i < s->first + s->words; i++)
		s->bits.young[i] |= s->host[i];
	return err;
}

int ki_harvest_count(struct ki_vm *vm, struct ki_slice *s)
{
	int err;

	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	err = ki_collect(vm, s, false, NULL);
	mutex_unlock(&vm->lock);
	return err;
}

int ki_harvest_take(struct ki_reader *r, struct ki_slice *s)
{
	struct ki_vm *vm = r->vm;
	int err;

	ki_want_covered(vm, s);
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	r->in_flight = true;
	err = ki_collect(vm, s, true, ki_host_mm(r));
	if (err) {
		r->in_flight = false;
		ki_pending_settle(&r->pending, s->index);
	} else {
		u64 *young = &s->bits.young[s->first];

		memset(young, 0xff, s->words * sizeof(u64));
		ki_pending_take(&r->pending, s->index, s->first, s->words,
				young, young);
	}
	mutex_unlock(&vm->lock);
	return err;
}

void ki_harvest_return(struct ki_reader *r, struct ki_slice *s,
		       unsigned int delivered)
{
	unsigned int first = s->first + delivered;

	mutex_lock(&r->vm->lock);
	ki_pending_add(&r->pending, s->index, first, s->words - delivered,
		       &s->bits.young[first]);
	r->in_flight = false;
	ki_pending_settle(&r->pending, s->index);
	mutex_unlock(&r->vm->lock);
}

int ki_harvest_mark(struct ki_reader *r, struct ki_slice *s)
{
	struct ki_vm *vm = r->vm;
	u64 *want = &s->bits.want[s->first];
	int err;

	ki_drop_uncovered(vm, s);
	if (mutex_lock_killable(&vm->lock))
		return -EINTR;
	err = ki_collect(vm, s, true, ki_host_mm(r));
	if (!err)
		ki_pending_take(&r->pending, s->index, s->first, s->words,
				want, want);
	ki_pending_settle(&r->pending, s->index);
	mutex_unlock(&vm->lock);
	return err;
}
