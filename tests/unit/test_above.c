// SPDX-License-Identifier: GPL-2.0-only
/*
 * Accessed bits above tables of pages: tables skipped by them, and pages marked
 * idle by them; and two entries cleared at once.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdlib.h>

#include "slice.h"

/* The formats tested here have this many tables of pages in a slice. */
#define TABLES		64
#define TABLE_PAGES	(KI_SLICE_PAGES / TABLES)
#define TABLE_WORDS	(TABLE_PAGES / 64)

/* A table in the middle, and its bit. */
#define T		37
#define T_BIT		(1ULL << T)

static u64 map_of_present[KI_SLICE_WORDS];
static struct ki_above above;
static const struct format *format;
static struct ki_walk w;

static u64 gfn_of(unsigned int t)
{
	return BASE + t * TABLE_PAGES;
}

static u64 *above_table(unsigned int t)
{
	return model_entry(gfn_of(t), 2);
}

/* Where entries that point to tables are marked too. */
static bool marks_tables(const struct format *f)
{
	return strncmp(f->name, "stage 2", 7);
}

/* A fresh table, of which nothing is known. */
static void begin(const struct kind *k)
{
	format = k->format;
	w = walk_of(k, model_new(k), true);
	above = (struct ki_above){ .present = map_of_present };
	memset(map_of_present, 0, sizeof(map_of_present));
	w.above = &above;
	want_all();
}

#define for_each_marking_kind(k)					\
	for (const struct kind *k = kinds; k < kinds + nr_kinds; k++)	\
		if (marks_tables(k->format))

/* Walk; what is known of tables is kept from one walk to the next, and what is wanted. */
static void walk(void)
{
	ki_bits_clear_answers(&bits);
	above.cleared = above.untouched = 0;
	above.partly = false;
	above.skipped = 0;
	assert_int_equal(format->walk(&w), KI_WALK_DONE);
}

/* A table, used or not, of which the first pages are mapped, none of them young. */
static void map_table(unsigned int t, unsigned int pages, bool used)
{
	for (unsigned int i = 0; i < pages; i++)
		model_map(gfn_of(t) + i, 1, 0);
	*above_table(t) |= used ? format->accessed : 0;
}

/* Entries that say something else, so that it shows whether they were read. */
static void poison(unsigned int t)
{
	for (unsigned int i = 0; i < TABLE_PAGES; i++) {
		u64 *entry = model_entry(gfn_of(t) + i, 1);

		*entry = *entry ? 0 : format->page | format->accessed;
	}
}

static void expect_poisoned(unsigned int t, unsigned int pages)
{
	for (unsigned int i = 0; i < TABLE_PAGES; i++)
		assert_true(*model_entry(gfn_of(t) + i, 1) ==
			    (i < pages ? 0 : format->page | format->accessed));
}

/* A table that is skipped from now on. */
static void make_quiet(unsigned int t, unsigned int pages)
{
	map_table(t, pages, false);
	above.settled |= 1ULL << t;
	walk();
	assert_true(above.quiet & 1ULL << t);
}

/* Visits */

static void test_a_visit_clears_the_bit_above_alone(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		u64 *entry, was, *upper;

		begin(k);
		map_table(T, TABLE_PAGES, true);
		entry = above_table(T);
		*entry |= 1ULL << 58 | 1ULL << 63;
		was = *entry;
		upper = model_entry(gfn_of(T), 3);
		*upper |= format->accessed;
		*model_entry(gfn_of(T) + 5, 1) |= format->accessed;

		walk();
		assert_true(*entry == (was & ~format->accessed));
		assert_true(*upper & format->accessed);
		assert_int_equal(above.cleared, T_BIT);
		assert_int_equal(above.untouched, 0);
		assert_int_equal(above.quiet, 0);
		assert_int_equal(above.skipped, 0);
		assert_int_equal(count(bits.young), 1);
		assert_true(young(gfn_of(T) + 5));

		/* And now that it is clear. */
		walk();
		assert_int_equal(above.cleared, 0);
		assert_int_equal(above.untouched, T_BIT);
		assert_true(*entry == (was & ~format->accessed));
	}
}

static void test_nothing_above_is_cleared_unasked(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		map_table(T, 7, true);
		w.above = NULL;
		walk();
		assert_true(*above_table(T) & format->accessed);
		assert_int_equal(count(bits.present), 7);
	}
}

/* Tables of the other formats have no such bit: what is said of it means nothing. */
static void test_other_formats_ignore_it(void **state)
{
	unsigned int tested = 0;

	(void)state;
	for (const struct kind *k = kinds; k < kinds + nr_kinds; k++) {
		if (marks_tables(k->format))
			continue;
		tested++;
		begin(k);
		above.settled = above.quiet = above.whole = ~0ULL;
		model_map(BASE + 3, 1, format->accessed);
		model_map(BASE + 4, 1, 0);
		*model_entry(BASE, 2) |= format->accessed;
		walk();
		assert_int_equal(count(bits.present), 2);
		assert_int_equal(count(bits.young), 1);
		assert_true(*model_entry(BASE, 2) & format->accessed);
		assert_int_equal(above.cleared | above.untouched | above.skipped, 0);
		assert_true(above.quiet == ~0ULL);
	}
	assert_true(tested >= 10);
}

