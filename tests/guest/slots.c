// SPDX-License-Identifier: GPL-2.0-only
/*
 * Memory slots that come, move and go, and tables that KVM drops and builds
 * anew, between reads and under them.
 *
 * What KVM drops, the guest has to touch again before it is anything but a hole,
 * and a hole is never idle: so nothing that was touched is ever reported as
 * idle. But KVM's older MMU maps neighbours of what is touched, as not accessed,
 * also those that were touched before the drop and not harvested since. Nobody can
 * tell them from idle ones; how many there are is counted and said.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "measure.h"
#include "options.h"
#include "rounds.h"

#define MOVING_SLOT	2
#define SLOT_BYTES	(8 * MIB)
#define STEADY_GPA	(1024 * MIB)

static unsigned long seconds = 60, rounds = 20, seed = 1;
static bool aged;

static struct vmm vmm;
static struct idle_reader reader, peeker;
static uint64_t steady_pages;	/* of the slots that stay where they are */

static void find_end(void)
{
	vmm.end_gfn = 0;
	for (unsigned int i = 0; i < vmm.nr_slots; i++)
		if (vmm.slot[i].bytes && vmm.end_gfn < (vmm.slot[i].gpa + vmm.slot[i].bytes) / PAGE_SIZE)
			vmm.end_gfn = (vmm.slot[i].gpa + vmm.slot[i].bytes) / PAGE_SIZE;
}

/* The moving slot is now there, and as large; to a deletion, 0 bytes. */
static void move_slot(uint64_t gpa, uint64_t bytes)
{
	struct vmm_slot *slot = &vmm.slot[MOVING_SLOT];
	uint64_t old_gfn = slot->gpa / PAGE_SIZE, old_pages = slot->bytes / PAGE_SIZE;

	if (!old_pages && !bytes)
		return;
	/* KVM resizes none. */
	if (slot->bytes && bytes && slot->bytes != bytes)
		vmm_set_region(&vmm, MOVING_SLOT, 0, slot->gpa, 0, slot->hva);
	vmm_set_region(&vmm, MOVING_SLOT, 0, gpa, bytes, slot->hva);
	slot->gpa = gpa;
	slot->bytes = bytes;
	find_end();
	if (!old_pages)
		return;
	if (kvm_drops_all_with_a_slot()) {
		vmm_unmapped(&vmm);
	} else {
		gfnset_del_range(&vmm.mapped, old_gfn, old_pages);
		gfnset_del_range(&vmm.mmu.mapped, old_gfn, old_pages);
	}
}

static uint64_t moving_pages(void)
{
	return vmm.slot[MOVING_SLOT].bytes / PAGE_SIZE;
}

static void expect_end(void)
{
	uint64_t word;
	off_t end = idle_bitmap_bytes(&vmm);

	EXPECT_OK(lseek(peeker.fd, 0, SEEK_END), end);
	EXPECT_OK(pread(peeker.fd, &word, 8, end), 0);
	EXPECT_OK(pread(peeker.fd, &word, 8, end - 8), 8);
	EXPECT_OK(idle_info(peeker.fd).end_gpa, vmm.end_gfn << PAGE_SHIFT);
}

static void expect_exact(const char *what)
{
	struct idle_verdict peeked = { 0 }, verdict = { 0 };

	idle_check_all(&peeker, &peeked);
	if (!aged)
		idle_expect_exact(&peeked, what);
	idle_check_all(&reader, &verdict);
	idle_expect_exact(&verdict, what);
}

static void touch_some(void)
{
	touch_random(&vmm, steady_pages, 1 + random_below(steady_pages / 4));
	if (moving_pages())
		vmm_touch_range(&vmm, vmm.slot[MOVING_SLOT].gpa / PAGE_SIZE +
				random_below(moving_pages() / 2),
				random_below(moving_pages() / 2), random_below(2));
}

/* Another one than it has now: to move it there, and no further, is no change. */
static uint64_t random_place(void)
{
	uint64_t gpa;

	do
		gpa = (1200 + 10 * random_below(60)) * MIB;
	while (gpa == vmm.slot[MOVING_SLOT].gpa);
	return gpa;
}

