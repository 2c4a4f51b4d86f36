/* SPDX-License-Identifier: GPL-2.0-only */
/* Small helpers over json-c. */
#ifndef JSON_H
#define JSON_H

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* "version" of every JSON document; raised when a member changes or goes. */
#define JSON_VERSION	1

void json_add_uint(json_object *to, const char *key, uint64_t value);
void json_add_bool(json_object *to, const char *key, bool value);
void json_add_null(json_object *to, const char *key);

/* Add a string, made printable, or null if @value is NULL. */
void json_add_string(json_object *to, const char *key, const char *value);

/* Add a time in seconds, with six decimals. */
void json_add_seconds(json_object *to, const char *key, uint64_t ns);

/* Add a point in time, given in ns since 1970, as of RFC 3339 in UTC; null if it is 0. */
void json_add_time(json_object *to, const char *key, uint64_t wall_ns);

/* Print an object, free it. Returns 0 or -ENOMEM. */
int json_print(json_object *object, FILE *out);

#endif /* JSON_H */
