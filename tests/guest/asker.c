// SPDX-License-Identifier: GPL-2.0-only
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "asker.h"
#include "ktap.h"
#include "module.h"

#define ASKER		"/lib/asker.ko"
#define PARAMETERS	"/sys/module/asker/parameters/"

bool asker_is_there(void)
{
	return !access(ASKER, R_OK);
}

void asker_load(const struct vmm *vmm)
{
	char params[20];

	snprintf(params, sizeof(params), "fd=%d", vmm->fd);
	if (module_load(ASKER, params))
		die("%s: %m", ASKER);
}

void asker_unload(void)
{
	if (module_unload("asker"))
		die("unload asker: %m");
}

bool asker_set(const char *name, const char *value)
{
	char path[100];
	FILE *f;
	bool ok;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	f = fopen(path, "w");
	if (!f)
		die("%s: %m", path);
	ok = fputs(value, f) >= 0;
	return !fclose(f) && ok;
}

unsigned long asker_get(const char *name)
{
	char path[100], text[30] = "";
	FILE *f;

	snprintf(path, sizeof(path), PARAMETERS "%s", name);
	f = fopen(path, "r");
	if (!f || !fgets(text, sizeof(text), f))
		die("%s: %m", path);
	fclose(f);
	return text[0] == 'Y' ? 1 : strtoul(text, NULL, 10);
}

static void put(const char *question, const char *text)
{
	if (!asker_set(question, text))
		die("%s %s: %m", question, text);
}

bool asker_ask(const char *question, void *hva, unsigned long bytes)
{
	char text[50];

	snprintf(text, sizeof(text), "%lu %lu", (unsigned long)hva, bytes);
	put(question, text);
	return asker_get("answer");
}

void asker_ask_each(void *hva, unsigned long bytes, uint64_t *young)
{
	char text[70];

	snprintf(text, sizeof(text), "%lu %lu %lu", (unsigned long)hva, bytes,
		 (unsigned long)young);
	put("each", text);
}
