// SPDX-License-Identifier: GPL-2.0-only
/*
 * What page_idle sees of a guest, under somebody who harvests it all the time.
 *
 * All pages of the guest are marked idle in /sys/kernel/mm/page_idle/bitmap, the
 * guest touches some, and the file is read. The guest knows what it touched: those,
 * and no others, are not idle any more, with a harvest as without.
 */
#include <unistd.h>

#include "harvester.h"
#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "page_idle.h"
#include "rounds.h"

static unsigned long mem = 16, rounds = 5, seed = 1;

struct seen {
	uint64_t touched, idle;	/* what the guest did, and did not */
	uint64_t miss, extra;	/* touched and idle, not touched and not idle */
	bool shared;
};

static struct vmm vmm;
static struct harvester harvester;
static struct gfnset touched;
static struct page_idle page_idle;
static bool there_is;

static void one_round(struct seen *seen)
{
	page_idle_mark_all(&page_idle);
	gfnset_clear(&touched);
	/* Twice: what was marked, and what was touched. */
	harvester_wait(&harvester, 1);
	touch_random(&vmm, vmm.total_pages, vmm.total_pages / 2);
	harvester_wait(&harvester, 1);
	page_idle_ask_all(&page_idle);
	for (uint64_t i = 0; i < vmm.total_pages; i++) {
		bool was = gfnset_has(&touched, vmm_nth_gfn(&vmm, i));
		bool idle = page_idle_answer(&page_idle, i);

		if (!page_idle_tells(&page_idle, i))
			continue;
		seen->touched += was;
		seen->idle += !was;
		seen->miss += was && idle;
		seen->extra += !was && !idle;
	}
	if (page_idle_moved(&page_idle))
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
	vmm_touch_range(&vmm, 0, vmm.total_pages, false);
	page_idle_begin(&page_idle, vmm.slot[0].hva, vmm.total_pages, false);

	harvester_start(&harvester, mode);
	for (unsigned long round = 0; round < rounds; round++)
		one_round(&seen);
	seen.shared = harvester_is_shared(&harvester);
	harvester_stop(&harvester);

	page_idle_end(&page_idle);
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
	int fd = page_idle_open();

	there_is = fd >= 0;
	if (there_is)
		close(fd);
}

static bool skipped(void)
{
	if (!there_is)
		ktap_skip("this kernel has no IDLE_PAGE_TRACKING");
	return !there_is;
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
