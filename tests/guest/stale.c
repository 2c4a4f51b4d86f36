// SPDX-License-Identifier: GPL-2.0-only
/*
 * A vCPU that never exits keeps translations in its TLB, and the hardware marks
 * nothing for a page whose translation it has. Policy none leaves it so, precise
 * flushes before a harvest returns, pass when the reader has come to the end.
 *
 * The clock is the guest's own: it counts its sweeps over its pages, and a page
 * that a whole sweep has passed over since the harvest has been touched.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "idle.h"
#include "isolated.h"
#include "ktap.h"
#include "options.h"

#define ATTEMPTS	100	/* to find a window without an exit */

static unsigned long pages = 4, window_us = 20000;

static struct vmm vmm;
static int peek_fd;

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

/* Everything of the guest lies in the first word. */
static uint64_t first_word(int fd)
{
	uint64_t word;

	if (pread(fd, &word, 8, 0) != 8)
		die("read: %m");
	return word;
}

static void read_to_the_end(int fd)
{
	uint64_t words[512];
	ssize_t got;

	for (off_t pos = 0; (got = pread(fd, words, sizeof(words), pos)); pos += got)
		if (got < 0)
			die("read: %m");
}

/* How many of the pages swept over are young now, by a peek. */
static unsigned int back(void)
{
	uint64_t swept = (1ULL << pages) - 1;

	return __builtin_popcountll(~first_word(peek_fd) >> vmm.first_free_gfn & swept);
}

/*
 * A policy answers for what it cleared itself. So let each test begin with a
 * guest that has nothing stale in its TLB: one that just entered.
 */
static void restart_guest(void)
{
	vmm_spin_stop(&vmm, 0);
	vmm_spin(&vmm, 0, vmm.first_free_gfn, pages);
	wait_for_sweeps(&vmm);
}

static int open_with_policy(const char *policy, enum kvm_idle_tlb_policy value)
{
	int fd;

	restart_guest();
	if (!idle_set_module_param("tlb", policy))
		die("parameter tlb of the module: %m");
	fd = open(idle_path(0), O_RDWR | O_CLOEXEC);
	if (fd < 0)
		die("%s: %m", idle_path(0));
	EXPECT_OK(idle_info(fd).tlb_policy, value);
	return fd;
}

/* On a busy machine the guest may get no time at all for longer than the window. */
static bool window_is_over(uint64_t start, uint32_t sweeps)
{
	return now_us() - start >= window_us && vmm_spin_sweeps(&vmm, 0) - sweeps > 2;
}

/*
 * Harvest the guest's pages, but do not come to the end of the file, and look
 * for as long as the window is. Only a window without an exit tells something,
 * as in the emulators each entry into the guest begins with an empty TLB.
 */
static void expect_stale(int fd)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		uint64_t exits = vmm_vcpu_stat(&vmm, 0, "exits"), start;
		uint32_t sweeps;
		unsigned int seen = 0;

		/* Twice: the first may have met a page that the guest was yet to load. */
		first_word(fd);
		wait_for_sweeps(&vmm);
		first_word(fd);
		sweeps = vmm_spin_sweeps(&vmm, 0);
		start = now_us();
		while (!window_is_over(start, sweeps)) {
			unsigned int n = back();

			if (n > seen)
				seen = n;
		}
		sweeps = vmm_spin_sweeps(&vmm, 0) - sweeps;
		if (vmm_vcpu_stat(&vmm, 0, "exits") != exits)
			continue;
		EXPECT(sweeps > 2, "%u sweeps", sweeps);
		EXPECT(!seen, "%u of %lu pages came back without a flush", seen, pages);
		ktap_diag("not flushed: %u of %lu back after %u sweeps of the guest, %lu us",
			  seen, pages, sweeps, now_us() - start);
		return;
	}
	EXPECT(false, "no window of %lu us without an exit in %d attempts", window_us, ATTEMPTS);
}

/* To be called right after what must have flushed. */
static void expect_right(const char *what)
{
	uint64_t start = now_us();
	uint32_t sweeps = wait_for_sweeps(&vmm);
	unsigned int seen = back();

	EXPECT(seen == pages, "%s: %u of %lu back", what, seen, pages);
	ktap_diag("%s: %u of %lu back at the first look, after %u sweeps, %lu us",
		  what, seen, pages, sweeps, now_us() - start);
}

static void none(void)
{
	int fd = open_with_policy("none", KVM_IDLE_TLB_NONE);
	uint64_t flushes = idle_info(fd).flushes;

	expect_stale(fd);
	read_to_the_end(fd);
	EXPECT_OK(idle_info(fd).flushes, flushes);
	close(fd);
	EXPECT_OK(idle_info(peek_fd).flushes, flushes);
}

