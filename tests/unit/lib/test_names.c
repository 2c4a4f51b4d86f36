// SPDX-License-Identifier: GPL-2.0-only
#include "internal.h"
#include "suite.h"

#include <string.h>

/* Each value of the ABI has a word of its own, which is not "unknown". */
static void check_words(const char *(*name)(uint32_t), uint32_t last)
{
	uint32_t a, b;

	for (a = 0; a <= last; a++) {
		assert_string_not_equal(name(a), "unknown");
		for (b = 0; b < a; b++)
			assert_string_not_equal(name(a), name(b));
	}
	assert_string_equal(name(last + 1), "unknown");
	assert_string_equal(name(UINT32_MAX), "unknown");
}

static const char *problem_name(uint32_t problem)
{
	return kvmidle_problem_name(problem);
}

static void names(void **state)
{
	(void)state;
	check_words(kvmidle_source_name, KVM_IDLE_SOURCE_DIRECT);
	check_words(kvmidle_reason_name, KVM_IDLE_REASON_UNKNOWN_TABLE);
	check_words(kvmidle_format_name, KVM_IDLE_FORMAT_NPT);
	check_words(kvmidle_tlb_policy_name, KVM_IDLE_TLB_PRECISE);
	check_words(problem_name, KVMIDLE_PROBLEM_OTHER);
}

static void reason_texts(void **state)
{
	uint32_t r;

	(void)state;
	for (r = 0; r <= KVM_IDLE_REASON_UNKNOWN_TABLE; r++) {
		const char *text = kvmidle_reason_text(r);

		/* Sentences; a program puts them behind one of its own. */
		assert_int_equal(text[strlen(text) - 1], '.');
		assert_null(strchr(text, '\n'));
		assert_null(strstr(text, "too old"));
	}
	assert_non_null(strstr(kvmidle_reason_text(r), "too old"));
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(names),
	cmocka_unit_test(reason_texts),
};

SUITE(suite_names, tests);
