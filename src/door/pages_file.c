// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID/idle_pages, as the kernels that have had such a file did it: see
 * Documentation/ABI/idle_pages.rst.
 */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/idle_pages.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/pid.h>
#include <linux/printk.h>
#include <linux/ptrace.h>
#include <linux/sched/mm.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "door/bitmap_file.h"
#include "door/pages_file.h"
#include "door/pages_read.h"
#include "door/proc_pid.h"
#include "reader.h"

static void ki_pages_drop_process(struct ki_pages *f)
{
	if (!f->win.mm)
		return;
	ki_pages_pay(f);
	if (f->win.reader)
		ki_reader_close(f->win.reader);
	mmdrop(f->win.mm);
	f->win.reader = NULL;
	f->win.mm = NULL;
	ki_window_account_destroy(&f->win.left);
	ki_window_account_destroy(&f->win.told);
	ki_window_guest_destroy(&f->win.guest);
}

/* Every read clears, however the file is open. */
static int ki_pages_set_process(struct ki_pages *f, struct task_struct *task)
{
	struct mm_struct *mm = ki_access_mm(task, FMODE_READ | FMODE_WRITE);
	struct ki_reader *r;

	if (IS_ERR(mm))
		return PTR_ERR(mm) == -EACCES ? -EPERM : PTR_ERR(mm);
	mmgrab(mm);
	r = ki_open_reader(task, mm, FMODE_READ | FMODE_WRITE);
	if (IS_ERR(r)) {
		mmdrop(mm);
		if (PTR_ERR(r) != -ENODEV) {
			mmdrop(mm);
			return PTR_ERR(r);
		}
		/* No VMM: a process like any other. */
		r = NULL;
	}
	ki_pages_drop_process(f);
	f->win.mm = mm;
	f->win.reader = r;
	ki_window_account_init(&f->win.left);
	ki_window_account_init(&f->win.told);
	ki_window_guest_init(&f->win.guest);
	f->reached = 0;
	f->passed = 0;
	return 0;
}

static struct ki_pages *ki_pages_alloc(void)
{
	struct ki_pages *f = kvzalloc(sizeof(*f), GFP_KERNEL_ACCOUNT);

	if (f)
		mutex_init(&f->lock);
	return f;
}

static void ki_pages_free(struct ki_pages *f)
{
	ki_pages_drop_process(f);
	mutex_destroy(&f->lock);
	kvfree(f);
}

static ssize_t ki_pages_read(struct file *file, char __user *buf, size_t bytes,
			     loff_t *ppos)
{
	struct ki_pages *f = file->private_data;
	ssize_t done = -ESRCH;

	if (mutex_lock_killable(&f->lock))
		return -EINTR;
	if (f->win.mm)
		done = ki_pages_read_some(f, file, buf, bytes, ppos);
	mutex_unlock(&f->lock);
	return done;
}

/*
 * A position is an address: whatever it is, and nothing else. That of the highest ones
 * looks negative, and clients seek to them before they find that there is nothing.
 */
static loff_t ki_pages_llseek(struct file *file, loff_t offset, int whence)
{
	switch (whence) {
	case SEEK_SET:
		file->f_pos = offset;
		break;
	case SEEK_CUR:
		file->f_pos += (u64)offset;
		break;
	default:
		return -EINVAL;
	}
	force_successful_syscall_return();
	return file->f_pos;
}

/* Ioctls */

static long ki_pages_set_flags(struct ki_pages *f, const void __user *arg, unsigned int known,
			       bool add)
{
	u32 flags;

	if (get_user(flags, (const u32 __user *)arg))
		return -EFAULT;
	flags &= known;
	if (mutex_lock_killable(&f->lock))
		return -EINTR;
	if (add) {
		f->added |= flags;
		f->removed &= ~flags;
	} else {
		f->added &= ~flags;
		f->removed |= flags;
	}
	mutex_unlock(&f->lock);
	return 0;
}

