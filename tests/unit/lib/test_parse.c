// SPDX-License-Identifier: GPL-2.0-only
#include "parse.h"
#include "suite.h"

static void numbers(void **state)
{
	static const char *const bad[] = {
		"", " 1", "1 ", "+1", "-1", "0x10", "1e3", "1.0", "abc", "9", "101",
		"18446744073709551616", "99999999999999999999999",
	};
	uint64_t value;
	size_t i;

	(void)state;
	assert_true(parse_number("10", 10, 100, &value));
	assert_int_equal(value, 10);
	assert_true(parse_number("0100", 10, 100, &value));
	assert_int_equal(value, 100);
	assert_true(parse_number("18446744073709551615", 0, UINT64_MAX, &value));
	assert_int_equal(value, UINT64_MAX);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_false(parse_number(bad[i], 10, 100, &value));
}

static void intervals(void **state)
{
	static const struct {
		const char *text;
		uint64_t ns;
	} good[] = {
		{ "1s", 1000000000 }, { "1", 1000000000 }, { "500ms", 500000000 },
		{ "2m", 120000000000 }, { "2min", 120000000000 },
		{ "1h", 3600000000000 }, { "250us", 250000 },
		{ "0.5", 500000000 }, { "1.25s", 1250000000 }, { "0.5us", 500 },
		{ "0.0015ms", 1500 }, { "168h", 604800000000000 },
		{ "1.00000000000000000009s", 1000000000 },
	};
	static const char *const bad[] = {
		"", "0", "0s", "0.0", "-1s", "+1s", " 1s", "1 s", "1s ", "s", "1x",
		"1S", ".5s", "1.s", "1.5.5s", "1e3", "inf", "nan", "0x1s", "168.1h",
		"8000000m", "99999999999999999999s", "18446744073709551615h",
		"0.0000000001s", "18446744073.9s",
	};
	uint64_t ns;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(parse_interval(good[i].text, &ns));
		assert_int_equal(ns, good[i].ns);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (parse_interval(bad[i], &ns))
			fail_msg("'%s' was taken for an interval", bad[i]);
	}
}

static void addresses(void **state)
{
	static const struct {
		const char *text;
		uint64_t bytes;
	} good[] = {
		{ "0", 0 }, { "0x0", 0 }, { "4096", 4096 }, { "0x1000", 4096 },
		{ "0X1f", 31 }, { "4K", 4096 }, { "4k", 4096 }, { "4KiB", 4096 },
		{ "0x10M", 16 << 20 }, { "3G", UINT64_C(3) << 30 },
		{ "1T", UINT64_C(1) << 40 },
		{ "0xffffffffffffffff", UINT64_MAX },
		{ "18446744073709551615", UINT64_MAX },
	};
	static const char *const bad[] = {
		"", "K", "x", "0x", "0xg", "0x 1", "-1", "+1", " 1", "1 ", "1KB",
		"1Ki", "1KiBx", "1P", "1.5G", "0x-1", "0x+1", "0x10000000000000000",
		"18446744073709551616", "16777216T", "17179869184G",
	};
	uint64_t bytes;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		assert_true(parse_bytes(good[i].text, &bytes));
		assert_int_equal(bytes, good[i].bytes);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_bytes(bad[i], &bytes))
			fail_msg("'%s' was taken for a number of bytes", bad[i]);
}

static void ranges(void **state)
{
	static const char *const bad[] = {
		"", "+", "1M", "1M+", "+1M", "1M+0", "1M+1M+1M", "1M-1M", "1M + 1M",
		"0xffffffffffffffff+1", "1M+0xfffffffffff00001",
	};
	uint64_t start, end;
	size_t i;

	(void)state;
	assert_true(parse_range("0x100000+64M", &start, &end));
	assert_int_equal(start, 1 << 20);
	assert_int_equal(end, 65 << 20);
	assert_true(parse_range("0+0xffffffffffffffff", &start, &end));
	assert_int_equal(end, UINT64_MAX);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_range(bad[i], &start, &end))
			fail_msg("'%s' was taken for a range", bad[i]);
}

static void factors(void **state)
{
	static const char *const bad[] = {
		"", "0", "0.0", "-1", "1s", "1ms", "x", "1x", "1e3", "nan", "604801",
	};
	double factor;
	size_t i;

	(void)state;
	assert_true(parse_factor("2", &factor));
	assert_true(factor == 2);
	assert_true(parse_factor("0.25", &factor));
	assert_true(factor == 0.25);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (parse_factor(bad[i], &factor))
			fail_msg("'%s' was taken for a factor", bad[i]);
}

static void dates(void **state)
{
	char text[DATE_TEXT];

	(void)state;
	assert_string_equal(format_date(text, 0), "1970-01-01 00:00:00 UTC");
	assert_string_equal(format_date(text, UINT64_C(1795287845999999999)),
			    "2026-11-21 19:04:05 UTC");
	assert_string_equal(format_date(text, UINT64_MAX), "2554-07-21 23:34:33 UTC");
}

static void sizes(void **state)
{
	char text[SIZE_TEXT];

	(void)state;
	assert_string_equal(format_size(text, 0), "0");
	assert_string_equal(format_size(text, 4096), "4.0 KiB");
	assert_string_equal(format_size(text, 1023 << 10), "1023.0 KiB");
	assert_string_equal(format_size(text, (1 << 20) - 1), "1.0 MiB");
	assert_string_equal(format_size(text, 1 << 20), "1.0 MiB");
	assert_string_equal(format_size(text, UINT64_C(1536) << 20), "1.5 GiB");
	assert_string_equal(format_size(text, UINT64_C(56) << 40), "56.0 TiB");
	assert_string_equal(format_size(text, UINT64_MAX), "16.0 EiB");
}

static void times(void **state)
{
	char text[TIME_TEXT];

	(void)state;
	assert_string_equal(format_time(text, 0), "0.00 ms");
	assert_string_equal(format_time(text, 1500000), "1.50 ms");
	assert_string_equal(format_time(text, 500000000), "500 ms");
	assert_string_equal(format_time(text, 999900000), "1.0 s");
	assert_string_equal(format_time(text, 100 * NS_PER_SECOND), "100.0 s");
	assert_string_equal(format_time(text, 600 * NS_PER_SECOND), "10.0 min");
	assert_string_equal(format_time(text, 7200 * NS_PER_SECOND), "2.0 h");
	assert_string_equal(format_time(text, UINT64_MAX), "5124095.6 h");
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(numbers),
	cmocka_unit_test(intervals),
	cmocka_unit_test(addresses),
	cmocka_unit_test(ranges),
	cmocka_unit_test(factors),
	cmocka_unit_test(dates),
	cmocka_unit_test(sizes),
	cmocka_unit_test(times),
};

SUITE(suite_parse, tests);