/* Becoming quiet */

static void test_a_settled_table_becomes_quiet(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		map_table(T, TABLE_PAGES, false);
		map_table(T + 1, TABLE_PAGES - 1, false);
		map_table(T + 2, TABLE_PAGES, true);
		above.settled = T_BIT * 7;
		walk();
		assert_int_equal(above.untouched, T_BIT * 3);
		assert_int_equal(above.cleared, T_BIT * 4);
		assert_int_equal(above.quiet, T_BIT * 3);
		assert_int_equal(above.quiet & above.whole, T_BIT);
		assert_false(above.partly);
		for (unsigned int i = 0; i < TABLE_WORDS; i++)
			assert_true(map_of_present[(T + 1) * TABLE_WORDS + i] ==
				    bits.present[(T + 1) * TABLE_WORDS + i]);
	}
}

/* What was young when it was looked at has been told, and cleared, by then. */
static void test_young_pages_below_a_clear_bit(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		map_table(T, TABLE_PAGES, false);
		*model_entry(gfn_of(T) + 9, 1) |= format->accessed;
		above.settled = T_BIT;
		walk();
		assert_true(young(gfn_of(T) + 9));
		assert_int_equal(above.quiet, T_BIT);
		walk();
		assert_int_equal(above.skipped, TABLE_PAGES);
		assert_int_equal(count(bits.young), 0);
	}
}

static void test_without_a_map_only_whole_tables_are_quiet(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		above.present = NULL;
		map_table(T, TABLE_PAGES, false);
		map_table(T + 1, TABLE_PAGES - 1, false);
		above.settled = ~0ULL;
		walk();
		assert_int_equal(above.quiet, T_BIT);
		assert_int_equal(above.whole & T_BIT, T_BIT);
		assert_true(above.partly);

		/* And the other is looked at each time, until there is a map. */
		walk();
		assert_int_equal(above.skipped, TABLE_PAGES);
		assert_int_equal(count(bits.present), 2 * TABLE_PAGES - 1);
		assert_true(above.partly);
		above.present = map_of_present;
		walk();
		assert_false(above.partly);
		assert_int_equal(above.quiet, T_BIT * 3);
		assert_int_equal(above.whole & T_BIT * 2, 0);
	}
}

static void test_not_settled_is_never_quiet(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		map_table(T, TABLE_PAGES, false);
		above.settled = ~T_BIT;
		for (unsigned int i = 0; i < 3; i++) {
			walk();
			assert_int_equal(above.quiet, 0);
			assert_int_equal(above.untouched, T_BIT);
		}
		assert_false(above.partly);
	}
}

static void test_used_is_never_quiet(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		map_table(T, TABLE_PAGES, true);
		above.settled = ~0ULL;
		walk();
		assert_int_equal(above.quiet, 0);
	}
}

static void test_a_part_is_never_quiet(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		map_table(T, TABLE_PAGES, false);
		above.settled = ~0ULL;

		w.start = gfn_of(T) + 64;
		walk();
		w.start = gfn_of(T);
		w.end = gfn_of(T + 1) - 64;
		walk();
		assert_int_equal(above.quiet, 0);
		assert_int_equal(count(bits.present), TABLE_PAGES - 64);

		/* One page of it is not wanted. */
		w.start = BASE;
		w.end = BASE + KI_SLICE_PAGES;
		bits.want[T * TABLE_WORDS + 3] = ~(1ULL << 63);
		walk();
		assert_int_equal(above.quiet, 0);
		bits.want[T * TABLE_WORDS + 3] = 0;
		walk();
		assert_int_equal(above.quiet, 0);
		bits.want[T * TABLE_WORDS + 3] = ~0ULL;
		walk();
		assert_int_equal(above.quiet, T_BIT);
	}
}

/* Skipping */

static void test_a_quiet_table_is_not_read(void **state)
{
	static const unsigned int mapped[] = { TABLE_PAGES, TABLE_PAGES - 1, 1, 64 };

	(void)state;
	for_each_marking_kind(k) {
		for (unsigned int i = 0; i < 4; i++) {
			unsigned int pages = mapped[i];

			begin(k);
			make_quiet(T, pages);
			poison(T);
			walk();
			assert_int_equal(above.skipped, TABLE_PAGES);
			assert_int_equal(above.untouched, T_BIT);
			assert_int_equal(above.cleared, 0);
			assert_int_equal(count(bits.young), 0);
			assert_int_equal(count(bits.present), pages);
			assert_true(present(gfn_of(T)));
			assert_true(present(gfn_of(T) + pages - 1));
			assert_false(present(gfn_of(T) + pages));
			expect_poisoned(T, pages);
		}
	}
}

