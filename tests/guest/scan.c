// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM_IDLE_SCAN: what it tells is the truth, what a read of the bitmap tells, and what
 * a filter that goes page by page would let pass; and it loses nothing.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <unistd.h>

#include "ktap.h"
#include "options.h"
#include "remap.h"
#include "scanning.h"
#include "states.h"

#define HARVEST	KVM_IDLE_SCAN_HARVEST
#define HVA	KVM_IDLE_SCAN_HVA

static unsigned long states = 50, mem = 64, vcpus = 1, seed = 1;
static bool thp;

static struct vmm vmm;
static struct idle_reader scanner, reader, slow;
static int peeker;	/* opened to look only */
static struct scan_map map, other;

/* What can be asked for here. */
static uint64_t categories = KVM_IDLE_PAGE_ALL & ~KVM_IDLE_PAGE_DIRTY;

static struct kvm_idle_scan everything(uint64_t flags)
{
	return (struct kvm_idle_scan){ .flags = flags, .end = SCAN_END,
				       .return_mask = KVM_IDLE_PAGE_ALL & ~KVM_IDLE_PAGE_DIRTY };
}

/* Nothing is due to any of them. */
static void baseline(void)
{
	idle_baseline(&scanner);
	idle_baseline(&reader);
	idle_baseline(&slow);
}

static void read_bitmap(struct idle_reader *r, uint64_t *bitmap)
{
	struct idle_verdict verdict = { 0 };
	size_t bytes = idle_bitmap_bytes(&vmm);

	EXPECT_OK(idle_pread(r, bitmap, bytes, 0), bytes);
	idle_compare(r, bitmap, bytes, 0, &verdict);
	idle_expect_exact(&verdict, "the bitmap");
}

/* Each state is looked at, then harvested by a scan and by a read, in turn which comes first. */
static void states_agree(void)
{
	uint64_t *bitmap = malloc(idle_bitmap_bytes(&vmm));
	uint64_t young = 0, gone = 0, huge = 0, holes = 0;

	baseline();
	for (unsigned long i = 0; i < states; i++) {
		uint64_t flags = i % 3 == 1 ? HVA : 0;
		char what[32];

		states_next(&vmm);
		snprintf(what, sizeof(what), "state %lu", i);
		if (i % 2)
			read_bitmap(&reader, bitmap);
		scan_whole(scanner.fd, i % 5 ? 0 : HVA, &other);
		scan_expect_peek(&scanner, &other, what);
		scan_whole(scanner.fd, HARVEST | flags, &map);
		scan_expect_exact(&scanner, &map, what);
		scan_expect_same(&map, &other, "looked at, and harvested");
		if (i % 2 == 0)
			read_bitmap(&reader, bitmap);
		scan_expect_agree(&map, bitmap, what);
		for (uint64_t gfn = 0; gfn < vmm.end_gfn; gfn++) {
			bool present = map.of[gfn] & KVM_IDLE_PAGE_PRESENT;
			bool touched = map.of[gfn] & KVM_IDLE_PAGE_YOUNG;

			young += touched;
			gone += touched && !present;
			holes += map.of[gfn] && !present;
			huge += !!(map.of[gfn] & KVM_IDLE_PAGE_HUGE_2M);
		}
		if (i % 7 == 6) {
			scan_whole(slow.fd, HARVEST, &map);
			scan_expect_exact(&slow, &map, "a slow reader");
		}
		scan_whole(scanner.fd, HARVEST, &map);
		scan_expect_exact(&scanner, &map, "harvested twice");
	}
	EXPECT(young > states && holes);
	ktap_diag("%lu states: pages young %lu, of which no longer mapped %lu, by huge leaves %lu, holes %lu",
		  states, young, gone, huge, holes);
	free(bitmap);
}

