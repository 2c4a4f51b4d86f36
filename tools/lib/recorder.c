// SPDX-License-Identifier: LGPL-2.1-or-later
/* Write a recording. */
#include "internal.h"
#include "recording.h"
#include "runs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct kvmidle_recorder {
	int fd;
	int error;		/* of a write that failed: the file ends in the middle */
	off_t whole;		/* where the last whole block ends; -1: cannot go back there */
	uint64_t passes;
	uint64_t last_started;

	/* What was written last, to be written anew only if it changes. */
	uint8_t info[INFO_SIZE];
	uint8_t *slots;
	size_t slots_size;
	uint32_t page_size;	/* 0 before the first INFO */

	struct runs_writer runs;
};

static int write_all(int fd, const uint8_t *bytes, size_t count)
{
	while (count) {
		ssize_t n = write(fd, bytes, count);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		bytes += n;
		count -= n;
	}
	return 0;
}

static int put(struct kvmidle_recorder *recorder, const uint8_t *bytes, size_t count)
{
	int err;

	if (recorder->error)
		return recorder->error;
	err = write_all(recorder->fd, bytes, count);
	if (err)
		recorder->error = err;
	else if (recorder->whole >= 0)
		recorder->whole += count;
	return err;
}

/* @block is a payload of @length with BLOCK_HEAD_SIZE bytes left free in front. */
static int put_block(struct kvmidle_recorder *recorder, uint32_t type,
		     uint8_t *block, size_t length)
{
	if (length > BLOCK_LIMIT)
		return -EFBIG;
	put_u32(block, type);
	put_u32(block + 4, length);
	put_u32(block + 8, kvmidle_block_crc(block, block + BLOCK_HEAD_SIZE, length));
	return put(recorder, block, BLOCK_HEAD_SIZE + length);
}

static int put_start(struct kvmidle_recorder *recorder)
{
	uint8_t start[RECORDING_START_SIZE];

	memcpy(start, RECORDING_MAGIC, RECORDING_MAGIC_SIZE);
	put_u32(start + RECORDING_MAGIC_SIZE, RECORDING_VERSION);
	return put(recorder, start, sizeof(start));
}

static int put_head(struct kvmidle_recorder *recorder,
		    const struct kvmidle_recording_head *head)
{
	uint8_t block[BLOCK_HEAD_SIZE + HEAD_SIZE + HEAD_NAME_LIMIT];
	uint8_t *payload = block + BLOCK_HEAD_SIZE;
	size_t length = strlen(head->name);

	put_u64(payload, head->wall_ns);
	put_u32(payload + 8, head->pid);
	put_u32(payload + 12, head->vm);
	put_u32(payload + 16, length);
	memcpy(payload + HEAD_SIZE, head->name, length);
	return put_block(recorder, BLOCK_HEAD, block, HEAD_SIZE + length);
}

int kvmidle_recorder_new(int fd, const struct kvmidle_recording_head *head,
			 struct kvmidle_recorder **recorderp)
{
	struct kvmidle_recorder *recorder;
	int err;

	if (head->pid < 0 || !head->name || strlen(head->name) > HEAD_NAME_LIMIT)
		return -EINVAL;
	recorder = calloc(1, sizeof(*recorder));
	if (!recorder)
		return -ENOMEM;
	recorder->fd = fd;
	recorder->whole = lseek(fd, 0, SEEK_CUR);

	err = put_start(recorder);
	if (!err)
		err = put_head(recorder, head);
	if (err) {
		free(recorder);
		return err;
	}
	*recorderp = recorder;
	return 0;
}

static int put_info(struct kvmidle_recorder *recorder,
		    const struct kvm_idle_info *info)
{
	uint8_t block[BLOCK_HEAD_SIZE + INFO_SIZE];
	uint8_t *payload = block + BLOCK_HEAD_SIZE;
	int err;

	kvmidle_pack_info(payload, info);
	if (recorder->page_size && !memcmp(payload, recorder->info, INFO_SIZE))
		return 0;
	err = put_block(recorder, BLOCK_INFO, block, INFO_SIZE);
	if (!err) {
		memcpy(recorder->info, payload, INFO_SIZE);
		recorder->page_size = info->page_size;
	}
	return err;
}

