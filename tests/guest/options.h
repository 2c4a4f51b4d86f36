/* SPDX-License-Identifier: GPL-2.0-only */
/* Command lines of the test programs: --name NUMBER, --name WORD or a flag. */
#ifndef OPTIONS_H
#define OPTIONS_H

#include <stdbool.h>

struct option_spec {
	const char *name;
	const char *help;
	/* One of: */
	unsigned long *number;
	const char **word;
	bool *flag;
};

/*
 * Parse, or print help and exit. The values hold their defaults beforehand.
 * @specs ends with an entry without a name.
 */
void options_parse(int argc, char **argv, const char *what, const struct option_spec *specs);

#endif