static void addresses_are_those_of_the_slots(void)
{
	struct kvm_idle_slot slot[VMM_MAX_SLOTS];
	struct kvm_idle_slots query = {
		.size = sizeof(query), .slot_size = sizeof(slot[0]),
		.capacity = VMM_MAX_SLOTS, .slots = (uintptr_t)slot,
	};
	struct kvm_idle_region vec[VMM_MAX_SLOTS + 1];
	uint64_t pages = 0;

	/* That there be one region for each, or fewer: two may touch. */
	for (int by_hva = 0; by_hva < 2; by_hva++) {
		struct kvm_idle_scan a = everything(by_hva ? HVA : 0);
		int n;

		a.return_mask = 0;
		a.vec = (uintptr_t)vec;
		a.vec_len = VMM_MAX_SLOTS + 1;
		EXPECT_OK(ioctl(scanner.fd, KVM_IDLE_GET_SLOTS, &query), 0);
		n = scan_call(scanner.fd, &a);
		EXPECT(n > 0 && n <= (int)vmm.nr_slots, "%d", n);
		pages = 0;
		for (unsigned int i = 0; i < query.count; i++) {
			uint64_t addr = by_hva ? slot[i].hva : slot[i].gpa;
			bool found = false;

			for (int r = 0; r < n; r++)
				found |= addr >= vec[r].start && addr + slot[i].bytes <= vec[r].end;
			EXPECT(found, "slot %u", i);
		}
		for (int r = 0; r < n; r++)
			pages += (vec[r].end - vec[r].start) / PAGE_SIZE;
		EXPECT_OK(pages, vmm.total_pages);
		EXPECT_OK(a.walk_end, a.end);
	}
	ktap_diag("the order by host address is %s", states_are_out_of_order(&vmm) ?
		  "another one" : "that by guest address");
}

/* Filters */

static uint64_t random_categories(void)
{
	uint64_t mask = 0;

	/* Few as a rule, else nothing matches. */
	for (uint64_t n = random_below(4); n; n--)
		mask |= 1ULL << random_below(6);
	return mask & categories;
}

static struct kvm_idle_scan random_scan(uint64_t flags)
{
	uint64_t end = vmm.end_gfn * PAGE_SIZE;
	struct kvm_idle_scan a = {
		.flags = flags,
		.category_inverted = random_categories() | random_categories(),
		.category_mask = random_categories(),
		.category_anyof_mask = random_categories(),
		.return_mask = random_categories() | random_categories(),
		.end = SCAN_END,
	};

	if (random_below(2) && !(flags & HVA)) {
		a.start = random_below(end / PAGE_SIZE) * PAGE_SIZE;
		a.end = a.start + random_below(end - a.start + PAGE_SIZE);
	}
	return a;
}

/* What it would tell, by a filter that goes through @all page by page. */
static void filter_brute(const struct kvm_idle_scan *a, const struct scan_map *all,
			 struct scan_map *out)
{
	scan_map_clear(out);
	for (uint64_t gfn = 0; gfn < vmm.end_gfn; gfn++) {
		uint8_t of = all->of[gfn];
		uint64_t addr = of ? scan_addr(&vmm, gfn, a->flags & HVA) : 0;

		if (!of || addr < a->start || addr >= a->end ||
		    !scan_matches(a, of & KVM_IDLE_PAGE_ALL))
			continue;
		out->of[gfn] = SCAN_TOLD | (of & a->return_mask);
		out->pages++;
	}
}

static void random_filters(void)
{
	struct scan_map all, want;
	unsigned long calls = 0, told = 0, filters = 0;

	scan_map_init(&all, &vmm);
	scan_map_init(&want, &vmm);
	for (unsigned long round = 0; round < 4 + states / 5; round++) {
		states_next(&vmm);
		scan_map_clear(&all);
		{
			struct kvm_idle_scan a = everything(0);

			a.return_mask = categories;
			scan_to_end(scanner.fd, &a, vmm.total_pages, &all);
		}
		for (int i = 0; i < 24; i++) {
			struct kvm_idle_scan a = random_scan(random_below(2) ? HVA : 0);
			uint64_t least, len;

			filter_brute(&a, &all, &want);
			/* So that it takes some calls, and not all day. */
			least = want.pages / 60 + 1;
			len = random_below(2) ? least + random_below(400) : vmm.total_pages;
			if (random_below(2))
				a.max_pages = least + random_below(want.pages + 1);
			scan_map_clear(&map);
			calls += scan_to_end(scanner.fd, &a, len, &map);
			scan_expect_same(&map, &want, "a random filter");
			EXPECT(!map.strange && map.pages == want.pages, "%lu strange, %lu pages, not %lu",
			       map.strange, map.pages, want.pages);
			told += map.pages;
			filters++;
		}
	}
	EXPECT(told);
	ktap_diag("%lu filters, %lu calls, %lu pages", filters, calls, told);
	scan_map_free(&all);
	scan_map_free(&want);
	baseline();
}

