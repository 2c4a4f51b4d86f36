// SPDX-License-Identifier: GPL-2.0-only
/* kvmidle: the hot and the cold memory of KVM virtual machines. */
#include "command.h"
#include "help.h"

#include <errno.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

/* In the order in which the overview shows them. */
const struct command *const commands[] = {
	&cmd_list,
	&cmd_report,
	&cmd_watch,
	&cmd_heatmap,
	&cmd_wss,
	&cmd_map,
	&cmd_bitmap,
	&cmd_record,
	&cmd_replay,
	&cmd_mark,
	NULL
};

const struct command *find_command(const char *name)
{
	size_t i;

	for (i = 0; commands[i]; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
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

	/* A file that may grow no further is an error of write(2) like others. */
	signal(SIGXFSZ, SIG_IGN);

	code = dispatch(argc, argv);
	/* A full disk must not look like success. Whoever failed has said why. */
	errno = 0;
	if ((fflush(stdout) || ferror(stdout)) && code == EXIT_OK)
		return failure("cannot write the output%s%s", errno ? ": " : "",
			       errno ? strerror(errno) : "");
	return code;
}
