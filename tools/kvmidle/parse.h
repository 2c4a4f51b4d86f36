/* SPDX-License-Identifier: GPL-2.0-only */
/* Arguments to numbers, and numbers to words. */
#ifndef PARSE_H
#define PARSE_H

#include <stdbool.h>
#include <stdint.h>

#define NS_PER_SECOND	UINT64_C(1000000000)

/**
 * parse_number() - parse a decimal number
 * @text: digits and nothing else
 * @min: smallest value allowed
 * @max: largest value allowed
 * @value: out
 *
 * Return: whether it is one, and within the limits.
 */
bool parse_number(const char *text, uint64_t min, uint64_t max,
		  uint64_t *value);

/**
 * parse_interval() - parse a length of time
 * @text: a decimal number, with a fraction or not, and a unit: us, ms, s (also
 *	if there is none), m, h
 * @ns: out: nanoseconds, 1 ... INTERVAL_MAX
 *
 * Return: whether it is one, and within the limits.
 */
bool parse_interval(const char *text, uint64_t *ns);

#define INTERVAL_MAX	(UINT64_C(7) * 24 * 3600 * NS_PER_SECOND)

/**
 * parse_bytes() - parse a size or an address
 * @text: a decimal number, or a hexadecimal one after 0x; and a unit or not: K, M, G,
 *	T, also as KiB
 * @bytes: out
 *
 * Return: whether it is one.
 */
bool parse_bytes(const char *text, uint64_t *bytes);

/**
 * parse_range() - parse a range of guest memory
 * @text: "GPA+SIZE", each as of parse_bytes()
 * @start: out: guest physical address
 * @end: out: of the first byte behind it, above @start
 *
 * Return: whether it is one.
 */
bool parse_range(const char *text, uint64_t *start, uint64_t *end);

/**
 * parse_factor() - parse how many times as fast
 * @text: a decimal number with a fraction or not
 * @factor: out: FACTOR_MIN ... FACTOR_MAX
 *
 * Return: whether it is one.
 */
bool parse_factor(const char *text, double *factor);

#define FACTOR_MIN	0.001
#define FACTOR_MAX	100000.0

#define SIZE_TEXT	16
#define TIME_TEXT	32
#define DATE_TEXT	32

/**
 * format_size() - a number of bytes for people
 * @text: out: with one decimal and a unit from KiB to EiB, or "0"
 * @bytes: the number
 */
const char *format_size(char text[SIZE_TEXT], uint64_t bytes);

/**
 * format_time() - a length of time for people
 * @text: out: in ms, s, min or h
 * @ns: the time in nanoseconds
 */
const char *format_time(char text[TIME_TEXT], uint64_t ns);

/**
 * format_date() - a point in time for people
 * @text: out: as "2026-11-21 19:04:05 UTC",
 * @wall_ns: nanoseconds since 1970 (UTC)
 */
const char *format_date(char text[DATE_TEXT], uint64_t wall_ns);

#endif /* PARSE_H */
