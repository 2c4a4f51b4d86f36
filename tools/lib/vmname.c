// SPDX-License-Identifier: LGPL-2.1-or-later
/* What VMMs are told to call their virtual machine. */
#include "internal.h"

#include <stdio.h>
#include <string.h>

typedef void take_name_fn(const char *value, char name[KVMIDLE_NAME_SIZE]);

/* The field of a QEMU option after this one; a comma in a field is doubled. */
static const char *next_field(const char *at)
{
	while ((at = strchr(at, ','))) {
		if (at[1] != ',')
			return at + 1;
		at += 2;
	}
	return NULL;
}

/* The value of -name: "NAME[,key=value...]", or "guest=NAME" among the keys. */
static void take_qemu_name(const char *value, char name[KVMIDLE_NAME_SIZE])
{
	static const char key[] = "guest=";
	const char *field, *at = "";
	size_t n = 0;

	/* Without a key, if the first field has none. */
	if (value[strcspn(value, ",=")] != '=')
		at = value;
	for (field = value; field; field = next_field(field))
		if (!strncmp(field, key, sizeof(key) - 1))
			at = field + sizeof(key) - 1;

	while (*at && n < KVMIDLE_NAME_SIZE - 1) {
		if (*at == ',' && *++at != ',')
			break;
		name[n++] = *at++;
	}
	name[n] = '\0';
}

static void take_whole(const char *value, char name[KVMIDLE_NAME_SIZE])
{
	snprintf(name, KVMIDLE_NAME_SIZE, "%s", value);
}

/*
 * cloud-hypervisor knows no names. Its socket, of which it needs one for each machine, is
 * the best there is: "PATH", or "path=PATH" or "fd=N" among others.
 */
static void take_socket(const char *value, char name[KVMIDLE_NAME_SIZE])
{
	static const char key[] = "path=";
	size_t length;
	const char *slash;

	if (!strncmp(value, "fd=", 3))
		return;
	if (!strncmp(value, key, sizeof(key) - 1))
		value += sizeof(key) - 1;
	length = strcspn(value, ",");
	slash = memrchr(value, '/', length);
	if (slash) {
		length -= slash + 1 - value;
		value = slash + 1;
	}
	snprintf(name, KVMIDLE_NAME_SIZE, "%.*s", (int)length, value);
}

/**
 * struct option - where a VMM is told the name
 * @vmm: what the VMM's file name begins with; "" for any
 * @option: whose value has it: the next argument, or behind a "=" in the same
 * @take: makes the name of it; none, if it leaves @name empty
 */
static const struct option {
	const char *vmm;
	const char *option;
	take_name_fn *take;
} options[] = {
	{ "firecracker",	"--id",		take_whole },
	{ "cloud-hypervisor",	"--api-socket",	take_socket },
	{ "crosvm",		"--name",	take_whole },
	{ "lkvm",		"--name",	take_whole },
	{ "lkvm",		"-n",		take_whole },
	{ "kvmtool",		"--name",	take_whole },
	{ "kvmtool",		"-n",		take_whole },
	/* QEMU goes by many names, and is the one that those of others do not name. */
	{ "",			"-name",	take_qemu_name },
	{ "",			"--name",	take_qemu_name },
};

#define OPTIONS	(sizeof(options) / sizeof(options[0]))

static bool is_of(const struct option *option, const char *command)
{
	const char *slash = strrchr(command, '/');

	if (slash)
		command = slash + 1;
	return !strncmp(command, option->vmm, strlen(option->vmm));
}

/* The value of an option, given it and what follows it; NULL if it is another. */
static const char *value_of(const struct option *option, const char *argument,
			    const char *end)
{
	size_t length = strlen(option->option);
	const char *next = argument + strlen(argument) + 1;

	if (strncmp(argument, option->option, length))
		return NULL;
	if (argument[length] == '=')
		return argument + length + 1;
	return !argument[length] && next < end ? next : NULL;
}

bool kvmidle_vmm_name(const char *cmdline, size_t length,
		      char name[KVMIDLE_NAME_SIZE])
{
	const char *end = cmdline + length, *at;
	const char *vmm = NULL;
	size_t i;

	name[0] = '\0';
	for (i = 0; i < OPTIONS && !name[0]; i++) {
		/* Those of a VMM that is known by its name, and no others. */
		if ((vmm && strcmp(vmm, options[i].vmm)) || !is_of(&options[i], cmdline))
			continue;
		vmm = options[i].vmm;
		for (at = cmdline; at < end && !name[0]; at += strlen(at) + 1) {
			const char *value = value_of(&options[i], at, end);

			if (value)
				options[i].take(value, name);
		}
	}
	return name[0];
}
