// SPDX-License-Identifier: GPL-2.0-only
/*
 * Regions against a filter that goes page by page, as PAGEMAP_SCAN describes it: random
 * states, random filters, any room, any limit, and restarts.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "encode/regions.h"

#define ROUNDS	20000
#define WORDS	72	/* so that bits of words lie in two words */
#define PAGES	(64 * WORDS)
#define SHIFT	12

/* A state of pages, and the same with a byte for each. */
static u64 bitmap[KI_CATEGORIES][WORDS], huge[2], giant[2];
static uint8_t page_is[PAGES];

static struct ki_page_bits bits = {
	.present	= bitmap[KI_PRESENT],
	.young		= bitmap[KI_YOUNG],
	.dirty		= bitmap[KI_DIRTY],
	.host		= bitmap[KI_HOST_YOUNG],
	.huge		= huge,
	.giant		= giant,
};

static u64 random_state = 88172645463325252ULL;

static u64 random_u64(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state;
}

static u64 below(u64 n)
{
	return (random_u64() >> 8) % n;
}

/* All alike, in runs, a few, or all sorts. */
static u64 random_word(u64 kind)
{
	switch (kind) {
	case 0:
		return -below(2);
	case 1:
		return ~0ULL << below(64) ^ ~0ULL << below(64) ^ -below(2);
	case 2:
		return random_u64() & random_u64() & random_u64() & random_u64();
	default:
		return random_u64();
	}
}

static bool bit_of(const u64 *map, unsigned int i)
{
	return map[i / 64] >> (i % 64) & 1;
}

static void random_pages(void)
{
	u64 kind = below(4);

	for (unsigned int w = 0; w < WORDS; w++) {
		for (int c = 0; c < KI_HUGE_2M; c++)
			bitmap[c][w] = random_word(below(8) ? kind : below(4));
		if (below(9) == 0)
			bitmap[KI_PRESENT][w] = ~0ULL;
	}
	memset(huge, 0, sizeof(huge));
	memset(giant, 0, sizeof(giant));
	for (unsigned int w = 0; w < WORDS; w++) {
		u64 bit = 1ULL << (w % 64);

		if (below(3) == 0)
			huge[w / 64] |= bit;
		if (huge[w / 64] & bit && below(3) == 0)
			giant[w / 64] |= bit;
	}
	bits.dirty = below(4) ? bitmap[KI_DIRTY] : NULL;

	for (unsigned int i = 0; i < PAGES; i++) {
		bool present = bit_of(bits.present, i), one_gib = bit_of(giant, i / 64);

		page_is[i] = present << KI_PRESENT | bit_of(bits.young, i) << KI_YOUNG |
			     (bits.dirty && bit_of(bits.dirty, i)) << KI_DIRTY |
			     bit_of(bits.host, i) << KI_HOST_YOUNG |
			     (present && bit_of(huge, i / 64) && !one_gib) << KI_HUGE_2M |
			     (present && one_gib) << KI_HUGE_1G;
	}
}

static u64 random_mask(void)
{
	u64 mask = below(1 << KI_CATEGORIES);

	return below(2) ? mask & below(1 << KI_CATEGORIES) : below(3) ? 0 : mask;
}

static struct ki_filter random_filter(void)
{
	return (struct ki_filter) {
		.inverted	= random_mask(),
		.all_of		= random_mask() & random_mask(),
		.any_of		= random_mask(),
		.returned	= random_mask(),
	};
}

static bool matches(const struct ki_filter *f, unsigned int categories)
{
	bool any = !f->any_of;

	for (int c = 0; c < KI_CATEGORIES; c++) {
		bool has = (categories >> c & 1) != (f->inverted >> c & 1);

		if (f->all_of >> c & 1 && !has)
			return false;
		any |= f->any_of >> c & 1 && has;
	}
	return any;
}

/* The model: page by page. Return: the first that does not fit, or @end. */
static unsigned int model(struct ki_regions *out, u64 addr, unsigned int first, unsigned int end)
{
	for (unsigned int i = first; i < end; i++) {
		u64 at = addr + ((u64)i << SHIFT), told = page_is[i] & out->filter.returned;
		struct ki_region *last = out->count ? &out->region[out->count - 1] : NULL;

		if (!matches(&out->filter, page_is[i]))
			continue;
		if (!out->pages_left)
			return i;
		if (!last || last->end != at || last->categories != told) {
			if (out->count == out->room)
				return i;
			last = &out->region[out->count++];
			last->start = at;
			last->categories = told;
		}
		last->end = at + (1 << SHIFT);
		out->pages_left--;
	}
	return end;
}

static void assert_same(const struct ki_regions *a, const struct ki_regions *b)
{
	assert_int_equal(a->count, b->count);
	assert_true(a->pages_left == b->pages_left);
	if (a->count)
		assert_memory_equal(a->region, b->region, a->count * sizeof(*a->region));
}

