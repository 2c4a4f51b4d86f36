// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Idle ages over several passes.
 *
 * Kept in chunks of 32768 pages (128 MiB of 4 KiB pages), allocated when the
 * first idle page appears in one: the guest physical address space is mostly
 * empty, and a missing chunk says the right thing, namely age 0 everywhere.
 */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_WORDS	512
#define CHUNK_PAGES	(CHUNK_WORDS * PAGES_PER_WORD)

struct chunk {
	uint64_t now[CHUNK_WORDS];		/* idle in the current pass */
	uint64_t untouched[CHUNK_WORDS];	/* idle in every pass so far */
	uint8_t age[CHUNK_PAGES];
};

struct kvmidle_ages {
	uint64_t passes;
	size_t count;		/* length of @chunks, which may hold NULLs */
	struct chunk **chunks;
};

struct kvmidle_ages *kvmidle_ages_new(void)
{
	return calloc(1, sizeof(struct kvmidle_ages));
}

void kvmidle_ages_free(struct kvmidle_ages *ages)
{
	size_t i;

	if (!ages)
		return;
	for (i = 0; i < ages->count; i++)
		free(ages->chunks[i]);
	free(ages->chunks);
	free(ages);
}

static struct chunk *find_chunk(const struct kvmidle_ages *ages, uint64_t gfn)
{
	uint64_t index = gfn / CHUNK_PAGES;

	return index < ages->count ? ages->chunks[index] : NULL;
}

/* The first page after @gfn that is in another chunk, or @end if that is less. */
static uint64_t end_of_chunk(uint64_t gfn, uint64_t end)
{
	uint64_t next = gfn / CHUNK_PAGES * CHUNK_PAGES + CHUNK_PAGES;

	return next < end ? next : end;
}

/* Only where find_chunk() has found none. */
static struct chunk *make_chunk(struct kvmidle_ages *ages, uint64_t gfn)
{
	size_t index = gfn / CHUNK_PAGES;
	struct chunk *chunk;

	if (index >= ages->count) {
		struct chunk **bigger;

		bigger = realloc(ages->chunks, (index + 1) * sizeof(*bigger));
		if (!bigger)
			return NULL;
		memset(bigger + ages->count, 0,
		       (index + 1 - ages->count) * sizeof(*bigger));
		ages->chunks = bigger;
		ages->count = index + 1;
	}
	chunk = calloc(1, sizeof(*chunk));
	ages->chunks[index] = chunk;
	return chunk;
}

int kvmidle_ages_feed(struct kvmidle_ages *ages, uint64_t gfn,
		      const uint64_t *words, size_t count)
{
	size_t i;

	if (gfn % PAGES_PER_WORD || gfn >= GFN_LIMIT ||
	    count > (GFN_LIMIT - gfn) / PAGES_PER_WORD)
		return -EINVAL;

	for (i = 0; i < count; i++, gfn += PAGES_PER_WORD) {
		struct chunk *chunk = find_chunk(ages, gfn);

		if (!chunk && words[i])
			chunk = make_chunk(ages, gfn);
		if (chunk)
			chunk->now[gfn % CHUNK_PAGES / PAGES_PER_WORD] = words[i];
		else if (words[i])
			return -ENOMEM;
	}
	return 0;
}

/* Pages [@gfn, @end) of one chunk. */
static int feed_pages(struct kvmidle_ages *ages, uint64_t gfn, uint64_t end,
		      bool idle)
{
	struct chunk *chunk = find_chunk(ages, gfn);

	if (!chunk && idle)
		chunk = make_chunk(ages, gfn);
	if (chunk)
		kvmidle_set_bits(chunk->now, gfn % CHUNK_PAGES, end - gfn, idle);
	else if (idle)
		return -ENOMEM;
	return 0;
}

int kvmidle_ages_feed_regions(struct kvmidle_ages *ages, uint64_t page_size,
			      const struct kvm_idle_region *regions,
			      size_t count)
{
	size_t i;

	if (!page_size)
		return -EINVAL;
	for (i = 0; i < count; i++) {
		const struct kvm_idle_region *region = &regions[i];
		uint64_t gfn = region->start / page_size, next;
		uint64_t end = region->end / page_size;
		int err = 0;

		if (region->start % page_size || region->end % page_size ||
		    gfn >= end || end > GFN_LIMIT)
			return -EINVAL;
		for (; !err && gfn < end; gfn = next) {
			next = end_of_chunk(gfn, end);
			err = feed_pages(ages, gfn, next,
					 kvmidle_is_idle(region->categories));
		}
		if (err)
			return err;
	}
	return 0;
}

