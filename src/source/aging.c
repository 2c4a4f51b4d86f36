// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/err.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "compat/kvm_hook.h"
#include "compat/kvm_slots.h"
#include "source/aging.h"
#include "source/gfnmap.h"
#include "source/host.h"
#include "source/survey.h"

/**
 * struct ki_aging - the host's page aging of one VM
 * @kvm: the VM
 * @lock: held for each step of a harvest and each answer to the host
 * @owed: cleared by a harvest; the host has yet to hear of it
 * @aged: cleared for the host; our readers have yet to hear of it
 * @host: touched by the host itself; readers who care have yet to hear of it
 * @bits: working memory: all zero but while in use
 * @pages: how many were aged
 */
struct ki_aging {
	struct kvm *kvm;
	spinlock_t lock;		/* Outside of mmu_lock. */
	struct ki_gfnmap owed;		/* Protected by aging->lock. */
	struct ki_gfnmap aged;		/* Protected by aging->lock. */
	struct ki_gfnmap host;		/* Protected by aging->lock. */
	struct ki_bits bits;		/* Protected by aging->lock. */
	u64 pages;			/* Protected by aging->lock. */
};

int ki_aging_prepare(struct ki_aging *a, u64 slice)
{
	int err;

	if (!a)
		return 0;
	err = ki_gfnmap_add(&a->owed, slice, GFP_KERNEL_ACCOUNT);
	/* While the host is short of memory, it would not get this one. */
	return err ?: ki_gfnmap_add(&a->aged, slice, GFP_KERNEL_ACCOUNT);
}

static bool ki_aged_room(struct ki_aging *a, struct ki_span span)
{
	return ki_gfnmap_room(&a->aged, a->kvm, span, KI_GFP_AT_ONCE);
}

static void ki_write_aged(struct ki_aging *a, struct ki_span span)
{
	lockdep_assert_held(&a->lock);
	a->pages += ki_gfnmap_set(&a->aged, a->kvm, span);
}

static bool ki_word_is_in(const u64 *map, unsigned int word)
{
	return map[word / 64] & BIT_ULL(word % 64);
}

/* What was looked up around a word; see ki_aging.bits. */
static void ki_clear_bits(struct ki_aging *a, unsigned int word)
{
	unsigned int first = ALIGN_DOWN(word, KI_HUGE_WORDS);
	unsigned int count = KI_HUGE_WORDS;

	if (ki_word_is_in(a->bits.giant, word)) {
		first = 0;
		count = KI_SLICE_WORDS;
	}
	memset(&a->bits.want[first], 0, count * sizeof(u64));
	memset(&a->bits.present[first], 0, count * sizeof(u64));
	memset(&a->bits.young[first], 0, count * sizeof(u64));
	memset(a->bits.huge, 0, sizeof(a->bits.huge));
	memset(a->bits.giant, 0, sizeof(a->bits.giant));
}

/* Pages of the leaf that maps a word which was looked up. */
static u64 ki_leaf_pages(const struct ki_bits *bits, unsigned int word)
{
	if (ki_word_is_in(bits->giant, word))
		return KI_GIANT_PAGES;
	return ki_word_is_in(bits->huge, word) ? KI_HUGE_WORDS * 64 : 1;
}

/* The part that a slot has of the leaf that maps one of its pages. */
static struct ki_span ki_leaf_span(const struct kvm_memory_slot *slot, u64 gfn,
				   u64 pages)
{
	u64 first = max(ALIGN_DOWN(gfn, pages), slot->base_gfn);
	u64 end = min(ALIGN_DOWN(gfn, pages) + pages,
		      slot->base_gfn + slot->npages);

	return (struct ki_span) {
		.start	= ki_slot_hva(slot, first),
		.end	= ki_slot_hva(slot, end),
	};
}

/*
 * The leaf that maps a page: just the page if nothing does. Where others may map
 * it as well, the largest, and *@overlap.
 */
static struct ki_span ki_leaf_at(struct ki_aging *a,
				 const struct kvm_memory_slot *slot, u64 hva,
				 bool *overlap)
{
	u64 gfn = ki_slot_gfn(slot, hva), pages;
	unsigned int word = gfn % KI_SLICE_PAGES / 64;
	struct ki_survey s = {
		.base	= ALIGN_DOWN(gfn, KI_SLICE_PAGES),
		.first	= word,
		.end	= word + 1,
		.marked	= &a->bits,
		.others	= &a->bits,
	};

	lockdep_assert_held(&a->lock);
	a->bits.want[word] = BIT_ULL(gfn % 64);
	ki_survey(a->kvm, &s);
	pages = ki_leaf_pages(&a->bits, word);
	ki_clear_bits(a, word);
	*overlap = s.overlap;
	return ki_leaf_span(slot, gfn, pages);
}

