// SPDX-License-Identifier: GPL-2.0-only
/*
 * A read of a file of extents. It goes over the memory of the process a window at a
 * time: harvest, encode, deliver; what could not be delivered, or what the stream
 * has no words for, is kept for the next read.
 */
#include <linux/fcntl.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/rwsem.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "compat/host_flush.h"
#include "door/pages_read.h"
#include "reader.h"
#include "source/process.h"

/* A byte of the buffer stands for eight pages, whatever is in it. */
#define KI_BYTE_SHIFT	(3 + PAGE_SHIFT)

void ki_pages_pay(struct ki_pages *f)
{
	struct mm_struct *mm = f->win.mm;

	if (f->owes_flush && mmget_not_zero(mm)) {
		ki_host_flush_tlbs(mm);
		mmput(mm);
	}
	f->owes_flush = false;
}

static unsigned int ki_pages_flags(const struct ki_pages *f, const struct file *file)
{
	return ((file->f_flags & KI_OPEN_FLAGS) & ~f->removed) | f->added;
}

static unsigned int ki_extents_flags(unsigned int flags)
{
	return (flags & SCAN_HUGE_PAGE ? KI_EXTENTS_HUGE : 0) |
	       (flags & SCAN_SKIM_IDLE ? KI_EXTENTS_SKIM : 0) |
	       (flags & SCAN_DIRTY_PAGE ? KI_EXTENTS_DIRTY : 0) |
	       (flags & SCAN_AS_HUGE ? KI_EXTENTS_AS_HUGE : 0);
}

/**
 * struct ki_pages_read - one read
 * @f: the file
 * @e: the stream
 * @start: position it begins at
 * @buf: the caller's buffer
 * @bytes: size of it
 */
struct ki_pages_read {
	struct ki_pages *f;
	struct ki_extents e;
	u64 start;
	char __user *buf;
	size_t bytes;
};

/*
 * Encode some of a window, or the end of the stream, and deliver that. The first byte
 * may be the last of the piece before, which has grown: its place is the same. Return: 0
 * or -EFAULT, and then nothing has happened.
 */
static int ki_pages_encode(struct ki_pages_read *r, struct ki_extents_window *w)
{
	struct ki_extents *e = &r->e, before = *e;
	u8 last = e->out[0];
	char __user *to;

	if (w)
		ki_extents_add(e, w);
	else
		ki_extents_stop(e);
	to = r->buf + (r->bytes - e->room - e->count);
	if (copy_to_user(to, e->out, e->count)) {
		*e = before;
		e->out[0] = last;
		if (e->again)
			put_user(last, (u8 __user *)to);
		return -EFAULT;
	}
	ki_extents_delivered(e);
	return 0;
}

/* Of the window that was fetched. */
static int ki_pages_tell(struct ki_pages_read *r)
{
	struct ki_extents_window *w = &r->f->win.w;
	u64 end = min(r->e.end, w->base + KI_WINDOW_BYTES);

	while (!r->e.full && r->e.at < end) {
		int err;

		memcpy(r->f->was, w->young, sizeof(w->young));
		err = ki_pages_encode(r, w);
		if (err) {
			memcpy(w->young, r->f->was, sizeof(w->young));
			return err;
		}
		ki_window_told(&r->f->win, r->f->was);
	}
	return 0;
}

/* The window that the stream has arrived at ends here, or the read does. */
static u64 ki_pages_window_end(const struct ki_extents *e)
{
	return min(e->end, ALIGN_DOWN(e->at, KI_WINDOW_BYTES) + KI_WINDOW_BYTES);
}

/* A window was fetched, or @err is why not. */
static int ki_pages_go_on(struct ki_pages_read *r, int err)
{
	struct ki_pages_window *win = &r->f->win;
	struct ki_extents *e = &r->e;

	if (!err && win->blind < ki_pages_window_end(e)) {
		/* It ends before what cannot be told, or does not begin. */
		e->end = max(win->blind, e->at);
		if (e->end == r->start)
			err = -ERANGE;
	}
	err = err ?: ki_pages_tell(r);
	ki_window_return(win);
	r->f->owes_flush |= win->cleared;
	win->cleared = false;
	return err;
}

/*
 * While its mm is in use nobody tears it down for good. Taken for a window at a time, and not
 * while the caller's buffer is written to, which may take as long as it pleases: a process that
 * is killed does not wait for who reads of it.
 */
static int ki_pages_step(struct ki_pages_read *r)
{
	struct mm_struct *mm = r->f->win.mm;
	u64 addr = r->e.at;
	bool fetched;
	int err;

	if (fatal_signal_pending(current))
		return -EINTR;
	if (!mmget_not_zero(mm))
		return -ESRCH;
	err = ki_process_next(mm, &addr);
	if (err == -ENXIO && r->e.at > r->start) {
		/* But there was something before. */
		addr = r->e.end;
		err = 0;
	}
	if (!err)
		r->e.at = min(addr, r->e.end);
	fetched = !err && r->e.at < r->e.end;
	if (fetched)
		err = ki_window_fetch(&r->f->win, r->e.at, ki_pages_window_end(&r->e));
	mmput(mm);
	return fetched ? ki_pages_go_on(r, err) : err;
}

