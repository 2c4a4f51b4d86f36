// SPDX-License-Identifier: LGPL-2.1-or-later
/* Open a recording: look through the whole of it, and note where its passes are. */
#include "replay.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* While the file is looked through. */
struct walk {
	struct kvmidle_recording *recording;
	struct complaint *to;
	struct complaint why;
	uint64_t at;
	struct recorded_pass next;	/* as far as it is known */
	bool has_head;
	bool has_end;
	bool has_info;
	bool has_slots;
};

static int take_head(struct walk *walk, const struct block *block)
{
	walk->has_head = true;
	return kvmidle_parse_head(block, &walk->recording->start, walk->to);
}

static int take_info(struct walk *walk, const struct block *block)
{
	struct kvm_idle_info info;
	int err = kvmidle_parse_info(block, &info, walk->to);

	if (err)
		return err;
	if (walk->has_info && info.page_size != walk->recording->page_size)
		return complain_of(block, offsetof(struct kvm_idle_info, page_size),
				   walk->to, "the size of pages changes");
	walk->recording->page_size = info.page_size;
	walk->next.info_at = block->at;
	walk->has_info = true;
	return 0;
}

static int take_slots(struct walk *walk, const struct block *block)
{
	struct kvmidle_slots *slots;
	int err;

	if (!walk->has_info)
		return kvmidle_complain(walk->to, block->at, "slots come before the first info");
	err = kvmidle_parse_slots(block, walk->recording->page_size, &slots, walk->to);
	if (err)
		return err;
	kvmidle_slots_free(slots);
	walk->next.slots_at = block->at;
	walk->has_slots = true;
	return 0;
}

static int append_pass(struct kvmidle_recording *recording,
		       const struct recorded_pass *pass)
{
	if (IS_FULL(recording->count)) {
		size_t room = recording->count ? recording->count * 2 : 1;
		struct recorded_pass *bigger;

		bigger = realloc(recording->passes, room * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		recording->passes = bigger;
	}
	recording->passes[recording->count++] = *pass;
	return 0;
}

static int take_pass(struct walk *walk, const struct block *block)
{
	uint64_t started;
	int err;

	if (!walk->has_slots)
		return kvmidle_complain(walk->to, block->at, "a pass comes before the first slots");
	err = kvmidle_parse_pass_time(block, &started, walk->to);
	if (err)
		return err;
	if (started > TIME_LIMIT)
		return complain_of(block, 0, walk->to, "this pass began at a time that no clock shows");
	if (started < walk->next.started)
		return complain_of(block, 0, walk->to, "this pass began before the one before it");
	err = kvmidle_parse_pass(block, walk->recording->page_size, NULL, NULL, walk->to);
	if (err)
		return err;
	walk->next.at = block->at;
	walk->next.started = started;
	return append_pass(walk->recording, &walk->next);
}

static int take_nodes(struct walk *walk, const struct block *block)
{
	int err;

	if (!walk->recording->count)
		return kvmidle_complain(walk->to, block->at, "nodes come before the first pass");
	err = kvmidle_parse_nodes(block, walk->recording->page_size, NULL, NULL, walk->to);
	/* Damaged ones do not take the place of good ones. */
	if (!err)
		walk->recording->nodes_at = block->at;
	return err;
}

static int take_end(struct walk *walk, const struct block *block)
{
	uint64_t passes;
	int err = kvmidle_parse_end(block, &passes, walk->to);

	if (err)
		return err;
	if (passes != walk->recording->count)
		return complain_of(block, 0, walk->to, "this end mark counts %llu passes, and there are %zu",
				   (unsigned long long)passes, walk->recording->count);
	walk->has_end = true;
	return 0;
}

static int take_block(struct walk *walk, const struct block *block)
{
	if (!walk->has_head && block->type != BLOCK_HEAD)
		return kvmidle_complain(walk->to, block->at, "the recording does not begin with its head");
	if (walk->has_end)
		return kvmidle_complain(walk->to, block->at, "there is more behind the end mark");
	switch (block->type) {
	case BLOCK_HEAD:
		if (walk->has_head)
			return kvmidle_complain(walk->to, block->at, "this is a second head");
		return take_head(walk, block);
	case BLOCK_INFO:
		return take_info(walk, block);
	case BLOCK_SLOTS:
		return take_slots(walk, block);
	case BLOCK_PASS:
		return take_pass(walk, block);
	case BLOCK_NODES:
		return take_nodes(walk, block);
	case BLOCK_END:
		return take_end(walk, block);
	}
	if (block->type & BLOCK_MAY_BE_SKIPPED)
		return 0;
	kvmidle_complain(walk->to, block->at, "a block of type %u, which this program is too old to know",
			 block->type);
	return -EPROTONOSUPPORT;
}

static int take_start(struct walk *walk)
{
	uint64_t size = walk->recording->size;
	uint8_t start[RECORDING_START_SIZE];
	size_t n = size < sizeof(start) ? size : sizeof(start);
	uint32_t version;

	if (!n) {
		kvmidle_complain(walk->to, 0, "the file is empty");
		return -ENOEXEC;
	}
	if (pread(walk->recording->fd, start, n, 0) != (ssize_t)n)
		return -EIO;
	if (memcmp(start, RECORDING_MAGIC,
		   n < RECORDING_MAGIC_SIZE ? n : RECORDING_MAGIC_SIZE)) {
		kvmidle_complain(walk->to, 0, "this is not a recording of kvmidle");
		return -ENOEXEC;
	}
	if (n < sizeof(start))
		return kvmidle_complain(walk->to, n, "the file ends in the middle of its beginning");
	version = get_u32(start + RECORDING_MAGIC_SIZE);
	if (version != RECORDING_VERSION) {
		kvmidle_complain(walk->to, RECORDING_MAGIC_SIZE,
				 "a recording of version %u, and this program knows version %d",
				 version, RECORDING_VERSION);
		return -EPROTONOSUPPORT;
	}
	walk->at = sizeof(start);
	return 0;
}

static int take_all(struct walk *walk)
{
	struct kvmidle_recording *recording = walk->recording;
	int err = take_start(walk);

	while (!err && walk->at < recording->size) {
		struct block block;

		err = kvmidle_block_read(recording->fd, recording->size, walk->at,
					 &block, walk->to);
		if (err)
			break;
		err = take_block(walk, &block);
		walk->at = block_end(&block);
		free(block.payload);
	}
	if (!err && !walk->has_end)
		err = kvmidle_complain(walk->to, recording->size,
				       "the file ends here, without an end mark: it was cut off, or is still being written");
	return err;
}

/* What can be read once only goes into memory, unless it is none from the beginning on. */
static int copy_to_memory(int from)
{
	int to = memfd_create("recording", MFD_CLOEXEC), err = 0;
	uint8_t buffer[65536];
	bool first = true;
	ssize_t n, done;

	if (to < 0)
		return -errno;
	for (;;) {
		n = read(from, buffer, sizeof(buffer));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		for (done = 0; done < n && !err; ) {
			ssize_t written = write(to, buffer + done, n - done);

			if (written >= 0)
				done += written;
			else if (errno != EINTR)
				err = -errno;
		}
		if (err || (first && buffer[0] != (uint8_t)RECORDING_MAGIC[0]))
			break;
		first = false;
	}
	if (n < 0)
		err = -errno;
	if (err)
		close(to);
	return err ? err : to;
}

static int open_file(struct kvmidle_recording *recording, const char *path,
		     struct complaint *to)
{
	struct stat st;
	int fd, copy;

	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd < 0 || fstat(fd, &st)) {
		if (fd >= 0)
			close(fd);
		return -errno;
	}
	if (S_ISDIR(st.st_mode) || S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode)) {
		close(fd);
		if (S_ISDIR(st.st_mode))
			return -EISDIR;
		return kvmidle_complain_of_all(to, -ENOEXEC, "this is neither a file nor a pipe, so no recording");
	}
	if (!S_ISREG(st.st_mode)) {
		copy = copy_to_memory(fd);
		close(fd);
		if (copy < 0)
			return copy;
		fd = copy;
	}
	recording->fd = fd;
	if (fstat(fd, &st))
		return -errno;
	recording->size = st.st_size;
	return 0;
}

