// SPDX-License-Identifier: GPL-2.0-only
#include "suite.h"

#include <stdlib.h>
#include <string.h>

static const struct suite *const suites[] = {
	&suite_ages, &suite_bitmap, &suite_heat, &suite_names, &suite_parse, &suite_procfs,
	&suite_recording, &suite_report, &suite_runs, &suite_scan, &suite_vm,
};

int main(void)
{
	struct CMUnitTest tests[256];
	size_t count = 0, i;

	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		if (count + suites[i]->count > 256)
			abort();
		memcpy(tests + count, suites[i]->tests,
		       suites[i]->count * sizeof(tests[0]));
		count += suites[i]->count;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("kvmidle", tests, count, NULL, NULL) ? 1 : 0;
}