/* Of a skipped table too, only what is wanted is told, where it is wanted. */
static void test_a_part_of_a_quiet_table(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		for (unsigned int pages = TABLE_PAGES - 1; pages <= TABLE_PAGES; pages++) {
			begin(k);
			make_quiet(T, pages);
			poison(T);

			bits.want[T * TABLE_WORDS + 1] = 0;
			bits.want[T * TABLE_WORDS + 2] = 1ULL << 17;
			walk();
			assert_int_equal(above.skipped, TABLE_PAGES);
			assert_int_equal(count(bits.present), pages - 64 - 63);
			assert_true(present(gfn_of(T) + 128 + 17));

			memset(bits.want, 0xff, sizeof(bits.want));
			w.start = gfn_of(T) + 64;
			w.end = gfn_of(T) + 192;
			walk();
			assert_int_equal(above.skipped, 128);
			assert_int_equal(count(bits.present), 128);
			assert_true(present(w.start) && present(w.end - 1));

			/* It is not forgotten for that. */
			w.start = BASE;
			w.end = BASE + KI_SLICE_PAGES;
			walk();
			assert_int_equal(above.skipped, TABLE_PAGES);
			assert_int_equal(count(bits.present), pages);
			expect_poisoned(T, pages);
		}
	}
}

static void test_a_used_table_is_quiet_no_more(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		make_quiet(T, TABLE_PAGES);
		*model_entry(gfn_of(T) + 100, 1) |= format->accessed;
		*above_table(T) |= format->accessed;
		walk();
		assert_int_equal(above.quiet, 0);
		assert_int_equal(above.skipped, 0);
		assert_int_equal(above.cleared, T_BIT);
		assert_int_equal(count(bits.young), 1);
		assert_true(young(gfn_of(T) + 100));
	}
}

/* Likewise if only a part of it was looked at, in which nothing was young. */
static void test_a_part_of_a_used_table(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		make_quiet(T, TABLE_PAGES);
		*model_entry(gfn_of(T) + 100, 1) |= format->accessed;
		*above_table(T) |= format->accessed;
		w.start = gfn_of(T) + 256;
		w.end = gfn_of(T) + 320;
		walk();
		assert_int_equal(above.quiet, 0);
		assert_int_equal(count(bits.young), 0);
		above.settled = 0;	/* as the bit was cleared */
		w.start = BASE;
		w.end = BASE + KI_SLICE_PAGES;
		walk();
		assert_int_equal(above.skipped, 0);
		assert_true(young(gfn_of(T) + 100));
	}
}

/* An entry that is none of a table any more is not skipped as one. */
static void test_what_was_a_quiet_table(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		make_quiet(T, TABLE_PAGES);
		*above_table(T) = format->removed;
		walk();
		assert_int_equal(count(bits.present), 0);
		assert_int_equal(above.skipped, 0);

		*above_table(T) = 0;
		model_map(gfn_of(T), 2, format->accessed);
		walk();
		assert_int_equal(count(bits.young), TABLE_PAGES);
		assert_int_equal(above.skipped, 0);
	}
}

/* A slice all of which is quiet. */
static void make_all_quiet(void)
{
	for (unsigned int t = 0; t < TABLES; t++)
		map_table(t, TABLE_PAGES, false);
	above.settled = ~0ULL;
	walk();
	assert_true((above.quiet & above.whole) == ~0ULL);
	for (unsigned int t = 0; t < TABLES; t++)
		poison(t);
}

static void test_a_quiet_slice(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		make_all_quiet();
		walk();
		assert_int_equal(above.skipped, KI_SLICE_PAGES);
		assert_true(above.untouched == ~0ULL && above.quiet == ~0ULL);
		assert_int_equal(count(bits.present), KI_SLICE_PAGES);

		/* Ranges of it, and not all of it wanted. */
		srand(815);
		for (unsigned int round = 0; round < 50; round++) {
			u64 first = rand() % KI_SLICE_WORDS, end, wanted = 0;

			end = first + 1 + rand() % (KI_SLICE_WORDS - first);
			w.start = BASE + 64 * first;
			w.end = BASE + 64 * end;
			bits.want[rand() % KI_SLICE_WORDS] = rand();
			for (u64 i = first; i < end; i++)
				wanted += __builtin_popcountll(bits.want[i]);
			walk();
			assert_int_equal(count(bits.present), wanted);
			assert_int_equal(above.skipped, w.end - w.start);
			assert_true(above.quiet == ~0ULL);
		}
		for (unsigned int t = 0; t < TABLES; t++)
			expect_poisoned(t, TABLE_PAGES);
	}
}

static enum ki_walk_result only_skip(void)
{
	enum ki_walk_result res;

	ki_bits_clear_answers(&bits);
	above.skipped = 0;
	w.only_skip = true;
	res = format->walk(&w);
	w.only_skip = false;
	assert_int_equal(count(bits.present) + count(bits.young), 0);
	return res;
}

