// SPDX-License-Identifier: GPL-2.0-only
/*
 * Three ways to ask, one answer: in each of many random states of a guest's memory, its
 * bitmap, KVM_IDLE_SCAN and the stream of idle_pages say the same of each page, and what they
 * say is so.
 */
#include <linux/idle_pages.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "pages_reader.h"
#include "scanning.h"
#include "states.h"

static unsigned long states = 50, mem = 64, vcpus = 1, seed = 1;
static bool thp;

static struct vmm vmm;
static struct idle_reader reader, scanner;
static int pages_fd;
static struct scan_map map;
static uint64_t *bitmap;
static uint8_t *said;	/* of each gfn, EXTENT_NOTHING where there is no slot */

static void read_extents(void)
{
	uint64_t start, end;
	uint8_t *all;

	vmm_hva_range(&vmm, &start, &end);
	all = malloc((end - start) / PAGE_SIZE);
	pages_read_all(pages_fd, start, end, all);
	memset(said, EXTENT_NOTHING, vmm.end_gfn);
	for (unsigned int i = 0; i < vmm.nr_slots; i++)
		memcpy(said + vmm.slot[i].gpa / PAGE_SIZE,
		       all + ((uintptr_t)vmm.slot[i].hva - start) / PAGE_SIZE,
		       vmm.slot[i].bytes / PAGE_SIZE);
	free(all);
}

/* What the stream says of a page that has these categories. */
static bool is_said(uint8_t categories, uint8_t is)
{
	bool huge = categories & KVM_IDLE_PAGE_HUGE_2M;

	if (!(categories & KVM_IDLE_PAGE_PRESENT))
		return pages_heat(is) == PAGES_HOLE;
	if (categories & KVM_IDLE_PAGE_YOUNG)
		return is == (huge ? EXTENT_PMD_ACCESSED : EXTENT_PTE_ACCESSED);
	return is == (huge ? EXTENT_PMD_IDLE : EXTENT_PTE_IDLE);
}

static void expect_extents_agree(const char *what)
{
	unsigned int wrong = 0;

	for (uint64_t gfn = 0; gfn < vmm.end_gfn; gfn++)
		if (map.of[gfn] & SCAN_TOLD && !is_said(map.of[gfn], said[gfn]) && wrong++ < 4)
			ktap_diag("%s: gfn %#lx: scan %#x, extents %s", what, gfn, map.of[gfn],
				  extent_name[said[gfn]]);
	EXPECT(!wrong, "%s: of %u pages scan and extents disagree", what, wrong);
}

static void read_bitmap(void)
{
	size_t bytes = idle_bitmap_bytes(&vmm);
	struct idle_verdict verdict = { 0 };

	EXPECT_OK(pread(reader.fd, bitmap, bytes, 0), bytes);
	idle_compare(&reader, bitmap, bytes, 0, &verdict);
	idle_expect_exact(&verdict, "bitmap");
}

static void all_agree(void)
{
	uint64_t count[EXTENT_TYPES + 1] = { 0 };

	scan_whole(scanner.fd, KVM_IDLE_SCAN_HARVEST, &map);
	scan_expect_exact(&scanner, &map, "at first");
	for (unsigned long i = 0; i < states; i++) {
		char what[32];

		snprintf(what, sizeof(what), "state %lu", i);
		states_next(&vmm);
		/* Each goes first once in a while. */
		for (unsigned long k = i; k < i + 3; k++) {
			if (k % 3 == 0)
				read_bitmap();
			else if (k % 3 == 1)
				scan_whole(scanner.fd, KVM_IDLE_SCAN_HARVEST, &map);
			else
				read_extents();
		}
		scan_expect_exact(&scanner, &map, what);
		scan_expect_agree(&map, bitmap, what);
		expect_extents_agree(what);
		for (uint64_t gfn = 0; gfn < vmm.end_gfn; gfn++)
			count[said[gfn]] += !!(map.of[gfn] & SCAN_TOLD);
	}
	EXPECT(count[thp ? EXTENT_PMD_ACCESSED : EXTENT_PTE_ACCESSED] > states);
	EXPECT(count[thp ? EXTENT_PMD_IDLE : EXTENT_PTE_IDLE] > states);
	EXPECT(thp || count[EXTENT_PTE_HOLE] + count[EXTENT_PMD_HOLE] + count[EXTENT_NOTHING] > states);
	for (int type = 0; type <= EXTENT_TYPES; type++)
		if (count[type])
			ktap_diag("%s: %lu pages", extent_name[type], count[type]);
}

static void setup(void)
{
	unsigned int flags = SCAN_IGN_HOST;

	random_seed(seed);
	vmm.thp = thp;
	vmm.nr_vcpus = vcpus;
	states_layout(&vmm, mem);
	vmm_start(&vmm);
	idle_open(&reader, &vmm, O_RDWR);
	idle_open(&scanner, &vmm, O_RDWR);
	states_begin(&vmm, idle_info(reader.fd).flags & KVM_IDLE_INFO_SHARED);
	pages_fd = pages_file(0, O_RDONLY);
	if (ioctl(pages_fd, IDLE_SCAN_ADD_FLAGS, &flags))
		die("IDLE_SCAN_ADD_FLAGS: %m");
	scan_map_init(&map, &vmm);
	bitmap = malloc(idle_bitmap_bytes(&vmm));
	said = malloc(vmm.end_gfn);
	/* What is young by now is due to all. */
	vmm_touch(&vmm, NULL, 0);
	idle_baseline(&reader);
	read_extents();
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "states", "how many", .number = &states },
		{ "mem", "MiB of guest memory", .number = &mem },
		{ "vcpus", "vCPUs", .number = &vcpus },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "bitmap, scan and extents agree in each state", all_agree },
	};

	options_parse(argc, argv, "Bitmap, KVM_IDLE_SCAN and extents of the same pass.", options);
	return KTAP_RUN(setup, tests);
}