/* Return: 0, or why it ended early. */
static int ki_pages_walk(struct ki_pages_read *r, unsigned int flags)
{
	int err = 0;

	/* No mapping of this kernel's is marked. */
	if (flags & VMA_SCAN_FLAG)
		r->e.at = r->e.end;
	while (!err && !r->e.full && r->e.at < r->e.end) {
		err = ki_pages_step(r);
		cond_resched();
	}
	if (!err && !r->e.full)
		err = ki_pages_encode(r, NULL);
	return err;
}

/* Accesses by the host count where the guest maps nothing. */
static int ki_pages_set_host(struct ki_pages *f)
{
	struct ki_reader *reader = f->win.reader;
	bool host = !f->win.ignore_host;

	if (READ_ONCE(reader->host) == host)
		return 0;
	if (down_write_killable(&reader->lock))
		return -EINTR;
	/* If that cannot be, the process's tables are harvested without regard to others. */
	ki_reader_set_host(reader, host);
	up_write(&reader->lock);
	return 0;
}

/* What was cleared in the pass before is seen by the processors when this one begins. */
static void ki_pages_begin_pass(struct ki_pages *f)
{
	ki_pages_pay(f);
	if (f->win.reader) {
		down_read(&f->win.reader->lock);
		ki_reader_stop(f->win.reader, true);
		up_read(&f->win.reader->lock);
	}
	f->passed = 0;
}

/*
 * A client that reads mapping by mapping, with a buffer for more, gets more, throws that
 * away, and goes back to the next mapping: into the range of its last read. So
 * from there on it is told the same again. Who goes back to where the last read began, or
 * before that, begins another pass.
 */
static int ki_pages_go_back(struct ki_pages_read *r)
{
	struct ki_pages *f = r->f;
	int err = 0;

	if (r->start > f->start && r->start < f->reached)
		err = ki_window_tell_again(&f->win, r->start, f->reached);
	else if (r->start < f->passed)
		ki_pages_begin_pass(f);
	if (!err) {
		ki_window_account_destroy(&f->win.told);
		ki_window_account_init(&f->win.told);
	}
	return err;
}

static int ki_pages_read_locked(struct ki_pages_read *r, unsigned int flags)
{
	struct ki_pages *f = r->f;
	struct ki_reader *reader = f->win.reader;
	int err;

	err = ki_pages_go_back(r);
	if (err)
		return err;
	/* Until something has been told. */
	f->start = r->start;
	f->reached = 0;
	f->win.ignore_host = flags & SCAN_IGN_HOST;
	f->win.want_dirty = flags & SCAN_DIRTY_PAGE;
	if (reader) {
		err = ki_pages_set_host(f);
		if (err)
			return err;
		if (down_read_killable(&reader->lock))
			return -EINTR;
		if (f->win.want_dirty)
			ki_reader_set_dirty(reader);
	}
	ki_extents_begin(&r->e);
	err = ki_pages_walk(r, flags);
	if (reader) {
		ki_reader_stop(reader, false);
		up_read(&reader->lock);
	}
	f->reached = r->e.next;
	f->passed = max(f->passed, f->reached);
	return err;
}

ssize_t ki_pages_read_some(struct ki_pages *f, struct file *file,
			   char __user *buf, size_t bytes, loff_t *ppos)
{
	u64 pos = *ppos, limit = READ_ONCE(f->win.mm->task_size);
	unsigned int flags = ki_pages_flags(f, file);
	struct ki_pages_read r = {
		.f	= f,
		.start	= pos,
		.buf	= buf,
		.bytes	= bytes,
		.e	= {
			.page_shift	= PAGE_SHIFT,
			.pmd_shift	= PMD_SHIFT,
			.pud_shift	= PUD_SHIFT,
			.flags		= ki_extents_flags(flags),
			.room		= bytes,
			.at		= pos,
			.out		= f->out,
		},
	};
	int err;

	if (pos >= limit || !bytes)
		return 0;
	if (!PAGE_ALIGNED(pos) || bytes < KI_EXTENTS_LEAST)
		return -EINVAL;
	r.e.end = min(pos + ((u64)bytes << KI_BYTE_SHIFT), limit);

	if (!mmget_not_zero(f->win.mm))
		return -ESRCH;
	mmput(f->win.mm);
	err = ki_pages_read_locked(&r, flags);
	bytes -= r.e.room;
	if (!bytes)
		return err;
	*ppos = r.e.next;
	return bytes;
}
