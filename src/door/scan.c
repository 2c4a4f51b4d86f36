// SPDX-License-Identifier: GPL-2.0-only
#include <linux/build_bug.h>
#include <linux/minmax.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "door/arg.h"
#include "door/scan.h"
#include "encode/regions.h"
#include "harvest.h"
#include "pieces.h"
#include "reader.h"
#include "source/source.h"
#include "vm.h"

static_assert(sizeof(struct kvm_idle_scan) == KVM_IDLE_SCAN_SIZE_V1);
static_assert(offsetof(struct kvm_idle_scan, walk_end) == 32);
static_assert(offsetofend(struct kvm_idle_scan, return_mask) ==
	      KVM_IDLE_SCAN_SIZE_V1);
static_assert(sizeof(struct kvm_idle_region) == 24);

/* The pure code knows no header of the interface, and says the same. */
static_assert(sizeof(struct ki_region) == sizeof(struct kvm_idle_region));
static_assert(offsetof(struct ki_region, end) ==
	      offsetof(struct kvm_idle_region, end));
static_assert(offsetof(struct ki_region, categories) ==
	      offsetof(struct kvm_idle_region, categories));
static_assert(BIT_ULL(KI_PRESENT) == KVM_IDLE_PAGE_PRESENT);
static_assert(BIT_ULL(KI_YOUNG) == KVM_IDLE_PAGE_YOUNG);
static_assert(BIT_ULL(KI_DIRTY) == KVM_IDLE_PAGE_DIRTY);
static_assert(BIT_ULL(KI_HOST_YOUNG) == KVM_IDLE_PAGE_HOST_YOUNG);
static_assert(BIT_ULL(KI_HUGE_2M) == KVM_IDLE_PAGE_HUGE_2M);
static_assert(BIT_ULL(KI_HUGE_1G) == KVM_IDLE_PAGE_HUGE_1G);
static_assert(BIT_ULL(KI_CATEGORIES) - 1 == KVM_IDLE_PAGE_ALL);

/* Regions on their way to the caller: a page of 4 KiB of them. */
#define KI_SCAN_REGIONS	((unsigned int)(SZ_4K / sizeof(struct ki_region)))

/* The last address that may be asked for. */
#define KI_SCAN_END	ALIGN_DOWN(U64_MAX, PAGE_SIZE)

/**
 * struct ki_scan - one call on its way
 * @r: whose
 * @arg: what is asked
 * @by_hva: in order of host addresses
 * @harvests: and clears
 * @slice: working memory
 * @out: regions that have been found; the first may have been told already, as
 *	the last that was, and have grown since
 * @told: how many the caller has, that one among them
 * @at: all memory before this address was looked at, and told of
 * @end: address to end at, a multiple of the page size
 */
struct ki_scan {
	struct ki_reader *r;
	const struct kvm_idle_scan *arg;
	bool by_hva;
	bool harvests;
	struct ki_slice *slice;
	struct ki_regions out;
	u64 told;
	u64 at;
	u64 end;
};

/*
 * To the caller with what has been found. The last region is kept: it may grow. The one
 * that was told already is written last: if that is not to be, it stays as it was.
 */
static int ki_scan_tell(struct ki_scan *scan)
{
	struct ki_regions *out = &scan->out;
	struct ki_region *region = out->region;
	u64 before = scan->told ? scan->told - 1 : 0;
	struct ki_region __user *to = u64_to_user_ptr(scan->arg->vec);

	if (!out->count)
		return 0;
	to += before;
	if (copy_to_user(to + 1, region + 1, (out->count - 1) * sizeof(*region)) ||
	    copy_to_user(to, region, sizeof(*region)))
		return -EFAULT;
	scan->told = before + out->count;
	*region = region[out->count - 1];
	out->count = 1;
	out->room = min_t(u64, scan->arg->vec_len - scan->told + 1,
			  KI_SCAN_REGIONS);
	return 0;
}

