/* SPDX-License-Identifier: GPL-2.0-only */
/* The groups of tests, joined by main.c into one run with one plan. */
#ifndef SUITE_H
#define SUITE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

struct suite {
	const struct CMUnitTest *tests;
	size_t count;
};

#define SUITE(name, array) \
	const struct suite name = { array, sizeof(array) / sizeof((array)[0]) }

extern const struct suite suite_ages, suite_bitmap, suite_heat, suite_names, suite_parse,
			  suite_procfs, suite_recording, suite_report, suite_runs,
			  suite_scan, suite_vm;

#endif /* SUITE_H */
