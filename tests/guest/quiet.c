// SPDX-License-Identifier: GPL-2.0-only
/*
 * Tables of pages that nobody uses are skipped, and harvests are exact all the same:
 * whatever becomes of what a skipped table maps, and whoever else reads.
 *
 * After each test the guest rests, and then all its tables must be seen to be skipped.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "lru_gen.h"
#include "options.h"
#include "remap.h"
#include "tables.h"

#define ALIAS		TABLES_SLOTS

/*
 * Passes until a table that is not used any more is skipped: one finds the bit above
 * it set, one finds it clear, and one more has room to remember which pages there are.
 */
#define PASSES		4

static unsigned long rounds = 20, vcpus = 1, seed = 1;
static bool no_skipping;

static struct vmm vmm;
static struct idle_reader reader;
static bool maps_neighbours;	/* KVM does, unless it logs */

/* Tables of small pages of which something is mapped and nothing is due. */
static unsigned int resting_tables(const struct idle_reader *r)
{
	uint64_t gfn_of[TABLES_MAX];
	unsigned int resting = 0;

	for (unsigned int n = tables_of(&vmm, gfn_of); n; n--) {
		uint64_t gfn = gfn_of[n - 1];

		resting += gfnset_has(&vmm.mmu.small, gfn) &&
			   tables_count_in(&vmm.mmu.mapped, gfn, HUGE_PAGES) &&
			   !tables_count_in(r->due, gfn, HUGE_PAGES);
	}
	return resting;
}

/* Passes */

static uint64_t skipped_pages(void)
{
	return idle_info(reader.fd).skipped_pages;
}

static void exact_pass(struct idle_reader *r, const char *what)
{
	struct idle_verdict verdict = { 0 };

	idle_check_all(r, &verdict);
	idle_expect_exact(&verdict, what);
}

static void pass(const char *what)
{
	exact_pass(&reader, what);
}

/* What is known to be cold by now is not looked at in this pass. */
static void skipping_pass(unsigned int cold, const char *what)
{
	uint64_t before = skipped_pages(), skipped;

	pass(what);
	skipped = skipped_pages() - before;
	if (no_skipping)
		EXPECT(!skipped, "%s: %lu pages skipped", what, skipped);
	else
		EXPECT(cold && skipped >= cold * HUGE_PAGES,
		       "%s: the skipping was not exercised: %lu pages skipped, not %u tables", what,
		       skipped, cold);
}

/* The guest rests until all is cold. */
static void rest(const char *what)
{
	for (unsigned int i = 0; i < PASSES; i++)
		pass(what);
	skipping_pass(resting_tables(&reader), what);
}

static void begin(void)
{
	touch_all(&vmm);
	rest("at the beginning");
}

static void rest_and_say(const char *what)
{
	uint64_t before = skipped_pages();

	rest(what);
	ktap_diag("%lu pages of %u tables skipped in the last passes",
		  skipped_pages() - before, resting_tables(&reader));
}

/* Tests */

static void few_hot_tables(void)
{
	uint64_t hot[3];

	begin();
	for (int i = 0; i < 3; i++)
		hot[i] = tables_random(&vmm);
	for (unsigned long round = 0; round < rounds; round++) {
		for (int i = 0; i < 3; i++)
			also_some_of(hot[i], 20);
		touch_these(&vmm);
		/* All but these are cold for long. */
		if (round < PASSES)
			pass("few hot tables");
		else
			skipping_pass(resting_tables(&reader), "few hot tables");
	}
	rest_and_say("few hot tables, at the end");
}

/* Each table has its turn; before and after it is cold. */
static void hot_tables_move(void)
{
	uint64_t gfn_of[TABLES_MAX];
	unsigned int n = tables_of(&vmm, gfn_of);

	begin();
	for (unsigned long round = 0; round < rounds; round++) {
		also_some_of(gfn_of[round % n], 3);
		touch_these(&vmm);
		/* Those of the last rounds, and that with the guest's code, are not cold yet. */
		skipping_pass(n - PASSES - 1, "a hot table moves");
	}
	rest_and_say("a hot table moves, at the end");
}

