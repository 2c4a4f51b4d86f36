// SPDX-License-Identifier: GPL-2.0-only
/*
 * Young bits by asking KVM, with the callbacks that it serves the host's own
 * page aging with. They know all that maps a page, in whatever table; but they
 * answer for a page and not for a leaf, and say "young" for one of a huge leaf's
 * pages only, as that clears it. They do not say what is mapped at all, either.
 * So the leaves are looked up first, and KVM is asked once for each:
 *
 *	survey		what leaves are there?
 *	ask		about one page of each
 *	survey again	a leaf that has become part of a larger one meanwhile
 *			may have been asked for that one
 *	widen		a huge leaf, then or now, that any page was young of, is young
 *
 * All of that word group by word group, for it is only true for a while.
 */
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "compat/kvm_slots.h"
#include "compat/kvm_young.h"
#include "source/aging.h"
#include "source/source.h"
#include "source/survey.h"

/**
 * struct ki_asked - working memory
 * @bits: want: the pages that KVM can be asked about; young: what it said; the
 *	rest: the leaves that it is asked about
 * @marked: leaves of tables that were walked, and that it looks at all the same
 * @probe: the pages that it is asked about
 * @before: what was present before it was asked
 * @overlap: beside a huge leaf there may be smaller ones without a probe
 */
struct ki_asked {
	struct ki_bits bits;
	struct ki_bits marked;
	u64 probe[KI_SLICE_WORDS];
	u64 before[KI_SLICE_WORDS];
	bool overlap;
};

/* A range of words: of one huge leaf, or of as many pages. */
struct ki_range {
	unsigned int first;
	unsigned int end;
};

static int ki_look(struct kvm *kvm, struct ki_collect *c, struct ki_asked *a,
		   struct ki_range r)
{
	struct ki_survey s = {
		.base	= c->base,
		.first	= r.first,
		.end	= r.end,
		.marked	= &a->marked,
		.others	= &a->bits,
		.probe	= a->probe,
	};
	int err = ki_survey(kvm, &s);

	/* Leaves elsewhere each have a probe, whatever they overlap. */
	a->overlap |= s.overlap && !s.is_marked;
	c->reason = s.reason;
	return err;
}

/* Where the leaf of a word of huge pages ends, in the range. */
static unsigned int ki_leaf_end(const struct ki_bits *bits, unsigned int word,
				struct ki_range r)
{
	if (ki_word_is_in(bits->giant, word))
		return r.end;
	return min(word - word % (unsigned int)KI_HUGE_WORDS +
		   (unsigned int)KI_HUGE_WORDS, r.end);
}

/* One page of each leaf: of a huge one, the first that can be asked about. */
static void ki_choose_probes(struct ki_asked *a, struct ki_range r)
{
	unsigned int word = r.first;

	while (word < r.end) {
		unsigned int end = word + 1;

		if (ki_word_is_in(a->bits.huge, word) && !a->overlap) {
			end = ki_leaf_end(&a->bits, word, r);
			while (word + 1 < end && !a->bits.want[word])
				word++;
			a->probe[word] |= a->bits.want[word] &
					  -a->bits.want[word];
		} else {
			a->probe[word] = a->bits.present[word] &
					 a->bits.want[word];
		}
		word = end;
	}
}

/*
 * A huge leaf that one page was young of is young. Also one of the tables that
 * were walked: KVM looks at all that maps a page, and clears it.
 */
static void ki_widen(struct ki_collect *c, const struct ki_bits *leaves,
		     struct ki_asked *a, struct ki_range r)
{
	unsigned int word = r.first;

	while (word < r.end) {
		unsigned int end = word + 1;
		u64 young = 0;

		if (ki_word_is_in(leaves->huge, word)) {
			end = ki_leaf_end(leaves, word, r);
			for (unsigned int i = word; i < end; i++)
				young |= a->bits.young[i];
			if (young)
				memset(&a->bits.young[word], 0xff,
				       (end - word) * sizeof(u64));
			if (young && c->giant_ready &&
			    ki_word_is_in(leaves->giant, word))
				c->giant_taken = c->clear;
		}
		word = end;
	}
}