static int put_slots(struct kvmidle_recorder *recorder, uint64_t generation,
		     const struct kvm_idle_slot *slots, size_t count)
{
	size_t length = SLOTS_HEAD_SIZE + count * SLOT_SIZE, i;
	uint8_t *block, *payload;
	int err;

	if (count > (BLOCK_LIMIT - SLOTS_HEAD_SIZE) / SLOT_SIZE)
		return -EFBIG;
	block = malloc(BLOCK_HEAD_SIZE + length);
	if (!block)
		return -ENOMEM;
	payload = block + BLOCK_HEAD_SIZE;
	put_u64(payload, generation);
	put_u32(payload + 8, count);
	put_u32(payload + 12, SLOT_SIZE);
	for (i = 0; i < count; i++)
		kvmidle_pack_slot(payload + SLOTS_HEAD_SIZE + i * SLOT_SIZE, &slots[i]);

	if (recorder->slots && recorder->slots_size == length &&
	    !memcmp(payload, recorder->slots + BLOCK_HEAD_SIZE, length)) {
		free(block);
		return 0;
	}
	err = put_block(recorder, BLOCK_SLOTS, block, length);
	if (err) {
		free(block);
		return err;
	}
	free(recorder->slots);
	recorder->slots = block;
	recorder->slots_size = length;
	return 0;
}

static int collect(struct kvmidle_recorder *recorder, uint64_t page_size,
		   uint64_t start, uint64_t end, uint64_t value)
{
	const struct runs_run run = {
		.start = start / page_size,
		.pages = (end - start) / page_size,
		.value = value,
	};

	if (end <= start || end > GPA_LIMIT || start % page_size || end % page_size)
		return -EINVAL;
	return kvmidle_runs_add(&recorder->runs, &run);
}

static int collect_regions(struct kvmidle_recorder *recorder, uint64_t page_size,
			   const struct kvm_idle_region *regions, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++) {
		uint64_t categories = regions[i].categories;
		int err;

		if (!categories || categories & ~KVM_IDLE_PAGE_ALL)
			return -EINVAL;
		err = collect(recorder, page_size, regions[i].start, regions[i].end,
			      categories);
		if (err)
			return err;
	}
	return 0;
}

/* Write a pass of the regions that were collected. */
static int put_pass(struct kvmidle_recorder *recorder, uint64_t started_ns,
		    const struct kvm_idle_info *info,
		    const struct kvm_idle_slot *slots, size_t slot_count)
{
	uint8_t *block;
	size_t length;
	int err;

	err = kvmidle_runs_pack(&recorder->runs, BLOCK_HEAD_SIZE + PASS_HEAD_SIZE,
				&block, &length);
	if (err)
		return err;
	put_u64(block + BLOCK_HEAD_SIZE, started_ns);

	err = put_info(recorder, info);
	if (!err)
		err = put_slots(recorder, info->slot_generation, slots, slot_count);
	if (!err)
		err = put_block(recorder, BLOCK_PASS, block, length - BLOCK_HEAD_SIZE);
	free(block);
	if (!err) {
		recorder->passes++;
		recorder->last_started = started_ns;
	}
	return err;
}

/* May a pass of such an info, slots and time come next? */
static bool is_in_order(const struct kvmidle_recorder *recorder,
			uint64_t started_ns, const struct kvm_idle_info *info,
			const struct kvm_idle_slot *slots, size_t slot_count)
{
	return info->size >= KVM_IDLE_INFO_SIZE_V1 && is_page_size(info->page_size) &&
	       info->end_gpa <= GPA_LIMIT &&
	       (!recorder->page_size || recorder->page_size == info->page_size) &&
	       started_ns >= recorder->last_started && started_ns <= TIME_LIMIT &&
	       !kvmidle_check_slots(slots, slot_count, info->page_size);
}

