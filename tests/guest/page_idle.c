// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"
#include "page_idle.h"
#include "vmm.h"

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

/* Many pages */

static void look_up(const struct page_idle *pi, uint64_t *pfn)
{
	page_frames(pi->start, pi->pages, pfn);
	/* A huge page is one to page_idle. */
	for (uint64_t i = 0; i < pi->pages && pi->huge; i++)
		pfn[i] &= -HUGE_PAGES;
}

bool page_idle_begin(struct page_idle *pi, const void *start, uint64_t pages, bool huge)
{
	uint64_t last = 0;

	*pi = (struct page_idle){ .start = start, .pages = pages, .huge = huge };
	pi->fd = page_idle_open();
	if (pi->fd < 0)
		return false;
	page_idle_settle();
	pi->pfn = calloc(pages, sizeof(*pi->pfn));
	look_up(pi, pi->pfn);
	for (uint64_t i = 0; i < pages; i++) {
		if (!pi->pfn[i])
			die("page %lu of %p is not in memory", i, start);
		last = pi->pfn[i] > last ? pi->pfn[i] : last;
	}
	pi->words = last / 64 + 1;
	pi->end_word = pi->words;
	pi->mark = calloc(pi->words, sizeof(*pi->mark));
	pi->answer = calloc(pi->words, sizeof(*pi->answer));
	for (uint64_t i = 0; i < pages; i++)
		pi->mark[pi->pfn[i] / 64] |= 1ULL << (pi->pfn[i] % 64);
	return true;
}

void page_idle_end(struct page_idle *pi)
{
	close(pi->fd);
	free(pi->pfn);
	free(pi->mark);
	free(pi->answer);
}

uint64_t page_idle_moved(struct page_idle *pi)
{
	uint64_t *now = calloc(pi->pages, sizeof(*now)), moved = 0;

	look_up(pi, now);
	for (uint64_t i = 0; i < pi->pages; i++)
		moved += now[i] != pi->pfn[i];
	free(now);
	return moved;
}

typedef ssize_t (*transfer_t)(struct page_idle *pi, uint64_t word, uint64_t words);

static ssize_t mark_words(struct page_idle *pi, uint64_t word, uint64_t words)
{
	return pwrite(pi->fd, pi->mark + word, words * 8, word * 8);
}

static ssize_t ask_words(struct page_idle *pi, uint64_t word, uint64_t words)
{
	return pread(pi->fd, pi->answer + word, words * 8, word * 8);
}

/* The words that speak of the pages, a run of them at a time. */
static void each_run(struct page_idle *pi, transfer_t transfer)
{
	for (uint64_t word = 0, n; word < pi->words; word += n ? n : 1) {
		ssize_t done;

		for (n = 0; word + n < pi->words && pi->mark[word + n]; n++)
			;
		if (!n)
			continue;
		done = transfer(pi, word, n);
		if (done < 0 || done % 8)
			die(BITMAP ", %lu words at %lu: %zd (%m)", n, word, done);
		/* No more than a page of the bitmap at once; of the last frames none. */
		n = done / 8;
		if (!n)
			pi->end_word = word;
	}
}

void page_idle_mark_all(struct page_idle *pi)
{
	each_run(pi, mark_words);
}

void page_idle_ask_all(struct page_idle *pi)
{
	memset(pi->answer, 0, pi->words * 8);
	each_run(pi, ask_words);
}

bool page_idle_answer(const struct page_idle *pi, uint64_t nth)
{
	return pi->answer[pi->pfn[nth] / 64] >> (pi->pfn[nth] % 64) & 1;
}

bool page_idle_tells(const struct page_idle *pi, uint64_t nth)
{
	return pi->pfn[nth] / 64 < pi->end_word;
}

void page_idle_settle(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) != 1)
		die("drop_caches: %m");
	close(fd);
}
