// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "compat/kvm_slots.h"
#include "source/aging.h"
#include "source/aging_state.h"

int ki_aging_prepare(struct ki_aging *a, u64 slice)
{
	int err;

	if (!a)
		return 0;
	err = ki_gfnmap_add(&a->owed, slice, GFP_KERNEL_ACCOUNT) ?:
	      ki_cold_prepare(&a->cold, slice);
	/* While the host is short of memory, it would not get this one. */
	return err ?: ki_gfnmap_add(&a->aged, slice, GFP_KERNEL_ACCOUNT);
}

static void ki_aging_free(struct ki_aging *a)
{
	ki_gfnmap_destroy(&a->owed);
	ki_gfnmap_destroy(&a->aged);
	ki_gfnmap_destroy(&a->host);
	ki_cold_destroy(&a->cold);
	kvfree(a);
}

struct ki_aging *ki_aging_start(struct kvm *kvm)
{
	struct ki_aging *a = kvzalloc(sizeof(*a), GFP_KERNEL_ACCOUNT);
	int err;

	if (!a)
		return ERR_PTR(-ENOMEM);
	a->kvm = kvm;
	spin_lock_init(&a->asking);
	for (unsigned int i = 0; i < KI_REGIONS; i++)
		spin_lock_init(&a->region[i].lock);
	ki_cold_init(&a->cold);
	ki_gfnmap_init(&a->owed);
	ki_gfnmap_init(&a->aged);
	ki_gfnmap_init(&a->host);
	err = ki_hook_start(kvm, &ki_aging_hook, a);
	if (!err)
		return a;
	ki_aging_free(a);
	return err == -EOPNOTSUPP ? NULL : ERR_PTR(err);
}

void ki_aging_stop(struct ki_aging *a, struct mm_struct *mm)
{
	if (!a)
		return;
	/* As long as it is not paid, the host is answered. */
	if (mm)
		ki_aging_pay(a, mm);
	ki_hook_stop(a->kvm);
	ki_aging_free(a);
}

void ki_aging_get_stats(struct ki_aging *a, struct ki_aging_stats *stats)
{
	*stats = (struct ki_aging_stats) { .aged = 0 };
	if (!a)
		return;
	spin_lock(&a->asking);
	stats->aged = a->pages;
	spin_unlock(&a->asking);
	stats->skipped = ki_cold_skipped(&a->cold);
	stats->bytes = sizeof(*a) + ki_gfnmap_bytes(&a->owed) +
		       ki_gfnmap_bytes(&a->aged) + ki_gfnmap_bytes(&a->host) +
		       ki_cold_bytes(&a->cold);
}

bool ki_step_wanted(const struct ki_collect *c)
{
	return c->clear && c->aging &&
	       spin_is_contended(ki_region_lock(c->aging, c->base));
}

void ki_step_begin(struct ki_collect *c)
	__acquires(c->aging)
{
	if (c->clear && c->aging)
		spin_lock(ki_region_lock(c->aging, c->base));
	else
		__acquire(c->aging);
}

bool ki_step_above(struct ki_collect *c, const struct ki_tables *t,
		   struct ki_above *above)
{
	return c->clear && c->aging && c->flushes &&
	       ki_cold_begin(&c->aging->cold, c->base >> KI_SLICE_SHIFT, t,
			     c->flushes, above);
}

bool ki_step_may_be_asleep(const struct ki_collect *c)
{
	return c->clear && c->aging && c->flushes &&
	       ki_cold_is_whole(&c->aging->cold, c->base >> KI_SLICE_SHIFT,
				c->first, c->words);
}

bool ki_step_aged(const struct ki_collect *c)
{
	const u64 *aged = ki_gfnmap_slice(&c->aging->aged,
					  c->base >> KI_SLICE_SHIFT);

	return aged && memchr_inv(&aged[c->first], 0, c->words * sizeof(*aged));
}

