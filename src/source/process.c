// SPDX-License-Identifier: GPL-2.0-only
#include <linux/bitmap.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/mmap_lock.h>

#include "compat/host_entry.h"
#include "compat/host_page.h"
#include "source/descent.h"
#include "source/process.h"

/**
 * struct ki_process_walk - a walk for a look
 * @d: the walk
 * @look: what for
 */
struct ki_process_walk {
	struct ki_descent d;
	struct ki_process_look *look;
};

static struct ki_process_look *ki_look_of(struct ki_descent *d)
{
	return container_of(d, struct ki_process_walk, d)->look;
}

static unsigned int ki_look_page(const struct ki_process_look *look, u64 addr)
{
	return (addr - look->base) >> PAGE_SHIFT;
}

static void ki_look_set(const struct ki_process_look *look, u64 *map, u64 addr,
			u64 end)
{
	bitmap_set((unsigned long *)map, ki_look_page(look, addr),
		   (end - addr) >> PAGE_SHIFT);
}

/* Does any of these pages belong to somebody else? */
static bool ki_look_keeps(const struct ki_process_look *look, u64 addr, u64 end)
{
	unsigned int last = ki_look_page(look, end);

	return look->keep &&
	       find_next_bit((unsigned long *)look->slots, last,
			     ki_look_page(look, addr)) < last;
}

static bool ki_look_vma(struct ki_descent *d, unsigned long addr,
			unsigned long end)
{
	struct ki_process_look *look = ki_look_of(d);

	if (!look->only_cover && end > look->pos && !ki_descent_can(d->vma)) {
		unsigned int last = ki_look_page(look, end), page;

		page = find_next_zero_bit((unsigned long *)look->slots, last,
					  ki_look_page(look, max_t(u64, addr, look->pos)));
		end = look->base + ((u64)page << PAGE_SHIFT);
		if (page < last) {
			look->blind = end;
			d->stop = true;
		}
	}
	ki_look_set(look, look->covered, addr, end);
	return !look->only_cover;
}

/* Of a leaf that is not to be cleared: what is young, but for what is somebody else's. */
static void ki_look_tell(const struct ki_process_look *look, u64 addr, u64 end)
{
	unsigned int last = ki_look_page(look, end);

	for (unsigned int i = ki_look_page(look, addr); i < last; i++) {
		if (look->keep)
			i = find_next_zero_bit((unsigned long *)look->slots, last, i);
		if (i < last)
			__set_bit(i, (unsigned long *)look->young);
	}
}

static void ki_look_at_huge(struct ki_descent *d, pte_t *entry,
			    unsigned long addr, unsigned long end,
			    unsigned long size)
{
	struct ki_process_look *look = ki_look_of(d);
	u64 tables = GENMASK_ULL((end - 1 - look->base) >> PMD_SHIFT,
				 (addr - look->base) >> PMD_SHIFT);

	ki_look_set(look, look->present, addr, end);
	look->huge |= tables;
	if (size > PMD_SIZE && !look->no_giant) {
		look->giant |= tables;
		return;
	}
	if (!ki_host_entry_is_young(entry, false))
		return;
	if (size > PMD_SIZE ||
	    ki_look_keeps(look, ALIGN_DOWN(addr, size), ALIGN(end, size))) {
		ki_look_tell(look, addr, end);
		return;
	}
	ki_look_set(look, look->young, addr, end);
	ki_host_page_touched(ki_host_huge_page(READ_ONCE(*entry)));
	ki_host_entry_make_old(d->vma, addr, entry, false);
	look->cleared = true;
}

/* Return: was it touched, and is it to be made old? */
static bool ki_look_at_page(struct ki_process_look *look, pte_t *entry, unsigned long addr)
{
	unsigned int bit = ki_look_page(look, addr);
	pte_t pte = ptep_get(entry);

	if (!pte_present(pte))
		return false;
	__set_bit(bit, (unsigned long *)look->present);
	if (!pte_young(pte) || ki_look_keeps(look, addr, addr + PAGE_SIZE))
		return false;
	__set_bit(bit, (unsigned long *)look->young);
	ki_host_page_touched(ki_host_entry_page(pte));
	look->cleared = true;
	return true;
}

/* Run by run: what clears one of several contiguous entries clears all of them. */
static void ki_look_at_pages(struct ki_descent *d, pte_t *entries,
			     unsigned long addr, unsigned long end)
{
	struct ki_process_look *look = ki_look_of(d);
	pte_t *old = entries;

	for (unsigned long at = addr; at < end; at += PAGE_SIZE, entries++) {
		if (ki_look_at_page(look, entries, at))
			continue;
		for (; old < entries; old++, addr += PAGE_SIZE)
			ki_host_entry_make_old(d->vma, addr, old, true);
		old++;
		addr += PAGE_SIZE;
	}
	for (; old < entries; old++, addr += PAGE_SIZE)
		ki_host_entry_make_old(d->vma, addr, old, true);
}

static const struct ki_descent_ops ki_process_ops = {
	.vma	= ki_look_vma,
	.huge	= ki_look_at_huge,
	.pages	= ki_look_at_pages,
};

int ki_process_look(struct ki_process_look *look)
{
	struct ki_process_walk walk = {
		.d	= { .mm = look->mm, .ops = &ki_process_ops },
		.look	= look,
	};

	look->blind = look->end;
	if (mmap_read_lock_killable(look->mm))
		return -EINTR;
	ki_descend(&walk.d, look->start, look->end);
	mmap_read_unlock(look->mm);
	return 0;
}

int ki_process_next(struct mm_struct *mm, u64 *addr)
{
	struct vm_area_struct *vma;
	int err = -ENXIO;

	if (mmap_read_lock_killable(mm))
		return -EINTR;
	vma = find_vma(mm, *addr);
	if (vma) {
		*addr = max_t(u64, *addr, vma->vm_start);
		err = 0;
	}
	mmap_read_unlock(mm);
	return err;
}
