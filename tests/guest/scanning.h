/* SPDX-License-Identifier: GPL-2.0-only */
/* KVM_IDLE_SCAN, and what it answers page by page. */
#ifndef SCANNING_H
#define SCANNING_H

#include <linux/kvm_idle.h>

#include "idle.h"

/* All addresses there are. */
#define SCAN_END	(~0ULL)

/* Of a page, beside KVM_IDLE_PAGE_*: it was told of; more than once. */
#define SCAN_TOLD	0x40
#define SCAN_TWICE	0x80

/* What was told of each page of a VM. */
struct scan_map {
	struct vmm *vmm;
	uint8_t *of;		/* by gfn */
	uint64_t pages;		/* told of */
	uint64_t regions;
	uint64_t strange;	/* regions that are none: empty, no memory, out of order */
	uint64_t last_end;
};

void scan_map_init(struct scan_map *map, struct vmm *vmm);
void scan_map_clear(struct scan_map *map);
void scan_map_free(struct scan_map *map);

/* Where a region leads on from the one before, it begins at or behind its end. */
void scan_map_add(struct scan_map *map, const struct kvm_idle_region *region, bool by_hva);

/* Addresses of memory, in the order asked for. */
uint64_t scan_addr(struct vmm *vmm, uint64_t gfn, bool by_hva);

/* The call. Returns what ioctl() does. */
int scan_call(int fd, struct kvm_idle_scan *arg);

/*
 * From arg->start to arg->end in as many calls as it takes, with room for @len regions
 * each. Added to @map. Return: how many calls; dies of an error.
 */
unsigned long scan_to_end(int fd, const struct kvm_idle_scan *arg, size_t len,
			  struct scan_map *map);

/* The whole VM, all pages, all categories but DIRTY, in one call. @map is cleared first. */
void scan_whole(int fd, uint64_t flags, struct scan_map *map);

/* Does a filter let pass what has these categories? As the header says it. */
bool scan_matches(const struct kvm_idle_scan *arg, uint64_t categories);

/*
 * The map of a scan of all that a reader has harvested, @flags what it was asked with,
 * against the truth: each page of the slots told of once, and rightly. What is told
 * is taken out of what is due to the reader.
 */
void scan_expect_exact(struct idle_reader *reader, const struct scan_map *map, const char *what);

/* The same of a look at what is due to it: nothing is taken. */
void scan_expect_peek(struct idle_reader *reader, const struct scan_map *map, const char *what);

/* Two of them are the same, page by page. */
void scan_expect_same(const struct scan_map *a, const struct scan_map *b, const char *what);

/* And what a bitmap of all of it says of the same pages: PRESENT and not YOUNG is idle. */
void scan_expect_agree(const struct scan_map *map, const uint64_t *bitmap, const char *what);

#endif
