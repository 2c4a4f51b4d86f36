// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/kernel.h>
#include <linux/minmax.h>
#include <linux/pgtable.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/xarray.h>

#include "compat/kvm_slots.h"
#include "door/pages_window.h"
#include "harvest.h"
#include "pieces.h"
#include "reader.h"
#include "source/process.h"
#include "source/source.h"
#include "vm.h"

static u64 ki_window_number(u64 addr)
{
	return addr >> (KI_SLICE_SHIFT + PAGE_SHIFT);
}

void ki_window_account_init(struct ki_window_account *a)
{
	ki_pending_init(&a->young);
	ki_pending_init(&a->dirty);
}

void ki_window_account_destroy(struct ki_window_account *a)
{
	ki_pending_destroy(&a->young);
	ki_pending_destroy(&a->dirty);
}

static int ki_window_account_prepare(struct ki_window_account *a, u64 number, bool dirty)
{
	int err = ki_pending_prepare(&a->young, number);

	return err || !dirty ? err : ki_pending_prepare(&a->dirty, number);
}

static void ki_window_account_settle(struct ki_window_account *a, u64 number)
{
	ki_pending_settle(&a->young, number);
	ki_pending_settle(&a->dirty, number);
}

/* Those of the pages @which of a window that are in it go from one to another. */
static void ki_pending_move(struct ki_pending *from, struct ki_pending *to, u64 number,
			    u64 *which)
{
	ki_pending_take(from, number, 0, KI_SLICE_WORDS, which, which);
	ki_pending_add(to, number, 0, KI_SLICE_WORDS, which);
}

void ki_window_guest_init(struct ki_window_guest *g)
{
	ki_pending_init(&g->mapped);
	ki_pending_init(&g->doubtful);
	xa_init(&g->changes);
}

void ki_window_guest_destroy(struct ki_window_guest *g)
{
	ki_pending_destroy(&g->mapped);
	ki_pending_destroy(&g->doubtful);
	xa_destroy(&g->changes);
}

/* With a value in it, another one can be stored without fail. */
static int ki_window_guest_prepare(struct ki_window_guest *g, u64 number)
{
	int err = ki_pending_prepare(&g->mapped, number) ?:
		  ki_pending_prepare(&g->doubtful, number);

	if (err || xa_load(&g->changes, number))
		return err;
	return xa_err(xa_store(&g->changes, number, xa_mk_value(0), GFP_KERNEL_ACCOUNT));
}

static void ki_window_guest_settle(struct ki_window_guest *g, u64 number)
{
	ki_pending_settle(&g->mapped, number);
	ki_pending_settle(&g->doubtful, number);
	if (!ki_pending_has(&g->mapped, number) && !ki_pending_has(&g->doubtful, number))
		xa_erase(&g->changes, number);
}

/*
 * The window was looked at, and before that ki_slots_changes() was @before. If that is
 * not what it was at the look before, or has changed meanwhile, all is doubtful.
 */
static void ki_window_guest_looked(struct ki_pages_window *win, u64 number, u64 before)
{
	u64 after = ki_slots_changes(win->reader->vm->kvm);
	struct ki_window_guest *g = &win->guest;
	u64 *all = win->tmp;

	if (!before || before != after ||
	    before != xa_to_value(xa_load(&g->changes, number))) {
		memset(all, 0xff, sizeof(win->tmp));
		ki_pending_move(&g->mapped, &g->doubtful, number, all);
	}
	xa_store(&g->changes, number, xa_mk_value(before), GFP_KERNEL_ACCOUNT);
}

static u64 ki_bits_at(const u64 *map, unsigned int bit)
{
	unsigned int shift = bit % 64;
	u64 low = map[bit / 64] >> shift;

	return shift && bit / 64 + 1 < KI_SLICE_WORDS ?
		       low | map[bit / 64 + 1] << (64 - shift) : low;
}

