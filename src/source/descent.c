// SPDX-License-Identifier: GPL-2.0-only
#include <linux/hugetlb_inline.h>
#include <linux/lockdep.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>

#include "source/descent.h"

/*
 * Who holds mmap_lock for reading keeps the upper tables; a table of pages may go
 * all the same, and is freed by RCU.
 */
static void ki_descend_pmd(struct ki_descent *d, pmd_t *pmd, unsigned long addr,
			   unsigned long end)
{
	spinlock_t *lock; /* of the entry, or of the table that it points to */
	pmd_t seen;

again:
	rcu_read_lock();
	seen = READ_ONCE(*pmd);
	if (pmd_none(seen) || !pmd_present(seen))
		goto out;
	lock = pmd_leaf(seen) ? pmd_lockptr(d->mm, pmd) :
				pte_lockptr(d->mm, &seen);
	spin_lock(lock);
	if (pmd_leaf(seen) ? !pmd_leaf(READ_ONCE(*pmd)) :
			     pmd_val(seen) != pmd_val(READ_ONCE(*pmd))) {
		/* Split or merged before we had the lock. */
		spin_unlock(lock);
		rcu_read_unlock();
		goto again;
	}
	if (pmd_leaf(seen))
		d->ops->huge(d, (pte_t *)pmd, addr, end, PMD_SIZE);
	else
		d->ops->pages(d, (pte_t *)pmd_page_vaddr(seen) + pte_index(addr),
			      addr, end);
	spin_unlock(lock);
out:
	rcu_read_unlock();
}

static void ki_descend_pud(struct ki_descent *d, pud_t *pud, unsigned long addr,
			   unsigned long end)
{
	pud_t seen = READ_ONCE(*pud);
	unsigned long next;

	if (pud_none(seen) || !pud_present(seen))
		return;
	if (pud_leaf(seen)) {
		spin_lock(&d->mm->page_table_lock);
		if (pud_leaf(READ_ONCE(*pud)))
			d->ops->huge(d, (pte_t *)pud, addr, end, PUD_SIZE);
		spin_unlock(&d->mm->page_table_lock);
		return;
	}
	for (; addr < end; addr = next) {
		next = pmd_addr_end(addr, end);
		ki_descend_pmd(d, pmd_offset(pud, addr), addr, next);
	}
}

/* In one vma. */
static void ki_descend_vma(struct ki_descent *d, unsigned long addr,
			   unsigned long end)
{
	unsigned long next;

	for (; addr < end; addr = next) {
		pgd_t *pgd = pgd_offset(d->mm, addr);
		p4d_t *p4d;

		next = pud_addr_end(addr, end);
		if (pgd_none(*pgd))
			continue;
		p4d = p4d_offset(pgd, addr);
		if (!p4d_none(*p4d))
			ki_descend_pud(d, pud_offset(p4d, addr), addr, next);
	}
}

/*
 * Tables of shared hugetlb memory can be shared by processes, and go with none
 * of the locks that we can take.
 */
bool ki_descent_can(const struct vm_area_struct *vma)
{
	return !is_vm_hugetlb_page((struct vm_area_struct *)vma) ||
	       !(vma->vm_flags & VM_MAYSHARE);
}

void ki_descend(struct ki_descent *d, unsigned long start, unsigned long end)
{
	unsigned long addr = start;

	mmap_assert_locked(d->mm);
	while (addr < end && !d->stop) {
		unsigned long stop;

		d->vma = find_vma(d->mm, addr);
		if (!d->vma || d->vma->vm_start >= end)
			break;
		addr = max(addr, d->vma->vm_start);
		stop = min(end, d->vma->vm_end);
		if ((!d->ops->vma || d->ops->vma(d, addr, stop)) &&
		    ki_descent_can(d->vma))
			ki_descend_vma(d, addr, stop);
		addr = stop;
	}
}
