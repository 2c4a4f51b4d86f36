// SPDX-License-Identifier: GPL-2.0-only
/*
 * The host's side of its page aging: what it asks KVM, and what it is about to
 * unmap, comes here instead.
 */
#include <linux/bitmap.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/sched.h>

#include "compat/kvm_hook.h"
#include "compat/kvm_slots.h"
#include "source/aging_state.h"
#include "source/survey.h"

/*
 * For an answer: the region of a page, or, if it may be about others too, all.
 * Sparse cannot count these, and is told of none.
 */
static void ki_lock_for_answer(struct ki_aging *a, u64 gfn, bool all)
	__acquires(&a->asking)
{
	unsigned int first = all ? 0 : ki_region_of(gfn);
	unsigned int last = all ? KI_REGIONS - 1 : first;

	spin_lock(&a->asking);
	for (unsigned int i = first; i <= last; i++) {
		spin_lock_nest_lock(&a->region[i].lock, &a->asking);
		__release(&a->region[i].lock);
	}
}

static void ki_unlock_for_answer(struct ki_aging *a, u64 gfn, bool all)
	__releases(&a->asking)
{
	unsigned int first = all ? 0 : ki_region_of(gfn);
	unsigned int last = all ? KI_REGIONS - 1 : first;

	for (unsigned int i = first; i <= last; i++) {
		__acquire(&a->region[i].lock);
		spin_unlock(&a->region[i].lock);
	}
	spin_unlock(&a->asking);
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
	return ki_word_is_in(bits->huge, word) ? KI_TABLE_PAGES : 1;
}

/* What a slot has of a span, and of the leaves of @pages that it lies in. */
static struct ki_gfns ki_widened(const struct kvm_memory_slot *slot,
				 struct ki_span span, u64 pages)
{
	struct ki_gfns gfns = ki_slot_gfns(slot, span);

	gfns.start = max(ALIGN_DOWN(gfns.start, pages), slot->base_gfn);
	gfns.end = min(ALIGN(gfns.end, pages), slot->base_gfn + slot->npages);
	return gfns;
}

/* Before the host clears: room for that, with every slot that has a part of it. */
static bool ki_aged_room(struct ki_aging *a, struct ki_span span, u64 pages)
{
	struct ki_hva_iter iter;

	ki_slots_for_each_hva(a->kvm, &iter, span.start, span.end)
		if (!ki_gfnmap_room(&a->aged, ki_widened(iter.slot, span, pages),
				    KI_GFP_AT_ONCE))
			return false;
	return true;
}

static void ki_write_aged(struct ki_aging *a, struct ki_gfns gfns)
{
	lockdep_assert_held(&a->asking);
	ki_gfnmap_set(&a->aged, gfns);
	a->pages += gfns.end - gfns.start;
}

/* The host cleared it. */
static void ki_aged_all(struct ki_aging *a, struct ki_span span, u64 pages)
{
	struct ki_hva_iter iter;

	ki_slots_for_each_hva(a->kvm, &iter, span.start, span.end)
		ki_write_aged(a, ki_widened(iter.slot, span, pages));
}

/* Is anything of it owed? If it is told, no more. */
static bool ki_owed_any(struct ki_aging *a, struct ki_span span, u64 pages,
			bool told)
{
	struct ki_hva_iter iter;
	bool owed = false;

	lockdep_assert_held(&a->asking);
	ki_slots_for_each_hva(a->kvm, &iter, span.start, span.end) {
		struct ki_gfns gfns = ki_widened(iter.slot, span, pages);

		owed |= ki_gfnmap_any(&a->owed, gfns);
		if (told)
			ki_gfnmap_clear(&a->owed, gfns);
	}
	return owed;
}

/**
 * struct ki_leaves - what maps some host memory
 * @pages: of the leaf, 1 if there is none; of several, of the largest
 * @alone: there is but one, and none of another size in its place
 */
struct ki_leaves {
	u64 pages;
	bool alone;
};

/*
 * What maps the beginning of a span that is no larger than a word of pages. If
 * that is pages, the rest is too: a huge leaf maps whole words.
 */
static struct ki_leaves ki_look_up(struct ki_aging *a, struct ki_span span)
{
	struct ki_leaves found = { .pages = 1, .alone = true };
	struct ki_hva_iter iter;
	unsigned int slots = 0;

