// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/mm_types.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "compat/kvm_slots.h"
#include "source/aging_state.h"
#include "source/host.h"

/* What is owed of the pages of a slot in one slice. Return: go on? */
static bool ki_pay_slice(struct ki_aging *a, struct mm_struct *mm,
			 const struct ki_slot *slot, struct ki_gfns gfns)
{
	u64 base = ALIGN_DOWN(gfns.start, KI_SLICE_PAGES);
	unsigned long *owed = (unsigned long *)
		ki_gfnmap_slice(&a->owed, base >> KI_SLICE_SHIFT);
	unsigned int from = gfns.start - base, to, end = gfns.end - base;

	for (; owed; from = to) {
		struct ki_span span;

		from = find_next_bit(owed, end, from);
		to = find_next_zero_bit(owed, end, from);
		if (from == to)
			break;
		span.start = slot->hva + (base + from - slot->gfn) * PAGE_SIZE;
		span.end = span.start + (to - from) * PAGE_SIZE;
		if (ki_host_pay_span(mm, span))
			return false;
	}
	cond_resched();
	/* Neither who closes nor a VMM that goes is to wait for this. */
	return !fatal_signal_pending(current) && atomic_read(&mm->mm_users) > 1;
}

void ki_aging_pay(struct ki_aging *a, struct mm_struct *mm)
{
	struct ki_slot slot;

	for (u64 gfn = 0; ki_slots_next(a->kvm, gfn, &slot);
	     gfn = slot.gfn + slot.pages) {
		struct ki_gfns all = { slot.gfn, slot.gfn + slot.pages }, some;

		if (!slot.hva)
			continue;
		ki_gfns_for_each(&some, all, KI_SLICE_PAGES)
			if (!ki_pay_slice(a, mm, &slot, some))
				return;
	}
}
