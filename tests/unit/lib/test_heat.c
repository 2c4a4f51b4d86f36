// SPDX-License-Identifier: GPL-2.0-only
#include "heat.h"
#include "heat_picture.h"
#include "heat_words.h"
#include "internal.h"
#include "suite.h"

#include <stdlib.h>

#define KIB	(UINT64_C(1) << 10)
#define MIB	(UINT64_C(1) << 20)
#define GIB	(UINT64_C(1) << 30)
#define TIB	(UINT64_C(1) << 40)
#define SECOND	UINT64_C(1000000000)

#define IDLE	KVM_IDLE_PAGE_PRESENT
#define YOUNG	(KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_YOUNG)
#define HOST	(KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_HOST_YOUNG)

/* Slots are given as pairs of address and size. */
static struct kvmidle_slots *slots_of(const uint64_t (*pairs)[2], size_t count)
{
	struct kvmidle_slots *slots = kvmidle_slots_new(count);
	size_t i;

	assert_non_null(slots);
	for (i = 0; i < count; i++) {
		slots->at[i].gpa = pairs[i][0];
		slots->at[i].bytes = pairs[i][1];
	}
	return slots;
}

static struct heat *new_heat(size_t rows, size_t columns)
{
	const struct heat_shape shape = {
		.end = UINT64_MAX, .page_size = 4096, .rows = rows, .bins_per_row = 1,
		.columns = columns,
	};
	struct heat *heat = heat_new(&shape);

	assert_non_null(heat);
	heat_baseline(heat, 10 * SECOND);
	return heat;
}

static void pass(struct heat *heat, const uint64_t (*pairs)[2], size_t slot_count,
		 const struct kvm_idle_region *regions, size_t count, uint64_t started)
{
	struct kvmidle_slots *slots = slots_of(pairs, slot_count);

	assert_int_equal(heat_begin_pass(heat, slots), 0);
	kvmidle_slots_free(slots);
	heat_feed(heat, regions, count);
	assert_int_equal(heat_end_pass(heat, started), 0);
}

static const struct heat_cell *cell(const struct heat *heat, size_t column, size_t bin)
{
	return &heat_column(heat, column)->cells[bin];
}

#define ASSERT_CELL(heat, column, bin, c, m, t) do { \
	assert_int_equal(cell(heat, column, bin)->covered, c); \
	assert_int_equal(cell(heat, column, bin)->mapped, m); \
	assert_int_equal(cell(heat, column, bin)->touched, t); \
} while (0)

/* Regions that end within a cell, at its edge, and one page beyond it. */
static void cells_at_edges(void **state)
{
	static const uint64_t slots[][2] = { { 0, 4 * MIB } };
	static const struct kvm_idle_region regions[] = {
		{ 0, MIB - 4096, IDLE },
		{ MIB - 4096, MIB, YOUNG },
		{ MIB, 2 * MIB + 4096, YOUNG },
		{ 3 * MIB, 4 * MIB, HOST },
	};
	struct heat *heat = new_heat(4, 10);

	(void)state;
	pass(heat, slots, 1, regions, 4, 11 * SECOND);
	assert_int_equal(heat_bin_bytes(heat), MIB);
	assert_int_equal(heat_bins(heat), 4);
	ASSERT_CELL(heat, 0, 0, MIB, MIB, 4096);
	ASSERT_CELL(heat, 0, 1, MIB, MIB, MIB);
	ASSERT_CELL(heat, 0, 2, MIB, 4096, 4096);
	ASSERT_CELL(heat, 0, 3, MIB, MIB, MIB);
	assert_int_equal(heat_column(heat, 0)->from_ns, 10 * SECOND);
	assert_int_equal(heat_column(heat, 0)->to_ns, 11 * SECOND);
	assert_int_equal(heat_latest(heat).covered, 4 * MIB);
	assert_int_equal(heat_latest(heat).touched, 2 * MIB + 8192);
	heat_free(heat);
}

/* One row more than there is room for, and rows become twice as large. */
static void rows_have_room(void **state)
{
	static const uint64_t slots[][2] = { { 0, 4 * MIB + 4096 } };
	struct heat *heat = new_heat(4, 10);

	(void)state;
	pass(heat, slots, 1, NULL, 0, 11 * SECOND);
	assert_int_equal(heat_bin_bytes(heat), 2 * MIB);
	assert_int_equal(heat_bins(heat), 3);
	ASSERT_CELL(heat, 0, 2, 4096, 0, 0);
	heat_free(heat);
}

