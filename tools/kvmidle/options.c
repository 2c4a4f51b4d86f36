// SPDX-License-Identifier: GPL-2.0-only
/* Options and help, from one table a command. */
#include "command.h"

#include <printable.h>

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_OPTIONS	32

const struct cmd_option help_option = {
	"help", 'h', NULL, "show this help"
};

int next_option(const struct command *self, int argc, char **argv)
{
	struct option longs[MAX_OPTIONS + 2];
	char shorts[2 * MAX_OPTIONS + 4], *s = shorts;
	const struct cmd_option *o;
	int n = 0, c;

	*s++ = ':';	/* report a missing argument as ':' */
	for (o = self->options; o->name && n < MAX_OPTIONS; o++) {
		longs[n++] = (struct option){
			o->name, o->arg ? required_argument : no_argument,
			NULL, o->letter
		};
		if (o->letter >= LONG_ONLY)
			continue;
		*s++ = o->letter;
		if (o->arg)
			*s++ = ':';
	}
	longs[n++] = (struct option){
		help_option.name, no_argument, NULL, help_option.letter
	};
	*s++ = help_option.letter;
	*s = '\0';
	longs[n] = (struct option){ 0 };

	opterr = 0;
	c = getopt_long(argc, argv, shorts, longs, NULL);
	switch (c) {
	case -1:
		return OPTION_END;
	case ':':
		usage_error(self, "option '%s' needs an argument", argv[optind - 1]);
		return OPTION_BAD;
	case '?':
		/* A cluster like -xj is not past yet when x is refused. */
		if (optopt && optopt < LONG_ONLY && !strchr(shorts, optopt))
			usage_error(self, "there is no option '-%c'", optopt);
		else
			usage_error(self, "there is no option '%s'", argv[optind - 1]);
		return OPTION_BAD;
	}
	if (c == help_option.letter) {
		print_help(self);
		return OPTION_HELP;
	}
	return c;
}

static void print_option(const struct cmd_option *o)
{
	const char *line = o->help;
	char left[64];
	int length;

	if (o->letter < LONG_ONLY)
		snprintf(left, sizeof(left), "-%c, ", o->letter);
	else
		snprintf(left, sizeof(left), "    ");
	snprintf(left + 4, sizeof(left) - 4, "--%s%s%s", o->name,
		 o->arg ? " " : "", o->arg ? o->arg : "");
	for (;;) {
		length = strcspn(line, "\n");
		printf("  %-21s %.*s\n", left, length, line);
		if (!line[length])
			break;
		line += length + 1;
		left[0] = '\0';
	}
}

void print_help(const struct command *self)
{
	const struct cmd_option *o;

	printf("usage: kvmidle %s%s%s [options]\n\n%s\nOptions:\n", self->name,
	       self->args[0] ? " " : "", self->args, self->text);
	for (o = self->options; o->name; o++)
		print_option(o);
	print_option(&help_option);
}

/* Names of files and words of the user's are in it, which may be anything. */
static void say(const char *format, va_list args)
{
	char *text, *rest, *line;

	fputs("kvmidle: ", stderr);
	if (vasprintf(&text, format, args) < 0)
		return;
	for (rest = text; (line = strsep(&rest, "\n")); ) {
		kvmidle_make_printable(line);
		fprintf(stderr, "%s%s", line, rest ? "\n" : "");
	}
	free(text);
}

int usage_error(const struct command *self, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	fprintf(stderr, "\nTry 'kvmidle help%s%s'.\n", self ? " " : "",
		self ? self->name : "");
	return EXIT_USAGE;
}

int failure(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	fputc('\n', stderr);
	return EXIT_FAILED;
}

void remark(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
	fputc('\n', stderr);
}
