// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/anon_inodes.h>
#include <linux/build_bug.h>
#include <linux/err.h>
#include <linux/fcntl.h>
#include <linux/file.h>
#include <linux/kvm_idle.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/pid.h>
#include <linux/sched/task.h>
#include <linux/uaccess.h>

#include "compat/hidden.h"
#include "door/arg.h"
#include "door/bitmap_file.h"
#include "door/chardev.h"
#include "reader.h"

static_assert(sizeof(struct kvm_idle_open) == KVM_IDLE_OPEN_SIZE_V1);
static_assert(offsetof(struct kvm_idle_open, flags) == 4);
static_assert(offsetof(struct kvm_idle_open, pidfd) == 8);
static_assert(offsetofend(struct kvm_idle_open, reserved) ==
	      KVM_IDLE_OPEN_SIZE_V1);

/* A pidfd of a thread stands for its process, as /proc/TID does. */
static struct task_struct *ki_task_of_pidfd(int pidfd)
{
	struct file *file = fget(pidfd);
	struct task_struct *task;
	struct pid *pid;

	if (!file)
		return ERR_PTR(-EBADF);
	pid = ki_hidden(pidfd_pid)(file);
	task = IS_ERR(pid) ? ERR_CAST(pid) :
			     get_pid_task(pid, PIDTYPE_PID) ?: ERR_PTR(-ESRCH);
	fput(file);
	return task;
}

static struct ki_reader *ki_reader_of_pidfd(int pidfd, fmode_t mode)
{
	struct task_struct *task = ki_task_of_pidfd(pidfd);
	struct ki_reader *r;

	if (IS_ERR(task))
		return ERR_CAST(task);
	r = ki_bitmap_open(task, mode);
	put_task_struct(task);
	return r;
}

static struct file *ki_file_of_pidfd(int pidfd, int flags)
{
	struct ki_reader *r = ki_reader_of_pidfd(pidfd, OPEN_FMODE(flags));
	struct file *file;

	if (IS_ERR(r))
		return ERR_CAST(r);
	file = anon_inode_getfile("[" KBUILD_MODNAME "]", &ki_bitmap_fops, r,
				  flags);
	if (IS_ERR(file)) {
		ki_reader_close(r);
		return file;
	}
	/* What an open of a regular file sets: it has a position, shared safely. */
	file->f_mode |= FMODE_LSEEK | FMODE_PREAD | FMODE_PWRITE |
			FMODE_ATOMIC_POS;
	return file;
}

static long ki_chardev_open_pidfd(void __user *arg)
{
	struct kvm_idle_open a;
	long size = ki_get_arg(&a, sizeof(a), KVM_IDLE_OPEN_SIZE_V1, arg);
	struct file *file;
	int fd;

	if (size < 0)
		return size;
	if (a.flags & ~(O_ACCMODE | O_CLOEXEC) || a.reserved ||
	    (a.flags & O_ACCMODE) == O_ACCMODE)
		return -EINVAL;

	fd = get_unused_fd_flags(a.flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	file = ki_file_of_pidfd(a.pidfd, a.flags & O_ACCMODE);
	if (IS_ERR(file)) {
		put_unused_fd(fd);
		return PTR_ERR(file);
	}
	fd_install(fd, file);
	return fd;
}

static long ki_chardev_ioctl(struct file *file, unsigned int cmd,
			     unsigned long arg)
{
	/* As everywhere, the size in the struct counts, not the one in here. */
	if (_IOC_TYPE(cmd) != KVM_IDLE_IOC_TYPE ||
	    _IOC_NR(cmd) != _IOC_NR(KVM_IDLE_OPEN))
		return -ENOTTY;
	return ki_chardev_open_pidfd((void __user *)arg);
}

static const struct file_operations ki_chardev_fops = {
	.owner		= THIS_MODULE,
	.unlocked_ioctl	= ki_chardev_ioctl,
	.compat_ioctl	= compat_ptr_ioctl,
};

/*
 * For everyone, as /dev/kvm often is: to open the device gives nothing. Each
 * KVM_IDLE_OPEN asks whether its caller may trace that process, as does an open
 * of /proc/PID/idle_bitmap. That the file has an owner and a mode besides keeps
 * nobody out who may trace: he has the same user ID, or CAP_SYS_PTRACE.
 */
static struct miscdevice ki_chardev = {
	.minor	= MISC_DYNAMIC_MINOR,
	.name	= KBUILD_MODNAME,
	.mode	= 0666,
	.fops	= &ki_chardev_fops,
};

static bool ki_chardev_is_there;

int ki_chardev_init(void)
{
	int err = ki_hidden_find_pidfd();

	if (!err)
		err = misc_register(&ki_chardev);
	if (err)
		pr_notice("no " KVM_IDLE_DEVICE ": error %d\n", err);
	ki_chardev_is_there = !err;
	return err;
}

void ki_chardev_exit(void)
{
	if (ki_chardev_is_there)
		misc_deregister(&ki_chardev);
}
