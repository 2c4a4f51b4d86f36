// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which pages has the guest touched? What it costs to know, and what is wrong with
 * the answer, by each means there is: this module, KVM's own callbacks page by page,
 * page_idle and DAMON. On one guest, by turns, each with the same cycle:
 *
 *	nothing is young; the guest touches some pages (--before);
 *	mark: from here on it counts;
 *	the guest touches what it touches (--young), and knows it;
 *	ask: which pages were touched since the mark.
 *
 * The cost is that of mark and ask, by the machine's clock. Not in it: to look up
 * where in the host's memory the guest's pages are, which page_idle has to know.
 *
 * While a file that may harvest is open, the module answers for KVM. So there is
 * none while the others are measured.
 *
 * With --running the guest goes on touching the same pages without an exit, as a busy
 * one does. Who has cleared an accessed bit and left the translation in the TLB sees
 * nothing of that then. Else each touch begins with an entry into the guest.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "asker.h"
#include "damon.h"
#include "heat.h"
#include "idle.h"
#include "isolated.h"
#include "ktap.h"
#include "measure.h"
#include "options.h"
#include "page_idle.h"

#define SAMPLES		20	/* of DAMON, in an aggregation interval: its default */
#define MIN_REGIONS	10	/* likewise */
#define MAX_REGIONS	1000	/* likewise */

static unsigned long mem = 128, turns = 5, sample = 10, limit, running, seed = 1;
static const char *young_fraction = "0.01", *before_fraction;
static bool clusters, thp;

static struct vmm vmm;
static struct gfnset touched;	/* since it was last cleared */
static uint32_t *list;		/* the pages that can be touched, in this turn's order */
static uint64_t listed, young_pages, before_pages;

struct contestant {
	const char *what;	/* one word */
	const char *name;
	/* Once. Return: NULL, or why it cannot take part. */
	const char *(*enter)(void);
	/* A cycle; or, for the cycle that most of them have, its parts. */
	void (*cycle)(struct contestant *c);
	void (*begin)(void);
	void (*mark)(void);
	void (*ask)(void);
	void (*end)(void);
	bool (*answers_idle)(uint64_t gfn);
	bool (*tells_of)(uint64_t gfn);	/* NULL: of all of them */

	const char *why_not;
	size_t turns;
	uint64_t *mark_ns, *ask_ns, *both_ns;
	uint64_t touched, others;	/* pages, of all turns */
	uint64_t misses, extras;	/* touched and called idle; not touched and not */
	uint64_t exits;		/* of a guest that is running, between mark and answer */
};

/* This module */

static int harvester = -1;
static uint64_t *words, *ones;
static size_t bytes;

static void harvest_all(void)
{
	size_t done = 0;
	ssize_t got;

	/* To the end, where the flush is paid. */
	while ((got = pread(harvester, (char *)words + done, bytes + 8 - done, done)) > 0)
		done += got;
	if (got || done != bytes)
		die("harvest: %zu of %zu bytes: %m", done, bytes);
}

static void write_all(void)
{
	ssize_t put;

	for (size_t done = 0; done < bytes; done += put) {
		put = pwrite(harvester, (char *)ones + done, bytes - done, done);
		if (put <= 0)
			die("mark: %zd at %zu of %zu bytes: %m", put, done, bytes);
	}
}

static void module_close(void)
{
	close(harvester);
	harvester = -1;
}

/* Nothing is young any more, and KVM answers for itself again. */
static void nothing_is_young(void)
{
	harvester = idle_file(0, O_RDWR | O_CLOEXEC);
	if (harvester < 0)
		die("%s: %m", idle_path(0));
	harvest_all();
	module_close();
}

static void module_open(void)
{
	harvester = idle_file(0, O_RDWR | O_CLOEXEC);
	if (harvester < 0)
		die("%s: %m", idle_path(0));
	/* What the first pass makes room for, the second finds there. */
	harvest_all();
}

static const char *module_enter(void)
{
	bytes = idle_bitmap_bytes(&vmm);
	words = calloc(bytes / 8 + 1, 8);
	ones = malloc(bytes);
	memset(ones, 0xff, bytes);
	return NULL;
}

