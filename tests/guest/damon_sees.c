// SPDX-License-Identifier: GPL-2.0-only
/*
 * What DAMON sees of a guest, under somebody who harvests it all the time.
 *
 * DAMON looks at the accessed bits of pages that it picks, at each sample; in how
 * many of the samples of an aggregation interval one was found is nr_accesses. The
 * guest keeps one half of its memory hot. So the hot half is to have nearly as many
 * as there are samples, the cold one none; and with a harvest the same as without.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "harvester.h"
#include "idle.h"
#include "ktap.h"
#include "options.h"

#define ADMIN	"/sys/kernel/mm/damon/admin/kdamonds"
#define CONTEXT	ADMIN "/0/contexts/0"
#define SAMPLES	20	/* of an aggregation interval */

static unsigned long mem = 32, sample = 20, rounds = 3, limit = 2, far = 8;

/* Shared with the children that have the VMs. */
struct seen {
	double samples[2];	/* hot, cold: nr_accesses on the average of all bytes and rounds */
	uint64_t passes;
	unsigned int rounds, shared;
};

enum { HOT, COLD };

static struct seen *seen;	/* by enum harvest */
static bool has_damon;

static struct vmm vmm;
static struct harvester harvester;

/* DAMON's files */

static void __attribute__((format(printf, 2, 3))) set(const char *file, const char *fmt, ...)
{
	char value[64];
	va_list ap;
	int fd = open(file, O_WRONLY | O_CLOEXEC);

	va_start(ap, fmt);
	vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	if (fd < 0 || write(fd, value, strlen(value)) != (ssize_t)strlen(value))
		die("%s: %s: %m", file, value);
	close(fd);
}

/* Return: false if there is no such file. */
static bool get(const char *file, unsigned long *value)
{
	FILE *f = fopen(file, "re");

	if (!f)
		return false;
	if (fscanf(f, "%lu", value) != 1)
		die("%s: no number", file);
	fclose(f);
	return true;
}

static bool get_of_region(unsigned int region, const char *name, unsigned long *value)
{
	char path[160];

	snprintf(path, sizeof(path), CONTEXT "/schemes/0/tried_regions/%u/%s", region, name);
	return get(path, value);
}

/* To tell of all regions, whatever they are like. */
static void make_scheme(void)
{
	static const char *const criteria[] = { "sz", "nr_accesses", "age" };
	char path[160];

	set(CONTEXT "/schemes/nr_schemes", "1");
	set(CONTEXT "/schemes/0/action", "stat");
	for (size_t i = 0; i < sizeof(criteria) / sizeof(criteria[0]); i++) {
		snprintf(path, sizeof(path), CONTEXT "/schemes/0/access_pattern/%s/max", criteria[i]);
		set(path, "%u", ~0U);
	}
}

/* The process with the VM, and in it the two halves of the guest's memory. */
static void damon_start(pid_t pid, uintptr_t hot, uintptr_t cold, uintptr_t end)
{
	set(ADMIN "/nr_kdamonds", "1");
	set(ADMIN "/0/contexts/nr_contexts", "1");
	set(CONTEXT "/operations", "vaddr");
	set(CONTEXT "/monitoring_attrs/intervals/sample_us", "%lu", sample * 1000);
	set(CONTEXT "/monitoring_attrs/intervals/aggr_us", "%lu", SAMPLES * sample * 1000);
	/* Regions of the process are looked for at no time. */
	set(CONTEXT "/monitoring_attrs/intervals/update_us", "%lu", 3600 * 1000000UL);
	set(CONTEXT "/monitoring_attrs/nr_regions/min", "10");
	set(CONTEXT "/monitoring_attrs/nr_regions/max", "40");
	set(CONTEXT "/targets/nr_targets", "1");
	set(CONTEXT "/targets/0/pid_target", "%d", pid);
	set(CONTEXT "/targets/0/regions/nr_regions", "2");
	set(CONTEXT "/targets/0/regions/0/start", "%lu", hot);
	set(CONTEXT "/targets/0/regions/0/end", "%lu", cold);
	set(CONTEXT "/targets/0/regions/1/start", "%lu", cold);
	set(CONTEXT "/targets/0/regions/1/end", "%lu", end);
	make_scheme();
	set(ADMIN "/0/state", "on");
}

static void damon_stop(void)
{
	set(ADMIN "/0/state", "off");
	set(ADMIN "/nr_kdamonds", "0");
}

static uint64_t overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
	uint64_t from = a > b ? a : b, to = a_end < b_end ? a_end : b_end;

	return from < to ? to - from : 0;
}

/* The average of nr_accesses over the bytes from @start to @end. */
static double accesses(uintptr_t start, uintptr_t end)
{
	unsigned long from, to, n;
	double sum = 0, bytes = 0;

	/* Some are filtered out at times, so the numbers have gaps. */
	for (unsigned int region = 0; region < 1000; region++) {
		uint64_t common;

		if (!get_of_region(region, "start", &from) || !get_of_region(region, "end", &to) ||
		    !get_of_region(region, "nr_accesses", &n))
			continue;
		common = overlap(from, to, start, end);
		sum += (double)common * n;
		bytes += common;
	}
	if (bytes < (end - start) * 0.9)
		die("DAMON tells of %.0f of %lu bytes", bytes, end - start);
	return sum / bytes;
}

/* The machine */

/*
 * The guest touches its hot half twice a sample, each time in one go: in between
 * there is time for a harvest to take it all away.
 */
static struct {
	pthread_t thread;
	uint64_t gfn, pages;
	atomic_ulong times;
	atomic_bool stop;
} heat;

