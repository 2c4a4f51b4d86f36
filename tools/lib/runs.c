// SPDX-License-Identifier: LGPL-2.1-or-later
#include "runs.h"
#include "bytes.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <zlib.h>

/* The longest a number can be: 64 bits, 7 in a byte. */
#define NUMBER_BYTES	10

static size_t put_number(uint8_t *at, uint64_t value)
{
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		at[n++] = value | 0x80;
	at[n++] = value;
	return n;
}

static int make_room(struct runs_writer *writer, size_t bytes)
{
	size_t room = writer->room ? writer->room : 4096;
	uint8_t *bigger;

	if (bytes > RUNS_BYTES_LIMIT - writer->length)
		return -EFBIG;
	while (room - writer->length < bytes)
		room *= 2;
	if (room == writer->room)
		return 0;
	bigger = realloc(writer->bytes, room);
	if (!bigger)
		return -ENOMEM;
	writer->bytes = bigger;
	writer->room = room;
	return 0;
}

/* May this one follow that one? Returns what is wrong with it, or NULL. */
static const char *check_order(const struct runs_run *last,
			       const struct runs_run *run, uint64_t page_limit)
{
	uint64_t end = last->start + last->pages;

	if (!run->pages)
		return "runs have one of no pages";
	if (run->start < end)
		return "runs are not in order";
	if (run->start >= page_limit || run->pages > page_limit - run->start)
		return "runs go beyond the last possible address";
	if (last->pages && run->start == end && run->value == last->value)
		return "runs have two that are one";
	return NULL;
}

int kvmidle_runs_add(struct runs_writer *writer, const struct runs_run *run)
{
	uint64_t end = writer->last.start + writer->last.pages;
	int err;

	if (check_order(&writer->last, run, RUNS_PAGE_LIMIT))
		return -EINVAL;
	err = make_room(writer, 3 * NUMBER_BYTES);
	if (err)
		return err;
	writer->length += put_number(writer->bytes + writer->length, run->start - end);
	writer->length += put_number(writer->bytes + writer->length, run->pages);
	writer->length += put_number(writer->bytes + writer->length, run->value);
	writer->count++;
	writer->last = *run;
	return 0;
}

void kvmidle_runs_reset(struct runs_writer *writer)
{
	writer->length = 0;
	writer->count = 0;
	writer->last = (struct runs_run){ 0 };
}

void kvmidle_runs_free(struct runs_writer *writer)
{
	free(writer->bytes);
	*writer = (struct runs_writer){ 0 };
}

int kvmidle_runs_pack(const struct runs_writer *writer, size_t before,
		      uint8_t **packed, size_t *length)
{
	uLongf deflated = compressBound(writer->length);
	enum runs_packing packing = RUNS_DEFLATED;
	uint8_t *bytes, *head;

	bytes = malloc(before + RUNS_HEAD_SIZE + deflated);
	if (!bytes)
		return -ENOMEM;
	head = bytes + before;

	/* It has the room that it needs, so it lacks memory if it fails. */
	if (compress(head + RUNS_HEAD_SIZE, &deflated, writer->bytes, writer->length)) {
		free(bytes);
		return -ENOMEM;
	}
	if (deflated >= writer->length) {
		packing = RUNS_PLAIN;
		deflated = writer->length;
		if (deflated)
			memcpy(head + RUNS_HEAD_SIZE, writer->bytes, deflated);
	}
	put_u64(head, writer->count);
	put_u32(head + 8, writer->length);
	put_u32(head + 12, packing);
	*packed = bytes;
	*length = before + RUNS_HEAD_SIZE + deflated;
	return 0;
}

#define BATCH	512

/* Between two bytes of the numbers. */
struct reader {
	const struct runs_rules *rules;
	uint64_t left;			/* runs that are still to come */
	runs_fn *fn;
	void *arg;
	const char *what;		/* is wrong */

	uint64_t number;		/* as far as it is known */
	unsigned int shift;
	unsigned int which;		/* of the three numbers of a run */
	uint64_t numbers[3];
	struct runs_run last;

	struct runs_run batch[BATCH];
	size_t count;
};

static int damaged(struct reader *reader, const char *what)
{
	reader->what = what;
	return -EBADMSG;
}

static int hand_on(struct reader *reader)
{
	size_t count = reader->count;

	reader->count = 0;
	return reader->fn && count ? reader->fn(reader->arg, reader->batch, count) : 0;
}

