// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle: the hot and the cold memory of KVM virtual machines. */
#include "command.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

static const struct command *const commands[] = { &cmd_report, &cmd_list };

#define COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; i < COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static void print_overview(void)
{
	size_t i;

	fputs("usage: kvmidle COMMAND [arguments]\n"
	      "\n"
	      "Shows which memory of a running KVM virtual machine is in use and which only\n"
	      "lies there. Nothing is needed inside the guest; the host's kernel must have the\n"
	      "module kvm_idle loaded.\n"
	      "\n"
	      "Commands:\n", stdout);
	for (i = 0; i < COMMANDS; i++)
		printf("  %-7s %-10s %s\n", commands[i]->name, commands[i]->args,
		       commands[i]->summary);
	fputs("  help    [COMMAND]  explain a command\n"
	      "\n"
	      "Options:\n"
	      "  -h, --help      show this help\n"
	      "  -V, --version   show the version\n"
	      "\n"
	      "Begin with:\n"
	      "  kvmidle list                 # which virtual machines are there?\n"
	      "  kvmidle report PID           # watch one of them for ten seconds\n"
	      "\n"
	      "Exit status: 0 success, 1 failure at run time, 2 wrong usage.\n", stdout);
}

static int help(int argc, char **argv)
{
	const struct command *command;

	if (argc > 2)
		return usage_error(NULL, "help takes one command");
	if (argc < 2) {
		print_overview();
		return EXIT_OK;
	}
	command = find_command(argv[1]);
	if (!command)
		return usage_error(NULL, "there is no command '%s'", argv[1]);
	print_help(command);
	return EXIT_OK;
}

static int dispatch(int argc, char **argv)
{
	const struct command *command;
	const char *word = argc > 1 ? argv[1] : NULL;

	if (!word)
		return usage_error(NULL, "which command?");
	if (!strcmp(word, "-h") || !strcmp(word, "--help"))
		return help(1, argv);
	if (!strcmp(word, "help"))
		return help(argc - 1, argv + 1);
	if (!strcmp(word, "-V") || !strcmp(word, "--version")) {
		puts("kvmidle " VERSION);
		return EXIT_OK;
	}
	if (word[0] == '-')
		return usage_error(NULL, "there is no option '%s'", word);
	command = find_command(word);
	if (!command)
		return usage_error(NULL, "there is no command '%s'", word);
	return command->run(command, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int code;

	/* For the columns of tables; numbers keep their point. */
	setlocale(LC_CTYPE, "");

	code = dispatch(argc, argv);
	/* A full disk must not look like success. */
	if (fflush(stdout) || ferror(stdout))
		return failure("cannot write the output");
	return code;
}
