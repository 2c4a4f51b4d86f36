// SPDX-License-Identifier: GPL-2.0-only
/*
 * Since Linux kernel commits d19ad0775dcd ("ftrace: Have the callbacks receive a
 * struct ftrace_regs instead of pt_regs") and a25d036d939a ("ftrace: Reverse what
 * the RECURSION flag means in the ftrace_ops") (in v5.11).
 */
#include <linux/ftrace.h>

void probe(unsigned long ip, unsigned long parent_ip, struct ftrace_ops *ops,
	   struct ftrace_regs *fregs);

struct ftrace_ops probe_ops;
struct ftrace_ops probe_ops = {
	.func = probe,
	.flags = FTRACE_OPS_FL_RECURSION,
};
