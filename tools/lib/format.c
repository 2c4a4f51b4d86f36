// SPDX-License-Identifier: LGPL-2.1-or-later
/* Parts of a recording that are the same to who writes and who reads it. */
#include "internal.h"
#include "recording.h"

#include <stddef.h>
#include <zlib.h>

uint32_t kvmidle_block_crc(const uint8_t head[BLOCK_HEAD_SIZE],
			   const uint8_t *payload, size_t length)
{
	uLong crc = crc32(0, NULL, 0);

	crc = crc32(crc, head, 8);	/* type and length */
	/* Not an empty one: a pointer to nothing would begin anew. */
	return length ? crc32(crc, payload, length) : crc;
}

/* A member of a struct of the ABI, 4 or 8 bytes long, as all of them are. */
struct member {
	uint8_t offset;
	uint8_t size;
};

#define MEMBER(type, name) \
	{ offsetof(struct type, name), sizeof(((struct type *)0)->name) }

static const struct member info_members[] = {
	MEMBER(kvm_idle_info, size),
	MEMBER(kvm_idle_info, flags),
	MEMBER(kvm_idle_info, abi_version),
	MEMBER(kvm_idle_info, page_size),
	MEMBER(kvm_idle_info, source),
	MEMBER(kvm_idle_info, reason),
	MEMBER(kvm_idle_info, format),
	MEMBER(kvm_idle_info, levels),
	MEMBER(kvm_idle_info, tlb_policy),
	MEMBER(kvm_idle_info, readers),
	MEMBER(kvm_idle_info, end_gpa),
	MEMBER(kvm_idle_info, slot_generation),
	MEMBER(kvm_idle_info, harvested_pages),
	MEMBER(kvm_idle_info, flushes),
	MEMBER(kvm_idle_info, aged_pages),
	MEMBER(kvm_idle_info, skipped_pages),
	MEMBER(kvm_idle_info, most_at_once),
	MEMBER(kvm_idle_info, state_bytes),
	{ 0, 0 }
};

static const struct member slot_members[] = {
	MEMBER(kvm_idle_slot, gpa),
	MEMBER(kvm_idle_slot, hva),
	MEMBER(kvm_idle_slot, bytes),
	MEMBER(kvm_idle_slot, mapped_bytes),
	MEMBER(kvm_idle_slot, id),
	MEMBER(kvm_idle_slot, flags),
	{ 0, 0 }
};

static void pack(const struct member *m, uint8_t *to, const void *from)
{
	uint32_t four;
	uint64_t eight;

	for (; m->size; m++) {
		if (m->size == sizeof(four)) {
			memcpy(&four, (const uint8_t *)from + m->offset, sizeof(four));
			put_u32(to + m->offset, four);
		} else {
			memcpy(&eight, (const uint8_t *)from + m->offset, sizeof(eight));
			put_u64(to + m->offset, eight);
		}
	}
}

static void unpack(const struct member *m, void *to, const uint8_t *from)
{
	uint32_t four;
	uint64_t eight;

	for (; m->size; m++) {
		if (m->size == sizeof(four)) {
			four = get_u32(from + m->offset);
			memcpy((uint8_t *)to + m->offset, &four, sizeof(four));
		} else {
			eight = get_u64(from + m->offset);
			memcpy((uint8_t *)to + m->offset, &eight, sizeof(eight));
		}
	}
}

void kvmidle_pack_info(uint8_t *at, const struct kvm_idle_info *info)
{
	struct kvm_idle_info whole = { 0 };

	memcpy(&whole, info, info->size < sizeof(whole) ? info->size : sizeof(whole));
	whole.size = sizeof(whole);
	pack(info_members, at, &whole);
}

void kvmidle_unpack_info(struct kvm_idle_info *info, const uint8_t *at,
			 size_t length)
{
	uint8_t whole[INFO_SIZE] = { 0 };

	memcpy(whole, at, length < sizeof(whole) ? length : sizeof(whole));
	unpack(info_members, info, whole);
	info->size = sizeof(*info);
}

void kvmidle_pack_slot(uint8_t *at, const struct kvm_idle_slot *slot)
{
	pack(slot_members, at, slot);
	put_u64(at + offsetof(struct kvm_idle_slot, mapped_bytes), 0);
}

void kvmidle_unpack_slot(struct kvm_idle_slot *slot, const uint8_t *at)
{
	unpack(slot_members, slot, at);
	slot->mapped_bytes = 0;
}

const char *kvmidle_check_slots(const struct kvm_idle_slot *slots, size_t count,
				uint32_t page_size)
{
	uint64_t end = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		const struct kvm_idle_slot *slot = &slots[i];

		if (!slot->bytes || slot->gpa % page_size || slot->bytes % page_size ||
		    slot->hva % page_size)
			return "slots are not made of whole pages";
		if (slot->gpa < end)
			return "slots overlap, or are not in order";
		if (slot->gpa >= GPA_LIMIT || slot->bytes > GPA_LIMIT - slot->gpa ||
		    slot->bytes > UINT64_MAX - slot->hva)
			return "slots go beyond the last possible address";
		end = slot->gpa + slot->bytes;
	}
	return NULL;
}
