/* SPDX-License-Identifier: GPL-2.0-only */
/* kvmidle help, and what manual pages and completion ask of it. */
#ifndef HELP_H
#define HELP_H

/**
 * help() - kvmidle help
 * @argc: arguments, "help" being the first of them
 * @argv: the same
 *
 * Besides what is for people: --mdoc options|synopsis COMMAND and --mdoc commands print
 * what is for a manual page, and --complete TOPIC [COMMAND [OPTION]] what can be typed, a word a
 * line; TOPIC is commands, options, values, arguments or targets.
 *
 * Return: an exit code.
 */
int help(int argc, char **argv);

#endif /* HELP_H */
