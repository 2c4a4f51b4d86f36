// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host touches of a guest's memory, by the mapping that the VMM has of
 * it: the VMM itself, vhost, whoever works in its address space. Such accesses
 * leave no trace in the second-level tables, but one in the VMM's own.
 *
 * Whatever is cleared here is owed to the host as if the guest had touched it:
 * who asks KVM still hears of it. And what is owed when nobody is left to answer
 * for KVM is paid here: a page is as young by the VMM's entry as by KVM's.
 */
#include <linux/bitmap.h>
#include <linux/hugetlb_inline.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/rcupdate.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/spinlock.h>

#include "compat/host_entry.h"
#include "compat/kvm_slots.h"
#include "source/aging.h"
#include "source/gfnmap.h"
#include "source/host.h"
#include "source/source.h"

/**
 * struct ki_host - a walk over some memory of a VMM
 * @mm: of the VMM, in use
 * @c: the order, if it is a look at the part of a slot that is in one; if NULL,
 *	all is to be made young
 * @vma: where we are
 * @gfn: first page of the part
 * @span: the part
 * @nothing_left: no memory to write a young leaf down: it was not cleared
 */
struct ki_host {
	struct mm_struct *mm;
	struct ki_collect *c;
	struct vm_area_struct *vma;
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
static void ki_host_huge(struct ki_host *h, pte_t *entry, unsigned long addr,
			 unsigned long size)
{
	struct ki_span leaf = {
		.start	= ALIGN_DOWN(addr, size),
		.end	= ALIGN_DOWN(addr, size) + size,
	};

	if (!h->c)
		ki_host_entry_make_young(entry);
	else if (ki_host_entry_is_young(entry, false) && ki_host_found(h, leaf))
		ki_host_entry_make_old(h->vma, addr, entry, false);
}

/* A part of a table of pages. Under its lock, as the next. */
static void ki_host_make_young(pte_t *entries, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (pte_present(READ_ONCE(entries[i])))
			ki_host_entry_make_young(&entries[i]);
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
				ki_host_entry_make_old(h->vma,
						       addr + k * PAGE_SIZE,
						       &entries[k], true);
		i++;
	}
}

static void ki_host_pages(struct ki_host *h, pte_t *entries, unsigned long addr,
			  unsigned long end)
{
	if (h->c)
		ki_host_look(h, entries, addr, end);
	else
		ki_host_make_young(entries, (end - addr) / PAGE_SIZE);
}

/*
 * Who holds mmap_lock for reading keeps the upper tables; a table of pages may go
 * all the same, and is freed by RCU.
 */
static void ki_host_pmd(struct ki_host *h, pmd_t *pmd, unsigned long addr,
			unsigned long end)
{
	spinlock_t *lock; /* of the entry, or of the table that it points to */
	pmd_t seen;

again:
	rcu_read_lock();
	seen = READ_ONCE(*pmd);
	if (pmd_none(seen) || !pmd_present(seen))
		goto out;
	lock = pmd_leaf(seen) ? pmd_lockptr(h->mm, pmd) :
				pte_lockptr(h->mm, &seen);
	spin_lock(lock);
	if (pmd_leaf(seen) ? !pmd_leaf(READ_ONCE(*pmd)) :
			     pmd_val(seen) != pmd_val(READ_ONCE(*pmd))) {
		/* Split or merged before we had the lock. */
		spin_unlock(lock);
		rcu_read_unlock();
		goto again;
	}
	if (pmd_leaf(seen))
		ki_host_huge(h, (pte_t *)pmd, addr, PMD_SIZE);
	else
		ki_host_pages(h, (pte_t *)pmd_page_vaddr(seen) + pte_index(addr),
			      addr, end);
	spin_unlock(lock);
out:
	rcu_read_unlock();
}

static void ki_host_pud(struct ki_host *h, pud_t *pud, unsigned long addr,
			unsigned long end)
{
	pud_t seen = READ_ONCE(*pud);
	unsigned long next;

	if (pud_none(seen) || !pud_present(seen))
		return;
	if (pud_leaf(seen)) {
		spin_lock(&h->mm->page_table_lock);
		if (pud_leaf(READ_ONCE(*pud)))
			ki_host_huge(h, (pte_t *)pud, addr, PUD_SIZE);
		spin_unlock(&h->mm->page_table_lock);
		return;
	}
	for (; addr < end; addr = next) {
		next = pmd_addr_end(addr, end);
		ki_host_pmd(h, pmd_offset(pud, addr), addr, next);
	}
}

/* In one vma. */
static void ki_host_walk(struct ki_host *h, unsigned long addr, unsigned long end)
{
	unsigned long next;

	for (; addr < end; addr = next) {
		pgd_t *pgd = pgd_offset(h->mm, addr);
		p4d_t *p4d;

		next = pud_addr_end(addr, end);
		if (pgd_none(*pgd))
			continue;
		p4d = p4d_offset(pgd, addr);
		if (!p4d_none(*p4d))
			ki_host_pud(h, pud_offset(p4d, addr), addr, next);
	}
}

/*
 * Tables of shared hugetlb memory can be shared by processes, and go with none
 * of the locks that we can take.
 */
static bool ki_host_can_look(struct vm_area_struct *vma)
{
	return !is_vm_hugetlb_page(vma) || !(vma->vm_flags & VM_MAYSHARE);
}

/* Return: 0, -ENOMEM, or -EINTR. */
static int ki_host_span(struct ki_host *h)
{
	unsigned long addr = h->span.start, end = h->span.end;

	/* What is paid is no reason to wait for anybody. */
	if (h->c ? mmap_read_lock_killable(h->mm) : !mmap_read_trylock(h->mm))
		return -EINTR;
	while (addr < end && !h->nothing_left) {
		h->vma = find_vma(h->mm, addr);
		if (!h->vma || h->vma->vm_start >= end)
			break;
		addr = max(addr, h->vma->vm_start);
		if (ki_host_can_look(h->vma))
			ki_host_walk(h, addr, min(end, h->vma->vm_end));
		addr = h->vma->vm_end;
	}
	mmap_read_unlock(h->mm);
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
			.mm	= c->mm,
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

int ki_host_make_span_young(struct mm_struct *mm, struct ki_span span)
{
	struct ki_host h = { .mm = mm, .span = span };

	return ki_host_span(&h);
}