/* To ask whether there is anything to look at changes nothing. */
static void test_only_skip(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		u64 quiet, was;

		begin(k);
		make_all_quiet();
		assert_int_equal(only_skip(), KI_WALK_SKIPPED);
		assert_int_equal(above.skipped, KI_SLICE_PAGES);
		w.start = gfn_of(3) + 64;
		w.end = gfn_of(5) + 128;
		above.quiet = above.whole = 7ULL << 3;
		above.untouched = 0;
		assert_int_equal(only_skip(), KI_WALK_SKIPPED);
		assert_int_equal(above.untouched, 7ULL << 3);
		above.quiet = 3ULL << 3;
		assert_int_equal(only_skip(), KI_WALK_DONE);
		above.quiet = above.whole = ~0ULL;
		w.start = BASE;
		w.end = BASE + KI_SLICE_PAGES;
		*above_table(0) |= format->accessed;
		assert_int_equal(only_skip(), KI_WALK_DONE);
		*above_table(0) &= ~format->accessed;

		quiet = above.quiet;
		above.whole &= ~T_BIT;
		assert_int_equal(only_skip(), KI_WALK_DONE);
		above.whole |= T_BIT;
		was = *above_table(T) |= format->accessed;
		assert_int_equal(only_skip(), KI_WALK_DONE);
		assert_true(*above_table(T) == was && above.quiet == quiet);
		assert_int_equal(above.skipped, 0);
		*above_table(T) = format->huge | format->accessed;
		assert_int_equal(only_skip(), KI_WALK_DONE);
		assert_true(*above_table(T) == (format->huge | format->accessed));
		*above_table(T) = 0;
		assert_int_equal(only_skip(), KI_WALK_DONE);

		/* Larger than the slice, and young. */
		begin(k);
		above.quiet = above.whole = ~0ULL;
		model_map(BASE, 3, format->accessed);
		was = *model_entry(BASE, 3);
		w.giant_ready = true;
		assert_int_equal(only_skip(), KI_WALK_DONE);
		assert_true(*model_entry(BASE, 3) == was);
		assert_false(w.giant_taken);
	}
}

/* But for one that was used, or is none any more, wherever it is. */
static void test_a_quiet_slice_but_for_one(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		for (unsigned int t = 0; t < TABLES; t += 7) {
			u64 table;

			begin(k);
			make_all_quiet();
			model_map(gfn_of(t) + 3, 1, format->accessed);
			table = *above_table(t);
			*above_table(t) |= format->accessed;
			walk();
			assert_int_equal(above.skipped, KI_SLICE_PAGES - TABLE_PAGES);
			assert_true(above.quiet == ~(1ULL << t));
			assert_int_equal(count(bits.present), KI_SLICE_PAGES - TABLE_PAGES + 1);
			assert_true(young(gfn_of(t) + 3));

			above.quiet = ~0ULL;
			*above_table(t) = format->removed;
			walk();
			assert_int_equal(count(bits.present), KI_SLICE_PAGES - TABLE_PAGES);
			*above_table(t) = 0;
			model_map(gfn_of(t), 2, format->accessed);
			walk();
			assert_int_equal(count(bits.young), TABLE_PAGES);
			*above_table(t) = table;
		}
	}
}

/* Somebody in between */

static unsigned int races;

static void race_uses_the_table(u64 *entry)
{
	(void)entry;
	races++;
	*above_table(T) |= format->accessed;
}

static void race_removes_the_table(u64 *entry)
{
	(void)entry;
	races++;
	*above_table(T) = format->removed;
}

static void race_replaces_the_table(u64 *entry)
{
	(void)entry;
	if (!races++)
		*above_table(T) ^= 1ULL << 30;
}

/* While the pages are looked at: the race is run when a young one is found. */
static void test_touched_while_it_is_looked_at(void **state)
{
	static void (*const race[])(u64 *) = {
		race_uses_the_table, race_removes_the_table, race_replaces_the_table,
	};

	(void)state;
	for_each_marking_kind(k) {
		for (unsigned int i = 0; i < 3; i++) {
			begin(k);
			map_table(T, TABLE_PAGES, false);
			*model_entry(gfn_of(T) + 9, 1) |= format->accessed;
			above.settled = ~0ULL;
			races = 0;
			model_race = race[i];
			walk();
			assert_true(races > 0);
			assert_int_equal(above.untouched, 0);
			assert_int_equal(above.quiet, 0);
			assert_int_equal(above.cleared, 0);
		}
	}
}

/* The bit above is set again after it was cleared, and before the pages were seen. */
static void race_sets_it_again(u64 *entry)
{
	if (entry != above_table(T))
		*above_table(T) |= format->accessed;
}

static void test_used_again_at_once(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		map_table(T, TABLE_PAGES, true);
		*model_entry(gfn_of(T) + 9, 1) |= format->accessed;
		above.settled = ~0ULL;
		model_race = race_sets_it_again;
		walk();
		assert_int_equal(above.cleared, T_BIT);
		assert_int_equal(above.untouched, 0);
		assert_int_equal(above.quiet, 0);
		assert_true(*above_table(T) & format->accessed);
	}
}

static u64 race_value;

static void race_changes_the_entry(u64 *entry)
{
	if (!races++)
		*entry = race_value;
}

/* KVM gets at the entry above first: it is left as KVM left it. */
static void test_kvm_replaces_the_entry_above(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		u64 table, others[3];

		begin(k);
		map_table(T, TABLE_PAGES, true);
		table = *above_table(T);
		others[0] = format->removed | format->accessed;
		others[1] = format->huge | format->accessed | 0x123400000000ULL;
		others[2] = format->mmio | format->accessed;
		for (unsigned int i = 0; i < 3; i++) {
			*above_table(T) = table;
			race_value = others[i];
			races = 0;
			model_race = race_changes_the_entry;
			walk();
			assert_true(races > 0);
			assert_true(*model_entry(gfn_of(T), 2) == others[i]);
			assert_int_equal(above.cleared, 0);
			assert_int_equal(above.quiet | above.untouched, 0);
		}

		/* It is the same table still, and is tried again. */
		*above_table(T) = table;
		race_value = table | 1ULL << 58;
		races = 0;
		walk();
		assert_int_equal(races, 2);
		assert_int_equal(above.cleared, T_BIT);
		assert_true(*above_table(T) == (race_value & ~format->accessed));
	}
}

