/* SPDX-License-Identifier: GPL-2.0-only */
/* One open file, and what it has yet to see. */
#ifndef KI_READER_H
#define KI_READER_H

#include <linux/fs.h>
#include <linux/kvm_idle.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/mutex.h>

#include "pending.h"

struct ki_slice;
struct ki_vm;

/**
 * struct ki_reader - one open file
 * @process: that runs the VM
 * @mm: of that process; held by mmgrab, so it may be dead
 * @mode: FMODE_READ: bits are read; FMODE_WRITE: and cleared
 * @policy: when what was cleared is followed by a flush
 * @host: accesses by the host count too
 * @lock: serialises the calls on this file; outermost of our locks
 * @vm: the VM it is on; this struct holds a reference
 * @slice: working memory
 * @expected: word of the file where a sweep that goes on would go on
 * @flush_owed: it has harvested, or marked, and not yet seen to a flush
 * @node: in the VM's list, if this reader reads and clears
 * @pending: what it has yet to see, likewise
 * @in_flight: something was taken out of @pending that may be put back
 */
struct ki_reader {
	struct pid *process;
	struct mm_struct *mm;
	fmode_t mode;

	struct mutex lock;		/* Outermost of our locks. */
	struct ki_vm *vm;		/* Protected by reader->lock. */
	enum kvm_idle_tlb_policy policy; /* Protected by reader->lock. */
	bool host;			/* Both locks to write, either to read. */
	struct ki_slice *slice;		/* Protected by reader->lock. */
	u64 expected;			/* Protected by reader->lock. */
	bool flush_owed;		/* Protected by reader->lock. */

	struct list_head node;		/* Protected by vm->lock. */
	struct ki_pending pending;	/* Protected by vm->lock. */
	bool in_flight;			/* Protected by vm->lock. */
};

/**
 * ki_reader_open() - a reader for a VM
 * @vm: the VM; the reader takes over the caller's reference
 * @task: of the process that runs it, held by the caller
 * @mm: of that process, mmgrabbed; the reader takes it over
 * @mode: of the file
 *
 * Return: the reader; or, and nothing was taken over, ERR_PTR(-ENOMEM), or
 * ERR_PTR(-EBUSY) if there are too many on this VM.
 */
struct ki_reader *ki_reader_open(struct ki_vm *vm, struct task_struct *task,
				 struct mm_struct *mm, fmode_t mode);

/** ki_reader_close() - undo ki_reader_open(); pays a flush that is owed */
void ki_reader_close(struct ki_reader *r);

/** ki_reader_alive() - 0, or -ESRCH if the VMM is gone */
int ki_reader_alive(struct ki_reader *r);

/**
 * ki_reader_move() - go to another VM of the same process, as if opened anew
 * @r: the reader, with reader->lock held
 * @vm: the VM; the reader takes over the caller's reference
 *
 * Pays a flush that is owed. Return: 0; or, and nothing was changed or taken
 * over, -ENOMEM, or -EBUSY if there are too many readers on that VM. May sleep.
 */
int ki_reader_move(struct ki_reader *r, struct ki_vm *vm);

/**
 * ki_reader_set_policy() - another TLB flush policy, from the next call on
 * @r: the reader, with reader->lock held
 * @policy: the policy
 *
 * Pays what is owed by the one there was. May sleep.
 */
void ki_reader_set_policy(struct ki_reader *r, enum kvm_idle_tlb_policy policy);

/**
 * ki_reader_set_host() - let accesses by the host count, or not
 * @r: the reader, with reader->lock held
 * @host: do they?
 *
 * Return: 0, or -EOPNOTSUPP where such an access cannot be cleared without the
 * host's knowing: its page aging goes its own ways. May sleep.
 */
int ki_reader_set_host(struct ki_reader *r, bool host);

/*
 * The rest is called with reader->lock held, and works on reader->slice, whose
 * index, first and words the caller sets. Each may sleep, and returns 0,
 * -ESRCH if the VMM is gone, or what the harvest returns (harvest.h).
 */

/**
 * ki_reader_fetch() - young and present, as this reader is to see them
 * @r: the reader
 *
 * Harvests if the file was opened for writing too, else peeks. To be followed
 * by ki_reader_delivered() if it returns 0.
 */
int ki_reader_fetch(struct ki_reader *r);

/** ki_reader_delivered() - so many words of the slice reached the caller */
void ki_reader_delivered(struct ki_reader *r, unsigned int words);

/** ki_reader_mark() - mark the pages of slice->bits.want idle */
int ki_reader_mark(struct ki_reader *r);

/** ki_reader_count() - look at the pages of slice->bits.want and clear nothing */
int ki_reader_count(struct ki_reader *r);

/**
 * ki_reader_goto() - the next call is about word @word of the file
 * @r: the reader
 * @word: where
 *
 * Going back ends a pass: the flush that it owes is paid.
 */
void ki_reader_goto(struct ki_reader *r, u64 word);

/**
 * ki_reader_stop() - a call ends
 * @r: the reader
 * @word: the word of the file where it ended
 * @pass_ends: it was the end of a pass: a read up to the end of the file; or a
 *	write, which tells nobody of what it clears
 */
void ki_reader_stop(struct ki_reader *r, u64 word, bool pass_ends);

#endif /* KI_READER_H */
