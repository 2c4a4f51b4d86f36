// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host touches of a guest's memory, by the mapping that the VMM has of
 * it: the VMM itself, vhost, whoever works in its address space. Such accesses
 * leave no trace in the second-level tables, but one in the VMM's own.
 *
 * Whatever is cleared here is owed to the host as if the guest had touched it:
 * who asks KVM still hears of it. And what is owed when nobody is left to answer
 * for KVM is paid here, by what the host keeps of the page itself. Not by the accessed bit
 * of the VMM's entry: where the guest maps nothing, that is an access by the host to who
 * opens a file next.
 */
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>

#include "compat/host_entry.h"
#include "compat/host_page.h"
#include "compat/kvm_slots.h"
#include "source/aging.h"
#include "source/descent.h"
#include "source/gfnmap.h"
#include "source/host.h"
#include "source/source.h"

/**
 * struct ki_host - a walk over some memory of a VMM
 * @d: the walk
 * @c: the order, if it is a look at the part of a slot that is in one; if NULL,
 *	the host is to be told that all was touched
 * @gfn: first page of the part
 * @span: the part
 * @nothing_left: no memory to write a young leaf down: it was not cleared
 */
struct ki_host {
	struct ki_descent d;
	struct ki_collect *c;
	u64 gfn;
	struct ki_span span;
	bool nothing_left;
};

/* These were touched. Return: may the bits be cleared? */
static bool ki_host_found(struct ki_host *h, struct ki_span found)
{
	struct ki_collect *c = h->c;
	u64 first, count;

	if (c->clear) {
		if (!ki_aging_add_host(c->aging, found))
			h->nothing_left = true;
		h->d.stop = h->nothing_left;
		return !h->nothing_left;
	}
	found.start = max(found.start, h->span.start);
	found.end = min(found.end, h->span.end);
	first = h->gfn + (found.start - h->span.start) / PAGE_SIZE - c->base;
	count = (found.end - found.start) / PAGE_SIZE;
	bitmap_set((unsigned long *)c->host, first, count);
	return false;
}

/* A leaf above level 1, of which @addr is a page. Under the lock of its table. */
static void ki_host_huge(struct ki_descent *d, pte_t *entry, unsigned long addr,
			 unsigned long end, unsigned long size)
{
	struct ki_host *h = container_of(d, struct ki_host, d);
	struct ki_span leaf = {
		.start	= ALIGN_DOWN(addr, size),
		.end	= ALIGN_DOWN(addr, size) + size,
	};

	if (!h->c)
		ki_host_page_touched(ki_host_huge_page(READ_ONCE(*entry)));
	else if (ki_host_entry_is_young(entry, false) && ki_host_found(h, leaf))
		ki_host_entry_make_old(h->d.vma, addr, entry, false);
}

/* A part of a table of pages. Under its lock, as the next. */
static void ki_host_pay_pages(const pte_t *entries, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		pte_t pte = READ_ONCE(entries[i]);

		if (pte_present(pte))
			ki_host_page_touched(ki_host_entry_page(pte));
	}
}

/* Run by run. */
static void ki_host_look(struct ki_host *h, pte_t *entries, unsigned long addr,
			 unsigned long end)
{
	unsigned int count = (end - addr) / PAGE_SIZE, i = 0;

	while (i < count) {
		struct ki_span run = { .start = addr + i * PAGE_SIZE };
		unsigned int first = i;

		while (i < count && ki_host_entry_is_young(&entries[i], true))
			i++;
		run.end = addr + i * PAGE_SIZE;
		if (first < i && ki_host_found(h, run))
			for (unsigned int k = first; k < i; k++)
				ki_host_entry_make_old(h->d.vma,
						       addr + k * PAGE_SIZE,
						       &entries[k], true);
		i++;
	}
}

static void ki_host_pages(struct ki_descent *d, pte_t *entries, unsigned long addr,
			  unsigned long end)
{
	struct ki_host *h = container_of(d, struct ki_host, d);

	if (h->c)
		ki_host_look(h, entries, addr, end);
	else
		ki_host_pay_pages(entries, (end - addr) / PAGE_SIZE);
}

static const struct ki_descent_ops ki_host_ops = {
	.huge	= ki_host_huge,
	.pages	= ki_host_pages,
};

/* Return: 0, -ENOMEM, or -EINTR. */
static int ki_host_span(struct ki_host *h)
{
	struct mm_struct *mm = h->d.mm;

	/* What is paid is no reason to wait for anybody. */
	if (h->c ? mmap_read_lock_killable(mm) : !mmap_read_trylock(mm))
		return -EINTR;
	ki_descend(&h->d, h->span.start, h->span.end);
	mmap_read_unlock(mm);
	return h->nothing_left ? -ENOMEM : 0;
}

/* A huge page of the host's may reach beyond what was asked for. */
static struct ki_span ki_host_widest(struct ki_span span)
{
	return (struct ki_span) {
		.start	= ALIGN_DOWN(span.start, PMD_SIZE),
		.end	= ALIGN(span.end, PMD_SIZE),
	};
}

int ki_host_collect(struct kvm *kvm, struct ki_collect *c)
{
	u64 gfn = c->base + 64ULL * c->first, end = gfn + 64ULL * c->words;
	struct ki_slot slot;
	int err = 0;

	while (!err && gfn < end && ki_slots_next(kvm, gfn, &slot) &&
	       slot.gfn < end) {
		u64 first = max(gfn, slot.gfn);
		u64 stop = min(end, slot.gfn + slot.pages);
		u64 hva = slot.hva + (first - slot.gfn) * PAGE_SIZE;
		struct ki_host h = {
			.d	= { .mm = c->mm, .ops = &ki_host_ops },
			.c	= c,
			.gfn	= first,
			.span	= { hva, hva + (stop - first) * PAGE_SIZE },
		};

		gfn = stop;
		if (!slot.hva)
			continue;
		if (c->clear)
			err = ki_aging_host_room(c->aging,
						 ki_host_widest(h.span));
		err = err ?: ki_host_span(&h);
		cond_resched();
	}
	return err;
}

int ki_host_pay_span(struct mm_struct *mm, struct ki_span span)
{
	struct ki_host h = {
		.d	= { .mm = mm, .ops = &ki_host_ops },
		.span	= span,
	};

	return ki_host_span(&h);
}
