// SPDX-License-Identifier: GPL-2.0-only
/* Runs of pages as recordings have them. */
#include "bytes.h"
#include "runs.h"
#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define LAST	(RUNS_PAGE_LIMIT - 1)

static const struct runs_rules any = { RUNS_PAGE_LIMIT, 0, UINT64_MAX };

struct seen {
	struct runs_run at[4000];
	size_t count;
	unsigned int calls;
	unsigned int stop_at;
};

static struct seen seen;

static int see(void *arg, const struct runs_run *runs, size_t count)
{
	struct seen *s = arg;

	assert_true(count > 0);
	assert_true(s->count + count <= COUNT(s->at));
	memcpy(s->at + s->count, runs, count * sizeof(*runs));
	s->count += count;
	return ++s->calls == s->stop_at ? 77 : 0;
}

static void round_trip(const struct runs_run *runs, size_t count, int packing)
{
	struct runs_writer writer = { 0 };
	struct runs_fault fault;
	uint8_t *packed;
	size_t length, i;

	for (i = 0; i < count; i++)
		assert_int_equal(kvmidle_runs_add(&writer, &runs[i]), 0);
	assert_int_equal(kvmidle_runs_pack(&writer, 5, &packed, &length), 0);
	assert_int_equal(get_u64(packed + 5), count);
	assert_int_equal(get_u32(packed + 5 + 12), packing);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(kvmidle_runs_unpack(packed + 5, length - 5, &any, see,
					     &seen, &fault), 0);
	assert_int_equal(seen.count, count);
	if (count)
		assert_memory_equal(seen.at, runs, count * sizeof(*runs));
	free(packed);
	kvmidle_runs_free(&writer);
}

static void round_trips(void **state)
{
	static const struct runs_run edges[] = {
		{ 0, 1, 0 }, { 1, 1, UINT64_MAX }, { 2, 127, 1 }, { 129, 128, 2 },
		{ 1000, 1ull << 35, 1ull << 63 }, { LAST, 1, 3 },
	};
	static const struct runs_run all[] = { { 0, RUNS_PAGE_LIMIT, 9 } };
	static struct runs_run many[4000];
	size_t i;

	(void)state;
	round_trip(NULL, 0, RUNS_PLAIN);
	round_trip(edges, COUNT(edges), RUNS_DEFLATED);
	round_trip(all, 1, RUNS_PLAIN);
	for (i = 0; i < COUNT(many); i++)
		many[i] = (struct runs_run){ i * 3, 2, 1 };
	round_trip(many, COUNT(many), RUNS_DEFLATED);
	round_trip(many, 512, RUNS_DEFLATED);
}

static void refused(void **state)
{
	static const struct runs_run bad[] = {
		{ 9, 1, 1 },			/* overlaps */
		{ 0, 1, 1 },			/* out of order */
		{ 10, 1, 7 },			/* is one with the last */
		{ 20, 0, 1 },			/* empty */
		{ LAST, 2, 1 }, { RUNS_PAGE_LIMIT, 1, 1 },
		{ 20, UINT64_MAX, 1 }, { UINT64_MAX, 1, 1 },
	};
	struct runs_writer writer = { 0 };
	const struct runs_run first = { 0, 10, 7 }, next = { 10, 1, 8 };
	size_t i;

	(void)state;
	assert_int_equal(kvmidle_runs_add(&writer, &first), 0);
	for (i = 0; i < COUNT(bad); i++)
		assert_int_equal(kvmidle_runs_add(&writer, &bad[i]), -EINVAL);
	assert_int_equal(writer.count, 1);
	assert_int_equal(kvmidle_runs_add(&writer, &next), 0);
	kvmidle_runs_reset(&writer);
	assert_int_equal(kvmidle_runs_add(&writer, &first), 0);
	kvmidle_runs_free(&writer);
}

/* Packed runs of these numbers, with a head that fits. */
static size_t make(uint8_t *packed, const char *numbers, size_t length,
		   uint64_t count)
{
	put_u64(packed, count);
	put_u32(packed + 8, length);
	put_u32(packed + 12, RUNS_PLAIN);
	memcpy(packed + RUNS_HEAD_SIZE, numbers, length);
	return RUNS_HEAD_SIZE + length;
}

static void expect_fault(const uint8_t *packed, size_t length, size_t at,
			 const char *what)
{
	static const struct runs_rules rules = { 1 << 20, 1, 7 };
	struct runs_fault fault;

	assert_int_equal(kvmidle_runs_unpack(packed, length, &rules, NULL, NULL,
					     &fault), -EBADMSG);
	assert_string_equal(fault.what, what);
	assert_int_equal(fault.at, at);
}

