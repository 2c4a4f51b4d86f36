// SPDX-License-Identifier: GPL-2.0-only
/* Arguments to numbers, and numbers to words. */
#include "parse.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Take digits from @at. False if there is none, or on overflow. */
static bool take_digits(const char **at, uint64_t *value)
{
	if (!is_digit(**at))
		return false;
	for (*value = 0; is_digit(**at); ++*at)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, **at - '0', value))
			return false;
	return true;
}

bool parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *value)
{
	return take_digits(&text, value) && !*text &&
	       *value >= min && *value <= max;
}

static const struct {
	const char *name;
	uint64_t ns;
} units[] = {
	{ "",	NS_PER_SECOND },
	{ "s",	NS_PER_SECOND },
	{ "ms",	1000000 },
	{ "us",	1000 },
	{ "m",	60 * NS_PER_SECOND },
	{ "min", 60 * NS_PER_SECOND },
	{ "h",	3600 * NS_PER_SECOND },
};

bool parse_interval(const char *text, uint64_t *ns)
{
	const char *fraction = NULL;
	uint64_t whole, part;
	size_t i;

	if (!take_digits(&text, &whole))
		return false;
	if (*text == '.') {
		fraction = ++text;
		if (!take_digits(&text, &part))
			return false;
	}

	for (i = 0; i < ARRAY_SIZE(units); i++)
		if (!strcmp(text, units[i].name))
			break;
	if (i == ARRAY_SIZE(units))
		return false;

	if (__builtin_mul_overflow(whole, units[i].ns, ns) || *ns > INTERVAL_MAX)
		return false;
	/* A digit at a time: exact, and what is below 1 ns drops out. */
	part = units[i].ns;
	for (; fraction && fraction < text; fraction++) {
		part /= 10;
		*ns += (*fraction - '0') * part;
	}
	return *ns > 0 && *ns <= INTERVAL_MAX;
}

static bool take_hex(const char **at, uint64_t *value)
{
	char *end;

	*at += 2;
	if (!isxdigit((unsigned char)**at))
		return false;
	errno = 0;
	*value = strtoull(*at, &end, 16);
	*at = end;
	return !errno;
}

/* Take a number of bytes from @at. */
static bool take_bytes(const char **at, uint64_t *bytes)
{
	static const char letters[] = "KMGT";
	const char *letter;
	unsigned int i;
	bool good;

	good = (*at)[0] == '0' && ((*at)[1] | 0x20) == 'x' ?
		take_hex(at, bytes) : take_digits(at, bytes);
	letter = good && **at ? strchr(letters, toupper((unsigned char)**at)) : NULL;
	if (!letter)
		return good;
	for (i = 0; i <= letter - letters; i++)
		if (__builtin_mul_overflow(*bytes, 1024, bytes))
			return false;
	++*at;
	if (!strncmp(*at, "iB", 2))
		*at += 2;
	return true;
}

bool parse_bytes(const char *text, uint64_t *bytes)
{
	return take_bytes(&text, bytes) && !*text;
}

bool parse_range(const char *text, uint64_t *start, uint64_t *end)
{
	uint64_t bytes;

	return take_bytes(&text, start) && *text++ == '+' &&
	       parse_bytes(text, &bytes) && bytes &&
	       !__builtin_add_overflow(*start, bytes, end);
}

bool parse_factor(const char *text, double *factor)
{
	uint64_t ns;

	/* The same form as of a time in seconds, as exact as one needs. */
	if (text[strspn(text, "0123456789.")] || !parse_interval(text, &ns))
		return false;
	*factor = ns / (double)NS_PER_SECOND;
	return *factor >= FACTOR_MIN && *factor <= FACTOR_MAX;
}

const char *format_size(char text[SIZE_TEXT], uint64_t bytes)
{
	static const char prefixes[] = "KMGTPE";
	unsigned int i = 0;
	double size = bytes / 1024.0;

	/* Not "1024.0 KiB": what rounds up to it goes one unit higher. */
	while (size >= 1023.95 && prefixes[i + 1]) {
		size /= 1024;
		i++;
	}
	if (bytes)
		snprintf(text, SIZE_TEXT, "%.1f %ciB", size, prefixes[i]);
	else
		snprintf(text, SIZE_TEXT, "0");
	return text;
}

const char *format_time(char text[TIME_TEXT], uint64_t ns)
{
	double seconds = ns / (double)NS_PER_SECOND;

	if (seconds < 0.01)
		snprintf(text, TIME_TEXT, "%.2f ms", seconds * 1000);
	else if (seconds < 0.9995)
		snprintf(text, TIME_TEXT, "%.0f ms", seconds * 1000);
	else if (seconds < 119.95)
		snprintf(text, TIME_TEXT, "%.1f s", seconds);
	else if (seconds < 2 * 3600)
		snprintf(text, TIME_TEXT, "%.1f min", seconds / 60);
	else
		snprintf(text, TIME_TEXT, "%.1f h", seconds / 3600);
	return text;
}

const char *format_date(char text[DATE_TEXT], uint64_t wall_ns)
{
	time_t time = wall_ns / NS_PER_SECOND;	/* the year 2554 at most */
	struct tm tm;

	gmtime_r(&time, &tm);
	strftime(text, DATE_TEXT, "%Y-%m-%d %H:%M:%S UTC", &tm);
	return text;
}
