// SPDX-License-Identifier: GPL-2.0-only
/*
 * Harvests are exact beside whoever clears accessed bits behind us, or unmaps
 * what has them: DAMON, MGLRU, page_idle, reclaim, the VMM itself.
 *
 * What unmaps makes holes of touched pages, and a hole is never idle: so a touched
 * page that reads as idle is one that was mapped again without being touched, as
 * KVM's older MMU does with neighbours. That is *explained* if it was zapped after
 * its touch had begun, and fails the test if not; so with a page that reads as
 * not idle without having been touched. What was surely zapped, and not touched
 * since, must not read as idle.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "disturb.h"
#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "rounds.h"

#define MOST_PATIENCE	20	/* times the rounds asked for, until it has done something */

static unsigned long rounds = 100, pages = 8192, vcpus = 1, seed = 1;
static const char *with = "none";
static bool thp, counts;

static struct vmm vmm;
static struct idle_reader reader;
static const struct disturber *by;
static struct disturbance disturbance;
static const char *why_not;
static unsigned long rounds_done;

/* Since they were last touched: zaps done before that began, and begun before it ended. */
static unsigned int *done_before, *begun_before;
/* Zaps done before the harvest. */
static unsigned int *done_by_now;

static struct {
	uint64_t young, touched_and_zapped;
	struct idle_wrong miss, extra, hole_lie, zapped_lie;
	uint64_t excused_misses, excused_extras;
	unsigned long first_round;	/* in which something was wrong */
	uint64_t extra_holes;		/* of the extras */
} seen;

static void note(struct idle_wrong *wrong, uint64_t gfn)
{
	if (wrong->pages < IDLE_SHOWN)
		wrong->first[wrong->pages] = gfn;
	wrong->pages++;
}

static void judge_page(uint64_t gfn, bool idle)
{
	bool due = gfnset_has(reader.due, gfn), mapped = gfnset_has(&vmm.mapped, gfn);
	/* Once more: a zap that began after the harvest excuses what it should not, if rarely. */
	bool zapped = atomic_load(&disturbance.begun[gfn]) != done_before[gfn];
	bool surely = by->surely && !vmm.mmu.prefetches && done_by_now[gfn] > begun_before[gfn];

	seen.young += due;
	seen.touched_and_zapped += due && zapped;
	if (idle && due) {
		if (zapped)
			seen.excused_misses++;
		else
			note(&seen.miss, gfn);
	} else if (idle && !mapped) {
		note(&seen.hole_lie, gfn);
	} else if (idle && surely) {
		note(&seen.zapped_lie, gfn);
	} else if (!idle && mapped && !due) {
		if (zapped)
			seen.excused_extras++;
		else
			note(&seen.extra, gfn);
	}
}

static void harvest(void)
{
	size_t bytes = idle_bitmap_bytes(&vmm), done = 0;
	uint64_t *words = malloc(bytes);
	ssize_t got;

	memcpy(done_by_now, disturbance.done, vmm.total_pages * sizeof(*done_by_now));
	while ((got = pread(reader.fd, (char *)words + done, bytes - done, done)) > 0)
		done += got;
	if (got < 0 || done != bytes)
		die("read: %zu of %zu bytes: %m", done, bytes);
	/* To the end, where the flush is paid. */
	if (pread(reader.fd, words, 8, bytes))
		die("the file does not end at %zu", bytes);
	for (uint64_t gfn = 0; gfn < vmm.total_pages; gfn++)
		judge_page(gfn, words[gfn / 64] >> (gfn % 64) & 1);
	gfnset_clear(reader.due);
	free(words);
}

/* A page that was young is idle when read again, and a hole is not. */
static void tell_holes(void)
{
	uint64_t word;

	for (uint64_t i = 0; i < seen.extra.pages && i < IDLE_SHOWN; i++) {
		uint64_t gfn = seen.extra.first[i];

		if (pread(reader.fd, &word, 8, gfn / 64 * 8) != 8)
			die("read: %m");
		seen.extra_holes += !(word >> (gfn % 64) & 1);
	}
}

/* Each page, or some at random. */
static void touch(uint64_t n)
{
	uint32_t *list = calloc(n, sizeof(*list));
	bool all = n == vmm.total_pages;

	for (uint64_t i = 0; i < n; i++)
		list[i] = (all ? i : random_below(vmm.total_pages)) << PAGE_SHIFT |
			  (by->read_only ? 0 : random_below(2));
	vmm_touch(&vmm, list, n);
	free(list);
}

/* A round begins and ends with nothing due; so what is due is what it touched. */
static void one_round(void)
{
	unsigned long round = rounds_done++;
	uint64_t n = round % 2 ? vmm.total_pages : round_size(round, rounds, vmm.total_pages);
	unsigned int *before = calloc(vmm.total_pages, sizeof(*before));

	memcpy(before, disturbance.done, vmm.total_pages * sizeof(*before));
	touch(n);
	for (uint64_t gfn = 0; gfn < vmm.total_pages; gfn++) {
		if (!gfnset_has(reader.due, gfn))
			continue;
		done_before[gfn] = before[gfn];
		begun_before[gfn] = atomic_load(&disturbance.begun[gfn]);
	}
	harvest();
	free(before);
	if (!seen.first_round && (seen.miss.pages || seen.extra.pages)) {
		seen.first_round = rounds_done;
		tell_holes();
	}
}

