// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several files open on one VM, each with its own account of what was touched
 * since its own last harvest of a page: nothing is lost between them, and nothing
 * is told twice, whoever comes when, with whatever part of the file.
 */
#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "cat.h"
#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "rounds.h"

#define READERS	3
#define THREADS	4
#define MISSED	"touched, and told by none"
#define EXTRA	"told, and not touched"
#define WORDS_AT_ONCE	1024	/* by a thread */

static unsigned long rounds = 500, pages = 8192, vcpus = 2, seed = 1;
static bool thp;

static struct vmm vmm;
static struct idle_reader reader[READERS];
static struct idle_verdict sum[READERS];

static void open_all(void)
{
	memset(sum, 0, sizeof(sum));
	for (int i = 0; i < READERS; i++) {
		idle_open(&reader[i], &vmm, O_RDWR);
		idle_baseline(&reader[i]);
	}
}

static void add(struct idle_verdict *to, const struct idle_verdict *v)
{
	to->words += v->words;
	to->young += v->young;
	to->miss.pages += v->miss.pages;
	to->extra.pages += v->extra.pages;
	to->hole_lie.pages += v->hole_lie.pages;
}

static void report(const char *who, const struct idle_verdict *v)
{
	ktap_diag("%s: %lu words, %lu pages young: %lu misses, %lu extras, %lu hole lies", who,
		  v->words, v->young, v->miss.pages, v->extra.pages, v->hole_lie.pages);
}

static void check(int i, off_t pos, size_t bytes, size_t chunk, unsigned long round)
{
	struct idle_verdict verdict = { 0 };
	char what[64];

	idle_check(&reader[i], pos, bytes, chunk, &verdict);
	snprintf(what, sizeof(what), "round %lu, reader %d, %zu bytes at %zu", round, i, bytes,
		 (size_t)pos);
	idle_expect_exact(&verdict, what);
	add(&sum[i], &verdict);
}

static void check_all(int i, unsigned long round)
{
	check(i, 0, idle_bitmap_bytes(&vmm), 64 * 1024, round);
}

/* Of a page's word. Most of the file is the gap between the slots. */
static off_t pos_of(uint64_t nth_page)
{
	return vmm_nth_gfn(&vmm, nth_page) / 64 * 8;
}

/* Parts of the file, of any size and in any order, some of them twice. */
static void check_odd_pieces(int i, unsigned long round)
{
	size_t end = idle_bitmap_bytes(&vmm);

	for (uint64_t n = random_below(4); n; n--) {
		off_t pos = pos_of(random_below(vmm.total_pages));
		size_t most = (end - pos) / 8, words = 1 + (random_below(most) >> random_below(10));

		check(i, pos, words * 8, 8 + random_below(600) * 8, round);
	}
}

static void touch_some(unsigned long round)
{
	touch_random(&vmm, vmm.total_pages, round_size(round, rounds, vmm.total_pages));
}

static void close_all(void)
{
	static const char *const name[READERS] = { "reader 0", "reader 1", "reader 2" };

	for (int i = 0; i < READERS; i++) {
		/* What it was slow to see is still due. */
		check_all(i, rounds);
		report(name[i], &sum[i]);
		EXPECT(sum[i].young > 0);
		idle_close(&reader[i]);
	}
}

/* Every round; every third; every seventh, and pieces of the file in between. */
static void three_paces(void)
{
	struct cat cat;
	unsigned long round;

	open_all();
	cat_start(&cat);
	/* However busy the machine is, let them meet. */
	for (round = 0; round < rounds || *cat.passes < rounds / 10 + 1; round++) {
		touch_some(round);
		check_all(0, round);
		if (round % 3 == 2)
			check_all(1, round);
		if (round % 7 == 6)
			check_all(2, round);
		else
			check_odd_pieces(2, round);
	}
	ktap_diag("%lu rounds, %lu passes of cat beside them", round, *cat.passes);
	cat_stop(&cat);
	close_all();
}

/* A mark is a harvest whose result the marking reader throws away, and no other does. */
static uint64_t mark_random(struct idle_reader *r)
{
	uint64_t marks[64], marked = 0;
	size_t end = idle_bitmap_bytes(&vmm) / 8, words = 1 + random_below(64);
	size_t first = pos_of(random_below(vmm.total_pages)) / 8;

	if (words > end - first)
		words = end - first;
	for (size_t i = 0; i < words; i++) {
		uint64_t due = r->due->word[first + i];

		/* Whole words, and some pages of others. */
		marks[i] = random_below(2) ? ~0UL : random_below(~0UL);
		marked += __builtin_popcountll(marks[i] & due);
		r->due->word[first + i] = due & ~marks[i];
	}
	EXPECT_OK(pwrite(r->fd, marks, words * 8, first * 8), words * 8);
	return marked;
}

