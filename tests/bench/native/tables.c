// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "random.h"
#include "instances.h"
#include "tables.h"

#define TABLE_BYTES	4096
#define HUGE_BYTES	BIT_ULL(21)

/* arch/x86/kvm/mmu/spte.h: host-writable, MMU-writable and present, as KVM says. */
#define KVM_EPT_BITS	(BIT_ULL(57) | BIT_ULL(58) | BIT_ULL(11))
#define KVM_NPT_BITS	(BIT_ULL(9) | BIT_ULL(10) | BIT_ULL(11))

/* Present, writable, user; dirty. */
const struct shape shape_npt = {
	.name		= "NPT",
	.levels		= 4,
	.leaf		= 0x7 | BIT_ULL(6) | KVM_NPT_BITS,
	.table		= 0x7 | BIT_ULL(11),
	.accessed	= BIT_ULL(5),
	.marks_tables	= true,
	.walk		= ki_walk_npt,
	.walk_singles	= ki_walk_npt_singles,
};

/* Read, write, execute; write-back, ignore PAT; dirty. */
const struct shape shape_ept = {
	.name		= "EPT",
	.levels		= 4,
	.leaf		= 0x7 | 6 << 3 | BIT_ULL(6) | BIT_ULL(9) | KVM_EPT_BITS,
	.table		= 0x7 | BIT_ULL(11),
	.accessed	= BIT_ULL(8),
	.marks_tables	= true,
	.walk		= ki_walk_ept,
	.walk_singles	= ki_walk_ept_singles,
};

static enum ki_walk_result walk_stage2(struct ki_walk *w)
{
	return ki_walk_stage2_singles(w, 12);
}

/*
 * Valid page; normal memory, read and write, inner shareable. A guest of up to
 * 1 TiB, KVM's default: three levels, two tables side by side for a root.
 */
const struct shape shape_stage2 = {
	.name		= "stage 2",
	.levels		= 3,
	.root_entries	= 2 * TABLE_ENTRIES,
	.leaf		= 0x3 | 0xf << 2 | 3 << 6 | 3 << 8 | BIT_ULL(55),
	.table		= 0x3,
	.accessed	= BIT_ULL(10),
	.walk		= walk_stage2,
};

static u64 *entry_of(const struct tables *t, unsigned int level, u64 index)
{
	if (level == t->shape->levels)
		return &t->table[level][0][index];
	return &t->table[level][index / TABLE_ENTRIES][index % TABLE_ENTRIES];
}

/* The entries of a level that are in use. */
static u64 entries(const struct tables *t, unsigned int level)
{
	return level == 1 ? t->pages : t->count[level - 1];
}

static size_t root_bytes(const struct shape *shape)
{
	return (shape->root_entries ?: TABLE_ENTRIES) * sizeof(u64);
}

static void plan(struct tables *t)
{
	u64 count = t->pages;

	t->size = root_bytes(t->shape);
	for (unsigned int level = 1; level < t->shape->levels; level++) {
		count = (count + TABLE_ENTRIES - 1) / TABLE_ENTRIES;
		t->count[level] = count;
		t->size += count * TABLE_BYTES;
	}
	t->count[t->shape->levels] = 1;
	t->size = (t->size + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1);
}

/* The number of KiB that a file of /proc has in the line that begins so. */
static u64 kib_of(const char *path, const char *name)
{
	unsigned long long kib = 0;
	char line[256];
	FILE *f = fopen(path, "r");

	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			sscanf(line + strlen(name), ": %llu", &kib);
	if (f)
		fclose(f);
	return kib;
}

static u64 huge_kib(void)
{
	return kib_of("/proc/self/smaps_rollup", "AnonHugePages");
}