bool ki_aging_knows(const struct ki_collect *c)
{
	u64 slice = c->base >> KI_SLICE_SHIFT;

	return c->aging && (ki_gfnmap_slice(&c->aging->owed, slice) ||
			    ki_gfnmap_slice(&c->aging->aged, slice));
}

void ki_step_found(struct ki_collect *c, const struct ki_above *above)
{
	c->owes_flush |= ki_cold_end(&c->aging->cold,
				     c->base >> KI_SLICE_SHIFT, c->flushes,
				     above);
}

/* Move what stands in the map of a slice over to @to, as far as it is in the order. */
static void ki_tell(struct ki_gfnmap *m, const struct ki_collect *c,
		    unsigned int first, unsigned int end, u64 *to)
{
	u64 *map = ki_gfnmap_slice(m, c->base >> KI_SLICE_SHIFT);

	first = max(first, c->first);
	end = min(end, c->first + c->words);
	for (unsigned int i = first; map && i < end; i++) {
		if (!map[i])
			continue;
		to[i] |= map[i];
		map[i] = 0;
	}
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

void ki_step_end(struct ki_collect *c, unsigned int first, unsigned int end,
		 bool giant_taken)
	__releases(c->aging)
{
	if (!c->clear || !c->aging) {
		__release(c->aging);
		return;
	}
	if (c->bits) {
		ki_owe(c->aging, c, ALIGN_DOWN(first, KI_HUGE_WORDS),
		       ALIGN(end, KI_HUGE_WORDS));
		ki_tell(&c->aging->aged, c, first, end, c->bits->young);
	}
	if (giant_taken)
		ki_owe_giant(c->aging, c);
	spin_unlock(ki_region_lock(c->aging, c->base));
}

static bool ki_host_room(struct ki_aging *a, struct ki_span span, gfp_t gfp)
{
	struct ki_hva_iter iter;

	ki_slots_for_each_hva(a->kvm, &iter, span.start, span.end) {
		struct ki_gfns gfns = ki_slot_gfns(iter.slot, span);

		if (!ki_gfnmap_room(&a->owed, gfns, gfp) ||
		    !ki_gfnmap_room(&a->host, gfns, gfp))
			return false;
	}
	return true;
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
	struct ki_hva_iter iter;

	ki_slots_for_each_hva(a->kvm, &iter, span.start, span.end) {
		struct ki_gfns all = ki_slot_gfns(iter.slot, span), some;

		if (!room)
			break;
		ki_gfns_for_each(&some, all, KI_SLICE_PAGES) {
			spin_lock(ki_region_lock(a, some.start));
			ki_gfnmap_set(&a->owed, some);
			ki_gfnmap_set(&a->host, some);
			spin_unlock(ki_region_lock(a, some.start));
		}
	}
	srcu_read_unlock(&a->kvm->srcu, idx);
	return room;
}

void ki_aging_tell_host(struct ki_collect *c)
{
	struct ki_aging *a = c->aging;

	spin_lock(ki_region_lock(a, c->base));
	ki_tell(&a->host, c, c->first, c->first + c->words, c->host);
	spin_unlock(ki_region_lock(a, c->base));
}

static void ki_look(struct ki_gfnmap *m, u64 slice, unsigned int first,
		    unsigned int words, u64 *to)
{
	const u64 *map = ki_gfnmap_slice(m, slice);

	for (unsigned int i = first; map && i < first + words; i++)
		to[i] |= map[i];
}

void ki_aging_look(struct ki_aging *a, u64 slice, unsigned int first,
		   unsigned int words, u64 *young, u64 *host)
{
	if (!a)
		return;
	spin_lock(ki_region_lock(a, slice << KI_SLICE_SHIFT));
	ki_look(&a->aged, slice, first, words, young);
	if (host)
		ki_look(&a->host, slice, first, words, host);
	spin_unlock(ki_region_lock(a, slice << KI_SLICE_SHIFT));
}
