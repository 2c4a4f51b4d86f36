/* SPDX-License-Identifier: GPL-2.0-only */
/* What every command of kvmidle has: a name, options, help, a function. */
#ifndef COMMAND_H
#define COMMAND_H

#include <stdbool.h>

enum exit_code {
	EXIT_OK		= 0,
	EXIT_FAILED	= 1,	/* at run time */
	EXIT_USAGE	= 2,
};

/**
 * struct cmd_option - one option of a command; parser and help come from it
 * @name: the long name, without dashes; NULL ends a table
 * @letter: the short name; also what next_option() returns
 * @arg: what to call its argument in the help, NULL if it takes none
 * @help: one or more lines, separated by newlines
 */
struct cmd_option {
	const char *name;
	char letter;
	const char *arg;
	const char *help;
};

/**
 * struct command - one command of kvmidle
 * @name: what one types
 * @args: its arguments that are not options, "" if none
 * @summary: half a line for the list of commands
 * @text: what it does, for a newcomer; ends with a newline
 * @options: ends with a NULL name. --help is added by the parser
 * @run: gets the arguments from the command's name on; returns an exit code
 */
struct command {
	const char *name;
	const char *args;
	const char *summary;
	const char *text;
	const struct cmd_option *options;
	int (*run)(const struct command *self, int argc, char **argv);
};

extern const struct command cmd_report;
extern const struct command cmd_list;

/* What next_option() returns besides an option's letter. */
#define OPTION_END	(-1)
#define OPTION_HELP	(-2)	/* help has been printed: leave with EXIT_OK */
#define OPTION_BAD	(-3)	/* said so already: leave with EXIT_USAGE */

/**
 * next_option() - parse the next option of a command's arguments
 * @self: the command
 * @argc: as of run()
 * @argv: as of run()
 *
 * Arguments that are not options are moved to the end, as getopt_long() does:
 * after OPTION_END they are at argv[optind]. The option's argument is in
 * optarg.
 */
int next_option(const struct command *self, int argc, char **argv);

/* Print a command's help to stdout. */
void print_help(const struct command *self);

/**
 * usage_error() - say what is wrong with the arguments, and where help is
 * @self: the command, NULL for kvmidle itself
 * @format: as of printf(), without a newline
 *
 * Return: EXIT_USAGE.
 */
int usage_error(const struct command *self, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/**
 * failure() - say what went wrong at run time
 * @format: as of printf(), without a newline
 *
 * Return: EXIT_FAILED.
 */
int failure(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* COMMAND_H */
