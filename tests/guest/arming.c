// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_IDLE_ARM marks the whole guest idle by the accessed bits above its pages. What it
 * promises: nothing touched afterwards is missed, by anybody; what was touched before
 * is due to all other readers; and of that, the one who armed is told no more than lies
 * in 2 MiB ranges that were touched, or unmapped, afterwards, and that once.
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

#define READERS		3

static unsigned long rounds = 20, vcpus = 1, seed = 1;
static bool exact;

static struct vmm vmm;
static bool maps_neighbours;	/* KVM does, unless it logs */

/* A reader that may arm. */
static struct armer {
	struct idle_reader reader;
	struct gfnset stale;	/* touched before it armed, and not harvested since then */
	struct gfnset since;	/* touched, or unmapped, since it armed */
	struct gfnset unread;	/* mapped when it armed, and not read since */
	bool armed;		/* and has not read all since then */
	uint64_t extras;	/* stale pages that it was told */
	uint64_t idle;		/* stale pages that it was not told */
} armer[READERS];

static void open_all(void)
{
	for (int i = 0; i < READERS; i++) {
		struct armer *a = &armer[i];

		memset(a, 0, sizeof(*a));
		gfnset_init(&a->stale, vmm.end_gfn);
		gfnset_init(&a->since, vmm.end_gfn);
		gfnset_init(&a->unread, vmm.end_gfn);
		idle_open(&a->reader, &vmm, O_RDWR);
		vmm_observe(&vmm, &a->since);
		idle_baseline(&a->reader);
	}
}

static void close_all(void)
{
	for (int i = 0; i < READERS; i++) {
		vmm_unobserve(&vmm, &armer[i].since);
		idle_close(&armer[i].reader);
		gfnset_free(&armer[i].unread);
		gfnset_free(&armer[i].since);
		gfnset_free(&armer[i].stale);
	}
}

/* Something has happened to these, other than a touch. */
static void disturbed(uint64_t gfn, uint64_t n)
{
	for (int i = 0; i < READERS; i++)
		gfnset_add_range(&armer[i].since, gfn, n);
}

static bool is_armed(const struct armer *a)
{
	return idle_info(a->reader.fd).flags & KVM_IDLE_INFO_ARMED;
}

static int arm_file(int fd, struct kvm_idle_arm *arg)
{
	*arg = (struct kvm_idle_arm){ .size = sizeof(*arg) };
	return ioctl(fd, KVM_IDLE_ARM, arg);
}

static struct kvm_idle_arm arm(struct armer *a)
{
	struct gfnset *due = a->reader.due;
	struct kvm_idle_arm arg;

	EXPECT_OK(arm_file(a->reader.fd, &arg), 0);
	EXPECT(!(arg.armed_pages % HUGE_PAGES), "%llu", arg.armed_pages);
	if (exact)
		EXPECT(!arg.armed_pages, "%llu", arg.armed_pages);
	a->armed = arg.armed_pages;
	EXPECT(is_armed(a) == a->armed);
	for (size_t i = 0; i < due->words; i++) {
		/* The entries of pages are still what they were; those of huge pages are not. */
		uint64_t left = a->armed ? vmm.mmu.small.word[i] : 0;

		a->stale.word[i] = (a->stale.word[i] | due->word[i]) & left;
		a->unread.word[i] = vmm.mapped.word[i];
		due->word[i] = 0;
		vmm.young.word[i] &= left;
	}
	gfnset_clear(&a->since);
	return arg;
}

/* Take out of an answer what may be told though it is not so. */
static void excuse(struct armer *a, uint64_t *words, size_t first, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t w = first + i, table = w * 64 & -HUGE_PAGES;
		uint64_t stale = a->stale.word[w] & vmm.mapped.word[w] & ~a->reader.due->word[w];
		uint64_t told = ~words[i] & stale;

		a->unread.word[w] = 0;
		a->stale.word[w] = 0;
		a->idle += __builtin_popcountll(words[i] & stale);
		if (!told || !tables_count_in(&a->since, table, HUGE_PAGES))
			continue;
		a->extras += __builtin_popcountll(told);
		words[i] |= told;
	}
}

