// SPDX-License-Identifier: GPL-2.0-only
/*
 * The stream of extents, in three ways: byte for byte where it is short; against a
 * second encoder, one unit at a time and after the description's words; and what the
 * decoder of tests/guest makes of it against the state that it was made of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../guest/extents.h"
#include "encode/extents.h"

/* As on x86, but where a test says otherwise. */
static unsigned int page_shift = 12, pmd_shift = 21, pud_shift = 30;

#define PAGE		(1ULL << page_shift)
#define PMD		(1ULL << pmd_shift)
#define PUD		(1ULL << pud_shift)
#define WINDOW		(KI_SLICE_PAGES * PAGE)
#define WINDOWS		24
#define BASE		(0x7f00ULL << 32)	/* a multiple of PUD */
#define PAGES		(WINDOWS * KI_SLICE_PAGES)

/* The memory of a process, as it is. */
static struct ki_extents_window memory[WINDOWS];

static u64 state = 1;

static u64 below(u64 n)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (state >> 11) % n;
}

static bool has(const u64 *map, u64 page)
{
	return map[page % KI_SLICE_PAGES / 64] >> page % 64 & 1;
}

static void put(u64 *map, u64 page, bool on)
{
	u64 *word = &map[page % KI_SLICE_PAGES / 64];

	*word = on ? *word | BIT_ULL(page % 64) : *word & ~BIT_ULL(page % 64);
}

static struct ki_extents_window *of(u64 page)
{
	return &memory[page / KI_SLICE_PAGES];
}

static void forget_all(void)
{
	memset(memory, 0, sizeof(memory));
	for (unsigned int i = 0; i < WINDOWS; i++)
		memory[i].base = BASE + i * WINDOW;
}

/* Pages in a row. */
enum kind {
	NOTHING, HOLE, IDLE, YOUNG, DIRTY, YOUNG_HOLE, KINDS,
};

static void fill(u64 page, u64 count, enum kind kind)
{
	for (u64 i = page; i < page + count && i < PAGES; i++) {
		struct ki_extents_window *w = of(i);

		put(w->covered, i, kind != NOTHING);
		put(w->present, i, kind == IDLE || kind == YOUNG || kind == DIRTY);
		put(w->young, i, kind == YOUNG || kind == DIRTY || kind == YOUNG_HOLE);
		put(w->dirty, i, kind == DIRTY || below(8) == 0);
	}
}

/* Leaves above level 1. */
static void fill_huge(u64 pmd, enum kind kind, bool giant)
{
	struct ki_extents_window *w = of(pmd * 512);

	fill(pmd * 512, 512, kind);
	for (u64 i = pmd * 512; i < (pmd + 1) * 512; i++)
		put(w->dirty, i, kind == DIRTY);
	w->huge |= BIT_ULL(pmd % 64);
	if (giant)
		w->giant |= BIT_ULL(pmd % 64);
}

/* One read, as the file does it. */
struct result {
	u8 *bytes;
	size_t count;
	u64 pos;
};

/* As the file finds the next mapping: windows that have none are not even looked at. */
static u64 next_covered(const struct ki_extents_window *windows, u64 addr, u64 end)
{
	for (; addr < end && addr < BASE + PAGES * PAGE; addr += PAGE)
		if (has(windows[(addr - BASE) / WINDOW].covered, (addr - BASE) / PAGE))
			return addr;
	return end;
}

/* Of @windows, which lose what was told of them. */
static struct result read_some(struct ki_extents_window *windows, u64 pos, u64 end, size_t room,
			       unsigned int flags)
{
	/* To the byte, so that one too many is seen. */
	struct result r = { .bytes = malloc(room) };
	struct ki_extents e = {
		.page_shift = page_shift, .pmd_shift = pmd_shift, .pud_shift = pud_shift,
		.flags = flags, .end = end, .room = room, .at = pos,
		.out = malloc(KI_EXTENTS_OUT),
	};

	ki_extents_begin(&e);
	for (bool more = true; more;) {
		if (!e.full && e.at < end)
			e.at = next_covered(windows, e.at, end);
		more = !e.full && e.at < end;
		if (more)
			ki_extents_add(&e, &windows[(e.at - BASE) / WINDOW]);
		else if (!e.full)
			ki_extents_stop(&e);
		assert_true(e.count <= KI_EXTENTS_OUT);
		if (e.count) {
			r.count -= e.again;
			assert_true(r.count + e.count <= room);
			memcpy(r.bytes + r.count, e.out, e.count);
			r.count += e.count;
		}
		ki_extents_delivered(&e);
	}
	assert_true(r.count <= room && r.count + e.room == room);
	r.pos = e.next;
	free(e.out);
	return r;
}