/*
 * Ask KVM about what one leaf maps of a range, from its beginning on. Sets *@end
 * to where that ends.
 */
static bool ki_ask_leaf(struct ki_aging *a, const struct kvm_memory_slot *slot,
			enum ki_question question, struct ki_span range, u64 *end)
{
	struct ki_span asked, leaf, now;
	bool overlap, young;

	spin_lock(&a->lock);
	leaf = ki_leaf_at(a, slot, range.start, &overlap);
	asked.start = range.start;
	asked.end = overlap ? range.start + PAGE_SIZE : min(range.end, leaf.end);

	if (question != KI_TEST && !ki_aged_room(a, leaf))
		question = KI_TEST;
	young = ki_kvm_ask(a->kvm, question, asked.start, asked.end);
	if (young && question != KI_TEST) {
		/* It may have become part of a larger one before it was asked. */
		now = ki_leaf_at(a, slot, range.start, &overlap);
		leaf.start = min(leaf.start, now.start);
		leaf.end = max(leaf.end, now.end);
		ki_aged_room(a, leaf);
		ki_write_aged(a, leaf);
	}
	young |= ki_gfnmap_any(&a->owed, a->kvm, asked);
	/* The accessed bit of a leaf speaks of all its pages; so does the debt. */
	if (question != KI_TEST)
		ki_gfnmap_clear(&a->owed, a->kvm, leaf);
	spin_unlock(&a->lock);

	*end = asked.end;
	return young;
}

/*
 * The slot that has an address; if none has, NULL, and *@end is where the next
 * one begins, or stays.
 */
static struct kvm_memory_slot *ki_slot_at(struct kvm *kvm, u64 hva, u64 *end)
{
	struct ki_hva_iter iter;
	u64 next = *end;

	ki_slots_for_each_hva(kvm, &iter, hva, *end) {
		if (iter.slot->userspace_addr <= hva)
			return iter.slot;
		next = min_t(u64, next, iter.slot->userspace_addr);
	}
	*end = next;
	return NULL;
}

static bool ki_aging_young(void *data, enum ki_question question, u64 start,
			   u64 end)
{
	struct ki_aging *a = data;
	int idx = srcu_read_lock(&a->kvm->srcu);
	bool young = false;

	while (start < end) {
		struct ki_span range = { start, end };
		struct kvm_memory_slot *slot = ki_slot_at(a->kvm, start, &range.end);

		/* Outside of all slots: KVM's own ones, and those of SMM. */
		if (slot)
			young |= ki_ask_leaf(a, slot, question, range, &start);
		else
			young |= ki_kvm_ask(a->kvm, question, start, range.end);
		if (!slot)
			start = range.end;
	}
	srcu_read_unlock(&a->kvm->srcu, idx);
	return young;
}

/* Of leaves without marks: ask KVM, of a huge one about one page. */
static void ki_test_word(struct ki_aging *a, const struct kvm_memory_slot *slot,
			 u64 gfn, unsigned int word)
{
	bool huge = ki_word_is_in(a->bits.huge, word);
	u64 todo = a->bits.present[word] & a->bits.want[word];

	for (; todo; todo &= todo - 1) {
		unsigned int i = __ffs64(todo);
		u64 hva = ki_slot_hva(slot, gfn + i);

		if (!ki_kvm_ask(a->kvm, KI_TEST, hva, hva + PAGE_SIZE))
			continue;
		a->bits.young[word] |= huge ? ~0ULL : BIT_ULL(i);
	}
}

/* Write down what is young of a word. Return: that was all of a huge leaf. */
static bool ki_write_word(struct ki_aging *a, const struct kvm_memory_slot *slot,
			  u64 gfn, unsigned int word)
{
	u64 pages = ki_leaf_pages(&a->bits, word);
	u64 todo = a->bits.young[word];

	for (; todo; todo &= todo - 1) {
		struct ki_span leaf = ki_leaf_span(slot, gfn + __ffs64(todo),
						   pages);

		if (ki_aged_room(a, leaf))
			ki_write_aged(a, leaf);
		if (pages > 1)
			return true;
	}
	return false;
}

