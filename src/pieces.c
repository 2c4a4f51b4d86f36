// SPDX-License-Identifier: GPL-2.0-only
#include <linux/minmax.h>

#include "compat/kvm_slots.h"
#include "pieces.h"
#include "table/table.h"

bool ki_piece_next(struct kvm *kvm, bool by_hva, u64 addr, u64 end,
		   struct ki_piece *p)
{
	struct ki_slot slot;
	u64 start, first;

	if (addr >= end)
		return false;
	if (by_hva ? !ki_slots_next_hva(kvm, addr, &slot) :
		     !ki_slots_next(kvm, addr >> PAGE_SHIFT, &slot))
		return false;

	start = by_hva ? slot.hva : slot.gfn << PAGE_SHIFT;
	p->addr = max(addr, start);
	if (p->addr >= end)
		return false;
	first = (p->addr - start) >> PAGE_SHIFT;
	p->gfn = slot.gfn + first;
	p->pages = min3(slot.pages - first, (end - p->addr) >> PAGE_SHIFT,
			KI_SLICE_PAGES - p->gfn % KI_SLICE_PAGES);
	return true;
}