static bool module_says_idle(uint64_t gfn)
{
	return words[gfn / 64] >> (gfn % 64) & 1;
}

/* KVM's callbacks */

static uint64_t *called_young;

static const char *callbacks_enter(void)
{
	if (!asker_is_there())
		return "the module asker is not in this machine";
	asker_load(&vmm);
	called_young = calloc(vmm.total_pages / 64 + 1, 8);
	return NULL;
}

static void ask_callbacks(void)
{
	asker_ask_each(vmm.slot[0].hva, vmm.slot[0].bytes, called_young);
}

/* Of a huge page the first one that is asked about is young, and the others are not. */
static bool callbacks_say_idle(uint64_t gfn)
{
	gfn &= -vmm.mmu.leaf_pages;
	return !(called_young[gfn / 64] >> (gfn % 64) & 1);
}

/* page_idle */

static struct page_idle page_idle;

static const char *page_idle_enter(void)
{
	uint64_t begun;
	const char *why_not = NULL;

	if (!page_idle_begin(&page_idle, vmm.slot[0].hva, vmm.total_pages, thp))
		return "this kernel has no IDLE_PAGE_TRACKING";
	begun = now_ns();
	if (page_idle_moved(&page_idle))
		why_not = "the host moves the guest's pages";
	ktap_diag("to look up where the pages are, by pagemap: %.1f a page, not counted below",
		  (double)(now_ns() - begun) / vmm.total_pages);
	return why_not;
}

static void page_idle_mark_it(void)
{
	page_idle_mark_all(&page_idle);
}

static void page_idle_ask_it(void)
{
	page_idle_ask_all(&page_idle);
}

static void page_idle_end_turn(void)
{
	if (page_idle_moved(&page_idle))
		die("the host has moved pages of the guest");
}

static bool page_idle_says_it_is(uint64_t gfn)
{
	return page_idle_answer(&page_idle, gfn);
}

/* Not the last frames of memory: that would not be fair. */
static bool page_idle_knows_it(uint64_t gfn)
{
	return page_idle_tells(&page_idle, gfn);
}

/* DAMON */

static struct gfnset damon_young;

static const char *damon_enter(void)
{
	if (!damon_is_there())
		return "this kernel has no DAMON_SYSFS";
	gfnset_init(&damon_young, vmm.end_gfn);
	return NULL;
}

static bool damon_says_idle(uint64_t gfn)
{
	return !gfnset_has(&damon_young, gfn);
}

/* A page is young if DAMON found the region young, in any sample, that it is in. */
static void damon_ask(void)
{
	static struct damon_region region[MAX_REGIONS];
	uintptr_t base = (uintptr_t)vmm.slot[0].hva;
	size_t n = damon_regions(region, MAX_REGIONS);

	if (!n)
		die("DAMON tells of no region");
	gfnset_clear(&damon_young);
	for (size_t i = 0; i < n; i++)
		if (region[i].accesses)
			gfnset_add_range(&damon_young, (region[i].start - base) / PAGE_SIZE,
					 (region[i].end - region[i].start) / PAGE_SIZE);
}

/* The guest */

static void touch(uint64_t n)
{
	if (running)
		wait_for_sweeps(&vmm);
	else
		vmm_touch(&vmm, list, n);
}

/*
 * Without translations left over from the contestant before: what it cleared, and did
 * not flush, would stay hidden from this one.
 */
static void restart_guest(void)
{
	if (!running)
		return;
	if (vmm.vcpu[0].spinning)
		vmm_spin_stop(&vmm, 0);
	vmm_spin(&vmm, 0, vmm.first_free_gfn, running);
	wait_for_sweeps(&vmm);
}

/* What is touched from here on is the truth. */
static void begin_truth(void)
{
	gfnset_clear(&touched);
}

static void end_truth(void)
{
	if (running)
		vmm_spin_touched(&vmm, 0);
}

static uint64_t exits_so_far(void)
{
	return running ? vmm_vcpu_stat(&vmm, 0, "exits") : 0;
}

