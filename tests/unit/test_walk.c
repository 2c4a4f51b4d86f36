// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"

#define ADDR_MASK	0x000ffffffffff000ULL
#define BASE		(5 * KI_SLICE_PAGES)	/* a slice like any other */

static struct ki_bits bits;

static struct ki_walk walk_of(u64 root, unsigned int levels, bool clear)
{
	return (struct ki_walk) {
		.root = root,
		.levels = levels,
		.addr_mask = ADDR_MASK,
		.base = BASE,
		.start = BASE,
		.end = BASE + KI_SLICE_PAGES,
		.clear = clear,
		.bits = &bits,
	};
}

static void want_all(void)
{
	memset(&bits, 0, sizeof(bits));
	memset(bits.want, 0xff, sizeof(bits.want));
}

static bool present(u64 gfn)
{
	return bit(bits.present, BASE, gfn);
}

static bool young(u64 gfn)
{
	return bit(bits.young, BASE, gfn);
}

static unsigned int count(const u64 *map)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++)
		n += __builtin_popcountll(map[i]);
	return n;
}

/* Every test runs for both formats and for tables of 4 and of 5 levels. */
#define for_each_kind(f, levels)					\
	for (const struct format *f = formats; f < formats + 2; f++)	\
		for (unsigned int levels = 4; levels <= 5; levels++)

static void test_empty(void **state)
{
	(void)state;
	for_each_kind(f, levels) {
		struct ki_walk w = walk_of(model_new(f, levels), levels, true);

		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.present), 0);
		assert_int_equal(count(bits.young), 0);
	}
}

static void test_harvest_clears_accessed_alone(void **state)
{
	(void)state;
	for_each_kind(f, levels) {
		struct ki_walk w = walk_of(model_new(f, levels), levels, true);
		u64 *hot = model_map(BASE + 3, 1, f->accessed | f->dirty);
		u64 *cold = model_map(BASE + 4, 1, f->dirty);
		u64 hot_was = *hot, cold_was = *cold;

		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_true(present(BASE + 3) && young(BASE + 3));
		assert_true(present(BASE + 4) && !young(BASE + 4));
		assert_int_equal(count(bits.present), 2);
		assert_int_equal(count(bits.young), 1);
		assert_true(*hot == (hot_was & ~f->accessed));
		assert_true(*cold == cold_was);
	}
}

static void test_peek_changes_nothing(void **state)
{
	(void)state;
	for_each_kind(f, levels) {
		struct ki_walk w = walk_of(model_new(f, levels), levels, false);
		u64 *page = model_map(BASE, 1, f->accessed);
		u64 *huge = model_map(BASE + 512, 2, f->accessed);
		u64 page_was = *page, huge_was = *huge;

		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.young), 513);
		assert_true(*page == page_was && *huge == huge_was);
	}
}

/* Entries that look young to who tests two bits, and are not the hardware's. */
static void test_unreal_entries(void **state)
{
	(void)state;
	for_each_kind(f, levels) {
		const u64 unreal[] = {
			f->mmio,
			f->mmio | f->accessed,
			REMOVED,
			f->page | f->accessed | AD_DISABLED,
			f->page | f->accessed | AD_WRPROT,
			f->huge | f->accessed | AD_DISABLED,
			1ULL << 63,	/* suppress #VE */
			~f->table & 0xfffULL,
		};
		u64 root = model_new(f, levels);
		struct ki_walk w = walk_of(root, levels, true);

		for (unsigned int i = 0; i < 8; i++) {
			*model_entry(BASE + i, 1) = unreal[i];
			*model_entry(BASE + 512 * (i + 1), 2) = unreal[i];
		}
		/* One more, above all that a table page could be. */
		*model_entry(1ULL << 27, 3) = f->mmio;

		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.present), 0);
		assert_int_equal(count(bits.young), 0);
		for (unsigned int i = 0; i < 8; i++) {
			assert_true(*model_entry(BASE + i, 1) == unreal[i]);
			assert_true(*model_entry(BASE + 512 * (i + 1), 2) ==
				    unreal[i]);
		}
	}
}

