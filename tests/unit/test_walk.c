// SPDX-License-Identifier: GPL-2.0-only
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slice.h"

static void test_empty(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);

		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.present), 0);
		assert_int_equal(count(bits.young), 0);
	}
}

static void test_harvest_clears_accessed_alone(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);
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

static void test_accessed_without_dirty(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);
		u64 *hot = model_map(BASE + 3, 1, f->accessed | f->no_dirty);
		u64 hot_was = *hot;

		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_true(present(BASE + 3) && young(BASE + 3));
		assert_true(*hot == (hot_was & ~f->accessed));
	}
}

static void test_peek_changes_nothing(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), false);
		u64 *page = model_map(BASE, 1, f->accessed);
		u64 *huge = model_map(BASE + huge_pages(f), 2, f->accessed);
		u64 page_was = *page, huge_was = *huge;

		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.young), 1 + huge_pages(f));
		assert_true(*page == page_was && *huge == huge_was);
	}
}

/* An entry that looks young to who tests two bits, and is not the hardware's. */
static void expect_unreal(const struct kind *k, u64 entry, unsigned int levels)
{
	struct ki_walk w = walk_of(k, model_new(k), true);

	for (unsigned int level = 1; level <= levels; level++)
		*model_entry(BASE + (level - 1) * huge_pages(k->format), level) = entry;

	want_all();
	assert_int_equal(k->format->walk(&w), KI_WALK_DONE);
	assert_int_equal(count(bits.present), 0);
	assert_int_equal(count(bits.young), 0);
	for (unsigned int level = 1; level <= levels; level++)
		assert_true(*model_entry(BASE + (level - 1) * huge_pages(k->format), level) ==
			    entry);
}

static void expect_all_unreal(const struct kind *k)
{
	const struct format *f = k->format;

	expect_unreal(k, f->mmio, 2);
	expect_unreal(k, f->mmio | f->accessed, 2);
	expect_unreal(k, f->removed, 2);
	for (unsigned int i = 0; i < 8; i++)
		expect_unreal(k, f->unreal[i], 2);
	if (f->unreal_page)
		expect_unreal(k, f->unreal_page, 1);
}

static void test_unreal_entries(void **state)
{
	(void)state;
	for_each_kind(k, f)
		expect_all_unreal(k);
}

/* In the root, where it stands for more than a slice. */
static void test_unreal_root_entry(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);
		u64 *entry = model_entry(BASE, k->levels);

		*entry = f->mmio | f->accessed;
		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.present), 0);
		assert_true(*entry == (f->mmio | f->accessed));
	}
}

static void test_huge_leaf_speaks_for_all_its_pages(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);
		u64 pages = huge_pages(f), first = BASE + pages;
		u64 *hot = model_map(first, 2, f->accessed);
		u64 *cold = model_map(first + pages, 2, 0);

		want_all();
		/* One page of it is asked for: it cannot be told from the rest. */
		memset(&bits.want[pages / 64], 0, pages / 8);
		bits.want[pages / 64 + 3] = 1ULL << 17;

		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.present), 2 * pages);
		assert_int_equal(count(bits.young), pages);
		assert_true(young(first) && young(first + pages - 1));
		assert_false(*hot & f->accessed);
		assert_false(*cold & f->accessed);
	}
}

static bool word_bit(const u64 *map, u64 gfn)
{
	return bit(map, 0, (gfn - BASE) / 64);
}

static unsigned int count_words(const u64 *map)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < KI_SLICE_WORDS / 64; i++)
		n += __builtin_popcountll(map[i]);
	return n;
}

static void test_sizes_of_leaves(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), false);
		u64 pages = huge_pages(f), first = BASE + pages;

		model_map(BASE, 1, f->accessed);
		model_map(first, 2, f->accessed);
		model_map(first + pages, 2, 0);
		model_map(first + 2 * pages, 2, 0);
		/* The last is not asked for. */
		want_all();
		memset(&bits.want[3 * pages / 64], 0, pages / 8);

		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count_words(bits.huge), 2 * pages / 64);
		assert_false(word_bit(bits.huge, first - 1));
		assert_true(word_bit(bits.huge, first));
		assert_true(word_bit(bits.huge, first + 2 * pages - 1));
		assert_int_equal(count_words(bits.giant), 0);
	}
}

