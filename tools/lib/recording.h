/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The format of recordings; Documentation/recording.rst describes it byte by byte. */
#ifndef KVMIDLE_RECORDING_H
#define KVMIDLE_RECORDING_H

#include "bytes.h"
#include "kvmidle.h"

#include <stdbool.h>

/*
 * A file begins with these 8 bytes (as PNG's, they do not survive a transfer as text) and
 * the version. Blocks follow to the end of the file.
 */
#define RECORDING_MAGIC		"\x89KVMI\r\n\x1a"
#define RECORDING_MAGIC_SIZE	8
#define RECORDING_VERSION	1
#define RECORDING_START_SIZE	12

/* A block begins with its type, the length of its payload, and a CRC-32 of all the rest. */
#define BLOCK_HEAD_SIZE		12
#define BLOCK_LIMIT		((uint32_t)1 << 30)

enum block_type {
	BLOCK_HEAD	= 1,	/* once, first */
	BLOCK_INFO	= 2,	/* struct kvm_idle_info of the passes that follow */
	BLOCK_SLOTS	= 3,	/* their memslots */
	BLOCK_PASS	= 4,
	BLOCK_NODES	= 5,
	BLOCK_END	= 6,	/* once, last */
};

/* Of a block's type: a reader that does not know it may go on without it. */
#define BLOCK_MAY_BE_SKIPPED	((uint32_t)1 << 31)

/* HEAD: when it began, PID, which VM, length of the name, the name. */
#define HEAD_SIZE		20
#define HEAD_NAME_LIMIT		127

/* SLOTS: generation, count, size of a slot; the slots. */
#define SLOTS_HEAD_SIZE		16

/* PASS: when it began; runs of categories. NODES: runs of node numbers. END: passes. */
#define PASS_HEAD_SIZE		8
/* No host is up for so long (146 years), and sums and differences of times have room. */
#define TIME_LIMIT		((uint64_t)1 << 62)
#define END_SIZE		8

#define NODE_LIMIT		65536

/* Page sizes there are, and some more. */
static inline bool is_page_size(uint32_t size)
{
	return size >= 4096 && size <= 1 << 20 && !(size & (size - 1));
}

/* The CRC-32 that goes into the head of a block. */
uint32_t kvmidle_block_crc(const uint8_t head[BLOCK_HEAD_SIZE],
			   const uint8_t *payload, size_t length);

/* Payloads of INFO, and of a slot in SLOTS: the structs, little-endian. */
#define INFO_SIZE	sizeof(struct kvm_idle_info)
#define SLOT_SIZE	sizeof(struct kvm_idle_slot)

/* Bytes of @info behind those that it says it has are zero. */
void kvmidle_pack_info(uint8_t *at, const struct kvm_idle_info *info);
void kvmidle_unpack_info(struct kvm_idle_info *info, const uint8_t *at,
			 size_t length);
void kvmidle_pack_slot(uint8_t *at, const struct kvm_idle_slot *slot);
void kvmidle_unpack_slot(struct kvm_idle_slot *slot, const uint8_t *at);

/* What is wrong with slots, in words that follow "these slots ..."; NULL if nothing is. */
const char *kvmidle_check_slots(const struct kvm_idle_slot *slots, size_t count,
				uint32_t page_size);

#endif /* KVMIDLE_RECORDING_H */
