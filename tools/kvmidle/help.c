// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle help, and what manual pages and completion ask of it. */
#include "help.h"
#include "command.h"

#include <kvmidle.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/* ---- For people ----------------------------------------------------------- */

static void print_group(enum cmd_group group, const char *heading)
{
	size_t i;

	printf("\n%s\n", heading);
	for (i = 0; commands[i]; i++)
		if (commands[i]->group == group)
			printf("  %-8s %-16s %s\n", commands[i]->name,
			       commands[i]->args, commands[i]->summary);
}

static void print_overview(void)
{
	fputs("usage: kvmidle COMMAND [arguments]\n"
	      "\n"
	      "Shows which memory of a running KVM virtual machine is in use and which only\n"
	      "lies there. Nothing is needed inside the guest; the host's kernel must have the\n"
	      "module kvm_idle loaded.\n", stdout);
	print_group(GROUP_LOOK, "Look:");
	print_group(GROUP_RECORD, "Record:");
	print_group(GROUP_CHANGE, "Change:");
	fputs("\n"
	      "TARGET is the PID of the process that runs the virtual machine, the name that\n"
	      "'kvmidle list' shows, or a file that 'kvmidle record' has made; - is such a\n"
	      "file on the standard input.\n"
	      "\n"
	      "Options:\n"
	      "  -h, --help      show this help; 'kvmidle help COMMAND' explains a command\n"
	      "  -V, --version   show the version\n"
	      "\n"
	      "Begin with:\n"
	      "  kvmidle list                 # which virtual machines are there?\n"
	      "  kvmidle report NAME          # watch one of them for ten seconds\n"
	      "\n"
	      "Exit status: 0 success, 1 failure at run time, 2 wrong usage.\n", stdout);
}

/* ---- For manual pages ----------------------------------------------------- */

/* Text as an argument or a line of roff. */
static void print_roff(const char *text, size_t length)
{
	size_t i;

	for (i = 0; i < length; i++) {
		if (text[i] == '\\')
			fputs("\\e", stdout);
		else if (text[i] == '-')
			fputs("\\-", stdout);
		else
			putchar(text[i]);
	}
}

/* A sentence out of lines: the help has neither a capital nor a full stop. */
static void print_sentence(const char *help)
{
	size_t length = strlen(help), line;
	bool first = true;

	while (*help) {
		line = strcspn(help, "\n");
		/* What begins with these would be a request. */
		if (*help == '.' || *help == '\'')
			fputs("\\&", stdout);
		if (first)
			putchar(toupper((unsigned char)*help));
		print_roff(help + first, line - first);
		first = false;
		help += line;
		if (*help)
			putchar(*help++);
	}
	if (length && help[-1] != '.')
		putchar('.');
	putchar('\n');
}

static void print_mdoc_option(const struct cmd_option *o)
{
	fputs(".It Fl ", stdout);
	if (o->letter < LONG_ONLY)
		printf("%c , Fl ", o->letter);
	fputs("-", stdout);
	print_roff(o->name, strlen(o->name));
	if (o->arg)
		printf(" Ar %s", o->arg);
	putchar('\n');
	print_sentence(o->help);
}

static void print_mdoc_options(const struct command *command)
{
	const struct cmd_option *o;

	puts(".Bl -tag -width Fl");
	for (o = command->options; o->name; o++)
		print_mdoc_option(o);
	print_mdoc_option(&help_option);
	puts(".El");
}

static void print_mdoc_argument(const char *word, size_t length)
{
	bool optional = *word == '[';

	printf(optional ? ".Op Ar %.*s\n" : ".Ar %.*s\n",
	       (int)(optional ? length - 2 : length), word + optional);
}