int kvmidle_recorder_add(struct kvmidle_recorder *recorder, uint64_t started_ns,
			 const struct kvm_idle_info *info,
			 const struct kvm_idle_slot *slots, size_t slot_count,
			 const struct kvm_idle_region *regions, size_t count)
{
	int err;

	if (!is_in_order(recorder, started_ns, info, slots, slot_count))
		return -EINVAL;
	kvmidle_runs_reset(&recorder->runs);
	err = collect_regions(recorder, info->page_size, regions, count);
	return err ? err : put_pass(recorder, started_ns, info, slots, slot_count);
}

/* On the way from a VM to the caller. */
struct tee {
	struct kvmidle_recorder *recorder;
	uint64_t page_size;
	kvmidle_region_fn *fn;
	void *arg;
};

static int collect_and_hand_on(void *arg, const struct kvm_idle_region *regions,
			       size_t count)
{
	struct tee *tee = arg;
	int err;

	err = collect_regions(tee->recorder, tee->page_size, regions, count);
	if (err)
		return err;
	return tee->fn ? tee->fn(tee->arg, regions, count) : 0;
}

int kvmidle_recorder_pass(struct kvmidle_recorder *recorder,
			  struct kvmidle_vm *vm, kvmidle_region_fn *fn,
			  void *arg)
{
	struct kvm_idle_info info = { .size = sizeof(info) };
	struct tee tee = { .recorder = recorder, .fn = fn, .arg = arg };
	struct kvmidle_slots *slots;
	int err;

	if (recorder->error)
		return recorder->error;
	err = kvmidle_get_info(vm, &info);
	if (err)
		return err;
	tee.page_size = info.page_size;
	kvmidle_runs_reset(&recorder->runs);
	err = kvmidle_pass_regions(vm, collect_and_hand_on, &tee);
	if (err)
		return err;

	/* Of a recording, both are of the pass that was delivered last: ask now. */
	info.size = sizeof(info);
	err = kvmidle_get_info(vm, &info);
	if (!err)
		err = kvmidle_get_slots(vm, 0, &slots);
	if (err)
		return err;
	info.slot_generation = slots->generation;
	if (is_in_order(recorder, kvmidle_pass_started(vm), &info, slots->at,
			slots->count))
		err = put_pass(recorder, kvmidle_pass_started(vm), &info, slots->at,
			       slots->count);
	else
		err = -EINVAL;
	kvmidle_slots_free(slots);
	return err;
}

int kvmidle_recorder_nodes(struct kvmidle_recorder *recorder,
			   const struct kvmidle_node_range *ranges,
			   size_t count)
{
	uint8_t *block;
	size_t length, i;
	int err;

	if (!recorder->passes)
		return -EINVAL;
	kvmidle_runs_reset(&recorder->runs);
	for (i = 0; i < count; i++) {
		if (ranges[i].node >= NODE_LIMIT)
			return -EINVAL;
		err = collect(recorder, recorder->page_size, ranges[i].start,
			      ranges[i].end, ranges[i].node);
		if (err)
			return err;
	}
	err = kvmidle_runs_pack(&recorder->runs, BLOCK_HEAD_SIZE, &block, &length);
	if (err)
		return err;
	err = put_block(recorder, BLOCK_NODES, block, length - BLOCK_HEAD_SIZE);
	free(block);
	return err;
}

/* After a write that failed: back to where all is whole, if there is a way. */
static int go_back(struct kvmidle_recorder *recorder)
{
	if (recorder->whole < 0 || ftruncate(recorder->fd, recorder->whole) ||
	    lseek(recorder->fd, recorder->whole, SEEK_SET) < 0)
		return recorder->error;
	recorder->error = 0;
	return 0;
}

int kvmidle_recorder_end(struct kvmidle_recorder *recorder)
{
	uint8_t block[BLOCK_HEAD_SIZE + END_SIZE];
	int err = 0;

	if (!recorder)
		return 0;
	if (recorder->error)
		err = go_back(recorder);
	put_u64(block + BLOCK_HEAD_SIZE, recorder->passes);
	if (!err)
		err = put_block(recorder, BLOCK_END, block, END_SIZE);
	kvmidle_runs_free(&recorder->runs);
	free(recorder->slots);
	free(recorder);
	return err;
}
