// SPDX-License-Identifier: GPL-2.0-only
/*
 * What page_idle sees of a guest, under somebody who harvests it all the time.
 *
 * All pages of the guest are marked idle in /sys/kernel/mm/page_idle/bitmap, the
 * guest touches some, and the file is read. The guest knows what it touched: those,
 * and no others, are not idle any more, with a harvest as without.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "harvester.h"
#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "rounds.h"

#define BITMAP		"/sys/kernel/mm/page_idle/bitmap"
#define PAGEMAP_PFN	((1ULL << 55) - 1)
#define PAGEMAP_PRESENT	(1ULL << 63)

static unsigned long mem = 16, rounds = 5, seed = 1;

struct seen {
	uint64_t touched, idle;	/* what the guest did, and did not */
	uint64_t miss, extra;	/* touched and idle, not touched and not idle */
	bool shared;
};

static struct vmm vmm;
static struct harvester harvester;
static struct gfnset touched;
static uint64_t *pfn;
static int bitmap;
static uint64_t last_word;	/* of the bitmap, that was read */

static uint64_t pfn_of(int pagemap, uint64_t gfn)
{
	uintptr_t hva = (uintptr_t)vmm_hva(&vmm, gfn * PAGE_SIZE);
	uint64_t entry;

	if (pread(pagemap, &entry, 8, hva / PAGE_SIZE * 8) != 8)
		die("pagemap: %m");
	if (!(entry & PAGEMAP_PRESENT) || !(entry & PAGEMAP_PFN))
		die("page %#lx of the guest is not in memory", gfn);
	return entry & PAGEMAP_PFN;
}

/* Where the guest's pages are. Return: how many are not where they were. */
static uint64_t look_up_pages(void)
{
	int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t moved = 0;

	if (pagemap < 0)
		die("pagemap: %m");
	for (uint64_t i = 0; i < vmm.total_pages; i++) {
		uint64_t gfn = vmm_nth_gfn(&vmm, i), now = pfn_of(pagemap, gfn);

		moved += now != pfn[i];
		pfn[i] = now;
	}
	close(pagemap);
	return moved;
}

static void mark_idle(void)
{
	for (uint64_t i = 0; i < vmm.total_pages; i++) {
		uint64_t word = 1ULL << (pfn[i] % 64);

		if (pwrite(bitmap, &word, 8, pfn[i] / 64 * 8) < 0)
			die(BITMAP ": %m");
	}
}

/*
 * Return: false if page_idle does not tell, which is so of the last pages of the
 * host's memory: if they do not fill a word, it reads as the end of the file.
 */
static bool ask(uint64_t n, bool *idle)
{
	/* Each read looks up all mappings of 64 pages, and the next page is near. */
	static uint64_t word;
	static ssize_t got;

	if (n / 64 != last_word)
		got = pread(bitmap, &word, 8, n / 64 * 8);
	last_word = n / 64;
	if (got < 0)
		die(BITMAP ": %m");
	*idle = got && word >> (n % 64) & 1;
	return got;
}

/* What was allocated a moment ago page_idle does not see. */
static void put_pages_on_lists(void)
{
	int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) != 1)
		die("drop_caches: %m");
	close(fd);
}

static void one_round(struct seen *seen)
{
	mark_idle();
	gfnset_clear(&touched);
	/* Twice: what was marked, and what was touched. */
	harvester_wait(&harvester, 1);
	touch_random(&vmm, vmm.total_pages, vmm.total_pages / 2);
	harvester_wait(&harvester, 1);
	last_word = ~0UL;
	for (uint64_t i = 0; i < vmm.total_pages; i++) {
		bool was = gfnset_has(&touched, vmm_nth_gfn(&vmm, i)), idle;

		if (!ask(pfn[i], &idle))
			continue;
		seen->touched += was;
		seen->idle += !was;
		seen->miss += was && idle;
		seen->extra += !was && !idle;
	}
	if (look_up_pages())
		die("the host has moved pages of the guest");
}

static struct seen observe(enum harvest mode)
{
	struct seen seen = { 0 };

	harvester_load(mode);
	random_seed(seed);
	vmm.nr_slots = 1;
	vmm.slot[0].bytes = mem * MIB;
	vmm_start(&vmm);
	gfnset_init(&touched, vmm.end_gfn);
	vmm_observe(&vmm, &touched);
	pfn = calloc(vmm.total_pages, sizeof(*pfn));
	vmm_touch_range(&vmm, 0, vmm.total_pages, false);
	put_pages_on_lists();
	look_up_pages();

	harvester_start(&harvester, mode);
	for (unsigned long round = 0; round < rounds; round++)
		one_round(&seen);
	seen.shared = harvester_is_shared(&harvester);
	harvester_stop(&harvester);

	free(pfn);
	vmm_unobserve(&vmm, &touched);
	gfnset_free(&touched);
	vmm_stop(&vmm);
	harvester_load(HARVEST_NONE);
	ktap_diag("%s: of %lu pages touched %lu seem idle, of %lu others %lu do not",
		  harvest_name[mode], seen.touched, seen.miss, seen.idle, seen.extra);
	return seen;
}

static void setup(void)
{
	bitmap = open(BITMAP, O_RDWR | O_CLOEXEC);
}

static bool skipped(void)
{
	if (bitmap < 0)
		ktap_skip("this kernel has no " BITMAP " (IDLE_PAGE_TRACKING)");
	return bitmap < 0;
}

static void expect_exact(const struct seen *seen)
{
	EXPECT(seen->touched >= rounds * (mem * MIB / PAGE_SIZE) / 3, "%lu", seen->touched);
	EXPECT(seen->idle >= rounds * (mem * MIB / PAGE_SIZE) / 3, "%lu", seen->idle);
	EXPECT(!seen->miss, "%lu", seen->miss);
	EXPECT(!seen->extra, "%lu", seen->extra);
}

static void without_harvest(void)
{
	struct seen seen;

	if (skipped())
		return;
	seen = observe(HARVEST_NONE);
	expect_exact(&seen);
}

static void with_harvest(void)
{
	struct seen seen;

	if (skipped())
		return;
	seen = observe(HARVEST_SHARED);
	EXPECT(seen.shared);
	expect_exact(&seen);
}

static void with_harvest_unshared(void)
{
	struct seen seen;

	if (skipped())
		return;
	seen = observe(HARVEST_UNSHARED);
	EXPECT(!seen.shared);
	EXPECT(seen.miss >= seen.touched / 2, "%lu misses: the test before shows nothing",
	       seen.miss);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "mem", "MiB of guest memory", .number = &mem },
		{ "rounds", "times that half of it is touched", .number = &rounds },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "without a harvest page_idle sees what is touched", without_harvest },
		{ "with a harvest it sees the same", with_harvest },
		{ "with a harvest that is not shared it does not", with_harvest_unshared },
	};

	options_parse(argc, argv,
		      "What page_idle sees of a guest that is harvested all the time. Loads the\n"
		      "module itself: it must not be loaded.", options);
	return KTAP_RUN(setup, tests);
}