/* The same by a second encoder: one unit after the other. */
struct model {
	u8 *bytes;
	size_t count, room, chunk_end;
	size_t chunk;	/* where it begins */
	bool open, full;
	u64 next;
};

static void model_chunk(struct model *m)
{
	size_t left = m->room - m->count;

	m->open = false;
	m->chunk = m->count;
	if (left < 20)
		m->full = true;
	else
		m->chunk_end = m->count + (left < 8000 ? left : 8000) - 9;
}

static void model_address(struct model *m, u64 hva)
{
	m->bytes[m->count++] = 0xa0;
	for (int i = 7; i >= 0; i--)
		m->bytes[m->count++] = hva >> 8 * i & 0xff;
	m->open = true;
	m->next = hva;
}

static void model_unit(struct model *m, unsigned int type, u64 hva, u64 unit)
{
	u64 start = hva / unit * unit;

	if (m->full)
		return;
	if (m->open && hva == m->next) {
		u8 *last = &m->bytes[m->count - 1];

		if (*last / 16 == type && *last % 16 < 15) {
			*last += 1;
			m->next += unit;
			return;
		}
		if (m->count < m->chunk_end) {
			m->bytes[m->count++] = type * 16 + 1;
			m->next += unit;
			return;
		}
		model_chunk(m);
		model_unit(m, type, hva, unit);
		return;
	}
	if (type >= 8)
		return;
	if (m->count + 10 >= m->chunk_end) {
		model_chunk(m);
		/* Only if it was not the beginning of one. */
		if (!m->full)
			model_unit(m, type, hva, unit);
		return;
	}
	model_address(m, start);
	m->bytes[m->count++] = type * 16 + 1;
	m->next = start + unit;
}

static enum extent_type type_of_page(u64 page, unsigned int flags)
{
	const struct ki_extents_window *w = of(page);

	if (!has(w->covered, page))
		return EXTENT_NOTHING;
	if (!has(w->present, page))
		return EXTENT_PTE_HOLE;
	if (!has(w->young, page))
		return EXTENT_PTE_IDLE;
	return flags & KI_EXTENTS_DIRTY && has(w->dirty, page) ? EXTENT_PTE_DIRTY :
								 EXTENT_PTE_ACCESSED;
}

static enum extent_type look_at_table(u64 pmd, unsigned int flags)
{
	const struct ki_extents_window *w = of(pmd * 512);
	bool present = false, young = false, dirty = false, leaf;

	if (w->giant >> pmd % 64 & 1)
		return EXTENT_PUD_PRESENT;
	for (u64 i = pmd * 512; i < (pmd + 1) * 512; i++) {
		bool is_young = has(w->present, i) && has(w->young, i);

		present |= has(w->present, i);
		young |= is_young;
		dirty |= is_young && has(w->dirty, i) && flags & KI_EXTENTS_DIRTY;
	}
	leaf = w->huge >> pmd % 64 & 1;
	if (!leaf && !present)
		return EXTENT_NOTHING;
	if (!leaf && (flags & KI_EXTENTS_HUGE || (flags & KI_EXTENTS_SKIM && !young)))
		return EXTENT_PMD_IDLE_PTES;
	if (!leaf && !(flags & KI_EXTENTS_AS_HUGE))
		return EXTENT_NOTHING;
	return dirty ? EXTENT_PMD_DIRTY : young ? EXTENT_PMD_ACCESSED : EXTENT_PMD_IDLE;
}

/* Of 512 pages, EXTENT_NOTHING if each is to be told. As of the last look_at_tables(). */
static enum extent_type table_type[PAGES / 512];

static void look_at_tables(unsigned int flags)
{
	for (u64 i = 0; i < PAGES / 512; i++)
		table_type[i] = look_at_table(i, flags);
}