/* Arming */

static void arm(void)
{
	w.arm = true;
	walk();
	w.arm = false;
}

static void test_arming_clears_above_alone(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		u64 *upper;

		begin(k);
		for (unsigned int t = 0; t < TABLES; t++) {
			for (unsigned int i = 0; i < 8; i++)
				model_map(gfn_of(t) + i, 1, format->accessed);
			*above_table(t) |= t % 3 ? format->accessed : 0;
		}
		upper = model_entry(BASE, 3);
		*upper |= format->accessed;
		above.quiet = ~0ULL;
		arm();
		for (unsigned int t = 0; t < TABLES; t++) {
			assert_false(*above_table(t) & format->accessed);
			assert_int_equal(above.cleared >> t & 1, t % 3 > 0);
			/* What was in use is not quiet. */
			assert_int_equal(above.quiet >> t & 1, t % 3 == 0);
			for (unsigned int i = 0; i < 8; i++)
				assert_true(*model_entry(gfn_of(t) + i, 1) & format->accessed);
		}
		assert_true(*upper & format->accessed);
		assert_true(above.untouched == ~0ULL);
		assert_int_equal(count(bits.young), 0);

		/* And what is left in the pages is found by the next walk. */
		above.quiet = 0;
		walk();
		assert_int_equal(count(bits.young), 8 * TABLES);
		assert_true(above.untouched == ~0ULL);
	}
}

/* Tables, huge leaves, holes, and what is none of them. */
static void test_arming_a_mixed_slice(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		u64 tables = 0, used = 0, was_huge[TABLES];

		begin(k);
		for (unsigned int t = 0; t < TABLES; t++) {
			switch (t % 5) {
			case 0:
				map_table(t, 4, t % 2);
				*model_entry(gfn_of(t), 1) |= format->accessed;
				tables |= 1ULL << t;
				used |= (u64)(t % 2) << t;
				break;
			case 1:
				was_huge[t] = *model_map(gfn_of(t), 2, format->accessed);
				break;
			case 2:
				was_huge[t] = *model_map(gfn_of(t), 2, 0);
				break;
			case 3:
				*model_entry(gfn_of(t), 2) = format->mmio | format->accessed;
				break;
			}
		}
		arm();
		assert_true(above.untouched == tables);
		assert_true(above.cleared == used);
		for (unsigned int t = 0; t < TABLES; t++) {
			u64 entry = *model_entry(gfn_of(t), 2);

			if (t % 5 == 0)
				assert_false(entry & format->accessed);
			if (t % 5 == 0)
				assert_true(*model_entry(gfn_of(t), 1) & format->accessed);
			/* What is huge is harvested. */
			if (t % 5 == 1 || t % 5 == 2)
				assert_true(entry == (was_huge[t] & ~format->accessed));
			assert_int_equal(young(gfn_of(t)), t % 5 == 1);
			assert_int_equal(present(gfn_of(t) + 100), t % 5 == 1 || t % 5 == 2);
			if (t % 5 == 3)
				assert_true(entry == (format->mmio | format->accessed));
		}
	}
}

/* Ranges that begin and end anywhere. */
static void test_arming_a_range(void **state)
{
	(void)state;
	srand(4711);
	for_each_marking_kind(k) {
		for (unsigned int round = 0; round < 100; round++) {
			unsigned int first = rand() % TABLES, end;
			u64 there = 0, used = 0, in = 0;

			begin(k);
			for (unsigned int t = 0; t < TABLES; t++) {
				bool is_used = rand() % 2;

				if (rand() % 8 == 0)
					continue;
				map_table(t, 1, is_used);
				there |= 1ULL << t;
				used |= (u64)is_used << t;
			}
			end = first + 1 + rand() % (TABLES - first);
			w.start = gfn_of(first);
			w.end = gfn_of(end);
			for (unsigned int t = first; t < end; t++)
				in |= 1ULL << t;
			arm();
			assert_true(above.untouched == (there & in));
			assert_true(above.cleared == (used & in));
			for (unsigned int t = 0; t < TABLES; t++)
				assert_int_equal((*above_table(t) & format->accessed) != 0,
						 (used & ~in) >> t & 1);
		}
	}
}

/* KVM replaces an entry: that one was not armed, and is not damaged. */
static void race_removes_the_entry(u64 *entry)
{
	(void)entry;
	races++;
	*above_table(T) = format->removed | format->accessed;
}

static void test_arming_what_kvm_removes(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		for (unsigned int t = T - 2; t < T + 3; t++)
			map_table(t, 1, true);
		races = 0;
		model_race = race_removes_the_entry;
		arm();
		model_race = NULL;
		assert_true(races > 0);
		assert_true(*model_entry(gfn_of(T), 2) == (format->removed | format->accessed));
		assert_true(above.untouched == (T_BIT >> 2 | T_BIT >> 1 | T_BIT << 1 | T_BIT << 2));
		assert_true(above.cleared == above.untouched);
	}
}

