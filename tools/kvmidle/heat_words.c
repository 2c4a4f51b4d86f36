// SPDX-License-Identifier: GPL-2.0-only
/* Short words for axes. */
#include "heat_words.h"

#include <stdio.h>
#include <string.h>

/* Three digits at most, and no noughts at the end. */
static const char *print(char *text, size_t size, double value, const char *unit)
{
	char number[32], *end;

	snprintf(number, sizeof(number), "%.*f",
		 value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2, value);
	if (strchr(number, '.')) {
		for (end = number + strlen(number); end[-1] == '0'; end--)
			;
		if (end[-1] == '.')
			end--;
		*end = '\0';
	}
	snprintf(text, size, "%.11s %s", number, unit);
	return text;
}

const char *words_size(char text[SIZE_TEXT], uint64_t bytes)
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" };
	double value = bytes;
	size_t unit = 0;

	while (value >= 1024 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1024;
		unit++;
	}
	return print(text, SIZE_TEXT, value, units[unit]);
}

const char *words_time(char text[TIME_TEXT], uint64_t ns)
{
	double s = (double)ns / NS_PER_SECOND;

	if (!ns)
		return print(text, TIME_TEXT, 0, "s");
	/* What would be rounded to 1000 ms is 1 s. */
	if (s < 0.9995)
		return print(text, TIME_TEXT, s * 1000, "ms");
	if (s < 120)
		return print(text, TIME_TEXT, s, "s");
	if (s < 7200)
		return print(text, TIME_TEXT, s / 60, "min");
	return print(text, TIME_TEXT, s / 3600, "h");
}

uint64_t time_step(uint64_t span, unsigned int most)
{
	static const unsigned int counts[] = {
		30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400, 28800, 86400,
	};
	uint64_t least = span / most + 1, step;
	size_t i;

	/* First 1, 2 or 5 times a power of ten; from half a minute on as clocks have it. */
	for (step = 1; step <= 10 * NS_PER_SECOND; step *= 10)
		for (i = 1; i <= 5; i += i == 1 ? 1 : 3)
			if (i * step >= least && i * step < 30 * NS_PER_SECOND)
				return i * step;
	for (i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		if (counts[i] * NS_PER_SECOND >= least)
			return counts[i] * NS_PER_SECOND;
	for (step = 86400 * NS_PER_SECOND; step < least && step < UINT64_MAX / 2; step *= 2)
		;
	return step;
}

const char *words_point(char text[TIME_TEXT], uint64_t ns, uint64_t step)
{
	if (step >= 3600 * NS_PER_SECOND)
		return print(text, TIME_TEXT, ns / 3600e9, "h");
	if (step >= 60 * NS_PER_SECOND)
		return print(text, TIME_TEXT, ns / 60e9, "min");
	if (step >= NS_PER_SECOND)
		return print(text, TIME_TEXT, ns / 1e9, "s");
	return words_time(text, ns);
}

uint64_t size_step(uint64_t span, unsigned int most)
{
	uint64_t step = 4096;

	while (step < span / most)
		step *= 2;
	return step;
}
