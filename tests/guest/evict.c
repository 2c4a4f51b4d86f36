// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host evicts of a guest, under somebody who harvests it all the time.
 *
 * The guest keeps one half of its memory hot and has touched the other once. Then
 * the host has to take some of it back, and does so by what it knows of which is
 * which: by the accessed bits that we clear. So this counts how much of each half
 * goes, without a harvest, with one, and with one that does not tell the host
 * what it took. With the second it has to be as without. With the third it is not,
 * which shows that the first two would have told.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harvester.h"
#include "idle.h"
#include "ktap.h"
#include "lru_gen.h"
#include "options.h"
#include "swap.h"

#define MEMCG	"evict"

static unsigned long mem = 64, rounds = 7, runs = 3, sweeps = 4, part = 20, limit = 2, far = 10;
static bool aging, verbose;

/* What became of one VM, or of several. Shared with the child that has it. */
struct evictions {
	uint64_t pages[2];	/* hot, cold */
	uint64_t passes;
	unsigned int vms, shared;	/* of that many VMs, so many were */
};

enum { HOT, COLD };

static struct evictions *total;	/* by enum harvest */
static const char *missing;	/* why this kernel cannot run the tests */

static struct vmm vmm;
static struct harvester harvester;

static void count_evicted(const uint64_t *before, const uint64_t *after, uint64_t first,
			  uint64_t pages, uint64_t *count)
{
	for (uint64_t i = first; i < first + pages; i++) {
		uint64_t bit = 1ULL << (i % 64);

		*count += before[i / 64] & ~after[i / 64] & bit ? 1 : 0;
	}
}

/*
 * All that this process did itself, to set up the guest's memory: it would make it
 * look hot, all alike. This clears the bits of the process, not those of KVM.
 */
static void forget_the_vmm(void)
{
	int fd = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "1", 1) != 1)
		die("/proc/self/clear_refs: %m");
	close(fd);
}

/* One machine, in a process of its own, and a group of its own. */
static void observe(enum harvest mode, struct evictions *seen)
{
	uint64_t half, hot, cold, words;
	uint64_t *before, *after;
	const char *why;

	if (!memcg_enter(MEMCG, &why))
		die("%s", why);
	vmm.nr_slots = 1;
	vmm.slot[0].bytes = mem * MIB;
	vmm_start(&vmm);
	half = (vmm.total_pages - vmm.first_free_gfn) / 2;
	hot = vmm.first_free_gfn;
	cold = hot + half;
	words = (vmm.total_pages + 63) / 64;
	before = calloc(words, 8);
	after = calloc(words, 8);
	vmm_touch_range(&vmm, hot, 2 * half, true);
	forget_the_vmm();

	harvester_start(&harvester, mode);
	/* In the first, all look alike: all have been touched since anybody looked. */
	for (unsigned long round = 0; round <= rounds; round++) {
		vmm_spin(&vmm, 0, hot, half);
		while (vmm_spin_sweeps(&vmm, 0) < sweeps)
			usleep(1000);
		/* Else what has gone would have come back before it is counted. */
		vmm_spin_stop(&vmm, 0);
		harvester_wait(&harvester, 1);
		if (aging && !lru_gen_age("/" MEMCG))
			die("somebody else has made a generation");
		resident_pages(vmm.slot[0].hva, vmm.total_pages, before);
		if (memcg_reclaim(MEMCG, vmm.total_pages / part * PAGE_SIZE) && errno != EAGAIN)
			die("memory.reclaim: %m");
		resident_pages(vmm.slot[0].hva, vmm.total_pages, after);
		if (!round)
			continue;
		count_evicted(before, after, hot, half, &seen->pages[HOT]);
		count_evicted(before, after, cold, half, &seen->pages[COLD]);
		if (verbose)
			ktap_diag("%s, round %lu: %lu hot, %lu cold so far", harvest_name[mode], round,
				  seen->pages[HOT], seen->pages[COLD]);
	}
	seen->shared += harvester_is_shared(&harvester);
	harvester_stop(&harvester);
	seen->passes += atomic_load(&harvester.passes);
	seen->vms++;
}

static void observe_in_child(enum harvest mode)
{
	struct evictions *sum = &total[mode], before = *sum;
	unsigned int vms = sum->vms;
	int status;
	pid_t child;

	harvester_load(mode);
	fflush(stdout);
	child = fork();
	if (!child) {
		observe(mode, sum);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status || sum->vms != vms + 1)
		die("the process with the virtual machine: status %#x", status);
	memcg_remove(MEMCG);
	ktap_diag("%-20s %6lu hot, %6lu cold", harvest_name[mode],
		  sum->pages[HOT] - before.pages[HOT], sum->pages[COLD] - before.pages[COLD]);
}