/* Nothing is due when a slot goes: exact in every mode. */
static void come_move_and_go(void)
{
	for (unsigned long round = 0; round < rounds; round++) {
		uint64_t generation = idle_info(reader.fd).slot_generation;
		uint64_t bytes = (1 + random_below(4)) * SLOT_BYTES / 4;

		touch_some();
		expect_exact("before");
		if (round % 3 == 2)
			move_slot(0, 0);
		else
			move_slot(random_place(), bytes);
		EXPECT(idle_info(reader.fd).slot_generation != generation);
		expect_end();
		expect_exact("nothing touched since");
		touch_some();
		expect_exact("after");
	}
}

/* A reader that was in the middle of a slot that went: the end, or what is there now. */
static void position_beyond_the_end(void)
{
	uint64_t words[64];
	off_t position;

	move_slot(1800 * MIB, SLOT_BYTES);
	touch_some();
	position = idle_bitmap_bytes(&vmm) - 64;
	EXPECT_OK(lseek(reader.fd, position, SEEK_SET), position);
	EXPECT_OK(read(reader.fd, words, 8), 8);
	move_slot(0, 0);
	EXPECT_OK(read(reader.fd, words, sizeof(words)), 0);
	EXPECT_OK(lseek(reader.fd, 0, SEEK_CUR), position + 8);
	EXPECT_ERR(lseek(reader.fd, position, SEEK_DATA), ENXIO);
	move_slot(1800 * MIB, SLOT_BYTES);
	EXPECT_OK(read(reader.fd, words, sizeof(words)), 64 - 8);
	EXPECT_OK(read(reader.fd, words, sizeof(words)), 0);
	EXPECT(words[0] == 0, "a slot that was not touched yet: %#lx", words[0]);
	idle_baseline(&reader);
}

static void expect_no_miss(const struct idle_verdict *verdict, const char *what)
{
	EXPECT(verdict->words && verdict->young, "%lu words, %lu young", verdict->words,
	       verdict->young);
	EXPECT(!verdict->extra.pages && !verdict->hole_lie.pages, "%s: %lu extras, %lu hole lies",
	       what, verdict->extra.pages, verdict->hole_lie.pages);
	if (vmm.mmu.prefetches)
		ktap_diag("%s: of %lu pages touched, %lu were mapped anew as neighbours and read as idle",
			  what, verdict->young, verdict->miss.pages);
	else
		EXPECT(!verdict->miss.pages, "%s: %lu misses", what, verdict->miss.pages);
}

/* Bits that nobody has harvested when they go. */
static void young_pages_are_dropped(void)
{
	struct idle_verdict right_after = { 0 }, later = { 0 };

	for (unsigned long round = 0; round < rounds; round++) {
		move_slot(1800 * MIB, SLOT_BYTES);
		touch_some();
		idle_baseline(&reader);
		touch_some();
		move_slot(0, 0);
		idle_check_all(&reader, &right_after);
		touch_some();
		idle_baseline(&reader);
		touch_some();
		move_slot(1800 * MIB, SLOT_BYTES);
		move_slot(0, 0);
		touch_some();
		idle_check_all(&reader, &later);
	}
	idle_expect_exact(&right_after, "right after");
	expect_no_miss(&later, "touched before and after");
}

/*
 * As changed registers make KVM do it. Later versions of its TDP MMU keep such
 * tables and take them up again, others begin with empty ones. So it is open
 * whether a page is mapped; what was touched is not idle in either case.
 */
static void roots_are_dropped(void)
{
	struct idle_verdict without = { 0 }, rebuilt = { 0 }, again = { 0 };

	for (unsigned long round = 0; round < rounds; round++) {
		touch_random(&vmm, steady_pages, steady_pages);
		idle_baseline(&reader);
		touch_random(&vmm, steady_pages, steady_pages / 8);
		if (!vmm_drop_roots(&vmm)) {
			ktap_skip("nothing makes KVM do that on this architecture");
			return;
		}
		if (round % 2)
			idle_check_all(&reader, &without);
		vmm_touch(&vmm, NULL, 0);
		idle_check_all(&reader, round % 2 ? &again : &rebuilt);
		touch_random(&vmm, steady_pages, steady_pages);
		expect_exact("all touched again");
		expect_exact("none");
	}
	EXPECT(without.young && !without.miss.pages, "%lu misses", without.miss.pages);
	EXPECT(rebuilt.young && !rebuilt.miss.pages, "%lu misses", rebuilt.miss.pages);
	EXPECT(!without.hole_lie.pages && !rebuilt.hole_lie.pages);
	EXPECT(!again.miss.pages, "%lu misses", again.miss.pages);
	ktap_diag("read while there was no table: %lu of %lu pages not idle beyond those touched; told again afterwards: %lu of %lu",
		  without.extra.pages, without.words * 64, again.extra.pages, without.young);
}

