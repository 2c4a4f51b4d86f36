// SPDX-License-Identifier: GPL-2.0-only
#include "extents.h"

/* In the upper half of an item's byte; in the lower half is how many units. */
enum ki_extent {
	KI_PTE_ACCESSED	= 0,
	KI_PMD_ACCESSED	= 1,
	KI_PUD_PRESENT	= 2,
	KI_PTE_DIRTY	= 3,
	KI_PMD_DIRTY	= 4,
	KI_PTE_IDLE	= 5,
	KI_PMD_IDLE	= 6,
	KI_PMD_IDLE_PTES = 7,
	KI_PTE_HOLE	= 8,
	KI_PMD_HOLE	= 9,
};

#define KI_MOST_UNITS	15
#define KI_SET_HVA	0xa0

static u64 ki_down(u64 addr, unsigned int shift)
{
	return addr >> shift << shift;
}

static u64 ki_up(u64 addr, unsigned int shift)
{
	return ki_down(addr + (1ULL << shift) - 1, shift);
}

static u64 ki_least(u64 a, u64 b)
{
	return a < b ? a : b;
}

static unsigned int ki_unit_shift(const struct ki_extents *e, enum ki_extent type)
{
	switch (type) {
	case KI_PTE_ACCESSED:
	case KI_PTE_DIRTY:
	case KI_PTE_IDLE:
	case KI_PTE_HOLE:
		return e->page_shift;
	case KI_PUD_PRESENT:
		return e->pud_shift;
	default:
		return e->pmd_shift;
	}
}

static bool ki_is_hole(enum ki_extent type)
{
	return type == KI_PTE_HOLE || type == KI_PMD_HOLE;
}

/* A chunk begins. Return: false if there is no room for one. */
static bool ki_chunk(struct ki_extents *e)
{
	if (e->room < KI_EXTENTS_LEAST) {
		e->full = true;
		return false;
	}
	e->chunk = 0;
	e->limit = ki_least(e->room, KI_EXTENTS_CHUNK) - KI_EXTENTS_ADDRESS;
	return true;
}

/* Of @out, which is emptied between calls. */
static bool ki_has_space(const struct ki_extents *e)
{
	return e->count + KI_EXTENTS_AT_ONCE <= KI_EXTENTS_OUT;
}

static void ki_put(struct ki_extents *e, u8 byte)
{
	e->out[e->count++] = byte;
	e->chunk++;
	e->room--;
}

static void ki_put_address(struct ki_extents *e, u64 addr)
{
	ki_put(e, KI_SET_HVA);
	for (int shift = 56; shift >= 0; shift -= 8)
		ki_put(e, addr >> shift);
	e->next = addr;
}

/* Into the item before, if it is one like this. Return: how many of the units. */
static u64 ki_extend(struct ki_extents *e, enum ki_extent type, u64 units)
{
	u8 *last = &e->out[e->count - 1];
	u64 more;

	if (*last >> 4 != (u8)type)
		return 0;
	more = ki_least(units, KI_MOST_UNITS - (*last & 0xf));
	*last += more;
	return more;
}

/*
 * Items, from the unit on that @addr lies in. Of holes, only what follows an item
 * directly. Return: false if there was not room for all.
 */
static bool ki_items(struct ki_extents *e, enum ki_extent type, u64 addr, u64 units)
{
	unsigned int shift = ki_unit_shift(e, type);

	while (units) {
		bool follows = e->chunk && addr == e->next;
		u64 some = follows ? ki_extend(e, type, units) : 0;

		if (!follows && ki_is_hole(type))
			return true;
		if (!some) {
			/* With an address, one byte less is used than there are. */
			if (e->chunk + (follows ? 0 : KI_EXTENTS_ADDRESS + 1) >=
			    e->limit) {
				if (!ki_chunk(e))
					return false;
				continue;
			}
			if (!follows)
				ki_put_address(e, ki_down(addr, shift));
			some = ki_least(units, KI_MOST_UNITS);
			ki_put(e, type << 4 | some);
		}
		e->next += some << shift;
		addr = e->next;
		units -= some;
	}
	return true;
}

