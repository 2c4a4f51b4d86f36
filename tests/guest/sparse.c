// SPDX-License-Identifier: GPL-2.0-only
/*
 * A large guest of which little is used: 64 GiB, a few pages of it touched. What a look at
 * all of it costs, in time and in memory, and that it is right all the same.
 *
 * The guest's addresses have 32 bits. So its paging is on, with pages of 4 MiB, which may lie
 * above 4 GiB (PSE-36): slot 0 is mapped one to one, and behind it are windows to the places
 * that it is to touch.
 */
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "ktap.h"
#include "options.h"
#include "scanning.h"

#define GIB		(1UL << 30)
#define WINDOW		(4 * MIB)
#define SLOT_GPA	(4 * GIB)
#define SMALL_BYTES	(128 * MIB)	/* slot 0: code, and lists as long as could be */
#define MAX_PLACES	256

/* Of an entry that maps 4 MiB: P, W, U, A, D, PS. */
#define ENTRY_FLAGS	0xe7UL

static unsigned long gib = 64, places = 32, most_ms = 200, passes = 5, seed = 1;
static bool hold;

static struct vmm vmm;
static uint64_t place[MAX_PLACES], table_gfn;
static struct idle_reader reader, other;
static struct scan_map map;

/* Where guest paging leads to. */
static void make_windows(void)
{
	uint32_t *table = vmm_hva(&vmm, table_gfn << PAGE_SHIFT);
	unsigned int low = SMALL_BYTES / WINDOW;

	memset(table, 0, PAGE_SIZE);
	for (unsigned int i = 0; i < low; i++)
		table[i] = i * WINDOW | ENTRY_FLAGS;
	for (unsigned int i = 0; i < places; i++) {
		uint64_t gpa = (place[i] << PAGE_SHIFT) & -WINDOW;

		table[low + i] = (uint32_t)gpa | (gpa >> 32) << 13 | ENTRY_FLAGS;
	}
}

static void turn_paging_on(void)
{
	struct kvm_sregs sregs;

	if (ioctl(vmm.vcpu[0].fd, KVM_GET_SREGS, &sregs))
		die("KVM_GET_SREGS: %m");
	sregs.cr3 = table_gfn << PAGE_SHIFT;
	sregs.cr4 |= 0x10;		/* PSE */
	sregs.cr0 |= 0x80000000UL;	/* PG */
	if (ioctl(vmm.vcpu[0].fd, KVM_SET_SREGS, &sregs))
		die("KVM_SET_SREGS: %m");
}

/* Every @step'th place. To the guest they are elsewhere: so the truth is told here. */
static void touch_places(unsigned int step)
{
	uint32_t list[MAX_PLACES];
	size_t n = 0;

	for (unsigned int i = 0; i < places; i += step)
		list[n++] = SMALL_BYTES + i * WINDOW + (place[i] << PAGE_SHIFT) % WINDOW;
	vmm_touched(&vmm, &vmm.mmu, table_gfn);
	for (unsigned int i = 0; i < places; i += step)
		vmm_touched(&vmm, &vmm.mmu, place[i]);
	vmm_touch(&vmm, list, n);
}

/* What is measured */

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000000000UL + t.tv_nsec;
}

static double system_ms(void)
{
	struct rusage u;

	getrusage(RUSAGE_THREAD, &u);
	return u.ru_stime.tv_sec * 1e3 + u.ru_stime.tv_usec / 1e3;
}

static unsigned long own_memory_kb(void)
{
	FILE *f = fopen("/proc/self/status", "re");
	unsigned long kb = 0;
	char line[128];

	if (!f)
		die("/proc/self/status: %m");
	while (fgets(line, sizeof(line), f) && sscanf(line, "VmHWM: %lu kB", &kb) != 1)
		;
	fclose(f);
	return kb;
}

static void report(const char *what, uint64_t ns, double ms)
{
	ktap_diag("%s: %.2f ms of processor time a pass, by getrusage %.2f ms of system time", what,
		  ns / 1e6 / passes, ms / passes);
	EXPECT(ns / passes < most_ms * 1000000, "%s takes %.2f ms a pass", what, ns / 1e6 / passes);
}

static void expect_small_state(void)
{
	struct kvm_idle_info info = idle_info(reader.fd);

	ktap_diag("the module's memory for it: %llu KiB", info.state_bytes / 1024);
	/* Of each slice with something in it, a few maps of 4 KiB; of the rest, next to nothing. */
	EXPECT(info.state_bytes < (places + 8) * 24 * 1024 + MIB, "%llu bytes", info.state_bytes);
}