/* Churn */

#define CHURN_SLOTS	3
#define CHURN_ID	5
#define CHURN_MAX_BYTES	(4 * MIB)

struct churn_slot {
	uint64_t base;		/* it stays within 64 MiB from there on */
	uint64_t gpa, bytes;	/* as it is; 0 bytes: it is not there */
	void *hva;
};

/* Below the steady slot, and above it; the last one makes the end of the file. */
static struct churn_slot churn[CHURN_SLOTS] = {
	{ .base = 512 * MIB }, { .base = 1100 * MIB }, { .base = 1700 * MIB },
};

static atomic_bool stop;
static atomic_ulong drops_begun, drops_done, operations;

/* When a page of the steady slot was last touched, by a round that is over. */
struct last_touch {
	uint64_t begun_ns;
	uint64_t drops;		/* KVM's drops so far, or NEVER if it was at one */
};

#define NEVER	(~0UL)

static pthread_mutex_t truth_lock = PTHREAD_MUTEX_INITIALIZER;
static struct last_touch *truth;	/* protected by truth_lock */

static uint64_t steady_gfn(void)
{
	return vmm.slot[1].gpa / PAGE_SIZE;
}

static uint64_t steady_slot_pages(void)
{
	return vmm.slot[1].bytes / PAGE_SIZE;
}

/* The guest touches pages of the steady slot, and others wherever there may be a slot. */
static unsigned long guest_rounds(uint64_t until)
{
	size_t most = steady_slot_pages() / 4;
	uint32_t *list = calloc(2 * most, sizeof(*list));
	unsigned long n = 0;

	for (; now_ns() < until; n++) {
		size_t steady = 1 + random_below(most >> random_below(8));
		size_t others = random_below(8);
		uint64_t begun = now_ns(), drops = drops_begun;

		if (drops_done != drops)
			drops = NEVER;
		for (size_t i = 0; i < steady; i++)
			list[i] = (steady_gfn() + random_below(steady_slot_pages())) << PAGE_SHIFT |
				  random_below(2);
		for (size_t i = 0; i < others; i++)
			list[steady + i] = churn[random_below(CHURN_SLOTS)].base +
					   random_below(16 * MIB / PAGE_SIZE) * PAGE_SIZE;
		vmm_touch(&vmm, list, steady + others);
		pthread_mutex_lock(&truth_lock);
		for (size_t i = 0; i < steady; i++)
			truth[(list[i] >> PAGE_SHIFT) - steady_gfn()] =
				(struct last_touch){ begun, drops };
		pthread_mutex_unlock(&truth_lock);
	}
	free(list);
	return n;
}

struct churn_reader {
	struct idle_reader reader;
	pthread_t thread;
	uint64_t random;
	unsigned long passes, must, idle, misses, excused, eofs_moved;
	uint64_t first_miss;
};

/* A number for a thread of its own. */
static uint64_t own_random(struct churn_reader *r, uint64_t n)
{
	r->random = r->random * 6364136223846793005ULL + 1442695040888963407ULL;
	return (r->random >> 33) % n;
}

/* Return: where the file ended. */
static size_t read_pass(struct churn_reader *r, uint64_t *steady)
{
	size_t first = steady_gfn() / 8, bytes = steady_slot_pages() / 8;
	static _Thread_local uint64_t words[1024];
	off_t pos = 0;

	for (;;) {
		ssize_t got = idle_pread(&r->reader, words, 8 + own_random(r, 1024) * 8, pos);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			die("read at %#lx: %m", pos);
		if (!got)
			return pos;
		for (ssize_t i = 0; i < got / 8; i++)
			if (pos + i * 8 - first < bytes)
				steady[(pos + i * 8 - first) / 8] = words[i];
		pos += got;
	}
}

