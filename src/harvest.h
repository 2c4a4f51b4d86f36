/* SPDX-License-Identifier: GPL-2.0-only */
/* Slice by slice: cover, prepare, collect, merge. */
#ifndef KI_HARVEST_H
#define KI_HARVEST_H

#include "reader.h"
#include "table/table.h"

/**
 * struct ki_slice - a part of a slice, on its way through a harvest
 * @index: slice number: gfn >> KI_SLICE_SHIFT
 * @first: first word of it
 * @words: how many words
 * @bits: want, present, young
 * @host: touched by the host, as far as the reader wants to know
 * @has_host: it does want to know; if not, nothing is set in @host
 * @dirty: pages whose entry has its dirty bit set, or had it when another reader cleared
 *	that, if @want_dirty
 * @want_dirty: in: that is to be told too; the caller's to set
 * @take_dirty: in, of ki_harvest_take(): and is to be cleared; the caller's to set, of a
 *	reader that keeps account of it (ki_reader_set_dirty())
 * @asleep: of ki_harvest_take(): all of @bits.want is present and none of it young,
 *	and nothing else was answered
 * @empty: nothing of @bits.want is present or young, and nothing else was answered
 * @no_table: of ki_harvest_take(): there may have been no table to look at. What is not
 *	present may be in one that the vCPUs have left for now
 * @armed: of ki_harvest_arm(): tables of pages, a bit each, that are armed
 * @held: something may have been taken of @bits.young that can be put back
 * @host_held: or of @host
 * @dirty_held: or of @dirty
 * @flush: number of the TLB flush that the reader owes for what it got, or 0;
 *	the caller's to fill before a call of ki_harvest_return()
 *
 * @bits.want is the caller's to fill before a call of ki_harvest_mark() and
 * ki_harvest_count(), all of it; the other calls fill it with what slots cover.
 */
struct ki_slice {
	u64 index;
	unsigned int first;
	unsigned int words;
	struct ki_bits bits;
	u64 host[KI_SLICE_WORDS];
	u64 dirty[KI_SLICE_WORDS];
	bool has_host;
	bool want_dirty;
	bool take_dirty;
	bool asleep;
	bool empty;
	bool no_table;
	u64 armed;
	bool held;
	bool host_held;
	bool dirty_held;
	u64 flush;
};

/* Write down what @asleep and @empty say in short, for who wants to have it page by page. */
static inline void ki_slice_spell_out(struct ki_slice *s)
{
	if (!s->asleep && !s->empty)
		return;
	ki_bits_clear_answers(&s->bits);
	memset(s->host, 0, sizeof(s->host));
	if (s->asleep)
		memcpy(&s->bits.present[s->first], &s->bits.want[s->first],
		       s->words * sizeof(u64));
	else if (s->want_dirty)
		memset(s->dirty, 0, sizeof(s->dirty));
	s->asleep = false;
	s->empty = false;
}

/*
 * Each of these: returns 0, or -EOPNOTSUPP (and the kernel log says why),
 * -ENOMEM, -EINTR. Whatever was cleared before an error is due to every reader.
 * Takes the lock of the slice's region; may sleep. Several threads may do this
 * for one reader at once, each with a struct ki_slice of its own.
 */

/**
 * ki_harvest_peek() - what would this reader see if it harvested? Clears nothing
 *
 * A reader without pending maps sees what is young now. @s->bits.present and .young, and
 * @s->host, are answered in the words asked for, or @s->empty.
 */
int ki_harvest_peek(struct ki_reader *r, struct ki_slice *s);

/**
 * ki_harvest_take() - what was touched since this reader's last harvest?
 * @r: a reader that has pending maps
 * @s: @s->bits.present and .young, and @s->host, are answered in the words asked for, or
 *	@s->asleep, or @s->empty
 *
 * What is not delivered then is given back with ki_harvest_return().
 */
int ki_harvest_take(struct ki_reader *r, struct ki_slice *s);

/**
 * ki_harvest_return() - what is young, and was not delivered, is still due
 * @r: the reader
 * @s: as ki_harvest_take() left it, but for bits of young and host that were delivered
 *	and that the caller has made clear. Undefined when it returns
 * @first: first page of the slice of which all was delivered
 * @end: first page behind it; where the reader stands now
 *
 * To be called after every ki_harvest_take() that returned 0, also if all was delivered.
 */
void ki_harvest_return(struct ki_reader *r, struct ki_slice *s,
		       unsigned int first, unsigned int end);

/** ki_harvest_mark() - mark the pages of @s->bits.want idle, for this reader */
int ki_harvest_mark(struct ki_reader *r, struct ki_slice *s);

/**
 * ki_harvest_arm() - mark all pages idle, for this reader, without a look at them
 * @r: a reader that has pending maps
 * @s: all of a slice; @s->bits.present is answered for the pages that were
 *	looked at all the same: those of huge leaves, or all
 *
 * It holds from the next TLB flush on, which is for the caller to see to, also
 * after an error.
 */
int ki_harvest_arm(struct ki_reader *r, struct ki_slice *s);

/** ki_harvest_count() - peek at the pages of @s->bits.want alone */
int ki_harvest_count(struct ki_vm *vm, struct ki_slice *s);

#endif /* KI_HARVEST_H */