static bool is_hole(u64 page, unsigned int flags)
{
	return table_type[page / 512] == EXTENT_NOTHING &&
	       type_of_page(page, flags) == EXTENT_PTE_HOLE;
}

/* A hole: of what is as large as a PUD, and begins where one does, and on, nothing. */
static void model_hole(struct model *m, u64 page, u64 end)
{
	u64 i = page;

	while (i < end) {
		if (i % (512 * 512) == 0 && i + 512 * 512 <= end)
			return;
		if (i % 512 == 0 && i + 512 <= end) {
			model_unit(m, EXTENT_PMD_HOLE, BASE + i * PAGE, PMD);
			i += 512;
		} else {
			model_unit(m, EXTENT_PTE_HOLE, BASE + i * PAGE, PAGE);
			i++;
		}
	}
}

static struct result model_read(u64 pos, u64 end, size_t room, unsigned int flags)
{
	struct model m = { .bytes = malloc(room), .room = room };
	u64 page = (pos - BASE) / PAGE, last = (end - BASE) / PAGE;
	struct result r;

	model_chunk(&m);
	while (page < last && page < PAGES && !m.full) {
		enum extent_type type = table_type[page / 512];
		u64 start = page;

		if (type != EXTENT_NOTHING) {
			u64 pages = type == EXTENT_PUD_PRESENT ? 512 * 512 : 512;

			model_unit(&m, type, BASE + page * PAGE, pages * PAGE);
			page = (page / pages + 1) * pages;
			continue;
		}
		while (page < last && page < PAGES && is_hole(page, flags))
			page++;
		if (page > start) {
			model_hole(&m, start, page);
			continue;
		}
		type = type_of_page(page, flags);
		if (type != EXTENT_NOTHING)
			model_unit(&m, type, BASE + page * PAGE, PAGE);
		page++;
	}
	if (!m.full && end > m.next && BASE + page * PAGE <= end)
		model_address(&m, end);
	r = (struct result) { .bytes = m.bytes, .count = m.count, .pos = m.next };
	return r;
}

/* Byte for byte */

static void expect_bytes(u64 pos, u64 end, size_t room, unsigned int flags, const u8 *bytes,
			 size_t count, u64 then)
{
	struct result r = read_some(memory, pos, end, room, flags);

	assert_int_equal(r.count, count);
	assert_memory_equal(r.bytes, bytes, count);
	assert_true(r.pos == then);
	free(r.bytes);
}

#define EXPECT_BYTES(pos, end, room, flags, then, ...) do {			\
	static const u8 bytes_[] = { __VA_ARGS__ };				\
	expect_bytes(pos, end, room, flags, bytes_, sizeof(bytes_), then);	\
} while (0)

#define AT_BASE	0xa0, 0, 0, 0x7f, 0, 0, 0, 0, 0

static void test_pages(void **unused)
{
	(void)unused;
	forget_all();
	fill(0, 3, IDLE);
	fill(3, 2, YOUNG);
	fill(5, 4, HOLE);
	fill(9, 40, IDLE);
	fill(49, 20, HOLE);
	/* Runs of 15; what follows a hole that was told needs no address. */
	EXPECT_BYTES(BASE, BASE + 69 * PAGE, 100, 0, BASE + 69 * PAGE, AT_BASE,
		     0x53, 0x02, 0x84, 0x5f, 0x5f, 0x5a, 0x8f, 0x85);
	/* All that was young has been told. */
	EXPECT_BYTES(BASE, BASE + 8 * PAGE, 100, 0, BASE + 8 * PAGE, AT_BASE, 0x55, 0x83);
}

static void test_big_endian(void **unused)
{
	(void)unused;
	forget_all();
	fill(0x12345, 1, IDLE);
	EXPECT_BYTES(BASE, BASE + 0x12346 * PAGE, 20, 0, BASE + 0x12346 * PAGE,
		     0xa0, 0x00, 0x00, 0x7f, 0x00, 0x12, 0x34, 0x50, 0x00, 0x51);
}