/* Where it stops, to the page. */
static void stops(void)
{
	uint64_t gfn = vmm.slot[2].gpa / PAGE_SIZE + 100, n = thp ? HUGE_PAGES : 8;
	struct kvm_idle_region vec[4];
	struct kvm_idle_scan a = {
		.category_mask = KVM_IDLE_PAGE_YOUNG, .return_mask = KVM_IDLE_PAGE_YOUNG,
		.vec = (uintptr_t)vec,
	}, b;

	gfn = gfn / n * n;
	baseline();
	/* Two ranges, with a range between them that was not touched. */
	vmm_touch_range(&vmm, gfn, n, true);
	vmm_touch_range(&vmm, gfn + 2 * n, n, false);
	a.start = gfn * PAGE_SIZE;
	a.end = (gfn + 3 * n + 5) * PAGE_SIZE;

	b = a;
	b.vec_len = 1;
	EXPECT_OK(scan_call(scanner.fd, &b), 1);
	EXPECT(vec[0].start == a.start && vec[0].end == a.start + n * PAGE_SIZE);
	/* The first page that does not fit. */
	EXPECT_OK(b.walk_end, (gfn + 2 * n) * PAGE_SIZE);
	b.vec_len = 2;
	EXPECT_OK(scan_call(scanner.fd, &b), 2);
	EXPECT_OK(b.walk_end, a.end);

	b.max_pages = n + 1;
	EXPECT_OK(scan_call(scanner.fd, &b), 2);
	EXPECT_OK(b.walk_end, (gfn + 2 * n + 1) * PAGE_SIZE);
	EXPECT_OK(vec[1].end, b.walk_end);
	b.max_pages = 2 * n;
	EXPECT_OK(scan_call(scanner.fd, &b), 2);
	EXPECT_OK(b.walk_end, a.end);
	/* With nowhere to tell of them they count too. */
	b.vec = b.vec_len = 0;
	b.max_pages = n + 2;
	EXPECT_OK(scan_call(scanner.fd, &b), 0);
	EXPECT_OK(b.walk_end, (gfn + 2 * n + 2) * PAGE_SIZE);
	b.max_pages = 0;
	EXPECT_OK(scan_call(scanner.fd, &b), 0);
	EXPECT_OK(b.walk_end, a.end);
	/* A filter that lets all pass joins it all. */
	b = a;
	b.vec_len = 1;
	b.category_mask = b.return_mask = 0;
	EXPECT_OK(scan_call(scanner.fd, &b), 1);
	EXPECT(vec[0].start == a.start && vec[0].end == a.end && !vec[0].categories);
	EXPECT_OK(b.walk_end, a.end);
	/* Nothing at all, and no memory. */
	b.end = b.start;
	EXPECT_OK(scan_call(scanner.fd, &b), 0);
	EXPECT_OK(b.walk_end, b.start);
	b.start = vmm.end_gfn * PAGE_SIZE;
	b.end = b.start + 12345;
	EXPECT_OK(scan_call(scanner.fd, &b), 0);
	EXPECT_OK(b.walk_end, b.end);
	baseline();
}

/* Harvests */

static void harvests_in_parts(void)
{
	for (unsigned long round = 0; round < 4 + states / 5; round++) {
		struct kvm_idle_scan a = everything(HARVEST | (round % 2 ? HVA : 0));

		states_next(&vmm);
		if (round % 3)
			a.max_pages = 1 + vmm.total_pages / (1 + random_below(60));
		scan_map_clear(&map);
		/* A region a call would do, and take long. */
		scan_to_end(scanner.fd, &a, 50 + random_below(300), &map);
		scan_expect_exact(&scanner, &map, "in parts");
		scan_whole(scanner.fd, HARVEST, &map);
		scan_expect_exact(&scanner, &map, "and nothing twice");
	}
	baseline();
}

/* What does not match is harvested as well; what lies behind the end is not. */
static void harvests_what_it_walks(void)
{
	for (unsigned long round = 0; round < 4 + states / 10; round++) {
		struct kvm_idle_scan a = random_scan(HARVEST);
		struct kvm_idle_region vec[40];

		states_touch(&vmm);
		a.vec = (uintptr_t)vec;
		a.vec_len = 40;
		EXPECT(scan_call(scanner.fd, &a) >= 0, "%m");
		for (uint64_t gfn = a.start / PAGE_SIZE;
		     gfn * PAGE_SIZE < a.walk_end && gfn < vmm.end_gfn; gfn++)
			gfnset_del_range(scanner.due, gfn, 1);
		scan_whole(scanner.fd, HARVEST, &map);
		scan_expect_exact(&scanner, &map, "after a part with a filter");
	}
	baseline();
}