/*
 * What is to be unmapped, of one group of words: its accessed bits go with it.
 * They are left as they are: KVM may want to pass them on to the host.
 */
static void ki_unmap_group(struct ki_aging *a, const struct ki_piece *p,
			   unsigned int from, unsigned int to)
{
	const struct kvm_memory_slot *slot = p->slots.slot;
	struct ki_survey s = {
		.base	= p->slice << KI_SLICE_SHIFT,
		.first	= from / 64,
		.end	= DIV_ROUND_UP(to, 64),
		.marked	= &a->bits,
		.others	= &a->bits,
	};
	bool done = false;

	spin_lock(&a->lock);
	bitmap_set((unsigned long *)a->bits.want, from, to - from);
	done = ki_survey(a->kvm, &s);
	for (unsigned int word = s.first; !done && word < s.end; word++) {
		u64 gfn = s.base + 64 * word;

		if (!s.is_all)
			ki_test_word(a, slot, gfn, word);
		done = ki_write_word(a, slot, gfn, word);
	}
	ki_clear_bits(a, s.first);
	spin_unlock(&a->lock);
}

static void ki_aging_unmap(void *data, u64 start, u64 end, bool may_sleep)
{
	struct ki_aging *a = data;
	int idx = srcu_read_lock(&a->kvm->srcu);
	struct ki_span span = { start, end };
	struct ki_piece p;

	ki_for_each_piece(&p, a->kvm, span) {
		const unsigned int group = KI_HUGE_WORDS * 64;
		unsigned int from = p.first, stop = p.first + p.count;

		while (from < stop) {
			unsigned int to = min(ALIGN_DOWN(from, group) + group,
					      stop);

			ki_unmap_group(a, &p, from, to);
			if (may_sleep)
				cond_resched();
			from = to;
		}
	}
	srcu_read_unlock(&a->kvm->srcu, idx);
}

static const struct ki_hook_ops ki_aging_hook = {
	.young	= ki_aging_young,
	.unmap	= ki_aging_unmap,
};

static void ki_aging_free(struct ki_aging *a)
{
	ki_gfnmap_destroy(&a->owed);
	ki_gfnmap_destroy(&a->aged);
	ki_gfnmap_destroy(&a->host);
	kvfree(a);
}

struct ki_aging *ki_aging_start(struct kvm *kvm)
{
	struct ki_aging *a = kvzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	int err;

	if (!a)
		return ERR_PTR(-ENOMEM);
	a->kvm = kvm;
	spin_lock_init(&a->lock);
	ki_gfnmap_init(&a->owed);
	ki_gfnmap_init(&a->aged);
	ki_gfnmap_init(&a->host);
	err = ki_hook_start(kvm, &ki_aging_hook, a);
	if (!err)
		return a;
	ki_aging_free(a);
	return err == -EOPNOTSUPP ? NULL : ERR_PTR(err);
}

/* What is owed of the pages of a slot from one gfn on, up to another. */
static int ki_pay_range(struct ki_aging *a, struct mm_struct *mm,
			const struct ki_slot *slot, u64 gfn, u64 end)
{
	int err = 0;

	while (!err && gfn < end) {
		u64 base = ALIGN_DOWN(gfn, KI_SLICE_PAGES);
		u64 stop = min(base + KI_SLICE_PAGES, end);
		unsigned long *owed = (unsigned long *)
			ki_gfnmap_slice(&a->owed, gfn >> KI_SLICE_SHIFT);
		unsigned int from = gfn - base, to;

		for (gfn = stop; owed && !err; from = to) {
			struct ki_span span;

			from = find_next_bit(owed, stop - base, from);
			to = find_next_zero_bit(owed, stop - base, from);
			if (from == to)
				break;
			span.start = slot->hva +
				     (base + from - slot->gfn) * PAGE_SIZE;
			span.end = span.start + (to - from) * PAGE_SIZE;
			err = ki_host_make_span_young(mm, span);
			cond_resched();
		}
	}
	return err;
}

/* Nobody adds to the debt any more. */
static void ki_pay(struct ki_aging *a, struct mm_struct *mm)
{
	struct ki_slot slot;
	int err = 0;

	for (u64 gfn = 0; !err && ki_slots_next(a->kvm, gfn, &slot);
	     gfn = slot.gfn + slot.pages)
		if (slot.hva)
			err = ki_pay_range(a, mm, &slot, slot.gfn,
					   slot.gfn + slot.pages);
}

