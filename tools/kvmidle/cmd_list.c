// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle list: the virtual machines of this host. */
#include "common.h"
#include "json.h"
#include "parse.h"
#include "table.h"

#include <kvmidle.h>

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct cmd_option options[] = {
	OPTION_JSON,
	{ 0 }
};

static const char text[] =
"Shows the KVM virtual machines of this host: the process that runs each, and the\n"
"name that QEMU, Firecracker, crosvm or kvmtool was given (of cloud-hypervisor,\n"
"that of its API socket; of others, the command's). It changes nothing. As root\n"
"it sees all of them, else your own.\n"
"\n"
"  MEMORY    the size of the guest's memory\n"
"  MAPPED    what the guest has been given of it so far\n"
"  READABLE  where 'kvmidle report' would take its answers from, and why there;\n"
"            or no, and why not\n"
"  VM        if a process runs several: the number for 'kvmidle report --vm'\n"
"\n"
"Example:\n"
"  kvmidle list\n";

/* The kernel module has a file for every process, this one included. */
static bool module_loaded(void)
{
	struct kvmidle_vm *vm = NULL;
	int err = kvmidle_open(getpid(), KVMIDLE_PEEK, &vm);

	kvmidle_close(vm);
	return err != -ENOENT;
}

/* What the guest has been given so far. Returns false if it cannot be told. */
static bool get_mapped(const struct kvmidle_list_entry *e, uint64_t *bytes)
{
	struct kvmidle_slots *slots = NULL;
	struct kvmidle_vm *vm = NULL;
	size_t i;
	int err;

	if (e->error)
		return false;
	err = kvmidle_open(e->pid, KVMIDLE_PEEK, &vm);
	if (!err)
		err = kvmidle_select_vm(vm, e->vm);
	if (!err)
		err = kvmidle_get_slots(vm, KVM_IDLE_SLOTS_COUNT_MAPPED, &slots);
	for (*bytes = 0, i = 0; !err && i < kvmidle_slots_count(slots); i++)
		*bytes += kvmidle_slots_at(slots, i)->mapped_bytes;
	kvmidle_slots_free(slots);
	kvmidle_close(vm);
	return !err;
}

static json_object *entry_json(const struct kvmidle_list_entry *e)
{
	json_object *o = json_object_new_object();
	uint64_t mapped;

	json_add_uint(o, "pid", e->pid);
	json_add_string(o, "name", e->name);
	json_add_uint(o, "machines", e->machines);
	json_add_uint(o, "vm", e->vm);
	json_add_bool(o, "readable", !e->error);
	if (e->info)
		json_add_uint(o, "size_bytes", e->bytes);
	else
		json_add_null(o, "size_bytes");
	if (get_mapped(e, &mapped))
		json_add_uint(o, "mapped_bytes", mapped);
	else
		json_add_null(o, "mapped_bytes");
	json_add_string(o, "door",
			e->info ? kvmidle_door_name(e->door) : NULL);
	json_add_string(o, "source",
			e->info ? kvmidle_source_name(e->info->source) : NULL);
	json_add_string(o, "reason",
			e->info ? kvmidle_reason_name(e->info->reason) : NULL);
	json_add_string(o, "format",
			e->info ? kvmidle_format_name(e->info->format) : NULL);
	json_add_string(o, "problem",
			e->error ? kvmidle_problem_name(e->problem) : NULL);
	json_add_string(o, "explanation",
			e->explanation[0] ? e->explanation : NULL);
	return o;
}

static int print_json(const struct kvmidle_list *list)
{
	json_object *o = json_object_new_object();
	json_object *array = json_object_new_array();
	size_t i;

	for (i = 0; i < kvmidle_list_count(list); i++)
		json_object_array_add(array, entry_json(kvmidle_list_at(list, i)));
	json_add_uint(o, "version", JSON_VERSION);
	json_add_bool(o, "module_loaded", module_loaded());
	json_add_uint(o, "unseen_processes", kvmidle_list_unseen(list));
	json_object_object_add(o, "processes", array);
	return json_print(o, stdout);
}

#define SOURCE_TEXT	64

/* Whether and from where; in brackets the table's format or, if it is not plain, why. */
static const char *format_source(char cell[SOURCE_TEXT],
				 const struct kvmidle_list_entry *e)
{
	bool plain = e->info && e->info->source == KVM_IDLE_SOURCE_DIRECT &&
		     e->info->reason == KVM_IDLE_REASON_OK;

	if (e->error)
		snprintf(cell, SOURCE_TEXT, "no: %s",
			 kvmidle_problem_name(e->problem));
	else
		snprintf(cell, SOURCE_TEXT, "%s (%s)",
			 kvmidle_source_name(e->info->source),
			 plain ? kvmidle_format_name(e->info->format) :
				 kvmidle_reason_name(e->info->reason));
	return cell;
}

