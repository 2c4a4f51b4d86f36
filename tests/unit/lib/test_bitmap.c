// SPDX-License-Identifier: GPL-2.0-only
#include "fake.h"
#include "suite.h"

#include <errno.h>
#include <string.h>

#define SCRIPT(...) do {						\
	static const long steps[] = { __VA_ARGS__ };			\
	fake.script = steps;						\
	fake.script_length = sizeof(steps) / sizeof(steps[0]);		\
} while (0)

static struct kvmidle_vm *open_vm(enum kvmidle_mode mode)
{
	struct kvmidle_vm *vm = NULL;

	assert_int_equal(kvmidle_open(FAKE_PID, mode, &vm), 0);
	return vm;
}

static void fill(uint64_t *words, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		words[i] = i * UINT64_C(0x9e3779b97f4a7c15) | 1;
}

static void read_a_range(void **state)
{
	uint64_t in[20], out[20];
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(100);
	fill(in, 20);
	fake_put(50, in, 20);
	vm = open_vm(KVMIDLE_PEEK);
	assert_int_equal(kvmidle_read(vm, 50 * 64, out, 20), 20);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(fake.reads, 1);
	kvmidle_close(vm);
}

static void read_on_after_short_reads(void **state)
{
	uint64_t in[20], out[20];
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(100);
	fill(in, 20);
	fake_put(0, in, 20);
	vm = open_vm(KVMIDLE_PEEK);
	SCRIPT(-EINTR, 8, -EINTR, -EINTR, 24, 16);
	assert_int_equal(kvmidle_read(vm, 0, out, 20), 20);
	assert_memory_equal(in, out, sizeof(in));
	kvmidle_close(vm);
}

static void read_to_the_end(void **state)
{
	uint64_t out[20];
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(10);
	vm = open_vm(KVMIDLE_PEEK);
	assert_int_equal(kvmidle_read(vm, 0, out, 20), 10);
	assert_int_equal(kvmidle_read(vm, 9 * 64, out, 20), 1);
	assert_int_equal(kvmidle_read(vm, 10 * 64, out, 20), 0);
	assert_int_equal(kvmidle_read(vm, 1000 * 64, out, 20), 0);
	assert_int_equal(kvmidle_read(vm, 0, out, 0), 0);
	kvmidle_close(vm);
}

static void read_errors(void **state)
{
	uint64_t out[20];
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(100);
	vm = open_vm(KVMIDLE_PEEK);
	assert_int_equal(kvmidle_read(vm, 1, out, 1), -EINVAL);
	assert_int_equal(kvmidle_read(vm, GFN_LIMIT, out, 1), -EINVAL);
	assert_int_equal(kvmidle_read(vm, UINT64_MAX - 63, out, 1), -EINVAL);
	assert_int_equal(kvmidle_read(vm, 0, out, SIZE_MAX / 8), -EINVAL);
	SCRIPT(8, -ESRCH);
	assert_int_equal(kvmidle_read(vm, 0, out, 20), -ESRCH);
	SCRIPT(-EOPNOTSUPP);
	assert_int_equal(kvmidle_read(vm, 0, out, 20), -EOPNOTSUPP);
	SCRIPT(12);	/* not a whole word: no answer of this module */
	assert_int_equal(kvmidle_read(vm, 0, out, 20), -EIO);
	kvmidle_close(vm);
}

static void mark_idle(void **state)
{
	uint64_t in[20], out[20];
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(100);
	fill(in, 20);
	vm = open_vm(KVMIDLE_HARVEST);
	SCRIPT(8, -EINTR, 16);
	assert_int_equal(kvmidle_mark_idle(vm, 30 * 64, in, 20), 20);
	fake_get(30, out, 20);
	assert_memory_equal(in, out, sizeof(in));

	/* Past the end the module says ENXIO, which is no error here. */
	assert_int_equal(kvmidle_mark_idle(vm, 90 * 64, in, 20), 10);
	assert_int_equal(kvmidle_mark_idle(vm, 100 * 64, in, 20), 0);
	SCRIPT(-ESRCH);
	assert_int_equal(kvmidle_mark_idle(vm, 0, in, 20), -ESRCH);
	assert_int_equal(kvmidle_mark_idle(vm, 63, in, 20), -EINVAL);
	kvmidle_close(vm);

	vm = open_vm(KVMIDLE_PEEK);
	assert_int_equal(kvmidle_mark_idle(vm, 0, in, 20), -EBADF);
	kvmidle_close(vm);
}

/* The file in pieces; data are where the file system has blocks. */
#define BLOCK		(1 << 16)	/* bytes: a multiple of any block */
#define BLOCK_WORDS	(BLOCK / 8)
#define FAR		(4096 * BLOCK_WORDS)
#define BITS_PER_WORD	64

struct seen {
	uint64_t sum;
	uint64_t next;	/* first page that may come */
	size_t words;
	size_t largest;
	int stop_after;
};

static int look(void *arg, uint64_t gfn, const uint64_t *words, size_t count)
{
	struct seen *seen = arg;
	size_t i;

	assert_int_equal(gfn % BITS_PER_WORD, 0);
	assert_true(gfn >= seen->next);
	assert_true(count > 0);
	seen->next = gfn + count * BITS_PER_WORD;
	seen->words += count;
	if (count > seen->largest)
		seen->largest = count;
	for (i = 0; i < count; i++)
		seen->sum += words[i] * (gfn / BITS_PER_WORD + i);
	return seen->stop_after && !--seen->stop_after ? -ECANCELED : 0;
}

