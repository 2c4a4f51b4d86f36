// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/swap.h>
#include <unistd.h>

#include "ktap.h"
#include "module.h"
#include "swap.h"

#define DISK		"/dev/ram0"
#define CGROUPS		"/tmp/cgroup2"

#define PAGEMAP_PRESENT	(1ULL << 63)

static int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	ssize_t want = strlen(text), got;
	int err;

	if (fd < 0)
		return -1;
	got = write(fd, text, want);
	err = errno;
	close(fd);
	errno = err;
	return got == want ? 0 : -1;
}

/* Swap */

/* What mkswap writes: a version, the last page and a magic at the end of the first. */
static void make_swap(const char *path, unsigned long bytes)
{
	size_t page = sysconf(_SC_PAGESIZE);
	char *header = calloc(1, page);
	int fd = open(path, O_RDWR | O_CLOEXEC);

	((uint32_t *)(header + 1024))[0] = 1;
	((uint32_t *)(header + 1024))[1] = bytes / page - 1;
	memcpy(header + page - 10, "SWAPSPACE2", 10);
	if (fd < 0 || write(fd, header, page) != (ssize_t)page || fsync(fd))
		die("%s: %m", path);
	close(fd);
	free(header);
}

static unsigned long disk_bytes(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	off_t bytes = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);

	if (bytes <= 0)
		die("%s: %m", path);
	close(fd);
	return bytes;
}

static bool is_on(void)
{
	FILE *f = fopen("/proc/swaps", "re");
	char line[256];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f))
		found = !strncmp(line, DISK " ", strlen(DISK) + 1);
	if (f)
		fclose(f);
	return found;
}

bool swap_on(unsigned long mib, const char **why)
{
	struct stat st;
	char params[64];

	if (is_on())
		return true;
	if (access(DISK, F_OK)) {
		/* For a kernel that has no such module, it is empty. */
		if (stat(SWAP_MODULE, &st) || !st.st_size) {
			*why = "neither " DISK " nor " SWAP_MODULE " is there to swap to";
			return false;
		}
		snprintf(params, sizeof(params), "rd_nr=1 rd_size=%lu", mib * 1024);
		if (module_load(SWAP_MODULE, params))
			die("%s: %m", SWAP_MODULE);
	}
	make_swap(DISK, disk_bytes(DISK));
	if (swapon(DISK, 0)) {
		*why = "swapon fails: is this a kernel without swap?";
		return false;
	}
	return true;
}

/* Control groups */

static const char *memcg_path(const char *name, const char *file)
{
	static char path[256];

	snprintf(path, sizeof(path), CGROUPS "/%s/%s", name, file);
	return path;
}

static bool mount_cgroups(const char **why)
{
	/* By a parent or a sibling, perhaps. */
	if (!access(CGROUPS "/cgroup.procs", F_OK))
		return true;
	if (mkdir(CGROUPS, 0755) && errno != EEXIST)
		die(CGROUPS ": %m");
	if (mount("cgroup2", CGROUPS, "cgroup2", 0, NULL)) {
		*why = "this kernel has no cgroup2";
		return false;
	}
	if (write_text(CGROUPS "/cgroup.subtree_control", "+memory")) {
		*why = "its cgroup2 has no memory controller";
		return false;
	}
	return true;
}

bool memcg_enter(const char *name, const char **why)
{
	if (!mount_cgroups(why))
		return false;
	if (mkdir(memcg_path(name, ""), 0755) && errno != EEXIST)
		die("%s: %m", memcg_path(name, ""));
	if (access(memcg_path(name, "memory.reclaim"), F_OK)) {
		*why = "no memory.reclaim, which came with Linux 5.19";
		return false;
	}
	if (write_text(memcg_path(name, "cgroup.procs"), "0"))
		die("%s: %m", memcg_path(name, "cgroup.procs"));
	return true;
}

int memcg_reclaim(const char *name, unsigned long bytes)
{
	char text[32];

	snprintf(text, sizeof(text), "%lu", bytes);
	return write_text(memcg_path(name, "memory.reclaim"), text);
}

void memcg_leave(void)
{
	if (write_text(CGROUPS "/cgroup.procs", "0"))
		die(CGROUPS "/cgroup.procs: %m");
}

void memcg_remove(const char *name)
{
	/* It is busy for a moment after its last process has gone. */
	for (int i = 0; rmdir(memcg_path(name, "")); i++) {
		if (errno != EBUSY || i == 1000)
			die("%s: %m", memcg_path(name, ""));
		usleep(10000);
	}
}

uint64_t memcg_stat(const char *name, const char *file, const char *key)
{
	const char *path = memcg_path(name, file);
	char line[128], word[64];
	unsigned long value;
	FILE *f = fopen(path, "re");

	if (!f)
		die("%s: %m", path);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%63s %lu", word, &value) != 2 || strcmp(word, key))
			continue;
		fclose(f);
		return value;
	}
	die("%s has no %s", path, key);
}

/* Pages */

void resident_pages(const void *start, size_t pages, uint64_t *words)
{
	uint64_t entry[512];
	size_t page = sysconf(_SC_PAGESIZE), n;
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("/proc/self/pagemap: %m");
	memset(words, 0, (pages + 63) / 64 * 8);
	for (size_t i = 0; i < pages; i += n) {
		n = pages - i < 512 ? pages - i : 512;
		if (pread(fd, entry, n * 8, ((uintptr_t)start / page + i) * 8) != (ssize_t)(n * 8))
			die("/proc/self/pagemap: %m");
		for (size_t j = 0; j < n; j++)
			if (entry[j] & PAGEMAP_PRESENT)
				words[(i + j) / 64] |= 1ULL << ((i + j) % 64);
	}
	close(fd);
}