static void test_2m_leaf_speaks_for_512(void **state)
{
	(void)state;
	for_each_kind(f, levels) {
		struct ki_walk w = walk_of(model_new(f, levels), levels, true);
		u64 *hot = model_map(BASE + 1024, 2, f->accessed);
		u64 *cold = model_map(BASE + 2048, 2, 0);

		want_all();
		/* One page of it is asked for: it cannot be told from the rest. */
		memset(&bits.want[1024 / 64], 0, 512 / 8);
		bits.want[1024 / 64 + 3] = 1ULL << 17;

		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.present), 1024);
		assert_int_equal(count(bits.young), 512);
		assert_true(young(BASE + 1024) && young(BASE + 1024 + 511));
		assert_false(*hot & f->accessed);
		assert_false(*cold & f->accessed);
	}
}

static void test_only_what_is_wanted(void **state)
{
	(void)state;
	for_each_kind(f, levels) {
		struct ki_walk w = walk_of(model_new(f, levels), levels, true);
		u64 *entry[3];

		for (unsigned int i = 0; i < 3; i++)
			entry[i] = model_map(BASE + 70 + i, 1, f->accessed);
		u64 *huge = model_map(BASE + 512, 2, f->accessed);

		memset(&bits, 0, sizeof(bits));
		bits.want[1] = 1ULL << 7;	/* page 71 */
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.present), 1);
		assert_int_equal(count(bits.young), 1);
		assert_true(young(BASE + 71));
		assert_true(*entry[0] & f->accessed);
		assert_false(*entry[1] & f->accessed);
		assert_true(*entry[2] & f->accessed);
		assert_true(*huge & f->accessed);
	}
}

static void test_range(void **state)
{
	(void)state;
	for_each_kind(f, levels) {
		struct ki_walk w = walk_of(model_new(f, levels), levels, true);
		u64 *before = model_map(BASE + 1023, 1, f->accessed);
		u64 *first = model_map(BASE + 1024, 1, f->accessed);
		u64 *last = model_map(BASE + 2047, 1, f->accessed);
		u64 *after = model_map(BASE + 2048, 1, f->accessed);

		want_all();
		w.start = BASE + 1024;
		w.end = BASE + 2048;
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.young), 2);
		assert_true(young(BASE + 1024) && young(BASE + 2047));
		assert_true(*before & f->accessed && *after & f->accessed);
		assert_false(*first & f->accessed || *last & f->accessed);
	}
}

static void test_giant_leaf(void **state)
{
	(void)state;
	for_each_kind(f, levels) {
		struct ki_walk w = walk_of(model_new(f, levels), levels, true);
		u64 *giant = model_map(BASE, 3, f->accessed);

		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_GIANT);
		assert_true(*giant & f->accessed);
		assert_int_equal(count(bits.young), 0);

		w.giant_ready = true;
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_true(w.giant_taken);
		assert_false(*giant & f->accessed);
		assert_int_equal(count(bits.young), KI_SLICE_PAGES);
		assert_int_equal(count(bits.present), KI_SLICE_PAGES);

		/* One that is not young needs no preparation. */
		want_all();
		w.giant_ready = w.giant_taken = false;
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_false(w.giant_taken);
		assert_int_equal(count(bits.present), KI_SLICE_PAGES);
		assert_int_equal(count(bits.young), 0);
	}
}

static void test_strange_leaf(void **state)
{
	(void)state;
	for_each_kind(f, levels) {
		struct ki_walk w = walk_of(model_new(f, levels), levels, true);
		u64 *strange = model_map(BASE, 4, f->accessed);
		u64 was = *strange;

		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_STRANGE);
		assert_true(*strange == was);
	}
}

static const struct format *racing;
static unsigned int races;

static void race_hardware_dirties(u64 *entry)
{
	if (!races++)
		*entry |= racing->dirty;
}

static void race_kvm_removes(u64 *entry)
{
	races++;
	*entry = REMOVED;
}

static void race_kvm_installs_mmio(u64 *entry)
{
	races++;
	*entry = racing->mmio | racing->accessed;
}

static void race_other_clears(u64 *entry)
{
	races++;
	*entry &= ~racing->accessed;
}

static void race(const struct format *f, unsigned int levels, unsigned int level,
		 void (*with)(u64 *), u64 expected, bool expected_young)
{
	struct ki_walk w = walk_of(model_new(f, levels), levels, true);
	u64 *entry = model_map(BASE, level, f->accessed);

	want_all();
	racing = f;
	races = 0;
	model_race = with;
	assert_int_equal(f->walk(&w), KI_WALK_DONE);
	assert_true(races >= 1);
	assert_int_equal(count(bits.young),
			 expected_young ? level == 1 ? 1 : 512 : 0);
	assert_true((*entry & 0xfff) == (expected & 0xfff));
}