/* Exactly as many as there is room for, so that a sanitizer sees one more. */
static struct ki_regions make(const struct ki_filter *f, u64 room, u64 pages)
{
	return (struct ki_regions) {
		.filter = *f,
		.page_shift = SHIFT,
		.region = malloc((room ?: 1) * sizeof(struct ki_region)),
		.room = room,
		.pages_left = pages,
	};
}

static u64 random_limit(u64 most)
{
	switch (below(4)) {
	case 0:
		return below(4);
	case 1:
		return below(most);
	default:
		return below(20) ? ~0ULL : most;
	}
}

static void test_against_the_model(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct ki_filter f = random_filter();
		u64 room = random_limit(PAGES), pages = random_limit(PAGES);
		struct ki_regions got, want;
		unsigned int first, end, stop;
		/* Addresses that wrap, too: of host memory that begins within a slice. */
		u64 addr = below(2) ? 0x100000000ULL : (u64)0 - (below(PAGES) << SHIFT);

		if (round % 8 == 0)
			random_pages();
		room = room < PAGES ? room : PAGES;
		got = make(&f, room, pages);
		want = make(&f, room, pages);
		/* A piece, and another one that leads on from it or does not. */
		first = below(PAGES);
		end = first + below(PAGES - first + 1);
		stop = ki_encode_regions(&got, &bits, addr, first, end);
		assert_int_equal(stop, model(&want, addr, first, end));
		assert_same(&got, &want);
		if (stop == end) {
			first = below(2) ? end : below(end + 1);
			end = first + below(PAGES - first + 1);
			stop = ki_encode_regions(&got, &bits, addr, first, end);
			assert_int_equal(stop, model(&want, addr, first, end));
			assert_same(&got, &want);
		}
		free(got.region);
		free(want.region);
	}
}

/* Called again from where it ended, with room for a few each time: the same in the end. */
static void test_restarts(void **state)
{
	static struct ki_region all[PAGES], parts[PAGES];
	const u64 addr = 1ULL << 40;

	(void)state;
	for (int round = 0; round < ROUNDS / 20; round++) {
		struct ki_filter f = random_filter();
		struct ki_regions want = { .filter = f, .page_shift = SHIFT, .region = all,
					   .room = PAGES, .pages_left = ~0ULL };
		unsigned int at = 0, calls = 0;
		u64 count = 0;

		random_pages();
		assert_int_equal(ki_encode_regions(&want, &bits, addr, 0, PAGES), PAGES);
		while (at < PAGES) {
			u64 pages = below(2) ? ~0ULL : 1 + below(500);
			struct ki_regions some = make(&f, 1 + below(20), pages);
			unsigned int stop = ki_encode_regions(&some, &bits, addr, at, PAGES);

			/* Something is done each time. */
			assert_true(stop > at);
			for (u64 i = 0; i < some.count; i++) {
				struct ki_region *last = count ? &parts[count - 1] : NULL;

				/* Cut in two by the limit of pages. */
				if (last && last->end == some.region[i].start &&
				    last->categories == some.region[i].categories)
					last->end = some.region[i].end;
				else
					parts[count++] = some.region[i];
			}
			at = stop;
			calls++;
			free(some.region);
		}
		assert_true(calls < PAGES);
		assert_int_equal(count, want.count);
		assert_memory_equal(parts, all, count * sizeof(*all));
	}
}

/* With no array, matches count, and nothing else does. */
static void test_without_room(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS / 10; round++) {
		struct ki_filter f = random_filter();
		u64 pages = random_limit(PAGES);
		struct ki_regions got = { .filter = f, .page_shift = SHIFT, .pages_left = pages };
		unsigned int want = PAGES, left = 0;

		if (round % 8 == 0)
			random_pages();
		for (unsigned int i = 0; i < PAGES; i++)
			if (matches(&f, page_is[i]) && left++ == pages) {
				want = i;
				break;
			}
		assert_int_equal(ki_encode_regions(&got, &bits, 0, 0, PAGES), want);
		assert_int_equal(got.count, 0);
	}
}

static void test_alike(void **state)
{
	(void)state;
	for (int round = 0; round < ROUNDS; round++) {
		struct ki_filter f = random_filter();
		u64 room = below(3), limit = random_limit(PAGES), done, n = below(300);
		unsigned int categories = below(1 << KI_CATEGORIES), stop;
		struct ki_regions got = make(&f, room, limit), want = make(&f, room, limit);

		for (unsigned int i = 0; i < n; i++)
			page_is[i] = categories;
		for (u64 from = 0; from < n; from += done) {
			u64 part = 1 + below(n - from);

			done = ki_encode_alike(&got, categories, from << SHIFT, part);
			stop = model(&want, 0, from, from + part);
			assert_int_equal(from + done, stop);
			assert_same(&got, &want);
			if (done < part)
				break;
		}
		free(got.region);
		free(want.region);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_against_the_model),
		cmocka_unit_test(test_restarts),
		cmocka_unit_test(test_without_room),
		cmocka_unit_test(test_alike),
	};

	return cmocka_run_group_tests_name("regions", tests, NULL, NULL);
}