	lockdep_assert_held(&a->asking);
	ki_slots_for_each_hva(a->kvm, &iter, span.start, span.end) {
		u64 gfn = ki_slot_gfns(iter.slot, span).start;
		unsigned int word = gfn % KI_SLICE_PAGES / 64;
		struct ki_survey s = {
			.base	= ALIGN_DOWN(gfn, KI_SLICE_PAGES),
			.first	= word,
			.end	= word + 1,
			.marked	= &a->bits,
			.others	= &a->bits,
		};

		a->bits.want[word] = BIT_ULL(gfn % 64);
		ki_survey(a->kvm, &s);
		found.pages = max(found.pages, ki_leaf_pages(&a->bits, word));
		ki_clear_bits(a, word);
		/*
		 * Without a root in sight KVM may have some all the same, whose
		 * vCPUs are elsewhere just now (in SMM).
		 */
		if (s.reason == KVM_IDLE_REASON_NO_TABLE)
			found.pages = max_t(u64, found.pages,
					    KI_TABLE_PAGES);
		if (slots++ || s.overlap ||
		    s.reason == KVM_IDLE_REASON_NO_TABLE)
			found.alone = false;
	}
	return found;
}

/* Ask KVM about a part of what was looked up, and write down what it clears. */
static bool ki_ask_part(struct ki_aging *a, enum ki_question question,
			struct ki_span part, u64 pages)
{
	bool young = ki_kvm_ask(a->kvm, question, part.start, part.end);

	if (young && question != KI_TEST) {
		struct ki_span first = { part.start, part.start + PAGE_SIZE };
		struct ki_leaves now = ki_look_up(a, first);

		/* It may have become part of a larger one before it was asked. */
		if (now.pages > pages) {
			pages = now.pages;
			ki_aged_room(a, part, pages);
		}
		ki_aged_all(a, part, pages);
	}
	return young;
}

/* Does no other slot have a part of it? */
static bool ki_in_one_slot(struct ki_aging *a, struct ki_span span)
{
	struct ki_hva_iter iter;
	unsigned int slots = 0;

	ki_slots_for_each_hva(a->kvm, &iter, span.start, span.end)
		slots++;
	return slots == 1;
}

/* All that may have to be written down, if the leaf has become a larger one. */
static bool ki_is_of_one_region(struct ki_aging *a,
				const struct kvm_memory_slot *slot,
				struct ki_span span)
{
	struct ki_gfns giant = ki_widened(slot, span, KI_GIANT_PAGES);
	struct ki_span all = {
		.start	= ki_slot_hva(slot, giant.start),
		.end	= ki_slot_hva(slot, giant.end),
	};

	return giant.end - giant.start <= KI_GIANT_PAGES &&
	       ki_in_one_slot(a, all);
}

/*
 * Answer the beginning of a question: one huge leaf, or a word of pages. Return:
 * where that ends.
 */
static u64 ki_answer(struct ki_aging *a, const struct kvm_memory_slot *slot,
		     enum ki_question question, struct ki_span range, bool *young)
{
	u64 gfn = ki_slot_gfn(slot, range.start);
	u64 stop = min_t(u64, ALIGN(gfn + 1, 64), slot->base_gfn + slot->npages);
	struct ki_span asked = {
		.start	= range.start,
		.end	= min(range.end, ki_slot_hva(slot, stop)),
	};
	bool all = !ki_is_of_one_region(a, slot, asked);
	struct ki_leaves leaves;
	struct ki_span part;
	u64 step;

	ki_lock_for_answer(a, gfn, all);
	leaves = ki_look_up(a, asked);
	if (!leaves.alone) {
		asked.end = asked.start + PAGE_SIZE;
	} else if (leaves.pages > 1) {
		stop = min_t(u64, ALIGN(gfn + 1, leaves.pages),
			     slot->base_gfn + slot->npages);
		asked.end = min(range.end, ki_slot_hva(slot, stop));
	}
	/* What could not be written down is not cleared. */
	if (question != KI_TEST && !ki_aged_room(a, asked, leaves.pages))
		question = KI_TEST;

	step = leaves.alone && leaves.pages > 1 ? asked.end - asked.start :
						  PAGE_SIZE;
	for (part.start = asked.start; part.start < asked.end;
	     part.start = part.end) {
		part.end = part.start + step;
		*young |= ki_ask_part(a, question, part, leaves.pages);
	}
	/* The accessed bit of a leaf speaks of all its pages; so does the debt. */
	*young |= ki_owed_any(a, asked, leaves.alone ? leaves.pages : 1,
			      question != KI_TEST);
	ki_unlock_for_answer(a, gfn, all);
	return asked.end;
}

static bool ki_aging_young(void *data, enum ki_question question, u64 start,
			   u64 end)
{
	struct ki_aging *a = data;
	int idx = srcu_read_lock(&a->kvm->srcu);
	bool young = false;

	while (start < end) {
		struct kvm_memory_slot *slot = ki_slot_from_hva(a->kvm, start, end);
		struct ki_span range = { start, end };

		if (slot && slot->userspace_addr <= start) {
			start = ki_answer(a, slot, question, range, &young);
			continue;
		}
		/* Outside of all slots: KVM's own ones, and those of SMM. */
		if (slot)
			range.end = slot->userspace_addr;
		young |= ki_kvm_ask(a->kvm, question, start, range.end);
		start = range.end;
	}
	srcu_read_unlock(&a->kvm->srcu, idx);
	return young;
}

