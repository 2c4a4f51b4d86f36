// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a pass over a virtual machine costs with one build of the module, and with
 * another one: by turns, on the same virtual machine, and the median of all. One
 * figure alone says little on an emulated machine, their ratio does.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "measure.h"
#include "module.h"
#include "options.h"

#define NAME		"kvm_idle"
#define MAX_PASSES	100000

static const char *module = "/lib/kvm_idle.ko", *against;
static unsigned long mem = 256, turns = 10, passes = 50, limit = 110;
static bool thp;

static struct vmm vmm;

struct build {
	const char *file;
	size_t n;
	uint64_t idle_ns[MAX_PASSES], young_ns[MAX_PASSES];
};

static struct build build[2];

/* Return: pages idle. */
static uint64_t pass(int fd, uint64_t *ns)
{
	static uint64_t words[8192];
	uint64_t idle = 0, begun = now_ns();
	ssize_t got;
	off_t pos = 0;

	for (; (got = pread(fd, words, sizeof(words), pos)) > 0; pos += got)
		for (ssize_t i = 0; i < got / 8; i++)
			idle += __builtin_popcountll(words[i]);
	if (got)
		die("read: %m");
	*ns = now_ns() - begun;
	return idle;
}

static void turn(struct build *b)
{
	uint64_t pages = vmm.total_pages, ignored;
	int fd;

	if (module_load(b->file, ""))
		die("%s: %m", b->file);
	fd = open(idle_path(0), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("%s: %m", idle_path(0));
	for (unsigned long i = 0; i < passes && b->n < MAX_PASSES; i++, b->n++) {
		vmm_touch_range(&vmm, vmm.slot[0].gpa / PAGE_SIZE, vmm.slot[0].bytes / PAGE_SIZE, 0);
		vmm_touch_range(&vmm, vmm.slot[1].gpa / PAGE_SIZE, vmm.slot[1].bytes / PAGE_SIZE, 0);
		EXPECT_OK(pass(fd, &b->young_ns[b->n]), 0);
		EXPECT_OK(pass(fd, &ignored), pages);
		EXPECT_OK(pass(fd, &b->idle_ns[b->n]), pages);
	}
	close(fd);
	if (module_unload(NAME))
		die("unload: %m");
}

static void report(const char *what, uint64_t *one, uint64_t *other)
{
	uint64_t a = median(one, build[0].n), b;

	if (!against) {
		ktap_diag("%s: %lu ns a pass (least %lu)", what, a, one[0]);
		return;
	}
	b = median(other, build[1].n);
	ktap_diag("%s: %lu ns a pass (least %lu), against %lu (%lu): %.3f", what, a, one[0],
		  b, other[0], (double)a / b);
	EXPECT(a * 100 <= b * limit, "%s: more than %lu %%", what, limit);
}

static void cost_of_a_pass(void)
{
	for (unsigned long i = 0; i < turns; i++) {
		turn(&build[0]);
		if (against)
			turn(&build[1]);
	}
	report("all idle", build[0].idle_ns, build[1].idle_ns);
	report("all young", build[0].young_ns, build[1].young_ns);
}

static void setup(void)
{
	if (!access("/sys/module/" NAME, F_OK) && module_unload(NAME))
		die("cannot unload the module that is already loaded: %m");
	build[0].file = module;
	build[1].file = against;
	vmm.thp = thp;
	vmm_two_slots(&vmm, mem);
	vmm_start(&vmm);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "module", "the module's file", .word = &module },
		{ "against", "that of another build, to compare with", .word = &against },
		{ "limit", "of the ratio of both, in percent", .number = &limit },
		{ "mem", "MiB of guest memory, all mapped", .number = &mem },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "turns", "times to load each", .number = &turns },
		{ "passes", "passes a turn", .number = &passes },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "what a pass costs", cost_of_a_pass },
	};

	options_parse(argc, argv, "Measure a pass over a virtual machine that does nothing.", options);
	return KTAP_RUN(setup, tests);
}