/* What no slot covers has no bin, and what is mapped there does no harm. */
static void gaps(void **state)
{
	static const uint64_t slots[][2] = {
		{ 0, 640 * KIB }, { MIB, 3 * MIB }, { GIB - 64 * KIB, 64 * KIB },
		{ UINT64_C(1) << 51, 4096 },
	};
	static const struct kvm_idle_region regions[] = {
		{ 0, 10 * MIB, YOUNG },
		{ GIB - 64 * KIB, 2 * GIB, YOUNG },
		{ UINT64_C(1) << 51, (UINT64_C(1) << 51) + 4096, IDLE },
	};
	struct heat *heat = new_heat(6, 10);

	(void)state;
	pass(heat, slots, 4, regions, 3, 11 * SECOND);
	assert_int_equal(heat_bin_bytes(heat), MIB);
	assert_int_equal(heat_bins(heat), 6);
	assert_int_equal(heat_bin_gpa(heat, 3), 3 * MIB);
	assert_int_equal(heat_bin_gpa(heat, 4), GIB - MIB);
	assert_int_equal(heat_bin_gpa(heat, 5), UINT64_C(1) << 51);
	ASSERT_CELL(heat, 0, 0, 640 * KIB, MIB, MIB);
	ASSERT_CELL(heat, 0, 4, 64 * KIB, 64 * KIB, 64 * KIB);
	ASSERT_CELL(heat, 0, 5, 4096, 4096, 0);
	heat_free(heat);
}

static void one_page(void **state)
{
	static const uint64_t slots[][2] = { { 5 * 4096, 4096 } };
	static const struct kvm_idle_region regions[] = { { 5 * 4096, 6 * 4096, YOUNG } };
	struct heat *heat = new_heat(1, 1);

	(void)state;
	pass(heat, slots, 1, regions, 1, 11 * SECOND);
	assert_int_equal(heat_bin_bytes(heat), 4096);
	assert_int_equal(heat_bin_gpa(heat, 0), 5 * 4096);
	ASSERT_CELL(heat, 0, 0, 4096, 4096, 4096);
	heat_free(heat);
}

static void no_passes(void **state)
{
	static const uint64_t slots[][2] = { { 0, MIB } };
	struct kvmidle_slots *list = slots_of(slots, 1);
	struct heat *heat = new_heat(4, 4);

	(void)state;
	assert_int_equal(heat_passes(heat), 0);
	assert_int_equal(heat_columns(heat), 0);
	assert_int_equal(heat_bins(heat), 0);
	/* Begun and not ended: it does not count. */
	assert_int_equal(heat_begin_pass(heat, list), 0);
	assert_int_equal(heat_begin_pass(heat, list), 0);
	assert_int_equal(heat_columns(heat), 0);
	kvmidle_slots_free(list);
	heat_free(heat);
}

/* No memory at all, and memory that ends where addresses do. */
static void extremes(void **state)
{
	static const uint64_t high[][2] = {
		{ 0, 4096 }, { (UINT64_C(1) << 52) - 4096, 4096 },
	};
	static const uint64_t beyond[][2] = { { UINT64_C(1) << 63, ~UINT64_C(0) } };
	static const struct kvm_idle_region regions[] = { { 0, UINT64_MAX, YOUNG } };
	struct heat *heat = new_heat(1, 4);

	(void)state;
	pass(heat, NULL, 0, regions, 1, 11 * SECOND);
	assert_int_equal(heat_bins(heat), 0);
	pass(heat, high, 2, regions, 1, 12 * SECOND);
	assert_int_equal(heat_bins(heat), 1);
	assert_int_equal(heat_bin_bytes(heat), UINT64_C(1) << 52);
	ASSERT_CELL(heat, 1, 0, 8192, UINT64_C(1) << 52, UINT64_C(1) << 52);
	pass(heat, beyond, 1, regions, 1, 13 * SECOND);
	assert_int_equal(heat_bins(heat), 1);
	heat_free(heat);
}