void ki_aging_stop(struct ki_aging *a, struct mm_struct *mm)
{
	if (!a)
		return;
	/* As long as it is not paid, the host is answered. */
	if (mm)
		ki_pay(a, mm);
	ki_hook_stop(a->kvm);
	ki_aging_free(a);
}

u64 ki_aging_pages(struct ki_aging *a)
{
	u64 pages;

	if (!a)
		return 0;
	spin_lock(&a->lock);
	pages = a->pages;
	spin_unlock(&a->lock);
	return pages;
}

void ki_step_begin(struct ki_collect *c)
	__acquires(&c->aging->lock)
{
	if (c->clear && c->aging)
		spin_lock(&c->aging->lock);
	else
		__acquire(&c->aging->lock);
}

static void ki_owe(struct ki_aging *a, const struct ki_collect *c,
		   unsigned int first, unsigned int end)
{
	u64 *owed = ki_gfnmap_slice(&a->owed, c->base >> KI_SLICE_SHIFT);

	if (WARN_ON_ONCE(!owed))
		return;
	for (unsigned int i = first; i < end; i++)
		if (c->bits->young[i])
			owed[i] |= c->bits->young[i];
}

static void ki_owe_giant(struct ki_aging *a, const struct ki_collect *c)
{
	u64 slice = ALIGN_DOWN(c->base >> KI_SLICE_SHIFT, KI_GIANT_SLICES);

	for (unsigned int i = 0; i < KI_GIANT_SLICES; i++) {
		u64 *owed = ki_gfnmap_slice(&a->owed, slice + i);

		if (!WARN_ON_ONCE(!owed))
			memset(owed, 0xff, KI_SLICE_BYTES);
	}
}

void ki_step_end(struct ki_collect *c, unsigned int first, unsigned int end)
	__releases(&c->aging->lock)
{
	if (!c->clear || !c->aging) {
		__release(&c->aging->lock);
		return;
	}
	ki_owe(c->aging, c, ALIGN_DOWN(first, KI_HUGE_WORDS),
	       ALIGN(end, KI_HUGE_WORDS));
	if (c->giant_taken)
		ki_owe_giant(c->aging, c);
	spin_unlock(&c->aging->lock);
}

static bool ki_host_room(struct ki_aging *a, struct ki_span span, gfp_t gfp)
{
	return ki_gfnmap_room(&a->owed, a->kvm, span, gfp) &&
	       ki_gfnmap_room(&a->host, a->kvm, span, gfp);
}

int ki_aging_host_room(struct ki_aging *a, struct ki_span span)
{
	int idx = srcu_read_lock(&a->kvm->srcu);
	bool room = ki_host_room(a, span, GFP_KERNEL_ACCOUNT);

	srcu_read_unlock(&a->kvm->srcu, idx);
	return room ? 0 : -ENOMEM;
}

bool ki_aging_add_host(struct ki_aging *a, struct ki_span span)
{
	int idx = srcu_read_lock(&a->kvm->srcu);
	bool room = ki_host_room(a, span, KI_GFP_AT_ONCE);

	spin_lock(&a->lock);
	if (room) {
		ki_gfnmap_set(&a->owed, a->kvm, span);
		ki_gfnmap_set(&a->host, a->kvm, span);
	}
	spin_unlock(&a->lock);
	srcu_read_unlock(&a->kvm->srcu, idx);
	return room;
}

/* Move what stands in the map of a slice over to @to. */
static void ki_tell(struct ki_gfnmap *m, const struct ki_collect *c, u64 *to)
{
	u64 *map = ki_gfnmap_slice(m, c->base >> KI_SLICE_SHIFT);

	for (unsigned int i = c->first; map && i < c->first + c->words; i++) {
		if (!map[i])
			continue;
		to[i] |= map[i];
		map[i] = 0;
	}
}

void ki_aging_tell(struct ki_collect *c)
{
	struct ki_aging *a = c->aging;

	if (!a)
		return;
	spin_lock(&a->lock);
	ki_tell(&a->aged, c, c->bits->young);
	if (c->mm)
		ki_tell(&a->host, c, c->host);
	spin_unlock(&a->lock);
}