static size_t check(struct armer *a, off_t pos, size_t bytes, const char *what)
{
	static uint64_t words[8192];
	struct idle_verdict verdict = { 0 };
	size_t done = 0;
	char text[128];

	while (done < bytes) {
		size_t want = bytes - done < sizeof(words) ? bytes - done : sizeof(words);
		ssize_t got = idle_pread(&a->reader, words, want, pos + done);

		if (got < 0)
			die("read of %zu bytes at %zu: %m", want, (size_t)pos + done);
		if (!got)
			break;
		excuse(a, words, (pos + done) / 8, got / 8);
		idle_compare(&a->reader, words, got, pos + done, &verdict);
		done += got;
	}
	snprintf(text, sizeof(text), "%s, reader %zd", what, a - armer);
	idle_expect_exact(&verdict, text);
	return done;
}

/* All of it, to the end of the file. */
static void pass(struct armer *a, const char *what)
{
	uint64_t before = a->extras;
	bool was_armed = is_armed(a);

	check(a, 0, ~0UL >> 1, what);
	EXPECT(was_armed || a->extras == before, "%s: %lu pages told that were not touched, unannounced",
	       what, a->extras - before);
	a->armed = false;
	EXPECT(!is_armed(a), "%s: armed after all of it was read", what);
}

static void passes(const char *what)
{
	for (int i = 0; i < READERS; i++)
		pass(&armer[i], what);
}

static bool has_unread(const struct armer *a)
{
	for (size_t i = 0; i < a->unread.words; i++)
		if (a->unread.word[i])
			return true;
	return false;
}

/* Words here and there, many of them parts of tables. */
static void read_parts(struct armer *a, const char *what)
{
	for (uint64_t n = 1 + random_below(8); n; n--) {
		uint64_t first = (tables_random(&vmm) + random_below(HUGE_PAGES)) / 64;

		check(a, first * 8, (1 + random_below(12)) * 8, what);
	}
	EXPECT(!a->armed || is_armed(a) || !has_unread(a),
	       "%s: not armed any more, and not all was read", what);
}

/* A mark is a harvest whose result is thrown away, of old news too. */
static void mark_some(struct armer *a)
{
	uint64_t first = (tables_random(&vmm) + random_below(HUGE_PAGES)) / 64, marks[24];
	size_t n = 1 + random_below(24);

	if (n > idle_bitmap_bytes(&vmm) / 8 - first)
		n = idle_bitmap_bytes(&vmm) / 8 - first;
	memset(marks, 0xff, sizeof(marks));
	EXPECT_OK(pwrite(a->reader.fd, marks, n * 8, first * 8), n * 8);
	for (size_t w = first; w < first + n; w++)
		a->reader.due->word[w] = a->stale.word[w] = vmm.young.word[w] = 0;
}

static void touch_few(void)
{
	for (uint64_t n = random_below(4); n; n--)
		also_some_of(tables_random(&vmm), 5);
	touch_these(&vmm);
}

static struct armer *anybody(void)
{
	return &armer[random_below(READERS)];
}

/* Tests */

/* Nothing happens between the call and the read. */
static void all_is_idle(void)
{
	struct armer *a = &armer[0];
	struct kvm_idle_arm arg;
	uint64_t gfn_of[TABLES_MAX], due;

	open_all();
	touch_all(&vmm);
	EXPECT(!(idle_info(a->reader.fd).flags & KVM_IDLE_INFO_SKIPS) == exact);
	due = gfnset_count(a->reader.due);
	arg = arm(a);
	if (exact)
		EXPECT(arg.cleared_pages == due, "%llu, not %lu", arg.cleared_pages, due);
	else
		EXPECT(arg.armed_pages == tables_of(&vmm, gfn_of) * HUGE_PAGES && !arg.cleared_pages,
		       "%llu armed, %llu cleared", arg.armed_pages, arg.cleared_pages);
	pass(a, "nothing was touched");
	EXPECT(!a->extras, "%lu", a->extras);
	EXPECT(exact ? !a->idle : a->idle == due, "%lu of %lu", a->idle, due);
	pass(a, "nothing was touched, again");
	pass(&armer[1], "another");
	touch_few();
	passes("some was touched");
	close_all();
}