/* Bits from one map to another, where they lie elsewhere. Sets, and clears none. */
static void ki_bits_copy(u64 *to, unsigned int to_bit, const u64 *from,
			 unsigned int from_bit, unsigned int count)
{
	while (count) {
		unsigned int some = min(count, 64 - to_bit % 64);
		u64 bits = ki_bits_at(from, from_bit) & GENMASK_ULL(some - 1, 0);

		to[to_bit / 64] |= bits << (to_bit % 64);
		to_bit += some;
		from_bit += some;
		count -= some;
	}
}

/* Whose leaves lie in host memory as they lie in the guest's. */
static void ki_window_huge(struct ki_pages_window *win, const struct ki_slice *s,
			   const struct ki_piece *p)
{
	u64 gpa = p->gfn << PAGE_SHIFT, addr;

	if (!IS_ALIGNED(p->addr - gpa, PMD_SIZE))
		return;
	for (addr = ALIGN(p->addr, PMD_SIZE);
	     addr + PMD_SIZE <= p->addr + (p->pages << PAGE_SHIFT);
	     addr += PMD_SIZE) {
		u64 gfn = p->gfn + ((addr - p->addr) >> PAGE_SHIFT);
		unsigned int word = gfn % KI_SLICE_PAGES / 64;
		u64 table = BIT_ULL((addr - win->w.base) >> PMD_SHIFT);

		if (ki_word_is_in(s->bits.huge, word))
			win->w.huge |= table;
		if (ki_word_is_in(s->bits.giant, word))
			win->w.giant |= table;
	}
}

/* A part of a slot, to where it lies in the window. */
static void ki_window_take(struct ki_pages_window *win, const struct ki_slice *s,
			   const struct ki_piece *p)
{
	unsigned int to = (p->addr - win->w.base) >> PAGE_SHIFT;
	unsigned int from = p->gfn % KI_SLICE_PAGES;

	ki_bits_copy(win->w.present, to, s->bits.present, from, p->pages);
	ki_bits_copy(win->w.young, to, s->bits.young, from, p->pages);
	ki_bits_copy(win->scratch.young, to, s->host, from, p->pages);
	if (s->want_dirty)
		ki_bits_copy(win->w.dirty, to, s->dirty, from, p->pages);
	ki_window_huge(win, s, p);
}

static int ki_window_fetch_piece(struct ki_pages_window *win, struct ki_slice *s,
				 const struct ki_piece *p)
{
	unsigned int first = p->gfn % KI_SLICE_PAGES, end = first + p->pages;
	int err;

	ki_piece_to_slice(p, s);
	s->want_dirty = win->want_dirty;
	s->take_dirty = win->want_dirty;
	err = ki_reader_fetch(win->reader, s);
	if (err == -EOPNOTSUPP && s->want_dirty) {
		/* Where that cannot be told, what was touched can be. */
		win->want_dirty = false;
		s->want_dirty = false;
		s->take_dirty = false;
		err = ki_reader_fetch(win->reader, s);
	}
	if (err)
		return err;
	ki_slice_spell_out(s);
	ki_window_take(win, s, p);
	win->no_table |= s->no_table;
	/* When a pass begins is for the caller to see. */
	s->flush = 0;
	ki_reader_delivered(win->reader, s, first, end);
	return 0;
}

/* Where there is guest memory. */
static void ki_window_slots(struct ki_pages_window *win, u64 start, u64 end)
{
	struct kvm *kvm = win->reader->vm->kvm;
	struct ki_piece p = { .addr = start };

	for (; ki_piece_next(kvm, true, p.addr, end, &p); p.addr += p.pages << PAGE_SHIFT)
		bitmap_set((unsigned long *)win->slots,
			   (p.addr - win->w.base) >> PAGE_SHIFT, p.pages);
}

/* What the guest maps, and what the host has touched of its memory. */
static int ki_window_guest(struct ki_pages_window *win, u64 start, u64 end)
{
	struct kvm *kvm = win->reader->vm->kvm;
	struct ki_slice *s = ki_reader_get_slice(win->reader);
	struct ki_piece p = { .addr = start };
	int err = s ? 0 : -ENOMEM;

	while (!err && ki_piece_next(kvm, true, p.addr, end, &p)) {
		err = ki_window_fetch_piece(win, s, &p);
		p.addr += p.pages << PAGE_SHIFT;
	}
	if (s)
		ki_reader_put_slice(win->reader, s);
	return err;
}