/* One page at a time, of a word that two slots share, a huge page, and a slice's border. */
static void page_by_page(void)
{
	uint64_t from = vmm.slot[1].gpa / PAGE_SIZE - (thp ? 0 : 40), n = thp ? HUGE_PAGES : 130;
	struct scan_map peeked;

	baseline();
	scan_map_init(&peeked, &vmm);
	vmm_touch_range(&vmm, vmm.slot[1].gpa / PAGE_SIZE, vmm.slot[1].bytes / PAGE_SIZE, false);
	vmm_touch_range(&vmm, vmm.slot[0].bytes / PAGE_SIZE - 9, 9, true);
	scan_whole(scanner.fd, 0, &peeked);
	scan_expect_peek(&scanner, &peeked, "before");
	scan_map_clear(&map);
	for (uint64_t gfn = from + n; gfn-- > from;) {
		struct kvm_idle_region one;
		struct kvm_idle_scan a = everything(HARVEST);
		int got;

		a.start = gfn * PAGE_SIZE;
		a.end = a.start + 1;
		a.vec = (uintptr_t)&one;
		a.vec_len = 1;
		got = scan_call(scanner.fd, &a);
		EXPECT(got == !!peeked.of[gfn], "%#lx: %d", gfn, got);
		map.last_end = 0;
		if (got > 0)
			scan_map_add(&map, &one, false);
		if (gfn % 16 == 0) {
			scan_map_clear(&other);
			scan_whole(slow.fd, 0, &other);
		}
	}
	for (uint64_t gfn = from; gfn < from + n; gfn++)
		EXPECT(map.of[gfn] == peeked.of[gfn], "%#lx: %#x, not %#x", gfn, map.of[gfn],
		       peeked.of[gfn]);
	/* The rest is due still, and to the others all of it. */
	gfnset_del_range(scanner.due, from, n);
	scan_whole(scanner.fd, HARVEST, &map);
	scan_expect_exact(&scanner, &map, "the rest");
	scan_whole(slow.fd, HARVEST, &map);
	scan_expect_exact(&slow, &map, "another reader");
	scan_map_free(&peeked);
	baseline();
}

/* KVM drops its tables too, with all that is due of what it had mapped; but for what was kept. */
static void drop_tables(void)
{
	uint64_t gpa = vmm.slot[3].gpa, bytes = vmm.slot[3].bytes;

	remap_slot(&vmm, 3, gpa, 0);
	remap_slot(&vmm, 3, gpa, bytes);
}

/* Where nothing is mapped any more there may be something to tell all the same. */
static void nothing_left_of_it(void)
{
	uint64_t border = 8 * 32768, gfn = border + 7, end = vmm.slot[3].gpa / PAGE_SIZE;
	const uint8_t touched = SCAN_TOLD | KVM_IDLE_PAGE_YOUNG;
	int rounds = kvm_drops_all_with_a_slot() ? 12 : 4;

	if (thp || !(idle_info(scanner.fd).flags & KVM_IDLE_INFO_SHARED)) {
		ktap_skip("nothing is unmapped here");
		return;
	}
	for (int round = 0; round < rounds; round++) {
		bool by_hva = round & 1, harvested = round & 2, dropped = round >= 4;

		baseline();
		vmm_touch_range(&vmm, gfn, 3, true);
		/* What another one has taken is due as well as what nobody has. */
		if (harvested) {
			scan_whole(slow.fd, HARVEST, &map);
			scan_expect_exact(&slow, &map, "while it is there");
		}
		for (uint64_t g = border; g < end; g++)
			remap_drop(&vmm, g, 1, true);
		if (dropped)
			drop_tables();
		scan_whole(scanner.fd, by_hva ? HVA : 0, &map);
		if (!dropped)
			scan_expect_peek(&scanner, &map, "a look");
		EXPECT_OK(map.of[gfn], touched);
		EXPECT_OK(map.of[gfn + 3], SCAN_TOLD);
		scan_whole(scanner.fd, HARVEST | (by_hva ? HVA : 0), &map);
		if (!dropped)
			scan_expect_exact(&scanner, &map, "a harvest");
		EXPECT_OK(map.of[gfn], touched);
		scan_whole(slow.fd, HARVEST, &map);
		if (!dropped)
			scan_expect_exact(&slow, &map, "another reader");
		EXPECT_OK(map.of[gfn], harvested ? SCAN_TOLD : touched);
	}
	baseline();
}

/* Who only looks is told of the accessed bits as they are now. */
static void looks_only(void)
{
	struct idle_reader now = { .vmm = &vmm, .due = &vmm.young };

	states_touch(&vmm);
	baseline();
	states_touch(&vmm);
	scan_whole(peeker, 0, &map);
	scan_expect_peek(&now, &map, "before a harvest");
	scan_whole(scanner.fd, HARVEST, &map);
	scan_expect_exact(&scanner, &map, "a harvest");
	scan_whole(peeker, HVA, &map);
	scan_expect_peek(&now, &map, "after it");
	/* But who may harvest is told of what is due to him. */
	scan_whole(slow.fd, 0, &map);
	scan_expect_peek(&slow, &map, "of another one");
	scan_whole(slow.fd, HARVEST, &map);
	scan_expect_exact(&slow, &map, "a harvest of another one");
	baseline();
}