static void precise(void)
{
	int fd = open_with_policy("precise", KVM_IDLE_TLB_PRECISE);
	uint64_t flushes = idle_info(fd).flushes;

	for (int i = 0; i < 5; i++) {
		first_word(fd);
		expect_right("precise, read");
	}
	EXPECT_OK(idle_info(fd).flushes, flushes + 5);
	if (pwrite(fd, &(uint64_t){ ~0ULL }, 8, 0) != 8)
		die("write: %m");
	expect_right("precise, write");
	close(fd);
}

/* What hides accesses from one reader may be what another one cleared. */
static void precise_beside_none(void)
{
	int precise_fd = open_with_policy("precise", KVM_IDLE_TLB_PRECISE);
	int none_fd = open_with_policy("none", KVM_IDLE_TLB_NONE);

	for (int i = 0; i < 5; i++) {
		first_word(precise_fd);
		wait_for_sweeps(&vmm);
		first_word(none_fd);
		/* Clears nothing itself, if the guest did not exit in between. */
		first_word(precise_fd);
		expect_right("precise, beside a reader with none");
	}
	close(none_fd);
	close(precise_fd);
}

/* A write tells nobody what it cleared: nothing may be hidden after it. */
static void pass_write(void)
{
	int fd = open_with_policy("pass", KVM_IDLE_TLB_PASS);

	for (int i = 0; i < 5; i++) {
		if (pwrite(fd, &(uint64_t){ ~0ULL }, 8, 0) != 8)
			die("write: %m");
		expect_right("pass, write");
	}
	close(fd);
}

static void pass_end(void)
{
	int fd = open_with_policy("pass", KVM_IDLE_TLB_PASS);
	uint64_t flushes;

	flushes = idle_info(fd).flushes;
	for (int i = 0; i < 5; i++) {
		read_to_the_end(fd);
		expect_right("pass, at its end");
	}
	EXPECT_OK(idle_info(fd).flushes, flushes + 5);
	close(fd);
}

/*
 * Stale as long as the pass goes on. A pread() of the first word goes back when
 * it is repeated; so each look at it begins with an open file of its own.
 */
static void pass_is_not_over(void)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		int fd = open_with_policy("pass", KVM_IDLE_TLB_PASS);
		uint64_t exits, start;
		unsigned int seen = 0;
		uint32_t sweeps;

		wait_for_sweeps(&vmm);
		exits = vmm_vcpu_stat(&vmm, 0, "exits");
		first_word(fd);
		sweeps = vmm_spin_sweeps(&vmm, 0);
		start = now_us();
		while (!window_is_over(start, sweeps))
			seen |= back();
		sweeps = vmm_spin_sweeps(&vmm, 0) - sweeps;
		if (vmm_vcpu_stat(&vmm, 0, "exits") != exits || seen) {
			close(fd);
			continue;
		}
		EXPECT(sweeps > 2, "%u sweeps", sweeps);
		ktap_diag("in the middle of a pass: 0 of %lu back after %u sweeps of the guest",
			  pages, sweeps);
		EXPECT_OK(lseek(fd, 0, SEEK_SET), 0);
		expect_right("pass, going back");
		first_word(fd);
		close(fd);
		expect_right("pass, at close");
		return;
	}
	EXPECT(false, "no window without an exit");
}

static void setup(void)
{
	vmm_two_slots(&vmm, 4);
	vmm_start(&vmm);
	if (vmm.first_free_gfn + pages > 64)
		die("--pages: at most %lu", 64 - vmm.first_free_gfn);
	vmm_touch_range(&vmm, vmm.first_free_gfn, pages, true);
	isolate_guest(&vmm);
	peek_fd = open(idle_path(0), O_RDONLY | O_CLOEXEC);
	if (peek_fd < 0)
		die("%s: %m", idle_path(0));
	vmm_spin(&vmm, 0, vmm.first_free_gfn, pages);
	wait_for_sweeps(&vmm);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "pages", "pages the guest sweeps over", .number = &pages },
		{ "window", "how long to watch for stale bits, in us", .number = &window_us },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "none: bits stay stale", none },
		{ "precise: right at the first look", precise },
		{ "precise: right beside a reader that never flushes", precise_beside_none },
		{ "pass: right after the pass", pass_end },
		{ "pass: right after a write", pass_write },
		{ "pass: stale during the pass, paid on going back and at close", pass_is_not_over },
	};

	options_parse(argc, argv,
		      "See what each TLB policy makes of a vCPU that never exits.\n"
		      "Wants kernel arguments: isolcpus=nohz,domain,managed_irq,1 nohz_full=1 rcu_nocbs=1 nowatchdog",
		      options);
	if (!guest_cpu_is_isolated()) {
		printf("KTAP version 1\n1..0 # SKIP CPU %d is not there or not isolated: the guest would exit at each tick\n",
		       GUEST_CPU);
		return 0;
	}
	return KTAP_RUN(setup, tests);
}