static void test_clear_answers(void **state)
{
	(void)state;
	memset(&bits, 0xff, sizeof(bits));
	ki_bits_clear_answers(&bits);
	assert_int_equal(count(bits.want), KI_SLICE_PAGES);
	assert_int_equal(count(bits.present), 0);
	assert_int_equal(count(bits.young), 0);
	assert_int_equal(count_words(bits.huge), 0);
	assert_int_equal(count_words(bits.giant), 0);
}

static void test_only_what_is_wanted(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);
		u64 *entry[3];

		for (unsigned int i = 0; i < 3; i++)
			entry[i] = model_map(BASE + 70 + i, 1, f->accessed);
		u64 *huge = model_map(BASE + huge_pages(f), 2, f->accessed);

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
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);
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

/* Formats that have them: others have no leaf that is larger than a slice. */
static bool has_giants(const struct kind *k)
{
	return k->format->max_leaf_level == 3 && k->levels >= 3;
}

static void test_giant_leaf(void **state)
{
	unsigned int tested = 0;

	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);
		u64 *giant;

		if (!has_giants(k))
			continue;
		tested++;
		giant = model_map(BASE, 3, f->accessed);

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
		assert_int_equal(count_words(bits.huge), KI_SLICE_WORDS);
		assert_int_equal(count_words(bits.giant), KI_SLICE_WORDS);

		/* One that is not young needs no preparation. */
		want_all();
		w.giant_ready = w.giant_taken = false;
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_false(w.giant_taken);
		assert_int_equal(count(bits.present), KI_SLICE_PAGES);
		assert_int_equal(count(bits.young), 0);
	}
	assert_true(tested >= 6);
}

/* A huge leaf of any other size is taken whole by one slice. */
static void test_huge_is_not_giant(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);

		model_map(BASE, 2, f->accessed);
		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_false(w.giant_taken);
		assert_int_equal(count(bits.young), huge_pages(f));
	}
}

static void test_strange_leaf(void **state)
{
	unsigned int tested = 0;

	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);
		u64 *strange, was;

		if (k->levels <= f->max_leaf_level)
			continue;
		tested++;
		strange = model_map(BASE, f->max_leaf_level + 1, f->accessed);
		was = *strange;
		w.giant_ready = true;
		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_STRANGE);
		assert_true(*strange == was);
	}
	assert_true(tested >= 10);
}

static void test_strange_depth(void **state)
{
	static const unsigned int strange[] = { 0, 1, 6, 255 };

	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);

		want_all();
		for (unsigned int i = 0; i < 4; i++) {
			w.levels = strange[i];
			assert_int_equal(f->walk(&w), KI_WALK_STRANGE);
		}
	}
	assert_int_equal(ki_walk_stage2(&(struct ki_walk){ .levels = 3 }, 13), KI_WALK_STRANGE);
}

/* The address of a table where there is no memory: that was no such entry. */
static void test_strange_address(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);

		model_map(BASE, 1, f->accessed);
		*model_entry(BASE, 2) |= 1ULL << 40;
		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_STRANGE);
		w.root |= 1ULL << 40;
		assert_int_equal(f->walk(&w), KI_WALK_STRANGE);
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
	*entry = racing->removed;
}

