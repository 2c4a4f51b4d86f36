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
 * struct cmd_option - one option of a command; parser, help, manual page and
 *	completion come from it
 * @name: the long name, without dashes; NULL ends a table
 * @letter: the short name, if it is a character: below LONG_ONLY. In any case what
 *	next_option() returns
 * @arg: what to call its argument in the help, NULL if it takes none. FILE is
 *	completed with names of files
 * @help: one or more lines, separated by newlines
 * @values: all the words that it takes as an argument, separated by spaces; NULL if
 *	there are others
 */
struct cmd_option {
	const char *name;
	int letter;
	const char *arg;
	const char *help;
	const char *values;
};

/* Options without a short name have numbers from here on. */
#define LONG_ONLY	256

/* What the list of commands sorts them by. */
enum cmd_group {
	GROUP_LOOK,
	GROUP_RECORD,
	GROUP_CHANGE,
};

/**
 * struct command - one command of kvmidle
 * @name: what one types
 * @group: where the list of commands has it
 * @args: its arguments that are not options, "" if none: TARGET, FILE and others,
 *	in brackets if they may be left out
 * @summary: half a line for the list of commands
 * @text: what it does, for a newcomer; ends with a newline
 * @options: ends with a NULL name. --help is added by the parser
 * @run: gets the arguments from the command's name on; returns an exit code
 */
struct command {
	const char *name;
	enum cmd_group group;
	const char *args;
	const char *summary;
	const char *text;
	const struct cmd_option *options;
	int (*run)(const struct command *self, int argc, char **argv);
};

extern const struct command cmd_bitmap, cmd_heatmap, cmd_list, cmd_map, cmd_mark,
			    cmd_record, cmd_replay, cmd_report, cmd_watch, cmd_wss;

/* All of them, NULL at the end: main.c. */
extern const struct command *const commands[];

/* Find one by name. Returns NULL if there is none. */
const struct command *find_command(const char *name);

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

/* The option that every command has and no table: --help. */
extern const struct cmd_option help_option;

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

/* Say on stderr what one should know and what is no failure. */
void remark(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif /* COMMAND_H */
