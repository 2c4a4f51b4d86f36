// SPDX-License-Identifier: GPL-2.0-only
/*
 * The library on a virtual machine that runs (tests/guest/hold): do all its ways of
 * looking at it say the same? KTAP on stdout.
 *
 *	live PID MAPPED_PAGES HOT_PAGES
 */
#include <errno.h>
#include <fcntl.h>
#include <kvmidle.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#define P	KVM_IDLE_PAGE_PRESENT
#define Y	KVM_IDLE_PAGE_YOUNG
#define HUGE	(KVM_IDLE_PAGE_HUGE_2M | KVM_IDLE_PAGE_HUGE_1G)
#define PAGES	(1 << 16)	/* no page behind these is touched */
/* Pages that the guest itself lives in are fewer, be they one huge page. */
#define OWN	600
#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static pid_t pid;
static unsigned long mapped, hot;
static uint64_t page_size;

#define must(condition) \
	do { \
		if (!(condition)) { \
			printf("# %s:%d: %s\n", __FILE__, __LINE__, #condition); \
			exit(1); \
		} \
	} while (0)

/* The categories of each page, as some regions have them. */
struct pages {
	uint8_t of[PAGES];
	uint64_t last_end;
	uint64_t last_categories;
};

static int take_regions(void *arg, const struct kvm_idle_region *regions, size_t count)
{
	struct pages *pages = arg;

	for (; count--; regions++) {
		uint64_t at;

		must(regions->start >= pages->last_end && regions->start < regions->end);
		must(regions->end / page_size <= PAGES);
		must(regions->start > pages->last_end || !pages->last_end ||
		     regions->categories != pages->last_categories);
		for (at = regions->start; at < regions->end; at += page_size)
			pages->of[at / page_size] = regions->categories;
		pages->last_end = regions->end;
		pages->last_categories = regions->categories;
	}
	return 0;
}

static unsigned long count_pages(const struct pages *pages, uint64_t which, uint64_t are)
{
	unsigned long i, n = 0;

	for (i = 0; i < PAGES; i++)
		n += (pages->of[i] & which) == are;
	return n;
}

static struct kvmidle_vm *open_vm(enum kvmidle_mode mode)
{
	struct kvmidle_vm *vm;

	must(!kvmidle_open(pid, mode, &vm));
	return vm;
}

static struct pages *look(struct kvmidle_vm *vm)
{
	struct pages *pages = calloc(1, sizeof(*pages));

	must(pages && !kvmidle_pass_regions(vm, take_regions, pages));
	return pages;
}

static void doors(void)
{
	static const enum kvmidle_door door[] = { KVMIDLE_DOOR_PROC, KVMIDLE_DOOR_DEVICE };
	struct kvm_idle_info info = { .size = sizeof(info) };
	int pidfd = syscall(SYS_pidfd_open, pid, 0);
	struct kvmidle_vm *vm;
	size_t i;

	for (i = 0; i < COUNT(door); i++) {
		must(!kvmidle_open_door(pid, KVMIDLE_HARVEST, door[i], &vm));
		must(kvmidle_door(vm) == door[i]);
		must(!kvmidle_get_info(vm, &info) && info.abi_version >= 5);
		kvmidle_close(vm);
	}
	must(pidfd >= 0 && !kvmidle_open_pidfd(pidfd, KVMIDLE_PEEK, &vm));
	must(!kvmidle_get_info(vm, &info));
	kvmidle_close(vm);
	must(kvmidle_open_pidfd(0, KVMIDLE_PEEK, &vm) == -EBADF);
	close(pidfd);
}

static int take_words(void *arg, uint64_t gfn, const uint64_t *words, size_t count)
{
	uint64_t *idle = arg;

	for (gfn /= 64; count--; gfn++, words++) {
		if (gfn < PAGES / 64)
			idle[gfn] = *words;
		else
			must(!*words);
	}
	return 0;
}

/* A peek changes nothing, and what is hot is hot again at once: page for page. */
static void regions_and_bitmap_agree(void)
{
	static uint64_t idle[PAGES / 64];
	struct kvmidle_vm *vm = open_vm(KVMIDLE_PEEK);
	struct pages *pages = look(vm);
	unsigned long i;

	must(kvmidle_pass_started(vm) > 0);
	must(!kvmidle_pass(vm, take_words, idle));
	for (i = 0; i < PAGES; i++)
		must((idle[i / 64] >> i % 64 & 1) == ((pages->of[i] & (P | Y)) == P));
	must(count_pages(pages, P, P) == mapped);
	free(pages);
	kvmidle_close(vm);
}

static void mapped_as_in_the_slots(void)
{
	struct kvmidle_vm *vm = open_vm(KVMIDLE_PEEK);
	struct pages *pages = look(vm);
	struct kvmidle_slots *slots;
	uint64_t sum = 0, there, back;
	size_t i;

	must(!kvmidle_get_slots(vm, KVM_IDLE_SLOTS_COUNT_MAPPED, &slots));
	for (i = 0; i < kvmidle_slots_count(slots); i++) {
		const struct kvm_idle_slot *slot = kvmidle_slots_at(slots, i);

		sum += slot->mapped_bytes;
		must(!kvmidle_gpa_to_hva(slots, slot->gpa + slot->bytes - 1, &there));
		must(there == slot->hva + slot->bytes - 1);
		must(!kvmidle_hva_to_gpa(slots, there, &back));
		must(back == slot->gpa + slot->bytes - 1);
	}
	must(sum == count_pages(pages, P, P) * page_size);
	kvmidle_slots_free(slots);
	free(pages);
	kvmidle_close(vm);
}

static void only_hot_is_young(void)
{
	struct kvmidle_vm *vm = open_vm(KVMIDLE_HARVEST);
	struct kvmidle_ages *ages = kvmidle_ages_new();
	struct pages *pages;
	unsigned long young, i;

	must(!kvmidle_pass_regions(vm, NULL, NULL));
	usleep(300000);
	pages = look(vm);
	young = count_pages(pages, P | Y, P | Y);
	printf("# %lu of %lu pages young, %lu are hot\n", young, mapped, hot);
	must(young >= hot && young < hot + OWN);
	for (i = 0; i < 2; i++) {
		must(!kvmidle_ages_pass(ages, vm));
		usleep(300000);
	}
	must(kvmidle_ages_untouched(ages, 0, UINT64_MAX) >= mapped - young - 10);
	must(kvmidle_ages_untouched(ages, 0, UINT64_MAX) <= mapped - hot);
	kvmidle_ages_free(ages);
	free(pages);
	kvmidle_close(vm);
}

static volatile sig_atomic_t signals;

static void count_signal(int signal)
{
	(void)signal;
	signals++;
}

static void signals_every(long usec)
{
	const struct itimerval timer = { { 0, usec }, { 0, usec } };
	const struct sigaction action = { .sa_handler = count_signal };

	must(!sigaction(SIGALRM, &action, NULL));
	must(!setitimer(ITIMER_REAL, &timer, NULL));
}

/* Filters against those done here; through storms of signals, and by few regions a call. */
static void scans_with_filters(void)
{
	static const struct { uint64_t inverted, mask, anyof, returned; } filters[] = {
		{ 0, P, 0, P }, { 0, P | Y, 0, P | Y | HUGE }, { Y, P | Y, 0, P },
		{ P | Y, 0, P | Y, P | Y }, { 0, 0, P | Y, Y }, { P, P, 0, P },
	};
	struct kvmidle_vm *vm = open_vm(KVMIDLE_PEEK);
	struct pages *all = look(vm);
	size_t f;

	signals_every(300);
	for (f = 0; f < COUNT(filters); f++) {
		struct kvm_idle_region got[7];
		struct kvm_idle_scan scan = {
			.size = sizeof(scan), .end = UINT64_MAX, .vec = (uintptr_t)got,
			.vec_len = COUNT(got), .category_inverted = filters[f].inverted,
			.category_mask = filters[f].mask, .category_anyof_mask = filters[f].anyof,
			.return_mask = filters[f].returned,
		};
		uint8_t *seen = calloc(1, PAGES);
		uint64_t at, matched = 0, i;
		ssize_t n;

		must(seen);
		do {
			n = kvmidle_scan(vm, &scan);
			must(n >= 0);
			for (i = 0; i < (uint64_t)n; i++)
				for (at = got[i].start; at < got[i].end && at / page_size < PAGES;
				     at += page_size)
					seen[at / page_size] = got[i].categories | 0x80;
			scan.start = scan.walk_end;
		} while (scan.walk_end < scan.end);

		for (i = 0; i < PAGES; i++) {
			uint64_t has = all->of[i] ^ filters[f].inverted;
			bool matches = (has & filters[f].mask) == filters[f].mask &&
				       (!filters[f].anyof || has & filters[f].anyof);

			/* What no slot covers is not told of, and has no category. */
			if (!all->of[i] && !seen[i])
				continue;
			must(matches == !!seen[i]);
			must(!matches || (seen[i] & 0x7f) == (all->of[i] & filters[f].returned));
			matched += matches;
		}
		must(matched > 0);
		free(seen);
	}
	signals_every(0);
	printf("# %d signals\n", (int)signals);
	free(all);
	kvmidle_close(vm);
}

/* A pass that signals interrupt all the time harvests each page once. */
static void passes_through_signals(void)
{
	struct kvmidle_vm *vm = open_vm(KVMIDLE_HARVEST);
	struct pages *pages;
	unsigned long young;

	must(!kvmidle_pass(vm, NULL, NULL));
	usleep(300000);
	signals = 0;
	signals_every(100);
	pages = look(vm);
	signals_every(0);
	young = count_pages(pages, P | Y, P | Y);
	printf("# %d signals, %lu pages young\n", (int)signals, young);
	must(count_pages(pages, P, P) == mapped);
	must(young >= hot && young < hot + OWN);
	free(pages);
	kvmidle_close(vm);
}

static void by_host_address(void)
{
	struct kvmidle_vm *vm = open_vm(KVMIDLE_PEEK);
	struct kvmidle_slots *slots;
	struct kvm_idle_region got[64];
	struct kvm_idle_scan scan = {
		.size = sizeof(scan), .flags = KVM_IDLE_SCAN_HVA, .end = UINT64_MAX,
		.vec = (uintptr_t)got, .vec_len = COUNT(got),
		.category_mask = P, .return_mask = P,
	};
	uint64_t bytes = 0, gpa;
	ssize_t n, i;

	must(!kvmidle_get_slots(vm, 0, &slots));
	do {
		n = kvmidle_scan(vm, &scan);
		must(n >= 0);
		for (i = 0; i < n; i++) {
			must(!kvmidle_hva_to_gpa(slots, got[i].start, &gpa));
			bytes += got[i].end - got[i].start;
		}
		scan.start = scan.walk_end;
	} while (scan.walk_end < scan.end);
	must(bytes == mapped * page_size);
	kvmidle_slots_free(slots);
	kvmidle_close(vm);
}

static void nodes(void)
{
	struct kvmidle_vm *vm = open_vm(KVMIDLE_PEEK);
	struct kvmidle_slots *slots;
	struct kvmidle_nodes *list;
	uint64_t bytes = 0;
	size_t i;
	int err;

	must(!kvmidle_get_slots(vm, 0, &slots));
	err = kvmidle_get_nodes(vm, slots, &list);
	if (err == -ENOSYS) {
		printf("# the kernel knows no nodes\n");
	} else {
		must(!err);
		for (i = 0; i < kvmidle_nodes_count(list); i++) {
			const struct kvmidle_node_range *range = kvmidle_nodes_at(list, i);

			must(range->node == 0);
			bytes += range->end - range->start;
		}
		printf("# %lu KiB on node 0, in %zu ranges\n", (unsigned long)(bytes >> 10),
		       kvmidle_nodes_count(list));
		must(bytes == mapped * page_size);
		kvmidle_nodes_free(list);
	}
	kvmidle_slots_free(slots);
	kvmidle_close(vm);
}

static void recorded(void)
{
	const struct kvmidle_recording_head head = { .pid = pid, .name = "live" };
	struct kvmidle_recorder *recorder;
	struct kvmidle_vm *vm = open_vm(KVMIDLE_HARVEST), *played;
	int fd = open("/tmp/live.kvi", O_WRONLY | O_CREAT | O_TRUNC, 0600), i;
	struct pages *pages[3], *again;
	char why[512];

	must(!kvmidle_recorder_new(fd, &head, &recorder));
	for (i = 0; i < 3; i++) {
		pages[i] = calloc(1, sizeof(*pages[i]));
		must(!kvmidle_recorder_pass(recorder, vm, take_regions, pages[i]));
		usleep(100000);
	}
	must(!kvmidle_recorder_end(recorder));
	close(fd);
	kvmidle_close(vm);

	must(!kvmidle_open_recording("/tmp/live.kvi", 0, &played, why, sizeof(why)));
	for (i = 0; i < 3; i++) {
		again = look(played);
		must(!memcmp(again, pages[i], sizeof(*again)));
		free(again);
		free(pages[i]);
	}
	kvmidle_close(played);
}

static void armed(void)
{
	struct kvm_idle_arm arm = { .size = sizeof(arm) };
	struct kvmidle_vm *vm = open_vm(KVMIDLE_HARVEST);
	struct pages *pages;

	must(!kvmidle_arm(vm, &arm));
	must(arm.armed_pages + arm.cleared_pages >= mapped);
	usleep(300000);
	pages = look(vm);
	must(count_pages(pages, P | Y, P | Y) >= hot);
	free(pages);
	kvmidle_close(vm);
}

/* The last: it ends the machine. */
static void gone(void)
{
	struct kvmidle_vm *vm = open_vm(KVMIDLE_HARVEST);
	struct kvm_idle_scan scan = { .size = sizeof(scan), .end = UINT64_MAX };
	struct kvmidle_slots *slots;
	struct kvmidle_nodes *list;
	int pidfd = syscall(SYS_pidfd_open, pid, 0), i;
	struct kvmidle_vm *other;

	must(!kvmidle_get_slots(vm, 0, &slots));
	must(!kill(pid, SIGKILL));
	for (i = 0; i < 100 && kvmidle_pass_regions(vm, NULL, NULL) != -ESRCH; i++)
		usleep(50000);
	must(kvmidle_pass_regions(vm, NULL, NULL) == -ESRCH);
	must(kvmidle_scan(vm, &scan) == -ESRCH);
	must(kvmidle_get_nodes(vm, slots, &list) == -ESRCH);
	must(kvmidle_open_pidfd(pidfd, KVMIDLE_PEEK, &other) == -ESRCH);
	kvmidle_slots_free(slots);
	kvmidle_close(vm);
}

static const struct {
	const char *name;
	void (*run)(void);
} tests[] = {
	{ "doors", doors },
	{ "regions and bitmap agree", regions_and_bitmap_agree },
	{ "mapped as in the slots", mapped_as_in_the_slots },
	{ "only what is hot is young", only_hot_is_young },
	{ "scans with filters", scans_with_filters },
	{ "passes through signals", passes_through_signals },
	{ "by host address", by_host_address },
	{ "nodes", nodes },
	{ "recorded", recorded },
	{ "armed", armed },
	{ "gone", gone },
};

/* Each in a process of its own, which ends at the first thing that is wrong. */
static bool run(size_t which)
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (!child) {
		tests[which].run();
		exit(0);
	}
	return waitpid(child, &status, 0) == child && !status;
}

int main(int argc, char **argv)
{
	bool bad = false;
	size_t i;

	if (argc != 4) {
		fprintf(stderr, "Usage: live PID MAPPED_PAGES HOT_PAGES\n");
		return 2;
	}
	pid = atoi(argv[1]);
	mapped = strtoul(argv[2], NULL, 10);
	hot = strtoul(argv[3], NULL, 10);
	page_size = sysconf(_SC_PAGESIZE);
	printf("1..%zu\n", COUNT(tests));
	for (i = 0; i < COUNT(tests); i++) {
		bool good = run(i);

		printf("%sok %zu - %s\n", good ? "" : "not ", i + 1, tests[i].name);
		bad |= !good;
	}
	return bad;
}