/* 64 GiB are no more than so many rows. */
static void huge(void **state)
{
	static const uint64_t slots[][2] = { { 0, 3 * GIB }, { 4 * GIB, 61 * GIB } };
	static const struct kvm_idle_region regions[] = {
		{ 0, 4096, YOUNG }, { 4 * GIB, 65 * GIB, IDLE },
	};
	struct heat *heat = new_heat(300, 10);
	size_t i;

	(void)state;
	for (i = 1; i <= 3; i++)
		pass(heat, slots, 2, regions, 2, i * SECOND);
	assert_int_equal(heat_bin_bytes(heat), 256 * MIB);
	assert_int_equal(heat_bins(heat), 256);
	ASSERT_CELL(heat, 2, 0, 256 * MIB, 4096, 4096);
	ASSERT_CELL(heat, 2, 11, 256 * MIB, 0, 0);
	assert_int_equal(heat_bin_gpa(heat, 12), 4 * GIB);
	ASSERT_CELL(heat, 2, 255, 256 * MIB, 256 * MIB, 0);
	heat_free(heat);
}

/* A slot comes: its bins get between the others, which keep what is in them. */
static void slots_that_come(void **state)
{
	static const uint64_t before[][2] = { { 0, MIB }, { 8 * MIB, MIB } };
	static const uint64_t after[][2] = { { 0, MIB }, { 4 * MIB, 2 * MIB } };
	static const struct kvm_idle_region young[] = {
		{ 0, MIB, IDLE }, { 8 * MIB, 9 * MIB, YOUNG },
	};
	static const struct kvm_idle_region later[] = { { 4 * MIB, 6 * MIB, YOUNG } };
	struct heat *heat = new_heat(4, 10);

	(void)state;
	pass(heat, before, 2, young, 2, 11 * SECOND);
	/* There would be room for 512 KiB. */
	assert_int_equal(heat_bin_bytes(heat), 512 * KIB);
	pass(heat, after, 2, later, 1, 12 * SECOND);
	assert_int_equal(heat_bin_bytes(heat), MIB);
	assert_int_equal(heat_bins(heat), 4);
	ASSERT_CELL(heat, 0, 0, MIB, MIB, 0);
	ASSERT_CELL(heat, 0, 1, 0, 0, 0);
	ASSERT_CELL(heat, 0, 3, MIB, MIB, MIB);
	ASSERT_CELL(heat, 1, 1, MIB, MIB, MIB);
	ASSERT_CELL(heat, 1, 2, MIB, MIB, MIB);
	ASSERT_CELL(heat, 1, 3, 0, 0, 0);
	heat_free(heat);
}

/* Whatever the room, no pass is lost and none counted twice. */
static void columns_have_room(void **state)
{
	static const uint64_t slots[][2] = { { 0, MIB } };
	static const struct kvm_idle_region regions[] = { { 0, 4096, YOUNG } };
	size_t room, passes, i;

	(void)state;
	for (room = 1; room <= 9; room++)
		for (passes = 1; passes <= 40; passes++) {
			struct heat *heat = new_heat(1, room);
			uint64_t sum = 0, touched = 0, end = 10 * SECOND;

			for (i = 1; i <= passes; i++)
				pass(heat, slots, 1, regions, 1, (10 + i) * SECOND);
			assert_true(heat_columns(heat) <= room);
			/* Less than half of the room is never left, once it was full. */
			assert_true(passes <= room ? heat_columns(heat) == passes :
				    heat_columns(heat) * 2 >= room);
			for (i = 0; i < heat_columns(heat); i++) {
				const struct heat_column *c = heat_column(heat, i);

				assert_int_equal(c->from_ns, end);
				assert_int_equal(c->to_ns - c->from_ns, c->passes * SECOND);
				end = c->to_ns;
				sum += c->passes;
				touched += c->cells[0].touched;
			}
			assert_int_equal(sum, passes);
			assert_int_equal(touched, passes * 4096);
			assert_int_equal(heat_passes(heat), passes);
			heat_free(heat);
		}
}

