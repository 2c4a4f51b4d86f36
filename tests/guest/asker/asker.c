// SPDX-License-Identifier: GPL-2.0-only
/*
 * Stands in for the host's memory management: asks KVM about host addresses of
 * a VM whenever a parameter is written, by the callbacks that the kernel would
 * call. And for a module that has replaced these callbacks as kvm_idle does.
 */
#include <linux/file.h>
#include <linux/kvm_host.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/uaccess.h>

typedef typeof(((struct mmu_notifier_ops *)NULL)->test_young(NULL, NULL, 0)) young_t;

static int fd = -1;
module_param(fd, int, 0444);
MODULE_PARM_DESC(fd, "of the VM, in the process that loads this module");

static bool answer;
module_param(answer, bool, 0444);
MODULE_PARM_DESC(answer, "to the last question");

static unsigned long passed;
module_param(passed, ulong, 0444);
MODULE_PARM_DESC(passed, "questions that have come through here since hooked");

static struct file *file;
static struct kvm *kvm;

static int ask(const char *text, const struct kernel_param *kp)
{
	struct mmu_notifier *mn = &kvm->mmu_notifier;
	unsigned long start, bytes;

	if (sscanf(text, "%lu %lu", &start, &bytes) != 2)
		return -EINVAL;
	switch (*(const char *)kp->arg) {
	case 't':
		answer = mn->ops->test_young(mn, kvm->mm, start);
		break;
	case 'c':
		answer = mn->ops->clear_young(mn, kvm->mm, start, start + bytes);
		break;
	case 'f':
		answer = mn->ops->clear_flush_young(mn, kvm->mm, start, start + bytes);
		break;
	}
	return 0;
}

static const struct kernel_param_ops ask_ops = { .set = ask };

module_param_cb(test, &ask_ops, "t", 0200);
MODULE_PARM_DESC(test, "HVA BYTES: test_young of the address");
module_param_cb(clear, &ask_ops, "c", 0200);
MODULE_PARM_DESC(clear, "HVA BYTES: clear_young of the range");
module_param_cb(flush, &ask_ops, "f", 0200);
MODULE_PARM_DESC(flush, "HVA BYTES: clear_flush_young of the range");

/* As clear, for each page by itself: what page_idle asks, without what it is asked by. */
static int ask_each(const char *text, const struct kernel_param *kp)
{
	struct mmu_notifier *mn = &kvm->mmu_notifier;
	unsigned long start, bytes, to, pages;
	u64 word = 0;

	if (sscanf(text, "%lu %lu %lu", &start, &bytes, &to) != 3)
		return -EINVAL;
	pages = bytes / PAGE_SIZE;
	for (unsigned long i = 0; i < pages; i++, start += PAGE_SIZE) {
		if (mn->ops->clear_young(mn, kvm->mm, start, start + PAGE_SIZE))
			word |= BIT_ULL(i % 64);
		if (i % 64 < 63 && i + 1 < pages)
			continue;
		if (put_user(word, (u64 __user *)to + i / 64))
			return -EFAULT;
		word = 0;
		cond_resched();
	}
	return 0;
}

static const struct kernel_param_ops ask_each_ops = { .set = ask_each };

module_param_cb(each, &ask_each_ops, NULL, 0200);
MODULE_PARM_DESC(each, "HVA BYTES TO: clear_young of each page; the answers, a bit a page, go to TO");

static struct mmu_notifier_ops hook;
static const struct mmu_notifier_ops *below;

static young_t hook_clear_young(struct mmu_notifier *mn, struct mm_struct *mm,
				unsigned long start, unsigned long end)
{
	passed++;
	return below->clear_young(mn, mm, start, end);
}

/* Like kvm_idle: it goes only if it is on top. */
static int set_hooked(const char *text, const struct kernel_param *kp)
{
	bool on;
	int err = kstrtobool(text, &on);

	if (err)
		return err;
	if (!on) {
		if (cmpxchg(&kvm->mmu_notifier.ops, &hook, below) != &hook)
			return -EBUSY;
		mmu_notifier_synchronize();
		return 0;
	}
	below = kvm->mmu_notifier.ops;
	hook = *below;
	hook.clear_young = hook_clear_young;
	passed = 0;
	WRITE_ONCE(kvm->mmu_notifier.ops, &hook);
	return 0;
}

static const struct kernel_param_ops hooked_ops = { .set = set_hooked };

module_param_cb(hooked, &hooked_ops, NULL, 0200);
MODULE_PARM_DESC(hooked, "1: put ourselves in front of who is there; 0: go again");

static int __init asker_init(void)
{
	file = fget(fd);
	if (!file)
		return -EBADF;
	if (strcmp(file->f_path.dentry->d_name.name, "kvm-vm")) {
		fput(file);
		return -EINVAL;
	}
	kvm = file->private_data;
	return 0;
}

static void __exit asker_exit(void)
{
	fput(file);
}

module_init(asker_init);
module_exit(asker_exit);

MODULE_DESCRIPTION("Asks KVM what the host's memory management would ask");
MODULE_LICENSE("GPL");