static void unmap_all(void)
{
	uint64_t gfn_of[TABLES_MAX];

	for (unsigned int n = tables_of(&vmm, gfn_of); n; n--)
		remap_protect(&vmm, gfn_of[n - 1]);
}

/* Every density from a page a table to all of it. */
static void map_some(void)
{
	uint64_t gfn_of[TABLES_MAX];

	for (unsigned int n = tables_of(&vmm, gfn_of); n; n--)
		also_some_of(gfn_of[n - 1], HUGE_PAGES >> random_below(10));
	touch_these(&vmm);
}

static void holes_in_tables(void)
{
	unmap_all();
	map_some();
	rest("partly mapped");
	for (unsigned long round = 0; round < rounds; round++) {
		/* Holes become pages, or pages are touched again. */
		for (uint64_t n = random_below(3); n; n--)
			also_some_of(tables_random(&vmm), 3);
		touch_these(&vmm);
		pass("holes touched");
		if (random_below(2))
			pass("holes touched, again");
		if (round % 4 == 3)
			rest("holes touched, at rest");
	}
	rest_and_say("holes touched, at the end");
}

/* Somewhere in it. */
static uint64_t page_in(struct vmm_range r)
{
	return r.gfn + random_below(r.pages);
}

/* What is young in it may be due to us, or not; it is a hole in either case. */
static struct vmm_range drop_some(void)
{
	struct vmm_range r = tables_random_range(&vmm);

	remap_drop(&vmm, r.gfn, r.pages, maps_neighbours || random_below(2));
	return r;
}

static void memory_is_dropped(void)
{
	begin();
	for (unsigned long round = 0; round < rounds; round++) {
		struct vmm_range r;

		if (random_below(3) == 0) {
			also_some_of(tables_random(&vmm), 10);
			touch_these(&vmm);
		}
		r = drop_some();
		if (random_below(3))
			pass("dropped");
		if (random_below(2))
			pass("dropped, again");
		for (uint64_t n = random_below(4); n; n--)
			also(page_in(r));
		touch_these(&vmm);
		pass("dropped and touched");
		if (round % 4 == 3)
			rest("dropped, at rest");
	}
	rest_and_say("dropped, at the end");
}

/* A page that is there, and was not touched, is idle. */
static void prefault_some(struct vmm_range r)
{
	uint64_t first = random_below(r.pages);

	if (!vmm_prefault(&vmm, random_below(vmm.nr_vcpus), r.gfn + first,
			  1 + random_below(r.pages - first)))
		die("KVM_PRE_FAULT_MEMORY worked a moment ago");
}

static bool can_prefault(void)
{
	return vmm_prefault(&vmm, 0, vmm.code_gfn, 1);
}

static void memory_is_prefaulted(void)
{
	if (!can_prefault()) {
		ktap_skip("this KVM has no KVM_PRE_FAULT_MEMORY");
		return;
	}
	begin();
	for (unsigned long round = 0; round < rounds; round++) {
		struct vmm_range r = drop_some();

		/* A table without a page is skipped too. */
		if (random_below(2))
			rest("dropped");
		prefault_some(r);
		pass("prefaulted");
		if (random_below(2))
			pass("prefaulted, again");
		for (uint64_t n = random_below(4); n; n--)
			also(page_in(r));
		touch_these(&vmm);
		pass("prefaulted and touched");
	}
	rest_and_say("prefaulted, at the end");
}

static bool can_collapse(void)
{
	return remap_collapse(&vmm, vmm.slot[TABLES_HIGH].gpa / PAGE_SIZE);
}

static void huge_pages_come_and_go(void)
{
	begin();
	if (!can_collapse()) {
		ktap_skip("this kernel has no MADV_COLLAPSE");
		return;
	}
	for (unsigned long round = 0; round < rounds; round++) {
		uint64_t table = tables_random_high(&vmm);

		remap_collapse(&vmm, table);
		if (random_below(2))
			pass("collapsed");
		also_some_of(table, 2);
		also_some_of(tables_random(&vmm), 3);
		touch_these(&vmm);
		pass("collapsed and touched");
		table = tables_random_high(&vmm);
		remap_drop(&vmm, table + random_below(HUGE_PAGES), 1, true);
		if (random_below(2))
			pass("split");
		also_some_of(table, 20);
		touch_these(&vmm);
		pass("split and touched");
		if (round % 4 == 3)
			rest("collapsed and split, at rest");
	}
	rest_and_say("collapsed and split, at the end");
}