static void ranges(void **state)
{
	static const uint64_t slots[][2] = { { 0, 16 * MIB } };
	static const struct kvm_idle_region regions[] = { { 0, 16 * MIB, YOUNG } };
	const struct heat_shape shape = {
		.first = 4 * MIB + 4096, .end = 6 * MIB, .page_size = 4096, .rows = 2,
		.bins_per_row = 1, .columns = 1,
	};
	struct heat *heat = heat_new(&shape);

	(void)state;
	heat_baseline(heat, 0);
	pass(heat, slots, 1, regions, 1, SECOND);
	assert_int_equal(heat_bins(heat), 2);
	ASSERT_CELL(heat, 0, 0, MIB - 4096, MIB - 4096, MIB - 4096);
	ASSERT_CELL(heat, 0, 1, MIB, MIB, MIB);
	heat_free(heat);
}

/* Bins side by side: rows begin at multiples of their size. */
static void grids(void **state)
{
	static const uint64_t slots[][2] = { { 3 * MIB, MIB }, { 17 * MIB, MIB } };
	static const struct kvm_idle_region first[] = { { 3 * MIB, 4 * MIB, IDLE } };
	static const struct kvm_idle_region second[] = {
		{ 3 * MIB, 3 * MIB + 512 * KIB, IDLE },
		{ 3 * MIB + 512 * KIB, 4 * MIB, YOUNG }, { 17 * MIB, 18 * MIB, IDLE },
	};
	const struct heat_shape shape = {
		.end = UINT64_MAX, .page_size = 4096, .rows = 2, .bins_per_row = 4,
		.columns = 1, .latest_only = true,
	};
	const struct picture_words words = { .name = "x", .pid = 1, .pass_ns = SECOND };
	struct kvmidle_ages *ages = kvmidle_ages_new();
	struct heat *heat = heat_new(&shape);
	struct picture picture;

	(void)state;
	heat_baseline(heat, 0);
	pass(heat, slots, 2, first, 1, SECOND);
	assert_int_equal(kvmidle_ages_feed_regions(ages, 4096, first, 1), 0);
	kvmidle_ages_end_pass(ages);
	pass(heat, slots, 2, second, 3, 2 * SECOND);
	assert_int_equal(kvmidle_ages_feed_regions(ages, 4096, second, 3), 0);
	kvmidle_ages_end_pass(ages);

	assert_int_equal(heat_passes(heat), 2);
	assert_int_equal(heat_columns(heat), 1);
	assert_int_equal(heat_bin_bytes(heat), 256 * KIB);
	assert_int_equal(heat_bins(heat), 8);
	assert_int_equal(picture_of_ages(heat, 4, ages, 4096, &words, &picture), 0);
	assert_int_equal(picture.rows, 2);
	assert_int_equal(picture.row_gpa[0], 3 * MIB);
	assert_int_equal(picture.row_gpa[1], 17 * MIB);
	assert_int_equal(picture.row_skipped[1], 13 * MIB);
	assert_int_equal(picture.row_covered[0], MIB);
	/* Idle in both passes; touched in the last; idle in the last alone. */
	assert_int_equal(picture_level(&picture, 0, 0), 0);
	assert_int_equal(picture_level(&picture, 2, 0), LEVEL_MAX);
	assert_int_equal(picture_level(&picture, 0, 1), level_of_age(1, 2));
	picture_release(&picture);
	kvmidle_ages_free(ages);
	heat_free(heat);
}

/* A row may begin and end where there is no memory. */
static void grids_with_ends(void **state)
{
	static const uint64_t slots[][2] = { { 384 * KIB, 256 * KIB } };
	const struct heat_shape shape = {
		.end = UINT64_MAX, .page_size = 4096, .rows = 1, .bins_per_row = 4,
		.columns = 1, .latest_only = true,
	};
	const struct picture_words words = { .name = "x" };
	struct kvmidle_ages *ages = kvmidle_ages_new();
	struct heat *heat = heat_new(&shape);
	struct picture picture;

	(void)state;
	heat_baseline(heat, 0);
	pass(heat, slots, 1, NULL, 0, SECOND);
	kvmidle_ages_end_pass(ages);
	assert_int_equal(picture_of_ages(heat, 4, ages, 4096, &words, &picture), 0);
	assert_int_equal(picture.row_gpa[0], 0);
	assert_int_equal(picture_level(&picture, 0, 0), LEVEL_OUTSIDE);
	assert_int_equal(picture_level(&picture, 1, 0), LEVEL_HOLE);
	assert_int_equal(picture_level(&picture, 2, 0), LEVEL_HOLE);
	assert_int_equal(picture_level(&picture, 3, 0), LEVEL_OUTSIDE);
	picture_release(&picture);
	kvmidle_ages_free(ages);
	heat_free(heat);
}

