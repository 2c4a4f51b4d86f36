// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "damon.h"
#include "disturb.h"
#include "ktap.h"
#include "lru_gen.h"
#include "page_idle.h"
#include "swap.h"

#define DAMON_STAT	"/sys/module/damon_stat/parameters/enabled"

#define ZAP_PAGES	64	/* at once, at most; but a unit at least */

static bool there_is(const char *path)
{
	return !access(path, F_OK);
}

/* Zaps */

static uint64_t random_of(struct disturbance *d, uint64_t n)
{
	return rand_r(&d->seed) % n;
}

static void count(atomic_uint *zaps, uint64_t gfn, uint64_t pages)
{
	for (; pages; pages--)
		atomic_fetch_add(&zaps[gfn++], 1);
}

static uint64_t zap_unit(const struct disturbance *d)
{
	return d->by->splits_mappings ? HUGE_PAGES : d->vmm->mmu.leaf_pages;
}

/* A random part. */
static bool zap(struct disturbance *d, int (*act)(void *p, size_t bytes))
{
	uint64_t unit = zap_unit(d), units = d->pages / unit;
	uint64_t first = random_of(d, units), most = units - first, n;
	uint64_t gfn = d->first_gfn + first * unit;

	if (most > ZAP_PAGES / unit + 1)
		most = ZAP_PAGES / unit + 1;
	n = (1 + random_of(d, most)) * unit;
	count(d->begun, gfn, n);
	if (act(vmm_hva(d->vmm, gfn << PAGE_SHIFT), n * PAGE_SIZE))
		die("%s: %m", d->by->name);
	count(d->done, gfn, n);
	/* Leave something for the guest to touch, and for us to harvest. */
	usleep(1000);
	return true;
}

static int page_out(void *p, size_t bytes)
{
	int err = madvise(p, bytes, MADV_PAGEOUT);

	/* Swap space that is full is none of ours. */
	return err && errno != EAGAIN && errno != ENOMEM ? err : 0;
}

static int do_not_need(void *p, size_t bytes)
{
	return madvise(p, bytes, MADV_DONTNEED);
}

static int protect(void *p, size_t bytes)
{
	if (mprotect(p, bytes, PROT_READ))
		return -1;
	usleep(100);
	return mprotect(p, bytes, PROT_READ | PROT_WRITE);
}

static bool pageout_pass(struct disturbance *d)
{
	return zap(d, page_out);
}

static bool dontneed_pass(struct disturbance *d)
{
	return zap(d, do_not_need);
}

static bool mprotect_pass(struct disturbance *d)
{
	return zap(d, protect);
}

static bool pageout_start(struct disturbance *d, const char **why)
{
	return swap_on(4 * d->pages * PAGE_SIZE / MIB, why);
}

static uint64_t pages_swapped_out(void)
{
	FILE *f = fopen("/proc/vmstat", "re");
	char name[64];
	unsigned long value;
	uint64_t pages = 0;

	if (!f)
		die("/proc/vmstat: %m");
	while (fscanf(f, "%63s %lu", name, &value) == 2)
		if (!strcmp(name, "pswpout"))
			pages = value;
	fclose(f);
	return pages;
}

/* MGLRU */

static bool mglru_start(struct disturbance *d, const char **why)
{
	(void)d;
	if (!there_is("/sys/kernel/debug/lru_gen") || !lru_gen_turn_on()) {
		*why = "this kernel has no LRU_GEN";
		return false;
	}
	return true;
}

static bool mglru_pass(struct disturbance *d)
{
	(void)d;
	return lru_gen_age("/");
}

/* page_idle */

static bool page_idle_start(struct disturbance *d, const char **why)
{
	d->fd = page_idle_open();
	if (d->fd < 0)
		*why = "this kernel has no IDLE_PAGE_TRACKING";
	return d->fd >= 0;
}

/* Mark some pages idle. With all of them at once, a pass would take seconds. */
static bool page_idle_pass(struct disturbance *d)
{
	uint64_t pfn[64], n = d->pages < 64 ? d->pages : 64;
	uint64_t gfn = d->first_gfn + random_of(d, d->pages - n + 1);

	page_frames(vmm_hva(d->vmm, gfn << PAGE_SHIFT), n, pfn);
	for (uint64_t i = 0; i < n; i++)
		page_idle_mark(d->fd, pfn[i]);
	return true;
}

static void page_idle_stop(struct disturbance *d)
{
	close(d->fd);
}

/* DAMON */

/* Look at 1000 pages of the guest each millisecond. */
static bool damon_begin(struct disturbance *d, const char **why)
{
	uintptr_t start = (uintptr_t)d->vmm->slot[0].hva;
	struct damon_range range = { start, start + d->vmm->slot[0].bytes };
	struct damon_plan plan = {
		.sample_us = 1000, .aggr_us = 100000,
		.min_regions = 1000, .max_regions = 1000,
		.range = &range, .ranges = 1,
	};

	if (!damon_is_there()) {
		*why = "this kernel has no DAMON_SYSFS";
		return false;
	}
	damon_start(&plan);
	return true;
}