static void test_leaves(void **unused)
{
	(void)unused;
	forget_all();
	fill_huge(0, IDLE, false);
	for (int i = 1; i < 18; i++)
		fill_huge(i, YOUNG, false);
	fill_huge(18, DIRTY, false);
	EXPECT_BYTES(BASE, BASE + 19 * PMD, 100, KI_EXTENTS_DIRTY, BASE + 19 * PMD, AT_BASE,
		     0x61, 0x1f, 0x12, 0x41);
	/* Without the flag nobody asks, and now it is idle. */
	EXPECT_BYTES(BASE, BASE + 19 * PMD, 100, 0, BASE + 19 * PMD, AT_BASE, 0x6f, 0x64);
	/* The start is rounded down and the end up, to the unit. */
	EXPECT_BYTES(BASE + 5 * PAGE, BASE + PMD + PAGE, 100, 0, BASE + 2 * PMD, AT_BASE, 0x62);
}

static void test_dirty_pages(void **unused)
{
	(void)unused;
	forget_all();
	fill(0, 4, YOUNG);
	for (int i = 0; i < 6; i++)
		put(of(i)->dirty, i, false);
	fill(4, 2, DIRTY);
	fill(6, 1, IDLE);
	put(of(6)->dirty, 6, true);
	EXPECT_BYTES(BASE, BASE + 7 * PAGE, 100, KI_EXTENTS_DIRTY, BASE + 7 * PAGE, AT_BASE,
		     0x04, 0x32, 0x51);
}

static void test_giant(void **unused)
{
	(void)unused;
	forget_all();
	for (int i = 0; i < 1024; i++)
		fill_huge(i, i & 1 ? YOUNG : IDLE, true);
	fill_huge(1024, IDLE, false);
	EXPECT_BYTES(BASE + 3 * PMD, BASE + 2 * PUD + PMD, 100, 0, BASE + 2 * PUD + PMD, AT_BASE,
		     0x22, 0x61);
	/* Nothing was said of what is young, so it stays. */
	assert_true(has(memory[0].young, 512));
}

static void test_holes(void **unused)
{
	(void)unused;
	forget_all();
	fill(0, PAGES, HOLE);
	fill(10, 1, IDLE);
	fill(512, 1, IDLE);
	fill(4 * 512 + 1, 1, IDLE);
	/* Skipped at first; then told; a large one is skipped, and ends in an address. */
	EXPECT_BYTES(BASE, BASE + 3 * PUD, 200, 0, BASE + 3 * PUD,
		     0xa0, 0, 0, 0x7f, 0, 0, 0, 0xa0, 0,
		     0x51,
		     /* 501 */ 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f,
		     0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f,
		     0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x86,
		     0x51,
		     /* 511 */ 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f,
		     0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f,
		     0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x81,
		     0x92, 0x81,
		     0x51,
		     /* 510, and 507 PMDs to the end of the PUD */
		     0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f,
		     0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f,
		     0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f, 0x8f,
		     0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f,
		     0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f,
		     0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9f, 0x9c,
		     0xa0, 0, 0, 0x7f, 0, 0xc0, 0, 0, 0);
}

/* A hole that ends with a PUD is as large as one that goes on; and one before a gap is told. */
static void test_borders_of_holes(void **unused)
{
	(void)unused;
	forget_all();
	fill(0, PAGES, HOLE);
	fill(512 * 512 - 1, 1, IDLE);
	fill(2 * 512 * 512, 1, IDLE);
	EXPECT_BYTES(BASE, BASE + 2 * PUD + PAGE, 100, 0, BASE + 2 * PUD + PAGE,
		     0xa0, 0, 0, 0x7f, 0, 0x3f, 0xff, 0xf0, 0, 0x51,
		     0xa0, 0, 0, 0x7f, 0, 0x80, 0, 0, 0, 0x51);
	forget_all();
	fill(0, 1, IDLE);
	fill(1, 3, HOLE);
	fill(3 * KI_SLICE_PAGES, 1, IDLE);
	fill(3 * KI_SLICE_PAGES + 1, 2, HOLE);
	EXPECT_BYTES(BASE, BASE + 9 * WINDOW, 100, 0, BASE + 9 * WINDOW, AT_BASE, 0x51, 0x83,
		     0xa0, 0, 0, 0x7f, 0, 0x18, 0, 0, 0, 0x51, 0x82,
		     0xa0, 0, 0, 0x7f, 0, 0x48, 0, 0, 0);
	/* The hole is followed by another one, behind a gap. */
	forget_all();
	fill(0, 1, IDLE);
	fill(1, 3, HOLE);
	fill(3 * KI_SLICE_PAGES, 2, HOLE);
	EXPECT_BYTES(BASE, BASE + 9 * WINDOW, 100, 0, BASE + 9 * WINDOW, AT_BASE, 0x51, 0x83,
		     0xa0, 0, 0, 0x7f, 0, 0x48, 0, 0, 0);
	/* Likewise, and the first ends with its window. */
	forget_all();
	fill(KI_SLICE_PAGES - 3, 1, IDLE);
	fill(KI_SLICE_PAGES - 2, 2, HOLE);
	fill(3 * KI_SLICE_PAGES, 2, HOLE);
	EXPECT_BYTES(BASE, BASE + 9 * WINDOW, 100, 0, BASE + 9 * WINDOW,
		     0xa0, 0, 0, 0x7f, 0, 0x07, 0xff, 0xd0, 0, 0x51, 0x82,
		     0xa0, 0, 0, 0x7f, 0, 0x48, 0, 0, 0);
}