/* The bit that is the accessed bit of a leaf is set in it. */
static void race_kvm_installs_table(u64 *entry)
{
	races++;
	*entry = racing->table | racing->accessed;
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

/* Of what is seen to be young, it is told, whatever becomes of the entry then. */
static void race(const struct kind *k, unsigned int level, void (*with)(u64 *),
		 u64 expected)
{
	const struct format *f = k->format;
	struct ki_walk w = walk_of(k, model_new(k), true);
	u64 *entry = model_map(BASE, level, f->accessed);
	u64 address = *entry & ~(f->page | f->huge | f->accessed);
	u64 pages = level_pages(f, level);
	bool giant = pages > KI_SLICE_PAGES;

	want_all();
	w.giant_ready = true;
	racing = f;
	races = 0;
	model_race = with;
	assert_int_equal(f->walk(&w), KI_WALK_DONE);
	assert_true(races >= 1);
	assert_int_equal(count(bits.young), giant ? KI_SLICE_PAGES : pages);
	assert_int_equal(w.giant_taken, giant);
	assert_true((*entry & ~address) == expected);
}

static void test_races(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		for (unsigned int level = 1; level <= f->max_leaf_level && level <= k->levels; level++) {
			u64 leaf = level == 1 ? f->page : f->huge;

			/* The D bit that came in between must survive. */
			race(k, level, race_hardware_dirties, leaf | f->dirty);
			assert_int_equal(races, 2);
			race(k, level, race_kvm_removes, f->removed);
			race(k, level, race_kvm_installs_mmio, f->mmio | f->accessed);
			race(k, level, race_other_clears, leaf);
			if (level > 1)
				race(k, level, race_kvm_installs_table,
				     f->table | f->accessed);
		}
	}
}

/* Guest memory above what the table can map is not that below it once more. */
static void test_beyond_the_table(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);
		u64 *low = model_map(BASE, 1, f->accessed);

		want_all();
		w.base = w.start = kind_pages(k) + BASE;
		w.end = w.start + KI_SLICE_PAGES;
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.present), 0);
		assert_true(*low & f->accessed);
	}
}

/* The last page of the last entry of the root, wherever that is. */
static void test_end_of_the_table(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), true);
		u64 last = kind_pages(k) - 1;
		u64 *entry = model_map(last, 1, f->accessed);

		want_all();
		w.base = w.start = kind_pages(k) - KI_SLICE_PAGES;
		w.end = kind_pages(k);
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.young), 1);
		assert_true(bit(bits.young, w.base, last));
		assert_false(*entry & f->accessed);
	}
}

/* A root that ends in the middle of a slice. */
static void test_root_shorter_than_a_slice(void **state)
{
	const struct kind k = { kinds[nr_kinds - 1].format, 2, 3 };
	struct ki_walk w = walk_of(&k, model_new(&k), true);

	(void)state;
	w.base = w.start = 0;
	w.end = KI_SLICE_PAGES;
	model_map(2 * huge_pages(k.format), 2, k.format->accessed);
	want_all();
	assert_int_equal(k.format->walk(&w), KI_WALK_DONE);
	assert_int_equal(count(bits.present), huge_pages(k.format));
}

/* A wrong address mask, or a table address with high bits, would be wild. */
static void test_high_bits_of_a_table_entry(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), false);

		model_map(BASE, 1, f->accessed);
		*model_entry(BASE, 2) |= 1ULL << 63 | 1ULL << 58 | f->accessed;
		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.young), 1);
	}
}

/*
 * Without accessed bits: what is present is told, whether KVM has taken the
 * permissions away or not; nothing is young, and nothing is changed.
 */
static void test_tracked(void **state)
{
	(void)state;
	for (const struct kind *k = tracked_kinds; k < tracked_kinds + nr_tracked_kinds; k++) {
		const struct format *f = k->format;
		struct ki_walk w = walk_of(k, model_new(k), true);
		/* Read, write, execute; bit 8 too, which some KVM sets by itself. */
		u64 *entry[] = {
			model_map(BASE + 70, 1, 0),
			model_map(BASE + 71, 1, 0x107),
			model_map(BASE + 512, 2, 0),
			model_map(BASE + 1024, 2, 0x107),
		};
		u64 was[4];

		for (unsigned int i = 0; i < 4; i++)
			was[i] = *entry[i];
		want_all();
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(bits.present), 2 + 1024);
		assert_true(present(BASE + 70) && present(BASE + 71));
		assert_true(present(BASE + 512) && present(BASE + 1535));
		assert_int_equal(count(bits.young), 0);
		assert_int_equal(count_words(bits.huge), 16);
		for (unsigned int i = 0; i < 4; i++)
			assert_true(*entry[i] == was[i]);
		expect_all_unreal(k);
	}
}

