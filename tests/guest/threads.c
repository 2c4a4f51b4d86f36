// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several threads share the work of a pass: each has a part of the file, cut at any
 * word, and at the same time another reader goes over all of it. Nobody waits for
 * anybody, and each is told what is due to him and nothing else.
 */
#include <errno.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "rounds.h"

#define GIB		(1UL << 30)
#define MAX_THREADS	6	/* and one more reader: VMM_MAX_OBSERVERS */

static unsigned long rounds = 100, threads = 2, mem = 32, vcpus = 1, seed = 1;
static bool thp;

static struct vmm vmm;

/* A part of the file, and somebody who reads it. */
struct worker {
	pthread_t thread;
	pthread_barrier_t *together;
	struct idle_reader *reader;
	size_t first, end;	/* in words */
	size_t chunk;		/* in bytes */
	struct idle_verdict verdict;
	/* For threads that do not know what each of them will be told: */
	uint64_t *told;
	uint64_t twice, put_back;
	unsigned int seed;
};

static size_t file_words(void)
{
	return idle_bitmap_bytes(&vmm) / 8;
}

static void touch_some(unsigned long round)
{
	touch_random(&vmm, vmm.total_pages, round_size(round, rounds, vmm.total_pages));
}

static void open_harvester(struct idle_reader *reader)
{
	idle_open(reader, &vmm, O_RDWR);
	idle_baseline(reader);
}

static void start(struct worker *w, void *(*run)(void *))
{
	errno = pthread_create(&w->thread, NULL, run, w);
	if (errno)
		die("pthread_create: %m");
}

static void *check_range(void *arg)
{
	struct worker *w = arg;

	pthread_barrier_wait(w->together);
	idle_check(w->reader, w->first * 8, (w->end - w->first) * 8, w->chunk, &w->verdict);
	return NULL;
}

/* Words of some pages, in order: most of the file is gaps, and no cut there tells much. */
static void choose_cuts(size_t *cut)
{
	cut[0] = 0;
	for (unsigned long i = 1; i < threads; i++) {
		size_t word = vmm_nth_gfn(&vmm, random_below(vmm.total_pages)) / 64;
		unsigned long k = i;

		for (; cut[k - 1] > word; k--)
			cut[k] = cut[k - 1];
		cut[k] = word;
	}
	cut[threads] = file_words();
}

static size_t some_chunk(void)
{
	return 8 + (random_below(8192) >> random_below(10)) * 8;
}

static void add(struct idle_verdict *to, const struct idle_verdict *v)
{
	to->young += v->young;
	to->miss.pages += v->miss.pages;
	to->extra.pages += v->extra.pages;
	to->hole_lie.pages += v->hole_lie.pages;
}

/*
 * Each round another part for each of them: with a file of its own, what a thread
 * has not read in one round is still due to it in the next.
 */
static void ranges(struct idle_reader *reader, bool one_file)
{
	struct worker worker[MAX_THREADS + 1], *all = &worker[threads];
	struct idle_verdict parts = { 0 }, whole = { 0 };
	struct idle_reader sweeper;
	pthread_barrier_t together;

	pthread_barrier_init(&together, NULL, threads + 1);
	open_harvester(&sweeper);
	for (unsigned long round = 0; round < rounds; round++) {
		size_t cut[MAX_THREADS + 1];

		touch_some(round);
		choose_cuts(cut);
		for (unsigned long t = 0; t <= threads; t++) {
			unsigned long part = (t + round) % threads;

			worker[t] = (struct worker){
				.together = &together,
				.reader = &reader[one_file ? 0 : t],
				.first = cut[part],
				.end = cut[part + 1],
				.chunk = some_chunk(),
			};
		}
		all->reader = &sweeper;
		all->first = 0;
		all->end = file_words();
		for (unsigned long t = 0; t <= threads; t++)
			start(&worker[t], check_range);
		for (unsigned long t = 0; t <= threads; t++) {
			char what[64];

			pthread_join(worker[t].thread, NULL);
			/* A part may have nothing in it. */
			worker[t].verdict.words++;
			snprintf(what, sizeof(what), "round %lu, %s, words %zu to %zu", round,
				 t < threads ? "a part" : "the whole", worker[t].first,
				 worker[t].end);
			idle_expect_exact(&worker[t].verdict, what);
			add(t < threads ? &parts : &whole, &worker[t].verdict);
		}
	}
	EXPECT(parts.young > rounds && whole.young > rounds, "%lu, %lu", parts.young, whole.young);
	ktap_diag("%lu threads, %s: %lu rounds: %lu pages young: %lu misses, %lu extras, %lu hole lies",
		  threads, one_file ? "one file" : "a file each", rounds, parts.young,
		  parts.miss.pages, parts.extra.pages, parts.hole_lie.pages);
	ktap_diag("beside them, one reader of the whole: %lu pages young: %lu misses, %lu extras, %lu hole lies",
		  whole.young, whole.miss.pages, whole.extra.pages, whole.hole_lie.pages);
	idle_close(&sweeper);
	pthread_barrier_destroy(&together);
}

