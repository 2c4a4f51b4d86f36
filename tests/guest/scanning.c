// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <sys/ioctl.h>

#include "ktap.h"
#include "scanning.h"

void scan_map_init(struct scan_map *map, struct vmm *vmm)
{
	*map = (struct scan_map){ .vmm = vmm, .of = calloc(vmm->end_gfn, 1) };
	if (!map->of)
		die("calloc: %m");
}

void scan_map_clear(struct scan_map *map)
{
	memset(map->of, 0, map->vmm->end_gfn);
	map->pages = map->regions = map->strange = map->last_end = 0;
}

void scan_map_free(struct scan_map *map)
{
	free(map->of);
}

uint64_t scan_addr(struct vmm *vmm, uint64_t gfn, bool by_hva)
{
	return by_hva ? (uintptr_t)vmm_hva(vmm, gfn << PAGE_SHIFT) : gfn << PAGE_SHIFT;
}

/* The slot that has memory at an address; NULL if none has. */
static struct vmm_slot *slot_at(struct vmm *vmm, uint64_t addr, bool by_hva)
{
	for (unsigned int i = 0; i < vmm->nr_slots; i++) {
		struct vmm_slot *slot = &vmm->slot[i];

		if (addr - (by_hva ? (uintptr_t)slot->hva : slot->gpa) < slot->bytes)
			return slot;
	}
	return NULL;
}

void scan_map_add(struct scan_map *map, const struct kvm_idle_region *region, bool by_hva)
{
	uint64_t addr = region->start;

	map->regions++;
	if ((region->start | region->end) % PAGE_SIZE || region->start >= region->end ||
	    region->start < map->last_end || region->categories & ~KVM_IDLE_PAGE_ALL)
		map->strange++;
	map->last_end = region->end;
	for (; addr < region->end; addr += PAGE_SIZE) {
		struct vmm_slot *slot = slot_at(map->vmm, addr, by_hva);
		uint8_t *of;

		if (!slot) {
			map->strange++;
			return;
		}
		of = &map->of[(slot->gpa + addr - (by_hva ? (uintptr_t)slot->hva : slot->gpa)) /
			      PAGE_SIZE];
		*of |= (*of & SCAN_TOLD ? SCAN_TWICE : SCAN_TOLD) | region->categories;
		map->pages++;
	}
}

int scan_call(int fd, struct kvm_idle_scan *arg)
{
	arg->size = sizeof(*arg);
	return ioctl(fd, KVM_IDLE_SCAN, arg);
}

unsigned long scan_to_end(int fd, const struct kvm_idle_scan *arg, size_t len,
			  struct scan_map *map)
{
	struct kvm_idle_region *vec = calloc(len, sizeof(*vec));
	struct kvm_idle_scan a = *arg;
	unsigned long calls = 0;
	int n;

	if (!vec)
		die("calloc: %m");
	/* As the module does. */
	a.end = (a.end > -PAGE_SIZE ? a.end : a.end + PAGE_SIZE - 1) & -PAGE_SIZE;
	a.vec = (uintptr_t)vec;
	a.vec_len = len;
	do {
		n = scan_call(fd, &a);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0)
			die("KVM_IDLE_SCAN %#llx to %#llx: %m", a.start, a.end);
		for (int i = 0; i < n; i++)
			scan_map_add(map, &vec[i], a.flags & KVM_IDLE_SCAN_HVA);
		/* All that was told was walked. */
		if (n && vec[n - 1].end > a.walk_end)
			map->strange++;
		if (a.walk_end < a.start || a.walk_end > a.end)
			die("KVM_IDLE_SCAN %#llx to %#llx ended at %#llx", a.start, a.end, a.walk_end);
		a.start = a.walk_end;
		calls++;
	} while (a.start < a.end);
	free(vec);
	return calls;
}