static void one_marks(void)
{
	uint64_t marked = 0;

	open_all();
	for (unsigned long round = 0; round < rounds / 2; round++) {
		touch_some(round);
		for (uint64_t n = random_below(8); n; n--)
			marked += mark_random(&reader[0]);
		if (random_below(2))
			check_all(1, round);
		if (random_below(2))
			check_all(0, round);
		check_odd_pieces(2, round);
	}
	EXPECT(marked > 0, "%lu", marked);
	ktap_diag("%lu pages that were due were marked idle", marked);
	close_all();
}

/*
 * One that comes in the middle of it is told at least what is touched from then on.
 * What more its first harvest tells depends on what was harvested before.
 */
static void one_comes_and_goes(void)
{
	uint64_t younger = 0, baselines = 0;

	open_all();
	for (unsigned long round = 0; round < rounds / 2; round++) {
		struct idle_verdict first = { 0 };

		touch_some(round);
		if (random_below(2))
			check_all(0, round);
		if (round % 5 == 3)
			check_all(1, round);
		if (round % 4) {
			check_odd_pieces(2, round);
			continue;
		}
		idle_close(&reader[2]);
		idle_open(&reader[2], &vmm, O_RDWR);
		gfnset_clear(reader[2].due);
		touch_some(round);
		idle_check_all(&reader[2], &first);
		EXPECT(!first.miss.pages && !first.hole_lie.pages,
		       "the first harvest: %lu misses, %lu hole lies", first.miss.pages,
		       first.hole_lie.pages);
		younger += first.extra.pages;
		baselines++;
		/* Its second is exact. */
		touch_some(round);
		check_all(2, round);
	}
	ktap_diag("%lu files opened meanwhile; first told of %lu pages touched before", baselines,
		  younger);
	close_all();
}

/* Threads that read while others do. */

struct worker {
	pthread_t thread;
	int fd;
	unsigned int seed;
	pthread_barrier_t *together;	/* begin with the others, read all once; else until told to stop */
	uint64_t *told;		/* pages that it was told are young */
	uint64_t twice;		/* ... more than once */
	unsigned long calls;
};

static atomic_bool stop;

static void read_into_told(struct worker *w, off_t pos, size_t bytes)
{
	uint64_t words[WORDS_AT_ONCE];
	ssize_t got = pread(w->fd, words, bytes, pos);

	if (got < 0 && errno == EINTR)
		return;
	if (got < 0 || got % 8)
		die("pread of %zu at %zu: %zd (%m)", bytes, (size_t)pos, got);
	w->calls++;
	for (ssize_t i = 0; i < got / 8; i++) {
		uint64_t young = ~words[i] & vmm.mapped.word[pos / 8 + i];

		w->twice += __builtin_popcountll(young & w->told[pos / 8 + i]);
		w->told[pos / 8 + i] |= young;
	}
}

/* All slots in small pieces, from a random one on and round, so that threads cross. */
static void read_slots(struct worker *w)
{
	/* A power of two, so that none crosses from one slot into the gap behind. */
	size_t piece = 64 << rand_r(&w->seed) % 4;
	size_t pieces = vmm.total_pages / piece, first = rand_r(&w->seed) % pieces;

	for (size_t i = 0; i < pieces; i++) {
		read_into_told(w, pos_of((first + i) % pieces * piece), piece / 8);
		/* They may have but one CPU. */
		sched_yield();
	}
}

static void *read_file(void *arg)
{
	struct worker *w = arg;

	if (w->together) {
		pthread_barrier_wait(w->together);
		read_slots(w);
		return NULL;
	}
	while (!atomic_load(&stop))
		read_into_told(w, pos_of(rand_r(&w->seed) % vmm.total_pages),
			       8 + rand_r(&w->seed) % WORDS_AT_ONCE * 8);
	return NULL;
}

static void worker_init(struct worker *w, int fd, pthread_barrier_t *together)
{
	*w = (struct worker){ .fd = fd, .together = together };
	w->told = calloc(idle_bitmap_bytes(&vmm), 1);
}

static void worker_start(struct worker *w)
{
	w->seed = random_below(1 << 30);
	errno = pthread_create(&w->thread, NULL, read_file, w);
	if (errno)
		die("pthread_create: %m");
}

/* All that is mapped is mapped from here on, so that what reads as 0 is young. */
static void map_all(void)
{
	touch_random(&vmm, vmm.total_pages, vmm.total_pages);
}

/* Pages in one set and not in the other. */
static uint64_t beyond(const uint64_t *told, const uint64_t *due, const char *what,
		       unsigned long round)
{
	uint64_t n = 0;

	for (size_t i = 0; i < idle_bitmap_bytes(&vmm) / 8; i++) {
		uint64_t more = told[i] & ~due[i];

		if (more && !n)
			ktap_diag("  round %lu: %s: gfn %#lx and perhaps more", round, what,
				  i * 64 + __builtin_ctzll(more));
		n += __builtin_popcountll(more);
	}
	return n;
}

