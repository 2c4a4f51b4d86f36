// SPDX-License-Identifier: LGPL-2.1-or-later
/* What a handle on a recording does. */
#include "replay.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void close_recording(struct kvmidle_vm *vm)
{
	struct kvmidle_recording *recording = vm->recording;

	if (recording->fd >= 0)
		close(recording->fd);
	kvmidle_slots_free(recording->slots);
	free(recording->passes);
	free(recording);
}

/* Any block that was there when the file was opened; it may have changed since. */
static int read_again(const struct kvmidle_recording *recording, uint64_t at,
		      uint32_t type, struct block *block)
{
	int err = kvmidle_block_read(recording->fd, recording->size, at, block, NULL);

	if (!err && block->type != type) {
		free(block->payload);
		err = -EBADMSG;
	}
	return err;
}

static int load_info(struct kvmidle_recording *recording, uint64_t at)
{
	struct kvm_idle_info info;
	struct block block;
	int err = read_again(recording, at, BLOCK_INFO, &block);

	if (err)
		return err;
	err = kvmidle_parse_info(&block, &info, NULL);
	free(block.payload);
	if (!err && info.page_size != recording->page_size)
		err = -EBADMSG;
	if (!err)
		recording->info = info;
	return err;
}

static int load_slots(struct kvmidle_recording *recording, uint64_t at)
{
	struct kvmidle_slots *slots;
	struct block block;
	int err = read_again(recording, at, BLOCK_SLOTS, &block);

	if (err)
		return err;
	err = kvmidle_parse_slots(&block, recording->page_size, &slots, NULL);
	free(block.payload);
	if (err)
		return err;
	kvmidle_slots_free(recording->slots);
	recording->slots = slots;
	return 0;
}

#define BATCH	512

/* On the way from the runs of a pass to regions of the caller's. */
struct player {
	uint64_t page_size;
	struct kvmidle_slots *slots;	/* whose mapped bytes are counted */
	size_t slot;			/* those before it lie below all that is to come */
	kvmidle_region_fn *fn;
	void *arg;
	int ret;			/* what it returned, once that was not 0 */
};

static void count_mapped(struct player *player, uint64_t start, uint64_t end)
{
	struct kvmidle_slots *slots = player->slots;
	size_t i;

	while (player->slot < slots->count &&
	       slots->at[player->slot].gpa + slots->at[player->slot].bytes <= start)
		player->slot++;
	for (i = player->slot; i < slots->count && slots->at[i].gpa < end; i++) {
		struct kvm_idle_slot *slot = &slots->at[i];
		uint64_t from = slot->gpa > start ? slot->gpa : start;
		uint64_t to = slot->gpa + slot->bytes;

		slot->mapped_bytes += (to < end ? to : end) - from;
	}
}

/* Goes on counting when the caller wants no more. */
static int play_runs(void *arg, const struct runs_run *runs, size_t count)
{
	struct kvm_idle_region regions[BATCH];
	struct player *player = arg;
	size_t done = 0, n;

	for (; done < count; done += n) {
		for (n = 0; n < BATCH && done + n < count; n++) {
			const struct runs_run *run = &runs[done + n];
			struct kvm_idle_region *region = &regions[n];

			region->start = run->start * player->page_size;
			region->end = region->start + run->pages * player->page_size;
			region->categories = run->value;
			if (region->categories & KVM_IDLE_PAGE_PRESENT)
				count_mapped(player, region->start, region->end);
		}
		if (player->fn && !player->ret)
			player->ret = player->fn(player->arg, regions, n);
	}
	return 0;
}

/* Have what belongs to a pass at hand. */
static int load(struct kvmidle_recording *recording, size_t index)
{
	const struct recorded_pass *pass = &recording->passes[index];
	int err = load_info(recording, pass->info_at);

	return err ? err : load_slots(recording, pass->slots_at);
}

/* Deliver a pass that was loaded. */
static int play(struct kvmidle_recording *recording, size_t index,
		kvmidle_region_fn *fn, void *arg)
{
	struct player player = {
		.page_size = recording->page_size, .slots = recording->slots,
		.fn = fn, .arg = arg,
	};
	struct block block;
	int err = read_again(recording, recording->passes[index].at, BLOCK_PASS, &block);

	if (err)
		return err;
	err = kvmidle_parse_pass(&block, recording->page_size, play_runs, &player, NULL);
	free(block.payload);
	return err ? err : player.ret;
}