/* Faults and signals */

static void *pages_before_a_gap(size_t pages)
{
	uint8_t *p = mmap(NULL, (pages + 1) * PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p + pages * PAGE_SIZE, PAGE_SIZE))
		die("mmap: %m");
	return p + pages * PAGE_SIZE;
}

static void faults_lose_nothing(void)
{
	static const size_t room[] = { 0, 1, 2, 100, 169, 170, 171, 400, 511, 1000 };
	struct kvm_idle_region *gap = pages_before_a_gap(8);
	unsigned long failed = 0, partly = 0;

	for (size_t i = 0; i < sizeof(room) / sizeof(room[0]); i++) {
		struct kvm_idle_scan a = everything(HARVEST | (i % 2 ? HVA : 0));
		struct kvm_idle_region *vec = gap - room[i];
		uint64_t rest;
		int n;

		/* Many regions: every third page of some. */
		for (uint64_t g = 0; g < 3000 && !thp; g += 3) {
			uint64_t gfn = vmm_nth_gfn(&vmm, vmm.total_pages - 1 - g);

			vmm_touch_range(&vmm, gfn, 1, false);
			if (g > room[i] * 4)
				break;
		}
		states_touch(&vmm);
		a.vec = (uintptr_t)vec;
		a.vec_len = vmm.total_pages;
		scan_map_clear(&map);
		n = scan_call(scanner.fd, &a);
		if (n < 0) {
			EXPECT(errno == EFAULT, "%m");
			EXPECT_OK(a.walk_end, a.start);
			failed++;
		}
		EXPECT(n <= (int)room[i], "%d regions in the room of %zu", n, room[i]);
		for (int r = 0; r < n; r++)
			scan_map_add(&map, &vec[r], a.flags & HVA);
		EXPECT(n <= 0 || vec[n - 1].end <= a.walk_end);
		rest = a.walk_end < a.end;
		partly += n > 0 && rest;
		/* The rest, with enough room. */
		if (rest) {
			a.start = a.walk_end;
			scan_to_end(scanner.fd, &a, vmm.total_pages, &map);
		}
		scan_expect_exact(&scanner, &map, "in two parts");
	}
	EXPECT(failed && (partly || thp), "%lu failed, %lu in part", failed, partly);
	baseline();
}

static void fault_in_the_argument(void)
{
	struct kvm_idle_scan *gap = pages_before_a_gap(1), good = everything(HARVEST), *page;

	states_touch(&vmm);
	EXPECT_ERR(ioctl(scanner.fd, KVM_IDLE_SCAN, NULL), EFAULT);
	EXPECT_ERR(ioctl(scanner.fd, KVM_IDLE_SCAN, gap), EFAULT);
	good.size = sizeof(good);
	memcpy((uint8_t *)gap - 40, &good, 40);
	EXPECT_ERR(ioctl(scanner.fd, KVM_IDLE_SCAN, (uint8_t *)gap - 40), EFAULT);
	/* Can be read, and not written: found out before anything is harvested. */
	page = gap - 1;
	*page = good;
	if (mprotect((void *)((uintptr_t)page & -PAGE_SIZE), PAGE_SIZE, PROT_READ))
		die("mprotect: %m");
	EXPECT_ERR(ioctl(scanner.fd, KVM_IDLE_SCAN, page), EFAULT);
	scan_whole(scanner.fd, HARVEST, &map);
	scan_expect_exact(&scanner, &map, "after EFAULT");
	baseline();
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void signals_lose_nothing(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 300 }, { 0, 300 } }, off = { 0 };
	unsigned long calls = 0;

	sigaction(SIGALRM, &action, NULL);
	for (int round = 0; round < 20; round++) {
		struct kvm_idle_scan a = everything(HARVEST | (round % 2 ? HVA : 0));

		states_touch(&vmm);
		scan_map_clear(&map);
		setitimer(ITIMER_REAL, &often, NULL);
		calls += scan_to_end(scanner.fd, &a, vmm.total_pages, &map);
		setitimer(ITIMER_REAL, &off, NULL);
		scan_expect_exact(&scanner, &map, "under a rain of signals");
	}
	ktap_diag("20 scans took %lu calls", calls);
	baseline();
}

/* Flushes */

static uint64_t flushes(void)
{
	return idle_info(scanner.fd).flushes;
}

