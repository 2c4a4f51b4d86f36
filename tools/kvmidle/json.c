// SPDX-License-Identifier: GPL-2.0-only
/* Small helpers over json-c. */
#include "json.h"
#include "parse.h"

#include <printable.h>

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

void json_add_uint(json_object *to, const char *key, uint64_t value)
{
	json_object_object_add(to, key, json_object_new_uint64(value));
}

void json_add_bool(json_object *to, const char *key, bool value)
{
	json_object_object_add(to, key, json_object_new_boolean(value));
}

void json_add_null(json_object *to, const char *key)
{
	json_object_object_add(to, key, NULL);
}

void json_add_string(json_object *to, const char *key, const char *value)
{
	char *text = value ? strdup(value) : NULL;

	/* JSON is UTF-8, and what files are called need not be. */
	if (text)
		kvmidle_make_printable(text);
	json_object_object_add(to, key, text ? json_object_new_string(text) : NULL);
	free(text);
}

void json_add_seconds(json_object *to, const char *key, uint64_t ns)
{
	char text[40];

	snprintf(text, sizeof(text), "%" PRIu64 ".%06" PRIu64,
		 ns / NS_PER_SECOND, ns % NS_PER_SECOND / 1000);
	json_object_object_add(to, key,
		json_object_new_double_s(ns / (double)NS_PER_SECOND, text));
}

void json_add_time(json_object *to, const char *key, uint64_t wall_ns)
{
	char text[DATE_TEXT];

	if (!wall_ns) {
		json_add_null(to, key);
		return;
	}
	format_date(text, wall_ns);
	/* "2026-11-21 19:04:05 UTC" */
	text[10] = 'T';
	memcpy(text + 19, "Z", 2);
	json_add_string(to, key, text);
}

int json_print(json_object *object, FILE *out)
{
	const char *text;

	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PRETTY |
					      JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		fprintf(out, "%s\n", text);
	json_object_put(object);
	return text ? 0 : -ENOMEM;
}
