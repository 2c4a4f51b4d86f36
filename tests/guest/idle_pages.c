// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID/idle_pages of a virtual machine: what the stream says of each page, against what
 * the guest did; and the rules of the file.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/idle_pages.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "arch.h"
#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "page_idle.h"
#include "pages_reader.h"
#include "rounds.h"
#include "scanning.h"

static unsigned long rounds = 10, mem = 24, seed = 1;
static bool thp, odd;

static struct vmm vmm;
/* What was said of all memory from the first slot's to the last one's, and of one slot. */
static uint8_t *all, *said;
static uint64_t all_start, all_end;

/* Readers: each with its own account of what it must be told. */

struct reader {
	int fd;
	struct gfnset due;
};

static void add_flags(int fd, unsigned int flags)
{
	if (ioctl(fd, IDLE_SCAN_ADD_FLAGS, &flags))
		die("IDLE_SCAN_ADD_FLAGS: %m");
}

static void remove_flags(int fd, unsigned int flags)
{
	if (ioctl(fd, IDLE_SCAN_REMOVE_FLAGS, &flags))
		die("IDLE_SCAN_REMOVE_FLAGS: %m");
}

static uint64_t slot_start(int i)
{
	return (uintptr_t)vmm.slot[i].hva;
}

static uint64_t slot_end(int i)
{
	return slot_start(i) + vmm.slot[i].bytes;
}

static uint64_t slot_gfn(int i)
{
	return vmm.slot[i].gpa / PAGE_SIZE;
}

static uint64_t slot_pages(int i)
{
	return vmm.slot[i].bytes / PAGE_SIZE;
}

/* All slots, for a read does not end with one; a @count of 0: in one read. Then look at one. */
static void read_slots(int fd, size_t count)
{
	if (count)
		pages_read(fd, all_start, all_end, count, all);
	else
		pages_read_all(fd, all_start, all_end, all);
}

static void look_at_slot(int slot)
{
	said = all + (slot_start(slot) - all_start) / PAGE_SIZE;
}

static void read_slot(int fd, int slot)
{
	read_slots(fd, 0);
	look_at_slot(slot);
}

/* With nothing due any more. */
static void reader_open(struct reader *r, int flags, unsigned int ioctl_flags)
{
	r->fd = pages_file(0, flags);
	add_flags(r->fd, ioctl_flags);
	gfnset_init(&r->due, vmm.end_gfn);
	vmm_observe(&vmm, &r->due);
	read_slots(r->fd, 0);
	gfnset_clear(&r->due);
}

static void reader_close(struct reader *r)
{
	vmm_unobserve(&vmm, &r->due);
	gfnset_free(&r->due);
	close(r->fd);
}

/* What must be said of a page by who ignores the host. */
static bool page_is_right(const struct reader *r, uint64_t gfn, uint8_t is)
{
	bool huge = vmm_leaf_pages(&vmm.mmu, gfn) > 1;

	if (!gfnset_has(&vmm.mapped, gfn))
		return pages_heat(is) == PAGES_HOLE;
	if (gfnset_has(&r->due, gfn))
		return is == (huge ? EXTENT_PMD_ACCESSED : EXTENT_PTE_ACCESSED);
	return is == (huge ? EXTENT_PMD_IDLE : EXTENT_PTE_IDLE);
}

static void expect_slot(struct reader *r, int slot)
{
	unsigned int wrong = 0;

	for (uint64_t i = 0; i < slot_pages(slot); i++) {
		uint64_t gfn = slot_gfn(slot) + i;

		if (!page_is_right(r, gfn, said[i]) && wrong++ < 4)
			ktap_diag("gfn %#lx: said %s; %s, %s", gfn, extent_name[said[i]],
				  gfnset_has(&vmm.mapped, gfn) ? "mapped" : "hole",
				  gfnset_has(&r->due, gfn) ? "touched" : "not touched");
	}
	EXPECT(!wrong, "%u wrong pages of slot %d", wrong, slot);
	gfnset_del_range(&r->due, slot_gfn(slot), slot_pages(slot));
}

static void expect_exact(struct reader *r, size_t count)
{
	read_slots(r->fd, count);
	for (unsigned int i = 0; i < vmm.nr_slots; i++) {
		look_at_slot(i);
		expect_slot(r, i);
	}
}

static void touch_some(unsigned long round)
{
	touch_random(&vmm, vmm.total_pages, round_size(round, rounds, vmm.total_pages / 2));
}

static void what_the_guest_touched(void)
{
	struct reader r;

	reader_open(&r, O_RDONLY, SCAN_IGN_HOST);
	for (unsigned long round = 0; round < rounds; round++) {
		touch_some(round);
		expect_exact(&r, 0);
	}
	expect_exact(&r, 0);
	reader_close(&r);
}

/* However small the buffer is. */
static void in_pieces(void)
{
	static const size_t count[] = { 20, 21, 29, 30, 64, 1000, 4096, 8000, 8001, 8020, 100000 };
	struct reader r;

	reader_open(&r, O_RDWR, SCAN_IGN_HOST);
	for (size_t i = 0; i < sizeof(count) / sizeof(count[0]); i++) {
		touch_random(&vmm, vmm.total_pages, vmm.total_pages / 8);
		expect_exact(&r, count[i]);
	}
	reader_close(&r);
}

/* Of each other, and of a reader of the bitmap. */
static void nothing_is_lost(void)
{
	struct idle_reader bitmap;
	struct reader a, b;

	reader_open(&a, O_RDONLY, SCAN_IGN_HOST);
	reader_open(&b, O_RDWR, SCAN_IGN_HOST);
	idle_open(&bitmap, &vmm, O_RDWR);
	idle_baseline(&bitmap);
	for (unsigned long round = 0; round < rounds; round++) {
		struct idle_verdict verdict = { 0 };

		touch_some(round);
		expect_exact(&a, round % 2 ? 4096 : 0);
		if (round % 3 == 2)
			expect_exact(&b, 0);
		if (round % 4 == 3) {
			idle_check_all(&bitmap, &verdict);
			idle_expect_exact(&verdict, "the bitmap");
		}
	}
	expect_exact(&b, 0);
	idle_close(&bitmap);
	reader_close(&b);
	reader_close(&a);
}

