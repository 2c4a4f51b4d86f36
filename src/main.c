// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>

#include "compat/hidden.h"
#include "compat/host_flush.h"
#include "compat/kvm_flush.h"
#include "compat/kvm_hook.h"
#include "door/bitmap_file.h"
#include "door/chardev.h"
#include "door/pages_file.h"
#include "door/proc_pid.h"
#include "options.h"

static const struct ki_proc_file ki_files[] = {
	{ KI_PROC_NAME, &ki_bitmap_proc_ops },
	{ KI_PROC_PAGES_NAME, &ki_pages_proc_ops },
	{ }
};

static int __init ki_init(void)
{
	bool proc_is_wanted = ki_option_proc() != KI_PROC_OFF; /* as of now */
	int err, proc, device;

	/* Without it, nobody's right to look can be told. */
	err = ki_hidden_find_mm_access();
	err = err ?: ki_kvm_flush_init();
	if (err)
		return err;

	ki_host_flush_init();
	/* One door is enough. */
	proc = ki_proc_init(ki_files);
	device = ki_chardev_init();
	if (proc && device)
		return device;
	if (proc_is_wanted)
		ki_pages_init();
	return 0;
}

/* Not reached while a file is open: each holds a reference on the module. */
static void __exit ki_exit(void)
{
	ki_chardev_exit();
	ki_proc_exit();
	ki_pages_exit();
	ki_hooks_exit();
}

module_init(ki_init);
module_exit(ki_exit);

MODULE_DESCRIPTION("Idle guest memory of KVM virtual machines: /proc/PID/idle_bitmap and idle_pages, /dev/kvm_idle");
MODULE_LICENSE("GPL");
MODULE_VERSION(KVM_IDLE_VERSION);