/* What the process itself maps, though it may be the guest that answers. */
static int ki_window_host(struct ki_pages_window *win, u64 start, u64 end, u64 pos)
{
	struct ki_process_look look = {
		.mm		= win->mm,
		.base		= win->w.base,
		.start		= start,
		.end		= end,
		.pos		= pos,
		.slots		= win->slots,
		.keep		= win->reader && win->reader->host,
		.only_cover	= win->reader && win->ignore_host,
		.no_giant	= win->reader,
		.covered	= win->scratch.covered,
		.present	= win->scratch.present,
		.young		= win->scratch.young,
	};
	int err = ki_process_look(&look);

	if (err)
		return err;
	win->blind = look.blind;
	win->cleared |= look.cleared;
	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++) {
		win->w.covered[i] = win->scratch.covered[i];
		if (look.only_cover)
			win->w.covered[i] &= win->slots[i];
	}
	win->huge = look.huge;
	win->w.giant = look.giant;
	return 0;
}

/* Of the pages from @start to @end all is known. */
static void ki_window_known(const struct ki_pages_window *win, u64 start, u64 end, u64 *known)
{
	memset(known, 0, sizeof(win->tmp));
	if (start < end)
		bitmap_set((unsigned long *)known, (start - win->w.base) >> PAGE_SHIFT,
			   (end - start) >> PAGE_SHIFT);
}

/*
 * What the guest mapped, and does not any more. What the host has taken from it was written
 * down before, and is known. What KVM drops of its own accord is not: so it counts as
 * touched, and so does what cannot be seen for want of a table.
 */
static void ki_window_find_lost(struct ki_pages_window *win, u64 start, u64 end, u64 before)
{
	u64 number = ki_window_number(win->w.base), *mapped = win->tmp;
	struct ki_window_guest *g = &win->guest;
	u64 *lost = win->scratch.covered; /* not in use any more */

	ki_window_guest_looked(win, number, before);
	ki_window_known(win, start, end, mapped);
	ki_pending_take(&g->doubtful, number, 0, KI_SLICE_WORDS, mapped, lost);
	ki_pending_take(&g->mapped, number, 0, KI_SLICE_WORDS, mapped, mapped);
	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++) {
		if (win->no_table)
			lost[i] |= mapped[i];
		lost[i] &= win->scratch.present[i] & ~win->w.present[i];
		win->w.young[i] |= lost[i];
	}
	ki_window_known(win, start, end, mapped);
	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++)
		mapped[i] &= win->w.present[i];
	ki_pending_add(&g->mapped, number, 0, KI_SLICE_WORDS, mapped);
}

/*
 * Where the guest maps nothing, the host answers. What the guest has touched counts there,
 * too: the host may have taken it from the guest's table since, and left it in its own.
 */
static void ki_window_put_together(struct ki_pages_window *win)
{
	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++) {
		u64 of_host = win->scratch.present[i] & ~win->w.present[i];

		/* The guest's table, or its leaf, goes first. */
		if (win->w.present[i])
			win->huge &= ~BIT_ULL(i / KI_HUGE_WORDS);
		win->w.young[i] |= win->scratch.young[i] & of_host;
		win->w.present[i] |= of_host;
	}
	win->w.huge |= win->huge;
}

/*
 * Of the pages from @start to @end all is known: what is still due of them is told with the
 * rest. What was found elsewhere is due to who gets there.
 */