/*
 * A page must not read as idle if it was touched by a round that began after the
 * pass before and was over when this one began. Of one that was at the same time as a
 * pass, it cannot be said which pass is to tell.
 */
static void judge_pass(struct churn_reader *r, const uint64_t *steady,
		       const struct last_touch *before, uint64_t last_pass_end)
{
	uint64_t drops = drops_begun;

	for (uint64_t page = 0; page < steady_slot_pages(); page++) {
		bool idle = steady[page / 64] >> (page % 64) & 1;

		r->idle += idle;
		if (before[page].begun_ns < last_pass_end)
			continue;
		r->must++;
		if (!idle)
			continue;
		if (vmm.mmu.prefetches && before[page].drops != drops) {
			r->excused++;
		} else if (!r->misses++) {
			r->first_miss = steady_gfn() + page;
		}
	}
}

static void *read_all_the_time(void *arg)
{
	struct churn_reader *r = arg;
	size_t bytes = steady_slot_pages() * sizeof(*truth), end = 0;
	struct last_touch *before = malloc(bytes);
	uint64_t *steady = malloc(steady_slot_pages() / 8);
	uint64_t last_pass_end = now_ns();

	while (!stop) {
		size_t new_end;

		pthread_mutex_lock(&truth_lock);
		memcpy(before, truth, bytes);
		pthread_mutex_unlock(&truth_lock);
		memset(steady, 0xff, steady_slot_pages() / 8);
		new_end = read_pass(r, steady);
		judge_pass(r, steady, before, last_pass_end);
		last_pass_end = now_ns();
		r->eofs_moved += end && new_end != end;
		end = new_end;
		r->passes++;
		/* Time for whole rounds of the guest between two passes. */
		if (own_random(r, 4))
			usleep(own_random(r, 50000));
	}
	free(steady);
	free(before);
	return NULL;
}

static void expect_slots(int fd)
{
	struct kvm_idle_slot slot[CHURN_SLOTS + 2 + 2];
	struct kvm_idle_slots query = {
		.size = sizeof(query), .slot_size = sizeof(slot[0]),
		.capacity = CHURN_SLOTS + 2 + 2, .slots = (uintptr_t)slot,
	};
	uint64_t end = vmm.slot[1].gpa + vmm.slot[1].bytes;
	unsigned int there = 2, found = 0;

	EXPECT_OK(ioctl(fd, KVM_IDLE_GET_SLOTS, &query), 0);
	for (int i = 0; i < CHURN_SLOTS; i++) {
		there += churn[i].bytes > 0;
		if (churn[i].bytes && end < churn[i].gpa + churn[i].bytes)
			end = churn[i].gpa + churn[i].bytes;
		for (unsigned int s = 0; s < query.count; s++)
			found += churn[i].bytes && slot[s].id == CHURN_ID + (unsigned int)i &&
				 slot[s].gpa == churn[i].gpa && slot[s].bytes == churn[i].bytes;
	}
	EXPECT(query.count == there && found == there - 2, "%u slots, %u found, not %u",
	       query.count, found, there);
	/* Rounded up to a word. */
	EXPECT_OK(lseek(fd, 0, SEEK_END), (end / PAGE_SIZE + 63) / 64 * 8);
}

static void *churn_slots(void *arg)
{
	struct churn_reader rnd = { .random = seed };
	int fd = idle_file(0, O_RDONLY | O_CLOEXEC);

	(void)arg;
	while (!stop) {
		uint32_t i = own_random(&rnd, CHURN_SLOTS);
		struct churn_slot *c = &churn[i];
		uint64_t gpa = c->base + own_random(&rnd, 12 * MIB / PAGE_SIZE) * PAGE_SIZE;
		bool move = c->bytes && own_random(&rnd, 2);

		drops_begun++;
		if (move) {
			vmm_set_region(&vmm, CHURN_ID + i, 0, gpa, c->bytes, c->hva);
			c->gpa = gpa;
		} else if (c->bytes) {
			vmm_set_region(&vmm, CHURN_ID + i, 0, c->gpa, 0, c->hva);
			c->bytes = 0;
		} else {
			c->gpa = gpa;
			c->bytes = (1 + own_random(&rnd, CHURN_MAX_BYTES / PAGE_SIZE)) * PAGE_SIZE;
			vmm_set_region(&vmm, CHURN_ID + i, 0, c->gpa, c->bytes, c->hva);
		}
		drops_done++;
		operations++;
		expect_slots(fd);
		usleep(own_random(&rnd, 20000));
	}
	close(fd);
	return NULL;
}

