/* SPDX-License-Identifier: GPL-2.0-only */
/* The way down the page tables of a process, with the locks that it takes. */
#ifndef KI_SOURCE_DESCENT_H
#define KI_SOURCE_DESCENT_H

#include <linux/mm.h>

struct ki_descent;

/**
 * struct ki_descent_ops - what to do on the way. Of each, @addr to @end is the part asked for
 * @vma: a mapping begins; may be NULL. Return: go into it
 * @huge: a leaf above level 1, of @size bytes. Under the lock of its table
 * @pages: a part of a table of pages, that of @addr at @entries. Likewise
 */
struct ki_descent_ops {
	bool (*vma)(struct ki_descent *d, unsigned long addr, unsigned long end);
	void (*huge)(struct ki_descent *d, pte_t *entry, unsigned long addr,
		     unsigned long end, unsigned long size);
	void (*pages)(struct ki_descent *d, pte_t *entries, unsigned long addr,
		      unsigned long end);
};

/**
 * struct ki_descent - a walk over some memory of a process
 * @mm: of the process, in use
 * @ops: what to do
 * @vma: where it is
 * @stop: to be set by an op: go into no further mapping
 */
struct ki_descent {
	struct mm_struct *mm;
	const struct ki_descent_ops *ops;
	struct vm_area_struct *vma;
	bool stop;
};

/**
 * ki_descend() - go down in each mapping of a range
 * @d: the walk, with mmap_lock held for reading
 * @start: where to begin, a multiple of the page size
 * @end: where to end, likewise
 *
 * Does not go into what ki_descent_can() refuses.
 */
void ki_descend(struct ki_descent *d, unsigned long start, unsigned long end);

/** ki_descent_can() - can the tables of a mapping be looked at? */
bool ki_descent_can(const struct vm_area_struct *vma);

#endif /* KI_SOURCE_DESCENT_H */