/* The guest rests: what is due is told to one of them, once. */
static void threads_share_a_file(void)
{
	struct worker worker[THREADS];
	uint64_t told = 0, twice = 0, misses = 0, extras = 0, shared = 0;
	size_t end = idle_bitmap_bytes(&vmm);
	uint64_t *all = malloc(end);
	pthread_barrier_t together;

	pthread_barrier_init(&together, NULL, THREADS);
	map_all();
	idle_open(&reader[0], &vmm, O_RDWR);
	idle_baseline(&reader[0]);
	for (int t = 0; t < THREADS; t++)
		worker_init(&worker[t], reader[0].fd, &together);
	for (unsigned long round = 0; round < rounds / 2; round++) {
		unsigned int tellers = 0;

		touch_some(round);
		memset(all, 0, end);
		for (int t = 0; t < THREADS; t++) {
			memset(worker[t].told, 0, end);
			worker_start(&worker[t]);
		}
		for (int t = 0; t < THREADS; t++) {
			bool some = false;

			pthread_join(worker[t].thread, NULL);
			for (size_t i = 0; i < end / 8; i++) {
				twice += __builtin_popcountll(all[i] & worker[t].told[i]);
				all[i] |= worker[t].told[i];
				some |= worker[t].told[i];
			}
			tellers += some;
		}
		misses += beyond(reader[0].due->word, all, MISSED, round);
		extras += beyond(all, reader[0].due->word, EXTRA, round);
		told += gfnset_count(reader[0].due);
		gfnset_clear(reader[0].due);
		shared += tellers > 1;
	}
	for (int t = 0; t < THREADS; t++) {
		twice += worker[t].twice;
		free(worker[t].told);
	}
	EXPECT(told && !misses && !extras && !twice,
	       "%lu pages young: %lu told to no thread, %lu told and not touched, %lu told twice",
	       told, misses, extras, twice);
	/* Else they have not met. */
	EXPECT(shared > 0);
	ktap_diag("%d threads on a file: %lu pages young: %lu misses, %lu extras, %lu told twice; told to more than one thread in %lu of %lu rounds",
		  THREADS, told, misses, extras, twice, shared, rounds / 2);
	idle_close(&reader[0]);
	free(all);
}

/*
 * The guest runs, and nobody waits for anybody: what each file told from beginning
 * to end is what was touched from beginning to end.
 */
static void files_in_threads(void)
{
	struct worker worker[READERS], last;
	struct idle_verdict ignored = { 0 };

	map_all();
	open_all();
	atomic_store(&stop, false);
	for (int i = 0; i < READERS; i++) {
		worker_init(&worker[i], reader[i].fd, NULL);
		worker_start(&worker[i]);
	}
	/* Not all of the guest, or else nothing could be told that is not true. */
	for (unsigned long round = 0; round < rounds / 2; round++)
		touch_random(&vmm, vmm.total_pages / 2, 1 + random_below(vmm.total_pages / 4));
	atomic_store(&stop, true);
	for (int i = 0; i < READERS; i++) {
		uint64_t misses, extras;

		pthread_join(worker[i].thread, NULL);
		last = worker[i];
		read_slots(&last);
		misses = beyond(reader[i].due->word, last.told, MISSED, rounds);
		extras = beyond(last.told, reader[i].due->word, EXTRA, rounds);
		EXPECT(!misses && !extras && gfnset_count(reader[i].due),
		       "reader %d: %lu pages touched, %lu never told, %lu told and not touched", i,
		       gfnset_count(reader[i].due), misses, extras);
		EXPECT(last.calls > 0);
		ktap_diag("file %d in a thread: %lu reads, %lu pages touched: %lu misses, %lu extras",
			  i, last.calls, gfnset_count(reader[i].due), misses, extras);
		free(last.told);
		gfnset_clear(reader[i].due);
	}
	/* And now all is idle. */
	for (int i = 0; i < READERS; i++) {
		idle_check_all(&reader[i], &ignored);
		idle_expect_exact(&ignored, "afterwards");
		idle_close(&reader[i]);
	}
}

static void setup(void)
{
	random_seed(seed);
	vmm.nr_vcpus = vcpus;
	vmm.thp = thp;
	vmm_two_slots(&vmm, pages * PAGE_SIZE / MIB);
	vmm_start(&vmm);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "rounds", "rounds of random touches; half as many in some tests",
		  .number = &rounds },
		{ "pages", "pages of the guest, in two slots", .number = &pages },
		{ "vcpus", "virtual CPUs", .number = &vcpus },
		{ "device", "by way of /dev/kvm_idle", .flag = &idle_by_device },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "three readers at different paces, and a cat", three_paces },
		{ "one of them marks pages idle", one_marks },
		{ "one of them comes and goes", one_comes_and_goes },
		{ "several threads on one file: each page once", threads_share_a_file },
		{ "a file in each thread, and the guest runs", files_in_threads },
	};

	options_parse(argc, argv, "Several readers of one VM, each with its own truth.", options);
	return KTAP_RUN(setup, tests);
}