static void print_mdoc_synopsis(const struct command *command)
{
	const struct cmd_option *o;
	const char *word = command->args;

	printf(".Nm kvmidle\n.Cm %s\n", command->name);
	for (o = command->options; o->name; o++) {
		fputs(".Op Fl ", stdout);
		if (o->letter < LONG_ONLY)
			putchar(o->letter);
		else
			printf("\\-%s", o->name);
		if (o->arg)
			printf(" Ar %s", o->arg);
		putchar('\n');
	}
	while (*word) {
		size_t length = strcspn(word, " ");

		print_mdoc_argument(word, length);
		word += length + strspn(word + length, " ");
	}
}

static void print_mdoc_commands(void)
{
	size_t i;

	puts(".Bl -tag -width heatmap");
	for (i = 0; commands[i]; i++)
		printf(".It Cm %s\n%s; see\n.Xr kvmidle-%s 1 .\n",
		       commands[i]->name, commands[i]->summary, commands[i]->name);
	puts(".It Cm help\nexplains a command, or lists them all.\n.El");
}

static int mdoc(int argc, char **argv)
{
	const char *topic = argc > 0 ? argv[0] : "";
	const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;

	if (command && !strcmp(topic, "options"))
		print_mdoc_options(command);
	else if (command && !strcmp(topic, "synopsis"))
		print_mdoc_synopsis(command);
	else if (!strcmp(topic, "commands"))
		print_mdoc_commands();
	else
		return usage_error(NULL, "--mdoc takes options, synopsis or commands");
	return EXIT_OK;
}

/* ---- For completion ------------------------------------------------------- */

static void print_words(const char *words)
{
	for (; *words; words++)
		putchar(*words == ' ' ? '\n' : *words);
	putchar('\n');
}

static void print_options(const struct command *command)
{
	const struct cmd_option *o;

	for (o = command->options; o->name; o++) {
		printf("--%s\n", o->name);
		if (o->letter < LONG_ONLY)
			printf("-%c\n", o->letter);
	}
	puts("--help\n-h");
}

static bool is_called(const struct cmd_option *o, const char *word)
{
	if (word[0] == '-' && word[1] == '-')
		return !strcmp(word + 2, o->name);
	return word[0] == '-' && o->letter < LONG_ONLY && word[1] == o->letter &&
	       !word[2];
}

/* What follows an option: its words; or the name of its argument; or nothing. */
static void print_values(const struct command *command, const char *word)
{
	const struct cmd_option *o;

	for (o = command->options; o->name; o++) {
		if (!is_called(o, word) || !o->arg)
			continue;
		if (o->values)
			print_words(o->values);
		else
			puts(o->arg);
	}
}

static void print_targets(void)
{
	struct kvmidle_list *list;
	size_t i;

	if (kvmidle_list_get(0, &list))
		return;
	for (i = 0; i < kvmidle_list_count(list); i++)
		printf("%d\n%s\n", kvmidle_list_at(list, i)->pid,
		       kvmidle_list_at(list, i)->name);
	kvmidle_list_free(list);
}

static int complete(int argc, char **argv)
{
	const char *topic = argc > 0 ? argv[0] : "";
	const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
	size_t i;

	if (!strcmp(topic, "commands")) {
		for (i = 0; commands[i]; i++)
			puts(commands[i]->name);
		puts("help");
	} else if (!strcmp(topic, "targets")) {
		print_targets();
	} else if (command && !strcmp(topic, "options")) {
		print_options(command);
	} else if (command && !strcmp(topic, "arguments")) {
		print_words(command->args);
	} else if (command && !strcmp(topic, "values") && argc > 2) {
		print_values(command, argv[2]);
	} else {
		return EXIT_USAGE;
	}
	return EXIT_OK;
}

/* ---- All of it ------------------------------------------------------------ */

int help(int argc, char **argv)
{
	const struct command *command;

	if (argc > 1 && !strcmp(argv[1], "--complete"))
		return complete(argc - 2, argv + 2);
	if (argc > 1 && !strcmp(argv[1], "--mdoc"))
		return mdoc(argc - 2, argv + 2);
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
