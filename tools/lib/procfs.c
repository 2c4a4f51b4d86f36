// SPDX-License-Identifier: LGPL-2.1-or-later
/* What else /proc tells about a process. */
#include "internal.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *kvmidle_proc_root = "/proc";

void kvmidle_proc_path(char *path, size_t size, pid_t pid, const char *name)
{
	if (pid)
		snprintf(path, size, "%s/%d/%s", kvmidle_proc_root, pid, name);
	else
		snprintf(path, size, "%s/self/%s", kvmidle_proc_root, name);
}

bool kvmidle_proc_exists(pid_t pid)
{
	char path[256];

	kvmidle_proc_path(path, sizeof(path), pid, "");
	return access(path, F_OK) == 0;
}

bool kvmidle_proc_mounted(void)
{
	return kvmidle_proc_exists(0);
}

/*
 * Read a file of a process, as much as fits, and end it with a NUL.
 * Returns its length, 0 if it cannot be read.
 */
static size_t read_proc_file(pid_t pid, const char *name, char *text,
			     size_t size)
{
	char path[256];
	size_t length = 0;
	int fd;

	kvmidle_proc_path(path, sizeof(path), pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		while (length < size - 1) {
			ssize_t n = read(fd, text + length, size - 1 - length);

			if (n < 0 && errno == EINTR)
				continue;
			if (n <= 0)
				break;
			length += n;
		}
		close(fd);
	}
	text[length] = '\0';
	return length;
}

pid_t kvmidle_proc_leader(pid_t pid)
{
	char status[4096];
	const char *line;
	int tgid;

	read_proc_file(pid, "status", status, sizeof(status));
	/* A newline in the command's name is escaped. */
	line = strstr(status, "\nTgid:");
	return line && sscanf(line, " Tgid: %d", &tgid) == 1 ? tgid : pid;
}

bool kvmidle_proc_is_kthread(pid_t pid)
{
	const unsigned int pf_kthread = 0x00200000;
	unsigned int flags;
	char stat[512];
	const char *rest;

	if (!read_proc_file(pid, "stat", stat, sizeof(stat)))
		return false;
	/* The command's name may hold anything, parentheses too. */
	rest = strrchr(stat, ')');
	if (!rest || sscanf(rest, ") %*c %*d %*d %*d %*d %*d %u", &flags) != 1)
		return false;
	return flags & pf_kthread;
}

int kvmidle_proc_machines(pid_t pid)
{
	static const char vm_link[] = "anon_inode:kvm-vm";
	struct dirent *entry;
	char path[256];
	int count = 0;
	DIR *dir;

	kvmidle_proc_path(path, sizeof(path), pid, "fd");
	dir = opendir(path);
	if (!dir)
		return -errno;
	while ((entry = readdir(dir))) {
		char target[sizeof(vm_link) + 1];
		ssize_t n;

		n = readlinkat(dirfd(dir), entry->d_name, target, sizeof(target));
		if (n == sizeof(vm_link) - 1 && !memcmp(target, vm_link, n))
			count++;
	}
	closedir(dir);
	return count;
}

/* Length of the UTF-8 sequence at @s that is fit to print; 0 if there is none. */
static unsigned int printable_at(const unsigned char *s)
{
	unsigned int length, i;
	uint32_t c;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		length = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		length = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		length = 4;
	else
		return 0;

	c = s[0] & (0xff >> (length + 1));
	for (i = 1; i < length; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	/* C1 controls, overlong forms, surrogates, beyond Unicode. */
	if (c < 0xa0 || (length == 3 && c < 0x800) ||
	    (length == 4 && c < 0x10000) || (c >= 0xd800 && c <= 0xdfff) ||
	    c > 0x10ffff)
		return 0;
	return length;
}

void kvmidle_make_printable(char *text)
{
	while (*text) {
		unsigned int length = printable_at((unsigned char *)text);

		if (!length) {
			*text = '?';
			length = 1;
		}
		text += length;
	}
}

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
static void parse_qemu_name(const char *value, char name[KVMIDLE_NAME_SIZE])
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

bool kvmidle_qemu_name(const char *cmdline, size_t length,
		       char name[KVMIDLE_NAME_SIZE])
{
	const char *end = cmdline + length;
	bool is_value = false;

	while (cmdline < end) {
		if (is_value) {
			parse_qemu_name(cmdline, name);
			return name[0];
		}
		is_value = !strcmp(cmdline, "-name") || !strcmp(cmdline, "--name");
		cmdline += strlen(cmdline) + 1;
	}
	return false;
}

void kvmidle_proc_name(pid_t pid, char name[KVMIDLE_NAME_SIZE])
{
	const size_t size = 128 * 1024;
	char *cmdline = malloc(size);
	size_t length;

	name[0] = '\0';
	if (!cmdline || !kvmidle_qemu_name(cmdline,
			read_proc_file(pid, "cmdline", cmdline, size), name)) {
		length = read_proc_file(pid, "comm", name, KVMIDLE_NAME_SIZE);
		if (length && name[length - 1] == '\n')
			name[length - 1] = '\0';
	}
	free(cmdline);
	kvmidle_make_printable(name);
}
