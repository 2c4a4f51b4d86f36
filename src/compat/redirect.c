// SPDX-License-Identifier: GPL-2.0-only
#include <linux/container_of.h>
#include <linux/ptrace.h>
#include <linux/rcupdate.h>
#include <linux/string.h>

#include "compat/redirect.h"

/*
 * PERMANENT: without it, writing 0 to kernel.ftrace_enabled would make the
 * file vanish; with it, that write is refused.
 */
#ifdef HAVE_FTRACE_REGS_ARGUMENT

#define KI_FTRACE_FLAGS	(FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT)

static unsigned long ki_argument(struct ftrace_regs *fregs, unsigned int n)
{
	return ftrace_regs_get_argument(fregs, n);
}

static void ki_go_to(struct ftrace_regs *fregs, void *target)
{
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)target);
}

#else /* 5.11 to 6.1: arguments and IP by way of all registers */

#define KI_FTRACE_FLAGS	(FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT | \
			 FTRACE_OPS_FL_SAVE_REGS)

static unsigned long ki_argument(struct ftrace_regs *fregs, unsigned int n)
{
	return regs_get_kernel_argument(ftrace_get_regs(fregs), n);
}

static void ki_go_to(struct ftrace_regs *fregs, void *target)
{
	instruction_pointer_set(ftrace_get_regs(fregs), (unsigned long)target);
}

#endif

static void notrace ki_redirect_call(unsigned long ip, unsigned long parent_ip,
				     struct ftrace_ops *ops,
				     struct ftrace_regs *fregs)
{
	struct ki_redirect *r = container_of(ops, struct ki_redirect, ops);
	int bit = ftrace_test_recursion_trylock(ip, parent_ip);

	if (bit < 0)
		return;
	if (r->wanted(ki_argument(fregs, 0), ki_argument(fregs, 1)))
		ki_go_to(fregs, r->target);
	ftrace_test_recursion_unlock(bit);
}

int ki_redirect_start(struct ki_redirect *r)
{
	int err;

	memset(&r->ops, 0, sizeof(r->ops));
	r->ops.func = ki_redirect_call;
	r->ops.flags = KI_FTRACE_FLAGS;

	/* Without a filter, every function of the kernel would be hooked. */
	err = ftrace_set_filter(&r->ops, (unsigned char *)r->function,
				strlen(r->function), 1);
	if (!err)
		err = register_ftrace_function(&r->ops);
	if (err)
		ftrace_free_filter(&r->ops);
	return err;
}

void ki_redirect_stop(struct ki_redirect *r)
{
	unregister_ftrace_function(&r->ops);
	ftrace_free_filter(&r->ops);
}

void ki_redirect_drain(void)
{
	synchronize_rcu_tasks();
}