static void churn_for_long(void)
{
	struct churn_reader r[2] = { { .random = 1 }, { .random = 2 } };
	pthread_t churner;
	unsigned long guest;

	move_slot(0, 0);
	truth = calloc(steady_slot_pages(), sizeof(*truth));
	for (int i = 0; i < CHURN_SLOTS; i++) {
		churn[i].hva = mmap(NULL, CHURN_MAX_BYTES, PROT_READ | PROT_WRITE,
				    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (churn[i].hva == MAP_FAILED || madvise(churn[i].hva, CHURN_MAX_BYTES, MADV_DONTFORK))
			die("mmap: %m");
	}
	idle_open_elsewhere(&r[1].reader, &vmm, O_RDWR);
	idle_open(&r[0].reader, &vmm, O_RDWR);
	for (int i = 0; i < 2; i++)
		pthread_create(&r[i].thread, NULL, read_all_the_time, &r[i]);
	pthread_create(&churner, NULL, churn_slots, NULL);
	guest = guest_rounds(now_ns() + seconds * 1000000000ULL);
	stop = true;
	pthread_join(churner, NULL);
	for (int i = 0; i < 2; i++) {
		pthread_join(r[i].thread, NULL);
		EXPECT(!r[i].misses, "reader %d: %lu misses of %lu, the first gfn %#lx", i,
		       r[i].misses, r[i].must, r[i].first_miss);
		EXPECT(aged || (r[i].passes > seconds && r[i].must > 20 * seconds && r[i].idle),
		       "reader %d: %lu passes, %lu pages due, %lu idle", i, r[i].passes,
		       r[i].must, r[i].idle);
		EXPECT(aged || r[i].eofs_moved, "the end of the file never moved");
		ktap_diag("reader %d: %lu passes, %lu pages had to be young, %lu misses, %lu times idle; the end moved %lu times",
			  i, r[i].passes, r[i].must, r[i].misses, r[i].idle, r[i].eofs_moved);
		if (vmm.mmu.prefetches)
			ktap_diag("reader %d: and %lu that KVM dropped and mapped anew as neighbours read as idle",
				  i, r[i].excused);
		idle_close(&r[i].reader);
	}
	EXPECT(operations > 2 * seconds, "%lu", operations);
	ktap_diag("%lu s, %lu rounds of the guest, %lu slots added, deleted and moved", seconds,
		  guest, operations);
	for (int i = 0; i < CHURN_SLOTS; i++)
		munmap(churn[i].hva, CHURN_MAX_BYTES);
	free(truth);
}

static void setup(void)
{
	random_seed(seed);
	vmm.nr_slots = 3;
	vmm.slot[0] = (struct vmm_slot){ .gpa = 0, .bytes = SLOT_BYTES };
	vmm.slot[1] = (struct vmm_slot){ .gpa = STEADY_GPA, .bytes = SLOT_BYTES };
	/* Where the sets of pages end. */
	vmm.slot[MOVING_SLOT] = (struct vmm_slot){ .gpa = 1990 * MIB, .bytes = SLOT_BYTES };
	vmm_start(&vmm);
	steady_pages = vmm.total_pages - moving_pages();
	idle_open(&reader, &vmm, O_RDWR);
	idle_open(&peeker, &vmm, O_RDONLY);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "aged", "the host ages pages meanwhile, on a busy machine: peeks are not judged, nor how much was done",
		  .flag = &aged },
		{ "seconds", "how long slots come and go under the readers", .number = &seconds },
		{ "rounds", "rounds of the other tests", .number = &rounds },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "slots come, move and go, and the file follows", come_move_and_go },
		{ "a position beyond the new end", position_beyond_the_end },
		{ "pages dropped with their bits not harvested", young_pages_are_dropped },
		{ "KVM drops its tables", roots_are_dropped },
		{ "slots come and go while the guest runs and two readers harvest", churn_for_long },
	};

	options_parse(argc, argv, "Harvest while memory slots are added, moved and deleted.", options);
	return KTAP_RUN(setup, tests);
}