void scan_whole(int fd, uint64_t flags, struct scan_map *map)
{
	struct kvm_idle_scan a = {
		.flags = flags,
		.end = SCAN_END,
		.return_mask = KVM_IDLE_PAGE_ALL & ~KVM_IDLE_PAGE_DIRTY,
	};
	unsigned long calls;

	scan_map_clear(map);
	calls = scan_to_end(fd, &a, map->vmm->total_pages, map);
	EXPECT(calls == 1, "%lu calls", calls);
}

bool scan_matches(const struct kvm_idle_scan *arg, uint64_t categories)
{
	for (uint64_t c = 1; c < KVM_IDLE_PAGE_ALL; c <<= 1) {
		bool has = categories & c;

		if (arg->category_inverted & c)
			has = !has;
		if (arg->category_mask & c && !has)
			return false;
	}
	if (!arg->category_anyof_mask)
		return true;
	for (uint64_t c = 1; c < KVM_IDLE_PAGE_ALL; c <<= 1) {
		bool has = categories & c;

		if (arg->category_inverted & c)
			has = !has;
		if (arg->category_anyof_mask & c && has)
			return true;
	}
	return false;
}

static uint8_t truth_of(struct idle_reader *reader, uint64_t gfn)
{
	struct vmm *vmm = reader->vmm;
	uint8_t of = SCAN_TOLD;

	if (!vmm_slot_of(vmm, gfn << PAGE_SHIFT))
		return 0;
	if (gfnset_has(&vmm->mapped, gfn))
		of |= KVM_IDLE_PAGE_PRESENT;
	if (gfnset_has(reader->due, gfn))
		of |= KVM_IDLE_PAGE_YOUNG;
	if (gfnset_has(&vmm->mapped, gfn) && vmm_leaf_pages(&vmm->mmu, gfn) > 1)
		of |= KVM_IDLE_PAGE_HUGE_2M;
	return of;
}

void scan_expect_peek(struct idle_reader *reader, const struct scan_map *map, const char *what)
{
	uint64_t wrong = 0, first = 0;
	uint8_t truth = 0;

	for (uint64_t gfn = 0; gfn < reader->vmm->end_gfn; gfn++) {
		uint8_t of = truth_of(reader, gfn);

		if (of != map->of[gfn] && !wrong++) {
			first = gfn;
			truth = of;
		}
	}
	EXPECT(!map->strange, "%s: %lu strange regions", what, map->strange);
	EXPECT(map->pages == reader->vmm->total_pages, "%s: %lu pages told of, not %lu", what,
	       map->pages, reader->vmm->total_pages);
	EXPECT(!wrong, "%s: %lu pages wrong, the first %#lx: %#x, not %#x", what, wrong, first,
	       map->of[first], truth);
}

/* As idle_compare() does for what was read. */
void scan_expect_exact(struct idle_reader *reader, const struct scan_map *map, const char *what)
{
	struct vmm *vmm = reader->vmm;

	scan_expect_peek(reader, map, what);
	gfnset_clear(reader->due);
	gfnset_clear(&vmm->young);
}

void scan_expect_same(const struct scan_map *a, const struct scan_map *b, const char *what)
{
	uint64_t differ = 0, first = 0;

	for (uint64_t gfn = 0; gfn < a->vmm->end_gfn; gfn++)
		if (a->of[gfn] != b->of[gfn] && !differ++)
			first = gfn;
	EXPECT(!differ, "%s: %lu pages differ, the first %#lx: %#x and %#x", what, differ, first,
	       a->of[first], b->of[first]);
}

void scan_expect_agree(const struct scan_map *map, const uint64_t *bitmap, const char *what)
{
	uint64_t differ = 0, first = 0;

	for (uint64_t gfn = 0; gfn < map->vmm->end_gfn; gfn++) {
		uint8_t of = map->of[gfn] & (KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_YOUNG);
		bool idle = bitmap[gfn / 64] >> (gfn % 64) & 1;

		if (idle != (of == KVM_IDLE_PAGE_PRESENT) && !differ++)
			first = gfn;
	}
	EXPECT(!differ, "%s: %lu pages differ, the first %#lx: %#x", what, differ, first,
	       map->of[first]);
}