static void what_is_touched_is_told(void)
{
	struct armer *a = &armer[0];

	open_all();
	for (unsigned long round = 0; round < rounds; round++) {
		if (random_below(2))
			touch_all(&vmm);
		else
			touch_few();
		if (random_below(2))
			passes("before");
		touch_few();
		arm(a);
		touch_few();
		pass(a, "the first pass");
		touch_few();
		pass(a, "the second pass");
		if (random_below(2))
			touch_few();
	}
	/* Else it was not what it is meant to be. */
	if (exact)
		EXPECT(!a->extras, "%lu", a->extras);
	else
		EXPECT(a->extras && a->idle, "%lu, %lu", a->extras, a->idle);
	ktap_diag("of pages touched before, %lu were told in ranges that were touched, %lu read as idle",
		  a->extras, a->idle);
	close_all();
}

/* Who reads before, between and after; nobody gets less for it. */
static void others_are_told_all(void)
{
	open_all();
	for (unsigned long round = 0; round < 3 * rounds; round++) {
		if (random_below(4) == 0)
			touch_all(&vmm);
		touch_few();
		if (random_below(3) == 0)
			read_parts(&armer[1], "before");
		arm(&armer[0]);
		if (random_below(2))
			touch_few();
		if (random_below(2))
			pass(&armer[1 + random_below(2)], "between");
		else if (random_below(2))
			read_parts(&armer[1 + random_below(2)], "between");
		if (random_below(2))
			touch_few();
		if (random_below(2))
			pass(&armer[0], "who armed");
		if (random_below(3) == 0)
			pass(&armer[1 + random_below(2)], "after");
	}
	passes("at the end");
	passes("at rest");
	close_all();
}

static void many_arm(void)
{
	open_all();
	for (unsigned long round = 0; round < 5 * rounds; round++) {
		switch (random_below(5)) {
		case 0:
			arm(anybody());
			break;
		case 1:
			pass(anybody(), "many arm");
			break;
		case 2:
			read_parts(anybody(), "many arm");
			break;
		case 3:
			mark_some(anybody());
			break;
		}
		if (random_below(8) == 0)
			touch_all(&vmm);
		else if (random_below(2))
			touch_few();
	}
	passes("at the end");
	passes("at rest");
	close_all();
}

static void armed_twice(void)
{
	struct armer *a = &armer[0];

	open_all();
	for (unsigned long round = 0; round < rounds; round++) {
		struct kvm_idle_arm first, second;

		touch_all(&vmm);
		first = arm(a);
		if (random_below(2))
			touch_few();
		second = arm(a);
		EXPECT(second.armed_pages == first.armed_pages, "%llu, %llu", second.armed_pages,
		       first.armed_pages);
		EXPECT(is_armed(a) == !exact);
		touch_few();
		pass(a, "armed twice");
	}
	close_all();
}

/* INFO_ARMED stays until all of it was read, by the one who armed. */
static void in_parts(void)
{
	struct armer *a = &armer[0];
	size_t end = idle_bitmap_bytes(&vmm), piece = 4096;

	open_all();
	for (unsigned long round = 0; round < rounds / 4 + 1; round++) {
		touch_all(&vmm);
		arm(a);
		touch_few();
		pass(&armer[1], "another, all of it");
		EXPECT(is_armed(a) == !exact);
		for (size_t pos = 0; pos < end; pos += piece) {
			EXPECT(is_armed(a) == !exact, "at %zu", pos);
			check(a, pos, piece, "piece by piece");
			if (random_below(16) == 0)
				touch_few();
			if (random_below(16) == 0)
				read_parts(a, "again");
		}
		pass(a, "after that");
	}
	close_all();
}