/* What a random table says, read entry by entry as plainly as can be. */
struct expectation {
	bool present[KI_SLICE_PAGES];
	bool young[KI_SLICE_PAGES];
	bool huge[KI_SLICE_PAGES];
};

static struct expectation expected;

static void random_table(const struct format *f)
{
	u64 pages = huge_pages(f);

	memset(&expected, 0, sizeof(expected));
	for (u64 block = 0; block < KI_SLICE_PAGES; block += pages) {
		unsigned int kind = rand() % 4;
		bool hot = rand() % 2;

		if (kind == 0)
			continue;
		if (kind == 1) {
			model_map(BASE + block, 2, hot ? f->accessed : 0);
			for (u64 i = block; i < block + pages; i++) {
				expected.present[i] = true;
				expected.young[i] = hot;
				expected.huge[i] = true;
			}
			continue;
		}
		for (u64 i = block; i < block + pages; i++) {
			switch (rand() % 6) {
			case 0:
				*model_entry(BASE + i, 1) = f->mmio;
				break;
			case 1:
				*model_entry(BASE + i, 1) = f->removed;
				break;
			case 2:
				expected.young[i] = true;
				/* fallthrough */
			case 3:
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
	for_each_kind(k, f) {
		for (unsigned int round = 0; round < 20; round++) {
			struct ki_walk w = walk_of(k, model_new(k), true);

			random_table(f);
			want_all();
			assert_int_equal(f->walk(&w), KI_WALK_DONE);
			for (u64 i = 0; i < KI_SLICE_PAGES; i++) {
				assert_int_equal(present(BASE + i),
						 expected.present[i]);
				assert_int_equal(young(BASE + i),
						 expected.young[i]);
				assert_int_equal(word_bit(bits.huge, BASE + i),
						 expected.huge[i]);
			}
			/* And all of it is gone now. */
			want_all();
			assert_int_equal(f->walk(&w), KI_WALK_DONE);
			assert_int_equal(count(bits.young), 0);
		}
	}
}

/* Leaves by turns written, touched and neither, and one that is not the hardware's. */
static void test_dirty(void **state)
{
	static u64 dirty[KI_SLICE_WORDS];

	(void)state;
	for_each_kind(k, f) {
		struct ki_walk w = walk_of(k, model_new(k), false);
		bool tells = strncmp(f->name, "stage 2", 7);
		u64 *written = model_map(BASE + 3, 1, f->dirty | f->accessed);
		u64 was = *written, pages = huge_pages(f);

		model_map(BASE + 4, 1, f->dirty);
		model_map(BASE + 5, 1, f->accessed);
		model_map(BASE + 70, 1, f->dirty);
		*model_entry(BASE + 71, 1) = f->mmio | f->dirty;
		model_map(BASE + pages, 2, f->dirty);
		model_map(BASE + 2 * pages, 2, f->accessed);
		want_all();
		bits.want[0] &= ~BIT_ULL(4);
		memset(dirty, 0, sizeof(dirty));
		w.dirty = dirty;

		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(bit(dirty, BASE, BASE + 3), tells);
		assert_int_equal(bit(dirty, BASE, BASE + 70), tells);
		assert_int_equal(bit(dirty, BASE, BASE + pages), tells);
		assert_int_equal(bit(dirty, BASE, BASE + 2 * pages - 1), tells);
		assert_int_equal(count(dirty), tells ? 2 + pages : 0);
		/* Nothing else is answered, and nothing cleared. */
		assert_int_equal(count(bits.present), 0);
		assert_int_equal(count(bits.young), 0);
		assert_true(*written == was);
	}
}

static u64 memory_written[8];
static unsigned int nr_written;

static void note_written(u64 phys)
{
	if (nr_written < ARRAY_SIZE(memory_written))
		memory_written[nr_written] = phys;
	nr_written++;
}

/* By the time that the bit goes, the memory is marked. */
static void expect_marked(u64 *entry)
{
	assert_true(nr_written > 0);
	assert_int_equal(memory_written[nr_written - 1], racing->address_of(*entry));
}

static struct ki_walk clear_dirty(const struct kind *k, u64 root, u64 *dirty)
{
	struct ki_walk w = walk_of(k, root, true);

	memset(dirty, 0, KI_SLICE_WORDS * sizeof(*dirty));
	w.dirty = dirty;
	w.giant_ready = true;
	want_all();
	racing = k->format;
	nr_written = 0;
	model_written = note_written;
	return w;
}

/* What is told to be written is not so any more; nor is anything else changed. */
static void test_dirty_cleared(void **state)
{
	static u64 dirty[KI_SLICE_WORDS];

	(void)state;
	for_each_kind(k, f) {
		u64 root = model_new(k), pages = huge_pages(f);
		struct ki_walk w = clear_dirty(k, root, dirty);
		bool tells = strncmp(f->name, "stage 2", 7);
		const struct {
			u64 *entry;
			bool written;
		} leaf[] = {
			{ model_map(BASE + 3, 1, f->dirty | f->accessed), true },
			{ model_map(BASE + 4, 1, f->dirty | 1 << 20), false }, /* not wanted */
			{ model_map(BASE + 5, 1, f->accessed), false },
			{ model_map(BASE + 70, 1, f->dirty | 1 << 21), true },
			{ model_map(BASE + pages, 2, f->dirty), true },
			{ model_map(BASE + 2 * pages, 2, f->accessed), false },
		};
		u64 was[ARRAY_SIZE(leaf)];
		unsigned int n = 0;

		for (unsigned int i = 0; i < ARRAY_SIZE(leaf); i++)
			was[i] = *leaf[i].entry;
		bits.want[0] &= ~BIT_ULL(4);
		model_race = expect_marked;
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(dirty), tells ? 2 + pages : 0);
		for (unsigned int i = 0; i < ARRAY_SIZE(leaf); i++) {
			bool taken = tells && leaf[i].written;

			assert_true(*leaf[i].entry == (was[i] & ~(taken ? f->dirty : 0)));
			if (taken)
				assert_int_equal(memory_written[n++], f->address_of(was[i]));
		}
		assert_int_equal(nr_written, n);
		assert_int_equal(count(bits.young), 0);
		/* And all of it is gone now. */
		memset(dirty, 0, sizeof(dirty));
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(dirty), 0);
	}
}

static void race_dirty(const struct kind *k, unsigned int level, void (*with)(u64 *),
		       u64 expected)
{
	static u64 dirty[KI_SLICE_WORDS];
	const struct format *f = k->format;
	struct ki_walk w = clear_dirty(k, model_new(k), dirty);
	u64 *entry = model_map(BASE, level, f->dirty);
	u64 address = *entry & ~(f->page | f->huge | f->dirty);

	races = 0;
	model_race = with;
	assert_int_equal(f->walk(&w), KI_WALK_DONE);
	assert_true(races >= 1);
	assert_int_equal(count(dirty), level_pages(f, level));
	assert_true((*entry & ~address) == expected);
}

static void race_hardware_accesses(u64 *entry)
{
	if (!races++)
		*entry |= racing->accessed;
}

static void race_kvm_installs_dirty_mmio(u64 *entry)
{
	races++;
	*entry = racing->mmio | racing->dirty;
}

/* It was written, whatever becomes of the entry; and that is left alone. */
static void test_dirty_races(void **state)
{
	(void)state;
	for_each_kind(k, f) {
		if (!strncmp(f->name, "stage 2", 7))
			continue;
		for (unsigned int level = 1; level <= 2; level++) {
			u64 leaf = level == 1 ? f->page : f->huge;

			race_dirty(k, level, race_hardware_accesses, leaf | f->accessed);
			race_dirty(k, level, race_kvm_removes, f->removed);
			race_dirty(k, level, race_kvm_installs_dirty_mmio,
				   f->mmio | f->dirty);
		}
	}
}

/* Of a leaf that others have a part of, who have not been asked. */
static void test_giant_stays_dirty(void **state)
{
	static u64 dirty[KI_SLICE_WORDS];

	(void)state;
	for_each_kind(k, f) {
		u64 root = model_new(k);
		struct ki_walk w = clear_dirty(k, root, dirty);
		u64 *entry, was;

		if (!strncmp(f->name, "stage 2", 7) || k->levels < 4)
			continue;
		entry = model_map(BASE, 3, f->dirty);
		was = *entry;
		assert_int_equal(f->walk(&w), KI_WALK_DONE);
		assert_int_equal(count(dirty), 0);
		assert_int_equal(nr_written, 0);
		assert_true(*entry == was);
	}
}

static enum ki_walk_result only_any(const struct kind *k, u64 root, u64 start, u64 end)
{
	struct ki_walk w = walk_of(k, root, false);

	w.only_any = true;
	w.bits = NULL;
	w.start = start;
	w.end = end;
	return k->format->walk(&w);
}

/* Is there anything at all? Nothing in the slice, one table of many, one huge leaf. */
static void test_only_any(void **state)
{
	const u64 end = BASE + KI_SLICE_PAGES;

	(void)state;
	for_each_kind(k, f) {
		u64 pages = huge_pages(f), root = model_new(k), *entry;

		assert_int_equal(only_any(k, root, BASE, end), KI_WALK_EMPTY);
		/* Beside it, as a rule in the same tables. */
		model_map(BASE - 1, 1, f->accessed);
		model_map(BASE - pages - 1, 2, f->accessed);
		assert_int_equal(only_any(k, root, BASE, end), KI_WALK_EMPTY);
		entry = model_entry(BASE + pages, 2);
		*entry = f->removed;
		assert_int_equal(only_any(k, root, BASE, end), KI_WALK_EMPTY);

		model_map(BASE + 3 * pages + 5, 1, 0);
		assert_int_equal(only_any(k, root, BASE, end), KI_WALK_DONE);
		assert_int_equal(only_any(k, root, BASE + 3 * pages, BASE + 3 * pages + 64),
				 KI_WALK_DONE);
		assert_int_equal(only_any(k, root, BASE, BASE + 3 * pages), KI_WALK_EMPTY);

		root = model_new(k);
		model_map(BASE + 2 * pages, 2, f->accessed);
		assert_int_equal(only_any(k, root, BASE, end), KI_WALK_DONE);
		assert_int_equal(only_any(k, root, BASE, BASE + 2 * pages), KI_WALK_EMPTY);
		if (has_giants(k)) {
			root = model_new(k);
			model_map(BASE, 3, 0);
			assert_int_equal(only_any(k, root, BASE, end), KI_WALK_DONE);
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
		cmocka_unit_test(test_accessed_without_dirty),
		cmocka_unit_test(test_peek_changes_nothing),
		cmocka_unit_test(test_unreal_entries),
		cmocka_unit_test(test_unreal_root_entry),
		cmocka_unit_test(test_huge_leaf_speaks_for_all_its_pages),
		cmocka_unit_test(test_sizes_of_leaves),
		cmocka_unit_test(test_clear_answers),
		cmocka_unit_test(test_only_what_is_wanted),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_giant_leaf),
		cmocka_unit_test(test_huge_is_not_giant),
		cmocka_unit_test(test_strange_leaf),
		cmocka_unit_test(test_strange_depth),
		cmocka_unit_test(test_strange_address),
		cmocka_unit_test(test_races),
		cmocka_unit_test(test_beyond_the_table),
		cmocka_unit_test(test_end_of_the_table),
		cmocka_unit_test(test_root_shorter_than_a_slice),
		cmocka_unit_test(test_high_bits_of_a_table_entry),
		cmocka_unit_test(test_tracked),
		cmocka_unit_test(test_dirty),
		cmocka_unit_test(test_dirty_cleared),
		cmocka_unit_test(test_dirty_races),
		cmocka_unit_test(test_giant_stays_dirty),
		cmocka_unit_test(test_only_any),
		cmocka_unit_test(test_random),
	};

	return cmocka_run_group_tests_name("walk", tests, NULL, teardown);
}