static void slots_change(void)
{
	static const struct {
		uint64_t gpa, bytes;
	} place[] = {
		{ 0, 0 }, { TABLES_MOVING_GPA, TABLES_MOVING_BYTES },
		/* Beside another; smaller, and in the middle of tables. */
		{ TABLES_HIGH_GPA - TABLES_MOVING_BYTES, TABLES_MOVING_BYTES },
		{ TABLES_HIGH_GPA - TABLES_MOVING_BYTES, TABLES_MOVING_BYTES / 2 },
		{ TABLES_MOVING_GPA + 5 * MIB, TABLES_MOVING_BYTES },
		{ TABLES_HIGH_GPA - TABLES_MOVING_BYTES / 2 - MIB, TABLES_MOVING_BYTES / 2 },
	};

	begin();
	for (unsigned long round = 0; round < rounds; round++) {
		unsigned int to = random_below(6);

		remap_slot(&vmm, TABLES_MOVING, place[to].gpa, place[to].bytes);
		if (random_below(2))
			pass("a slot has changed");
		also_some_of(tables_random(&vmm), 5);
		also_some_of(tables_random(&vmm), 300);
		touch_these(&vmm);
		pass("a slot has changed, and pages were touched");
		if (round % 3 == 2)
			rest("a slot has changed, at rest");
		/* All of it is mapped again, and as young as can be. */
		if (round % 4 == 3) {
			touch_all(&vmm);
			pass("a slot has changed, and all was touched");
		}
	}
	remap_slot(&vmm, TABLES_MOVING, TABLES_MOVING_GPA, TABLES_MOVING_BYTES);
	begin();
	rest_and_say("a slot has changed, at the end");
}

static void dirty_logging(void)
{
	begin();
	for (unsigned long round = 0; round < rounds; round++) {
		if (random_below(2) && !remap_logs())
			remap_collapse(&vmm, tables_random_high(&vmm));
		for (uint64_t n = random_below(4); n; n--)
			also_some_of(tables_random(&vmm), 10);
		touch_these(&vmm);
		if (random_below(2))
			pass("before logging changes");
		remap_log(&vmm, !remap_logs());
		pass("logging has changed");
		for (uint64_t n = random_below(4); n; n--)
			also_some_of(tables_random(&vmm), 10);
		touch_these(&vmm);
		pass("logging has changed, and pages were touched");
		if (round % 4 == 3)
			rest("logging, at rest");
	}
	remap_log(&vmm, false);
	touch_all(&vmm);
	rest_and_say("logging, at the end");
}

static void memory_is_mprotected(void)
{
	begin();
	for (unsigned long round = 0; round < rounds; round++) {
		uint64_t table = tables_random(&vmm);

		if (random_below(2)) {
			also_some_of(table, 5);
			touch_these(&vmm);
		}
		remap_protect(&vmm, table);
		if (random_below(2))
			pass("mprotected");
		also_some_of(table, 300);
		touch_these(&vmm);
		pass("mprotected and touched");
		if (round % 4 == 3)
			rest("mprotected, at rest");
	}
	rest_and_say("mprotected, at the end");
}

/* The guest has some of its memory in two places: two tables, one memory. */
static void memory_in_two_places(void)
{
	uint64_t bytes = 2 * HUGE_SIZE;

	begin();
	/* What follows knows of huge pages in one place only. */
	for (uint64_t i = 0; i < bytes; i += HUGE_SIZE)
		remap_drop(&vmm, (vmm.slot[TABLES_HIGH].gpa + i) / PAGE_SIZE, 1, true);
	vmm.slot[ALIAS] = (struct vmm_slot){ .hva = vmm.slot[TABLES_HIGH].hva };
	vmm.nr_slots = ALIAS + 1;
	remap_slot(&vmm, ALIAS, 512 * MIB, bytes);
	begin();
	for (unsigned long round = 0; round < rounds; round++) {
		uint64_t page = random_below(bytes / PAGE_SIZE);

		also(vmm.slot[TABLES_HIGH].gpa / PAGE_SIZE + page);
		if (random_below(2))
			also(vmm.slot[ALIAS].gpa / PAGE_SIZE + random_below(bytes / PAGE_SIZE));
		touch_these(&vmm);
		pass("in two places");
		if (random_below(2)) {
			remap_drop(&vmm, vmm.slot[random_below(2) ? TABLES_HIGH : ALIAS].gpa / PAGE_SIZE + page,
				   1 + random_below(bytes / PAGE_SIZE - page), true);
			pass("in two places, and dropped");
		}
		if (round % 4 == 3)
			rest("in two places, at rest");
	}
	rest_and_say("in two places, at the end");
	remap_slot(&vmm, ALIAS, 0, 0);
	vmm.nr_slots = ALIAS;
}