/* Of huge pages the entries themselves are looked at. */
static void huge_pages(void)
{
	struct armer *a = &armer[0];
	uint64_t first = vmm.slot[TABLES_HIGH].gpa / PAGE_SIZE;
	unsigned int huge = 5;

	open_all();
	for (unsigned int i = 0; i < huge; i++) {
		if (remap_collapse(&vmm, first + 2 * i * HUGE_PAGES))
			continue;
		ktap_skip("this kernel has no MADV_COLLAPSE");
		close_all();
		return;
	}
	for (unsigned long round = 0; round < rounds; round++) {
		struct kvm_idle_arm arg;

		touch_all(&vmm);
		passes("all of it");
		also(first + 2 * random_below(huge) * HUGE_PAGES + random_below(HUGE_PAGES));
		also_some_of(first + HUGE_PAGES, 10);
		touch_these(&vmm);
		arg = arm(a);
		if (!exact)
			EXPECT(arg.cleared_pages == huge * HUGE_PAGES, "%llu", arg.cleared_pages);
		if (random_below(2))
			also(first + 2 * random_below(huge) * HUGE_PAGES + random_below(HUGE_PAGES));
		touch_few();
		pass(a, "huge pages");
		if (random_below(2))
			pass(&armer[1], "huge pages, another");
	}
	passes("huge pages, at the end");
	for (unsigned int i = 0; i < huge; i++)
		remap_drop(&vmm, first + 2 * i * HUGE_PAGES, 1, true);
	close_all();
}

static void drop_some(void)
{
	struct vmm_range r = tables_random_range(&vmm);

	/* Of a huge page all is unmapped. */
	disturbed(r.gfn & -HUGE_PAGES, r.pages + HUGE_PAGES);
	remap_drop(&vmm, r.gfn, r.pages, maps_neighbours || random_below(2));
	if (random_below(2))
		vmm_prefault(&vmm, 0, r.gfn, r.pages);
}

static void unmapped_meanwhile(void)
{
	open_all();
	for (unsigned long round = 0; round < 3 * rounds; round++) {
		uint64_t table = tables_random(&vmm), high = tables_random_high(&vmm);

		if (random_below(3) == 0)
			touch_all(&vmm);
		touch_few();
		arm(anybody());
		if (random_below(2))
			touch_few();
		switch (random_below(4)) {
		case 0:
			disturbed(table, HUGE_PAGES);
			remap_protect(&vmm, table);
			break;
		case 1:
			disturbed(high, HUGE_PAGES);
			remap_collapse(&vmm, high);
			break;
		default:
			drop_some();
			break;
		}
		if (random_below(2))
			touch_few();
		if (random_below(2))
			read_parts(anybody(), "unmapped");
		if (random_below(2))
			pass(anybody(), "unmapped");
	}
	passes("at the end");
	passes("at rest");
	close_all();
}

/* Nothing is due to anybody when a slot goes, or logging ends; much is stale. */
static void slots_and_logging(void)
{
	open_all();
	for (unsigned long round = 0; round < rounds; round++) {
		touch_all(&vmm);
		if (random_below(2) && !remap_logs()) {
			uint64_t high = tables_random_high(&vmm);

			disturbed(high, HUGE_PAGES);
			remap_collapse(&vmm, high);
		}
		touch_few();
		passes("before");
		also_some_of(tables_random(&vmm), HUGE_PAGES);
		touch_these(&vmm);
		arm(&armer[0]);
		pass(&armer[1], "before");
		pass(&armer[2], "before");
		/* KVM throws away what it has mapped, whatever was accessed. */
		disturbed(0, vmm.end_gfn);
		if (random_below(2))
			remap_log(&vmm, !remap_logs());
		else
			remap_slot(&vmm, TABLES_MOVING, (128 + 2 * random_below(200)) * MIB,
				   random_below(3) ? TABLES_MOVING_BYTES : 0);
		if (random_below(2))
			pass(anybody(), "changed");
		touch_few();
		passes("changed, and touched");
	}
	remap_log(&vmm, false);
	remap_slot(&vmm, TABLES_MOVING, TABLES_MOVING_GPA, TABLES_MOVING_BYTES);
	touch_all(&vmm);
	passes("at the end");
	passes("at rest");
	close_all();
}

