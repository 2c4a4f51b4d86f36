/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A recording that is open. */
#ifndef KVMIDLE_REPLAY_H
#define KVMIDLE_REPLAY_H

#include "blocks.h"
#include "internal.h"

/**
 * struct recorded_pass - where a pass is
 * @at: its block
 * @info_at: the block of the info that belongs to it
 * @slots_at: that of the slots
 * @started: when it began
 */
struct recorded_pass {
	uint64_t at;
	uint64_t info_at;
	uint64_t slots_at;
	uint64_t started;
};

/**
 * struct kvmidle_recording - a recording that is open
 * @fd: of the file, or of a copy in memory
 * @size: of it when it was opened
 * @start: what its head says
 * @page_size: of all its passes
 * @passes: where they are
 * @count: how many
 * @next: the one that is delivered next
 * @nodes_at: the last block of nodes; 0: there is none
 * @info: as of the pass delivered last, or the first
 * @slots: likewise, with the bytes that it found mapped
 */
struct kvmidle_recording {
	int fd;
	uint64_t size;
	struct recording_start start;
	uint32_t page_size;
	struct recorded_pass *passes;
	size_t count;
	size_t next;
	uint64_t nodes_at;
	struct kvm_idle_info info;
	struct kvmidle_slots *slots;
};

extern const struct kvmidle_ops kvmidle_recording_ops;

#endif /* KVMIDLE_REPLAY_H */
