/* SPDX-License-Identifier: GPL-2.0-only */
/* One open file, and what it has yet to see. */
#ifndef KI_READER_H
#define KI_READER_H

#include <linux/atomic.h>
#include <linux/fs.h>
#include <linux/kvm_idle.h>
#include <linux/list.h>
#include <linux/mm_types.h>
#include <linux/rwsem.h>

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
 * @dirty: it has asked what was written
 * @lock: held for reading by who transfers, for writing by who changes what is
 *	protected by it; outermost of our locks
 * @vm: the VM it is on; this struct holds a reference
 * @owes: number of the TLB flush that covers all it was told of, or marked, and
 *	has to see to by its policy; 0 if there is none
 * @unread: page up to which it was read since it was armed, from the beginning on and
 *	without gaps but for holes; KI_ALL_READ if it was not armed, or was read to
 *	the end since
 * @spare: working memory for the next call that needs some, or NULL
 * @node: in the VM's list, if this reader reads and clears
 * @pending: what it has yet to see, likewise
 * @host_pending: and what of that the host has touched, if @host
 * @dirty_pending: pages whose dirty bit was cleared, by whomever, and that it has yet to
 *	take, if it ever does; if @dirty
 */
struct ki_reader {
	struct pid *process;
	struct mm_struct *mm;
	fmode_t mode;

	struct rw_semaphore lock;	/* Outermost of our locks. */
	struct ki_vm *vm;		/* Protected by reader->lock. */
	enum kvm_idle_tlb_policy policy; /* Protected by reader->lock. */
	/* To write: reader->lock and all of the VM; to read, any one of them. */
	bool host;
	bool dirty;			/* To write: all of the VM; to read, any region. */
	atomic64_t owes;		/* Raised by ki_raise(). */
	atomic64_t unread;
	struct ki_slice *spare;		/* Exchanged. */

	struct list_head node;		/* As ki_vm.readers. */
	struct ki_pending pending;	/* By slices, see pending.h. */
	struct ki_pending host_pending;	/* Likewise. */
	struct ki_pending dirty_pending; /* Likewise. */
};

#define KI_ALL_READ	(-1)

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

/** ki_reader_has_pending() - only who reads what it clears has anything yet to see */
bool ki_reader_has_pending(const struct ki_reader *r);

/** ki_reader_alive() - 0, or -ESRCH if the VMM is gone */
int ki_reader_alive(struct ki_reader *r);

/**
 * ki_reader_move() - go to another VM of the same process, as if opened anew
 * @r: the reader, with reader->lock held for writing
 * @vm: the VM; the reader takes over the caller's reference
 *
 * Pays a flush that is owed. Return: 0; or, and nothing was changed or taken
 * over, -ENOMEM, or -EBUSY if there are too many readers on that VM. May sleep.
 */
int ki_reader_move(struct ki_reader *r, struct ki_vm *vm);

/**
 * ki_reader_set_policy() - another TLB flush policy, from the next call on
 * @r: the reader, with reader->lock held for writing
 * @policy: the policy
 *
 * Pays what is owed by the one there was. May sleep.
 */
void ki_reader_set_policy(struct ki_reader *r, enum kvm_idle_tlb_policy policy);

/**
 * ki_reader_set_host() - let accesses by the host count, or not
 * @r: the reader, with reader->lock held for writing
 * @host: do they?
 *
 * Return: 0, or -EOPNOTSUPP where such an access cannot be cleared without the
 * host's knowing: its page aging goes its own ways. May sleep.
 */
int ki_reader_set_host(struct ki_reader *r, bool host);

/**
 * ki_reader_set_dirty() - from now on, keep account of what was written
 * @r: the reader, with reader->lock held
 *
 * As long as it is on this VM. May sleep.
 */
void ki_reader_set_dirty(struct ki_reader *r);

/*
 * The rest is called with reader->lock held for reading, by any number of
 * threads. Each may sleep.
 */

/**
 * ki_reader_get_slice() - working memory for a call
 *
 * Return: it; NULL for want of memory. It goes to ki_reader_put_slice().
 */
struct ki_slice *ki_reader_get_slice(struct ki_reader *r);
void ki_reader_put_slice(struct ki_reader *r, struct ki_slice *s);

/*
 * These work on a part of a slice, whose index, first and words the caller has
 * set. Each returns 0, -ESRCH if the VMM is gone, or what the harvest returns
 * (harvest.h).
 */

/**
 * ki_reader_fetch() - young and present, as this reader is to see them
 * @r: the reader
 * @s: the part
 *
 * Harvests if the file was opened for writing too, else peeks. To be followed
 * by ki_reader_delivered() if it returns 0.
 */
int ki_reader_fetch(struct ki_reader *r, struct ki_slice *s);

/** ki_reader_peek() - what ki_reader_fetch() would tell now. Takes nothing */
int ki_reader_peek(struct ki_reader *r, struct ki_slice *s);

/**
 * ki_reader_delivered() - these pages of what was fetched reached the caller
 * @r: the reader
 * @s: as ki_reader_fetch() left it; what else the caller makes clear in @s->bits.young
 *	and @s->host is taken for delivered too. Undefined when it returns
 * @first: first page of the slice that did
 * @end: first page behind it; @first if none did
 *
 * All else that is young stays due to the reader.
 */
void ki_reader_delivered(struct ki_reader *r, struct ki_slice *s,
			 unsigned int first, unsigned int end);

/** ki_reader_mark() - mark the pages of @s->bits.want idle */
int ki_reader_mark(struct ki_reader *r, struct ki_slice *s);

/**
 * ki_reader_arm() - mark all pages of a slice idle by the bits above them
 *
 * Of a reader that reads and clears; with reader->lock held for writing. It holds
 * when ki_reader_stop() has ended a pass, which must follow, also after an error.
 */
int ki_reader_arm(struct ki_reader *r, struct ki_slice *s);

/** ki_reader_count() - look at the pages of @s->bits.want and clear nothing */
int ki_reader_count(struct ki_reader *r, struct ki_slice *s);

/**
 * ki_reader_goto() - what is read next begins here
 * @r: the reader
 * @slice: slice number
 * @word: word of it
 *
 * Going back ends a pass: the flush that the reader owes is paid. To go back is
 * to go to what has been read since the flush before: a slice knows up to which of
 * its words that is. So who reads one part of the file and who reads another do not
 * go back by taking turns. ki_reader_fetch() calls it.
 */
void ki_reader_goto(struct ki_reader *r, u64 slice, unsigned int word);

/**
 * ki_reader_stop() - a call ends
 * @r: the reader
 * @pass_ends: it was the end of a pass: a read up to the end of the file; or a
 *	write, which tells nobody of what it clears
 */
void ki_reader_stop(struct ki_reader *r, bool pass_ends);

#endif /* KI_READER_H */
