// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "table/leaf.h"

#define BASE	(5 * KI_SLICE_PAGES)

static struct ki_bits bits;

static void want(u64 value)
{
	memset(&bits, 0, sizeof(bits));
	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++)
		bits.want[i] = value;
}

/* Words @from to @to - 1, and no other, are present, and of a huge leaf. */
static void expect_words(unsigned int from, unsigned int to, bool giant)
{
	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++) {
		bool in = i >= from && i < to;

		assert_true(bits.present[i] == (in ? ~0ULL : 0));
		assert_true((bits.huge[i / 64] >> i % 64 & 1) == in);
		assert_true((bits.giant[i / 64] >> i % 64 & 1) == (in && giant));
		assert_true(bits.young[i] == 0);
	}
}

static void test_page(void **state)
{
	(void)state;
	want(0);
	bits.want[3] = 0x30;
	ki_bits_add_leaf(&bits, BASE, BASE + 3 * 64 + 4, 1);
	ki_bits_add_leaf(&bits, BASE, BASE + 3 * 64 + 6, 1);
	assert_true(bits.present[3] == 0x10);
	bits.present[3] = 0;
	expect_words(0, 0, false);
}

static void test_huge(void **state)
{
	(void)state;
	want(~0ULL);
	ki_bits_add_leaf(&bits, BASE, BASE + 512 + 77, 512);
	expect_words(8, 16, false);
	/* The least and the greatest that are not larger than the slice. */
	want(~0ULL);
	ki_bits_add_leaf(&bits, BASE, BASE + 127, 64);
	expect_words(1, 2, false);
	want(~0ULL);
	ki_bits_add_leaf(&bits, BASE, BASE + 127, KI_SLICE_PAGES);
	expect_words(0, KI_SLICE_WORDS, false);
}

static void test_one_page_of_a_huge_leaf(void **state)
{
	(void)state;
	want(0);
	bits.want[9] = 1;
	ki_bits_add_leaf(&bits, BASE, BASE + 512, 512);
	expect_words(8, 16, false);
}

static void test_none_of_a_huge_leaf(void **state)
{
	(void)state;
	want(0);
	bits.want[7] = bits.want[16] = ~0ULL;
	ki_bits_add_leaf(&bits, BASE, BASE + 512, 512);
	expect_words(0, 0, false);
}

/* It begins in another slice, and ends in a third. */
static void test_giant(void **state)
{
	(void)state;
	want(0);
	bits.want[KI_SLICE_WORDS - 1] = 1;
	ki_bits_add_leaf(&bits, BASE, BASE + 5, KI_GIANT_PAGES);
	expect_words(0, KI_SLICE_WORDS, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_page),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_one_page_of_a_huge_leaf),
		cmocka_unit_test(test_none_of_a_huge_leaf),
		cmocka_unit_test(test_giant),
	};

	return cmocka_run_group_tests_name("leaf", tests, NULL, NULL);
}