/* Some KVMs keep the tables that they drop, and take them up again. */
static void tables_are_dropped(void)
{
	for (unsigned long round = 0; round < rounds / 4 + 1; round++) {
		begin();
		if (!vmm_drop_roots(&vmm)) {
			ktap_skip("nothing makes KVM do that on this architecture");
			return;
		}
		vmm_unmapped(&vmm);
		gfnset_add_range(&vmm.unsure, 0, vmm.end_gfn);
		pass("tables dropped");
		also_some_of(tables_random(&vmm), 3);
		touch_these(&vmm);
		/* Where neighbours are mapped too, it is not clear which. */
		if (!vmm.mmu.prefetches)
			pass("tables dropped, and pages touched");
	}
	begin();
	rest_and_say("tables dropped, at the end");
}

/* Other readers */

static void set_policy(struct idle_reader *r, enum kvm_idle_tlb_policy policy)
{
	struct kvm_idle_options options = {
		.size = sizeof(options),
		.set = KVM_IDLE_OPTION_TLB,
		.tlb_policy = policy,
	};

	EXPECT_OK(ioctl(r->fd, KVM_IDLE_SET_OPTIONS, &options), 0);
}

static void other_begins(struct idle_reader *r, enum kvm_idle_tlb_policy policy)
{
	idle_open(r, &vmm, O_RDWR);
	set_policy(r, policy);
	exact_pass(r, "another, at the beginning");
}

static void touch_few(void)
{
	for (uint64_t n = random_below(4); n; n--)
		also_some_of(tables_random(&vmm), 5);
	touch_these(&vmm);
}

static void other_never_flushes(void)
{
	struct idle_reader other;

	begin();
	other_begins(&other, KVM_IDLE_TLB_NONE);
	for (unsigned long round = 0; round < 3 * rounds; round++) {
		touch_few();
		if (random_below(3))
			exact_pass(&other, "another that never flushes");
		touch_few();
		if (random_below(3) == 0)
			pass("beside another that never flushes");
	}
	rest_and_say("beside another that never flushes, at the end");
	exact_pass(&other, "another that never flushes, at the end");
	idle_close(&other);
}

/* Without a flush, that the bit is clear says nothing. */
static void nobody_ever_flushes(void)
{
	uint64_t flushes;

	/* Who opens it anew knows nothing, and may flush, but for what is cleared later. */
	touch_all(&vmm);
	idle_close(&reader);
	idle_open(&reader, &vmm, O_RDWR);
	flushes = idle_info(reader.fd).flushes;
	set_policy(&reader, KVM_IDLE_TLB_NONE);
	for (unsigned long round = 0; round < rounds; round++) {
		if (round % 2)
			touch_few();
		pass("nobody ever flushes");
	}
	for (unsigned int i = 0; i < PASSES; i++)
		pass("nobody ever flushes");
	EXPECT(!skipped_pages(), "%lu", skipped_pages());
	EXPECT(idle_info(reader.fd).flushes == flushes, "%llu", idle_info(reader.fd).flushes);

	/* And with one each time. */
	set_policy(&reader, KVM_IDLE_TLB_PRECISE);
	touch_few();
	rest("precise");
	set_policy(&reader, KVM_IDLE_TLB_PASS);
	rest_and_say("nobody ever flushed, at the end");
}