/* Each or runs of as many as a huge page has, in random order. */
static void shuffle(void)
{
	uint64_t unit = clusters ? HUGE_PAGES : 1, units = listed / unit;
	uint32_t *order = calloc(units, sizeof(*order));

	for (uint64_t i = 0; i < units; i++)
		order[i] = i;
	for (uint64_t i = units - 1; i > 0; i--) {
		uint64_t other = random_below(i + 1);
		uint32_t swap = order[i];

		order[i] = order[other];
		order[other] = swap;
	}
	for (uint64_t i = 0; i < units * unit; i++) {
		uint64_t gfn = vmm.first_free_gfn + order[i / unit] * unit + i % unit;

		list[i] = gfn << PAGE_SHIFT | random_below(2);
	}
	free(order);
}

/* Cycles */

static void judge(struct contestant *c)
{
	for (uint64_t gfn = 0; gfn < vmm.total_pages; gfn++) {
		bool was = gfnset_has(&touched, gfn), idle = c->answers_idle(gfn);

		if (c->tells_of && !c->tells_of(gfn))
			continue;
		c->touched += was;
		c->others += !was;
		c->misses += was && idle;
		c->extras += !was && !idle;
	}
}

static void keep_figures(struct contestant *c, uint64_t mark_ns, uint64_t ask_ns)
{
	c->mark_ns[c->turns] = mark_ns;
	c->ask_ns[c->turns] = ask_ns;
	c->both_ns[c->turns++] = mark_ns + ask_ns;
}

static void mark_and_ask(struct contestant *c)
{
	uint64_t begun, marked, exits;

	if (c->begin)
		c->begin();
	touch(before_pages);
	exits = exits_so_far();
	begun = now_ns();
	c->mark();
	marked = now_ns() - begun;
	begin_truth();
	touch(young_pages);
	end_truth();
	begun = now_ns();
	c->ask();
	keep_figures(c, marked, now_ns() - begun);
	c->exits += exits_so_far() - exits;
	judge(c);
	if (c->end)
		c->end();
}

static uint64_t cpu_ns(int pid)
{
	struct timespec t;
	clockid_t clock;

	errno = clock_getcpuclockid(pid, &clock);
	if (errno || clock_gettime(clock, &t))
		die("time of process %d: %m", pid);
	return t.tv_sec * 1000000000ULL + t.tv_nsec;
}

/*
 * DAMON marks and asks at each sample, for a few pages. So the guest has to touch the
 * same pages all the time, and an aggregation interval is what counts.
 */
static void damon_cycle(struct contestant *c)
{
	uintptr_t base = (uintptr_t)vmm.slot[0].hva;
	struct damon_range all = { base, base + vmm.slot[0].bytes };
	struct damon_plan plan = {
		.sample_us = sample * 1000, .aggr_us = SAMPLES * sample * 1000,
		.min_regions = MIN_REGIONS, .max_regions = MAX_REGIONS,
		.range = &all, .ranges = 1,
	};
	uint64_t begun, used, times, intervals;
	struct heat heat;

	begin_truth();
	if (!running)
		heat_start(&heat, &vmm, list, young_pages, sample * 1000 / 4);
	damon_start(&plan);
	/* Time to make regions that it likes. */
	usleep(5 * plan.aggr_us);
	begun = now_ns();
	used = cpu_ns(damon_thread());
	times = running ? 0 : heat_times(&heat);
	usleep(plan.aggr_us);
	damon_ask();
	used = cpu_ns(damon_thread()) - used;
	intervals = (now_ns() - begun) / (plan.aggr_us * 1000);
	damon_stop();
	if (!running) {
		times = heat_times(&heat) - times;
		heat_stop(&heat);
		if (times < SAMPLES * intervals)
			c->why_not = "the guest is too slow for a touch a sample: --sample";
	}
	end_truth();
	keep_figures(c, 0, used / (intervals ? intervals : 1));
	judge(c);
}

enum { MODULE, MODULE_WRITE, CALLBACKS, PAGE_IDLE, DAMON, CONTESTANTS };