static void setup(void)
{
	total = mmap(NULL, HARVEST_MODES * sizeof(*total), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (total == MAP_FAILED)
		die("mmap: %m");
	if (!swap_on(2 * mem, &missing) || !memcg_enter(MEMCG, &missing))
		return;
	memcg_leave();
	memcg_remove(MEMCG);
	if (!lru_gen_is_on())
		aging = false;
	ktap_diag("%s; %lu MiB of guest, %lu machines of each kind by turns, %lu rounds each",
		  aging ? "MGLRU, aged in each round" :
		  lru_gen_is_on() ? "MGLRU" : "classic LRU", mem, runs, rounds);
	for (unsigned long run = 0; run < runs; run++)
		for (enum harvest mode = HARVEST_NONE; mode < HARVEST_MODES; mode++)
			observe_in_child(mode);
	harvester_load(HARVEST_NONE);
	for (enum harvest mode = HARVEST_NONE; mode < HARVEST_MODES; mode++)
		ktap_diag("all of %-20s %6lu hot, %6lu cold; %lu passes", harvest_name[mode],
			  total[mode].pages[HOT], total[mode].pages[COLD], total[mode].passes);
}

static bool skipped(void)
{
	if (missing)
		ktap_skip("%s", missing);
	return missing;
}

static uint64_t evicted(enum harvest mode)
{
	return total[mode].pages[HOT] + total[mode].pages[COLD];
}

/* How far a mode is from no harvest, in percent of all that is evicted without one. */
static double difference(enum harvest mode, int half)
{
	double d = (double)total[mode].pages[half] - (double)total[HARVEST_NONE].pages[half];

	return 100 * (d < 0 ? -d : d) / evicted(HARVEST_NONE);
}

/* The host tells hot from cold when it is left alone: else there is nothing to see. */
static void without_harvest(void)
{
	struct evictions *t = &total[HARVEST_NONE];

	if (skipped())
		return;
	EXPECT(t->vms == runs, "%u", t->vms);
	EXPECT(evicted(HARVEST_NONE) >= runs * rounds * (mem * MIB / PAGE_SIZE / part) / 2,
	       "%lu pages evicted", evicted(HARVEST_NONE));
	EXPECT(t->pages[COLD] > t->pages[HOT], "%lu hot, %lu cold", t->pages[HOT],
	       t->pages[COLD]);
}

static void with_harvest(void)
{
	struct evictions *t = &total[HARVEST_SHARED];

	if (skipped())
		return;
	EXPECT(t->shared == runs, "of %lu machines, %u are shared", runs, t->shared);
	EXPECT(t->passes >= runs * rounds, "%lu passes", t->passes);
	for (int half = HOT; half <= COLD; half++)
		EXPECT(difference(HARVEST_SHARED, half) <= limit,
		       "%s: %.2f %% of all evicted, more than %lu %%", half == HOT ? "hot" : "cold",
		       difference(HARVEST_SHARED, half), limit);
	if (evicted(HARVEST_NONE))
		ktap_diag("the difference is %.2f %% hot, %.2f %% cold of all evicted",
			  difference(HARVEST_SHARED, HOT), difference(HARVEST_SHARED, COLD));
}

static void with_harvest_unshared(void)
{
	struct evictions *t = &total[HARVEST_UNSHARED];

	if (skipped())
		return;
	EXPECT(!t->shared, "of %lu machines, %u are shared", runs, t->shared);
	EXPECT(difference(HARVEST_UNSHARED, HOT) >= far,
	       "%.2f %% of all evicted, less than %lu %%: the test before shows nothing",
	       difference(HARVEST_UNSHARED, HOT), far);
	ktap_diag("the difference is %.2f %% hot, %.2f %% cold of all evicted",
		  difference(HARVEST_UNSHARED, HOT), difference(HARVEST_UNSHARED, COLD));
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "mem", "MiB of guest memory", .number = &mem },
		{ "runs", "virtual machines of each kind, one after the other", .number = &runs },
		{ "rounds", "times that memory is reclaimed in each, after one that does not count", .number = &rounds },
		{ "part", "of guest memory, one in so many pages each time", .number = &part },
		{ "sweeps", "of the guest over its hot half, before each time", .number = &sweeps },
		{ "aging", "where the host has MGLRU, have it age all before each time",
		  .flag = &aging },
		{ "limit", "percent of all evicted that a harvest may change", .number = &limit },
		{ "far", "percent that a harvest not shared must change", .number = &far },
		{ "verbose", "say what each round evicts", .flag = &verbose },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "without a harvest the host evicts what is cold", without_harvest },
		{ "with a harvest it evicts the same", with_harvest },
		{ "with a harvest that is not shared it does not", with_harvest_unshared },
	};

	options_parse(argc, argv,
		      "What the host evicts of a guest that is harvested all the time. Loads the\n"
		      "module itself: it must not be loaded.", options);
	return KTAP_RUN(setup, tests);
}