static void a_pass_ends_where_memory_does(void)
{
	struct kvm_idle_scan a = everything(HARVEST);
	uint64_t before, last = vmm.slot[0].gpa;

	baseline();
	for (unsigned int i = 1; i < vmm.nr_slots; i++)
		last = vmm.slot[i].gpa;

	vmm_touch(&vmm, NULL, 0);
	before = flushes();
	a.end = PAGE_SIZE;
	EXPECT_OK(scan_call(scanner.fd, &a), 0);
	EXPECT_OK(flushes(), before);
	a.start = PAGE_SIZE;
	a.end = last;
	EXPECT_OK(scan_call(scanner.fd, &a), 0);
	EXPECT_OK(flushes(), before);
	a.start = last;
	a.end = vmm.end_gfn * PAGE_SIZE;
	EXPECT_OK(scan_call(scanner.fd, &a), 0);
	EXPECT_OK(flushes(), before + 1);

	/* To go back pays too; and to look at the end does not. */
	vmm_touch(&vmm, NULL, 0);
	before = flushes();
	a.start = 0;
	a.end = 100 * PAGE_SIZE;
	EXPECT_OK(scan_call(scanner.fd, &a), 0);
	a.flags = 0;
	a.start = last;
	a.end = SCAN_END;
	EXPECT_OK(scan_call(scanner.fd, &a), 0);
	EXPECT_OK(flushes(), before);
	a.flags = HARVEST;
	a.start = 0;
	a.end = PAGE_SIZE;
	EXPECT_OK(scan_call(scanner.fd, &a), 0);
	EXPECT_OK(flushes(), before + 1);
	baseline();
}

/* Arguments */

static void refused(int fd, struct kvm_idle_scan a, int err)
{
	EXPECT_ERR(scan_call(fd, &a), err);
}

static void arguments(void)
{
	struct {
		struct kvm_idle_scan known;
		uint64_t newer;
	} large = { .known = everything(0) };
	struct kvm_idle_region vec[2];
	const struct kvm_idle_scan good = {
		.end = SCAN_END, .vec = (uintptr_t)vec, .vec_len = 2, .return_mask = 1,
	};
	int write_only = idle_file(0, O_WRONLY | O_CLOEXEC);
	struct kvm_idle_scan a = good;

#define REFUSED(member, value, err) do {		\
	a = good;					\
	a.member = (value);				\
	refused(scanner.fd, a, err);			\
} while (0)
	REFUSED(flags, 4, EINVAL);
	REFUSED(flags, 1ULL << 63, EINVAL);
	REFUSED(category_inverted, 1ULL << 6, EINVAL);
	REFUSED(category_mask, 1ULL << 63, EINVAL);
	REFUSED(category_anyof_mask, 1ULL << 32, EINVAL);
	REFUSED(return_mask, 1ULL << 6, EINVAL);
	REFUSED(start, 1, EINVAL);
	REFUSED(start, PAGE_SIZE / 2, EINVAL);
	REFUSED(vec, 0, EINVAL);
	a = good;
	a.start = 2 * PAGE_SIZE;
	a.end = 2 * PAGE_SIZE - 1;
	refused(scanner.fd, a, EINVAL);
	/* As PAGEMAP_SCAN: no room is as no array. */
	a = good;
	a.vec_len = 0;
	EXPECT_OK(scan_call(scanner.fd, &a), 0);
	/* What was refused was not walked; and nothing is filled in. */
	REFUSED(flags, 4, EINVAL);
	EXPECT_OK(a.walk_end, 0);

	a = good;
	a.flags = HARVEST;
	refused(peeker, a, EBADF);
	refused(write_only, a, EBADF);
	a.flags = 0;
	EXPECT(scan_call(peeker, &a) > 0);
	EXPECT(scan_call(write_only, &a) > 0);

	a = good;
	a.size = 0;
	EXPECT_ERR(ioctl(scanner.fd, KVM_IDLE_SCAN, &a), EINVAL);
	a.size = KVM_IDLE_SCAN_SIZE_V1 - 8;
	EXPECT_ERR(ioctl(scanner.fd, KVM_IDLE_SCAN, &a), EINVAL);
	a.size = 1ULL << 32 | KVM_IDLE_SCAN_SIZE_V1;
	EXPECT_ERR(ioctl(scanner.fd, KVM_IDLE_SCAN, &a), E2BIG);
	/* A caller that is newer than the module. */
	large.known.size = sizeof(large);
	EXPECT_OK(ioctl(scanner.fd, KVM_IDLE_SCAN, &large), 0);
	EXPECT_OK(large.known.size, sizeof(a));
	large.known.size = sizeof(large);
	large.newer = 1;
	EXPECT_ERR(ioctl(scanner.fd, KVM_IDLE_SCAN, &large), E2BIG);
	close(write_only);
}

