// SPDX-License-Identifier: GPL-2.0-only
#include "internal.h"
#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK	32768	/* pages; only to place tests at its borders */

static void feed(struct kvmidle_ages *ages, uint64_t gfn, uint64_t word)
{
	assert_int_equal(kvmidle_ages_feed(ages, gfn, &word, 1), 0);
}

static void pass(struct kvmidle_ages *ages, uint64_t gfn, uint64_t word)
{
	feed(ages, gfn, word);
	kvmidle_ages_end_pass(ages);
}

static void ages_of_nothing(void **state)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();
	uint64_t at_least[KVMIDLE_AGE_MAX + 1];
	unsigned int a;

	(void)state;
	assert_int_equal(kvmidle_ages_passes(ages), 0);
	assert_int_equal(kvmidle_ages_get(ages, 12345), 0);
	assert_int_equal(kvmidle_ages_untouched(ages, 0, 1 << 20), 0);
	kvmidle_ages_histogram(ages, 7, 1000, at_least);
	assert_int_equal(at_least[0], 1000);
	for (a = 1; a <= KVMIDLE_AGE_MAX; a++)
		assert_int_equal(at_least[a], 0);
	kvmidle_ages_free(ages);
	kvmidle_ages_free(NULL);
}

static void ages_count_and_reset(void **state)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();

	(void)state;
	pass(ages, 64, 0x3);	/* pages 64 and 65 idle */
	pass(ages, 64, 0x3);
	pass(ages, 64, 0x1);	/* 65 touched */
	assert_int_equal(kvmidle_ages_passes(ages), 3);
	assert_int_equal(kvmidle_ages_get(ages, 63), 0);
	assert_int_equal(kvmidle_ages_get(ages, 64), 3);
	assert_int_equal(kvmidle_ages_get(ages, 65), 0);
	pass(ages, 64, 0x3);
	assert_int_equal(kvmidle_ages_get(ages, 64), 4);
	assert_int_equal(kvmidle_ages_get(ages, 65), 1);
	/* 65 was touched once in the window, 64 never. */
	assert_int_equal(kvmidle_ages_untouched(ages, 0, 1000), 1);
	kvmidle_ages_free(ages);
}

static void ages_saturate(void **state)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();
	unsigned int i;

	(void)state;
	for (i = 0; i < 300; i++)
		/* Bit 1 is touched in pass 20, far beyond what an age can tell. */
		pass(ages, 0, i == 20 ? 0x1 : 0x3);
	assert_int_equal(kvmidle_ages_passes(ages), 300);
	assert_int_equal(kvmidle_ages_get(ages, 0), KVMIDLE_AGE_MAX);
	assert_int_equal(kvmidle_ages_get(ages, 1), KVMIDLE_AGE_MAX);
	assert_int_equal(kvmidle_ages_untouched(ages, 0, 64), 1);
	kvmidle_ages_free(ages);
}

static void ages_of_a_late_page(void **state)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();

	(void)state;
	pass(ages, 0, 1);
	/* A page that appears in the second pass, in a chunk of its own. */
	feed(ages, 0, 1);
	pass(ages, 10 * CHUNK, 1);
	assert_int_equal(kvmidle_ages_get(ages, 10 * CHUNK), 1);
	assert_int_equal(kvmidle_ages_untouched(ages, 10 * CHUNK, 64), 0);
	assert_int_equal(kvmidle_ages_untouched(ages, 0, 11 * CHUNK), 1);
	kvmidle_ages_free(ages);
}

static void ages_of_what_is_not_fed(void **state)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();

	(void)state;
	feed(ages, 0, 1);
	pass(ages, CHUNK, 1);
	pass(ages, 0, 1);	/* nothing about the other chunk: a hole */
	assert_int_equal(kvmidle_ages_get(ages, 0), 2);
	assert_int_equal(kvmidle_ages_get(ages, CHUNK), 0);
	kvmidle_ages_free(ages);
}

static void ages_drop_a_pass(void **state)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();

	(void)state;
	pass(ages, 0, 1);
	feed(ages, 0, 3);
	kvmidle_ages_drop_pass(ages);
	assert_int_equal(kvmidle_ages_passes(ages), 1);
	assert_int_equal(kvmidle_ages_get(ages, 0), 1);
	/* What was dropped must not show up in the next one. */
	pass(ages, 64, 1);
	assert_int_equal(kvmidle_ages_get(ages, 0), 0);
	assert_int_equal(kvmidle_ages_get(ages, 1), 0);
	kvmidle_ages_free(ages);
}