static void levels(void **state)
{
	int last = 0, level;
	double age;
	uint64_t i;

	(void)state;
	assert_int_equal(level_of_share(0, GIB), 0);
	assert_int_equal(level_of_share(0, 0), 0);
	assert_int_equal(level_of_share(1, TIB), LEVEL_LEAST);
	assert_int_equal(level_of_share(GIB, GIB), LEVEL_MAX);
	/* A region may lie in a cell that slots cover in part. */
	assert_int_equal(level_of_share(2 * GIB, GIB), LEVEL_MAX);
	assert_int_equal(level_of_share(1, 4), LEVEL_LEAST + (LEVEL_MAX - LEVEL_LEAST + 1) / 2);
	for (i = 1; i <= 100; i++, last = level) {
		level = level_of_share(i, 100);
		assert_true(level > last);
	}
	assert_int_equal(level_of_age(0, 5), LEVEL_MAX);
	assert_int_equal(level_of_age(5, 5), 0);
	assert_int_equal(level_of_age(6, 5), 0);
	assert_int_equal(level_of_age(0, 0), LEVEL_MAX);
	for (last = LEVEL_MAX + 1, age = 0; age < 255; age += 1, last = level) {
		level = level_of_age(age, 255);
		assert_true(level < last || (age > 30 && level == last));
		assert_true(level >= LEVEL_LEAST);
	}
}

static void words(void **state)
{
	static const struct {
		uint64_t number;
		const char *text;
	} sizes[] = {
		{ 0, "0 B" }, { 4096, "4 KiB" }, { 2 * MIB, "2 MiB" },
		{ 3 * GIB / 2, "1.5 GiB" }, { 1023, "1023 B" },
		{ GIB + 3 * MIB, "1 GiB" }, { 384 * MIB, "384 MiB" },
		{ UINT64_MAX, "16384 PiB" },
	}, times[] = {
		{ 0, "0 s" }, { 1, "0 ms" }, { SECOND / 2, "500 ms" },
		{ 999999999, "1 s" }, { SECOND * 5 / 2, "2.5 s" },
		{ 12345 * SECOND / 1000, "12.3 s" }, { 90 * SECOND, "90 s" },
		{ 600 * SECOND, "10 min" }, { 7200 * SECOND, "2 h" },
	};
	char text[TIME_TEXT], size[SIZE_TEXT];
	uint64_t span;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		assert_string_equal(words_size(size, sizes[i].number), sizes[i].text);
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		assert_string_equal(words_time(text, times[i].number), times[i].text);
	assert_string_equal(words_point(text, 90 * SECOND, 30 * SECOND), "90 s");
	assert_string_equal(words_point(text, 120 * SECOND, 60 * SECOND), "2 min");
	assert_int_equal(time_step(10 * SECOND, 10), 2 * SECOND);
	assert_int_equal(time_step(300 * SECOND, 9), 60 * SECOND);
	assert_int_equal(time_step(UINT64_C(100) * 3600 * SECOND, 10), 86400 * SECOND);
	for (span = 1; span < UINT64_MAX / 3; span *= 3)
		assert_true(span / time_step(span, 7) <= 7);
	assert_int_equal(size_step(64 * MIB, 16), 4 * MIB);
	assert_int_equal(size_step(65 * MIB, 16), 8 * MIB);
	assert_int_equal(size_step(0, 16), 4096);
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(cells_at_edges),
	cmocka_unit_test(rows_have_room),
	cmocka_unit_test(gaps),
	cmocka_unit_test(one_page),
	cmocka_unit_test(no_passes),
	cmocka_unit_test(extremes),
	cmocka_unit_test(huge),
	cmocka_unit_test(slots_that_come),
	cmocka_unit_test(columns_have_room),
	cmocka_unit_test(ranges),
	cmocka_unit_test(grids),
	cmocka_unit_test(grids_with_ends),
	cmocka_unit_test(levels),
	cmocka_unit_test(words),
};

SUITE(suite_heat, tests);