static void test_races(void **state)
{
	(void)state;
	for_each_kind(f, levels) {
		for (unsigned int level = 1; level <= 2; level++) {
			u64 leaf = level == 1 ? f->page : f->huge;

			/* The D bit that came in between must survive. */
			race(f, levels, level, race_hardware_dirties,
			     leaf | f->dirty, true);
			assert_int_equal(races, 2);
			race(f, levels, level, race_kvm_removes, REMOVED, false);
			race(f, levels, level, race_kvm_installs_mmio,
			     f->mmio | f->accessed, false);
			race(f, levels, level, race_other_clears, leaf, false);
		}
	}
}

/* Guest memory above what 4 levels can map is not that below it once more. */
static void test_beyond_the_table(void **state)
{
	(void)state;
	for_each_kind(f, levels) {
		struct ki_walk w = walk_of(model_new(f, levels), levels, true);
		u64 *low = model_map(BASE, 1, f->accessed);

		want_all();
		w.base = w.start = BASE + (1ULL << 9 * levels);
		w.end = w.start + KI_SLICE_PAGES;
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.present), 0);
		assert_true(*low & f->accessed);
	}
}

/* A wrong address mask, or a table address with high bits, would be wild. */
static void test_high_bits_of_a_table_entry(void **state)
{
	(void)state;
	for_each_kind(f, levels) {
		struct ki_walk w = walk_of(model_new(f, levels), levels, false);

		model_map(BASE, 1, f->accessed);
		*model_entry(BASE, 2) |= 1ULL << 63 | 1ULL << 58 | f->accessed;
		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.young), 1);
	}
}

/* What a random table says, read entry by entry as plainly as can be. */
struct expectation {
	bool present[KI_SLICE_PAGES];
	bool young[KI_SLICE_PAGES];
};

static struct expectation expected;

static void random_table(const struct format *f)
{
	memset(&expected, 0, sizeof(expected));
	for (u64 block = 0; block < KI_SLICE_PAGES; block += 512) {
		unsigned int kind = rand() % 4;
		bool hot = rand() % 2;

		if (kind == 0)
			continue;
		if (kind == 1) {
			model_map(BASE + block, 2, hot ? f->accessed : 0);
			for (u64 i = block; i < block + 512; i++) {
				expected.present[i] = true;
				expected.young[i] = hot;
			}
			continue;
		}
		for (u64 i = block; i < block + 512; i++) {
			switch (rand() % 5) {
			case 0:
				*model_entry(BASE + i, 1) = f->mmio;
				break;
			case 1:
				expected.young[i] = true;
				/* fallthrough */
			case 2:
				expected.present[i] = true;
				model_map(BASE + i, 1, expected.young[i] ?
					  f->accessed : f->dirty);
				break;
			}
		}
	}
}

static void test_random(void **state)
{
	(void)state;
	srand(20181);
	for_each_kind(f, levels) {
		for (unsigned int round = 0; round < 50; round++) {
			struct ki_walk w = walk_of(model_new(f, levels), levels,
						   true);

			random_table(f);
			want_all();
			assert_int_equal(f->walk(&w), KI_WALK_DONE);
			for (u64 i = 0; i < KI_SLICE_PAGES; i++) {
				assert_int_equal(present(BASE + i),
						 expected.present[i]);
				assert_int_equal(young(BASE + i),
						 expected.young[i]);
			}
			/* And all of it is gone now. */
			want_all();
			assert_int_equal(f->walk(&w), KI_WALK_DONE);
			assert_int_equal(count(bits.young), 0);
		}
	}
}

static int teardown(void **state)
{
	(void)state;
	model_free();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_harvest_clears_accessed_alone),
		cmocka_unit_test(test_peek_changes_nothing),
		cmocka_unit_test(test_unreal_entries),
		cmocka_unit_test(test_2m_leaf_speaks_for_512),
		cmocka_unit_test(test_only_what_is_wanted),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_giant_leaf),
		cmocka_unit_test(test_strange_leaf),
		cmocka_unit_test(test_races),
		cmocka_unit_test(test_beyond_the_table),
		cmocka_unit_test(test_high_bits_of_a_table_entry),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, teardown);
}
