// SPDX-License-Identifier: GPL-2.0-only
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cat.h"
#include "idle.h"
#include "ktap.h"

static void __attribute__((noreturn)) read_for_ever(struct cat *cat, pid_t pid)
{
	static uint64_t buffer[8192];

	for (;;) {
		int fd = idle_file(pid, O_RDONLY);
		ssize_t got;

		do {
			got = read(fd, buffer, sizeof(buffer));
		} while (got > 0);
		if (fd < 0 || got < 0)
			_exit(1);
		close(fd);
		(*cat->passes)++;
	}
}

void cat_start(struct cat *cat)
{
	pid_t self = getpid();

	cat->passes = mmap(NULL, sizeof(*cat->passes), PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (cat->passes == MAP_FAILED)
		die("mmap: %m");
	fflush(stdout);
	cat->pid = fork();
	if (!cat->pid)
		read_for_ever(cat, self);
	if (cat->pid < 0)
		die("fork: %m");
}

void cat_stop(struct cat *cat)
{
	int status;

	kill(cat->pid, SIGKILL);
	if (waitpid(cat->pid, &status, 0) != cat->pid || !WIFSIGNALED(status))
		die("the cat has failed: status %#x", status);
	munmap((void *)cat->passes, sizeof(*cat->passes));
}