static void *keep_hot(void *arg)
{
	uint32_t *list = calloc(heat.pages, sizeof(*list));

	(void)arg;
	for (uint64_t i = 0; i < heat.pages; i++)
		list[i] = (heat.gfn + i) << PAGE_SHIFT;
	while (!atomic_load(&heat.stop)) {
		vmm_touch(&vmm, list, heat.pages);
		atomic_fetch_add(&heat.times, 1);
		usleep(sample * 1000 / 2);
	}
	free(list);
	return NULL;
}

static void heat_start(uint64_t gfn, uint64_t pages)
{
	heat.gfn = gfn;
	heat.pages = pages;
	errno = pthread_create(&heat.thread, NULL, keep_hot, NULL);
	if (errno)
		die("pthread_create: %m");
}

static void heat_stop(void)
{
	atomic_store(&heat.stop, true);
	pthread_join(heat.thread, NULL);
}

static void observe(enum harvest mode, struct seen *s)
{
	uintptr_t hot, cold, end;
	uint64_t half;

	vmm.nr_slots = 1;
	vmm.slot[0].bytes = mem * MIB;
	vmm_start(&vmm);
	half = (vmm.total_pages - vmm.first_free_gfn) / 2;
	vmm_touch_range(&vmm, vmm.first_free_gfn, 2 * half, true);
	hot = (uintptr_t)vmm.slot[0].hva + vmm.first_free_gfn * PAGE_SIZE;
	cold = hot + half * PAGE_SIZE;
	end = cold + half * PAGE_SIZE;

	heat_start(vmm.first_free_gfn, half);
	harvester_start(&harvester, mode);
	damon_start(getpid(), hot, cold, end);
	/* The first interval is of what was touched before. */
	usleep(2 * SAMPLES * sample * 1000);
	for (unsigned long round = 0; round < rounds; round++) {
		unsigned long times = atomic_load(&heat.times);

		usleep(SAMPLES * sample * 1000);
		/* Waits for the end of the interval. */
		set(ADMIN "/0/state", "update_schemes_tried_regions");
		s->samples[HOT] += accesses(hot, cold) / rounds;
		s->samples[COLD] += accesses(cold, end) / rounds;
		times = atomic_load(&heat.times) - times;
		if (times < SAMPLES)
			die("the guest is too slow: its memory was hot %lu times in %d samples", times,
			    SAMPLES);
		s->rounds++;
	}
	damon_stop();
	s->shared = harvester_is_shared(&harvester);
	harvester_stop(&harvester);
	s->passes = atomic_load(&harvester.passes);
	heat_stop();
}

static void observe_in_child(enum harvest mode)
{
	int status;
	pid_t child;

	harvester_load(mode);
	fflush(stdout);
	child = fork();
	if (!child) {
		observe(mode, &seen[mode]);
		_exit(0);
	}
	if (waitpid(child, &status, 0) != child || status || seen[mode].rounds != rounds)
		die("the process with the virtual machine: status %#x", status);
	ktap_diag("%-20s nr_accesses of %d: hot %5.2f, cold %5.2f; %lu passes", harvest_name[mode],
		  SAMPLES, seen[mode].samples[HOT], seen[mode].samples[COLD], seen[mode].passes);
}

static void setup(void)
{
	seen = mmap(NULL, HARVEST_MODES * sizeof(*seen), PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (seen == MAP_FAILED)
		die("mmap: %m");
	has_damon = !access(ADMIN "/nr_kdamonds", W_OK);
	if (!has_damon)
		return;
	for (enum harvest mode = HARVEST_NONE; mode < HARVEST_MODES; mode++)
		observe_in_child(mode);
	harvester_load(HARVEST_NONE);
}

static bool skipped(void)
{
	if (!has_damon)
		ktap_skip("this kernel has no " ADMIN);
	return !has_damon;
}

static double difference(enum harvest mode, int half)
{
	double d = seen[mode].samples[half] - seen[HARVEST_NONE].samples[half];

	return d < 0 ? -d : d;
}

static void without_harvest(void)
{
	struct seen *s = &seen[HARVEST_NONE];

	if (skipped())
		return;
	EXPECT(s->samples[HOT] >= SAMPLES - 3, "%.2f", s->samples[HOT]);
	EXPECT(s->samples[COLD] <= 1, "%.2f", s->samples[COLD]);
}

static void with_harvest(void)
{
	struct seen *s = &seen[HARVEST_SHARED];

	if (skipped())
		return;
	EXPECT(s->shared);
	EXPECT(s->passes >= SAMPLES * rounds, "%lu passes", s->passes);
	for (int half = HOT; half <= COLD; half++)
		EXPECT(difference(HARVEST_SHARED, half) <= limit, "%s: %.2f", half ? "cold" : "hot",
		       difference(HARVEST_SHARED, half));
}

static void with_harvest_unshared(void)
{
	if (skipped())
		return;
	EXPECT(!seen[HARVEST_UNSHARED].shared);
	EXPECT(difference(HARVEST_UNSHARED, HOT) >= far, "%.2f: the test before shows nothing",
	       difference(HARVEST_UNSHARED, HOT));
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "mem", "MiB of guest memory", .number = &mem },
		{ "sample", "milliseconds from one sample of DAMON to the next", .number = &sample },
		{ "rounds", "aggregation intervals, of 20 samples each", .number = &rounds },
		{ "limit", "samples that a harvest may change", .number = &limit },
		{ "far", "samples that a harvest not shared must change", .number = &far },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "without a harvest DAMON sees the hot half", without_harvest },
		{ "with a harvest it sees the same", with_harvest },
		{ "with a harvest that is not shared it does not", with_harvest_unshared },
	};

	options_parse(argc, argv,
		      "What DAMON sees of a guest that is harvested all the time. Loads the module\n"
		      "itself: it must not be loaded.", options);
	return KTAP_RUN(setup, tests);
}