static void test_nothing_but_a_hole(void **unused)
{
	(void)unused;
	forget_all();
	EXPECT_BYTES(BASE, BASE + 20 * 32768, 20, 0, BASE + 20 * 32768,
		     0xa0, 0, 0, 0x7f, 0, 0, 0x0a, 0, 0);
	fill(0, PAGES, HOLE);
	EXPECT_BYTES(BASE, BASE + 20 * 32768, 20, 0, BASE + 20 * 32768,
		     0xa0, 0, 0, 0x7f, 0, 0, 0x0a, 0, 0);
}

static void test_summaries(void **unused)
{
	const unsigned int huge = KI_EXTENTS_HUGE, skim = KI_EXTENTS_SKIM;
	const unsigned int as_huge = KI_EXTENTS_AS_HUGE;

	(void)unused;
	forget_all();
	fill(0, 5 * 512, HOLE);
	fill(0, 100, IDLE);
	fill(512, 512, IDLE);
	fill(600, 1, YOUNG);
	fill_huge(2, IDLE, false);
	fill_huge(3, YOUNG, false);
	/* What a summary does not tell is not forgotten. */
	EXPECT_BYTES(BASE, BASE + 5 * PMD, 100, huge, BASE + 5 * PMD, AT_BASE,
		     0x72, 0x61, 0x11, 0x91);
	EXPECT_BYTES(BASE, BASE + 5 * PMD, 100, huge | skim | as_huge, BASE + 5 * PMD, AT_BASE,
		     0x72, 0x62, 0x91);
	EXPECT_BYTES(BASE, BASE + 5 * PMD, 100, skim | as_huge, BASE + 5 * PMD, AT_BASE,
		     0x71, 0x11, 0x62, 0x91);
	EXPECT_BYTES(BASE, BASE + 5 * PMD, 100, as_huge, BASE + 5 * PMD, AT_BASE, 0x64, 0x91);
	EXPECT_BYTES(BASE, BASE + 5 * PMD, 100, skim, BASE + 5 * PMD, AT_BASE,
		     0x72, 0x62, 0x91);
	/* One was written and another one touched: that makes no page that is both. */
	fill(512, 2, IDLE);
	put(of(512)->dirty, 512, true);
	for (int i = 513; i < 1024; i++)
		put(of(i)->dirty, i, false);
	put(of(513)->young, 513, true);
	EXPECT_BYTES(BASE + PMD, BASE + 2 * PMD, 100, as_huge | KI_EXTENTS_DIRTY, BASE + 2 * PMD,
		     0xa0, 0, 0, 0x7f, 0, 0, 0x20, 0, 0, 0x11);
	fill(600, 1, YOUNG);
	EXPECT_BYTES(BASE + 599 * PAGE, BASE + 602 * PAGE, 100, skim, BASE + 602 * PAGE,
		     0xa0, 0, 0, 0x7f, 0, 0, 0x25, 0x70, 0, 0x51, 0x01, 0x51);
}

