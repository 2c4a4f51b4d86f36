// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/init.h>
#include <linux/module.h>

#include "compat/hidden.h"
#include "door/bitmap_file.h"
#include "door/proc_pid.h"

static int __init ki_init(void)
{
	int err;

	err = ki_hidden_init();
	if (err)
		return err;
	return ki_proc_init(&ki_bitmap_ops);
}

/* Not reached while a file is open: each holds a reference on the module. */
static void __exit ki_exit(void)
{
	ki_proc_exit();
}

module_init(ki_init);
module_exit(ki_exit);

MODULE_DESCRIPTION("Idle guest memory of KVM virtual machines, under /proc/PID/idle_bitmap");
MODULE_LICENSE("GPL");
MODULE_VERSION(KVM_IDLE_VERSION);