/* From page @first of the slice to @end. Return: the first that does not fit, or @end. */
static unsigned int ki_scan_encode(struct ki_scan *scan, u64 addr,
				   unsigned int first, unsigned int end)
{
	const struct ki_slice *s = scan->slice;
	const struct ki_page_bits in = {
		.present	= s->bits.present,
		.young		= s->bits.young,
		.dirty		= s->want_dirty ? s->dirty : NULL,
		.host		= s->host,
		.huge		= s->bits.huge,
		.giant		= s->bits.giant,
	};

	/* As a rule much of it is told in short. */
	if (s->empty || s->asleep)
		return first + ki_encode_alike(&scan->out,
					       s->asleep ? KVM_IDLE_PAGE_PRESENT : 0,
					       addr + ((u64)first << PAGE_SHIFT),
					       end - first);
	return ki_encode_regions(&scan->out, &in, addr, first, end);
}

/*
 * Tell what is in the slice, page @first to @end. In @done: where that ended. Return: 0,
 * an error, or -ENOSPC if the next page that matches does not fit.
 */
static int ki_scan_slice(struct ki_scan *scan, u64 addr, unsigned int first,
			 unsigned int end, unsigned int *done)
{
	*done = first;
	while (*done < end) {
		unsigned int next = ki_scan_encode(scan, addr, *done, end);
		int err = ki_scan_tell(scan);

		if (err)
			return err;
		/* Though there has been room made since. */
		if (next == *done)
			return -ENOSPC;
		*done = next;
	}
	return 0;
}

/* Return: as ki_scan_slice(). */
static int ki_scan_piece(struct ki_scan *scan, const struct ki_piece *p)
{
	unsigned int first = p->gfn % KI_SLICE_PAGES, end = first + p->pages;
	u64 addr = p->addr - ((u64)first << PAGE_SHIFT);
	struct ki_slice *s = scan->slice;
	unsigned int done;
	int err;

	ki_piece_to_slice(p, s);
	err = scan->harvests ? ki_reader_fetch(scan->r, s) :
			       ki_reader_peek(scan->r, s);
	if (err)
		return err;

	err = ki_scan_slice(scan, addr, first, end, &done);
	/* Of words that the piece shares with others, its own pages. */
	if (scan->harvests)
		ki_reader_delivered(scan->r, s, first, done);
	if (!err || done > first)
		scan->at = addr + ((u64)done << PAGE_SHIFT);
	return err;
}

/* Return: is there guest memory at or after an address? */
static bool ki_scan_next(const struct ki_scan *scan, u64 addr, u64 end,
			 struct ki_piece *p)
{
	return ki_piece_next(scan->r->vm->kvm, scan->by_hva, addr, end, p);
}

static int ki_scan_pieces(struct ki_scan *scan)
{
	u64 start = scan->arg->start;
	struct ki_piece p;
	int err = 0;

	while (!err && ki_scan_next(scan, scan->at, scan->end, &p)) {
		if (scan->at > start && signal_pending(current))
			return 0;
		err = ki_scan_piece(scan, &p);
		cond_resched();
	}
	if (!err)
		scan->at = scan->end;
	return err == -ENOSPC ? 0 : err;
}

/* Dirty bits can be told from tables that are walked, if these are all there is. */
static bool ki_scan_knows_dirty(struct ki_reader *r)
{
	struct ki_examination e;

	ki_source_examine(r->vm->kvm, &e);
	return e.source == KVM_IDLE_SOURCE_DIRECT &&
	       (e.hw_dirty || e.reason == KVM_IDLE_REASON_NO_TABLE);
}

