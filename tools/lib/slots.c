// SPDX-License-Identifier: LGPL-2.1-or-later
/* Lists of memslots, and the way between guest and host addresses. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>

struct kvmidle_slots *kvmidle_slots_new(size_t count)
{
	struct kvmidle_slots *slots;

	slots = calloc(1, sizeof(*slots) + count * sizeof(slots->at[0]));
	if (slots)
		slots->count = count;
	return slots;
}

void kvmidle_slots_free(struct kvmidle_slots *slots)
{
	free(slots);
}

size_t kvmidle_slots_count(const struct kvmidle_slots *slots)
{
	return slots->count;
}

const struct kvm_idle_slot *kvmidle_slots_at(const struct kvmidle_slots *slots,
					     size_t index)
{
	return index < slots->count ? &slots->at[index] : NULL;
}

uint64_t kvmidle_slots_generation(const struct kvmidle_slots *slots)
{
	return slots->generation;
}

int kvmidle_gpa_to_hva(const struct kvmidle_slots *slots, uint64_t gpa,
		       uint64_t *hva)
{
	size_t i;

	for (i = 0; i < slots->count; i++) {
		const struct kvm_idle_slot *slot = &slots->at[i];

		if (gpa < slot->gpa || gpa - slot->gpa >= slot->bytes)
			continue;
		if (slot->flags & KVM_IDLE_SLOT_NO_HVA)
			return -ENODATA;
		*hva = slot->hva + (gpa - slot->gpa);
		return 0;
	}
	return -ENXIO;
}

/* The first that has it is the one of the lowest guest address. */
int kvmidle_hva_to_gpa(const struct kvmidle_slots *slots, uint64_t hva,
		       uint64_t *gpa)
{
	size_t i;

	for (i = 0; i < slots->count; i++) {
		const struct kvm_idle_slot *slot = &slots->at[i];

		if (slot->flags & KVM_IDLE_SLOT_NO_HVA || hva < slot->hva ||
		    hva - slot->hva >= slot->bytes)
			continue;
		*gpa = slot->gpa + (hva - slot->hva);
		return 0;
	}
	return -ENXIO;
}
