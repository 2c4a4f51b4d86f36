// SPDX-License-Identifier: GPL-2.0-only
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/ptrace.h>
#include <linux/string.h>

#include "compat/redirect.h"

#ifdef CONFIG_DYNAMIC_FTRACE

#ifdef HAVE_FTRACE_REGS

typedef struct ftrace_regs ki_ftrace_regs;

/* Have ftrace see to it that the callback is not entered from within itself. */
#define KI_FTRACE_GUARDED	FTRACE_OPS_FL_RECURSION

#else /* 5.10: all registers; and the guard is the default */

typedef struct pt_regs ki_ftrace_regs;

#define KI_FTRACE_GUARDED	0
#define ftrace_get_regs(regs)	(regs)

#endif

#ifdef HAVE_FTRACE_REGS_ARGUMENT

#define KI_FTRACE_SAVES		0

static unsigned long ki_argument(ki_ftrace_regs *fregs, unsigned int n)
{
	return ftrace_regs_get_argument(fregs, n);
}

static void ki_go_to(ki_ftrace_regs *fregs, void *target)
{
	ftrace_regs_set_instruction_pointer(fregs, (unsigned long)target);
}

#else /* to 6.1: arguments and IP by way of all registers */

#define KI_FTRACE_SAVES		FTRACE_OPS_FL_SAVE_REGS

static unsigned long ki_argument(ki_ftrace_regs *fregs, unsigned int n)
{
	return regs_get_kernel_argument(ftrace_get_regs(fregs), n);
}

static void ki_go_to(ki_ftrace_regs *fregs, void *target)
{
	instruction_pointer_set(ftrace_get_regs(fregs), (unsigned long)target);
}

#endif

static void notrace ki_ftrace_call(unsigned long ip, unsigned long parent_ip,
				   struct ftrace_ops *ops,
				   ki_ftrace_regs *fregs)
{
	struct ki_redirect *r = container_of(ops, struct ki_redirect, ops);

	if (r->wanted(ki_argument(fregs, 0), ki_argument(fregs, 1)))
		ki_go_to(fregs, r->target);
}

/* Not ftrace_free_filter(), which 5.10 does not export. Frees as much. */
static void ki_forget_filter(struct ki_redirect *r)
{
	ftrace_set_filter(&r->ops, NULL, 0, 1);
}

static int ki_ftrace_start(struct ki_redirect *r)
{
	int err;

	memset(&r->ops, 0, sizeof(r->ops));
	r->ops.func = ki_ftrace_call;
	/*
	 * PERMANENT: without it, writing 0 to kernel.ftrace_enabled would make
	 * the file vanish; with it, that write is refused.
	 */
	r->ops.flags = FTRACE_OPS_FL_IPMODIFY | FTRACE_OPS_FL_PERMANENT |
		       KI_FTRACE_GUARDED | KI_FTRACE_SAVES;

	/* Without a filter, every function of the kernel would be hooked. */
	err = ftrace_set_filter(&r->ops, (unsigned char *)r->function,
				strlen(r->function), 1);
	if (!err)
		err = register_ftrace_function(&r->ops);
	if (err)
		ki_forget_filter(r);
	return err;
}

static void ki_ftrace_stop(struct ki_redirect *r)
{
	unregister_ftrace_function(&r->ops);
	ki_forget_filter(r);
}

#else /* !CONFIG_DYNAMIC_FTRACE: register_ftrace_function() does nothing, well */

static int ki_ftrace_start(struct ki_redirect *r)
{
	return -EOPNOTSUPP;
}

static void ki_ftrace_stop(struct ki_redirect *r)
{
}

#endif

const struct ki_redirector ki_redirect_ftrace = {
	.name	= "ftrace",
	.hint	= "is kernel.ftrace_enabled 0, or has a live patch or another module got it?",
	.start	= ki_ftrace_start,
	.stop	= ki_ftrace_stop,
};
