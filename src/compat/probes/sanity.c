// SPDX-License-Identifier: GPL-2.0-only
/*
 * Must compile on every kernel: if it does not, the probes themselves are
 * broken (compiler, flags, headers), and no answer of theirs means anything.
 */
#include <linux/ftrace.h>
#include <linux/kvm_host.h>

unsigned long probe(struct kvm *kvm);
unsigned long probe(struct kvm *kvm)
{
	return sizeof(*kvm) + sizeof(struct ftrace_ops);
}
