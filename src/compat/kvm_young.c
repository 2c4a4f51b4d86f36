// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitops.h>
#include <linux/minmax.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "compat/kvm_hook.h"
#include "compat/kvm_slots.h"
#include "compat/kvm_young.h"

void ki_kvm_young(struct kvm *kvm, u64 start, unsigned int words,
		  const u64 *probe, bool clear, u64 *young)
{
	enum ki_question question = clear ? KI_CLEAR : KI_TEST;
	int idx = srcu_read_lock(&kvm->srcu);
	struct ki_slot_iter iter;

	ki_slots_for_each(kvm, &iter, start, start + 64ULL * words) {
		struct kvm_memory_slot *slot = iter.slot;
		u64 from = max_t(u64, slot->base_gfn, start) - start;
		u64 to = min_t(u64, slot->base_gfn + slot->npages - start,
			       64ULL * words);

		if (!slot->userspace_addr)
			continue;
		for (u64 i = from; i < to; i++) {
			u64 hva = ki_slot_hva(slot, start + i);

			if (!(probe[i / 64] & BIT_ULL(i % 64)))
				continue;
			if (ki_kvm_ask(kvm, question, hva, hva + PAGE_SIZE))
				young[i / 64] |= BIT_ULL(i % 64);
		}
	}
	srcu_read_unlock(&kvm->srcu, idx);
}

static bool ki_slot_is_alone(struct kvm *kvm, const struct kvm_memory_slot *slot)
{
	u64 from = slot->userspace_addr, to = ki_slot_hva_end(slot);
	struct ki_slot_iter iter;

	ki_slots_for_each(kvm, &iter, 0, ~0ULL) {
		u64 start = iter.slot->userspace_addr;
		u64 end = ki_slot_hva_end(iter.slot);

		if (iter.slot->id != slot->id && start && start < to &&
		    from < end)
			return false;
	}
	return true;
}

bool ki_kvm_can_be_asked(struct kvm *kvm, u64 start, u64 end)
{
	int idx = srcu_read_lock(&kvm->srcu);
	struct ki_slot_iter iter;
	bool alone = true;

	ki_slots_for_each(kvm, &iter, start, end) {
		/* There may be thousands; who is to die need not know. */
		cond_resched();
		if (fatal_signal_pending(current))
			break;
		if (!ki_slot_is_alone(kvm, iter.slot)) {
			alone = false;
			break;
		}
	}
	srcu_read_unlock(&kvm->srcu, idx);
	return alone;
}