/* The host clears accessed bits of pages; those above stay as they are. */
static void host_ages_pages(void)
{
	if (!lru_gen_turn_on()) {
		ktap_skip("this kernel has no LRU_GEN");
		return;
	}
	open_all();
	if (!(idle_info(armer[0].reader.fd).flags & KVM_IDLE_INFO_SHARED)) {
		ktap_skip("the module does not share");
		close_all();
		return;
	}
	for (unsigned long round = 0; round < rounds; round++) {
		touch_all(&vmm);
		if (random_below(2))
			lru_gen_age("/");
		if (random_below(2))
			touch_few();
		arm(&armer[0]);
		if (random_below(2))
			touch_few();
		lru_gen_age("/");
		if (random_below(2))
			touch_few();
		if (random_below(2))
			pass(&armer[1], "aged");
		pass(&armer[0], "aged");
	}
	passes("at the end");
	passes("at rest");
	close_all();
}

/* A reader that comes later is told what nobody has harvested, armed or not. */
static void others_come(void)
{
	open_all();
	for (unsigned long round = 0; round < rounds; round++) {
		struct idle_verdict peeked = { 0 }, verdict = { 0 };
		struct idle_reader other, peeker;

		touch_few();
		arm(&armer[0]);
		idle_open(&peeker, &vmm, O_RDONLY);
		idle_check_all(&peeker, &peeked);
		idle_expect_exact(&peeked, "a peek after arming");
		idle_close(&peeker);
		idle_open(&other, &vmm, O_RDWR);
		if (random_below(2))
			touch_few();
		if (random_below(2))
			pass(&armer[0], "who armed");
		idle_check_all(&other, &verdict);
		idle_expect_exact(&verdict, "the one who came");
		idle_close(&other);
	}
	passes("at the end");
	close_all();
}

static void errors(void)
{
	struct {
		struct kvm_idle_arm arg;
		uint64_t more;
	} later = { .arg.size = sizeof(later) };
	struct kvm_idle_arm arg;
	int peek = idle_file(0, O_RDONLY | O_CLOEXEC), fd = idle_file(0, O_RDWR | O_CLOEXEC);

	EXPECT_ERR(arm_file(peek, &arg), EBADF);
	EXPECT_OK(arm_file(fd, &arg), 0);
	arg.flags = 1;
	EXPECT_ERR(ioctl(fd, KVM_IDLE_ARM, &arg), EINVAL);
	arg.flags = 0;
	arg.size = KVM_IDLE_ARM_SIZE_V1 - 1;
	EXPECT_ERR(ioctl(fd, KVM_IDLE_ARM, &arg), EINVAL);
	EXPECT_OK(ioctl(fd, KVM_IDLE_ARM, &later), 0);
	EXPECT(later.arg.size == sizeof(later.arg), "%u", later.arg.size);
	later.arg.size = sizeof(later);
	later.more = 1;
	EXPECT_ERR(ioctl(fd, KVM_IDLE_ARM, &later), E2BIG);
	EXPECT_ERR(ioctl(fd, KVM_IDLE_ARM, NULL), EFAULT);
	close(peek);
	close(fd);
}

static void setup(void)
{
	random_seed(seed);
	tables_start(&vmm, vcpus);
	maps_neighbours = vmm.mmu.prefetches;
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "rounds", "rounds of each test; more of some", .number = &rounds },
		{ "vcpus", "virtual CPUs", .number = &vcpus },
		{ "no-skipping", "the accessed bits above pages are of no use here: all is exact",
		  .flag = &exact },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "all is idle", all_is_idle },
		{ "what is touched afterwards is told", what_is_touched_is_told },
		{ "other readers are told all", others_are_told_all },
		{ "many arm", many_arm },
		{ "one arms twice", armed_twice },
		{ "read piece by piece", in_parts },
		{ "huge pages", huge_pages },
		{ "memory is unmapped meanwhile", unmapped_meanwhile },
		{ "slots and logging change meanwhile", slots_and_logging },
		{ "the host ages pages meanwhile", host_ages_pages },
		{ "others come", others_come },
		{ "errors", errors },
	};

	options_parse(argc, argv, "KVM_IDLE_ARM, and what harvests tell after it.", options);
	return KTAP_RUN(setup, tests);
}