/* DIRTY */

/* Slot 1 of a VM whose memory nobody has written yet: a page that is only read has no bit. */
static void dirty(void)
{
	struct vmm fresh = { .unpopulated = true };
	struct kvm_idle_select_vm second = { .size = sizeof(second), .index = 1 };
	struct kvm_idle_region vec[200];
	struct kvm_idle_scan a = {
		.end = SCAN_END, .vec = (uintptr_t)vec, .vec_len = 200,
		.category_mask = KVM_IDLE_PAGE_DIRTY,
		.return_mask = KVM_IDLE_PAGE_DIRTY | KVM_IDLE_PAGE_PRESENT,
	};
	struct scan_map seen;
	uint64_t gfn, pages = 128;
	int fd;

	if (!(idle_info(scanner.fd).flags & KVM_IDLE_INFO_HW_DIRTY)) {
		__u64 *const mask[] = { &a.category_mask, &a.category_anyof_mask, &a.return_mask };

		for (int i = 0; i < 3; i++) {
			a.category_mask = a.category_anyof_mask = a.return_mask = 0;
			*mask[i] = KVM_IDLE_PAGE_DIRTY;
			refused(scanner.fd, a, EOPNOTSUPP);
		}
		/* Where it is of no consequence it may stand. */
		a.return_mask = 0;
		a.category_inverted = KVM_IDLE_PAGE_DIRTY;
		EXPECT(scan_call(scanner.fd, &a) > 0, "%m");
		ktap_diag("no dirty bits here: refused");
		return;
	}
	if (thp) {
		ktap_skip("a page that is only read is a matter of small pages");
		return;
	}
	vmm_two_slots(&fresh, 8);
	vmm_start(&fresh);
	scan_map_init(&seen, &fresh);
	fd = idle_file(0, O_RDWR | O_CLOEXEC);
	EXPECT_OK(ioctl(fd, KVM_IDLE_SELECT_VM, &second), 0);
	/* Nothing is mapped yet. */
	EXPECT_OK(scan_call(fd, &a), 0);

	gfn = fresh.slot[1].gpa / PAGE_SIZE + 20;
	a.start = fresh.slot[1].gpa;
	for (uint64_t i = 0; i < pages; i++)
		vmm_touch_range(&fresh, gfn + i, 1, i % 3 == 0);
	for (int harvest = 0; harvest < 3; harvest++) {
		uint64_t wrong = 0;
		int n;

		/* Not cleared by a harvest; and a read changes nothing. */
		a.flags = harvest == 1 ? HARVEST : 0;
		scan_map_clear(&seen);
		n = scan_call(fd, &a);
		EXPECT(n > 0, "%m");
		for (int i = 0; i < n; i++)
			scan_map_add(&seen, &vec[i], false);
		for (uint64_t i = 0; i < pages; i++)
			wrong += !(seen.of[gfn + i] & KVM_IDLE_PAGE_DIRTY) == (i % 3 == 0);
		EXPECT(!wrong, "%lu of %lu pages", wrong, pages);
		if (harvest == 1)
			vmm_touch_range(&fresh, gfn, pages, false);
	}
	vmm_touch_range(&fresh, gfn + 1, 1, true);
	EXPECT(scan_call(fd, &a) > 0, "%m");
	EXPECT(vec[0].start == gfn * PAGE_SIZE && vec[0].end == (gfn + 2) * PAGE_SIZE,
	       "%#llx to %#llx", vec[0].start, vec[0].end);
	scan_map_free(&seen);
	close(fd);
	vmm_stop(&fresh);
}

/* HOST_YOUNG */

static void forget_translations(void)
{
	size_t bytes = 256 * PAGE_SIZE;
	uint8_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap: %m");
	memset(p, 1, bytes);
	munmap(p, bytes);
}

static void set_host(int fd, bool on)
{
	struct kvm_idle_options o = { .size = sizeof(o), .set = KVM_IDLE_OPTION_HOST, .host = on };

	if (ioctl(fd, KVM_IDLE_SET_OPTIONS, &o))
		die("KVM_IDLE_SET_OPTIONS: %m");
}