/* Blocks of data at 1 and at FAR, the file ends a word after the second. */
static uint64_t make_sparse(void)
{
	static uint64_t data[BLOCK_WORDS];
	uint64_t sum = 0;
	size_t i;

	fake_bitmap(FAR + BLOCK_WORDS + 1);
	fill(data, BLOCK_WORDS);
	fake_put(BLOCK_WORDS, data, BLOCK_WORDS);
	fake_put(FAR, data, BLOCK_WORDS);
	fake_put(FAR + BLOCK_WORDS, data, 1);
	for (i = 0; i < BLOCK_WORDS; i++)
		sum += data[i] * (BLOCK_WORDS + i) + data[i] * (FAR + i);
	return sum + data[0] * (FAR + BLOCK_WORDS);
}

static void pass_over_holes(void **state)
{
	uint64_t sum = make_sparse();
	struct seen seen = { 0 };
	struct kvmidle_vm *vm;
	int again;

	(void)state;
	vm = open_vm(KVMIDLE_HARVEST);
	for (again = 0; again < 2; again++) {
		memset(&seen, 0, sizeof(seen));
		fake.went_back = fake.saw_end = false;
		fake.last_read_end = 0;
		if (again)
			SCRIPT(-EINTR, 8, 32, -EINTR, 64);
		assert_int_equal(kvmidle_pass(vm, look, &seen), 0);
		assert_int_equal(seen.sum, sum);
		/* The gap of 256 MiB of bitmap was not read. */
		assert_true(seen.words < 8 * BLOCK_WORDS);
		/* What the pass policy of the TLB asks for. */
		assert_false(fake.went_back);
		assert_true(fake.saw_end);
	}
	kvmidle_close(vm);
}

static void pass_without_function(void **state)
{
	struct kvmidle_vm *vm;

	(void)state;
	make_sparse();
	vm = open_vm(KVMIDLE_HARVEST);
	assert_int_equal(kvmidle_pass(vm, NULL, NULL), 0);
	assert_true(fake.saw_end);
	kvmidle_close(vm);
}

static void pass_of_an_empty_vm(void **state)
{
	struct seen seen = { 0 };
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(0);
	vm = open_vm(KVMIDLE_HARVEST);
	assert_int_equal(kvmidle_pass(vm, look, &seen), 0);
	assert_int_equal(seen.words, 0);
	kvmidle_close(vm);
}

static void pass_in_large_pieces(void **state)
{
	const size_t words = 3 * 131072 / 2;	/* one piece and a half */
	static uint64_t data[3 * 131072 / 2];
	struct seen seen = { 0 };
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(words);
	fill(data, words);
	fake_put(0, data, words);
	vm = open_vm(KVMIDLE_HARVEST);
	assert_int_equal(kvmidle_pass(vm, look, &seen), 0);
	assert_int_equal(seen.words, words);
	assert_int_equal(seen.largest, 131072);
	assert_int_equal(fake.reads, 3);	/* the third finds the end */
	kvmidle_close(vm);
}

static void pass_ended_by_its_function(void **state)
{
	struct seen seen = { .stop_after = 1 };
	struct kvmidle_vm *vm;

	(void)state;
	make_sparse();
	vm = open_vm(KVMIDLE_HARVEST);
	assert_int_equal(kvmidle_pass(vm, look, &seen), -ECANCELED);
	assert_int_equal(fake.reads, 1);
	kvmidle_close(vm);
}

static void pass_that_fails(void **state)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();
	struct kvmidle_vm *vm;

	(void)state;
	make_sparse();
	vm = open_vm(KVMIDLE_HARVEST);
	SCRIPT(0, -ESRCH);
	assert_int_equal(kvmidle_ages_pass(ages, vm), -ESRCH);
	assert_int_equal(kvmidle_ages_passes(ages), 0);
	/* Half a pass was fed: it must not count now. */
	kvmidle_ages_end_pass(ages);
	assert_int_equal(kvmidle_ages_untouched(ages, 0, GFN_LIMIT), 0);

	assert_int_equal(kvmidle_ages_pass(ages, vm), 0);
	assert_int_equal(kvmidle_ages_passes(ages), 2);
	assert_int_equal(kvmidle_ages_get(ages, BLOCK_WORDS * BITS_PER_WORD), 1);
	assert_int_equal(kvmidle_ages_get(ages, FAR * UINT64_C(64)), 1);
	kvmidle_ages_free(ages);
	kvmidle_close(vm);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

static const struct CMUnitTest tests[] = {
	TEST(read_a_range),
	TEST(read_on_after_short_reads),
	TEST(read_to_the_end),
	TEST(read_errors),
	TEST(mark_idle),
	TEST(pass_over_holes),
	TEST(pass_without_function),
	TEST(pass_of_an_empty_vm),
	TEST(pass_in_large_pieces),
	TEST(pass_ended_by_its_function),
	TEST(pass_that_fails),
};

SUITE(suite_bitmap, tests);