static long ki_pages_set_pid(struct ki_pages *f, pid_t number)
{
	struct pid *pid = find_get_pid(number);
	struct task_struct *task = get_pid_task(pid, PIDTYPE_PID);
	long err = -ESRCH;

	put_pid(pid);
	if (!task)
		return err;
	if (mutex_lock_killable(&f->lock)) {
		err = -EINTR;
	} else {
		err = ki_pages_set_process(f, task);
		mutex_unlock(&f->lock);
	}
	put_task_struct(task);
	return err;
}

/* @unknown: the error for what is no ioctl of this file's. */
static long ki_pages_flags_ioctl(struct file *file, unsigned int cmd,
				 unsigned long arg, long unknown)
{
	struct ki_pages *f = file->private_data;
	void __user *argp = (void __user *)arg;

	switch (cmd) {
	case IDLE_SCAN_ADD_FLAGS:
		return ki_pages_set_flags(f, argp, KI_SCAN_FLAGS, true);
	case IDLE_SCAN_REMOVE_FLAGS:
		return ki_pages_set_flags(f, argp, KI_SCAN_FLAGS, false);
	case VMA_SCAN_ADD_FLAGS:
		return ki_pages_set_flags(f, argp, VMA_SCAN_FLAG, true);
	case VMA_SCAN_REMOVE_FLAGS:
		return ki_pages_set_flags(f, argp, VMA_SCAN_FLAG, false);
	default:
		return unknown;
	}
}

static long ki_pages_ioctl(struct file *file, unsigned int cmd, unsigned long arg)
{
	return ki_pages_flags_ioctl(file, cmd, arg, -EOPNOTSUPP);
}

static long ki_pages_any_ioctl(struct file *file, unsigned int cmd,
			       unsigned long arg)
{
	/* The process by its number, not by a pointer to it. */
	if (cmd == IDLE_PAGE_SET_PID)
		return ki_pages_set_pid(file->private_data, (pid_t)arg);
	return ki_pages_flags_ioctl(file, cmd, arg, -EINVAL);
}

/* The files */

static int ki_pages_any_open(struct inode *inode, struct file *file)
{
	if (!try_module_get(THIS_MODULE))
		return -ENOENT;
	file->private_data = ki_pages_alloc();
	if (!file->private_data) {
		module_put(THIS_MODULE);
		return -ENOMEM;
	}
	return 0;
}

static int ki_pages_release(struct inode *inode, struct file *file)
{
	ki_pages_free(file->private_data);
	module_put(THIS_MODULE);
	return 0;
}

/* That of a process has one from the beginning. */
static int ki_pages_open(struct inode *inode, struct file *file)
{
	int err = ki_pages_any_open(inode, file);
	struct task_struct *task;

	if (err)
		return err;
	err = -ESRCH;
	task = ki_proc_task(file);
	if (task) {
		err = ki_pages_set_process(file->private_data, task);
		put_task_struct(task);
	}
	if (err)
		ki_pages_release(inode, file);
	return err;
}

const struct proc_ops ki_pages_proc_ops = {
	.proc_open	= ki_pages_open,
	.proc_read	= ki_pages_read,
	.proc_lseek	= ki_pages_llseek,
	.proc_ioctl	= ki_pages_ioctl,
#ifdef CONFIG_COMPAT
	.proc_compat_ioctl = ki_pages_ioctl,
#endif
	.proc_release	= ki_pages_release,
};

static const struct proc_ops ki_pages_any_proc_ops = {
	.proc_open	= ki_pages_any_open,
	.proc_read	= ki_pages_read,
	.proc_lseek	= ki_pages_llseek,
	.proc_ioctl	= ki_pages_any_ioctl,
#ifdef CONFIG_COMPAT
	.proc_compat_ioctl = ki_pages_any_ioctl,
#endif
	.proc_release	= ki_pages_release,
};

static struct proc_dir_entry *ki_pages_entry;

void ki_pages_init(void)
{
	ki_pages_entry = proc_create(KI_PROC_PAGES_NAME, 0600, NULL,
				     &ki_pages_any_proc_ops);
	if (!ki_pages_entry)
		pr_notice("no /proc/" KI_PROC_PAGES_NAME "\n");
}

void ki_pages_exit(void)
{
	proc_remove(ki_pages_entry);
}