static void ages_last_word_counts(void **state)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();

	(void)state;
	feed(ages, 0, 3);
	pass(ages, 0, 0);
	assert_int_equal(kvmidle_ages_get(ages, 0), 0);
	kvmidle_ages_free(ages);
}

static void ages_refuse_nonsense(void **state)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();
	const uint64_t words[2] = { 1, 1 };

	(void)state;
	assert_int_equal(kvmidle_ages_feed(ages, 1, words, 1), -EINVAL);
	assert_int_equal(kvmidle_ages_feed(ages, GFN_LIMIT, words, 1), -EINVAL);
	assert_int_equal(kvmidle_ages_feed(ages, GFN_LIMIT - 64, words, 2), -EINVAL);
	assert_int_equal(kvmidle_ages_feed(ages, UINT64_MAX - 63, words, 1), -EINVAL);
	assert_int_equal(kvmidle_ages_feed(ages, 0, words, SIZE_MAX), -EINVAL);
	kvmidle_ages_free(ages);
}

static void ages_at_the_end_of_addresses(void **state)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();
	uint64_t at_least[KVMIDLE_AGE_MAX + 1];

	(void)state;
	/* A device window as high as real machines have them: 56 TiB. */
	pass(ages, UINT64_C(56) << 28, 0xff);
	assert_int_equal(kvmidle_ages_untouched(ages, 0, UINT64_MAX), 8);
	kvmidle_ages_histogram(ages, 0, UINT64_MAX, at_least);
	assert_int_equal(at_least[1], 8);
	kvmidle_ages_histogram(ages, UINT64_MAX, UINT64_MAX, at_least);
	assert_int_equal(at_least[1], 0);
	assert_int_equal(kvmidle_ages_get(ages, UINT64_MAX), 0);
	kvmidle_ages_free(ages);
}

/* Against a model that keeps every bitmap and counts page by page. */
#define PAGES	(3 * CHUNK)
#define PASSES	6

static void check_range(const struct kvmidle_ages *ages,
			const uint8_t idle[PASSES][PAGES], uint64_t gfn,
			uint64_t pages)
{
	uint64_t at_least[KVMIDLE_AGE_MAX + 1], expected[PASSES + 1] = { 0 };
	uint64_t untouched = 0, n;
	unsigned int age, a;

	for (n = gfn; n < gfn + pages; n++) {
		for (age = 0; age < PASSES && idle[PASSES - 1 - age][n]; age++)
			;
		assert_int_equal(kvmidle_ages_get(ages, n), age);
		untouched += age == PASSES;
		for (a = 0; a <= age; a++)
			expected[a]++;
	}
	kvmidle_ages_histogram(ages, gfn, pages, at_least);
	for (a = 0; a <= PASSES; a++)
		assert_int_equal(at_least[a], expected[a]);
	assert_int_equal(at_least[PASSES + 1], 0);
	assert_int_equal(kvmidle_ages_untouched(ages, gfn, pages), untouched);
}

static void ages_match_a_model(void **state)
{
	static uint8_t idle[PASSES][PAGES];
	static uint64_t words[PAGES / 64];
	struct kvmidle_ages *ages = kvmidle_ages_new();
	unsigned int p, n;

	(void)state;
	srandom(1);
	for (p = 0; p < PASSES; p++) {
		memset(words, 0, sizeof(words));
		for (n = 0; n < PAGES; n++) {
			/* The second chunk stays empty until the fourth pass. */
			idle[p][n] = random() % 8 != 0 &&
				     (n / CHUNK != 1 || p >= 3);
			words[n / 64] |= (uint64_t)idle[p][n] << n % 64;
		}
		/* In two pieces, the second first. */
		assert_int_equal(kvmidle_ages_feed(ages, 100 * 64, words + 100,
						   PAGES / 64 - 100), 0);
		assert_int_equal(kvmidle_ages_feed(ages, 0, words, 100), 0);
		kvmidle_ages_end_pass(ages);
	}
	check_range(ages, idle, 0, PAGES);
	check_range(ages, idle, 5, 1);
	check_range(ages, idle, 63, 2);
	check_range(ages, idle, CHUNK - 1, 2);
	check_range(ages, idle, CHUNK - 7, CHUNK + 13);
	check_range(ages, idle, PAGES - 3, 3);
	kvmidle_ages_free(ages);
}