static void ranges_of_one_file(void)
{
	struct idle_reader reader;

	open_harvester(&reader);
	ranges(&reader, true);
	idle_close(&reader);
}

static void ranges_of_a_file_each(void)
{
	struct idle_reader reader[MAX_THREADS];
	struct idle_verdict rest = { 0 };

	for (unsigned long t = 0; t < threads; t++)
		open_harvester(&reader[t]);
	ranges(reader, false);
	for (unsigned long t = 0; t < threads; t++) {
		idle_check_all(&reader[t], &rest);
		idle_close(&reader[t]);
	}
	idle_expect_exact(&rest, "what they were not asked for");
	ktap_diag("%lu pages told when they had read the rest too", rest.young);
}

/* The same part for all of them, into memory that ends soon: much is put back. */

#define ROOM	8	/* words at the end of that memory */

static void *room_with_an_end(void)
{
	uint8_t *p = mmap(NULL, 2 * PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || mprotect(p + PAGE_SIZE, PAGE_SIZE, PROT_NONE))
		die("mmap: %m");
	return p + PAGE_SIZE;
}

static size_t read_into_told(struct worker *w, uint64_t *room_end, size_t word, size_t words)
{
	size_t room = 1 + rand_r(&w->seed) % ROOM;
	uint64_t *to = room_end - room;
	ssize_t got = pread(w->reader->fd, to, words * 8, word * 8);

	/* Some processors copy large pieces, or nothing of one that does not fit. */
	if (got < 0 && errno == EFAULT)
		return 0;
	if (got <= 0 || got % 8)
		die("pread of %zu words at %zu: %zd (%m)", words, word, got);
	w->put_back += words - got / 8;
	for (ssize_t i = 0; i < got / 8; i++) {
		uint64_t young = ~to[i] & vmm.mapped.word[word + i];

		w->twice += __builtin_popcountll(young & w->told[word + i]);
		w->told[word + i] |= young;
	}
	return got / 8;
}

static void *read_slots(void *arg)
{
	struct worker *w = arg;
	uint64_t *room_end = room_with_an_end();

	pthread_barrier_wait(w->together);
	for (unsigned int i = 0; i < vmm.nr_slots; i++) {
		size_t word = vmm.slot[i].gpa / PAGE_SIZE / 64;
		size_t end = word + vmm.slot[i].bytes / PAGE_SIZE / 64;

		while (word < end) {
			word += read_into_told(w, room_end, word, end - word);
			/* They may have but one CPU. */
			sched_yield();
		}
	}
	munmap((uint8_t *)room_end - PAGE_SIZE, 2 * PAGE_SIZE);
	return NULL;
}