static void age_word(uint8_t *age, uint64_t idle)
{
	unsigned int i;

	if (!idle) {
		memset(age, 0, PAGES_PER_WORD);
		return;
	}
	for (i = 0; i < PAGES_PER_WORD; i++) {
		if (!(idle >> i & 1))
			age[i] = 0;
		else if (age[i] < KVMIDLE_AGE_MAX)
			age[i]++;
	}
}

void kvmidle_ages_end_pass(struct kvmidle_ages *ages)
{
	size_t i, w;

	for (i = 0; i < ages->count; i++) {
		struct chunk *chunk = ages->chunks[i];

		if (!chunk)
			continue;
		for (w = 0; w < CHUNK_WORDS; w++) {
			uint64_t idle = chunk->now[w];

			age_word(&chunk->age[w * PAGES_PER_WORD], idle);
			/* A chunk that came later was touched or a hole before. */
			if (ages->passes == 0)
				chunk->untouched[w] = idle;
			else
				chunk->untouched[w] &= idle;
			chunk->now[w] = 0;
		}
	}
	ages->passes++;
}

void kvmidle_ages_drop_pass(struct kvmidle_ages *ages)
{
	size_t i;

	for (i = 0; i < ages->count; i++)
		if (ages->chunks[i])
			memset(ages->chunks[i]->now, 0,
			       sizeof(ages->chunks[i]->now));
}

static int feed_piece(void *arg, uint64_t gfn, const uint64_t *words,
		      size_t count)
{
	return kvmidle_ages_feed(arg, gfn, words, count);
}

int kvmidle_ages_pass(struct kvmidle_ages *ages, struct kvmidle_vm *vm)
{
	int err = kvmidle_pass(vm, feed_piece, ages);

	if (err)
		kvmidle_ages_drop_pass(ages);
	else
		kvmidle_ages_end_pass(ages);
	return err;
}

uint64_t kvmidle_ages_passes(const struct kvmidle_ages *ages)
{
	return ages->passes;
}

unsigned int kvmidle_ages_get(const struct kvmidle_ages *ages, uint64_t gfn)
{
	const struct chunk *chunk = find_chunk(ages, gfn);

	return chunk ? chunk->age[gfn % CHUNK_PAGES] : 0;
}

/* The end of a range, as far as there can be chunks. */
static uint64_t end_of_range(uint64_t gfn, uint64_t pages)
{
	if (gfn >= GFN_LIMIT)
		return gfn;
	return pages < GFN_LIMIT - gfn ? gfn + pages : GFN_LIMIT;
}

void kvmidle_ages_histogram(const struct kvmidle_ages *ages, uint64_t gfn,
			    uint64_t pages,
			    uint64_t at_least[KVMIDLE_AGE_MAX + 1])
{
	uint64_t end = end_of_range(gfn, pages), next;
	unsigned int a;

	memset(at_least, 0, (KVMIDLE_AGE_MAX + 1) * sizeof(at_least[0]));

	for (; gfn < end; gfn = next) {
		const struct chunk *chunk = find_chunk(ages, gfn);

		next = end_of_chunk(gfn, end);
		if (!chunk)
			continue;
		for (; gfn < next; gfn++)
			at_least[chunk->age[gfn % CHUNK_PAGES]]++;
	}

	/* From "exactly" to "at least"; 0 stands for all the rest. */
	for (a = KVMIDLE_AGE_MAX; a > 1; a--)
		at_least[a - 1] += at_least[a];
	at_least[0] = pages;
}

uint64_t kvmidle_ages_untouched(const struct kvmidle_ages *ages, uint64_t gfn,
				uint64_t pages)
{
	uint64_t end = end_of_range(gfn, pages), next, sum = 0;

	for (; gfn < end; gfn = next) {
		const struct chunk *chunk = find_chunk(ages, gfn);

		next = end_of_chunk(gfn, end);
		if (!chunk)
			continue;
		for (; gfn < next; gfn++) {
			uint64_t word = chunk->untouched[gfn % CHUNK_PAGES / PAGES_PER_WORD];

			sum += word >> gfn % PAGES_PER_WORD & 1;
		}
	}
	return sum;
}