/* Words here and there, many of them parts of tables. */
static void read_parts(struct idle_reader *r)
{
	for (uint64_t n = 1 + random_below(8); n; n--) {
		struct idle_verdict verdict = { 0 };
		uint64_t first = (tables_random(&vmm) + random_below(HUGE_PAGES)) / 64;

		idle_check(r, first * 8, (1 + random_below(12)) * 8, 8 + random_below(8) * 8, &verdict);
		idle_expect_exact(&verdict, "parts");
	}
}

static void other_reads_parts(void)
{
	struct idle_reader other;

	begin();
	other_begins(&other, KVM_IDLE_TLB_PASS);
	for (unsigned long round = 0; round < 3 * rounds; round++) {
		touch_few();
		read_parts(&other);
		if (random_below(2))
			touch_few();
		if (random_below(3) == 0)
			pass("beside one that reads parts");
		if (random_below(3) == 0)
			exact_pass(&other, "one that reads parts, all of it");
	}
	rest_and_say("beside one that reads parts, at the end");
	exact_pass(&other, "one that reads parts, at the end");
	idle_close(&other);
}

static void beside_peeks(void)
{
	struct idle_reader peeker;

	begin();
	idle_open(&peeker, &vmm, O_RDONLY);
	for (unsigned long round = 0; round < rounds; round++) {
		touch_few();
		exact_pass(&peeker, "a peek");
		pass("after a peek");
		exact_pass(&peeker, "a peek after a pass");
		if (round % 4 == 3) {
			uint64_t before;

			rest("peeks, at rest");
			/* It looks at everything, and changes nothing. */
			before = skipped_pages();
			exact_pass(&peeker, "a peek at rest");
			EXPECT(skipped_pages() == before);
			skipping_pass(resting_tables(&reader), "after a peek at rest");
		}
	}
	idle_close(&peeker);
}

/* What it owes when it goes is paid; who comes is told what there is since its open. */
static void others_come_and_go(void)
{
	begin();
	for (unsigned long round = 0; round < rounds; round++) {
		struct idle_reader other;

		touch_few();
		if (random_below(2))
			pass("somebody comes");
		idle_open(&other, &vmm, O_RDWR);
		if (random_below(2))
			touch_few();
		if (random_below(2))
			exact_pass(&other, "the one who comes");
		else
			read_parts(&other);
		idle_close(&other);
		if (random_below(2))
			touch_few();
		pass("somebody came and went");
	}
	rest_and_say("somebody came and went, at the end");
}

static void all_pass(struct idle_reader other[2])
{
	pass("soak");
	exact_pass(&other[0], "soak, another");
	exact_pass(&other[1], "soak, one more");
}

/* A random one of all that. */
static void all_at_random(void)
{
	struct idle_reader other[2];
	/* Where the module does not share, what the host clears is lost. */
	bool ages = idle_info(reader.fd).flags & KVM_IDLE_INFO_SHARED && lru_gen_turn_on();
	bool prefaults, collapses;
	uint64_t before;

	begin();
	prefaults = can_prefault();
	collapses = can_collapse();
	other_begins(&other[0], KVM_IDLE_TLB_NONE);
	other_begins(&other[1], KVM_IDLE_TLB_PRECISE);
	before = skipped_pages();
	for (unsigned long round = 0; round < 20 * rounds; round++) {
		unsigned int what = random_below(16);

		/* Where something could get lost, nothing is due. */
		if (what < 2)
			all_pass(other);
		if (what == 0) {
			remap_log(&vmm, !remap_logs());
			/* Of what KVM may have merged, too much is told once; to each. */
			all_pass(other);
		} else if (what == 1) {
			remap_slot(&vmm, TABLES_MOVING, (128 + 2 * random_below(200)) * MIB,
				   random_below(3) ? TABLES_MOVING_BYTES : 0);
		} else if (what == 2) {
			remap_protect(&vmm, tables_random(&vmm));
		} else if (what == 3 && collapses) {
			remap_collapse(&vmm, tables_random_high(&vmm));
		} else if (what == 4 && prefaults) {
			prefault_some(drop_some());
		} else if (what == 5) {
			drop_some();
		} else if (what == 6) {
			also_some_of(tables_random(&vmm), HUGE_PAGES);
		} else if (what == 7) {
			exact_pass(&other[0], "soak, another");
		} else if (what == 8) {
			read_parts(&other[1]);
		} else if (what == 9) {
			exact_pass(&other[1], "soak, one more");
		} else if (what == 10 && ages) {
			lru_gen_age("/");
		}
		if (random_below(2))
			touch_few();
		else
			touch_these(&vmm);
		/* Most of the time there is enough of it for tables to get cold. */
		for (uint64_t n = random_below(4); n; n--)
			pass("soak");
	}
	remap_log(&vmm, false);
	ktap_diag("%lu steps, %lu pages skipped", 20 * rounds, skipped_pages() - before);
	begin();
	exact_pass(&other[0], "soak, another, at the end");
	exact_pass(&other[1], "soak, one more, at the end");
	EXPECT(no_skipping || skipped_pages() > before + 20 * rounds * HUGE_PAGES,
	       "the skipping was not exercised: %lu pages", skipped_pages() - before);
	idle_close(&other[0]);
	idle_close(&other[1]);
}

