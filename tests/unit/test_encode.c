// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "encode/bitmap.h"

static void test_truth_table(void **state)
{
	/* hole; hole that was young; idle; young: only idle is 1 */
	const u64 present[] = { 0, 0, 1, 1 };
	const u64 young[] = { 0, 1, 0, 1 };
	const u64 idle[] = { 0, 0, 1, 0 };
	u64 out[4];

	(void)state;
	ki_encode_bitmap(out, present, young, 4);
	assert_memory_equal(out, idle, sizeof(idle));
}

static void test_every_bit_and_no_more(void **state)
{
	u64 out[3] = { 0, 0, 0xdead };

	(void)state;
	for (unsigned int i = 0; i < 64; i++) {
		const u64 present[] = { ~0ULL, 1ULL << i };
		const u64 young[] = { 1ULL << i, 0 };

		ki_encode_bitmap(out, present, young, 2);
		assert_true(out[0] == ~(1ULL << i));
		assert_true(out[1] == 1ULL << i);
		assert_true(out[2] == 0xdead);
	}
}

static void test_in_place(void **state)
{
	u64 present[] = { 0xff00, 0x1 };
	const u64 young[] = { 0xf000, 0x1 };

	(void)state;
	ki_encode_bitmap(present, present, young, 2);
	assert_true(present[0] == 0x0f00 && present[1] == 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_truth_table),
		cmocka_unit_test(test_every_bit_and_no_more),
		cmocka_unit_test(test_in_place),
	};

	return cmocka_run_group_tests_name("encode", tests, NULL, NULL);
}
