// SPDX-License-Identifier: LGPL-2.1-or-later
/* Regions of a running VM. */
#include "internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* Regions that one call of a pass asks for, and has room for: 96 KiB. */
#define REGIONS	4096

/* Behind all that can be mapped, and a multiple of any page size. */
#define END_OF_ADDRESSES	(~(uint64_t)0 << 16)

static uint64_t pages_of(const struct kvm_idle_region *regions, size_t count,
			 uint32_t page_size)
{
	uint64_t bytes = 0;
	size_t i;

	for (i = 0; i < count; i++)
		bytes += regions[i].end - regions[i].start;
	return bytes / page_size;
}

static bool are_one(const struct kvm_idle_region *a,
		    const struct kvm_idle_region *b)
{
	return a->end == b->start && a->categories == b->categories;
}

/* One call, begun anew if it was interrupted before it did anything. */
static ssize_t scan_once(const struct kvmidle_vm *vm, struct kvm_idle_scan *scan)
{
	int n;

	do {
		n = ioctl(vm->fd, KVM_IDLE_SCAN, scan);
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

/* A scan that goes on where an interrupted call of it ended. */
struct resumed {
	struct kvm_idle_scan *scan;		/* the caller's */
	struct kvm_idle_scan rest;		/* what is left of it */
	bool tells;				/* the caller has an array */
	size_t count;				/* regions filled in so far */
	uint32_t page_size;			/* 0 if pages need not be counted */
	/* Where regions go that are counted and that nobody wants to see. */
	struct kvm_idle_region unseen[128];
};

static struct kvm_idle_region *room_of(struct resumed *r)
{
	if (r->tells)
		return (struct kvm_idle_region *)(uintptr_t)r->scan->vec + r->count;
	return r->unseen;
}

static ssize_t scan_rest(const struct kvmidle_vm *vm, struct resumed *r)
{
	if (r->tells) {
		r->rest.vec = (uintptr_t)room_of(r);
		r->rest.vec_len = r->scan->vec_len - r->count;
	} else if (r->page_size) {
		r->rest.vec = (uintptr_t)r->unseen;
		r->rest.vec_len = sizeof(r->unseen) / sizeof(r->unseen[0]);
	}
	r->rest.walk_end = r->rest.start;
	return scan_once(vm, &r->rest);
}

/* Count the pages of an answer. Returns whether that were all that are wanted. */
static bool count_pages(struct resumed *r, size_t n)
{
	uint64_t pages;

	if (!r->page_size)
		return false;
	pages = pages_of(room_of(r), n, r->page_size);
	if (pages >= r->rest.max_pages)
		return true;
	r->rest.max_pages -= pages;
	return false;
}

static void take_regions(struct resumed *r, size_t n)
{
	struct kvm_idle_region *new = room_of(r);

	if (!r->tells)
		return;
	/* What goes on across the place of the interruption is one region. */
	if (r->count && n && are_one(&new[-1], &new[0])) {
		new[-1].end = new[0].end;
		memmove(new, new + 1, --n * sizeof(*new));
	}
	r->count += n;
}

/* Returns whether that was the end of it. */
static bool take_answer(struct resumed *r, size_t n)
{
	bool enough = count_pages(r, n);

	take_regions(r, n);
	r->scan->walk_end = r->rest.walk_end;
	if (r->rest.walk_end >= r->rest.end) {
		if (r->scan->walk_end < r->scan->end)
			r->scan->walk_end = r->scan->end;
		return true;
	}
	return enough || (r->tells && r->count == r->scan->vec_len);
}

static ssize_t scan_on(const struct kvmidle_vm *vm, struct resumed *r)
{
	for (;;) {
		ssize_t n = scan_rest(vm, r);

		if (n < 0) {
			r->scan->walk_end = r->rest.walk_end;
			/* What was delivered counts; the next call meets the error. */
			return r->count ? (ssize_t)r->count : n;
		}
		if (take_answer(r, n))
			return r->count;
		/* The module never does that: do not ask it forever. */
		if (r->rest.walk_end <= r->rest.start)
			return -EIO;
		r->rest.start = r->rest.walk_end;
	}
}

ssize_t kvmidle_live_scan(const struct kvmidle_vm *vm, struct kvm_idle_scan *scan)
{
	struct resumed r = {
		.scan = scan, .rest = *scan, .tells = scan->vec && scan->vec_len,
	};

	/* So that one knows the end of it when it comes: the module rounds this one down. */
	if (scan->start <= END_OF_ADDRESSES && scan->end > END_OF_ADDRESSES)
		r.rest.end = END_OF_ADDRESSES;
	if (scan->max_pages) {
		struct kvm_idle_info info = { .size = sizeof(info) };
		int err = kvmidle_get_info(vm, &info);

		if (err)
			return err;
		r.page_size = info.page_size;
	}
	return scan_on(vm, &r);
}

/* Of a pass: regions on their way to the caller, the last of which may go on. */
struct joiner {
	struct kvm_idle_region *regions;	/* REGIONS of them, and one before */
	bool held;				/* that one */
	kvmidle_region_fn *fn;
	void *arg;
};

static int hand_on(struct joiner *joiner, const struct kvm_idle_region *regions,
		   size_t count)
{
	return joiner->fn && count ? joiner->fn(joiner->arg, regions, count) : 0;
}

/* The next @count have come, behind the one that is held. */
static int join(struct joiner *joiner, size_t count)
{
	struct kvm_idle_region *held = joiner->regions, *first = held + 1;
	struct kvm_idle_region last;
	int ret;

	if (!count)
		return 0;
	if (joiner->held && are_one(held, first))
		first->start = held->start;
	else if (joiner->held)
		first--;
	last = held[count];
	ret = hand_on(joiner, first, held + count - first);
	*held = last;
	joiner->held = true;
	return ret;
}

int kvmidle_live_pass_regions(struct kvmidle_vm *vm, kvmidle_region_fn *fn,
			      void *arg)
{
	struct kvm_idle_scan scan = {
		.size = sizeof(scan),
		.flags = vm->mode == KVMIDLE_HARVEST ? KVM_IDLE_SCAN_HARVEST : 0,
		.end = END_OF_ADDRESSES,
		.category_anyof_mask = PASS_CATEGORIES,
		.return_mask = PASS_CATEGORIES,
	};
	struct joiner joiner = { .fn = fn, .arg = arg };
	ssize_t n;
	int ret;

	if (!vm->regions)
		vm->regions = malloc((REGIONS + 1) * sizeof(vm->regions[0]));
	if (!vm->regions)
		return -ENOMEM;
	joiner.regions = vm->regions;
	vm->started = kvmidle_now();

	do {
		scan.vec = (uintptr_t)(vm->regions + 1);
		scan.vec_len = REGIONS;
		n = kvmidle_live_scan(vm, &scan);
		if (n < 0)
			return n;
		ret = join(&joiner, n);
		if (ret)
			return ret;
		scan.start = scan.walk_end;
	} while (scan.walk_end < scan.end);
	return joiner.held ? hand_on(&joiner, joiner.regions, 1) : 0;
}
