// SPDX-License-Identifier: GPL-2.0-only
#include <linux/err.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/ptrace.h>
#include <linux/rwsem.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>

#include "compat/hidden.h"
#include "compat/kvm_slots.h"
#include "door/bitmap_file.h"
#include "door/info.h"
#include "door/proc_pid.h"
#include "encode/bitmap.h"
#include "harvest.h"
#include "reader.h"
#include "target.h"
#include "vm.h"

#define KI_WORD_BYTES	sizeof(u64)

/* The very check that procfs makes for /proc/PID/pagemap and mem. */
struct mm_struct *ki_access_mm(struct task_struct *task, fmode_t mode)
{
	unsigned int access = mode & FMODE_WRITE ? PTRACE_MODE_ATTACH_FSCREDS :
						   PTRACE_MODE_READ_FSCREDS;
	struct mm_struct *mm = ki_hidden(mm_access)(task, access) ?:
			       ERR_PTR(-ESRCH);

	/* Ensure that the struct stays, but do not pin its memory. */
	if (!IS_ERR(mm)) {
		mmgrab(mm);
		mmput(mm);
	}
	return mm;
}

struct ki_reader *ki_open_reader(struct task_struct *task, struct mm_struct *mm,
				 fmode_t mode)
{
	struct ki_target first = { .index = 0 };
	struct ki_vm *vm = ki_target_vm(task, mm, &first);
	struct ki_reader *r;

	if (IS_ERR(vm))
		return ERR_CAST(vm);
	r = ki_reader_open(vm, task, mm, mode);
	if (IS_ERR(r))
		ki_vm_put(vm);
	return r;
}

struct ki_reader *ki_bitmap_open(struct task_struct *task, fmode_t mode)
{
	struct mm_struct *mm = ki_access_mm(task, mode);
	struct ki_reader *r;

	if (IS_ERR(mm))
		return ERR_CAST(mm);
	r = ki_open_reader(task, mm, mode);
	if (IS_ERR(r))
		mmdrop(mm);
	return r;
}

/* Length of the file, in words. */
static u64 ki_bitmap_words(struct ki_reader *r)
{
	return DIV_ROUND_UP_ULL(ki_slots_end(r->vm->kvm), 64);
}

/* The part of [@word, @word + @count) that lies in one slice. */
static void ki_set_slice(struct ki_slice *s, u64 word, u64 count)
{
	s->index = word / KI_SLICE_WORDS;
	s->first = word % KI_SLICE_WORDS;
	s->words = min_t(u64, count, KI_SLICE_WORDS - s->first);
}

/* One bit a page: 1 = idle. */
static void ki_tell_idle(const struct ki_slice *s, u64 *idle)
{
	ki_encode_bitmap(idle, &s->bits.present[s->first],
			 &s->bits.young[s->first], s->words);
	/* Who wants the host's accesses to count has them count as the guest's. */
	if (s->has_host)
		ki_encode_bitmap(idle, idle, &s->host[s->first], s->words);
}

/* A part of a slice to the caller. Return: words delivered, or an error. */
static int ki_read_slice(struct ki_reader *r, struct ki_slice *s,
			 char __user *buf)
{
	u64 *idle = &s->bits.want[s->first];	/* has served its purpose */
	unsigned int words, first = s->first * 64;
	int err;

	err = ki_reader_fetch(r, s);
	if (err)
		return err;
	if (s->empty)
		memset(idle, 0, s->words * KI_WORD_BYTES);
	else if (!s->asleep)
		ki_tell_idle(s, idle);
	/* Else all that was wanted is idle. */
	words = s->words - DIV_ROUND_UP(copy_to_user(buf, idle,
						     s->words * KI_WORD_BYTES),
					KI_WORD_BYTES);
	ki_reader_delivered(r, s, first, first + words * 64);
	return words ?: -EFAULT;
}

/* A part of a slice from the caller. Return: words used, or an error. */
static int ki_write_slice(struct ki_reader *r, struct ki_slice *s,
			  char __user *buf)
{
	u64 *mark = &s->bits.want[s->first];

	memset(s->bits.want, 0, sizeof(s->bits.want));
	if (copy_from_user(mark, buf, s->words * KI_WORD_BYTES))
		return -EFAULT;
	return ki_reader_mark(r, s) ?: s->words;
}

/**
 * struct ki_transfer - what makes the difference between read and write
 * @step: does a part of a slice; returns words done, or an error
 * @past_end: the answer at the end of the file and after it
 * @is_pass: a call is a pass of its own
 */
struct ki_transfer {
	int (*step)(struct ki_reader *r, struct ki_slice *s, char __user *buf);
	int past_end;
	bool is_pass;
};

/*
 * Slice by slice up to @end or until something is in the way. Return: words
 * done; if none, 0 or an error.
 */
static s64 ki_transfer_words(struct ki_reader *r, const struct ki_transfer *t,
			     char __user *buf, u64 start, u64 end)
{
	struct ki_slice *s = ki_reader_get_slice(r);
	u64 word = start;
	int err = s ? 0 : -ENOMEM;

	while (!err && word < end) {
		int done;

		if (word > start && signal_pending(current))
			break;
		ki_set_slice(s, word, end - word);
		done = t->step(r, s, buf + (word - start) * KI_WORD_BYTES);
		if (done < 0)
			err = done;
		else
			word += done;
		if (done >= 0 && done < s->words)
			break;
		cond_resched();
	}
	if (s)
		ki_reader_put_slice(r, s);
	return word > start ? word - start : err;
}

