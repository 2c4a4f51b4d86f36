// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle list: the virtual machines of this host. */
#include "command.h"
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
	{ "json", 'j', NULL, "print JSON; sizes are in bytes" },
	{ 0 }
};

static const char text[] =
"Shows the KVM virtual machines of this host: the process that runs each, the\n"
"name that QEMU was given (or the command's), the size of the guest's memory, and\n"
"where 'kvmidle report' would take its answers from, or why it could not. If a\n"
"process runs several, VM is the number for 'kvmidle report --vm'. It changes\n"
"nothing. As root it sees all of them, else your own.\n"
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

static json_object *entry_json(const struct kvmidle_list_entry *e)
{
	json_object *o = json_object_new_object();

	json_add_uint(o, "pid", e->pid);
	json_add_string(o, "name", e->name);
	json_add_uint(o, "machines", e->machines);
	json_add_uint(o, "vm", e->vm);
	json_add_bool(o, "readable", !e->error);
	if (e->info)
		json_add_uint(o, "size_bytes", e->bytes);
	else
		json_add_null(o, "size_bytes");
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
	char pid[16], vm[16], size[SIZE_TEXT] = "-", source[SOURCE_TEXT];
	const char *const cells[] = {
		pid, vm, e->name, size, format_source(source, e),
	};

	snprintf(pid, sizeof(pid), "%d", e->pid);
	/* Those that could not be opened are on one line. */
	if (e->info || e->machines == 1)
		snprintf(vm, sizeof(vm), "%u", e->vm);
	else
		snprintf(vm, sizeof(vm), "0-%u", e->machines - 1);
	if (e->info)
		format_size(size, e->bytes);
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
		{ "NAME" }, { "MEMORY", .right = true }, { "READABLE" }, { 0 }
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
	bool json = false;
	int option, err;

	while ((option = next_option(self, argc, argv)) != OPTION_END) {
		if (option == OPTION_HELP)
			return EXIT_OK;
		if (option == OPTION_BAD)
			return EXIT_USAGE;
		json = true;
	}
	if (optind < argc)
		return usage_error(self, "list takes no argument");

	err = kvmidle_list_get(0, &list);
	if (err == -ENOENT)
		return failure("There is no /proc here. Mount it: mount -t proc proc /proc.");
	if (!err) {
		err = json ? print_json(list) : print_text(list);
		kvmidle_list_free(list);
	}
	return err ? failure("%s", strerror(-err)) : EXIT_OK;
}

const struct command cmd_list = {
	.name = "list",
	.args = "",
	.summary = "the virtual machines of this host, and which can be read",
	.text = text,
	.options = options,
	.run = run,
};