/* Damage and cuts may be put up with, if there is something in front of them. */
static int settle(struct walk *walk, unsigned int flags, int err)
{
	size_t passes = walk->recording->count;
	size_t length = walk->why.size ? strlen(walk->why.text) : 0;

	if (err == -EBADMSG && passes && walk->why.size)
		snprintf(walk->why.text + length, walk->why.size - length,
			 " (%zu whole pass%s before)", passes,
			 passes == 1 ? " is" : "es are");
	if (err == -EBADMSG && passes && flags & KVMIDLE_RECORDING_PARTIAL)
		return 0;
	if (!err && !passes) {
		kvmidle_complain(walk->to, walk->at, "the recording ends here, before its first pass");
		err = -ENODATA;
	}
	return err;
}

int kvmidle_open_recording(const char *path, unsigned int flags,
			   struct kvmidle_vm **vmp, char *why, size_t size)
{
	struct kvmidle_vm *vm = calloc(1, sizeof(*vm));
	struct kvmidle_recording *recording = calloc(1, sizeof(*recording));
	struct walk walk = {
		.recording = recording,
		.why = { .path = path, .text = why, .size = size },
	};
	int err;

	if (size)
		why[0] = '\0';
	walk.to = &walk.why;
	if (!vm || !recording) {
		free(vm);
		free(recording);
		return kvmidle_complain_of_all(walk.to, -ENOMEM, "there is not enough memory");
	}
	*vm = (struct kvmidle_vm){
		.ops = &kvmidle_recording_ops, .door = KVMIDLE_DOOR_RECORDING,
		.fd = -1, .recording = recording,
	};
	recording->fd = -1;

	err = flags & ~KVMIDLE_RECORDING_PARTIAL ? -EINVAL : open_file(recording, path, walk.to);
	if (!err)
		err = settle(&walk, flags, take_all(&walk));
	if (!err)
		err = kvmidle_recording_rewind(vm);
	if (err) {
		if (size && !why[0])
			kvmidle_complain_of_all(walk.to, err, "%s", strerrordesc_np(-err));
		kvmidle_close(vm);
		return err;
	}
	*vmp = vm;
	return 0;
}