static void show(const char *what, const struct idle_wrong *wrong)
{
	for (uint64_t i = 0; i < wrong->pages && i < IDLE_SHOWN; i++)
		ktap_diag("  %s: gfn %#lx", what, wrong->first[i]);
}

static bool can_disturb(void)
{
	if (why_not)
		ktap_skip("%s", why_not);
	return !why_not;
}

/* Some take their time until they have done something that shows. */
static bool is_enough(void)
{
	struct kvm_idle_info info = idle_info(reader.fd);

	if (rounds_done < rounds)
		return false;
	return by == disturbers || rounds_done >= MOST_PATIENCE * rounds ||
	       (disturb_done(&disturbance) &&
		(info.aged_pages || !(info.flags & KVM_IDLE_INFO_SHARED)));
}

static void harvests_are_exact(void)
{
	if (!can_disturb())
		return;
	while (!is_enough())
		one_round();
	ktap_diag("beside %s: %lu rounds, %lu pages young: %lu misses, %lu extras, %lu hole lies",
		  by->does, rounds_done, seen.young, seen.miss.pages, seen.extra.pages,
		  seen.hole_lie.pages + seen.zapped_lie.pages);
	if (by->zaps)
		ktap_diag("zapped, and so no miss: %lu; misses that zaps explain: %lu; holes that zaps made: %lu",
			  seen.touched_and_zapped - seen.excused_misses, seen.excused_misses,
			  seen.excused_extras);
	if (seen.first_round)
		ktap_diag("the first in round %lu; of the extras shown, %lu are holes, or touched again",
			  seen.first_round - 1, seen.extra_holes);
	show("touched, reported as idle", &seen.miss);
	show("not touched, reported as not idle", &seen.extra);
	show("never mapped, reported as idle", &seen.hole_lie);
	show("zapped, reported as idle", &seen.zapped_lie);
	EXPECT(seen.young > 0);
	if (counts) {
		ktap_diag("only counted, as asked");
		return;
	}
	EXPECT(!seen.miss.pages && !seen.extra.pages, "%lu misses, %lu extras of %lu pages young",
	       seen.miss.pages, seen.extra.pages, seen.young);
	EXPECT(!seen.hole_lie.pages && !seen.zapped_lie.pages, "%lu hole lies, %lu of them zapped",
	       seen.hole_lie.pages + seen.zapped_lie.pages, seen.zapped_lie.pages);
	/* Only KVM's older MMU maps what is not touched. */
	if (!vmm.mmu.prefetches)
		EXPECT(!seen.excused_misses, "%lu pages, mapped again and not touched",
		       seen.excused_misses);
}

static void it_was_at_work(void)
{
	struct kvm_idle_info info = idle_info(reader.fd);
	bool shared = info.flags & KVM_IDLE_INFO_SHARED;
	uint64_t done;

	if (!can_disturb())
		return;
	done = disturb_done(&disturbance);
	ktap_diag("%s %lu; pages kept for us from the host's aging: %llu%s",
		  by->counter ? "its counter has grown by" : "passes:", done, info.aged_pages,
		  shared ? "" : " (the module does not share)");
	if (by == disturbers) {
		EXPECT(!info.aged_pages, "%llu", info.aged_pages);
		return;
	}
	EXPECT(done > 0, "%lu", done);
	if (by->zaps)
		EXPECT(seen.touched_and_zapped > 0, "%lu", seen.touched_and_zapped);
	if (shared)
		EXPECT(info.aged_pages > 0, "%llu", info.aged_pages);
	disturb_stop(&disturbance);
}

static void setup(void)
{
	random_seed(seed);
	vmm.nr_vcpus = vcpus;
	vmm.thp = thp;
	vmm.nr_slots = 1;
	vmm.slot[0].bytes = pages * PAGE_SIZE;
	vmm_start(&vmm);
	done_before = calloc(vmm.total_pages, sizeof(*done_before));
	begun_before = calloc(vmm.total_pages, sizeof(*begun_before));
	done_by_now = calloc(vmm.total_pages, sizeof(*done_by_now));
	idle_open(&reader, &vmm, O_RDWR);
	/*
	 * Map all of it while nobody disturbs: whether KVM maps a neighbour, and
	 * so a hole is none, may hang on what is at work.
	 */
	touch(vmm.total_pages);
	idle_baseline(&reader);
	if (!disturb_start(&disturbance, &vmm, by, &why_not) && !why_not)
		die("%s does not say why it cannot", by->name);
}

static void list_disturbers(void)
{
	for (const struct disturber *d = disturbers; d->name; d++)
		fprintf(stderr, "  %-10s  %s\n", d->name, d->does);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "with", "who is at work on the guest's memory meanwhile; \"list\" lists them",
		  .word = &with },
		{ "rounds", "rounds of touches; every other touches all", .number = &rounds },
		{ "pages", "pages of the guest", .number = &pages },
		{ "vcpus", "virtual CPUs", .number = &vcpus },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "counts", "count what is wrong, and do not fail of it", .flag = &counts },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "harvests are exact", harvests_are_exact },
		{ "somebody was at work meanwhile", it_was_at_work },
	};

	options_parse(argc, argv,
		      "Harvests while the host's memory management works on the guest's memory.",
		      options);
	by = disturber_of(with);
	if (!by || (thp && by->breaks_huge)) {
		fprintf(stderr, by ? "%s leaves no huge page whole\n" : "no such thing as %s; there are\n",
			with);
		if (!by)
			list_disturbers();
		return 2;
	}
	return KTAP_RUN(setup, tests);
}