static void the_same_range(void)
{
	struct worker worker[MAX_THREADS] = { 0 };
	uint64_t told = 0, misses = 0, extras = 0, twice = 0, put_back = 0, shared = 0;
	uint64_t *all = malloc(file_words() * 8);
	struct idle_reader reader;
	pthread_barrier_t together;

	pthread_barrier_init(&together, NULL, threads);
	/* All that is mapped is mapped from here on: what reads as 0 is young. */
	touch_random(&vmm, vmm.total_pages, vmm.total_pages);
	open_harvester(&reader);
	for (unsigned long t = 0; t < threads; t++) {
		worker[t].reader = &reader;
		worker[t].together = &together;
		worker[t].told = malloc(file_words() * 8);
	}
	/* On a slow machine, one may be done before the other begins: go on until they meet. */
	for (unsigned long round = 0;
	     round < rounds || (threads > 1 && !shared && round < 20 * rounds); round++) {
		unsigned int tellers = 0;

		touch_some(round);
		memset(all, 0, file_words() * 8);
		for (unsigned long t = 0; t < threads; t++) {
			memset(worker[t].told, 0, file_words() * 8);
			worker[t].seed = random_below(1 << 30);
			start(&worker[t], read_slots);
		}
		for (unsigned long t = 0; t < threads; t++) {
			bool some = false;

			pthread_join(worker[t].thread, NULL);
			for (size_t i = 0; i < file_words(); i++) {
				twice += __builtin_popcountll(all[i] & worker[t].told[i]);
				all[i] |= worker[t].told[i];
				some |= worker[t].told[i];
			}
			tellers += some;
		}
		for (size_t i = 0; i < file_words(); i++) {
			misses += __builtin_popcountll(reader.due->word[i] & ~all[i]);
			extras += __builtin_popcountll(all[i] & ~reader.due->word[i]);
		}
		told += gfnset_count(reader.due);
		gfnset_clear(reader.due);
		shared += tellers > 1;
	}
	for (unsigned long t = 0; t < threads; t++) {
		twice += worker[t].twice;
		put_back += worker[t].put_back;
		free(worker[t].told);
	}
	EXPECT(told && !misses && !extras && !twice,
	       "%lu pages young: %lu told to no thread, %lu told and not touched, %lu told twice",
	       told, misses, extras, twice);
	/* Else they have not met. */
	EXPECT(threads == 1 || shared > 0);
	EXPECT(put_back > 0);
	ktap_diag("%lu threads, the same range, %lu words put back: %lu pages young: %lu misses, %lu extras, %lu told twice; told to more than one in %lu rounds",
		  threads, put_back, told, misses, extras, twice, shared);
	idle_close(&reader);
	free(all);
	pthread_barrier_destroy(&together);
}

/* A call that waits for its caller's memory, and never gets it. */

struct hung_call {
	pthread_t thread;
	int fd, watch;
	void *page;
	off_t pos;
	ssize_t got;
	int err;
};

static void *pread_a_page(void *arg)
{
	struct hung_call *c = arg;

	c->got = pread(c->fd, c->page, PAGE_SIZE, c->pos);
	c->err = errno;
	return NULL;
}

static void hang(struct hung_call *c)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range.len = PAGE_SIZE,
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	struct uffd_msg message;

	c->page = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
		       -1, 0);
	range.range.start = (uintptr_t)c->page;
	c->watch = syscall(SYS_userfaultfd, O_CLOEXEC);
	if (c->watch < 0 || ioctl(c->watch, UFFDIO_API, &api) ||
	    ioctl(c->watch, UFFDIO_REGISTER, &range))
		die("userfaultfd: %m");
	errno = pthread_create(&c->thread, NULL, pread_a_page, c);
	if (errno)
		die("pthread_create: %m");
	EXPECT_OK(read(c->watch, &message, sizeof(message)), sizeof(message));
}

/* It finds that there is no such memory any more. */
static void let_it_fail(struct hung_call *c)
{
	struct uffdio_range range = { .start = (uintptr_t)c->page, .len = PAGE_SIZE };

	munmap(c->page, PAGE_SIZE);
	EXPECT_OK(ioctl(c->watch, UFFDIO_WAKE, &range), 0);
	pthread_join(c->thread, NULL);
	EXPECT(c->got == -1 && c->err == EFAULT, "%zd, errno %d", c->got, c->err);
	close(c->watch);
}

static void one_call_hangs(void)
{
	struct idle_verdict verdict = { 0 }, other = { 0 }, late = { 0 };
	struct vmm_slot *slot = &vmm.slot[vmm.nr_slots - 1];
	off_t held = slot->gpa / PAGE_SIZE / 8;
	uint64_t words[PAGE_SIZE / 8];
	struct idle_reader reader, sweeper;
	struct hung_call call;
	ssize_t got;

	open_harvester(&reader);
	open_harvester(&sweeper);
	touch_random(&vmm, vmm.total_pages, vmm.total_pages);
	call = (struct hung_call){ .fd = reader.fd, .pos = held };
	hang(&call);

	/* The file goes on, and others; what that call has taken is told to nobody. */
	idle_check(&reader, 0, held, 64 * 1024, &verdict);
	idle_expect_exact(&verdict, "the same file, other words");
	EXPECT(verdict.young > 0);
	got = pread(reader.fd, words, slot->bytes / PAGE_SIZE / 8, held);
	EXPECT(got == (ssize_t)(slot->bytes / PAGE_SIZE / 8), "%zd", got);
	for (ssize_t i = 0; i < got / 8; i++)
		EXPECT(words[i] == ~0ULL, "word %zd is %#lx", i, words[i]);
	EXPECT(idle_info(reader.fd).readers == 2);
	idle_check_all(&sweeper, &other);
	idle_expect_exact(&other, "another file");

	let_it_fail(&call);
	idle_check_all(&reader, &late);
	idle_expect_exact(&late, "what that call was not told");
	EXPECT(late.young >= slot->bytes / PAGE_SIZE, "%lu", late.young);
	idle_close(&sweeper);
	idle_close(&reader);
}