/* So many holes as reach the next boundary of the larger unit, and so on. */
static bool ki_hole_items(struct ki_extents *e, u64 addr, u64 end)
{
	u64 first = ki_least(ki_up(addr, e->pmd_shift), end);
	u64 last = ki_down(end, e->pmd_shift);

	if (last < first)
		last = first;
	return ki_items(e, KI_PTE_HOLE, addr, (first - addr) >> e->page_shift) &&
	       ki_items(e, KI_PMD_HOLE, first, (last - first) >> e->pmd_shift) &&
	       ki_items(e, KI_PTE_HOLE, last, (end - last) >> e->page_shift);
}

/* Tell of the hole before this, but for what a whole table one level up would map. */
static bool ki_tell_hole(struct ki_extents *e)
{
	u64 hole = e->hole, end = e->hole_end;
	u64 above = ki_up(hole, e->pud_shift);

	e->hole = 0;
	e->hole_end = 0;
	if (hole == end)
		return true;
	if (above + (1ULL << e->pud_shift) <= end)
		end = above;
	return ki_hole_items(e, hole, end);
}

static bool ki_add_hole(struct ki_extents *e, u64 addr, u64 end)
{
	if (addr != e->hole_end) {
		if (!ki_tell_hole(e))
			return false;
		e->hole = addr;
	}
	e->hole_end = end;
	return true;
}

static bool ki_tell(struct ki_extents *e, enum ki_extent type, u64 addr, u64 units)
{
	return ki_tell_hole(e) && ki_items(e, type, addr, units);
}

/* Of what a table of pages maps, or what is in its place: is there any such page? */
struct ki_table_sum {
	u64 present;
	u64 young;
	u64 dirty;
};

static struct ki_table_sum ki_sum(const struct ki_extents_window *w,
				  unsigned int first, unsigned int words)
{
	struct ki_table_sum sum = { 0 };

	for (unsigned int i = first; i < first + words; i++) {
		sum.present |= w->present[i];
		sum.young |= w->young[i];
		sum.dirty |= w->dirty[i] & w->young[i];
	}
	return sum;
}

static enum ki_extent ki_as_one(const struct ki_extents *e,
				const struct ki_table_sum *sum)
{
	if (!sum->young)
		return KI_PMD_IDLE;
	return (e->flags & KI_EXTENTS_DIRTY) && sum->dirty ? KI_PMD_DIRTY :
							     KI_PMD_ACCESSED;
}

/* Of one word, these were told. */
static void ki_forget(struct ki_extents_window *w, unsigned int page,
		      unsigned int pages)
{
	unsigned int bit = page % 64;

	if (pages)
		w->young[page / 64] &= ~GENMASK_ULL(bit + pages - 1, bit);
}

static bool ki_bit(const u64 *map, unsigned int i)
{
	return map[i / 64] >> i % 64 & 1;
}

static enum ki_extent ki_page_type(const struct ki_extents *e,
				   const struct ki_extents_window *w, unsigned int i)
{
	if (!ki_bit(w->present, i))
		return KI_PTE_HOLE;
	if (!ki_bit(w->young, i))
		return KI_PTE_IDLE;
	return (e->flags & KI_EXTENTS_DIRTY) && ki_bit(w->dirty, i) ?
		       KI_PTE_DIRTY : KI_PTE_ACCESSED;
}

/* From page @i on, the first that something else is to be said of: in its word, or behind it. */
static unsigned int ki_run_end(const struct ki_extents *e,
			       const struct ki_extents_window *w, unsigned int i)
{
	unsigned int n = i / 64, bit = i % 64;
	u64 present = w->present[n], young = w->young[n];
	u64 dirty = e->flags & KI_EXTENTS_DIRTY ? w->dirty[n] & young : 0;
	u64 covered = w->covered[n], differs = 0;

	differs |= present ^ -(present >> bit & 1);
	differs |= young ^ -(young >> bit & 1);
	differs |= dirty ^ -(dirty >> bit & 1);
	differs |= covered ^ -(covered >> bit & 1);
	differs &= ~0ULL << bit;
	return differs ? n * 64 + __ffs64(differs) : (n + 1) * 64;
}