/* All of them were used; and KVM removes one of those, wherever it is. */
static void test_arming_a_used_slice(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		for (unsigned int none = 0; none <= TABLES; none += 3) {
			u64 expected = none < TABLES ? ~(1ULL << none) : ~0ULL;

			begin(k);
			for (unsigned int t = 0; t < TABLES; t++)
				map_table(t, 1, true);
			if (none < TABLES)
				*above_table(none) = format->removed | format->accessed;
			arm();
			assert_true(above.cleared == expected);
			assert_true(above.untouched == expected);
			for (unsigned int t = 0; t < TABLES; t++)
				assert_true(t == none || !(*above_table(t) & format->accessed));
			if (none < TABLES)
				assert_true(*model_entry(gfn_of(none), 2) ==
					    (format->removed | format->accessed));
		}

		begin(k);
		for (unsigned int t = 0; t < TABLES; t++)
			map_table(t, 1, true);
		races = 0;
		model_race = race_removes_the_entry;
		arm();
		model_race = NULL;
		assert_true(races > 0);
		assert_true(*model_entry(gfn_of(T), 2) == (format->removed | format->accessed));
		assert_true(above.cleared == ~T_BIT && above.untouched == ~T_BIT);
	}
}

/* A second call finds nothing to clear, and says the same of the tables. */
static void test_armed_twice(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		map_table(T, 10, true);
		arm();
		arm();
		assert_int_equal(above.cleared, 0);
		assert_true(above.untouched == T_BIT);
	}
}

/* Two at once */

#define LINE		8	/* entries of a cache line, which are looked at together */
#define LINE_GFN	(BASE + 64)

/* A line all of which is young. Return: its entries. */
static u64 *young_line(void)
{
	for (unsigned int i = LINE - 1; i; i--)
		model_map(LINE_GFN + i, 1, format->accessed);
	return model_map(LINE_GFN, 1, format->accessed);
}

static unsigned int changes;

static void count_changes(u64 *entry)
{
	(void)entry;
	changes++;
}

static void test_pairs(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		u64 *line, was[LINE];

		begin(k);
		w.above = NULL;
		line = young_line();
		line[0] |= f->dirty;
		line[5] |= f->dirty;
		memcpy(was, line, sizeof(was));
		changes = 0;
		model_race = count_changes;
		walk();
		assert_int_equal(count(bits.young), LINE);
		assert_int_equal(count(bits.present), LINE);
		for (unsigned int i = 0; i < LINE; i++)
			assert_true(line[i] == (was[i] & ~f->accessed));
		assert_int_equal(changes, LINE / 2);
	}
}

static void test_peek_at_pairs(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		begin(k);
		w.above = NULL;
		w.clear = false;
		for (unsigned int i = 0; i < 64; i++)
			model_map(LINE_GFN + i, 1, f->accessed);
		changes = 0;
		model_race = count_changes;
		walk();
		assert_int_equal(count(bits.young), 64);
		assert_int_equal(changes, 0);
	}
}

/* Young or not, wanted or not, in all ways; what is young and wanted is taken. */
static void test_parts_of_a_line(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		begin(k);
		w.above = NULL;
		for (unsigned int hot = 0; hot < 1 << LINE; hot++) {
			u64 want = hot % 7 ? 0xff : (hot * 37) & 0xff;
			u64 *line = young_line();

			for (unsigned int i = 0; i < LINE; i++)
				if (!(hot >> i & 1))
					line[i] &= ~f->accessed;
			memset(bits.want, 0, sizeof(bits.want));
			bits.want[1] = want;
			walk();
			assert_int_equal(bits.young[1], hot & want);
			assert_int_equal(bits.present[1], want);
			for (unsigned int i = 0; i < LINE; i++)
				assert_int_equal((line[i] & f->accessed) != 0,
						 (hot & ~want) >> i & 1);
		}
	}
}

static unsigned int race_entry;
static u64 *race_line;

/* One of the entries that are about to be changed. */
static void race_one_entry(u64 *entry)
{
	if (entry != &race_line[race_entry & ~1U] || races++)
		return;
	race_line[race_entry] = race_value ?: race_line[race_entry] | format->dirty;
}

/*
 * One half of a pair changes at the worst moment; in a line all of which is young, or
 * all but its first entries. Both were touched, and are told.
 */
static void race_in_line(const struct kind *k, u64 value, unsigned int first)
{
	for (race_entry = first; race_entry < LINE; race_entry++) {
		u64 was[LINE];

		begin(k);
		w.above = NULL;
		race_line = young_line();
		for (unsigned int i = 0; i < first; i++)
			race_line[i] &= ~format->accessed;
		memcpy(was, race_line, sizeof(was));
		race_value = value;
		races = 0;
		model_race = race_one_entry;
		walk();
		assert_true(races >= 1);
		for (unsigned int i = 0; i < LINE; i++) {
			assert_int_equal(young(LINE_GFN + i), i >= first);
			if (i != race_entry)
				assert_true(race_line[i] == (was[i] & ~format->accessed));
			else
				assert_true(race_line[i] ==
					    (value ?: (was[i] & ~format->accessed) | format->dirty));
		}
	}
}