static ssize_t ki_bitmap_transfer(struct ki_reader *r, char __user *buf,
				  size_t bytes, loff_t *ppos,
				  const struct ki_transfer *t)
{
	u64 start = *ppos / KI_WORD_BYTES, count = bytes / KI_WORD_BYTES, end;
	s64 done;

	if (*ppos % KI_WORD_BYTES || bytes % KI_WORD_BYTES)
		return -EINVAL;

	if (down_read_killable(&r->lock))
		return -EINTR;
	done = ki_reader_alive(r);
	end = ki_bitmap_words(r);
	if (!done && start >= end)
		done = t->past_end;
	else if (!done)
		done = ki_transfer_words(r, t, buf, start,
					 start + min(count, end - start));
	ki_reader_stop(r, t->is_pass || start + max_t(s64, done, 0) >= end);
	up_read(&r->lock);

	if (done <= 0)
		return done;
	*ppos += done * KI_WORD_BYTES;
	return done * KI_WORD_BYTES;
}

static ssize_t ki_bitmap_read(struct file *file, char __user *buf, size_t bytes,
			      loff_t *ppos)
{
	static const struct ki_transfer reading = { .step = ki_read_slice };

	return ki_bitmap_transfer(file->private_data, buf, bytes, ppos, &reading);
}

static ssize_t ki_bitmap_write(struct file *file, const char __user *buf,
			       size_t bytes, loff_t *ppos)
{
	static const struct ki_transfer writing = {
		.step		= ki_write_slice,
		.past_end	= -ENXIO,
		.is_pass	= true,
	};

	return ki_bitmap_transfer(file->private_data, (char __user *)buf, bytes,
				  ppos, &writing);
}

/* From word @word on, the first that some slot covers a page of. */
static bool ki_next_data(struct kvm *kvm, u64 *word, struct ki_slot *slot)
{
	if (!ki_slots_next(kvm, *word * 64, slot))
		return false;
	*word = max(*word, slot->gfn / 64);
	return true;
}

static loff_t ki_seek_data(struct ki_reader *r, loff_t pos)
{
	u64 word = pos / KI_WORD_BYTES;
	struct ki_slot slot;

	if (!ki_next_data(r->vm->kvm, &word, &slot))
		return -ENXIO;
	return max_t(loff_t, pos, word * KI_WORD_BYTES);
}

static loff_t ki_seek_hole(struct ki_reader *r, loff_t pos)
{
	u64 word = pos / KI_WORD_BYTES, data = word;
	struct ki_slot slot;

	/* As long as the next data are right here, there is no hole. */
	while (ki_next_data(r->vm->kvm, &data, &slot) && data == word) {
		word = DIV_ROUND_UP_ULL(slot.gfn + slot.pages, 64);
		data = word;
	}
	return max_t(loff_t, pos, word * KI_WORD_BYTES);
}

static loff_t ki_bitmap_llseek(struct file *file, loff_t offset, int whence)
{
	struct ki_reader *r = file->private_data;
	loff_t end, pos;

	if (down_read_killable(&r->lock))
		return -EINTR;
	end = ki_bitmap_words(r) * KI_WORD_BYTES;
	if (whence == SEEK_DATA || whence == SEEK_HOLE) {
		pos = -ENXIO;
		if (offset >= 0 && offset < end)
			pos = whence == SEEK_DATA ? ki_seek_data(r, offset) :
						    ki_seek_hole(r, offset);
		if (pos >= 0)
			pos = vfs_setpos(file, pos, MAX_LFS_FILESIZE);
	} else {
		pos = generic_file_llseek_size(file, offset, whence,
					       MAX_LFS_FILESIZE, end);
	}
	if (pos >= 0) {
		u64 word = pos / KI_WORD_BYTES;

		ki_reader_goto(r, word / KI_SLICE_WORDS, word % KI_SLICE_WORDS);
	}
	up_read(&r->lock);
	return pos;
}

static int ki_bitmap_release(struct inode *inode, struct file *file)
{
	ki_reader_close(file->private_data);
	return 0;
}

/* The VFS holds .owner for as long as such a file is open. */
const struct file_operations ki_bitmap_fops = {
	.owner		= THIS_MODULE,
	.read		= ki_bitmap_read,
	.write		= ki_bitmap_write,
	.llseek		= ki_bitmap_llseek,
	.unlocked_ioctl	= ki_info_ioctl,
	.compat_ioctl	= ki_info_ioctl,	/* same layout for everyone */
	.release	= ki_bitmap_release,
};

static int ki_bitmap_proc_open(struct inode *inode, struct file *file)
{
	struct task_struct *task;
	struct ki_reader *r;

	if (!try_module_get(THIS_MODULE))
		return -ENOENT;
	task = ki_proc_task(file);
	r = task ? ki_bitmap_open(task, file->f_mode) : ERR_PTR(-ESRCH);
	if (task)
		put_task_struct(task);
	if (IS_ERR(r)) {
		module_put(THIS_MODULE);
		return PTR_ERR(r);
	}
	file->private_data = r;
	return 0;
}

static int ki_bitmap_proc_release(struct inode *inode, struct file *file)
{
	ki_bitmap_release(inode, file);
	module_put(THIS_MODULE);
	return 0;
}

const struct proc_ops ki_bitmap_proc_ops = {
	.proc_open	= ki_bitmap_proc_open,
	.proc_read	= ki_bitmap_read,
	.proc_write	= ki_bitmap_write,
	.proc_lseek	= ki_bitmap_llseek,
	.proc_ioctl	= ki_info_ioctl,
#ifdef CONFIG_COMPAT
	.proc_compat_ioctl = ki_info_ioctl,
#endif
	.proc_release	= ki_bitmap_proc_release,
};
