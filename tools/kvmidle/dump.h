/* SPDX-License-Identifier: GPL-2.0-only */
/* The pages of a VM one by one, as text or JSON. */
#ifndef DUMP_H
#define DUMP_H

#include "target.h"

/* What a page is. */
enum page_state {
	PAGE_HOLE,
	PAGE_IDLE,
	PAGE_YOUNG,
};

/* What the pages of a region are; touched, and unmapped since, is a hole. */
enum page_state page_state(const struct kvm_idle_region *region);

enum dump_form {
	DUMP_TEXT,
	DUMP_JSON,
};

struct dump;

/**
 * dump_new() - begin to print
 * @form: text or JSON
 * @t: what is printed
 * @info: of it
 * @slots: of it; kept by the caller, until dump_end()
 * @start: of what is printed, a multiple of 64 pages
 * @end: likewise
 *
 * Return: the dump, NULL if there is no memory.
 */
struct dump *dump_new(enum dump_form form, const struct target *t,
		      const struct kvm_idle_info *info,
		      const struct kvmidle_slots *slots, uint64_t start,
		      uint64_t end);

/* Print regions, in order: a kvmidle_region_fn. Returns 0. */
int dump_regions(void *arg, const struct kvm_idle_region *regions, size_t count);

/* Print the rest, if @whole, and free the dump; NULL is allowed. */
void dump_end(struct dump *dump, bool whole);

#endif /* DUMP_H */
