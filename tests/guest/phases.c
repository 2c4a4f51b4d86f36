// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a guest's own accesses cost when somebody tracks them: the six phases that
 * the kernel's selftest access_tracking_perf_test goes through, by this module or by
 * page_idle.
 *
 *	populate memory			the guest writes to memory that nobody has touched
 *	write to populated memory
 *	read from populated memory
 *	mark memory idle		by the one or the other, before each of:
 *	write to idle memory
 *	read from idle memory
 *
 * After each of them every page must read as what has just been made of it: idle
 * once it was marked, and not idle once it was touched. By the module that is checked
 * with a look that clears nothing. page_idle has no such look, but it looks only at
 * what is marked; what it gets wrong is counted.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "measure.h"
#include "options.h"
#include "page_idle.h"

static unsigned long vcpus = 1, mem = 64, turns = 3;
static const char *with = "both";
static bool overlap, thp;

enum phase {
	POPULATE, WRITE_POPULATED, READ_POPULATED, MARK_FOR_WRITE, WRITE_IDLE, MARK_FOR_READ,
	READ_IDLE, PHASES,
};

static const struct {
	const char *name, *word;
	bool marks, writes;
} phases[PHASES] = {
	[POPULATE] = { "populating memory", "populate", .writes = true },
	[WRITE_POPULATED] = { "writing to populated memory", "write", .writes = true },
	[READ_POPULATED] = { "reading from populated memory", "read" },
	[MARK_FOR_WRITE] = { "marking memory idle", "mark", .marks = true },
	[WRITE_IDLE] = { "writing to idle memory", "write-idle", .writes = true },
	[MARK_FOR_READ] = { "marking memory idle", "mark-again", .marks = true },
	[READ_IDLE] = { "reading from idle memory", "read-idle" },
};

struct driver {
	const char *word;	/* for --with */
	/* Of a turn: before the guest runs, and when its memory is there. May be NULL. */
	void (*begin)(void);
	void (*populated)(void);
	void (*mark)(void);
	/* Return: pages that are idle and should not be, or the other way round. */
	uint64_t (*check)(enum phase phase);
	void (*end)(void);

	uint64_t *ns[PHASES];
	uint64_t wrong[PHASES];	/* of all turns */
};

static struct vmm vmm;
/* What the vCPUs touch: all of the guest but for what they run by. */
static uint64_t first_gfn, data_pages;
static struct vmm_range range[VMM_MAX_VCPUS];

/* This module */

static struct idle_reader marker, peeker;

static void module_begin(void)
{
	idle_open(&marker, &vmm, O_RDWR);
	idle_open(&peeker, &vmm, O_RDONLY);
}

static void module_mark(void)
{
	static uint64_t ones[8192];
	size_t bytes = idle_bitmap_bytes(&vmm);
	ssize_t put;

	memset(ones, 0xff, sizeof(ones));
	for (size_t done = 0; done < bytes; done += put) {
		size_t n = bytes - done < sizeof(ones) ? bytes - done : sizeof(ones);

		put = pwrite(marker.fd, ones, n, done);
		if (put <= 0)
			die("mark: %zd at %zu of %zu bytes: %m", put, done, bytes);
	}
}

static uint64_t module_check(enum phase phase)
{
	struct idle_verdict verdict = { 0 };

	/* A look shows what nobody has harvested, or marked. */
	if (phases[phase].marks)
		gfnset_clear(&vmm.young);
	idle_check_all(&peeker, &verdict);
	idle_expect_exact(&verdict, phases[phase].name);
	EXPECT(phases[phase].marks ? !verdict.young : verdict.young >= data_pages,
	       "%s: %lu pages of %lu had to be young", phases[phase].name, verdict.young,
	       data_pages);
	return verdict.miss.pages + verdict.extra.pages + verdict.hole_lie.pages;
}

static void module_end(void)
{
	idle_close(&peeker);
	idle_close(&marker);
}

/* page_idle */

static struct page_idle page_idle;

static void page_idle_populated(void)
{
	page_idle_begin(&page_idle, vmm_hva(&vmm, first_gfn << PAGE_SHIFT), data_pages, thp);
}

static void page_idle_mark_it(void)
{
	page_idle_mark_all(&page_idle);
}

static uint64_t page_idle_check(enum phase phase)
{
	uint64_t wrong = 0;

	page_idle_ask_all(&page_idle);
	for (uint64_t i = 0; i < data_pages; i++)
		if (page_idle_tells(&page_idle, i))
			wrong += page_idle_answer(&page_idle, i) != phases[phase].marks;
	EXPECT(!page_idle_moved(&page_idle), "the host has moved pages of the guest");
	return wrong;
}

static void page_idle_finish(void)
{
	page_idle_end(&page_idle);
}

static struct driver drivers[] = {
	{
		.word = "idle_bitmap", .begin = module_begin, .mark = module_mark,
		.check = module_check, .end = module_end,
	},
	{
		.word = "page_idle", .populated = page_idle_populated, .mark = page_idle_mark_it,
		.check = page_idle_check, .end = page_idle_finish,
	},
};

/* The guest */

static uint64_t round_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