/* Go to the next pass, and load it. */
static int go_on(struct kvmidle_vm *vm)
{
	struct kvmidle_recording *recording = vm->recording;

	if (recording->next == recording->count)
		return -ENODATA;
	vm->started = recording->passes[recording->next].started;
	return load(recording, recording->next++);
}

static int recording_pass_regions(struct kvmidle_vm *vm, kvmidle_region_fn *fn,
				  void *arg)
{
	int err = go_on(vm);

	return err ? err : play(vm->recording, vm->recording->next - 1, fn, arg);
}

int kvmidle_recording_rewind(struct kvmidle_vm *vm)
{
	int err;

	if (!vm->recording)
		return -EOPNOTSUPP;
	vm->started = 0;
	vm->recording->next = 0;
	err = load(vm->recording, 0);
	return err ? err : play(vm->recording, 0, NULL, NULL);
}

int kvmidle_recording_get_head(const struct kvmidle_vm *vm,
			       struct kvmidle_recording_head *head)
{
	const struct kvmidle_recording *recording = vm->recording;

	if (!recording)
		return -EOPNOTSUPP;
	*head = (struct kvmidle_recording_head){
		.pid = recording->start.pid,
		.vm = recording->start.vm,
		.name = recording->start.name,
		.wall_ns = recording->start.wall_ns,
	};
	return 0;
}

ssize_t kvmidle_recording_passes(const struct kvmidle_vm *vm)
{
	return vm->recording ? (ssize_t)vm->recording->count : -EOPNOTSUPP;
}

static int recording_count_vms(const struct kvmidle_vm *vm)
{
	(void)vm;
	return 1;
}

static int recording_select_vm(struct kvmidle_vm *vm, unsigned int index)
{
	(void)vm;
	return index ? -ENODEV : 0;
}

static int recording_get_info(const struct kvmidle_vm *vm,
			      struct kvm_idle_info *info)
{
	uint32_t size = info->size;

	if (size < KVM_IDLE_INFO_SIZE_V1)
		return -EINVAL;
	if (size > sizeof(*info))
		size = sizeof(*info);
	memcpy(info, &vm->recording->info, size);
	info->size = size;
	return 0;
}

static int recording_get_slots(const struct kvmidle_vm *vm, unsigned int flags,
			       struct kvmidle_slots **slotsp)
{
	const struct kvmidle_slots *ours = vm->recording->slots;
	struct kvmidle_slots *slots;
	size_t i;

	if (flags & ~KVM_IDLE_SLOTS_COUNT_MAPPED)
		return -EINVAL;
	slots = kvmidle_slots_new(ours->count);
	if (!slots)
		return -ENOMEM;
	slots->generation = ours->generation;
	for (i = 0; i < ours->count; i++) {
		slots->at[i] = ours->at[i];
		if (!(flags & KVM_IDLE_SLOTS_COUNT_MAPPED))
			slots->at[i].mapped_bytes = 0;
	}
	*slotsp = slots;
	return 0;
}

/* On the way from runs of node numbers to a list of ranges. */
struct node_player {
	uint64_t page_size;
	struct kvmidle_nodes *nodes;
};

static int play_nodes(void *arg, const struct runs_run *runs, size_t count)
{
	struct node_player *player = arg;
	size_t i;

	for (i = 0; i < count; i++) {
		uint64_t start = runs[i].start * player->page_size;
		int err;

		err = kvmidle_nodes_add(player->nodes, start,
					start + runs[i].pages * player->page_size,
					runs[i].value);
		if (err)
			return err;
	}
	return 0;
}

static int recording_get_nodes(const struct kvmidle_vm *vm,
			       const struct kvmidle_slots *slots,
			       struct kvmidle_nodes **nodesp)
{
	const struct kvmidle_recording *recording = vm->recording;
	struct node_player player = { .page_size = recording->page_size };
	struct block block;
	int err;

	(void)slots;
	if (!recording->nodes_at)
		return -ENODATA;
	err = read_again(recording, recording->nodes_at, BLOCK_NODES, &block);
	if (err)
		return err;
	player.nodes = calloc(1, sizeof(*player.nodes));
	if (player.nodes)
		err = kvmidle_parse_nodes(&block, recording->page_size, play_nodes,
					  &player, NULL);
	else
		err = -ENOMEM;
	free(block.payload);
	if (err)
		kvmidle_nodes_free(player.nodes);
	else
		*nodesp = player.nodes;
	return err;
}

