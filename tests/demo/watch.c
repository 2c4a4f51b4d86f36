// SPDX-License-Identifier: GPL-2.0-only
/*
 * Looks page by page at the memory that the demo's guest gave an account of: is a
 * hot page ever idle, is a cold one ever touched? Reads the bitmap as it is,
 * without libkvmidle: what is compared shall not rest on what is compared.
 */
#include <err.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define PAGE_SIZE	4096
#define MAX_RANGES	4096
#define MAX_BYTES	(1 << 20)	/* of bitmap: 32 GiB of guest */

struct range {
	bool hot;
	uint64_t first, pages;
};

static struct range ranges[MAX_RANGES];
static unsigned int nr_ranges;
static uint64_t bitmap[MAX_BYTES / sizeof(uint64_t)];
static size_t bitmap_bytes;

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000ULL + now.tv_nsec / 1000000;
}

static void sleep_until_ms(uint64_t when)
{
	struct timespec t = { when / 1000, when % 1000 * 1000000 };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

/* The guest's lines "hot GPA BYTES" and "cold GPA BYTES"; the rest is not for us. */
static void read_account(const char *path)
{
	FILE *f = fopen(path, "r");
	char line[256], kind[8];
	uint64_t gpa, bytes;

	if (!f)
		err(2, "%s", path);
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%7s %" SCNu64 " %" SCNu64, kind, &gpa, &bytes) != 3)
			continue;
		if (strcmp(kind, "hot") && strcmp(kind, "cold"))
			continue;
		if (nr_ranges == MAX_RANGES)
			errx(2, "%s: too many ranges", path);
		ranges[nr_ranges++] = (struct range) {
			.hot = !strcmp(kind, "hot"),
			.first = gpa / PAGE_SIZE,
			.pages = bytes / PAGE_SIZE,
		};
	}
	fclose(f);
}

/* One pass: what was not touched since the one before. */
static void read_bitmap(int fd)
{
	ssize_t got;

	bitmap_bytes = 0;
	if (lseek(fd, 0, SEEK_SET))
		err(2, "lseek");
	do {
		got = read(fd, (char *)bitmap + bitmap_bytes, MAX_BYTES - bitmap_bytes);
		if (got < 0)
			err(2, "read");
		bitmap_bytes += got;
	} while (got && bitmap_bytes < MAX_BYTES);
}

static bool is_idle(uint64_t gfn)
{
	if (gfn / 8 >= bitmap_bytes)
		errx(2, "guest frame %" PRIu64 " is past the end of the bitmap", gfn);
	return bitmap[gfn / 64] >> gfn % 64 & 1;
}

static uint64_t count(bool hot, bool idle)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < nr_ranges; i++)
		for (uint64_t p = 0; p < ranges[i].pages; p++)
			if (ranges[i].hot == hot && is_idle(ranges[i].first + p) == idle)
				n++;
	return n;
}

int main(int argc, char **argv)
{
	uint64_t hot_idle = 0, cold_touched = 0, hot = 0, cold = 0;
	uint64_t interval, passes, last, pause, shortest = UINT64_MAX;
	char path[64];
	int fd;

	if (argc != 5)
		errx(2, "usage: watch PID ACCOUNT INTERVAL_MS PASSES");
	read_account(argv[2]);
	interval = strtoul(argv[3], NULL, 10);
	passes = strtoul(argv[4], NULL, 10);
	snprintf(path, sizeof(path), "/proc/%s/idle_bitmap", argv[1]);
	fd = open(path, O_RDWR);
	if (fd < 0)
		err(2, "%s", path);

	/* The first pass only sets the stage. */
	read_bitmap(fd);
	last = now_ms();
	for (uint64_t pass = 0; pass < passes; pass++) {
		sleep_until_ms(last + interval);
		/* The time that any page had to be touched in. */
		pause = now_ms() - last;
		if (pause < shortest)
			shortest = pause;
		read_bitmap(fd);
		last = now_ms();
		hot_idle += count(true, true);
		cold_touched += count(false, false);
	}
	for (unsigned int i = 0; i < nr_ranges; i++)
		*(ranges[i].hot ? &hot : &cold) += ranges[i].pages;

	/* Pages are counted once for each pass. */
	printf("passes %" PRIu64 "\n", passes);
	printf("shortest_ms %" PRIu64 "\n", shortest);
	printf("hot_looks %" PRIu64 "\n", hot * passes);
	printf("hot_idle %" PRIu64 "\n", hot_idle);
	printf("cold_looks %" PRIu64 "\n", cold * passes);
	printf("cold_touched %" PRIu64 "\n", cold_touched);
	return 0;
}