static void race_with(const struct kind *k, u64 value)
{
	race_in_line(k, value, 0);
	race_in_line(k, value, 2);
}

static void test_races_with_half_a_pair(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		race_with(k, 0);	/* hardware dirties it */
		race_with(k, f->removed);
		race_with(k, f->mmio | f->accessed);
		race_with(k, f->page | 0x123400000000ULL);	/* somebody clears it */
	}
}

/* Pairs of entries that are none, though all of the line looks young. */
static void test_pairs_of_unreal_entries(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		u64 value[] = {
			f->mmio | f->accessed, f->removed | f->accessed, f->unreal[0],
			f->unreal[1], f->unreal[2], f->unreal[3],
		};

		for (unsigned int v = 0; v < 6; v++) {
			u64 *line;

			begin(k);
			w.above = NULL;
			line = young_line();
			line[2] = line[3] = line[6] = value[v];
			walk();
			assert_int_equal(bits.young[1], 0xff & ~(1 << 2 | 1 << 3 | 1 << 6));
			assert_int_equal(bits.present[1], bits.young[1]);
			assert_true(line[2] == value[v] && line[3] == value[v]);
			assert_true(line[6] == value[v]);
		}
	}
}

/* Entries without an accessed bit: all of a line is mapped, none of it is young. */
static void test_pairs_of_tracked_entries(void **state)
{
	(void)state;
	for (const struct kind *k = tracked_kinds; k < tracked_kinds + nr_tracked_kinds; k++) {
		begin(k);
		w.above = NULL;
		for (unsigned int i = 0; i < LINE; i++)
			model_map(LINE_GFN + i, 1, 0x107);
		changes = 0;
		model_race = count_changes;
		walk();
		assert_int_equal(count(bits.present), LINE);
		assert_int_equal(count(bits.young), 0);
		assert_int_equal(changes, 0);
	}
}

/*
 * A table at random, used, looked at, flushed and changed at random, with the caller's
 * part of the contract done as plainly as can be; compared with what is true.
 */

static struct {
	bool mapped[KI_SLICE_PAGES];
	bool young[KI_SLICE_PAGES];
	bool huge[TABLES];
	/* The processor has the entry above in a cache, and does not mark it again. */
	bool cached[TABLES];
	u64 cleared;	/* since the last flush */
} model;

static void random_tables(void)
{
	memset(&model, 0, sizeof(model));
	for (unsigned int t = 0; t < TABLES; t++) {
		unsigned int density = rand() % 4;	/* of four: none, some, more, all */

		model.huge[t] = rand() % 8 == 0;
		if (model.huge[t])
			model_map(gfn_of(t), 2, 0);
		for (unsigned int i = 0; i < TABLE_PAGES; i++) {
			u64 page = t * TABLE_PAGES + i;

			model.mapped[page] = model.huge[t] || (unsigned int)rand() % 3 < density;
			if (model.mapped[page] && !model.huge[t])
				model_map(BASE + page, 1, 0);
		}
	}
}

/* The guest touches a page, and the hardware marks what it walks through. */
static void touch(u64 page)
{
	unsigned int t = page / TABLE_PAGES;

	if (!model.mapped[page])
		return;
	if (model.huge[t]) {
		*above_table(t) |= format->accessed;
		memset(&model.young[t * TABLE_PAGES], true, TABLE_PAGES);
		return;
	}
	*model_entry(BASE + page, 1) |= format->accessed;
	if (!model.cached[t])
		*above_table(t) |= format->accessed;
	model.cached[t] = true;
	model.young[page] = true;
}

static void touch_some(void)
{
	for (unsigned int n = rand() % 8; n; n--) {
		unsigned int t = rand() % TABLES;

		for (unsigned int i = rand() % 16; i; i--)
			touch(t * TABLE_PAGES + rand() % TABLE_PAGES);
	}
}

static void flush(void)
{
	memset(model.cached, 0, sizeof(model.cached));
	above.settled |= model.cleared;
	model.cleared = 0;
}

/* KVM maps a page that nobody touched, or unmaps one: what was known is forgotten. */
static void map_or_unmap(void)
{
	u64 page = rand() % KI_SLICE_PAGES;
	unsigned int t = page / TABLE_PAGES;

	if (model.huge[t] || !*above_table(t))
		return;
	if (model.mapped[page])
		*model_entry(BASE + page, 1) = 0;
	else
		model_map(BASE + page, 1, 0);
	model.mapped[page] = !model.mapped[page];
	model.young[page] = false;
	above.quiet &= ~(1ULL << t);
}

/* All of the slice as a rule; else a part of it, or parts. */
static void random_order(void)
{
	want_all();
	w.start = BASE;
	w.end = BASE + KI_SLICE_PAGES;
	if (rand() % 3)
		return;
	w.start += rand() % (KI_SLICE_WORDS / 2) * 64;
	w.end -= rand() % (KI_SLICE_WORDS / 2) * 64;
	if (rand() % 2)
		return;
	for (unsigned int n = rand() % 8; n; n--)
		bits.want[rand() % KI_SLICE_WORDS] = rand() % 2 ? 0 : rand();
}

