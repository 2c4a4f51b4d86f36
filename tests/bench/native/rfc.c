// SPDX-License-Identifier: GPL-2.0-only
#include "contestants.h"

#define PRESENT_NPT	BIT_ULL(0)
#define PRESENT_EPT	GENMASK_ULL(2, 0)

/* Constants, of which the compiler makes an instance for each kind of table. */
struct bits_of {
	u64 present;
	u64 accessed;
};

static __always_inline u64 *table_of(u64 entry)
{
	return (u64 *)(entry & ADDR_MASK);
}

/* The pages that an entry of this level is for. */
static __always_inline u64 pages_of(unsigned int level)
{
	return BIT_ULL(9 * (level - 1));
}

static __always_inline u64 end_of(u64 page, u64 end, unsigned int level)
{
	u64 next = (page | (pages_of(level) - 1)) + 1;

	return next < end ? next : end;
}

static __always_inline u64 index_of(u64 page, unsigned int level)
{
	return page / pages_of(level) % TABLE_ENTRIES;
}

static __always_inline void pte_range(struct bits_of b, u64 *table, u64 *idle, u64 page,
				      u64 end)
{
	u64 *pte = &table[index_of(page, 1)];

	do {
		if (!(*pte & b.present) || !(*pte & b.accessed))
			continue;
		__atomic_and_fetch(pte, ~b.accessed, __ATOMIC_SEQ_CST);
		idle[page / 64] &= ~BIT_ULL(page % 64);
	} while (pte++, ++page != end);
}

static __always_inline void pmd_range(struct bits_of b, u64 *table, u64 *idle, u64 page,
				      u64 end)
{
	u64 *pmd = &table[index_of(page, 2)];
	u64 next;

	do {
		next = end_of(page, end, 2);
		if (!(*pmd & b.present) || !(*pmd & b.accessed))
			continue;
		pte_range(b, table_of(*pmd), idle, page, next);
	} while (pmd++, page = next, page != end);
}

static __always_inline void pud_range(struct bits_of b, u64 *table, u64 *idle, u64 page,
				      u64 end)
{
	u64 *pud = &table[index_of(page, 3)];
	u64 next;

	do {
		next = end_of(page, end, 3);
		if (*pud & b.present)
			pmd_range(b, table_of(*pud), idle, page, next);
	} while (pud++, page = next, page != end);
}

static __always_inline void pgd_range(struct bits_of b, const struct tables *t, u64 *idle)
{
	u64 *pgd = (u64 *)tables_root(t);
	u64 next, page = 0;

	memset(idle, 0xff, t->pages / 8);
	do {
		next = end_of(page, t->pages, 4);
		if (*pgd & b.present)
			pud_range(b, table_of(*pgd), idle, page, next);
	} while (pgd++, page = next, page != t->pages);
}

void rfc_pass(const struct tables *t, u64 *idle)
{
	if (t->shape == &shape_npt)
		pgd_range((struct bits_of) { PRESENT_NPT, BIT_ULL(5) }, t, idle);
	else
		pgd_range((struct bits_of) { PRESENT_EPT, BIT_ULL(8) }, t, idle);
}