static int ki_scan_begin(struct ki_scan *scan)
{
	const struct kvm_idle_scan *a = scan->arg;
	u64 asked = a->category_mask | a->category_anyof_mask | a->return_mask;
	bool dirty = asked & KVM_IDLE_PAGE_DIRTY;

	if (dirty && !ki_scan_knows_dirty(scan->r))
		return -EOPNOTSUPP;
	scan->out = (struct ki_regions) {
		.filter = {
			.inverted	= a->category_inverted,
			.all_of		= a->category_mask,
			.any_of		= a->category_anyof_mask,
			.returned	= a->return_mask,
		},
		.page_shift	= PAGE_SHIFT,
		.room		= min_t(u64, a->vec_len, KI_SCAN_REGIONS),
		.pages_left	= a->max_pages ?: U64_MAX,
	};
	if (a->vec_len)
		scan->out.region = kmalloc_array(KI_SCAN_REGIONS,
						 sizeof(struct ki_region),
						 GFP_KERNEL_ACCOUNT);
	scan->slice = ki_reader_get_slice(scan->r);
	if (!scan->slice || (a->vec_len && !scan->out.region))
		return -ENOMEM;
	if (dirty)
		ki_reader_set_dirty(scan->r);
	scan->slice->want_dirty = dirty;
	return 0;
}

static void ki_scan_end(struct ki_scan *scan)
{
	struct ki_piece p;

	if (scan->slice)
		ki_reader_put_slice(scan->r, scan->slice);
	kfree(scan->out.region);
	/* A pass ends where guest memory does, in whatever order. */
	ki_reader_stop(scan->r, scan->harvests &&
		       !ki_scan_next(scan, scan->at, KI_SCAN_END, &p));
}

static long ki_scan_get_arg(struct ki_reader *r, struct kvm_idle_scan *a,
			    void __user *arg)
{
	long size = ki_get_arg(a, sizeof(*a), KVM_IDLE_SCAN_SIZE_V1, arg);

	if (size < 0)
		return size;
	if (a->size > U32_MAX)
		return -E2BIG;
	if (a->flags & ~(KVM_IDLE_SCAN_HARVEST | KVM_IDLE_SCAN_HVA))
		return -EINVAL;
	if ((a->category_inverted | a->category_mask | a->category_anyof_mask |
	     a->return_mask) & ~KVM_IDLE_PAGE_ALL)
		return -EINVAL;
	if (!IS_ALIGNED(a->start, PAGE_SIZE) || a->end < a->start ||
	    (!a->vec && a->vec_len))
		return -EINVAL;
	if (a->flags & KVM_IDLE_SCAN_HARVEST && !ki_reader_has_pending(r))
		return -EBADF;

	a->size = size;
	a->walk_end = a->start;
	return 0;
}

static int ki_scan_put_arg(const struct kvm_idle_scan *a,
			   struct kvm_idle_scan __user *arg)
{
	return put_user(a->size, &arg->size) ||
	       put_user(a->walk_end, &arg->walk_end) ? -EFAULT : 0;
}

long ki_scan(struct ki_reader *r, void __user *arg)
{
	struct kvm_idle_scan a;
	struct ki_scan scan = { .r = r, .arg = &a };
	long err = ki_scan_get_arg(r, &a, arg);

	/* First of all: who could not be told how far it went would lose it. */
	err = err ?: ki_scan_put_arg(&a, arg);
	if (err)
		return err;
	scan.by_hva = a.flags & KVM_IDLE_SCAN_HVA;
	scan.harvests = a.flags & KVM_IDLE_SCAN_HARVEST;
	scan.at = a.start;
	scan.end = a.end > KI_SCAN_END ? KI_SCAN_END : ALIGN(a.end, PAGE_SIZE);

	if (down_read_killable(&r->lock))
		return -EINTR;
	err = ki_scan_begin(&scan) ?: ki_scan_pieces(&scan);
	ki_scan_end(&scan);
	up_read(&r->lock);

	/* All that was asked for, be it that a part of a page was. */
	a.walk_end = scan.at == scan.end ? a.end : scan.at;
	if (ki_scan_put_arg(&a, arg))
		return -EFAULT;
	return scan.at > a.start || !err ? scan.told : err;
}
