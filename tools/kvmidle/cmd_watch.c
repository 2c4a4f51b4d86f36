// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle watch: live, as top. */
#include "command.h"
#include "common.h"
#include "screen.h"
#include "screen_json.h"
#include "target.h"

static const struct cmd_option options[] = {
	OPTION_VM,
	OPTION_INTERVAL,
	OPTION_COUNT("until it is quit"),
	OPTION_HOST,
	OPTION_TLB,
	OPTION_PARTIAL,
	{ "json", 'j', NULL,
	  "no screen: print a line with one JSON object for each\n"
	  "pass; sizes are in bytes" },
	{ 0 }
};

static const char text[] =
"Shows the memory of a virtual machine live, as top shows processes: how much is\n"
"hot, warm and cold, how much was used since the start, the largest runs of hot\n"
"memory, and a map of what was touched in the last passes. TARGET is a PID, a\n"
"name as 'kvmidle list' shows it, or a file that 'kvmidle record' has made,\n"
"which is played at the speed that it was recorded at.\n"
"\n"
"Keys: q quit, space pause, + and - a longer or shorter interval (of a\n"
"recording: faster, slower), r begin anew, h help.\n"
"\n"
"Passes are made as by 'kvmidle report'.\n"
"\n"
"Examples:\n"
"  kvmidle watch web1\n"
"  kvmidle watch -i 10s 4242\n"
"  kvmidle watch --json web1 | jq .hot_bytes   for a program\n";

static int run(const struct command *self, int argc, char **argv)
{
	struct common common;
	struct target target;
	char why[512];
	int code;

	code = parse_options(self, argc, argv, &common, NULL, NULL);
	if (code != GO_ON)
		return code;
	code = target_argument(self, argc, argv, KVMIDLE_HARVEST, &common, &target);
	if (code)
		return code;
	if (!common.json && !screen_can_play(why, sizeof(why)))
		code = failure("%s", why);
	else
		code = target_plan(&target, &common, 0, &common.plan);
	if (!code)
		code = common.json ? screen_json(&target, &common.plan) :
				     screen_play(&target, &common.plan, 1, 0);
	target_close(&target);
	return code;
}

const struct command cmd_watch = {
	.name = "watch",
	.group = GROUP_LOOK,
	.args = "TARGET",
	.summary = "live, as top shows processes",
	.text = text,
	.options = options,
	.run = run,
};
