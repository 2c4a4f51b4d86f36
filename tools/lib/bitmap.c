// SPDX-License-Identifier: LGPL-2.1-or-later
/* Read and write the bitmap of a running VM: ranges and whole passes. */
#include "internal.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

#define WORD_BYTES	sizeof(uint64_t)

/* Where in the file the word of a page is, or a negative errno. */
static off_t offset_of(uint64_t gfn)
{
	if (gfn % PAGES_PER_WORD || gfn >= GFN_LIMIT)
		return -EINVAL;
	return gfn / PAGES_PER_WORD * WORD_BYTES;
}

static uint64_t gfn_of(off_t offset)
{
	return (uint64_t)offset / WORD_BYTES * PAGES_PER_WORD;
}

/*
 * Move words between file and memory until @count are done or the file ends.
 * One of @to and @from is NULL.
 */
static ssize_t transfer(int fd, off_t offset, uint64_t *to,
			const uint64_t *from, size_t count)
{
	size_t done = 0;

	if (count > SSIZE_MAX / WORD_BYTES)
		return -EINVAL;

	while (done < count) {
		size_t bytes = (count - done) * WORD_BYTES;
		off_t at = offset + done * WORD_BYTES;
		ssize_t n;

		if (to)
			n = pread(fd, to + done, bytes, at);
		else
			n = pwrite(fd, from + done, bytes, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENXIO && from)	/* past the end */
			break;
		if (n < 0)
			return -errno;
		if (n % WORD_BYTES)	/* the module never does that */
			return -EIO;
		if (n == 0)
			break;
		done += n / WORD_BYTES;
	}
	return done;
}

ssize_t kvmidle_live_read(const struct kvmidle_vm *vm, uint64_t gfn,
			  uint64_t *words, size_t count)
{
	off_t offset = offset_of(gfn);

	if (offset < 0)
		return offset;
	return transfer(vm->fd, offset, words, NULL, count);
}

ssize_t kvmidle_live_mark_idle(const struct kvmidle_vm *vm, uint64_t gfn,
			       const uint64_t *words, size_t count)
{
	off_t offset = offset_of(gfn);

	if (offset < 0)
		return offset;
	return transfer(vm->fd, offset, NULL, words, count);
}

/* A stretch of the file that slots cover, in bytes. */
struct segment {
	off_t start;
	off_t end;
};

static off_t round_up_to_word(off_t offset)
{
	return (offset + WORD_BYTES - 1) / WORD_BYTES * WORD_BYTES;
}

static off_t seek(int fd, off_t from, int whence)
{
	off_t to;

	do {
		to = lseek(fd, from, whence);
	} while (to < 0 && errno == EINTR);
	return to;
}

/* Add one to an array that grows by doubling. */
static int append(struct segment **segments, size_t *count, off_t start,
		  off_t end)
{
	if (IS_FULL(*count)) {
		size_t room = *count ? *count * 2 : 1;
		struct segment *bigger;

		bigger = realloc(*segments, room * sizeof(*bigger));
		if (!bigger)
			return -ENOMEM;
		*segments = bigger;
	}
	(*segments)[(*count)++] = (struct segment){ start, end };
	return 0;
}

/* The next stretch from @at on. Returns 1 if there is one, else 0 or an error. */
static int find_segment(int fd, off_t at, struct segment *found)
{
	off_t start, end;

	start = seek(fd, at, SEEK_DATA);
	if (start < 0)
		return errno == ENXIO ? 0 : -errno;	/* no more data */
	end = seek(fd, start, SEEK_HOLE);
	if (end < 0)
		return errno == ENXIO ? 0 : -errno;	/* it has just shrunk */
	if (end <= start)	/* no such file has it: never loop here */
		return -EIO;
	found->start = start / WORD_BYTES * WORD_BYTES;
	found->end = round_up_to_word(end);
	return 1;
}

/*
 * All of them are looked up before the first is read: seeking between reads
 * could look like going back in the file, and that pays the TLB flush early.
 */
static int find_segments(int fd, struct segment **segments, size_t *count)
{
	const off_t limit = GFN_LIMIT / PAGES_PER_WORD * WORD_BYTES;
	struct segment next = { 0 };
	int ret;

	while ((ret = find_segment(fd, next.end, &next)) > 0) {
		ret = append(segments, count, next.start, next.end);
		if (ret)
			break;
	}
	if (ret)
		return ret;

	/* The last runs on to the end, however far that has moved when we come. */
	if (!*count)
		return append(segments, count, 0, limit);
	(*segments)[*count - 1].end = limit;
	return 0;
}

/* Read [@at, @end) piece by piece; the file may end before. */
static int read_segment(struct kvmidle_vm *vm, off_t at, off_t end,
			kvmidle_pass_fn *fn, void *arg)
{
	while (at < end) {
		size_t want = (end - at) / WORD_BYTES;
		ssize_t got;
		int ret;

		if (want > PIECE_WORDS)
			want = PIECE_WORDS;
		got = transfer(vm->fd, at, vm->buffer, NULL, want);
		if (got < 0)
			return got;
		ret = fn && got ? fn(arg, gfn_of(at), vm->buffer, got) : 0;
		if (ret)
			return ret;
		if ((size_t)got < want)
			break;
		at += got * WORD_BYTES;
	}
	return 0;
}

int kvmidle_live_pass(struct kvmidle_vm *vm, kvmidle_pass_fn *fn, void *arg)
{
	struct segment *segments = NULL;
	size_t count = 0, i;
	int ret = kvmidle_get_buffer(vm);

	if (ret)
		return ret;
	vm->started = kvmidle_now();
	ret = find_segments(vm->fd, &segments, &count);
	for (i = 0; i < count && !ret; i++)
		ret = read_segment(vm, segments[i].start, segments[i].end, fn, arg);
	free(segments);
	return ret;
}