/* Where the guest maps nothing, the host's tables answer. */

static void forget_translations(void)
{
	size_t bytes = 256 * PAGE_SIZE;
	uint8_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memset(p, 1, bytes);
	munmap(p, bytes);
}

static uint64_t find_hole(uint64_t from)
{
	for (uint64_t i = from; i < slot_pages(1); i++)
		if (!gfnset_has(&vmm.mapped, slot_gfn(1) + i))
			return i;
	return slot_pages(1);
}

static void where_the_guest_maps_nothing(void)
{
	struct idle_reader bitmap;
	struct reader r, other;
	uint64_t holes = 0;

	reader_open(&r, O_RDONLY, 0);
	reader_open(&other, O_RDONLY, 0);
	idle_open(&bitmap, &vmm, O_RDWR);
	for (unsigned long round = 0; round < rounds; round++) {
		uint64_t hole = find_hole(random_below(slot_pages(1)));
		unsigned int wrong = 0, hot = 0;

		forget_translations();
		if (hole < slot_pages(1))
			*(volatile uint8_t *)(vmm.slot[1].hva + hole * PAGE_SIZE) = 3;
		/* Others do not take it away. */
		idle_baseline(&bitmap);
		read_slot(r.fd, 1);
		for (uint64_t i = 0; i < slot_pages(1); i++) {
			uint64_t leaf = vmm.mmu.leaf_pages, first = hole / leaf * leaf;
			bool mapped = gfnset_has(&vmm.mapped, slot_gfn(1) + i);
			enum pages_heat is = pages_heat(said[i]);

			if (mapped)
				continue;
			holes++;
			hot += is == PAGES_HOT;
			if (is != (i >= first && i < first + leaf ? PAGES_HOT : PAGES_IDLE))
				wrong++;
		}
		EXPECT(!wrong, "%u wrong, %u hot", wrong, hot);
		/* Another file is told of it, too. */
		if (hole < slot_pages(1)) {
			read_slot(other.fd, 1);
			EXPECT(pages_heat(said[hole]) == PAGES_HOT, "%s", extent_name[said[hole]]);
		}
		/* And it is idle now. */
		if (hole < slot_pages(1)) {
			read_slot(r.fd, 1);
			EXPECT(pages_heat(said[hole]) == PAGES_IDLE, "%s", extent_name[said[hole]]);
			add_flags(r.fd, SCAN_IGN_HOST);
			read_slot(r.fd, 1);
			EXPECT(pages_heat(said[hole]) == PAGES_HOLE, "%s", extent_name[said[hole]]);
			remove_flags(r.fd, SCAN_IGN_HOST);
		}
	}
	EXPECT(holes > 0, "the guest maps all there is");
	idle_close(&bitmap);
	reader_close(&other);
	reader_close(&r);
}

/* The rules of the file */

static ssize_t read_at(int fd, uint64_t pos, void *buffer, size_t count)
{
	if (lseek(fd, pos, SEEK_SET) == (off_t)-1)
		return -1;
	return read(fd, buffer, count);
}

static void positions(void)
{
	uint64_t start = slot_start(0);
	int fd = pages_file(0, O_RDONLY);
	uint8_t buffer[4096];

	EXPECT_OK(lseek(fd, start, SEEK_SET), start);
	EXPECT_OK(lseek(fd, 0, SEEK_CUR), start);
	EXPECT_OK(lseek(fd, 4096, SEEK_CUR), start + 4096);
	EXPECT_OK(lseek(fd, -4096, SEEK_CUR), start);
	EXPECT_ERR(lseek(fd, 0, SEEK_END), EINVAL);
	EXPECT_ERR(lseek(fd, 0, SEEK_DATA), EINVAL);
	EXPECT_ERR(lseek(fd, 0, SEEK_HOLE), EINVAL);
	/* That of the page of [vsyscall], which clients find in maps. */
	EXPECT_OK(lseek(fd, 0xffffffffff600000, SEEK_SET), (off_t)0xffffffffff600000);

	EXPECT_OK(read_at(fd, start, buffer, 0), 0);
	EXPECT_OK(read_at(fd, start + 1, buffer, 0), 0);
	EXPECT_ERR(read_at(fd, start + 1, buffer, 4096), EINVAL);
	EXPECT_ERR(read_at(fd, start + 2048, buffer, 19), EINVAL);
	for (size_t count = 1; count < 20; count++)
		EXPECT_ERR(read_at(fd, start, buffer, count), EINVAL);
	EXPECT(read_at(fd, start, buffer, 20) >= 9, "%m");
	/* Nothing was read, so nothing has moved. */
	EXPECT_ERR(read_at(fd, start, buffer, 19), EINVAL);
	EXPECT_OK(lseek(fd, 0, SEEK_CUR), start);
	EXPECT_OK(read_at(fd, 1ULL << 62, buffer, 4096), 0);
	EXPECT_OK(read_at(fd, (1ULL << 62) + 1, buffer, 3), 0);
	EXPECT_ERR(read_at(fd, 0xffffffffff600000, buffer, 4096), EINVAL);
	EXPECT_ERR(write(fd, buffer, 20), EBADF);
	close(fd);
}

static uint64_t end_of_all_memory(void)
{
	unsigned long start, end, last = 0;
	char line[512];
	FILE *f = fopen("/proc/self/maps", "re");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%lx-%lx", &start, &end) == 2 && end < 1UL << 63)
			last = end;
	fclose(f);
	return last;
}

static uint64_t address_in(const uint8_t *p)
{
	uint64_t n = 0;

	for (int i = 1; i <= 8; i++)
		n = n << 8 | p[i];
	return n;
}

