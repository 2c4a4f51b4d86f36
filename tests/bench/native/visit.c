// SPDX-License-Identifier: GPL-2.0-only
#include "contestants.h"

enum when {
	TABLE_BEFORE	= 1,	/* a table, before what it points to */
	LEAF		= 2,	/* anything else */
	TABLE_AFTER	= 4,	/* a table, after what it points to */
};

#define VALID	BIT_ULL(0)
#define TABLE	BIT_ULL(1)

/* What a visitor is told of an entry. */
struct visit {
	u64 *entry;
	u64 old;
	void *arg;
	u64 start;
	u64 page;
	u64 end;
	unsigned int level;
	enum when when;
};

typedef int (*visitor)(const struct visit *v);

/* One walk: @page is how far it has come. */
struct walker {
	visitor visit;
	enum when when;
	void *arg;
	u64 start;
	u64 page;
	u64 end;
};

static int walk_table(struct walker *w, u64 *table, unsigned int level);

static bool is_table(u64 entry, unsigned int level)
{
	return level > 1 && (entry & (VALID | TABLE)) == (VALID | TABLE);
}

static int tell(struct walker *w, u64 *entry, unsigned int level, enum when when)
{
	struct visit v = {
		.entry	= entry,
		.old	= READ_ONCE(*entry),
		.arg	= w->arg,
		.start	= w->start,
		.page	= w->page,
		.end	= w->end,
		.level	= level,
		.when	= when,
	};

	return w->when & when ? w->visit(&v) : 0;
}

static int walk_entry(struct walker *w, u64 *entry, unsigned int level)
{
	u64 pages = BIT_ULL(9 * (level - 1));
	int err;

	if (!is_table(READ_ONCE(*entry), level)) {
		err = tell(w, entry, level, LEAF);
		w->page = (w->page | (pages - 1)) + 1;
		return err;
	}
	err = tell(w, entry, level, TABLE_BEFORE);
	if (!err)
		err = walk_table(w, (u64 *)(READ_ONCE(*entry) & ADDR_MASK), level - 1);
	return err ?: tell(w, entry, level, TABLE_AFTER);
}

static int walk_table(struct walker *w, u64 *table, unsigned int level)
{
	int err = 0;

	for (u64 i = (w->page >> 9 * (level - 1)) % TABLE_ENTRIES;
	     !err && i < TABLE_ENTRIES && w->page < w->end; i++)
		err = walk_entry(w, &table[i], level);
	return err;
}

/* A root is longer than a table: several of them, side by side. */
static int walk_root(struct walker *w, const struct tables *t)
{
	u64 pages = BIT_ULL(9 * t->shape->levels);
	int err = 0;

	while (!err && w->page < w->end)
		err = walk_table(w, &t->table[t->shape->levels][0]
				    [w->page / pages * TABLE_ENTRIES], t->shape->levels);
	return err;
}

static int harvest(const struct visit *v)
{
	u64 *idle = v->arg, old = v->old;

	if (v->when != LEAF || !(old & VALID))
		return 0;
	if (!(old & shape_stage2.accessed))
		idle[v->page / 64] |= BIT_ULL(v->page % 64);
	else
		__atomic_compare_exchange_n(v->entry, &old, old & ~shape_stage2.accessed,
					    false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
	return 0;
}

void visit_pass(const struct tables *t, u64 *idle)
{
	/* What is called is not known when this is compiled, as in KVM. */
	visitor volatile visit = harvest;
	struct walker w = {
		.visit	= visit,
		.when	= TABLE_BEFORE | LEAF | TABLE_AFTER,
		.arg	= idle,
		.end	= t->pages,
	};

	memset(idle, 0, t->pages / 8);
	walk_root(&w, t);
}