static void ki_window_settle(struct ki_pages_window *win, u64 start, u64 end)
{
	u64 number = ki_window_number(win->w.base), *known = win->tmp;
	u64 *left = win->scratch.covered; /* not in use any more */

	ki_window_known(win, start, end, known);
	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++) {
		left[i] = win->w.young[i] | (win->scratch.young[i] & ~win->w.present[i]);
		left[i] &= ~known[i];
		win->w.young[i] &= known[i];
	}
	ki_pending_add(&win->left.young, number, 0, KI_SLICE_WORDS, left);
	ki_pending_take(&win->left.young, number, 0, KI_SLICE_WORDS, known, known);
	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++)
		win->w.young[i] |= known[i];
	ki_pending_add(&win->left.dirty, number, 0, KI_SLICE_WORDS, win->w.dirty);
	if (win->want_dirty)
		ki_pending_look(&win->left.dirty, number, 0, KI_SLICE_WORDS,
				win->w.dirty);
}

int ki_window_fetch(struct ki_pages_window *win, u64 start, u64 end)
{
	u64 number = ki_window_number(start), pos = start, known, changes = 0;
	int err;

	memset(&win->w, 0, sizeof(win->w));
	memset(win->slots, 0, sizeof(win->slots));
	memset(&win->scratch, 0, sizeof(win->scratch));
	win->w.base = start - start % KI_WINDOW_BYTES;
	win->blind = end;
	win->no_table = false;
	/* After something was cleared it is too late to fail. */
	err = ki_window_account_prepare(&win->left, number, win->want_dirty) ?:
	      ki_window_account_prepare(&win->told, number, win->want_dirty);
	if (!err && win->reader)
		err = ki_window_guest_prepare(&win->guest, number);
	if (err)
		return err;

	start = ALIGN_DOWN(start, PMD_SIZE);
	end = ALIGN(end, PMD_SIZE);
	if (win->reader) {
		changes = ki_slots_changes(win->reader->vm->kvm);
		ki_window_slots(win, start, end);
	}
	/* The host first: with the guest's part of a huge page, all of that is made old. */
	err = ki_window_host(win, start, end, pos);
	if (win->reader && !err)
		err = ki_window_guest(win, start, end);
	known = err ? start : min(win->blind, end);
	if (win->reader && !err)
		ki_window_find_lost(win, start, known, changes);
	if (!err)
		ki_window_put_together(win);
	ki_window_settle(win, start, known);
	return err;
}

void ki_window_return(struct ki_pages_window *win)
{
	u64 number = ki_window_number(win->w.base);

	ki_pending_add(&win->left.young, number, 0, KI_SLICE_WORDS, win->w.young);
	ki_window_account_settle(&win->left, number);
	ki_window_account_settle(&win->told, number);
	ki_window_guest_settle(&win->guest, number);
}

void ki_window_told(struct ki_pages_window *win, const u64 *was)
{
	u64 number = ki_window_number(win->w.base), *told = win->tmp;

	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++)
		told[i] = was[i] & ~win->w.young[i];
	ki_pending_add(&win->told.young, number, 0, KI_SLICE_WORDS, told);
	/* And what of that was told to be written, so that it is not said of it again. */
	for (unsigned int i = 0; i < KI_SLICE_WORDS; i++)
		told[i] &= win->w.dirty[i] & win->w.present[i];
	ki_pending_move(&win->left.dirty, &win->told.dirty, number, told);
}

int ki_window_tell_again(struct ki_pages_window *win, u64 start, u64 end)
{
	u64 first = ki_window_number(start), last = ki_window_number(end - 1);
	u64 *again = win->tmp;

	for (u64 i = first; i <= last; i++) {
		int err;

		if (!ki_pending_has(&win->told.young, i))
			continue;
		err = ki_window_account_prepare(&win->left, i,
						ki_pending_has(&win->told.dirty, i));
		if (err)
			return err;
		memset(again, 0xff, sizeof(win->tmp));
		if (i == first)
			bitmap_clear((unsigned long *)again, 0,
				     start % KI_WINDOW_BYTES >> PAGE_SHIFT);
		ki_pending_move(&win->told.young, &win->left.young, i, again);
		/* What was told to be written was told to be touched. */
		ki_pending_move(&win->told.dirty, &win->left.dirty, i, again);
		ki_window_account_settle(&win->left, i);
		cond_resched();
	}
	return 0;
}