static void damon_end(struct disturbance *d)
{
	(void)d;
	damon_stop();
}

static bool damon_stat_start(struct disturbance *d, const char **why)
{
	char on = 0;
	int fd = open(DAMON_STAT, O_RDONLY | O_CLOEXEC);

	(void)d;
	if (fd < 0) {
		*why = "this kernel has no DAMON_STAT";
		return false;
	}
	if (read(fd, &on, 1) != 1 || on != 'Y')
		die("DAMON_STAT is off: tests/vm/run --keep-damon leaves it on");
	close(fd);
	return true;
}

/* How often the threads of DAMON have woken up to take samples. */
static uint64_t kdamond_wakeups(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	uint64_t wakeups = 0;
	bool found = false;

	if (!proc)
		die("/proc: %m");
	while ((entry = readdir(proc))) {
		char path[300], line[128];
		unsigned long n;
		bool mine = false;
		FILE *f;

		snprintf(path, sizeof(path), "/proc/%s/status", entry->d_name);
		f = fopen(path, "re");
		if (!f)
			continue;
		while (fgets(line, sizeof(line), f)) {
			if (!strncmp(line, "Name:\tkdamond", 13))
				found = mine = true;
			if (mine && sscanf(line, "voluntary_ctxt_switches: %lu", &n) == 1)
				wakeups += n;
		}
		fclose(f);
	}
	closedir(proc);
	if (!found)
		die("there is no kdamond");
	return wakeups;
}

const struct disturber disturbers[] = {
	{ .name = "none", .does = "nobody" },
	{
		.name = "damon-stat", .does = "DAMON_STAT, on by default since Linux 7.2",
		.ages = true,
		.start = damon_stat_start, .counter = kdamond_wakeups,
	}, {
		.name = "damon", .does = "DAMON, a sample of 1000 pages each millisecond",
		.ages = true,
		.start = damon_begin, .stop = damon_end, .counter = kdamond_wakeups,
	}, {
		.name = "mglru", .does = "MGLRU, a generation after the other",
		.ages = true,
		.start = mglru_start, .pass = mglru_pass,
	}, {
		.name = "page_idle", .does = "page_idle, which marks pages idle",
		.ages = true,
		.start = page_idle_start, .pass = page_idle_pass, .stop = page_idle_stop,
	}, {
		.name = "pageout", .does = "MADV_PAGEOUT of parts",
		.ages = true, .zaps = true, .breaks_huge = true,
		.start = pageout_start, .pass = pageout_pass, .counter = pages_swapped_out,
	}, {
		.name = "mprotect", .does = "mprotect() of parts, to and fro",
		.zaps = true, .surely = true, .splits_mappings = true, .read_only = true,
		.pass = mprotect_pass,
	}, {
		.name = "dontneed", .does = "MADV_DONTNEED of parts",
		.zaps = true, .surely = true, .breaks_huge = true,
		.pass = dontneed_pass,
	},
	{ 0 }
};

const struct disturber *disturber_of(const char *name)
{
	for (const struct disturber *by = disturbers; by->name; by++)
		if (!strcmp(by->name, name))
			return by;
	return NULL;
}

static void *pass_for_ever(void *arg)
{
	struct disturbance *d = arg;

	while (!atomic_load(&d->stopping))
		if (d->by->pass(d))
			atomic_fetch_add(&d->passes, 1);
	return NULL;
}

bool disturb_start(struct disturbance *d, struct vmm *vmm, const struct disturber *by,
		   const char **why)
{
	uint64_t slot_pages = vmm->slot[0].bytes / PAGE_SIZE, unit;

	memset(d, 0, sizeof(*d));
	d->by = by;
	d->vmm = vmm;
	d->seed = 1;
	/* Not what the guest runs and reads its orders from. */
	unit = zap_unit(d);
	d->first_gfn = (vmm->first_free_gfn + unit - 1) / unit * unit;
	d->pages = (slot_pages - d->first_gfn) / unit * unit;
	if (!d->pages)
		die("the guest is too small");
	d->begun = calloc(slot_pages, sizeof(*d->begun));
	d->done = calloc(slot_pages, sizeof(*d->done));
	if (by->start && !by->start(d, why))
		return false;
	if (by->counter)
		d->counter_before = by->counter();
	if (by->pass) {
		errno = pthread_create(&d->thread, NULL, pass_for_ever, d);
		if (errno)
			die("pthread_create: %m");
	}
	return true;
}

uint64_t disturb_done(struct disturbance *d)
{
	return d->by->counter ? d->by->counter() - d->counter_before : atomic_load(&d->passes);
}

void disturb_stop(struct disturbance *d)
{
	atomic_store(&d->stopping, true);
	if (d->by->pass)
		pthread_join(d->thread, NULL);
	if (d->by->stop)
		d->by->stop(d);
	free(d->begun);
	free(d->done);
}
