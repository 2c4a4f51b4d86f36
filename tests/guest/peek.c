// SPDX-License-Identifier: GPL-2.0-only
/* Who opens the file O_RDONLY looks, and changes nothing that others see. */
#include <errno.h>

#include "cat.h"
#include "idle.h"
#include "ktap.h"
#include "options.h"

static unsigned long rounds = 50, mem = 64, seed = 1;
static bool thp;

static struct vmm vmm;
static struct idle_reader harvester, peeker;

static void touch_some(void)
{
	uint32_t list[600];
	size_t n = random_below(600);

	for (size_t i = 0; i < n; i++)
		list[i] = vmm_nth_gfn(&vmm, random_below(vmm.total_pages)) << PAGE_SHIFT |
			  random_below(2);
	vmm_touch(&vmm, list, n);
}

static void expect_exact(struct idle_reader *reader, const char *what)
{
	struct idle_verdict verdict = { 0 };

	EXPECT_OK(idle_check_all(reader, &verdict), idle_bitmap_bytes(&vmm));
	idle_expect_exact(&verdict, what);
}

static void shows_what_is_idle_now(void)
{
	touch_some();
	expect_exact(&peeker, "before any harvest");
	idle_baseline(&harvester);
	expect_exact(&peeker, "all harvested");
	touch_some();
	expect_exact(&peeker, "some touched");
	expect_exact(&peeker, "the second peek at the same");
	EXPECT(gfnset_count(&vmm.young) > 0);
}

static void changes_no_harvest(void)
{
	struct kvm_idle_info before, after;

	for (unsigned long round = 0; round < rounds; round++) {
		touch_some();
		before = idle_info(harvester.fd);
		expect_exact(&peeker, "a peek between touches");
		after = idle_info(harvester.fd);
		EXPECT(before.harvested_pages == after.harvested_pages);
		EXPECT(before.flushes == after.flushes);
		touch_some();
		expect_exact(&peeker, "a peek before a harvest");
		expect_exact(&harvester, "the harvest");
	}
}

static void changes_no_harvest_while_it_runs(void)
{
	unsigned long round;
	struct cat cat;

	cat_start(&cat);
	/* However busy the machine is, let the two meet often. */
	for (round = 0; round < rounds || *cat.passes < rounds; round++) {
		touch_some();
		expect_exact(&harvester, "a harvest beside a cat");
	}
	ktap_diag("%lu harvests, %lu passes of cat beside them", round, *cat.passes);
	cat_stop(&cat);
}

static void setup(void)
{
	random_seed(seed);
	vmm.nr_vcpus = 2;
	vmm.thp = thp;
	vmm_two_slots(&vmm, mem);
	vmm_start(&vmm);
	idle_open(&harvester, &vmm, O_RDWR);
	idle_open(&peeker, &vmm, O_RDONLY);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "rounds", "rounds of touches and harvests", .number = &rounds },
		{ "mem", "MiB of guest memory", .number = &mem },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "a peek shows what is idle now", shows_what_is_idle_now },
		{ "peeks between harvests change none", changes_no_harvest },
		{ "a cat in a loop beside harvests changes none", changes_no_harvest_while_it_runs },
	};

	options_parse(argc, argv, "Peek between harvests and see that they do not notice.", options);
	return KTAP_RUN(setup, tests);
}
