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
"Shows the processes of this host that run KVM virtual machines, with the name\n"
"that QEMU was given (or the command's name), the size of the guest's memory, and\n"
"where 'kvmidle report' would take its answers from, or why it could not. It\n"
"changes nothing. As root it sees all of them, else your own.\n"
"\n"
"Example:\n"
"  kvmidle list\n";

/* The kernel module puts its file under every process, this one included. */
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
	json_add_bool(o, "readable", !e->error);
	if (e->info)
		json_add_uint(o, "size_bytes", e->bytes);
	else
		json_add_null(o, "size_bytes");
	json_add_string(o, "source",
			e->info ? kvmidle_source_name(e->info->source) : NULL);
	json_add_string(o, "reason",
			e->info ? kvmidle_reason_name(e->info->reason) : NULL);
	json_add_string(o, "format",
			e->info ? kvmidle_format_name(e->info->format) : NULL);
	json_add_string(o, "problem",
			e->error ? kvmidle_problem_name(e->problem) : NULL);
	json_add_string(o, "explanation", e->error ? e->explanation : NULL);
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

static void add_row(struct table *table, const struct kvmidle_list_entry *e)
{
	char pid[16], name[256], size[SIZE_TEXT] = "-", source[64];
	const char *const cells[] = { pid, name, size, source };

	snprintf(pid, sizeof(pid), "%d", e->pid);
	if (e->machines > 1)
		snprintf(name, sizeof(name), "%s (first of %u)", e->name, e->machines);
	else
		snprintf(name, sizeof(name), "%s", e->name);
	if (e->info)
		format_size(size, e->bytes);
	if (e->error)
		snprintf(source, sizeof(source), "no: %s", kvmidle_problem_name(e->problem));
	else
		snprintf(source, sizeof(source), "%s (%s)",
			 kvmidle_source_name(e->info->source),
			 kvmidle_format_name(e->info->format));
	table_line(table, cells);
}

/* Why some cannot be read. That there is no module is said once for all. */
static void print_reasons(const struct kvmidle_list *list)
{
	bool loaded = module_loaded();
	size_t i;

	for (i = 0; i < kvmidle_list_count(list); i++) {
		const struct kvmidle_list_entry *e = kvmidle_list_at(list, i);

		if (e->error && e->problem != KVMIDLE_PROBLEM_NO_MODULE)
			printf("\n%d: %s\n", e->pid, e->explanation);
	}
	if (!loaded)
		puts("\nThe kernel module kvm_idle is not loaded: nothing can be read without it.\n"
		     "Load it as root: modprobe kvm_idle, or insmod kvm_idle.ko.");
	if (kvmidle_list_unseen(list))
		printf("\n%zu processes could not be looked into; they may run virtual machines. Run as root\n"
		       "to see them.\n", kvmidle_list_unseen(list));
}

static int print_text(const struct kvmidle_list *list)
{
	static const struct column columns[] = {
		{ "PID", true }, { "NAME", false }, { "MEMORY", true },
		{ "READABLE", false }, { 0 }
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
	print_reasons(list);
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