/* The smallest buffer tells of one thing, and does so again and again. */
static void test_least(void **unused)
{
	u64 pos = BASE;

	(void)unused;
	forget_all();
	for (u64 i = 0; i < 200; i++)
		fill(i, 1, i & 1 ? IDLE : YOUNG);
	for (int reads = 0; pos < BASE + 200 * PAGE; reads++) {
		struct result r = read_some(memory, pos, pos + (20 << 15), 20, 0);

		assert_true(reads < 200);
		assert_true(r.count == 11 || pos > BASE + 195 * PAGE);
		assert_int_equal(r.bytes[0], 0xa0);
		assert_true(r.pos > pos);
		pos = r.pos;
		free(r.bytes);
	}
}

/* What is left behind a chunk is used if there is room for an address and an item. */
static void test_short_chunks(void **unused)
{
	(void)unused;
	forget_all();
	for (u64 i = 0; i < 2 * KI_SLICE_PAGES; i++)
		fill(i, 1, i & 1 ? IDLE : HOLE);
	look_at_tables(0);
	for (size_t room = 7980; room < 8040; room++) {
		struct result model = model_read(BASE, BASE + 2 * WINDOW, room, 0);
		struct result r = read_some(memory, BASE, BASE + 2 * WINDOW, room, 0);

		assert_int_equal(r.count, model.count);
		assert_memory_equal(r.bytes, model.bytes, r.count);
		assert_int_equal(r.count, room < 8000 ? room - 9 :
					  room < 7991 + 20 ? 7991 : room - 9);
		free(model.bytes);
		free(r.bytes);
	}
}

/* A read fills one chunk after the other, each of which begins with an address. */
static void test_chunks(void **unused)
{
	struct result r;

	(void)unused;
	forget_all();
	for (u64 i = 0; i < 2 * KI_SLICE_PAGES; i++)
		fill(i, 1, i & 1 ? IDLE : YOUNG);
	r = read_some(memory, BASE, BASE + 2 * WINDOW, 1 << 20, 0);
	/* 7991 bytes, of which 9 are the address. */
	for (size_t i = 0; i < r.count; i++) {
		if (i % 7991 == 0)
			assert_int_equal(r.bytes[i], 0xa0);
		if (i % 7991 >= 9)
			assert_true(r.bytes[i] == 0x51 || r.bytes[i] == 0x01);
	}
	assert_int_equal(r.count, 65536 + 9 * (65536 / 7982 + 1));
	assert_true(r.pos == BASE + 2 * WINDOW);
	free(r.bytes);
}

/* At random */

static void random_memory(void)
{
	u64 page = 0;

	forget_all();
	while (page < PAGES) {
		u64 count = 1 + below(1ULL << below(20));
		enum kind kind = below(KINDS);

		switch (below(8)) {
		case 0:
			page = (page + 511) / 512 * 512;
			for (u64 n = 1 + below(40); n && page < PAGES; n--, page += 512)
				fill_huge(page / 512, IDLE + below(3), false);
			break;
		case 1:
			page = (page + 512 * 512 - 1) / (512 * 512) * 512 * 512;
			for (int n = 0; n < 512 && page < PAGES && below(9) != 0; n++) {
				/* All of it or nothing. */
				for (n = 0; n < 512; n++, page += 512)
					fill_huge(page / 512, IDLE + below(3), true);
			}
			break;
		case 2:
			for (count = below(5000); count && page < PAGES; count--)
				fill(page++, 1, below(KINDS));
			break;
		default:
			fill(page, count, kind);
			page += count;
		}
	}
}

static bool told_by_summary(enum extent_type type)
{
	return type != EXTENT_NOTHING && type != EXTENT_PUD_PRESENT &&
	       type != EXTENT_PMD_IDLE_PTES;
}

/* What was said of a page, is it so? And what is said of none, was there nothing to say? */
static void expect_page(u64 page, unsigned int flags, enum extent_type said)
{
	enum extent_type table = table_type[page / 512];
	enum extent_type expected = table != EXTENT_NOTHING ? table : type_of_page(page, flags);

	if (expected == EXTENT_PTE_HOLE &&
	    (said == EXTENT_PMD_HOLE || said == EXTENT_NOTHING))
		return;
	if (said != expected)
		fail_msg("page %#llx: said %s, is %s", (unsigned long long)page,
			 extent_name[said], extent_name[expected]);
}