static int take_run(struct reader *reader)
{
	uint64_t end = reader->last.start + reader->last.pages;
	struct runs_run run = {
		.pages = reader->numbers[1], .value = reader->numbers[2],
	};
	const char *what;

	if (!reader->left--)
		return damaged(reader, "runs are more than their number says");
	if (reader->numbers[0] > RUNS_PAGE_LIMIT)
		return damaged(reader, "runs go beyond the last possible address");
	run.start = end + reader->numbers[0];
	what = check_order(&reader->last, &run, reader->rules->page_limit);
	if (what)
		return damaged(reader, what);
	if (run.value < reader->rules->lowest || run.value > reader->rules->highest)
		return damaged(reader, "runs have a value that is unknown");

	reader->last = run;
	reader->batch[reader->count++] = run;
	return reader->count == BATCH ? hand_on(reader) : 0;
}

static int take_byte(struct reader *reader, uint8_t byte)
{
	uint64_t bits = byte & 0x7f;

	if (reader->shift > 63 || (bits << reader->shift) >> reader->shift != bits)
		return damaged(reader, "runs have a number of more than 64 bits");
	if (!byte && reader->shift)
		return damaged(reader, "runs have a number that is longer than it need be");
	reader->number |= bits << reader->shift;
	reader->shift += 7;
	if (byte & 0x80)
		return 0;

	reader->numbers[reader->which++] = reader->number;
	reader->number = 0;
	reader->shift = 0;
	if (reader->which < 3)
		return 0;
	reader->which = 0;
	return take_run(reader);
}

/* Returns as take_byte() does; @done: bytes taken, without one that failed. */
static int take_bytes(struct reader *reader, const uint8_t *bytes, size_t count,
		      size_t *done)
{
	int ret = 0;
	size_t i;

	for (i = 0; i < count; i++) {
		ret = take_byte(reader, bytes[i]);
		if (ret)
			break;
	}
	*done = i;
	return ret;
}

static int take_deflated(struct reader *reader, const uint8_t *bytes,
			 size_t count, size_t expected, size_t *done)
{
	z_stream stream = { .next_in = (Bytef *)bytes, .avail_in = count };
	uint8_t out[16384];
	size_t ignored;
	int ret = 0, z;

	*done = 0;
	if (inflateInit(&stream) != Z_OK)
		return -ENOMEM;
	do {
		stream.next_out = out;
		stream.avail_out = sizeof(out);
		z = inflate(&stream, Z_NO_FLUSH);
		if (z == Z_MEM_ERROR)
			ret = -ENOMEM;
		else if (z != Z_OK && z != Z_STREAM_END)
			ret = damaged(reader, "runs cannot be unpacked");
		else if (stream.total_out > expected)
			ret = damaged(reader, "runs are longer than their length says");
		else
			ret = take_bytes(reader, out, sizeof(out) - stream.avail_out,
					 &ignored);
	} while (!ret && z != Z_STREAM_END);

	*done = stream.total_in;
	if (!ret && stream.total_out != expected)
		ret = damaged(reader, "runs are shorter than their length says");
	if (!ret && stream.avail_in)
		ret = damaged(reader, "runs are followed by more than they need");
	inflateEnd(&stream);
	return ret;
}

int kvmidle_runs_unpack(const uint8_t *packed, size_t length,
			const struct runs_rules *rules, runs_fn *fn, void *arg,
			struct runs_fault *fault)
{
	struct reader reader = { .rules = rules, .fn = fn, .arg = arg };
	size_t expected, done = 0;
	uint32_t packing;
	int ret;

	*fault = (struct runs_fault){ 0 };
	if (length < RUNS_HEAD_SIZE) {
		*fault = (struct runs_fault){ 0, "runs lack their head" };
		return -EBADMSG;
	}
	reader.left = get_u64(packed);
	expected = get_u32(packed + 8);
	packing = get_u32(packed + 12);
	packed += RUNS_HEAD_SIZE;
	length -= RUNS_HEAD_SIZE;

	/* A run takes three bytes at least. */
	if (expected > RUNS_BYTES_LIMIT || reader.left > expected / 3) {
		*fault = (struct runs_fault){ 0, "runs are more than can be true" };
		return -EBADMSG;
	}
	if (packing == RUNS_DEFLATED)
		ret = take_deflated(&reader, packed, length, expected, &done);
	else if (packing != RUNS_PLAIN)
		ret = damaged(&reader, "runs are packed in a way that is unknown");
	else if (expected != length)
		ret = damaged(&reader, "runs are not of the length that they say");
	else
		ret = take_bytes(&reader, packed, length, &done);

	if (!ret && (reader.which || reader.shift))
		ret = damaged(&reader, "runs end in the middle of one");
	if (!ret && reader.left)
		ret = damaged(&reader, "runs are fewer than their number says");
	if (!ret)
		ret = hand_on(&reader);
	if (ret == -EBADMSG && reader.what)
		*fault = (struct runs_fault){ RUNS_HEAD_SIZE + done, reader.what };
	return ret;
}
