// SPDX-License-Identifier: GPL-2.0-only
#include "regions.h"

/* 64 pages: for each category, a bit a page. */
struct ki_word {
	u64 has[KI_CATEGORIES];
};

/* The bits of pages from @first on, up to @end, of 64. */
static inline u64 ki_bits_between(unsigned int first, unsigned int end)
{
	return ~0ULL << first & ~0ULL >> (64 - end);
}

/* All ones if that bit is set, else 0. */
static inline u64 ki_ones_if(u64 categories, unsigned int category)
{
	return -(categories >> category & 1);
}

static inline struct ki_word ki_word_at(const struct ki_page_bits *in,
					unsigned int i)
{
	u64 present = in->present[i];
	u64 huge = ki_ones_if(in->huge[i / 64], i % 64) & present;
	u64 giant = ki_ones_if(in->giant[i / 64], i % 64) & present;

	return (struct ki_word) {
		.has = {
			[KI_PRESENT]	= present,
			[KI_YOUNG]	= in->young[i],
			[KI_DIRTY]	= in->dirty ? in->dirty[i] : 0,
			[KI_HOST_YOUNG]	= in->host[i],
			[KI_HUGE_2M]	= huge & ~giant,
			[KI_HUGE_1G]	= giant,
		},
	};
}

static inline u64 ki_matching(const struct ki_filter *f, const struct ki_word *w)
{
	u64 all = ~0ULL, any = f->any_of ? 0 : ~0ULL;

#pragma GCC unroll 8
	for (unsigned int c = 0; c < KI_CATEGORIES; c++) {
		u64 has = w->has[c] ^ ki_ones_if(f->inverted, c);

		all &= has | ~ki_ones_if(f->all_of, c);
		any |= has & ki_ones_if(f->any_of, c);
	}
	return all & any;
}

/* Pages of which not the same is told as of the one before; of the first: anything. */
static inline u64 ki_changes(const struct ki_filter *f, const struct ki_word *w)
{
	u64 changes = 0;

#pragma GCC unroll 8
	for (unsigned int c = 0; c < KI_CATEGORIES; c++)
		changes |= (w->has[c] ^ w->has[c] << 1) &
			   ki_ones_if(f->returned, c);
	return changes;
}

static inline u64 ki_categories_of(const struct ki_word *w, unsigned int page)
{
	u64 categories = 0;

#pragma GCC unroll 8
	for (unsigned int c = 0; c < KI_CATEGORIES; c++)
		categories |= (w->has[c] >> page & 1) << c;
	return categories;
}

/* Pages that match, of which the same is told. Return: how many of them fit. */
static u64 ki_add_run(struct ki_regions *out, u64 categories, u64 start,
		      u64 pages)
{
	if (pages > out->pages_left)
		pages = out->pages_left;
	if (!pages)
		return 0;

	if (out->region) {
		struct ki_region *last = out->region + out->count - 1;

		if (!out->count || last->end != start ||
		    last->categories != categories) {
			if (out->count == out->room)
				return 0;
			out->count++;
			last++;
			last->start = start;
			last->categories = categories;
		}
		last->end = start + (pages << out->page_shift);
	}
	out->pages_left -= pages;
	return pages;
}

/* Those of 64 pages that @todo says. Return: the first that does not fit, or 64. */
static unsigned int ki_add_word(struct ki_regions *out, const struct ki_word *w,
				u64 addr, u64 todo)
{
	u64 breaks = ki_changes(&out->filter, w) | ~todo;

	while (todo) {
		unsigned int first = __ffs64(todo);
		u64 behind = breaks & ~1ULL << first;
		unsigned int end = behind ? __ffs64(behind) : 64;
		u64 taken = ki_add_run(out, ki_categories_of(w, first) &
				       out->filter.returned,
				       addr + ((u64)first << out->page_shift),
				       end - first);

		if (taken < end - first)
			return first + taken;
		todo &= ~ki_bits_between(first, end);
	}
	return 64;
}

u64 ki_encode_alike(struct ki_regions *out, u64 categories, u64 addr, u64 pages)
{
	const struct ki_filter *f = &out->filter;
	u64 has = categories ^ f->inverted;

	if ((has & f->all_of) != f->all_of || (f->any_of && !(has & f->any_of)))
		return pages;
	return ki_add_run(out, categories & f->returned, addr, pages);
}

static inline bool ki_is_all_or_none(u64 word)
{
	return word + 1 <= 1;
}

static inline bool ki_same_size(const u64 *map, unsigned int i, unsigned int k)
{
	return !((map[i / 64] >> i % 64 ^ map[k / 64] >> k % 64) & 1);
}

/*
 * The usual case: much memory of which the same is true. Return: how many words from
 * @i on, up to @end, are all alike, pages and words; 0 if not even the pages of one.
 */
static unsigned int ki_alike_words(const struct ki_page_bits *in, unsigned int i,
				   unsigned int end)
{
	u64 present = in->present[i], young = in->young[i], host = in->host[i];
	u64 dirty = in->dirty ? in->dirty[i] : 0;
	unsigned int k = i + 1;

	if (!ki_is_all_or_none(present) || !ki_is_all_or_none(young) ||
	    !ki_is_all_or_none(host) || !ki_is_all_or_none(dirty))
		return 0;
	while (k < end && in->present[k] == present && in->young[k] == young &&
	       in->host[k] == host && (!in->dirty || in->dirty[k] == dirty) &&
	       ki_same_size(in->huge, i, k) && ki_same_size(in->giant, i, k))
		k++;
	return k - i;
}

unsigned int ki_encode_regions(struct ki_regions *out,
			       const struct ki_page_bits *in, u64 addr,
			       unsigned int first, unsigned int end)
{
	unsigned int page = first & ~63U;

	while (page < end) {
		u64 at = addr + ((u64)page << out->page_shift);
		struct ki_word w = ki_word_at(in, page / 64);
		unsigned int words = 0, stop;
		u64 todo;

		if (page >= first && end - page >= 64)
			words = ki_alike_words(in, page / 64, end / 64);
		if (words) {
			u64 taken = ki_encode_alike(out, ki_categories_of(&w, 0),
						    at, 64ULL * words);

			page += taken;
			if (taken < 64ULL * words)
				return page;
			continue;
		}
		todo = ki_matching(&out->filter, &w);
		if (page < first)
			todo &= ~0ULL << (first - page);
		if (end - page < 64)
			todo &= ki_bits_between(0, end - page);
		stop = ki_add_word(out, &w, at, todo);
		page += stop;
		if (stop < 64)
			return page;
	}
	return end;
}