/* On the way from regions to pieces of a bitmap. */
struct painter {
	const struct kvmidle_slots *slots;
	uint64_t page_size;
	uint64_t *words;
	kvmidle_pass_fn *fn;
	void *arg;

	size_t slot;		/* the first that the current stretch may not cover */
	uint64_t word;		/* first of the current piece */
	uint64_t end;		/* of the current piece, in words; @word: there is none yet */
	uint64_t stretch;	/* end of the stretch of slots that it lies in */
};

static uint64_t first_word(const struct painter *painter, size_t slot)
{
	return painter->slots->at[slot].gpa / painter->page_size / PAGES_PER_WORD;
}

static uint64_t last_word(const struct painter *painter, size_t slot)
{
	const struct kvm_idle_slot *at = &painter->slots->at[slot];

	return (at->gpa + at->bytes - 1) / painter->page_size / PAGES_PER_WORD + 1;
}

/* Go to the next piece. Returns false if there is none. */
static bool next_piece(struct painter *painter)
{
	uint64_t count;

	if (painter->end == painter->stretch) {
		if (painter->slot == painter->slots->count)
			return false;
		painter->end = first_word(painter, painter->slot);
		painter->stretch = painter->end;
		/* Slots that share a word or touch are one stretch. */
		while (painter->slot < painter->slots->count &&
		       first_word(painter, painter->slot) <= painter->stretch)
			painter->stretch = last_word(painter, painter->slot++);
	}
	painter->word = painter->end;
	count = painter->stretch - painter->word;
	if (count > PIECE_WORDS)
		count = PIECE_WORDS;
	painter->end = painter->word + count;
	memset(painter->words, 0, count * sizeof(painter->words[0]));
	return true;
}

static int deliver_piece(struct painter *painter)
{
	if (painter->word == painter->end)
		return 0;
	return painter->fn(painter->arg, painter->word * PAGES_PER_WORD,
			   painter->words, painter->end - painter->word);
}

/* Paint pages [@gfn, @end), which are idle, and lie behind all that was painted before. */
static int paint(struct painter *painter, uint64_t gfn, uint64_t end)
{
	for (;;) {
		uint64_t first = painter->word * PAGES_PER_WORD;
		uint64_t behind = painter->end * PAGES_PER_WORD;
		uint64_t from = gfn > first ? gfn : first;
		uint64_t to = end < behind ? end : behind;
		int ret;

		if (from < to)
			kvmidle_set_bits(painter->words, from - first, to - from, true);
		if (end <= behind)
			return 0;
		ret = deliver_piece(painter);
		if (ret)
			return ret;
		if (!next_piece(painter)) {
			painter->word = painter->end;
			return 0;
		}
	}
}

static int paint_regions(void *arg, const struct kvm_idle_region *regions,
			 size_t count)
{
	struct painter *painter = arg;
	int ret = 0;
	size_t i;

	for (i = 0; i < count && !ret; i++)
		if (kvmidle_is_idle(regions[i].categories))
			ret = paint(painter, regions[i].start / painter->page_size,
				    regions[i].end / painter->page_size);
	return ret;
}

static int recording_pass(struct kvmidle_vm *vm, kvmidle_pass_fn *fn, void *arg)
{
	struct kvmidle_recording *recording = vm->recording;
	struct painter painter = { .fn = fn, .arg = arg };
	int ret;

	if (!fn)
		return recording_pass_regions(vm, NULL, NULL);
	ret = kvmidle_get_buffer(vm);
	if (!ret)
		ret = go_on(vm);
	if (ret)
		return ret;
	painter.slots = recording->slots;
	painter.page_size = recording->page_size;
	painter.words = vm->buffer;
	ret = play(recording, recording->next - 1, paint_regions, &painter);
	if (ret)
		return ret;
	/* What is left is not idle, but as much a part of the pass. */
	do {
		ret = deliver_piece(&painter);
	} while (!ret && next_piece(&painter));
	return ret;
}

const struct kvmidle_ops kvmidle_recording_ops = {
	.close		= close_recording,
	.count_vms	= recording_count_vms,
	.select_vm	= recording_select_vm,
	.get_info	= recording_get_info,
	.get_slots	= recording_get_slots,
	.pass		= recording_pass,
	.pass_regions	= recording_pass_regions,
	.get_nodes	= recording_get_nodes,
};