static void start_guest(void)
{
	uint64_t each = mem * MIB / PAGE_SIZE, most, head;

	data_pages = round_up(overlap ? each : each * vcpus, HUGE_PAGES);
	/* The code, counters, and room for lists that are not needed here. */
	most = data_pages + 64 * HUGE_PAGES;
	head = round_up(1 + 2 * vcpus + 1 + most * sizeof(uint32_t) / PAGE_SIZE, HUGE_PAGES);
	if (head > 64 * HUGE_PAGES || (head + data_pages) * PAGE_SIZE > 3072 * MIB)
		die("--mem: too much for a guest with addresses of 32 bits");
	vmm.nr_slots = 1;
	vmm.slot[0].bytes = (head + data_pages) * PAGE_SIZE;
	vmm.nr_vcpus = vcpus;
	vmm.thp = thp;
	vmm.unpopulated = true;
	vmm_start(&vmm);
	first_gfn = head;
	if (first_gfn < vmm.first_free_gfn)
		die("the guest's own pages need more room");
	data_pages = overlap ? each : each * vcpus;
	for (unsigned int i = 0; i < vcpus; i++)
		range[i] = (struct vmm_range){
			first_gfn + (overlap ? 0 : i * each), each,
		};
}

static void one_phase(struct driver *d, enum phase phase, unsigned long turn)
{
	uint64_t ns;

	if (phases[phase].marks) {
		ns = now_ns();
		d->mark();
		ns = now_ns() - ns;
	} else {
		ns = vmm_sweep(&vmm, range, phases[phase].writes);
	}
	d->ns[phase][turn] = ns;
	if (phase == POPULATE && thp && !vmm_has_huge_pages(&vmm.slot[0]))
		die("no huge pages: give the machine more memory");
	if (phase == POPULATE && d->populated)
		d->populated();
	d->wrong[phase] += d->check(phase);
}

static void one_turn(struct driver *d, unsigned long turn)
{
	start_guest();
	if (d->begin)
		d->begin();
	for (enum phase phase = POPULATE; phase < PHASES; phase++)
		one_phase(d, phase, turn);
	d->end();
	vmm_stop(&vmm);
}

static void report(struct driver *d)
{
	ktap_diag("%s: %lu vCPUs, %lu MiB each%s%s, medians of %lu turns", d->word, vcpus, mem,
		  overlap ? ", all the same" : "", thp ? ", in huge pages" : "", turns);
	ktap_diag("%-30s %12s %12s %12s", "phase", "seconds", "ns a page", "wrong");
	for (enum phase phase = POPULATE; phase < PHASES; phase++) {
		uint64_t ns = median(d->ns[phase], turns);
		uint64_t pages = phases[phase].marks ? data_pages : vcpus * range[0].pages;

		ktap_diag("%-30s %12.6f %12.2f %12lu", phases[phase].name, ns / 1e9,
			  (double)ns / pages, d->wrong[phase]);
		ktap_diag("phases: with=%s phase=%s vcpus=%lu mem=%lu overlap=%d thp=%d turns=%lu ns=%lu page=%.2f wrong=%lu",
			  d->word, phases[phase].word, vcpus, mem, overlap, thp, turns, ns,
			  (double)ns / pages, d->wrong[phase]);
	}
}

static bool is_wanted(const struct driver *d)
{
	return !strcmp(with, "both") || !strcmp(with, d->word);
}

static void run(struct driver *d)
{
	if (!is_wanted(d)) {
		ktap_skip("--with %s", with);
		return;
	}
	for (enum phase phase = POPULATE; phase < PHASES; phase++)
		d->ns[phase] = calloc(turns, sizeof(*d->ns[phase]));
	for (unsigned long turn = 0; turn < turns; turn++)
		one_turn(d, turn);
	report(d);
}

static void by_the_module(void)
{
	run(&drivers[0]);
}

static void by_page_idle(void)
{
	int fd = page_idle_open();

	if (fd < 0) {
		ktap_skip("this kernel has no IDLE_PAGE_TRACKING");
		return;
	}
	close(fd);
	run(&drivers[1]);
}

static void setup(void)
{
	if (strcmp(with, "both") && strcmp(with, "idle_bitmap") && strcmp(with, "page_idle"))
		die("--with: idle_bitmap, page_idle or both");
	if (!vcpus || vcpus > VMM_MAX_VCPUS || !mem || !turns)
		die("--vcpus: 1 to %d; --mem and --turns: at least 1", VMM_MAX_VCPUS);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "with", "idle_bitmap, page_idle or both", .word = &with },
		{ "vcpus", "vCPUs of the guest", .number = &vcpus },
		{ "mem", "MiB a vCPU", .number = &mem },
		{ "overlap", "let all of them use the same memory", .flag = &overlap },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "turns", "times to do it all, with a new guest each", .number = &turns },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "by idle_bitmap, which is right after each phase", by_the_module },
		{ "by page_idle", by_page_idle },
	};

	options_parse(argc, argv,
		      "The six phases of access_tracking_perf_test, by this module and by page_idle.",
		      options);
	return KTAP_RUN(setup, tests);
}