/* Empty tables with what is above them as it was: from here on, in this virtual machine. */
static void slots_go_and_tables_stay(void)
{
	if (!remap_keep_tables(&vmm)) {
		ktap_skip("this KVM always drops its tables with a slot");
		return;
	}
	for (unsigned long round = 0; round < rounds; round++) {
		begin();
		remap_slot(&vmm, TABLES_MOVING, 0, 0);
		if (random_below(2))
			pass("a slot has gone");
		remap_slot(&vmm, TABLES_MOVING, TABLES_MOVING_GPA, TABLES_MOVING_BYTES);
		if (random_below(2))
			pass("a slot has gone and come");
		also_some_of(TABLES_MOVING_GPA / PAGE_SIZE, 3);
		also_some_of(tables_random(&vmm), 3);
		touch_these(&vmm);
		pass("a slot has gone and come, and pages were touched");
	}
	slots_change();
	all_at_random();
}

static void information(void)
{
	struct kvm_idle_info info = idle_info(reader.fd);

	EXPECT(!(info.flags & KVM_IDLE_INFO_SKIPS) == no_skipping, "flags %#x", info.flags);
	EXPECT(!info.skipped_pages == no_skipping, "%llu pages", info.skipped_pages);
	ktap_diag("%llu pages harvested, %llu skipped, %llu kept from the host's aging; most entries at once %llu, state %llu bytes",
		  info.harvested_pages, info.skipped_pages, info.aged_pages, info.most_at_once,
		  info.state_bytes);
}

static void setup(void)
{
	random_seed(seed);
	tables_start(&vmm, vcpus);
	maps_neighbours = vmm.mmu.prefetches;
	idle_open(&reader, &vmm, O_RDWR);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "rounds", "rounds of each test; more of some", .number = &rounds },
		{ "vcpus", "virtual CPUs", .number = &vcpus },
		{ "no-skipping", "nothing may be skipped here; harvests are exact all the same",
		  .flag = &no_skipping },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "few hot tables", few_hot_tables },
		{ "hot tables move", hot_tables_move },
		{ "GET_INFO", information },
		{ "partly mapped tables, and holes that are touched", holes_in_tables },
		{ "memory is dropped", memory_is_dropped },
		{ "memory is dropped and prefaulted", memory_is_prefaulted },
		{ "mprotect", memory_is_mprotected },
		{ "huge pages come and go", huge_pages_come_and_go },
		{ "dirty logging on and off", dirty_logging },
		{ "slots are deleted, moved and made beside others", slots_change },
		{ "the guest has memory in two places", memory_in_two_places },
		{ "KVM drops its tables", tables_are_dropped },
		{ "beside a reader that never flushes", other_never_flushes },
		{ "nobody ever flushes", nobody_ever_flushes },
		{ "beside a reader of parts", other_reads_parts },
		{ "peeks", beside_peeks },
		{ "others come and go", others_come_and_go },
		{ "all of it at random", all_at_random },
		{ "slots go, and KVM's tables stay", slots_go_and_tables_stay },
	};

	options_parse(argc, argv, "Harvest while tables that nobody uses are skipped.", options);
	return KTAP_RUN(setup, tests);
}
