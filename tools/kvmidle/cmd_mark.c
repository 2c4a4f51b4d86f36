// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle mark: mark guest memory idle. */
#include "json.h"
#include "parse.h"
#include "range.h"
#include "target.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

static const struct cmd_option options[] = {
	OPTION_RANGE,
	OPTION_VM,
	OPTION_TLB,
	OPTION_JSON,
	{ 0 }
};

static const char text[] =
"Marks guest memory idle: clears the accessed bits, all of them or those of a\n"
"range, so that whoever looks later ('kvmidle bitmap', or cat on the file) sees\n"
"what was touched since. Says how much memory was marked, and how much of it was\n"
"young. Who harvests at the same time loses nothing: the kernel module keeps\n"
"what was cleared here for each of them.\n"
"\n"
"Example:\n"
"  kvmidle mark web1; sleep 60; kvmidle bitmap --text web1\n";

struct arguments {
	struct common common;
	struct range range;
};

static int own_option(const struct command *self, int letter, void *arg)
{
	struct arguments *a = arg;

	(void)letter;	/* there is one */
	return range_option(self, &a->range);
}

struct marked {
	uint64_t mapped;
	uint64_t young;
};

static int count_regions(void *arg, const struct kvm_idle_region *regions,
			 size_t count)
{
	struct marked *m = arg;
	size_t i;

	for (i = 0; i < count; i++) {
		if (!(regions[i].categories & KVM_IDLE_PAGE_PRESENT))
			continue;
		m->mapped += regions[i].end - regions[i].start;
		if (regions[i].categories & KVM_IDLE_PAGE_YOUNG)
			m->young += regions[i].end - regions[i].start;
	}
	return 0;
}

static int print_json(const struct target *t, const struct marked *m)
{
	json_object *o = json_object_new_object();

	json_add_uint(o, "version", JSON_VERSION);
	json_add_uint(o, "pid", t->pid);
	json_add_string(o, "name", t->name);
	json_add_uint(o, "vm", t->index);
	json_add_uint(o, "marked_bytes", m->mapped);
	json_add_uint(o, "young_bytes", m->young);
	return json_print(o, stdout);
}

/*
 * To mark is to harvest and to throw the answer away; here it is counted first. So
 * what is told to have been young is exactly what was marked.
 */
static int mark(const struct command *self, struct arguments *a,
		const struct target *t)
{
	struct kvm_idle_info info = { .size = sizeof(info) };
	char mapped[SIZE_TEXT], young[SIZE_TEXT];
	struct marked m = { 0 };
	int err, code;

	err = kvmidle_get_info(t->vm, &info);
	if (err)
		return target_failed(t, err);
	code = range_check(self, &a->range, &info);
	if (code)
		return code;
	err = range_regions(&a->range, t, count_regions, &m);
	if (err)
		return target_failed(t, err);
	if (!a->common.json)
		printf("Marked idle: %s, of which %s had been touched.\n",
		       format_size(mapped, m.mapped), format_size(young, m.young));
	else if (print_json(t, &m))
		return failure("%s", strerror(ENOMEM));
	return EXIT_OK;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct arguments a = { .range = RANGE_ALL };
	struct target t;
	int code;

	code = parse_options(self, argc, argv, &a.common, own_option, &a);
	if (code != GO_ON)
		return code;
	code = target_argument(self, argc, argv, KVMIDLE_HARVEST, &a.common, &t);
	if (!code)
		code = target_needs_vm(self, &t);
	if (code)
		return code;
	code = mark(self, &a, &t);
	target_close(&t);
	return code;
}

const struct command cmd_mark = {
	.name = "mark",
	.group = GROUP_CHANGE,
	.args = "TARGET",
	.summary = "mark memory idle",
	.text = text,
	.options = options,
	.run = run,
};
