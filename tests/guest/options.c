// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

static void print_help(const char *program, const char *what, const struct option_spec *spec)
{
	printf("Usage: %s [OPTIONS]\n%s\n\n", program, what);
	for (; spec->name; spec++) {
		printf("  --%s%s\t%s", spec->name,
		       spec->number ? " N" : spec->word ? " WORD" : "", spec->help);
		if (spec->number)
			printf(" (%lu)", *spec->number);
		else if (spec->word)
			printf(" (%s)", *spec->word ? *spec->word : "none");
		printf("\n");
	}
	printf("  --help\tthis text\n");
}

static bool parse_one(const struct option_spec *spec, const char *value)
{
	char *end;

	if (spec->flag) {
		*spec->flag = true;
	} else if (spec->word) {
		*spec->word = value;
	} else {
		*spec->number = strtoul(value, &end, 0);
		return *value && !*end;
	}
	return true;
}

void options_parse(int argc, char **argv, const char *what, const struct option_spec *specs)
{
	for (int i = 1; i < argc; i++) {
		const struct option_spec *spec = specs;
		const char *value = "";

		if (!strcmp(argv[i], "--help")) {
			print_help(argv[0], what, specs);
			exit(0);
		}
		while (spec->name && (strncmp(argv[i], "--", 2) || strcmp(argv[i] + 2, spec->name)))
			spec++;
		if (spec->name && !spec->flag)
			value = i + 1 < argc ? argv[++i] : NULL;
		if (!spec->name || !value || !parse_one(spec, value)) {
			fprintf(stderr, "%s: bad option %s; see --help\n", argv[0], argv[i]);
			exit(2);
		}
	}
}