/* One flush a pass, also if the pass is made up of parts that are read by turns. */
static void turns_are_not_going_back(void)
{
	struct vmm_slot *low = &vmm.slot[0], *high = &vmm.slot[vmm.nr_slots - 1];
	size_t words = low->bytes / PAGE_SIZE / 64;
	struct idle_reader reader;
	uint64_t flushes, word;

	open_harvester(&reader);
	for (int pass = 0; pass < 3; pass++) {
		touch_random(&vmm, vmm.total_pages, vmm.total_pages);
		flushes = idle_info(reader.fd).flushes;
		for (size_t i = 0; i < words; i++) {
			EXPECT_OK(pread(reader.fd, &word, 8, (high->gpa / PAGE_SIZE / 64 + i) * 8), 8);
			EXPECT_OK(pread(reader.fd, &word, 8, (low->gpa / PAGE_SIZE / 64 + i) * 8), 8);
			/* The end of the file is the end of the last slot. */
			if (i + 1 < words)
				EXPECT_OK(idle_info(reader.fd).flushes, flushes);
		}
		EXPECT_OK(pread(reader.fd, &word, 8, file_words() * 8), 0);
		/* Of the last word of each, who came after the end of the file is one more. */
		EXPECT(idle_info(reader.fd).flushes - flushes <= 2);
		flushes = idle_info(reader.fd).flushes;
		EXPECT_OK(pread(reader.fd, &word, 8, 0), 8);
		EXPECT_OK(idle_info(reader.fd).flushes, flushes);
	}

	/* To where it has been is. */
	touch_random(&vmm, vmm.total_pages, vmm.total_pages);
	EXPECT_OK(pread(reader.fd, &word, 8, 8), 8);
	flushes = idle_info(reader.fd).flushes;
	EXPECT_OK(lseek(reader.fd, 16, SEEK_SET), 16);
	EXPECT_OK(idle_info(reader.fd).flushes, flushes);
	EXPECT_OK(lseek(reader.fd, 8, SEEK_SET), 8);
	EXPECT_OK(idle_info(reader.fd).flushes, flushes + 1);
	EXPECT_OK(pread(reader.fd, &word, 8, 8), 8);
	EXPECT_OK(idle_info(reader.fd).flushes, flushes + 1);
	gfnset_clear(reader.due);
	gfnset_clear(&vmm.young);
	idle_close(&reader);
}

/* In four different GiB; one of them lies in two. */
static void slots_far_apart(void)
{
	uint64_t half = thp ? HUGE_SIZE : 2 * MIB, bytes;

	bytes = (mem * MIB / 4 + 2 * half - 1) / (2 * half) * (2 * half);
	vmm.nr_slots = 4;
	vmm.slot[0] = (struct vmm_slot){ .gpa = 0, .bytes = bytes };
	vmm.slot[1] = (struct vmm_slot){ .gpa = GIB, .bytes = bytes };
	vmm.slot[2] = (struct vmm_slot){ .gpa = 2 * GIB - bytes / 2, .bytes = bytes };
	vmm.slot[3] = (struct vmm_slot){ .gpa = 3 * GIB, .bytes = bytes };
}

static void setup(void)
{
	if (!threads || threads > MAX_THREADS)
		die("--threads: 1 to %d", MAX_THREADS);
	random_seed(seed);
	vmm.nr_vcpus = vcpus;
	vmm.thp = thp;
	slots_far_apart();
	vmm_start(&vmm);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "rounds", "rounds of random touches", .number = &rounds },
		{ "threads", "how many share the work", .number = &threads },
		{ "mem", "MiB of guest memory, in four slots", .number = &mem },
		{ "vcpus", "virtual CPUs", .number = &vcpus },
		{ "device", "by way of /dev/kvm_idle", .flag = &idle_by_device },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "threads with a range each, on one file", ranges_of_one_file },
		{ "threads with a range and a file each", ranges_of_a_file_each },
		{ "threads with the same range, on one file: each page once", the_same_range },
		{ "one call hangs in its caller's memory: all others go on", one_call_hangs },
		{ "ranges by turns are one pass, with one flush", turns_are_not_going_back },
	};

	options_parse(argc, argv, "Harvests of one VM by several threads at once.", options);
	return KTAP_RUN(setup, tests);
}
