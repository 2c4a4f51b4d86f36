/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Read the blocks of a recording, each whole and checked. */
#ifndef KVMIDLE_BLOCKS_H
#define KVMIDLE_BLOCKS_H

#include "complaint.h"
#include "recording.h"
#include "runs.h"

/**
 * struct block - a block that was read
 * @at: where it begins in the file
 * @type: enum block_type, or one that is unknown
 * @length: of @payload
 * @payload: all there is behind its head; to be freed
 */
struct block {
	uint64_t at;
	uint32_t type;
	uint32_t length;
	uint8_t *payload;
};

/**
 * kvmidle_block_read() - read the block at a place, and check its checksum
 * @fd: the file
 * @size: of the file. Nothing is read behind it
 * @at: the place, below @size
 * @block: out
 * @to: where to complain; may be NULL
 *
 * Return: 0, -EBADMSG, -ENOMEM, or as pread(2).
 */
int kvmidle_block_read(int fd, uint64_t size, uint64_t at, struct block *block,
		       struct complaint *to);

/* Where the next one begins. */
static inline uint64_t block_end(const struct block *block)
{
	return block->at + BLOCK_HEAD_SIZE + block->length;
}

/* What a block of a type is called, to follow "this". */
const char *kvmidle_block_name(uint32_t type);

/* Complain about byte @offset of a payload. */
#define complain_of(block, offset, to, ...) \
	kvmidle_complain(to, (block)->at + BLOCK_HEAD_SIZE + (offset), __VA_ARGS__)

/* What the payload of HEAD says. */
struct recording_start {
	uint64_t wall_ns;
	pid_t pid;
	unsigned int vm;
	char name[HEAD_NAME_LIMIT + 1];
};

/*
 * Take the payload of a block apart, each number checked. Return 0, -EBADMSG, -ENOMEM, and
 * those with an @fn what that returned.
 */
int kvmidle_parse_head(const struct block *block, struct recording_start *start,
		       struct complaint *to);
int kvmidle_parse_info(const struct block *block, struct kvm_idle_info *info,
		       struct complaint *to);
int kvmidle_parse_slots(const struct block *block, uint32_t page_size,
			struct kvmidle_slots **slotsp, struct complaint *to);
/* Of a pass, its time first. */
int kvmidle_parse_pass_time(const struct block *block, uint64_t *started,
			    struct complaint *to);
int kvmidle_parse_pass(const struct block *block, uint32_t page_size,
		       runs_fn *fn, void *arg, struct complaint *to);
int kvmidle_parse_nodes(const struct block *block, uint32_t page_size,
			runs_fn *fn, void *arg, struct complaint *to);
int kvmidle_parse_end(const struct block *block, uint64_t *passes,
		      struct complaint *to);

#endif /* KVMIDLE_BLOCKS_H */