/* Pages of the last large slot that are mapped; the host touches some, the guest others. */
static void host_young(void)
{
	const struct vmm_slot *slot = &vmm.slot[2];
	uint64_t gfn = slot->gpa / PAGE_SIZE, n = slot->bytes / PAGE_SIZE;
	uint64_t unit = thp ? HUGE_PAGES : 1, host = 0, guest = 0, both = 0, wrong = 0;
	struct kvm_idle_scan a = everything(HARVEST);

	if (!(idle_info(scanner.fd).flags & KVM_IDLE_INFO_SHARED)) {
		ktap_skip("the host's page aging is not shared here");
		return;
	}
	baseline();
	set_host(scanner.fd, true);
	vmm_touch_range(&vmm, gfn, n, true);
	baseline();
	forget_translations();
	for (uint64_t i = 0; i < n; i += unit)
		if (i / unit % 2)
			*(volatile uint8_t *)(slot->hva + i * PAGE_SIZE) = 1;
	for (uint64_t i = 0; i < n; i += unit * 3)
		vmm_touch_range(&vmm, gfn + i, 1, false);

	for (int look = 0; look < 3; look++) {
		a.flags = look ? HARVEST : 0;
		scan_map_clear(&map);
		scan_to_end(scanner.fd, &a, vmm.total_pages, &map);
		for (uint64_t i = 0; i < n; i++) {
			bool h = i / unit % 2 && look < 2, g = i / unit % 3 == 0 && look < 2;
			uint8_t want = SCAN_TOLD | KVM_IDLE_PAGE_PRESENT |
				       (unit > 1 ? KVM_IDLE_PAGE_HUGE_2M : 0) |
				       (h ? KVM_IDLE_PAGE_HOST_YOUNG : 0) | (g ? KVM_IDLE_PAGE_YOUNG : 0);
			/* Mixed, where the slot is not of small pages alone. */
			uint8_t got = map.of[gfn + i] & (unit > 1 ? 0xff : ~KVM_IDLE_PAGE_HUGE_2M);

			wrong += got != want;
			host += h && !g;
			guest += g && !h;
			both += g && h;
		}
		EXPECT(!wrong, "%lu pages at look %d", wrong, look);
		wrong = 0;
	}
	EXPECT(host && guest && both);
	set_host(scanner.fd, false);
	forget_translations();
	*(volatile uint8_t *)slot->hva = 1;
	scan_whole(scanner.fd, HARVEST, &map);
	EXPECT(!(map.of[gfn] & KVM_IDLE_PAGE_HOST_YOUNG));
	gfnset_clear(scanner.due);
	gfnset_clear(&vmm.young);
	baseline();
}

static void setup(void)
{
	struct kvm_idle_info info;

	random_seed(seed);
	vmm.nr_vcpus = vcpus;
	vmm.thp = thp;
	states_layout(&vmm, mem);
	vmm_start(&vmm);
	idle_open(&scanner, &vmm, O_RDWR);
	idle_open(&reader, &vmm, O_RDWR);
	idle_open(&slow, &vmm, O_RDWR);
	peeker = idle_file(0, O_RDONLY | O_CLOEXEC);
	scan_map_init(&map, &vmm);
	scan_map_init(&other, &vmm);
	info = idle_info(scanner.fd);
	states_begin(&vmm, info.flags & KVM_IDLE_INFO_SHARED);
	vmm_touch(&vmm, NULL, 0);
	info = idle_info(scanner.fd);
	if (info.flags & KVM_IDLE_INFO_HW_DIRTY)
		categories = KVM_IDLE_PAGE_ALL;
	ktap_diag("source %u, format %u, flags %#x, %lu pages in %u slots", info.source,
		  info.format, info.flags, vmm.total_pages, vmm.nr_slots);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "states", "random states to compare in", .number = &states },
		{ "mem", "MiB of guest memory", .number = &mem },
		{ "vcpus", "virtual CPUs", .number = &vcpus },
		{ "device", "by way of /dev/kvm_idle", .flag = &idle_by_device },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "what is no argument is refused", arguments },
		{ "scan, look and bitmap agree with the truth in random states", states_agree },
		{ "addresses are those of the slots", addresses_are_those_of_the_slots },
		{ "random filters let pass what they should", random_filters },
		{ "it stops at the page that does not fit", stops },
		{ "a harvest in parts tells all, and nothing twice", harvests_in_parts },
		{ "all that was walked is harvested, and no more", harvests_what_it_walks },
		{ "a harvest page by page, backwards", page_by_page },
		{ "what was touched, with nothing left of it", nothing_left_of_it },
		{ "who only looks", looks_only },
		{ "a fault in the array loses nothing", faults_lose_nothing },
		{ "a fault in the argument loses nothing", fault_in_the_argument },
		{ "signals lose nothing", signals_lose_nothing },
		{ "a pass ends where guest memory does", a_pass_ends_where_memory_does },
		{ "DIRTY", dirty },
		{ "HOST_YOUNG", host_young },
	};

	options_parse(argc, argv, "Compare KVM_IDLE_SCAN with the truth, and with the bitmap.", options);
	return KTAP_RUN(setup, tests);
}