static void allocate(struct tables *t)
{
	u64 before = huge_kib(), available = kib_of("/proc/meminfo", "MemAvailable");
	char *start, *aligned;

	/* Some more is needed for bitmaps and lists. */
	if (t->size + t->size / 8 > available << 10)
		errx(1, "the tables take %zu MiB of memory, and %llu MiB are available",
		     t->size >> 20, (unsigned long long)available >> 10);
	start = mmap(NULL, t->size + HUGE_BYTES, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (start == MAP_FAILED)
		err(1, "no address space for tables of %zu MiB", t->size >> 20);
	aligned = (char *)(((u64)start + HUGE_BYTES - 1) & ~(HUGE_BYTES - 1));
	if (aligned != start)
		munmap(start, (size_t)(aligned - start));
	munmap(aligned + t->size, HUGE_BYTES - (size_t)(aligned - start));
	madvise(aligned, t->size, MADV_HUGEPAGE);
	memset(aligned, 0, t->size);
	t->memory = aligned;
	t->huge = huge_kib() - before >= t->size >> 11;
}

/* Which of the table pages lies where: the root first, the others in no order. */
static void place(struct tables *t)
{
	u64 left = 0, state = 0x853c49e6748fea9bULL, next = 0;
	char *first = (char *)t->memory + root_bytes(t->shape);
	u64 **where;

	for (unsigned int level = 1; level < t->shape->levels; level++)
		left += t->count[level];
	where = calloc(left, sizeof(*where));
	if (!where)
		err(1, "no memory for a list of tables");
	for (u64 i = 0; i < left; i++) {
		u64 j = random_below(&state, i + 1);

		where[i] = where[j];
		where[j] = (u64 *)(first + i * TABLE_BYTES);
	}
	for (unsigned int level = 1; level <= t->shape->levels; level++) {
		t->table[level] = calloc(t->count[level], sizeof(u64 *));
		if (!t->table[level])
			err(1, "no memory for a list of tables");
		for (u64 i = 0; level < t->shape->levels && i < t->count[level]; i++)
			t->table[level][i] = where[next++];
	}
	t->table[t->shape->levels][0] = t->memory;
	free(where);
}

static void fill(struct tables *t)
{
	u64 state = 0xda3e39cb94b95bdbULL;

	for (u64 i = 0; i < t->pages; i++)
		*entry_of(t, 1, i) = t->shape->leaf |
				     (random_next(&state) & ADDR_MASK);
	for (unsigned int level = 2; level <= t->shape->levels; level++)
		for (u64 i = 0; i < entries(t, level); i++)
			*entry_of(t, level, i) = t->shape->table |
						 (u64)t->table[level - 1][i];
}

void tables_init(struct tables *t, const struct shape *shape, unsigned int gib)
{
	*t = (struct tables) { .shape = shape, .pages = gib * GIB_PAGES };
	plan(t);
	allocate(t);
	place(t);
	fill(t);
	/* KVM makes entries that point to tables accessed. */
	tables_mark_above(t);
}

void tables_free(struct tables *t)
{
	for (unsigned int level = 1; level <= t->shape->levels; level++)
		free(t->table[level]);
	munmap(t->memory, t->size);
}

static void touch_above(const struct tables *t, u64 page)
{
	u64 index = page / TABLE_ENTRIES;

	for (unsigned int level = 2; level <= t->shape->levels; level++) {
		*entry_of(t, level, index) |= t->shape->accessed;
		index /= TABLE_ENTRIES;
	}
}

void tables_touch(const struct tables *t, const struct truth *truth)
{
	for (u64 page = 0; page < truth->pages; page += 64) {
		u64 young = truth->young[page / 64];
		u64 *entry = entry_of(t, 1, page);

		if (!young)
			continue;
		if (t->shape->marks_tables)
			touch_above(t, page);
		for (; young; young &= young - 1)
			entry[__ffs64(young)] |= t->shape->accessed;
	}
}

void tables_mark_above(const struct tables *t)
{
	for (u64 page = 0; t->shape->marks_tables && page < t->pages;
	     page += TABLE_ENTRIES)
		touch_above(t, page);
}

static u64 young_in(const u64 *table, u64 entries, u64 accessed)
{
	u64 young = 0;

	for (u64 i = 0; i < entries; i++)
		young += (table[i] & accessed) != 0;
	return young;
}

u64 tables_young(const struct tables *t, unsigned int level, u64 pages)
{
	u64 young = 0, left = pages;

	for (unsigned int i = 1; i < level; i++)
		left = (left + TABLE_ENTRIES - 1) / TABLE_ENTRIES;
	for (u64 i = 0; left; i++) {
		u64 entries = left < TABLE_ENTRIES ? left : TABLE_ENTRIES;

		young += young_in(t->table[level][i], entries, t->shape->accessed);
		left -= entries;
	}
	return young;
}