/* Page by page, up to page @end of the window. */
static void ki_add_pages(struct ki_extents *e, struct ki_extents_window *w,
			 unsigned int end)
{
	unsigned int i = (e->at - w->base) >> e->page_shift, next;

	for (; i < end && ki_has_space(e); i = next) {
		enum ki_extent type = ki_page_type(e, w, i);
		u64 addr = w->base + ((u64)i << e->page_shift), to;

		next = ki_least(ki_run_end(e, w, i), end);
		to = w->base + ((u64)next << e->page_shift);
		if (!ki_bit(w->covered, i)) {
			if (!ki_tell_hole(e))
				return;
		} else if (type == KI_PTE_HOLE) {
			if (!ki_add_hole(e, addr, to))
				return;
		} else {
			bool all = ki_tell(e, type, addr, next - i);

			/* If not, as far as it went. */
			if (!all)
				to = e->next > addr ? e->next : addr;
			ki_forget(w, i, (to - addr) >> e->page_shift);
			e->at = to;
			if (!all)
				return;
		}
		e->at = to;
	}
}

/* What became a hole since it was touched is told as one. */
static void ki_drop_young_holes(struct ki_extents_window *w, unsigned int first,
				unsigned int words)
{
	for (unsigned int i = first; i < first + words; i++)
		w->young[i] &= w->present[i];
}

/* What a table of pages maps, the first in word @first, from @e->at on. */
static void ki_add_table(struct ki_extents *e, struct ki_extents_window *w,
			 unsigned int first, unsigned int words)
{
	unsigned int pages = words * 64, page = first * 64;
	u64 base = w->base + ((u64)page << e->page_shift);
	u64 bit = BIT_ULL(first / words), addr;
	struct ki_table_sum sum;
	enum ki_extent type;

	ki_drop_young_holes(w, first, words);
	sum = ki_sum(w, first, words);
	if (w->giant & bit) {
		type = KI_PUD_PRESENT;
	} else if (w->huge & bit) {
		type = ki_as_one(e, &sum);
	} else if (sum.present && (e->flags & KI_EXTENTS_HUGE)) {
		type = KI_PMD_IDLE_PTES;
	} else if (sum.present && !sum.young && (e->flags & KI_EXTENTS_SKIM)) {
		type = KI_PMD_IDLE_PTES;
	} else if (sum.present && (e->flags & KI_EXTENTS_AS_HUGE)) {
		type = ki_as_one(e, &sum);
	} else {
		ki_add_pages(e, w, ki_least((e->end - w->base) >> e->page_shift,
					    page + pages));
		return;
	}

	/* If it begins where the one before ends, it needs no address. */
	addr = ki_down(e->at, ki_unit_shift(e, type));
	if (!ki_tell(e, type, e->next == addr ? addr : e->at, 1))
		return;
	/* Two of these say nothing of what was touched. */
	if (type != KI_PUD_PRESENT && type != KI_PMD_IDLE_PTES)
		memset(&w->young[first], 0, words * sizeof(u64));
	e->at = ki_up(base + 1, ki_unit_shift(e, type));
}

void ki_extents_begin(struct ki_extents *e)
{
	ki_chunk(e);
}

void ki_extents_add(struct ki_extents *e, struct ki_extents_window *w)
{
	unsigned int words = 1U << (e->pmd_shift - e->page_shift - 6);
	u64 window_end = w->base + (KI_SLICE_PAGES << e->page_shift);
	u64 end = ki_least(e->end, window_end);

	if (e->at < w->base)
		e->at = w->base;
	while (e->at < end && !e->full && ki_has_space(e)) {
		u64 page = (e->at - w->base) >> e->page_shift;

		ki_add_table(e, w, page / 64 / words * words, words);
	}
}

void ki_extents_stop(struct ki_extents *e)
{
	if (e->at < e->end)
		e->at = e->end;
	ki_tell_hole(e);
	if (!e->full && e->at > e->next)
		ki_put_address(e, e->at);
}

void ki_extents_delivered(struct ki_extents *e)
{
	/* The last item may have to grow: who delivers it does so once more. */
	if (e->count) {
		e->out[0] = e->out[e->count - 1];
		e->again = true;
	}
	e->count = e->again;
}
