// SPDX-License-Identifier: LGPL-2.1-or-later
#include "blocks.h"
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

const char *kvmidle_block_name(uint32_t type)
{
	switch (type) {
	case BLOCK_HEAD:
		return "head";
	case BLOCK_INFO:
		return "info";
	case BLOCK_SLOTS:
		return "list of slots";
	case BLOCK_PASS:
		return "pass";
	case BLOCK_NODES:
		return "list of nodes";
	case BLOCK_END:
		return "end mark";
	}
	return "block";
}

/* All of it, or -EBADMSG: the file is shorter than it was. */
static int read_all(int fd, uint8_t *to, size_t count, uint64_t at,
		    struct complaint *complaint)
{
	while (count) {
		ssize_t n = pread(fd, to, count, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return kvmidle_complain(complaint, at,
						"the file ends here, and was longer a moment ago");
		to += n;
		at += n;
		count -= n;
	}
	return 0;
}

int kvmidle_block_read(int fd, uint64_t size, uint64_t at, struct block *block,
		       struct complaint *to)
{
	uint8_t head[BLOCK_HEAD_SIZE];
	int err;

	if (size - at < BLOCK_HEAD_SIZE)
		return kvmidle_complain(to, size, "the file ends in the middle of the head of the block that begins at byte %llu",
					(unsigned long long)at);
	err = read_all(fd, head, sizeof(head), at, to);
	if (err)
		return err;
	block->at = at;
	block->type = get_u32(head);
	block->length = get_u32(head + 4);
	if (block->length > size - at - BLOCK_HEAD_SIZE)
		return kvmidle_complain(to, size, "the file ends in the middle of the %s that begins at byte %llu",
					kvmidle_block_name(block->type),
					(unsigned long long)at);
	if (block->length > BLOCK_LIMIT)
		return kvmidle_complain(to, at + 4, "this %s is longer than any",
					kvmidle_block_name(block->type));

	/* Never of no bytes: that may be NULL. */
	block->payload = malloc(block->length + 1);
	if (!block->payload)
		return -ENOMEM;
	err = read_all(fd, block->payload, block->length, at + BLOCK_HEAD_SIZE, to);
	if (!err && kvmidle_block_crc(head, block->payload, block->length) != get_u32(head + 8))
		err = kvmidle_complain(to, at, "the checksum of this %s does not match",
				       kvmidle_block_name(block->type));
	if (err)
		free(block->payload);
	return err;
}

int kvmidle_parse_head(const struct block *block, struct recording_start *start,
		       struct complaint *to)
{
	const uint8_t *at = block->payload;
	uint32_t length;

	if (block->length < HEAD_SIZE)
		return complain_of(block, 0, to, "this head is too short");
	*start = (struct recording_start){
		.wall_ns = get_u64(at),
		.pid = get_u32(at + 8),
		.vm = get_u32(at + 12),
	};
	if (get_u32(at + 8) > INT32_MAX)
		return complain_of(block, 8, to, "this head has a PID that no process has");
	length = get_u32(at + 16);
	if (length > HEAD_NAME_LIMIT || block->length != HEAD_SIZE + length)
		return complain_of(block, 16, to, "this head has a name of another length than it says");
	memcpy(start->name, at + HEAD_SIZE, length);
	if (strlen(start->name) != length)
		return complain_of(block, HEAD_SIZE, to, "this head has a name with a NUL in it");
	kvmidle_make_printable(start->name);
	return 0;
}

int kvmidle_parse_info(const struct block *block, struct kvm_idle_info *info,
		       struct complaint *to)
{
	if (block->length < KVM_IDLE_INFO_SIZE_V1)
		return complain_of(block, 0, to, "this info is too short");
	kvmidle_unpack_info(info, block->payload, block->length);
	if (!is_page_size(info->page_size))
		return complain_of(block, offsetof(struct kvm_idle_info, page_size), to,
				   "pages of %u bytes are not known", info->page_size);
	if (info->end_gpa > GPA_LIMIT)
		return complain_of(block, offsetof(struct kvm_idle_info, end_gpa), to,
				   "guest memory ends behind the last possible address");
	return 0;
}

int kvmidle_parse_slots(const struct block *block, uint32_t page_size,
			struct kvmidle_slots **slotsp, struct complaint *to)
{
	const uint8_t *at = block->payload;
	struct kvmidle_slots *slots;
	uint64_t count, stride, i;
	const char *what;

	if (block->length < SLOTS_HEAD_SIZE)
		return complain_of(block, 0, to, "this list of slots is too short");
	count = get_u32(at + 8);
	stride = get_u32(at + 12);
	if (stride < SLOT_SIZE)
		return complain_of(block, 12, to, "slots of %u bytes are too short",
				   (unsigned int)stride);
	if (count > block->length / stride ||
	    block->length != SLOTS_HEAD_SIZE + count * stride)
		return complain_of(block, 8, to, "this list has another length than its %u slots",
				   (unsigned int)count);
	slots = kvmidle_slots_new(count);
	if (!slots)
		return -ENOMEM;
	slots->generation = get_u64(at);
	for (i = 0; i < count; i++)
		kvmidle_unpack_slot(&slots->at[i], at + SLOTS_HEAD_SIZE + i * stride);
	what = kvmidle_check_slots(slots->at, count, page_size);
	if (what) {
		kvmidle_slots_free(slots);
		return complain_of(block, SLOTS_HEAD_SIZE, to, "these %s", what);
	}
	*slotsp = slots;
	return 0;
}

/* The runs that stand @before bytes behind the beginning of a payload. */
static int parse_runs(const struct block *block, size_t before,
		      const struct runs_rules *rules, runs_fn *fn, void *arg,
		      struct complaint *to)
{
	struct runs_fault fault;
	int ret;

	ret = kvmidle_runs_unpack(block->payload + before, block->length - before,
				  rules, fn, arg, &fault);
	if (ret == -EBADMSG && fault.what)
		return complain_of(block, before + fault.at, to, "these %s", fault.what);
	return ret;
}

int kvmidle_parse_pass_time(const struct block *block, uint64_t *started,
			    struct complaint *to)
{
	if (block->length < PASS_HEAD_SIZE)
		return complain_of(block, 0, to, "this pass is too short");
	*started = get_u64(block->payload);
	return 0;
}

int kvmidle_parse_pass(const struct block *block, uint32_t page_size,
		       runs_fn *fn, void *arg, struct complaint *to)
{
	const struct runs_rules rules = {
		.page_limit = GPA_LIMIT / page_size,
		.lowest = 1, .highest = KVM_IDLE_PAGE_ALL,
	};

	return parse_runs(block, PASS_HEAD_SIZE, &rules, fn, arg, to);
}

int kvmidle_parse_nodes(const struct block *block, uint32_t page_size,
			runs_fn *fn, void *arg, struct complaint *to)
{
	const struct runs_rules rules = {
		.page_limit = GPA_LIMIT / page_size,
		.lowest = 0, .highest = NODE_LIMIT - 1,
	};

	return parse_runs(block, 0, &rules, fn, arg, to);
}

int kvmidle_parse_end(const struct block *block, uint64_t *passes,
		      struct complaint *to)
{
	if (block->length != END_SIZE)
		return complain_of(block, 0, to, "this end mark is not of its length");
	*passes = get_u64(block->payload);
	return 0;
}
