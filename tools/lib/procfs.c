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

pid_t kvmidle_proc_of_pidfd(int pidfd)
{
	char name[32], text[1024];
	const char *line;
	int pid;

	snprintf(name, sizeof(name), "fdinfo/%d", pidfd);
	read_proc_file(0, name, text, sizeof(text));
	line = strstr(text, "\nPid:");
	if (!line || sscanf(line, " Pid: %d", &pid) != 1)
		return -EBADF;
	return pid > 0 ? pid : -ESRCH;
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

void kvmidle_proc_name(pid_t pid, char name[KVMIDLE_NAME_SIZE])
{
	const size_t size = 128 * 1024;
	char *cmdline = malloc(size);
	size_t length;

	name[0] = '\0';
	if (!cmdline || !kvmidle_vmm_name(cmdline,
			read_proc_file(pid, "cmdline", cmdline, size), name)) {
		length = read_proc_file(pid, "comm", name, KVMIDLE_NAME_SIZE);
		if (length && name[length - 1] == '\n')
			name[length - 1] = '\0';
	}
	free(cmdline);
	kvmidle_make_printable(name);
}