/* A scan of what is there, as a tool does it: holes are not told. */
static void pass_of_scans(uint64_t flags, const char *what)
{
	struct kvm_idle_region vec[2 * MAX_PLACES + 64];
	uint64_t ns = 0;
	double ms = 0;

	for (unsigned long i = 0; i < passes; i++) {
		struct kvm_idle_scan a = {
			.flags = flags, .end = SCAN_END,
			.vec = (uintptr_t)vec, .vec_len = sizeof(vec) / sizeof(vec[0]),
			.category_mask = KVM_IDLE_PAGE_PRESENT,
			.return_mask = KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_YOUNG,
		};
		uint64_t young = 0, present = 0, begun;
		int n;

		touch_places(1 + i % 3);
		ms -= system_ms();
		begun = cpu_ns();
		n = scan_call(reader.fd, &a);
		ns += cpu_ns() - begun;
		ms += system_ms();
		EXPECT(n > 0, "%m");
		EXPECT_OK(a.walk_end, a.end);
		for (int r = 0; r < n; r++) {
			uint64_t pages = (vec[r].end - vec[r].start) / PAGE_SIZE;

			present += pages;
			if (!(vec[r].categories & KVM_IDLE_PAGE_YOUNG))
				continue;
			young += pages;
			for (uint64_t p = vec[r].start; p < vec[r].end; p += PAGE_SIZE)
				EXPECT(gfnset_has(reader.due, p >> PAGE_SHIFT), "%#lx", p);
		}
		EXPECT_OK(young, gfnset_count(reader.due));
		EXPECT_OK(present, gfnset_count(&vmm.mapped));
		if (flags & KVM_IDLE_SCAN_HARVEST)
			gfnset_clear(reader.due);
	}
	report(what, ns, ms);
}

static void looked_at_by_scan(void)
{
	idle_baseline(&reader);
	pass_of_scans(0, "SCAN that looks");
	expect_small_state();
}

static void harvested_by_scan(void)
{
	idle_baseline(&reader);
	pass_of_scans(KVM_IDLE_SCAN_HARVEST, "SCAN that harvests");
	expect_small_state();
}

static void read_as_a_bitmap(void)
{
	size_t bytes = idle_bitmap_bytes(&vmm);
	uint64_t *bitmap = malloc(bytes), ns = 0;
	double ms = 0;

	idle_baseline(&reader);
	for (unsigned long i = 0; i < passes; i++) {
		struct idle_verdict verdict = { 0 };
		uint64_t begun;

		touch_places(1 + i % 3);
		memset(bitmap, 0xff, bytes);
		ms -= system_ms();
		begun = cpu_ns();
		EXPECT_OK(pread(reader.fd, bitmap, bytes, 0), bytes);
		ns += cpu_ns() - begun;
		ms += system_ms();
		idle_compare(&reader, bitmap, bytes, 0, &verdict);
		idle_expect_exact(&verdict, "the bitmap");
	}
	report("the bitmap", ns, ms);
	expect_small_state();
	free(bitmap);
}

/* Each page of it, holes and all, in one region for each hole. */
static void all_of_it_is_told(void)
{
	idle_baseline(&reader);
	touch_places(2);
	scan_whole(reader.fd, KVM_IDLE_SCAN_HARVEST, &map);
	scan_expect_exact(&reader, &map, "by guest address");
	EXPECT(map.regions < 4 * places + 64, "%lu regions", map.regions);
	touch_places(3);
	scan_whole(reader.fd, KVM_IDLE_SCAN_HARVEST | KVM_IDLE_SCAN_HVA, &map);
	scan_expect_exact(&reader, &map, "by host address");
	scan_whole(other.fd, 0, &map);
	scan_expect_peek(&other, &map, "another reader");
	ktap_diag("%lu regions; the program's own memory: %lu KiB at most", map.regions,
		  own_memory_kb());
}

static void setup(void)
{
	random_seed(seed);
	if (places > MAX_PLACES || !places || !passes)
		die("--places is 1 to %d, --passes at least 1", MAX_PLACES);
	vmm.unpopulated = true;
	vmm.nr_slots = 2;
	vmm.slot[0] = (struct vmm_slot){ .gpa = 0, .bytes = SMALL_BYTES };
	vmm.slot[1] = (struct vmm_slot){ .gpa = SLOT_GPA, .bytes = gib * GIB };
	vmm_start(&vmm);
	/* The host has no memory for KVM's older MMU to map as neighbours. */
	vmm.mmu.prefetches = false;
	table_gfn = vmm.first_free_gfn;
	/* Spread over all of it, the first and the last page among them. */
	for (unsigned int i = 0; i < places; i++)
		place[i] = SLOT_GPA / PAGE_SIZE +
			   (i * (gib * GIB / PAGE_SIZE / places) + random_below(WINDOW / PAGE_SIZE));
	place[0] = SLOT_GPA / PAGE_SIZE;
	place[places - 1] = vmm.end_gfn - 1;
	make_windows();
	turn_paging_on();
	if (hold)
		return;
	idle_open(&reader, &vmm, O_RDWR);
	idle_open(&other, &vmm, O_RDWR);
	scan_map_init(&map, &vmm);
	touch_places(1);
}

static void __attribute__((noreturn)) stay(void)
{
	setup();
	touch_places(1);
	printf("places=%lu mapped_pages=%lu bytes=%lu\n", places, gfnset_count(&vmm.mapped),
	       SMALL_BYTES + gib * GIB);
	printf("READY pid=%d page_size=%lu\n", getpid(), PAGE_SIZE);
	fflush(stdout);
	for (;;)
		pause();
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "gib", "GiB of guest memory", .number = &gib },
		{ "places", "pages of it that are touched", .number = &places },
		{ "passes", "passes that are measured", .number = &passes },
		{ "most-ms", "processor time that one may take, in ms", .number = &most_ms },
		{ "hold", "say READY, and stay until killed", .flag = &hold },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "looked at by a scan", looked_at_by_scan },
		{ "harvested by a scan", harvested_by_scan },
		{ "read as a bitmap", read_as_a_bitmap },
		{ "all of it is told", all_of_it_is_told },
	};

	options_parse(argc, argv, "Look at a large guest that uses little of its memory.", options);
	if (hold)
		stay();
	return KTAP_RUN(setup, tests);
}