/* Nothing is lost, and what was told is not told again. */
static void expect_young_left(const struct ki_extents_window *after, u64 page, bool told)
{
	enum extent_type table = table_type[page / 512];
	bool was = has(of(page)->young, page) && has(of(page)->present, page);
	bool is = has(after[page / KI_SLICE_PAGES].young, page);

	if (!has(of(page)->present, page))
		return;
	if (table == EXTENT_PUD_PRESENT || table == EXTENT_PMD_IDLE_PTES)
		assert_true(is == was);
	else
		assert_true(is == (was && !told));
}

static u8 said[PAGES];

static void one_read(struct ki_extents_window *after, u64 *pos, u64 end, size_t room,
		     unsigned int flags)
{
	struct result model, r;
	struct extents x = { .page = PAGE, .pmd = PMD, .pud = PUD };
	u64 first = (*pos - BASE) / PAGE, to;

	look_at_tables(flags);
	model = model_read(*pos, end, room, flags);
	r = read_some(after, *pos, end, room, flags);
	x.bytes = r.bytes;
	x.count = r.count;

	assert_int_equal(r.count, model.count);
	assert_memory_equal(r.bytes, model.bytes, r.count);
	assert_true(r.pos == model.pos);
	assert_true(r.pos > *pos);
	assert_int_equal(r.bytes[0], 0xa0);

	memset(said, EXTENT_NOTHING, sizeof(said));
	if (!extents_spell_out(&x, BASE, PAGES, said))
		fail_msg("%s", x.wrong);
	assert_true(x.hva == r.pos);
	to = (r.pos - BASE) / PAGE;
	for (u64 i = first; i < to && i < PAGES; i++)
		expect_page(i, flags, said[i]);
	for (u64 i = to; i < PAGES; i++)
		assert_int_equal(said[i], EXTENT_NOTHING);
	for (u64 i = first / KI_SLICE_PAGES * KI_SLICE_PAGES; i < PAGES; i++) {
		bool told = i >= first && i < to;

		if (i > to + 2 * KI_SLICE_PAGES)
			break;
		/* A summary speaks of what lies before its part, too. */
		if (told_by_summary(table_type[i / 512]))
			told = i >= first / 512 * 512 && i < to;
		if (i >= first || told)
			expect_young_left(after, i, told);
	}
	*pos = r.pos;
	free(model.bytes);
	free(r.bytes);
}

static void test_random(void **unused)
{
	static struct ki_extents_window after[WINDOWS];
	u64 reads = 0;

	(void)unused;
	for (int round = 0; round < 60; round++) {
		unsigned int flags = round % 3 ? below(16) : 0;
		u64 pos = BASE + below(PAGES / 4) * PAGE, from = pos;

		random_memory();
		memcpy(after, memory, sizeof(after));
		for (int n = 0; n < 12 && pos < BASE + PAGES * PAGE; n++) {
			size_t room = below(4) ? 20 + below(1ULL << (3 + below(14))) :
						 4096ULL << below(6);
			u64 end = pos + ((u64)room << 15);

			if (end > BASE + PAGES * PAGE)
				end = BASE + PAGES * PAGE;
			one_read(after, &pos, end, room, flags);
			memcpy(memory, after, sizeof(after));
			reads++;
		}
		assert_true(pos > from);
	}
	print_message("# %llu reads\n", (unsigned long long)reads);
}

/* Tables of 2048 and of 8192 entries: a hole in one is longer than all that is told of 512. */

static void with_pages_of(unsigned int shift, void (*test)(void))
{
	unsigned int entries = shift - 3;

	page_shift = shift;
	pmd_shift = shift + entries;
	pud_shift = shift + 2 * entries;
	test();
	page_shift = 12;
	pmd_shift = 21;
	pud_shift = 30;
}

static void expect_read(unsigned int pages)
{
	static struct ki_extents_window after[WINDOWS];
	struct extents x = { .page = PAGE, .pmd = PMD, .pud = PUD };
	struct result r;

	memcpy(after, memory, sizeof(after));
	r = read_some(after, BASE, BASE + pages * PAGE, 1 << 20, 0);
	x.bytes = r.bytes;
	x.count = r.count;
	memset(said, EXTENT_NOTHING, sizeof(said));
	if (!extents_spell_out(&x, BASE, PAGES, said))
		fail_msg("%s", x.wrong);
	assert_true(r.pos == BASE + pages * PAGE);
	for (u64 i = 0; i < pages; i++) {
		enum extent_type is = type_of_page(i, 0);

		if (said[i] == EXTENT_PMD_HOLE)
			said[i] = EXTENT_PTE_HOLE;
		if (is == EXTENT_PTE_HOLE && said[i] == EXTENT_NOTHING)
			continue;
		assert_int_equal(said[i], is);
	}
	free(r.bytes);
}

