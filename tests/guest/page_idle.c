// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ktap.h"
#include "page_idle.h"

#define BITMAP		"/sys/kernel/mm/page_idle/bitmap"
#define PAGEMAP		"/proc/self/pagemap"

#define PAGEMAP_PRESENT	(1ULL << 63)
#define PAGEMAP_PFN	((1ULL << 55) - 1)

int page_idle_open(void)
{
	int fd = open(BITMAP, O_RDWR | O_CLOEXEC);

	if (fd < 0 && errno != ENOENT)
		die(BITMAP ": %m");
	return fd;
}

void page_frames(const void *start, size_t n, uint64_t *pfn)
{
	off_t first = (uintptr_t)start / sysconf(_SC_PAGESIZE);
	int fd = open(PAGEMAP, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || pread(fd, pfn, n * 8, first * 8) != (ssize_t)n * 8)
		die(PAGEMAP ": %m");
	close(fd);
	for (size_t i = 0; i < n; i++)
		pfn[i] = pfn[i] & PAGEMAP_PRESENT ? pfn[i] & PAGEMAP_PFN : 0;
}

/* Of the last frames of memory, if they do not fill a word, the kernel tells nothing: 0. */

void page_idle_mark(int fd, uint64_t pfn)
{
	uint64_t word = 1ULL << (pfn % 64);
	ssize_t done = pwrite(fd, &word, 8, pfn / 64 * 8);

	if (done != 8 && done)
		die("write to " BITMAP " for frame %#lx: %zd (%m)", pfn, done);
}

bool page_idle_says_idle(int fd, uint64_t pfn)
{
	uint64_t word = 0;
	ssize_t done = pread(fd, &word, 8, pfn / 64 * 8);

	if (done != 8 && done)
		die("read of " BITMAP " for frame %#lx: %zd (%m)", pfn, done);
	return word >> (pfn % 64) & 1;
}
