/* SPDX-License-Identifier: GPL-2.0-only */
/* Out of bitmaps, regions: pages in a row that are alike, of those that a filter lets pass. */
#ifndef KI_ENCODE_REGIONS_H
#define KI_ENCODE_REGIONS_H

#include "../table/env.h"

/* What a page may be; numbers of bits. */
enum ki_category {
	KI_PRESENT,
	KI_YOUNG,
	KI_DIRTY,
	KI_HOST_YOUNG,
	KI_HUGE_2M,
	KI_HUGE_1G,
	KI_CATEGORIES,
};

/**
 * struct ki_region - pages in a row that are told the same of
 * @start: address of the first
 * @end: address behind the last
 * @categories: what is told, BIT_ULL(enum ki_category)
 */
struct ki_region {
	u64 start;
	u64 end;
	u64 categories;
};

/**
 * struct ki_filter - which pages, and what of them
 * @inverted: categories that a page has, for the next two, if it does not have them
 * @all_of: a page matches if it has all of these
 * @any_of: and one of these at least, if not 0
 * @returned: what is told of one that matches, inverted or not
 */
struct ki_filter {
	u64 inverted;
	u64 all_of;
	u64 any_of;
	u64 returned;
};

/**
 * struct ki_page_bits - bitmaps of the same pages, what they are
 * @present: what a bit each means is what enum ki_category says
 * @young: likewise
 * @dirty: likewise; NULL for none
 * @host: KI_HOST_YOUNG
 * @huge: one bit for 64 pages: those that are present are so by a huge leaf
 * @giant: likewise: by one of 1 GiB, in addition to @huge
 */
struct ki_page_bits {
	const u64 *present;
	const u64 *young;
	const u64 *dirty;
	const u64 *host;
	const u64 *huge;
	const u64 *giant;
};

/**
 * struct ki_regions - regions found so far, and what may yet be found
 * @filter: of the pages
 * @page_shift: log2 of the bytes of a page
 * @region: array of them; NULL if only matches are to be counted
 * @room: how many there is room for
 * @count: how many there are. The last one goes on if the next page is alike
 * @pages_left: so many pages may yet match; ~0ULL for no limit
 */
struct ki_regions {
	struct ki_filter filter;
	unsigned int page_shift;
	struct ki_region *region;
	u64 room;
	u64 count;
	u64 pages_left;
};

/**
 * ki_encode_regions() - look at some pages, in order
 * @out: what is found goes there
 * @in: bitmaps
 * @addr: address of the page that bit 0 is about, or would have: it may wrap
 * @first: first page to look at, by number of its bit
 * @end: first page not to look at
 *
 * Return: @end if all was looked at; else the first page that matches and does
 * not fit any more: @out->region is full and it does not belong to the last of
 * them, or @out->pages_left is 0.
 */
unsigned int ki_encode_regions(struct ki_regions *out,
			       const struct ki_page_bits *in, u64 addr,
			       unsigned int first, unsigned int end);

/**
 * ki_encode_alike() - the same, of pages that all have the same categories
 * @out: what is found goes there
 * @categories: those
 * @addr: address of the first page
 * @pages: how many
 *
 * Return: how many were looked at.
 */
u64 ki_encode_alike(struct ki_regions *out, u64 categories, u64 addr, u64 pages);

#endif /* KI_ENCODE_REGIONS_H */
