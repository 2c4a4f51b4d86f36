// SPDX-License-Identifier: GPL-2.0-only
/*
 * PID 1 of the demo's guest: a known amount of memory that stays hot, and a known
 * amount that is touched once. Kernel arguments, in MiB and even: hot=N cold=N.
 *
 * Its account, on the console, is what the report is checked against:
 *
 *	hot GPA BYTES		memory that is touched round and round
 *	cold GPA BYTES		memory that was touched once
 *	free BYTES		memory that the guest's kernel has no use for
 *	ready			from now on
 *	round N MS		once a second: rounds so far, and the longest that
 *				a hot page can have gone without a touch
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <time.h>
#include <unistd.h>

#define MIB		(1ULL << 20)
#define PAGE_SIZE	4096ULL
#define HUGE_SIZE	(2 * MIB)	/* a huge page: contiguous in the guest's physical memory */
#define HUGE_PAGES	(HUGE_SIZE / PAGE_SIZE)

#define PAUSE_MS	50
#define TELL_MS		1000

#define PAGEMAP_PRESENT	(1ULL << 63)
#define PAGEMAP_PFN	((1ULL << 55) - 1)

static unsigned int blocks, hot_blocks;

static void die(const char *what)
{
	printf("failed %s: %s\n", what, strerror(errno));
	/* PID 1 must not leave: the kernel would panic. */
	for (;;)
		pause();
}

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

static unsigned int blocks_of(const char *name)
{
	const char *value = getenv(name);	/* the kernel's unknown arguments */
	unsigned long mib = value ? strtoul(value, NULL, 10) : 0;

	errno = EINVAL;
	if (!mib || mib % (HUGE_SIZE / MIB))
		die(name);
	return mib / (HUGE_SIZE / MIB);
}

/* Hot and cold blocks lie between each other, spread evenly. */
static bool is_hot(unsigned int block)
{
	return (block + 1) * hot_blocks / blocks != block * hot_blocks / blocks;
}

static void reserve_huge_pages(void)
{
	FILE *f = fopen("/proc/sys/vm/nr_hugepages", "w");

	if (!f || fprintf(f, "%u\n", blocks) < 0 || fclose(f))
		die("nr_hugepages");
}

static void touch(volatile char *block)
{
	for (uint64_t i = 0; i < HUGE_SIZE; i += PAGE_SIZE)
		block[i]++;
}

static uint64_t gpa_of(int pagemap, const char *block)
{
	static uint64_t entries[HUGE_PAGES];
	uint64_t first;

	if (pread(pagemap, entries, sizeof(entries),
		  (uintptr_t)block / PAGE_SIZE * sizeof(entries[0])) != sizeof(entries))
		die("pagemap");
	first = entries[0] & PAGEMAP_PFN;
	errno = ERANGE;
	for (uint64_t i = 0; i < HUGE_PAGES; i++)
		if (!first || !(entries[i] & PAGEMAP_PRESENT) ||
		    (entries[i] & PAGEMAP_PFN) != first + i)
			die("a huge page is not where it should be");
	return first * PAGE_SIZE;
}

static void tell_place(const char *memory)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY);

	for (unsigned int i = 0; i < blocks; i++)
		printf("%s %" PRIu64 " %llu\n", is_hot(i) ? "hot" : "cold",
		       gpa_of(pagemap, memory + i * HUGE_SIZE), HUGE_SIZE);
	close(pagemap);
}

static void tell_free(void)
{
	struct sysinfo info;

	if (sysinfo(&info))
		die("sysinfo");
	printf("free %" PRIu64 "\n", (uint64_t)info.freeram * info.mem_unit);
}

static void keep_hot(char *memory)
{
	uint64_t last = now_ms(), told = last, gap = 0, rounds = 0;

	for (;;) {
		uint64_t start = now_ms(), end;

		for (unsigned int i = 0; i < blocks; i++)
			if (is_hot(i))
				touch(memory + i * HUGE_SIZE);
		end = now_ms();
		rounds++;
		/* From the start of the round before to the end of this one. */
		if (end - last > gap)
			gap = end - last;
		last = start;
		if (end - told >= TELL_MS) {
			printf("round %" PRIu64 " %" PRIu64 "\n", rounds, gap);
			told = end;
		}
		usleep(PAUSE_MS * 1000);
	}
}

int main(void)
{
	char *memory;

	setlinebuf(stdout);
	if (mkdir("/proc", 0555) || mount("proc", "/proc", "proc", 0, NULL))
		die("/proc");
	hot_blocks = blocks_of("hot");
	blocks = hot_blocks + blocks_of("cold");

	reserve_huge_pages();
	memory = mmap(NULL, blocks * HUGE_SIZE, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (memory == MAP_FAILED)
		die("mmap");
	for (unsigned int i = 0; i < blocks; i++)
		touch(memory + i * HUGE_SIZE);
	tell_place(memory);
	tell_free();
	puts("ready");
	keep_hot(memory);
}