static void damaged(void **state)
{
	static const struct {
		const char *numbers;
		size_t length;
		uint64_t count;
		size_t at;		/* in the numbers */
		const char *what;
	} cases[] = {
#define NUMBERS(text)	text, sizeof(text) - 1
		{ NUMBERS("\0\0\1"), 1, 2, "runs have one of no pages" },
		{ NUMBERS("\0\1\0"), 1, 2, "runs have a value that is unknown" },
		{ NUMBERS("\0\1\10"), 1, 2, "runs have a value that is unknown" },
		{ NUMBERS("\0\1\1\0\1\1"), 2, 5, "runs have two that are one" },
		{ NUMBERS("\377\377\77\1\1"), 1, 4, NULL },
		{ NUMBERS("\377\377\77\2\1"), 1, 4, "runs go beyond the last possible address" },
		{ NUMBERS("\200\200\200\200\200\200\200\200\200\1\1\1"), 1, 11,
		  "runs go beyond the last possible address" },
		{ NUMBERS("\200\200\200\200\200\200\200\200\200\2\1\1"), 1, 9,
		  "runs have a number of more than 64 bits" },
		{ NUMBERS("\200\200\200\200\200\200\200\200\200\200\1\1\1"), 1, 10,
		  "runs have a number of more than 64 bits" },
		{ NUMBERS("\201\0\1\1"), 1, 1, "runs have a number that is longer than it need be" },
		{ NUMBERS("\0\1\1\0\1"), 1, 5, "runs end in the middle of one" },
		{ NUMBERS("\0\1\1\0\1\201"), 1, 6, "runs end in the middle of one" },
		{ NUMBERS("\0\1\1\1\1\1"), 1, 5, "runs are more than their number says" },
		{ NUMBERS("\0\1\1\201\200\1"), 2, 6, "runs end in the middle of one" },
		{ NUMBERS("\0\201\200\1\1\1"), 2, 6, "runs end in the middle of one" },
		{ NUMBERS("\201\200\1\201\200\1\1"), 2, 7, "runs are fewer than their number says" },
		{ NUMBERS("\0\201\200\1\1"), 0, 4, "runs are more than their number says" },
	};
	uint8_t packed[64];
	struct runs_fault fault;
	size_t i, length;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		length = make(packed, cases[i].numbers, cases[i].length, cases[i].count);
		if (cases[i].what)
			expect_fault(packed, length, RUNS_HEAD_SIZE + cases[i].at,
				     cases[i].what);
		else
			assert_int_equal(kvmidle_runs_unpack(packed, length, &any, NULL,
							     NULL, &fault), 0);
	}
	length = make(packed, "\0\1\201\0", 4, 1);
	expect_fault(packed, 15, 0, "runs lack their head");
	expect_fault(packed, length - 1, RUNS_HEAD_SIZE, "runs are not of the length that they say");
	put_u64(packed, 2);
	expect_fault(packed, length, 0, "runs are more than can be true");
	length = make(packed, "\0\301\200\1\1\1", 6, 2);
	expect_fault(packed, length, RUNS_HEAD_SIZE + 6, "runs end in the middle of one");
	length = make(packed, "\0\301\200\1\1", 5, 1);
	put_u32(packed + 12, 2);
	expect_fault(packed, length, RUNS_HEAD_SIZE, "runs are packed in a way that is unknown");
	put_u32(packed + 8, RUNS_BYTES_LIMIT + 1);
	expect_fault(packed, length, 0, "runs are more than can be true");
}

static uint8_t *deflated(size_t *length)
{
	struct runs_writer writer = { 0 };
	uint8_t *packed;
	uint64_t i;

	for (i = 0; i < 3000; i++) {
		const struct runs_run run = { i * 2, 1, 1 };

		assert_int_equal(kvmidle_runs_add(&writer, &run), 0);
	}
	assert_int_equal(kvmidle_runs_pack(&writer, 0, &packed, length), 0);
	assert_int_equal(get_u32(packed + 12), RUNS_DEFLATED);
	kvmidle_runs_free(&writer);
	return packed;
}

static void damaged_deflated(void **state)
{
	size_t length, i;
	uint8_t *packed = deflated(&length), *longer;
	uint32_t expected = get_u32(packed + 8);

	(void)state;
	/* Cut anywhere. */
	for (i = RUNS_HEAD_SIZE; i < length; i++)
		expect_fault(packed, i, i, "runs cannot be unpacked");
	longer = calloc(1, length + 1);
	memcpy(longer, packed, length);
	expect_fault(longer, length + 1, length, "runs are followed by more than they need");
	free(longer);
	put_u32(packed + 8, expected + 1);
	expect_fault(packed, length, length, "runs are shorter than their length says");
	put_u64(packed, 1000);
	put_u32(packed + 8, expected - 1);
	expect_fault(packed, length, length, "runs are longer than their length says");
	put_u32(packed + 8, expected);
	packed[RUNS_HEAD_SIZE] ^= 0xff;
	expect_fault(packed, length, RUNS_HEAD_SIZE + 2, "runs cannot be unpacked");
	free(packed);
}

/* A few bytes that would be a gigabyte: no more is unpacked than they own up to. */
static void bomb(void **state)
{
	const size_t big = 64 << 20;
	uLongf room = compressBound(big);
	uint8_t *zeros = calloc(1, big), *packed = malloc(RUNS_HEAD_SIZE + room);
	struct runs_fault fault;

	(void)state;
	assert_int_equal(compress(packed + RUNS_HEAD_SIZE, &room, zeros, big), Z_OK);
	put_u64(packed, 10);
	put_u32(packed + 8, 30);
	put_u32(packed + 12, RUNS_DEFLATED);
	assert_int_equal(kvmidle_runs_unpack(packed, RUNS_HEAD_SIZE + room, &any,
					     NULL, NULL, &fault), -EBADMSG);
	assert_string_equal(fault.what, "runs are longer than their length says");
	assert_true(fault.at < RUNS_HEAD_SIZE + 200);
	free(zeros);
	free(packed);
}

static void ended_by_the_caller(void **state)
{
	struct runs_fault fault;
	size_t length;
	uint8_t *packed = deflated(&length);

	(void)state;
	memset(&seen, 0, sizeof(seen));
	seen.stop_at = 2;
	assert_int_equal(kvmidle_runs_unpack(packed, length, &any, see, &seen, &fault), 77);
	assert_int_equal(seen.calls, 2);
	free(packed);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(round_trips),
	cmocka_unit_test(refused),
	cmocka_unit_test(damaged),
	cmocka_unit_test(damaged_deflated),
	cmocka_unit_test(bomb),
	cmocka_unit_test(ended_by_the_caller),
};

SUITE(suite_runs, tests);