static bool is_wanted(u64 page)
{
	unsigned int t = page / TABLE_PAGES;

	if (BASE + page >= w.start && BASE + page < w.end && bit(bits.want, 0, page))
		return true;
	if (!model.huge[t])
		return false;
	/* If one of its pages is wanted, all are told. */
	for (u64 p = t * TABLE_PAGES; p < (t + 1) * TABLE_PAGES; p++)
		if (BASE + p >= w.start && BASE + p < w.end && bit(bits.want, 0, p))
			return true;
	return false;
}

static void compare(void)
{
	for (u64 page = 0; page < KI_SLICE_PAGES; page++) {
		bool wanted = is_wanted(page);

		assert_int_equal(present(BASE + page), wanted && model.mapped[page]);
		assert_int_equal(young(BASE + page), wanted && model.young[page]);
		if (wanted)
			model.young[page] = false;
	}
}

static void test_random(void **state)
{
	u64 skipped = 0;

	(void)state;
	srand(20260101);
	for_each_marking_kind(k) {
		for (unsigned int table = 0; table < 6; table++) {
			begin(k);
			random_tables();
			if (table % 3 == 2)
				above.present = NULL;
			for (unsigned int round = 0; round < 30; round++) {
				touch_some();
				if (rand() % 3 == 0)
					map_or_unmap();
				random_order();
				walk();
				/* Above tables that were cleared, the hardware marks again after a flush. */
				above.settled &= ~above.cleared;
				model.cleared |= above.cleared;
				assert_int_equal(above.untouched & above.cleared, 0);
				compare();
				skipped += above.skipped;
				if (rand() % 2)
					flush();
			}
		}
	}
	assert_true(skipped > 1000 * TABLE_PAGES);
}

/* A leaf in the place of a table: what was touched of that may not show in it. */
static void test_a_table_that_may_have_been_merged(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		map_table(T - 1, TABLE_PAGES, false);
		model_map(gfn_of(T), 2, 0);
		model_map(gfn_of(T + 1), 2, 0);
		walk();
		assert_int_equal(count(bits.young), 0);
		assert_int_equal(above.tables, T_BIT >> 1);
		assert_int_equal(above.leaves, T_BIT | T_BIT << 1);
		above.merged = T_BIT | T_BIT >> 1;
		walk();
		assert_int_equal(count(bits.young), TABLE_PAGES);
		assert_true(young(gfn_of(T)));
		assert_false(above.giant);
	}
}

static void test_a_slice_that_may_have_been_merged(void **state)
{
	(void)state;
	for_each_marking_kind(k) {
		begin(k);
		model_map(BASE, 3, 0);
		above.merged = ~0ULL;
		walk();
		assert_int_equal(count(bits.young), 0);
		assert_true(above.giant);
		above.merged_giant = true;
		above.giant = false;
		assert_int_equal(format->walk(&w), KI_WALK_GIANT);
		/* It will be asked once more. */
		assert_false(above.giant);
		w.giant_ready = true;
		walk();
		assert_int_equal(count(bits.young), KI_SLICE_PAGES);
		assert_true(w.giant_taken && above.giant);
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
		cmocka_unit_test(test_a_visit_clears_the_bit_above_alone),
		cmocka_unit_test(test_nothing_above_is_cleared_unasked),
		cmocka_unit_test(test_other_formats_ignore_it),
		cmocka_unit_test(test_a_settled_table_becomes_quiet),
		cmocka_unit_test(test_young_pages_below_a_clear_bit),
		cmocka_unit_test(test_without_a_map_only_whole_tables_are_quiet),
		cmocka_unit_test(test_not_settled_is_never_quiet),
		cmocka_unit_test(test_used_is_never_quiet),
		cmocka_unit_test(test_a_part_is_never_quiet),
		cmocka_unit_test(test_a_quiet_table_is_not_read),
		cmocka_unit_test(test_a_part_of_a_quiet_table),
		cmocka_unit_test(test_a_used_table_is_quiet_no_more),
		cmocka_unit_test(test_a_part_of_a_used_table),
		cmocka_unit_test(test_what_was_a_quiet_table),
		cmocka_unit_test(test_a_quiet_slice),
		cmocka_unit_test(test_a_quiet_slice_but_for_one),
		cmocka_unit_test(test_only_skip),
		cmocka_unit_test(test_touched_while_it_is_looked_at),
		cmocka_unit_test(test_used_again_at_once),
		cmocka_unit_test(test_kvm_replaces_the_entry_above),
		cmocka_unit_test(test_arming_clears_above_alone),
		cmocka_unit_test(test_arming_a_mixed_slice),
		cmocka_unit_test(test_arming_a_range),
		cmocka_unit_test(test_arming_what_kvm_removes),
		cmocka_unit_test(test_arming_a_used_slice),
		cmocka_unit_test(test_armed_twice),
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_peek_at_pairs),
		cmocka_unit_test(test_parts_of_a_line),
		cmocka_unit_test(test_races_with_half_a_pair),
		cmocka_unit_test(test_pairs_of_unreal_entries),
		cmocka_unit_test(test_pairs_of_tracked_entries),
		cmocka_unit_test(test_a_table_that_may_have_been_merged),
		cmocka_unit_test(test_a_slice_that_may_have_been_merged),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("above", tests, NULL, teardown);
}
