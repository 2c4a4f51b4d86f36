// SPDX-License-Identifier: GPL-2.0-only
#include "internal.h"
#include "suite.h"

#include <stdio.h>
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

static const char *door_name(uint32_t door)
{
	return kvmidle_door_name(door);
}

static const char *problem_name(uint32_t problem)
{
	return kvmidle_problem_name(problem);
}

static void names(void **state)
{
	(void)state;
	check_words(kvmidle_source_name, KVM_IDLE_SOURCE_BOTH);
	check_words(kvmidle_reason_name, KVM_IDLE_REASON_ALIASED);
	check_words(kvmidle_format_name, KVM_IDLE_FORMAT_STAGE2);
	check_words(kvmidle_tlb_policy_name, KVM_IDLE_TLB_PRECISE);
	check_words(problem_name, KVMIDLE_PROBLEM_RECORDING);
	check_words(door_name, KVMIDLE_DOOR_RECORDING);
}

static void reason_texts(void **state)
{
	uint32_t r;

	(void)state;
	for (r = 0; r <= KVM_IDLE_REASON_ALIASED; r++) {
		const char *text = kvmidle_reason_text(r);

		/* Sentences; a program puts them behind one of its own. */
		assert_int_equal(text[strlen(text) - 1], '.');
		assert_null(strchr(text, '\n'));
		assert_null(strstr(text, "too old"));
	}
	assert_non_null(strstr(kvmidle_reason_text(r), "too old"));
}

static void expect_explanation(uint32_t source, uint32_t reason,
			       const char *expected)
{
	const struct kvm_idle_info info = { .source = source, .reason = reason };
	char got[512], cut[10];

	assert_int_equal(kvmidle_explain_source(&info, got, sizeof(got)),
			 strlen(expected));
	assert_string_equal(got, expected);
	memset(cut, 'x', sizeof(cut));
	kvmidle_explain_source(&info, cut, sizeof(cut));
	assert_int_equal(strlen(cut), strlen(got) < 9 ? strlen(got) : 9);
}

static void explanations(void **state)
{
	uint32_t source, reason;

	(void)state;
	expect_explanation(KVM_IDLE_SOURCE_DIRECT, KVM_IDLE_REASON_OK, "");
	expect_explanation(KVM_IDLE_SOURCE_DIRECT, KVM_IDLE_REASON_NO_TABLE,
			   kvmidle_reason_text(KVM_IDLE_REASON_NO_TABLE));
	expect_explanation(KVM_IDLE_SOURCE_NONE, KVM_IDLE_REASON_ALIASED,
			   kvmidle_reason_text(KVM_IDLE_REASON_ALIASED));
	expect_explanation(KVM_IDLE_SOURCE_NOTIFIER, KVM_IDLE_REASON_SHADOW,
			   "KVM is asked page by page: shadow paging (npt=0 or ept=0).");
	expect_explanation(KVM_IDLE_SOURCE_BOTH, KVM_IDLE_REASON_NESTED,
			   "The page tables are walked, and KVM is asked page by page as well: the guest runs virtual machines of its own, or has done so.");

	/* Each combination makes a sentence, those of a later module too. */
	for (source = 0; source <= KVM_IDLE_SOURCE_BOTH + 1; source++) {
		for (reason = 0; reason <= KVM_IDLE_REASON_ALIASED + 1; reason++) {
			const struct kvm_idle_info info = {
				.source = source, .reason = reason,
			};
			char text[512];
			size_t n = kvmidle_explain_source(&info, text, sizeof(text));

			assert_true(n < sizeof(text));
			assert_int_equal(n == 0, source == KVM_IDLE_SOURCE_DIRECT &&
						 reason == KVM_IDLE_REASON_OK);
			if (n)
				assert_int_equal(text[n - 1], '.');
			if (reason > KVM_IDLE_REASON_ALIASED ||
			    source > KVM_IDLE_SOURCE_BOTH)
				assert_non_null(strstr(text, "too old"));
		}
	}
}

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(names),
	cmocka_unit_test(reason_texts),
	cmocka_unit_test(explanations),
};

SUITE(suite_names, tests);
