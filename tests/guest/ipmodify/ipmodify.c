// SPDX-License-Identifier: GPL-2.0-only
/*
 * Takes proc_tgid_base_lookup() for itself as a live patch would: ftrace lets
 * only one be there that may change where a function goes. This one does not.
 */
#include <linux/ftrace.h>
#include <linux/module.h>
#include <linux/string.h>

#define FUNCTION "proc_tgid_base_lookup"

/* What the last argument is differs between kernels; nobody looks at it here. */
static void notrace ipmodify_call(unsigned long ip, unsigned long parent_ip,
				  struct ftrace_ops *ops, void *regs)
{
}

static struct ftrace_ops ipmodify_ops = {
	.func = (ftrace_func_t)ipmodify_call,
	.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_SAVE_REGS_IF_SUPPORTED,
};

/* Not ftrace_free_filter(), which 5.10 does not export. */
static void ipmodify_free(void)
{
	ftrace_set_filter(&ipmodify_ops, NULL, 0, 1);
}

static int __init ipmodify_init(void)
{
	int err = ftrace_set_filter(&ipmodify_ops, (unsigned char *)FUNCTION,
				    strlen(FUNCTION), 1);

	err = err ?: register_ftrace_function(&ipmodify_ops);
	if (err)
		ipmodify_free();
	return err;
}

static void __exit ipmodify_exit(void)
{
	unregister_ftrace_function(&ipmodify_ops);
	ipmodify_free();
}

module_init(ipmodify_init);
module_exit(ipmodify_exit);

MODULE_DESCRIPTION("Occupies a function of procfs");
MODULE_LICENSE("GPL");