/*
 * What has been mapped only now was not asked about; and what has been unmapped
 * was perhaps not any more.
 */
static void ki_answer(struct ki_collect *c, const struct ki_asked *a,
		      struct ki_range r)
{
	for (unsigned int i = r.first; i < r.end; i++) {
		c->bits->present[i] |= a->before[i] & a->bits.present[i];
		c->bits->young[i] |= a->bits.young[i];
		if (ki_word_is_in(a->bits.huge, i))
			c->bits->huge[i / 64] |= BIT_ULL(i % 64);
		if (ki_word_is_in(a->bits.giant, i))
			c->bits->giant[i / 64] |= BIT_ULL(i % 64);
	}
}

static bool ki_any_giant(const struct ki_bits *bits)
{
	return memchr_inv(bits->giant, 0, sizeof(bits->giant));
}

static int ki_ask(struct kvm *kvm, struct ki_collect *c, struct ki_asked *a,
		  struct ki_range r)
{
	int err;

	ki_bits_clear_answers(&a->bits);
	ki_bits_clear_answers(&a->marked);
	memset(a->probe, 0, sizeof(a->probe));
	err = ki_look(kvm, c, a, r);
	if (err)
		return err;
	if (c->clear && !c->giant_ready &&
	    (ki_any_giant(&a->bits) || ki_any_giant(&a->marked)))
		return -EAGAIN;
	ki_choose_probes(a, r);
	memcpy(a->before, a->bits.present, sizeof(a->before));
	/* The sizes stay: a leaf that is split now may have been asked whole. */
	memset(a->bits.present, 0, sizeof(a->bits.present));

	ki_kvm_young(kvm, c->base + 64ULL * r.first, r.end - r.first,
		     &a->probe[r.first], c->clear, &a->bits.young[r.first]);

	/* What was cleared has to be told, whatever the tables are now. */
	err = ki_look(kvm, c, a, r);
	ki_widen(c, &a->bits, a, r);
	ki_widen(c, &a->marked, a, r);
	ki_answer(c, a, r);
	return err;
}

/* The pages wanted, or of a leaf with one: without a host address, none. */
static void ki_want(struct kvm *kvm, struct ki_collect *c, struct ki_asked *a)
{
	ki_slots_cover(kvm, c->base, KI_SLICE_WORDS, true, a->bits.want);
	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++)
		a->bits.want[i] &= c->bits->want[i];
	memcpy(a->marked.want, a->bits.want, sizeof(a->marked.want));
}

int ki_notifier_collect(struct kvm *kvm, struct ki_collect *c)
{
	struct ki_range all = {
		.first	= ALIGN_DOWN(c->first, KI_HUGE_WORDS),
		.end	= ALIGN(c->first + c->words, KI_HUGE_WORDS),
	};
	struct ki_asked *a;
	int err = 0;

	if (!ki_kvm_can_be_asked(kvm, c->base + 64ULL * all.first,
				 c->base + 64ULL * all.end)) {
		c->reason = KVM_IDLE_REASON_ALIASED;
		return -EOPNOTSUPP;
	}

	a = kvzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	if (!a)
		return -ENOMEM;
	ki_want(kvm, c, a);
	for (unsigned int word = all.first; !err && word < all.end;) {
		struct ki_range r = {
			.first	= word,
			.end	= word + KI_HUGE_WORDS,
		};

		if (memchr_inv(&a->bits.want[r.first], 0,
			       (r.end - r.first) * sizeof(u64))) {
			bool giant_taken = c->giant_taken;

			ki_step_begin(c);
			err = ki_ask(kvm, c, a, r);
			ki_step_end(c, r.first, r.end,
				    c->giant_taken && !giant_taken);
		}
		if (!err && fatal_signal_pending(current))
			err = -EINTR;
		cond_resched();
		word = r.end;
	}
	kvfree(a);
	return err;
}