/* Of leaves without marks, ask KVM; of a huge one about one page. */
static void ki_test_word(struct ki_aging *a, const struct kvm_memory_slot *slot,
			 u64 gfn, unsigned int word, bool overlap)
{
	bool huge = ki_word_is_in(a->bits.huge, word);
	u64 todo = a->bits.present[word] & a->bits.want[word];

	for (; todo; todo &= todo - 1) {
		unsigned int i = __ffs64(todo);
		u64 hva = ki_slot_hva(slot, gfn + i);

		if (ki_kvm_ask(a->kvm, KI_TEST, hva, hva + PAGE_SIZE))
			a->bits.young[word] |= huge ? ~0ULL : BIT_ULL(i);
		if (huge && !overlap)
			break;
	}
}

/* Write down what is young of a word. Return: that was all of a huge leaf. */
static bool ki_write_word(struct ki_aging *a, const struct kvm_memory_slot *slot,
			  u64 gfn, unsigned int word)
{
	u64 pages = ki_leaf_pages(&a->bits, word);
	u64 todo = a->bits.young[word];

	for (; todo; todo &= todo - 1) {
		u64 hva = ki_slot_hva(slot, gfn + __ffs64(todo));
		struct ki_span page = { hva, hva + PAGE_SIZE };
		struct ki_gfns leaf = ki_widened(slot, page, pages);

		if (ki_gfnmap_room(&a->aged, leaf, KI_GFP_AT_ONCE))
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
static void ki_unmap_group(struct ki_aging *a, const struct kvm_memory_slot *slot,
			   struct ki_gfns gfns)
{
	unsigned int from = gfns.start % KI_SLICE_PAGES;
	unsigned int count = gfns.end - gfns.start;
	struct ki_survey s = {
		.base	= ALIGN_DOWN(gfns.start, KI_SLICE_PAGES),
		.first	= from / 64,
		.end	= DIV_ROUND_UP(from + count, 64),
		.marked	= &a->bits,
		.others	= &a->bits,
	};
	bool done;

	ki_lock_for_answer(a, gfns.start, false);
	bitmap_set((unsigned long *)a->bits.want, from, count);
	done = ki_survey(a->kvm, &s);
	for (unsigned int word = s.first; !done && word < s.end; word++) {
		u64 gfn = s.base + 64 * word;

		if (!s.is_all)
			ki_test_word(a, slot, gfn, word, s.overlap);
		done = ki_write_word(a, slot, gfn, word);
	}
	ki_clear_bits(a, s.first);
	ki_unlock_for_answer(a, gfns.start, false);
}

static void ki_aging_unmap(void *data, u64 start, u64 end)
{
	struct ki_span span = { start, end };
	struct ki_aging *a = data;
	int idx = srcu_read_lock(&a->kvm->srcu);
	struct ki_hva_iter iter;

	ki_slots_for_each_hva(a->kvm, &iter, start, end) {
		struct ki_gfns all = ki_slot_gfns(iter.slot, span), some;

		ki_gfns_for_each(&some, all, KI_TABLE_PAGES) {
			ki_unmap_group(a, iter.slot, some);
			cond_resched();
		}
	}
	srcu_read_unlock(&a->kvm->srcu, idx);
}

static void ki_aging_unmapped(void *data, u64 start, u64 end)
{
	struct ki_span span = { start, end };
	struct ki_aging *a = data;
	int idx = srcu_read_lock(&a->kvm->srcu);
	struct ki_hva_iter iter;

	ki_slots_for_each_hva(a->kvm, &iter, start, end) {
		struct ki_gfns all = ki_slot_gfns(iter.slot, span), some;

		atomic_long_inc(&a->cold.zaps);
		ki_gfns_for_each(&some, all, KI_SLICE_PAGES) {
			spin_lock(ki_region_lock(a, some.start));
			ki_cold_unmapped(&a->cold, some);
			spin_unlock(ki_region_lock(a, some.start));
		}
	}
	srcu_read_unlock(&a->kvm->srcu, idx);
}

static bool ki_aging_count_begin(void *data, u64 start, u64 end)
{
	struct ki_aging *a = data;
	int idx = srcu_read_lock(&a->kvm->srcu);
	bool counts = ki_slot_from_hva(a->kvm, start, end);

	srcu_read_unlock(&a->kvm->srcu, idx);
	if (counts)
		ki_cold_count_begin(&a->cold);
	return counts;
}

static void ki_aging_count_end(void *data)
{
	struct ki_aging *a = data;

	ki_cold_count_end(&a->cold);
}

const struct ki_hook_ops ki_aging_hook = {
	.young		= ki_aging_young,
	.unmap		= ki_aging_unmap,
	.unmapped	= ki_aging_unmapped,
	.count_begin	= ki_aging_count_begin,
	.count_end	= ki_aging_count_end,
};