static struct contestant contestants[CONTESTANTS] = {
	[MODULE] = {
		.what = "module", .name = "this module, two reads",
		.enter = module_enter, .begin = module_open, .mark = harvest_all,
		.ask = harvest_all, .end = module_close, .answers_idle = module_says_idle,
	},
	[MODULE_WRITE] = {
		.what = "module-write", .name = "this module, a write and a read",
		.begin = module_open, .mark = write_all,
		.ask = harvest_all, .end = module_close, .answers_idle = module_says_idle,
	},
	[CALLBACKS] = {
		.what = "callbacks", .name = "KVM's callbacks, page by page",
		.enter = callbacks_enter, .mark = ask_callbacks,
		.ask = ask_callbacks, .answers_idle = callbacks_say_idle,
	},
	[PAGE_IDLE] = {
		.what = "page_idle", .name = "page_idle",
		.enter = page_idle_enter, .mark = page_idle_mark_it,
		.ask = page_idle_ask_it, .end = page_idle_end_turn,
		.answers_idle = page_idle_says_it_is, .tells_of = page_idle_knows_it,
	},
	[DAMON] = {
		.what = "damon", .name = "DAMON, an interval",
		.enter = damon_enter, .cycle = damon_cycle, .answers_idle = damon_says_idle,
	},
};

static double a_page(uint64_t *ns, size_t n)
{
	return (double)median(ns, n) / vmm.total_pages;
}

static void report(struct contestant *c)
{
	if (c->why_not)
		return;
	ktap_diag("%-32s %8.2f %8.2f %8.2f %8lu of %-8lu %8lu of %lu", c->name,
		  a_page(c->mark_ns, c->turns), a_page(c->ask_ns, c->turns),
		  a_page(c->both_ns, c->turns), c->misses, c->touched, c->extras, c->others);
	if (running)
		ktap_diag("%-32s the guest exited %lu times between mark and answer", "", c->exits);
	ktap_diag("bench: what=%s young=%s before=%s clustered=%d running=%lu turns=%zu pages=%lu mark=%.2f ask=%.2f cost=%.2f touched=%lu misses=%lu others=%lu extras=%lu exits=%lu",
		  c->what, young_fraction, before_fraction, clusters, running, c->turns,
		  vmm.total_pages, a_page(c->mark_ns, c->turns), a_page(c->ask_ns, c->turns),
		  a_page(c->both_ns, c->turns), c->touched, c->misses, c->others, c->extras,
		  c->exits);
}

static void one_turn(void)
{
	shuffle();
	for (struct contestant *c = contestants; c < contestants + CONTESTANTS; c++) {
		if (c->why_not)
			continue;
		nothing_is_young();
		restart_guest();
		if (c->cycle)
			c->cycle(c);
		else
			mark_and_ask(c);
	}
}

static uint64_t pages_of(const char *fraction)
{
	char *end;
	double f = strtod(fraction, &end);

	if (end == fraction || *end || f < 0 || f > 1)
		die("no fraction: %s", fraction);
	return f * listed;
}

static void start_guest(void)
{
	vmm.nr_slots = 1;
	vmm.slot[0].bytes = mem * MIB;
	vmm.thp = thp;
	vmm_start(&vmm);
	gfnset_init(&touched, vmm.end_gfn);
	vmm_observe(&vmm, &touched);
	vmm_touch_range(&vmm, 0, vmm.total_pages, true);
	listed = vmm.total_pages - vmm.first_free_gfn;
	list = calloc(listed, sizeof(*list));
	young_pages = pages_of(young_fraction);
	before_pages = pages_of(before_fraction);
	if (!running)
		return;
	if (running > listed)
		die("--running: at most %lu", listed);
	isolate_guest(&vmm);
}