#define P	KVM_IDLE_PAGE_PRESENT
#define Y	KVM_IDLE_PAGE_YOUNG

/* Regions of random length and categories, and the bitmap that says the same. */
static void ages_of_regions_and_bitmaps_agree(void **state)
{
	static const uint64_t kinds[] = {
		P, P | Y, Y, P | KVM_IDLE_PAGE_HOST_YOUNG, P | KVM_IDLE_PAGE_HUGE_2M,
		P | KVM_IDLE_PAGE_DIRTY, 0,
	};
	const uint64_t page_size = 16384;
	static uint64_t words[PAGES / 64];
	struct kvmidle_ages *by_regions = kvmidle_ages_new();
	struct kvmidle_ages *by_words = kvmidle_ages_new();
	unsigned int p, n;

	(void)state;
	srandom(2);
	for (p = 0; p < 20; p++) {
		uint64_t gfn = 0, end;

		memset(words, 0, sizeof(words));
		for (; gfn < PAGES; gfn = end) {
			uint64_t kind = kinds[random() % 7];
			const uint64_t length = random() % 3 ? random() % 70 : random() % 40000;
			struct kvm_idle_region region;

			end = gfn + 1 + length < PAGES ? gfn + 1 + length : PAGES;
			region = (struct kvm_idle_region){ gfn * page_size, end * page_size, kind };
			assert_int_equal(kvmidle_ages_feed_regions(by_regions, page_size, &region, 1), 0);
			for (n = gfn; n < end && (kind & ~(P | KVM_IDLE_PAGE_HUGE_2M | KVM_IDLE_PAGE_DIRTY)) == 0 && kind; n++)
				words[n / 64] |= 1ull << n % 64;
		}
		assert_int_equal(kvmidle_ages_feed(by_words, 0, words, PAGES / 64), 0);
		kvmidle_ages_end_pass(by_regions);
		kvmidle_ages_end_pass(by_words);
		for (n = 0; n < PAGES; n++)
			assert_int_equal(kvmidle_ages_get(by_regions, n), kvmidle_ages_get(by_words, n));
		assert_int_equal(kvmidle_ages_untouched(by_regions, 0, PAGES),
				 kvmidle_ages_untouched(by_words, 0, PAGES));
	}
	kvmidle_ages_free(by_regions);
	kvmidle_ages_free(by_words);
}

static void ages_refuse_bad_regions(void **state)
{
	static const struct kvm_idle_region bad[] = {
		{ 1, 4096, P }, { 0, 4097, P }, { 4096, 4096, P }, { 8192, 4096, P },
		{ 0, (1ull << 52) + 4096, P },
	};
	static const struct kvm_idle_region twice[] = {
		{ 0, 8192, P }, { 4096, 8192, P | Y },
	};
	struct kvmidle_ages *ages = kvmidle_ages_new();
	unsigned int i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(kvmidle_ages_feed_regions(ages, 4096, &bad[i], 1), -EINVAL);
	assert_int_equal(kvmidle_ages_feed_regions(ages, 0, twice, 2), -EINVAL);
	/* Of a page fed twice, the last counts. */
	assert_int_equal(kvmidle_ages_feed_regions(ages, 4096, twice, 2), 0);
	kvmidle_ages_end_pass(ages);
	assert_int_equal(kvmidle_ages_get(ages, 0), 1);
	assert_int_equal(kvmidle_ages_get(ages, 1), 0);
	kvmidle_ages_free(ages);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(ages_of_nothing),
	cmocka_unit_test(ages_count_and_reset),
	cmocka_unit_test(ages_saturate),
	cmocka_unit_test(ages_of_a_late_page),
	cmocka_unit_test(ages_of_what_is_not_fed),
	cmocka_unit_test(ages_drop_a_pass),
	cmocka_unit_test(ages_last_word_counts),
	cmocka_unit_test(ages_refuse_nonsense),
	cmocka_unit_test(ages_at_the_end_of_addresses),
	cmocka_unit_test(ages_match_a_model),
	cmocka_unit_test(ages_of_regions_and_bitmaps_agree),
	cmocka_unit_test(ages_refuse_bad_regions),
};

SUITE(suite_ages, tests);