static void add_row(struct table *table, const struct kvmidle_list_entry *e)
{
	char pid[16], vm[16], size[SIZE_TEXT] = "-", mapped[SIZE_TEXT] = "-";
	char source[SOURCE_TEXT];
	const char *const cells[] = {
		pid, vm, e->name, size, mapped, format_source(source, e),
	};
	uint64_t bytes;

	snprintf(pid, sizeof(pid), "%d", e->pid);
	/* Those that could not be opened are on one line. */
	if (e->info || e->machines == 1)
		snprintf(vm, sizeof(vm), "%u", e->vm);
	else
		snprintf(vm, sizeof(vm), "0-%u", e->machines - 1);
	if (e->info)
		format_size(size, e->bytes);
	if (get_mapped(e, &bytes))
		format_size(mapped, bytes);
	table_line(table, cells);
}

/* What the list says of machine @i in READABLE, it has said before. */
static bool said_before(const struct kvmidle_list *list, size_t i)
{
	char cell[SOURCE_TEXT], other[SOURCE_TEXT];

	format_source(cell, kvmidle_list_at(list, i));
	while (i--)
		if (!strcmp(cell, format_source(other, kvmidle_list_at(list, i))))
			return true;
	return false;
}

/* Why some cannot be read, each by itself; and what READABLE means, else. */
static void print_explanations(const struct kvmidle_list *list)
{
	char cell[SOURCE_TEXT];
	size_t i;

	for (i = 0; i < kvmidle_list_count(list); i++) {
		const struct kvmidle_list_entry *e = kvmidle_list_at(list, i);

		if (!e->explanation[0] || e->problem == KVMIDLE_PROBLEM_NO_MODULE)
			continue;
		if (!e->error && !said_before(list, i))
			printf("\n%s: %s\n", format_source(cell, e), e->explanation);
		if (e->error && e->info && e->machines > 1)
			printf("\n%d, VM %u: %s\n", e->pid, e->vm, e->explanation);
		else if (e->error)
			printf("\n%d: %s\n", e->pid, e->explanation);
	}
}

static bool any_by_device(const struct kvmidle_list *list)
{
	size_t i;

	for (i = 0; i < kvmidle_list_count(list); i++) {
		const struct kvmidle_list_entry *e = kvmidle_list_at(list, i);

		if (e->info && e->door == KVMIDLE_DOOR_DEVICE)
			return true;
	}
	return false;
}

/* What is true of all is said once. */
static void print_remarks(const struct kvmidle_list *list)
{
	bool loaded = module_loaded();

	print_explanations(list);
	if (any_by_device(list))
		puts("\nRead through " KVM_IDLE_DEVICE ", as there is no /proc/PID/idle_bitmap here.");
	if (!loaded)
		puts("\nThe kernel module kvm_idle is not loaded: nothing can be read without it.\n"
		     "Load it as root: modprobe kvm_idle, or insmod kvm_idle.ko.");
	if (kvmidle_list_unseen(list))
		printf("\n%zu processes could not be looked into; they may run virtual machines. Run as root\n"
		       "to see them.\n", kvmidle_list_unseen(list));
}

static bool any_has_several(const struct kvmidle_list *list)
{
	size_t i;

	for (i = 0; i < kvmidle_list_count(list); i++)
		if (kvmidle_list_at(list, i)->machines > 1)
			return true;
	return false;
}

static int print_text(const struct kvmidle_list *list)
{
	const struct column columns[] = {
		{ "PID", .right = true },
		{ "VM", .right = true, .hidden = !any_has_several(list) },
		{ "NAME" }, { "MEMORY", .right = true },
		{ "MAPPED", .right = true }, { "READABLE" }, { 0 }
	};
	struct table *table;
	size_t i;
	int err = 0;

	if (kvmidle_list_count(list)) {
		table = table_new(columns, stdout);
		if (!table)
			return -ENOMEM;
		for (i = 0; i < kvmidle_list_count(list); i++)
			add_row(table, kvmidle_list_at(list, i));
		err = table_print(table);
	} else {
		puts("No KVM virtual machine was found.");
	}
	print_remarks(list);
	return err;
}

static int run(const struct command *self, int argc, char **argv)
{
	struct kvmidle_list *list;
	struct common common;
	int code, err;

	code = parse_options(self, argc, argv, &common, NULL, NULL);
	if (code != GO_ON)
		return code;
	if (optind < argc)
		return usage_error(self, "list takes no argument");

	err = kvmidle_list_get(0, &list);
	if (err == -ENOENT)
		return failure("There is no /proc here. Mount it: mount -t proc proc /proc.");
	if (!err) {
		err = common.json ? print_json(list) : print_text(list);
		kvmidle_list_free(list);
	}
	return err ? failure("%s", strerror(-err)) : EXIT_OK;
}

const struct command cmd_list = {
	.name = "list",
	.group = GROUP_LOOK,
	.args = "",
	.summary = "the virtual machines of this host",
	.text = text,
	.options = options,
	.run = run,
};