static void where_there_is_nothing(void)
{
	int fd = pages_file(0, O_RDONLY);
	uint8_t buffer[4096];
	uint8_t *gap = mmap(NULL, 64 * MIB, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	/* A mapping without a page, and a gap. */
	EXPECT_OK(read_at(fd, (uintptr_t)gap, buffer, 20), 9);
	EXPECT(address_in(buffer) == (uintptr_t)gap + (20 << 15), "%#lx", address_in(buffer));
	munmap(gap + MIB, 62 * MIB);
	EXPECT_OK(read_at(fd, (uintptr_t)gap + 4 * MIB, buffer, 20), 9);
	EXPECT(buffer[0] == 0xa0 &&
	       address_in(buffer) == (uintptr_t)gap + 4 * MIB + (20 << 15), "%#lx",
	       address_in(buffer));
	EXPECT_OK(lseek(fd, 0, SEEK_CUR), address_in(buffer));
	munmap(gap, MIB);
	munmap(gap + 63 * MIB, MIB);
	EXPECT_ERR(read_at(fd, end_of_all_memory(), buffer, 4096), ENXIO);
	EXPECT_OK(lseek(fd, 0, SEEK_CUR), end_of_all_memory());
	close(fd);
}

static void what_cannot_be_looked_at(void)
{
	int nr = open("/proc/sys/vm/nr_hugepages", O_WRONLY | O_CLOEXEC);
	int fd = pages_file(0, O_RDONLY);
	uint8_t buffer[4096], *p;

	if (nr < 0 || write(nr, "2", 1) != 1)
		die("nr_hugepages: %m");
	p = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	if (p == MAP_FAILED)
		die("a shared huge page: %m");
	memset(p, 1, HUGE_SIZE);
	EXPECT_ERR(read_at(fd, (uintptr_t)p, buffer, 4096), ERANGE);
	EXPECT_OK(lseek(fd, 0, SEEK_CUR), (uintptr_t)p);
	/* What lies before it is told of. */
	EXPECT(read_at(fd, (uintptr_t)p - PAGE_SIZE, buffer, 4096) >= 9, "%m");
	EXPECT_OK(lseek(fd, 0, SEEK_CUR), (uintptr_t)p);
	munmap(p, HUGE_SIZE);
	EXPECT_OK(write(nr, "0", 1), 1);
	close(nr);
	close(fd);
}

/* What could not be delivered is due. */
static void faults(void)
{
	uint8_t *buffer = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct reader r;

	mprotect(buffer + PAGE_SIZE, PAGE_SIZE, PROT_NONE);
	reader_open(&r, O_RDONLY, SCAN_IGN_HOST);
	touch_random(&vmm, vmm.total_pages, vmm.total_pages / 4);
	EXPECT_ERR(read_at(r.fd, slot_start(1), buffer + PAGE_SIZE, 4096), EFAULT);
	EXPECT_OK(lseek(r.fd, 0, SEEK_CUR), slot_start(1));
	EXPECT_ERR(read_at(r.fd, slot_start(1), buffer + PAGE_SIZE - 5, 4096), EFAULT);
	expect_exact(&r, 0);
	reader_close(&r);
	munmap(buffer, 2 * PAGE_SIZE);
}

/* What was said of a slot, from a page on: as it is due, and nothing is forgotten. */
static void expect_said(const struct reader *r, int slot, uint64_t first)
{
	unsigned int wrong = 0;

	look_at_slot(slot);
	for (uint64_t i = first; i < slot_pages(slot); i++)
		if (!page_is_right(r, slot_gfn(slot) + i, said[i]) && wrong++ < 4)
			ktap_diag("page %lu: %s", i, extent_name[said[i]]);
	EXPECT(!wrong, "%u wrong pages of slot %d from %lu on", wrong, slot, first);
}

/* Read that part, into what is known of all. */
static void read_rest(int fd, int slot, uint64_t first)
{
	uint64_t start = slot_start(slot) + first * PAGE_SIZE;

	pages_read_all(fd, start, slot_end(slot), all + (start - all_start) / PAGE_SIZE);
}

static void expect_rest(const struct reader *r, int slot, uint64_t first)
{
	read_rest(r->fd, slot, first);
	expect_said(r, slot, first);
}

/* Into the range of the read before, as clients do that have thrown the rest away. */
static void going_back(void)
{
	struct reader r;

	reader_open(&r, O_RDONLY, SCAN_IGN_HOST);
	touch_random(&vmm, vmm.total_pages, vmm.total_pages / 4);
	read_slots(r.fd, 0);
	/* The last part of the slot, and all that follows. */
	for (int part = 1; part <= 3; part++)
		expect_rest(&r, 0, slot_pages(0) / 8 * part);
	/* From where it began, it is another pass. */
	gfnset_clear(&r.due);
	expect_rest(&r, 0, slot_pages(0) / 8 * 3);
	reader_close(&r);
}

/* As a client does whose buffer fills up, and who goes on with the next mapping. */
static void read_elsewhere(void)
{
	uint64_t start = slot_start(1), half = slot_pages(1) / 2, told;
	uint8_t buffer[20];
	struct reader r;

	reader_open(&r, O_RDONLY, SCAN_IGN_HOST);
	for (uint64_t i = 0; i < HUGE_PAGES; i += 2)
		vmm_touch_range(&vmm, slot_gfn(1) + i, 1, false);
	EXPECT(read_at(r.fd, start, buffer, 20) > 9, "%m");
	told = (lseek(r.fd, 0, SEEK_CUR) - start) / PAGE_SIZE;
	EXPECT(told < slot_pages(1), "%lu", told);
	gfnset_del_range(&r.due, slot_gfn(1), told);
	EXPECT(read_at(r.fd, start + half * PAGE_SIZE, buffer, 20) > 9, "%m");
	expect_exact(&r, 0);

	/* What is to be told once more, and was not by a read that is shorter. */
	touch_random(&vmm, vmm.total_pages, vmm.total_pages / 4);
	read_slots(r.fd, 0);
	expect_said(&r, 1, 0);
	EXPECT(read_at(r.fd, start + half * PAGE_SIZE, buffer, 20) > 9, "%m");
	told = (lseek(r.fd, 0, SEEK_CUR) - start) / PAGE_SIZE;
	EXPECT(told < slot_pages(1), "%lu", told);
	expect_rest(&r, 1, told);
	reader_close(&r);
}

/* As the host does to pages that it moves: they go from the guest's table, and stay in its own. */
static void taken_from_the_guest(void)
{
	uint64_t first = (-slot_start(1) % HUGE_SIZE) / PAGE_SIZE;
	uint64_t hot = thp ? HUGE_PAGES : 1, at = first + (thp ? 0 : 7);
	uint8_t *hva = vmm.slot[1].hva + first * PAGE_SIZE;
	struct reader r;

	vmm_touch_range(&vmm, slot_gfn(1), slot_pages(1), true);
	reader_open(&r, O_RDONLY, 0);
	for (unsigned int pass = 0; pass < 2; pass++) {
		if (!pass)
			vmm_touch_range(&vmm, slot_gfn(1) + at, 1, true);
		if (mprotect(hva, HUGE_SIZE, PROT_READ) ||
		    mprotect(hva, HUGE_SIZE, PROT_READ | PROT_WRITE))
			die("mprotect: %m");
		vmm_unmapped_range(&vmm, slot_gfn(1) + first, HUGE_PAGES);
		read_slot(r.fd, 1);
		for (uint64_t i = first; i < first + HUGE_PAGES; i++) {
			bool touched = !pass && i >= at && i < at + hot;

			EXPECT(pages_heat(said[i]) == (touched ? PAGES_HOT : PAGES_IDLE),
			       "pass %u, page %lu: %s", pass, i, extent_name[said[i]]);
		}
	}
	reader_close(&r);
}

/*
 * A slot that has nothing to do with those there are comes and goes, and on x86 with it all
 * that KVM has mapped. There may be another address space: that of system management mode.
 */
static void slot_comes_and_goes(uint32_t address_space)
{
	uint8_t *p = mmap(NULL, HUGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t gpa = (vmm.end_gfn * PAGE_SIZE + HUGE_SIZE) & -HUGE_SIZE;
	uint32_t id = address_space << 16 | 7;

	vmm_set_region(&vmm, id, 0, gpa, HUGE_SIZE, p);
	vmm_set_region(&vmm, id, 0, gpa, 0, p);
	munmap(p, HUGE_SIZE);
	if (kvm_drops_all_with_a_slot())
		vmm_unmapped(&vmm);
}

/* Of slot 1: what is touched is never idle, and the rest is. */
static void expect_touched(int fd, const char *when, uint64_t first, uint64_t n, uint64_t may)
{
	unsigned int missed = 0, more = 0;

	read_slot(fd, 1);
	for (uint64_t i = 0; i < slot_pages(1); i++) {
		bool hot = pages_heat(said[i]) == PAGES_HOT;

		missed += !hot && i >= first && i < first + n;
		more += pages_heat(said[i]) != PAGES_IDLE && (i < first || i >= first + may);
	}
	EXPECT(!missed && !more, "%s: %u pages that were touched are not hot, %u others are not idle",
	       when, missed, more);
}

/* A part of slot 1 is all that the guest maps: a huge page in @first, and a quarter is touched. */
static uint64_t map_a_part(struct reader *r)
{
	uint64_t first = (-slot_start(1) % HUGE_SIZE) / PAGE_SIZE;

	vmm_touch_range(&vmm, slot_gfn(1) + first, HUGE_PAGES, true);
	reader_open(r, O_RDONLY, 0);
	vmm_touch_range(&vmm, slot_gfn(1) + first, HUGE_PAGES / 4, false);
	return first;
}

/* Its accessed bits go with that. But not what only the host has, which is idle all along. */
static void dropped_with_a_slot(void)
{
	int spaces = ioctl(vmm.fd, KVM_CHECK_EXTENSION, KVM_CAP_MULTI_ADDRESS_SPACE);
	struct reader r;

	for (int i = 0; i < (spaces > 1 ? spaces : 1); i++) {
		uint64_t first, touched = HUGE_PAGES / 4;

		slot_comes_and_goes(0);
		first = map_a_part(&r);
		slot_comes_and_goes(i);
		expect_touched(r.fd, i ? "a slot for SMM" : "a slot", first, touched, HUGE_PAGES);
		expect_touched(r.fd, "nothing since", 0, 0, 0);
		slot_comes_and_goes(i);
		expect_touched(r.fd, "a slot, and nothing mapped", 0, 0, 0);
		reader_close(&r);
	}
}

/* What a read leaves out is told by a later one. */
static void dropped_and_read_in_parts(void)
{
	uint64_t first, next;
	uint8_t buffer[HUGE_PAGES / 8];
	struct reader r;

	slot_comes_and_goes(0);
	first = map_a_part(&r);
	next = first + HUGE_PAGES;
	vmm_touch_range(&vmm, slot_gfn(1) + next, HUGE_PAGES, true);
	read_slots(r.fd, 0);
	vmm_touch_range(&vmm, slot_gfn(1) + next, HUGE_PAGES, false);
	slot_comes_and_goes(0);
	/* A huge page at most, of the same window. */
	EXPECT(read_at(r.fd, slot_start(1), buffer, HUGE_PAGES / 8) > 9, "%m");
	read_rest(r.fd, 1, next);
	look_at_slot(1);
	for (uint64_t i = next; i < next + HUGE_PAGES; i++)
		EXPECT(pages_heat(said[i]) == PAGES_HOT, "page %lu: %s", i, extent_name[said[i]]);
	reader_close(&r);
}

/* There is none to look at, and what was touched may be in one that comes back. */
static void without_a_table(void)
{
	struct reader r;
	uint64_t first;

	slot_comes_and_goes(0);
	first = map_a_part(&r);
	if (vmm_drop_roots(&vmm))
		expect_touched(r.fd, "no table", first, HUGE_PAGES / 4, HUGE_PAGES);
	else
		ktap_skip("nothing makes KVM do that on this architecture");
	/* Versions differ in whether the table comes back: now it does not. */
	slot_comes_and_goes(0);
	reader_close(&r);
}

/* How many files harvest this VM. */
static unsigned int readers(void)
{
	int fd = idle_file(0, O_RDONLY | O_CLOEXEC);
	unsigned int n = idle_info(fd).readers;

	close(fd);
	return n;
}

static long ioctl_error(int fd, unsigned long cmd, void *arg)
{
	return ioctl(fd, cmd, arg) ? errno : 0;
}

static void ioctls(void)
{
	int fd = pages_file(0, O_RDONLY), any = open("/proc/idle_pages", O_RDWR | O_CLOEXEC);
	unsigned int all = ~0U, none = 0, before = readers();
	uint8_t buffer[20];

	EXPECT_OK(IDLE_PAGE_SET_PID, 0x40040101);
	EXPECT_OK(IDLE_SCAN_ADD_FLAGS, 0x40046600);
	EXPECT_OK(IDLE_SCAN_REMOVE_FLAGS, 0x40046601);
	EXPECT_OK(VMA_SCAN_ADD_FLAGS, 0x40046602);
	EXPECT_OK(VMA_SCAN_REMOVE_FLAGS, 0x40046603);
	EXPECT(any >= 0, "/proc/idle_pages: %m");
	/* By number, not by pointer; before there is one, none is there. */
	EXPECT_ERR(read_at(any, slot_start(0), buffer, 20), ESRCH);
	EXPECT_OK(ioctl_error(any, IDLE_PAGE_SET_PID, (void *)0x7fffffffL), ESRCH);
	EXPECT_OK(ioctl_error(any, IDLE_PAGE_SET_PID, (void *)2L), ESRCH);
	EXPECT_OK(ioctl_error(any, IDLE_PAGE_SET_PID, (void *)(long)getpid()), 0);
	EXPECT(read_at(any, slot_start(0), buffer, 20) > 9, "%m");
	EXPECT_OK(ioctl_error(any, IDLE_PAGE_SET_PID, (void *)(long)getpid()), 0);
	EXPECT_OK(readers(), before + 1);
	/* A second one takes its place; one that cannot be had does not. */
	EXPECT_OK(ioctl_error(any, IDLE_PAGE_SET_PID, (void *)1L), 0);
	EXPECT(read_at(any, slot_start(0), buffer, 20) < 10, "init has no page there");
	EXPECT_OK(ioctl_error(any, IDLE_PAGE_SET_PID, (void *)(long)getpid()), 0);
	EXPECT_OK(ioctl_error(any, IDLE_PAGE_SET_PID, (void *)2L), ESRCH);
	EXPECT(read_at(any, slot_start(0), buffer, 20) > 9, "%m");

	for (int i = 0; i < 2; i++) {
		int f = i ? any : fd;

		EXPECT_OK(ioctl_error(f, IDLE_SCAN_ADD_FLAGS, NULL), EFAULT);
		EXPECT_OK(ioctl_error(f, VMA_SCAN_REMOVE_FLAGS, NULL), EFAULT);
		EXPECT_OK(ioctl_error(f, IDLE_SCAN_ADD_FLAGS, &all), 0);
		EXPECT_OK(ioctl_error(f, IDLE_SCAN_REMOVE_FLAGS, &all), 0);
		EXPECT_OK(ioctl_error(f, IDLE_SCAN_ADD_FLAGS, &none), 0);
		EXPECT_OK(ioctl_error(f, 0x40046604, &none), i ? EINVAL : EOPNOTSUPP);
		EXPECT_OK(ioctl_error(f, KVM_IDLE_GET_INFO, &none), i ? EINVAL : EOPNOTSUPP);
	}
	EXPECT_OK(ioctl_error(fd, IDLE_PAGE_SET_PID, (void *)(long)getpid()), EOPNOTSUPP);
	close(any);
	EXPECT_OK(readers(), before);
	close(fd);
	EXPECT_OK(readers(), before - 1);
}

/* Of each 2 MiB that a slot has in whole: one type, or various ones. */
static void expect_tables(int slot, bool (*expected)(uint64_t first, uint8_t said),
			  const char *what)
{
	uint64_t first = (-slot_start(slot) % HUGE_SIZE) / PAGE_SIZE;
	unsigned int wrong = 0, tables = 0;

	for (; first + HUGE_PAGES <= slot_pages(slot); first += HUGE_PAGES, tables++)
		for (uint64_t i = first; i < first + HUGE_PAGES; i++)
			if (!expected(slot_gfn(slot) + first, said[i]) && wrong++ < 4)
				ktap_diag("%s: gfn %#lx: %s", what, slot_gfn(slot) + i,
					  extent_name[said[i]]);
	EXPECT(!wrong && tables, "%s: %u pages wrong in %u tables", what, wrong, tables);
}

static struct reader *flags_reader;

static bool any_of(const struct gfnset *set, uint64_t first)
{
	for (uint64_t i = 0; i < HUGE_PAGES; i++)
		if (gfnset_has(set, first + i))
			return true;
	return false;
}

static bool is_table(uint64_t first)
{
	return any_of(&vmm.mapped, first) && vmm_leaf_pages(&vmm.mmu, first) == 1;
}

static bool is_summary(uint64_t first, uint8_t is)
{
	return is_table(first) == (is == EXTENT_PMD_IDLE_PTES);
}

static bool is_skimmed(uint64_t first, uint8_t is)
{
	bool idle = is_table(first) && !any_of(&flags_reader->due, first);

	return idle == (is == EXTENT_PMD_IDLE_PTES);
}

static bool is_as_huge(uint64_t first, uint8_t is)
{
	if (!any_of(&vmm.mapped, first))
		return pages_heat(is) == PAGES_HOLE;
	return is == (any_of(&flags_reader->due, first) ? EXTENT_PMD_ACCESSED : EXTENT_PMD_IDLE);
}

static bool is_nothing(uint64_t first, uint8_t is)
{
	(void)first;
	return is == EXTENT_NOTHING;
}

static void touch_one_table(void)
{
	uint64_t n = 64, first = slot_gfn(1) + 5 + random_below(slot_pages(1) - n - 5);

	vmm_touch_range(&vmm, first, n, true);
}

static void flags(void)
{
	unsigned int marked = VMA_SCAN_FLAG;
	struct reader r;

	flags_reader = &r;
	reader_open(&r, O_RDONLY | O_NONBLOCK, SCAN_IGN_HOST);
	vmm_touch_range(&vmm, slot_gfn(1), slot_pages(1), false);
	touch_one_table();
	read_slot(r.fd, 1);
	expect_tables(1, is_summary, "SCAN_HUGE_PAGE by open");
	/* Of leaves it tells, of tables nothing: that stays due. */
	remove_flags(r.fd, SCAN_HUGE_PAGE);
	if (!thp)
		expect_exact(&r, 0);
	else
		gfnset_clear(&r.due);
	touch_one_table();
	add_flags(r.fd, SCAN_SKIM_IDLE);
	read_slot(r.fd, 1);
	expect_tables(1, is_skimmed, "SCAN_SKIM_IDLE by ioctl");
	gfnset_clear(&r.due);
	remove_flags(r.fd, SCAN_SKIM_IDLE);
	reader_close(&r);

	reader_open(&r, O_RDWR | O_NOFOLLOW, SCAN_IGN_HOST);
	touch_one_table();
	read_slot(r.fd, 1);
	expect_tables(1, is_skimmed, "SCAN_SKIM_IDLE by open");
	gfnset_clear(&r.due);
	remove_flags(r.fd, SCAN_SKIM_IDLE);
	add_flags(r.fd, SCAN_AS_HUGE);
	touch_one_table();
	read_slot(r.fd, 1);
	expect_tables(1, is_as_huge, "SCAN_AS_HUGE");
	gfnset_clear(&r.due);
	remove_flags(r.fd, SCAN_AS_HUGE);
	expect_exact(&r, 0);

	/* As no kernel of ours marks mappings, none is. */
	touch_one_table();
	EXPECT_OK(ioctl(r.fd, VMA_SCAN_ADD_FLAGS, &marked), 0);
	read_slot(r.fd, 1);
	expect_tables(1, is_nothing, "VMA_SCAN_FLAG");
	EXPECT_OK(ioctl(r.fd, VMA_SCAN_REMOVE_FLAGS, &marked), 0);
	expect_exact(&r, 0);
	/* By fcntl(), as an open flag. */
	EXPECT_OK(fcntl(r.fd, F_SETFL, O_NONBLOCK), 0);
	read_slot(r.fd, 1);
	expect_tables(1, is_summary, "SCAN_HUGE_PAGE by fcntl");
	reader_close(&r);
}

/* Only where tables are walked that the hardware sets dirty bits in. */
static bool dirty_can_be_told(void)
{
	int fd = idle_file(0, O_RDONLY | O_CLOEXEC);
	struct kvm_idle_info info = idle_info(fd);

	close(fd);
	return info.source == KVM_IDLE_SOURCE_DIRECT && info.flags & KVM_IDLE_INFO_HW_DIRTY;
}

static bool says_written(uint8_t is)
{
	return is == EXTENT_PTE_DIRTY || is == EXTENT_PMD_DIRTY;
}

static void dirty(void)
{
	uint64_t gfn = slot_gfn(1), written = 0, clean = 0;
	struct reader r;

	reader_open(&r, O_RDONLY | O_NOATIME, SCAN_IGN_HOST);
	vmm_touch_range(&vmm, gfn, slot_pages(1), true);
	read_slot(r.fd, 1);
	for (uint64_t i = 0; i < slot_pages(1); i++) {
		written += says_written(said[i]);
		clean += pages_heat(said[i]) != PAGES_HOT;
	}
	EXPECT_OK(written, dirty_can_be_told() ? slot_pages(1) : 0);
	EXPECT_OK(clean, 0);
	/* Not touched: idle. */
	read_slot(r.fd, 1);
	for (uint64_t i = clean = 0; i < slot_pages(1); i++)
		clean += pages_heat(said[i]) == PAGES_IDLE;
	EXPECT_OK(clean, slot_pages(1));
	/* Who does not ask is not told. */
	remove_flags(r.fd, SCAN_DIRTY_PAGE);
	vmm_touch_range(&vmm, gfn, slot_pages(1), true);
	read_slot(r.fd, 1);
	for (uint64_t i = clean = 0; i < slot_pages(1); i++)
		clean += said[i] == EXTENT_PTE_ACCESSED || said[i] == EXTENT_PMD_ACCESSED;
	EXPECT_OK(clean, slot_pages(1));
	reader_close(&r);
}

/*
 * As both clients do. What the host is still owed at a close is not an access to who opens
 * next, of memory that the guest does not map, and the VMM has touched once.
 */
static void closed_after_each_pass(void)
{
	uint64_t unmapped = 0, hot = 0;

	for (int pass = 0; pass < 4; pass++) {
		int fd = pages_file(0, O_RDONLY);

		read_slot(fd, 1);
		close(fd);
		for (uint64_t i = 0; pass && i < slot_pages(1); i++) {
			if (gfnset_has(&vmm.mapped, slot_gfn(1) + i))
				continue;
			unmapped++;
			hot += pages_heat(said[i]) != PAGES_IDLE;
		}
	}
	EXPECT(unmapped && !hot, "%lu of %lu pages", hot, unmapped);
}

/*
 * Of slot 1: written is told what is in @written, by its leaves; touched all of it, or
 * only that.
 */
static void expect_written(int fd, const struct gfnset *written, bool all_touched,
			   const char *when)
{
	unsigned int wrong = 0;

	read_slot(fd, 1);
	for (uint64_t i = 0; i < slot_pages(1); i++) {
		uint64_t gfn = slot_gfn(1) + i, leaf = vmm_leaf_pages(&vmm.mmu, gfn);
		bool due = false;

		for (uint64_t n = gfn - gfn % leaf; n < gfn - gfn % leaf + leaf; n++)
			due |= gfnset_has(written, n);
		if (says_written(said[i]) != due ||
		    (pages_heat(said[i]) == PAGES_HOT) != (all_touched || due))
			if (wrong++ < 4)
				ktap_diag("%s: gfn %#lx: said %s; %s", when, gfn,
					  extent_name[said[i]], due ? "written" : "not");
	}
	EXPECT(!wrong, "%s: %u wrong pages", when, wrong);
}

static void write_every_third(struct gfnset *written)
{
	gfnset_clear(written);
	for (uint64_t i = 0; i < slot_pages(1); i += 3) {
		vmm_touch_range(&vmm, slot_gfn(1) + i, 1, true);
		gfnset_add_range(written, slot_gfn(1) + i, 1);
	}
}

/* What the host knows of its own pages: KPF_DIRTY in /proc/kpageflags. */
static uint64_t pages_marked_dirty(void)
{
	uint64_t pages = slot_pages(1), *pfn = malloc(pages * 8), marked = 0;
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);

	page_frames(vmm.slot[1].hva, pages, pfn);
	for (uint64_t i = 0; i < pages; i++) {
		uint64_t head = thp ? pfn[i] & -HUGE_PAGES : pfn[i], flags = 0;

		if (pread(fd, &flags, 8, head * 8) != 8)
			die("/proc/kpageflags: %m");
		marked += flags >> 4 & 1;
	}
	close(fd);
	free(pfn);
	return marked;
}

/* By a file that looks at dirty bits and clears none: pages of slot 1 that have been written. */
static uint64_t scan_dirty(int fd)
{
	struct kvm_idle_scan a = {
		.start = vmm.slot[1].gpa,
		.end = vmm.slot[1].gpa + vmm.slot[1].bytes,
		.category_mask = KVM_IDLE_PAGE_DIRTY,
		.return_mask = KVM_IDLE_PAGE_DIRTY,
	};
	struct scan_map map;
	uint64_t pages;

	scan_map_init(&map, &vmm);
	scan_to_end(fd, &a, 1000, &map);
	pages = map.pages;
	scan_map_free(&map);
	return pages;
}

/* Who goes back into what he read is told again, and that includes what was written. */
static void expect_written_again(int fd)
{
	uint64_t half = slot_pages(1) / 2, told = 0;

	read_rest(fd, 1, half);
	look_at_slot(1);
	for (uint64_t i = half; i < slot_pages(1); i++)
		told += says_written(said[i]);
	EXPECT_OK(told, slot_pages(1) - half);
}

/* Written anew, that is: since it was told to be. And each file by itself. */
static void dirty_anew(void)
{
	uint64_t gfn = slot_gfn(1), pages = slot_pages(1);
	struct gfnset all_of_it, third, none;
	struct reader a, b;
	int scans;

	if (!dirty_can_be_told()) {
		ktap_skip("no dirty bits here");
		return;
	}
	gfnset_init(&all_of_it, vmm.end_gfn);
	gfnset_init(&third, vmm.end_gfn);
	gfnset_init(&none, vmm.end_gfn);
	gfnset_add_range(&all_of_it, gfn, pages);
	/* It is told from now on, for it has asked. */
	scans = idle_file(0, O_RDWR | O_CLOEXEC);
	scan_dirty(scans);
	reader_open(&a, O_RDONLY, SCAN_IGN_HOST | SCAN_DIRTY_PAGE);
	reader_open(&b, O_RDONLY, SCAN_IGN_HOST | SCAN_DIRTY_PAGE);

	vmm_touch_range(&vmm, gfn, pages, true);
	expect_written(a.fd, &all_of_it, true, "all written");
	EXPECT_OK(pages_marked_dirty(), pages);
	expect_written_again(a.fd);
	vmm_touch_range(&vmm, gfn, pages, false);
	expect_written(a.fd, &none, true, "then read");
	write_every_third(&third);
	expect_written(a.fd, &third, false, "then some written");
	expect_written(a.fd, &none, false, "then nothing");

	/* The other one was told nothing of that yet, and asks now. */
	expect_written(b.fd, &all_of_it, true, "the other file");
	vmm_touch_range(&vmm, gfn, pages, false);
	expect_written(b.fd, &none, true, "the other file, then");
	/* Written and told while nobody asked for that, it is due to who asks again. */
	remove_flags(b.fd, SCAN_DIRTY_PAGE);
	write_every_third(&third);
	vmm_touch_range(&vmm, gfn, pages, false);
	expect_written(b.fd, &none, true, "who does not ask");
	add_flags(b.fd, SCAN_DIRTY_PAGE);
	expect_written(b.fd, &none, false, "who asks again");
	vmm_touch_range(&vmm, gfn, pages, false);
	expect_written(b.fd, &third, true, "who asks again, of what is touched");
	/* And this one has seen all of it written since it was opened. */
	EXPECT_OK(scan_dirty(scans), pages);

	reader_close(&a);
	reader_close(&b);
	close(scans);
	gfnset_free(&all_of_it);
	gfnset_free(&third);
	gfnset_free(&none);
}

/* What KVM's log has of slot 1 since this was asked before. */
static uint64_t logged_dirty(const struct gfnset *written, uint64_t *more)
{
	uint64_t gfn = slot_gfn(1), missed = 0;
	uint64_t *map = calloc(slot_pages(1) / 64 + 1, 8);
	struct kvm_dirty_log log = { .slot = 1, .dirty_bitmap = map };

	if (ioctl(vmm.fd, KVM_GET_DIRTY_LOG, &log))
		die("KVM_GET_DIRTY_LOG: %m");
	for (uint64_t i = 0; i < slot_pages(1); i++) {
		bool logged = map[i / 64] >> (i % 64) & 1;

		missed += gfnset_has(written, gfn + i) && !logged;
		*more += !gfnset_has(written, gfn + i) && logged;
	}
	free(map);
	return missed;
}

/* A VMM that migrates its guest misses no page, however often dirty bits are cleared. */
static void dirty_log(void)
{
	uint64_t missed = 0, more = 0, writes = 0;
	struct gfnset written;
	struct reader r;

	if (thp) {
		ktap_skip("while it logs, KVM maps no huge pages");
		return;
	}
	gfnset_init(&written, vmm.end_gfn);
	reader_open(&r, O_RDONLY, SCAN_IGN_HOST | SCAN_DIRTY_PAGE);
	vmm_set_slot(&vmm, 1, KVM_MEM_LOG_DIRTY_PAGES);
	for (unsigned long n = 0; n < 4 * rounds; n++) {
		for (int some = 0; some < 3; some++) {
			uint64_t i = random_below(slot_pages(1) - 16);

			vmm_touch_range(&vmm, slot_gfn(1) + i, 16, some > 0);
			if (some > 0)
				gfnset_add_range(&written, slot_gfn(1) + i, 16);
			if (random_below(2))
				read_slot(r.fd, 1);
		}
		if (random_below(2))
			continue;
		missed += logged_dirty(&written, &more);
		writes += gfnset_count(&written);
		gfnset_clear(&written);
	}
	vmm_set_slot(&vmm, 1, 0);
	EXPECT(!missed && writes, "%lu of %lu pages", missed, writes);
	ktap_diag("%lu pages written, %lu more in the log", writes, more);
	reader_close(&r);
	gfnset_free(&written);
}

/* The programs that this is for. */
static void clients(void)
{
	static const struct {
		const char *name;
		const char *(*walk)(pid_t pid, uint64_t start, uint64_t end, uint8_t *heat);
	} client[] = {
		{ "sys-refs", pages_by_sys_refs },
		{ "etmemd", pages_by_etmem },
	};

	uint8_t *heat = malloc(slot_pages(1));

	for (int c = 0; c < 2; c++) {
		unsigned int wrong = 0;
		const char *error;

		vmm_touch_range(&vmm, slot_gfn(1), slot_pages(1), false);
		error = client[c].walk(getpid(), slot_start(1), slot_end(1), heat);
		EXPECT(!error, "%s: %s", client[c].name, error);
		vmm_touch_range(&vmm, slot_gfn(1) + 700, 300, false);
		error = client[c].walk(getpid(), slot_start(1), slot_end(1), heat);
		EXPECT(!error, "%s: %s", client[c].name, error);
		for (uint64_t i = 0; i < slot_pages(1); i++) {
			uint64_t leaf = vmm.mmu.leaf_pages;
			bool hot = i >= 700 / leaf * leaf &&
				   i < (1000 + leaf - 1) / leaf * leaf;

			wrong += heat[i] != (hot ? PAGES_HOT : PAGES_IDLE);
		}
		EXPECT(!wrong, "%s: %u of %lu pages wrong", client[c].name, wrong, slot_pages(1));
	}
	free(heat);
}

/* A VMM that is killed, between reads and amid them. */
static void killed(void)
{
	for (int i = 0; i < 10; i++) {
		uint8_t *buffer = malloc(1 << 20);
		pid_t child = vmm_fork(NULL, NULL);
		int fd = pages_file(child, O_RDONLY);
		ssize_t got;

		got = read_at(fd, 0x7f0000000000, buffer, 1 << 20);
		EXPECT(got >= 9, "%zd: %m", got);
		kill(child, SIGKILL);
		for (int n = 0; n < 1000; n++) {
			got = read_at(fd, 0x7f0000000000, buffer, 1 << 20);
			if (got < 0)
				break;
		}
		waitpid(child, NULL, 0);
		EXPECT_ERR(read_at(fd, 0x7f0000000000, buffer, 1 << 20), ESRCH);
		close(fd);
		free(buffer);
	}
}

/*
 * One that begins and ends anywhere, and elsewhere in host memory, and one right behind it.
 * etmemd reads no mapping to its end that is not a multiple of 8 pages.
 */
static void odd_slots(void)
{
	struct vmm_slot *slot = &vmm.slot[1];

	slot->gpa += 37 * PAGE_SIZE;
	slot->bytes -= 104 * PAGE_SIZE;
	vmm.slot[2] = (struct vmm_slot){ .gpa = slot->gpa + slot->bytes, .bytes = 50 * PAGE_SIZE };
	vmm.nr_slots = 3;
}

static void setup(void)
{
	random_seed(seed);
	vmm.thp = thp;
	vmm_two_slots(&vmm, mem);
	if (odd)
		odd_slots();
	vmm_start(&vmm);
	vmm_hva_range(&vmm, &all_start, &all_end);
	all = malloc((all_end - all_start) / PAGE_SIZE);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "rounds", "rounds of touches", .number = &rounds },
		{ "mem", "MiB of guest memory", .number = &mem },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "odd", "slots that begin and end anywhere", .flag = &odd },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "what the host's tables say where the guest maps nothing", where_the_guest_maps_nothing },
		{ "who closes after each pass is not told of that", closed_after_each_pass },
		{ "what the guest touched, page by page", what_the_guest_touched },
		{ "the same by reads of any size", in_pieces },
		{ "two files and a bitmap lose nothing to each other", nothing_is_lost },
		{ "positions and counts", positions },
		{ "holes, gaps, and ENXIO behind all memory", where_there_is_nothing },
		{ "ERANGE for what cannot be looked at", what_cannot_be_looked_at },
		{ "a fault in the caller's buffer loses nothing", faults },
		{ "who goes back into what he read is told again", going_back },
		{ "reads elsewhere lose nothing that is kept", read_elsewhere },
		{ "what the host has taken from the guest's table", taken_from_the_guest },
		{ "what KVM has dropped with a slot", dropped_with_a_slot },
		{ "the same by reads of a part each", dropped_and_read_in_parts },
		{ "what was touched, if there is no table", without_a_table },
		{ "ioctls, and /proc/idle_pages", ioctls },
		{ "flags by open, ioctl and fcntl", flags },
		{ "what was written", dirty },
		{ "what was written anew", dirty_anew },
		{ "KVM's log of what was written misses nothing", dirty_log },
		{ "sys-refs and etmemd", clients },
		{ "ESRCH when the VMM is killed", killed },
	};

	options_parse(argc, argv, "/proc/PID/idle_pages of a virtual machine.", options);
	return KTAP_RUN(setup, tests);
}