/* Behind as many items as there can be, a hole that takes as many as it can. */
static void holes_in_tables(void)
{
	const u64 second = KI_SLICE_PAGES, hole = second + KI_SLICE_PAGES / 2 + 1;
	const u64 last = second + KI_SLICE_PAGES - 1;

	for (u64 items = 10000; items < hole - second; items += 43) {
		forget_all();
		/* A hole ends with its chunk: one that is begun in the window before. */
		for (u64 i = 0; i < second + items; i++)
			fill(i, 1, i & 1 && (i > second || i < 4000) ? YOUNG : IDLE);
		fill(second + items, hole - second - items, IDLE);
		fill(hole, last - hole, HOLE);
		fill(last, 1, IDLE);
		expect_read(2 * KI_SLICE_PAGES);
	}
}

/* Up to two PUDs. */
static void holes_across_windows(void)
{
	forget_all();
	fill(0, PAGES, HOLE);
	for (u64 i = 0; i < 500; i++)
		fill(2 * i, 1, IDLE);
	fill(PAGES - 1, 1, YOUNG);
	expect_read(PAGES);
}

static void test_larger_pages(void **unused)
{
	(void)unused;
	for (unsigned int shift = 12; shift <= 16; shift += 2) {
		with_pages_of(shift, holes_in_tables);
		with_pages_of(shift, holes_across_windows);
	}
}

/* What became a hole is told as one; what was not reached stays. */
static void test_young_holes(void **unused)
{
	(void)unused;
	forget_all();
	fill(0, 1, IDLE);
	fill(1, 3, YOUNG_HOLE);
	fill(4, 1, IDLE);
	fill(5 * 512, 2, YOUNG_HOLE);
	EXPECT_BYTES(BASE, BASE + 5 * PAGE, 100, 0, BASE + 5 * PAGE, AT_BASE, 0x51, 0x83, 0x51);
	assert_false(has(memory[0].young, 2));
	assert_true(has(memory[0].young, 5 * 512 + 1));
}

/* The decoder that all this relies upon does refuse things. */
static void test_decoder(void **unused)
{
	static const struct {
		u8 bytes[12];
		size_t count;
	} bad[] = {
		{ { 0x51 }, 1 },					/* no address */
		{ { AT_BASE, 0xb1 }, 10 },				/* no such type */
		{ { AT_BASE, 0xf1 }, 10 },
		{ { AT_BASE, 0xa1 }, 10 },
		{ { AT_BASE, 0x50 }, 10 },				/* no units */
		{ { 0xa0, 0, 0, 0x7f, 0, 0, 0, 0 }, 8 },		/* cut off */
		{ { 0xa0, 0, 0, 0x7f, 0, 0, 0, 0x10, 0x01, 0x51 }, 10 },	/* not a page's */
		{ { 0xa0, 0, 0, 0x7f, 0, 0, 0, 0x10, 0, 0x61 }, 10 },	/* not a PMD's */
	};

	(void)unused;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct extents x = {
			.bytes = bad[i].bytes, .count = bad[i].count,
			.page = PAGE, .pmd = PMD, .pud = PUD,
		};

		assert_false(extents_spell_out(&x, BASE, PAGES, said));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decoder),
		cmocka_unit_test(test_pages),
		cmocka_unit_test(test_big_endian),
		cmocka_unit_test(test_leaves),
		cmocka_unit_test(test_dirty_pages),
		cmocka_unit_test(test_giant),
		cmocka_unit_test(test_holes),
		cmocka_unit_test(test_borders_of_holes),
		cmocka_unit_test(test_nothing_but_a_hole),
		cmocka_unit_test(test_summaries),
		cmocka_unit_test(test_least),
		cmocka_unit_test(test_chunks),
		cmocka_unit_test(test_short_chunks),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_larger_pages),
		cmocka_unit_test(test_young_holes),
	};

	return cmocka_run_group_tests_name("extents", tests, NULL, NULL);
}
