// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faults.h"
#include "ktap.h"

#define FAULTS_DIR	"/sys/kernel/debug/"
#define MOST_FRAMES	"32"	/* of a stack, that the kernel looks at */

static const char *const allocations[] = { "failslab", "fail_page_alloc" };
static const char *const copies[] = { "fail_usercopy" };

static int nth_fd = -1;

static void set(const char *fault, const char *attribute, const char *value)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), FAULTS_DIR "%s/%s", fault, attribute);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		die("%s: %m", path);
	close(fd);
}

static void set_number(const char *fault, const char *attribute, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%#lx", number);
	set(fault, attribute, text);
}

const char *faults_missing(void)
{
	static const char *const needed[] = {
		"/proc/self/fail-nth",
		FAULTS_DIR "failslab/require-start",
		FAULTS_DIR "fail_page_alloc/require-start",
		FAULTS_DIR "fail_usercopy/require-start",
	};
	static char why[128];

	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++) {
		if (access(needed[i], W_OK)) {
			snprintf(why, sizeof(why), "this kernel injects no faults: no %s", needed[i]);
			return why;
		}
	}
	return NULL;
}

/* A module's text lies within its size from where it begins. */
static void module_text(uint64_t *start, uint64_t *end)
{
	FILE *f = fopen("/proc/modules", "re");
	char line[512];
	uint64_t size;

	*start = 0;
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "kvm_idle %lu %*u %*s %*s %lx", &size, start) == 2)
			*end = *start + size;
	if (f)
		fclose(f);
	if (!*start)
		die("where is the text of kvm_idle.ko?");
}

static void choose_among(const char *const *fault, size_t n, bool on, bool in_module)
{
	uint64_t start = 0, end = UINT64_MAX;

	if (in_module)
		module_text(&start, &end);
	for (size_t i = 0; i < n; i++) {
		/* No word of it in the kernel log: a stack in there is a splat. */
		set(fault[i], "verbose", "0");
		/* A depth of 0 and an area: that is nowhere. */
		set(fault[i], "stacktrace-depth", on ? MOST_FRAMES : "0");
		set_number(fault[i], "require-start", on ? start : 1);
		set_number(fault[i], "require-end", end);
	}
}

void faults_choose(enum faults_kind kind, bool in_module)
{
	/* Those that may sleep too, and single pages. */
	set("failslab", "ignore-gfp-wait", "N");
	set("fail_page_alloc", "ignore-gfp-wait", "N");
	set("fail_page_alloc", "min-order", "0");
	choose_among(allocations, sizeof(allocations) / sizeof(allocations[0]),
		     kind == FAULTS_ALLOCATIONS, in_module);
	choose_among(copies, sizeof(copies) / sizeof(copies[0]), kind == FAULTS_COPIES,
		     in_module);
	if (nth_fd < 0)
		nth_fd = open("/proc/self/fail-nth", O_RDWR | O_CLOEXEC);
	if (nth_fd < 0)
		die("/proc/self/fail-nth: %m");
}

void faults_arm(unsigned int nth)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%u", nth);

	if (pwrite(nth_fd, text, n, 0) != n)
		die("fail-nth: %m");
}

/*
 * To look at it is a system call too, which may meet the failure that is still due;
 * the one after that does not.
 */
bool faults_disarm(void)
{
	int saved = errno;
	char text[16] = "";
	bool failed;

	failed = pread(nth_fd, text, sizeof(text) - 1, 0) > 0 && atoi(text) == 0;
	if (pwrite(nth_fd, "0", 1, 0) != 1 && pwrite(nth_fd, "0", 1, 0) != 1)
		die("fail-nth: %m");
	errno = saved;
	return failed;
}