static void setup(void)
{
	if (!before_fraction)
		before_fraction = young_fraction;
	random_seed(seed);
	start_guest();
	for (struct contestant *c = contestants; c < contestants + CONTESTANTS; c++) {
		c->mark_ns = calloc(turns, sizeof(*c->mark_ns));
		c->ask_ns = calloc(turns, sizeof(*c->ask_ns));
		c->both_ns = calloc(turns, sizeof(*c->both_ns));
		c->why_not = c->enter ? c->enter() : NULL;
	}
	for (unsigned long turn = 0; turn < turns; turn++)
		one_turn();
	if (!contestants[CALLBACKS].why_not)
		asker_unload();
	if (running)
		ktap_diag("%lu pages, all mapped; the guest sweeps over %lu all the time; medians of %lu turns",
			  vmm.total_pages, running, turns);
	else
		ktap_diag("%lu pages, all mapped; touched%s: %lu before the mark, %lu after it, and what the guest runs by; medians of %lu turns",
			  vmm.total_pages, clusters ? " in runs of 512" : "", before_pages,
			  young_pages, turns);
	ktap_diag("%-32s %8s %8s %8s %20s %20s", "ns a page", "mark", "ask", "both",
		  "missed", "extra");
	for (struct contestant *c = contestants; c < contestants + CONTESTANTS; c++)
		report(c);
}

/* Tests */

static bool skipped(const struct contestant *c)
{
	if (c->why_not)
		ktap_skip("%s", c->why_not);
	return c->why_not;
}

static void expect_no_miss(const struct contestant *c)
{
	EXPECT(c->turns == turns, "%zu turns", c->turns);
	EXPECT(c->touched >= turns, "%lu pages touched", c->touched);
	EXPECT(!c->misses, "%lu of %lu touched pages are called idle", c->misses, c->touched);
}

static void module_is_exact(void)
{
	struct contestant *c = &contestants[MODULE];

	expect_no_miss(c);
	EXPECT(!c->extras, "%lu of %lu pages that were not touched are not called idle", c->extras,
	       c->others);
}

/* By its first pass, a mark of everything may tell of too much. */
static void write_misses_nothing(void)
{
	expect_no_miss(&contestants[MODULE_WRITE]);
}

/* Of the others there is nothing to be expected but figures. */
static void measured(const struct contestant *c)
{
	if (skipped(c))
		return;
	EXPECT(c->turns == turns, "%zu turns", c->turns);
	EXPECT(median(c->both_ns, c->turns) > 0);
}

static void callbacks_measured(void)
{
	measured(&contestants[CALLBACKS]);
}

static void page_idle_measured(void)
{
	measured(&contestants[PAGE_IDLE]);
}

static void damon_measured(void)
{
	measured(&contestants[DAMON]);
}

static void within_limit(void)
{
	struct contestant *module = &contestants[MODULE], *other = &contestants[PAGE_IDLE];
	double ours, theirs;

	if (!limit) {
		ktap_skip("no --limit");
		return;
	}
	if (skipped(other))
		return;
	ours = a_page(module->both_ns, module->turns);
	theirs = a_page(other->both_ns, other->turns);
	EXPECT(ours * limit <= theirs, "%.2f a page against %.2f: 1/%.1f, not 1/%lu", ours, theirs,
	       theirs / ours, limit);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "mem", "MiB of guest memory, all mapped", .number = &mem },
		{ "young", "fraction of it that the guest touches between mark and answer",
		  .word = &young_fraction },
		{ "before", "fraction that it touches before the mark; by default as young",
		  .word = &before_fraction },
		{ "clusters", "touch runs of 512 pages, not one here, one there",
		  .flag = &clusters },
		{ "running", "pages that the guest touches instead, without an exit",
		  .number = &running },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "turns", "cycles of each contestant", .number = &turns },
		{ "sample", "milliseconds from one sample of DAMON to the next",
		  .number = &sample },
		{ "limit", "the module may cost at most this part of what page_idle does",
		  .number = &limit },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "this module is exact", module_is_exact },
		{ "this module, marked by a write, misses nothing", write_misses_nothing },
		{ "KVM's callbacks were measured", callbacks_measured },
		{ "page_idle was measured", page_idle_measured },
		{ "DAMON was measured", damon_measured },
		{ "this module costs little of what page_idle does", within_limit },
	};

	options_parse(argc, argv,
		      "What it costs to know what a guest has touched, by this module and by others,\n"
		      "and what is wrong with the answers.", options);
	if (running && !guest_cpu_is_isolated()) {
		printf("KTAP version 1\n1..0 # SKIP CPU %d is not there or not isolated: the guest would exit at each tick\n",
		       GUEST_CPU);
		return 0;
	}
	return KTAP_RUN(setup, tests);
}
