// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/kallsyms.h>
#include <linux/kprobes.h>
#include <linux/printk.h>

#include "compat/hidden.h"

DEFINE_STATIC_CALL_NULL(ki_mm_access, ki_proto_mm_access);
DEFINE_STATIC_CALL_NULL(ki_pidfd_pid, ki_proto_pidfd_pid);
DEFINE_STATIC_CALL_NULL(ki_tgid_pidfd_to_pid, ki_proto_tgid_pidfd_to_pid);
DEFINE_STATIC_CALL_NULL(ki_proc_lookup_de, ki_proto_proc_lookup_de);
DEFINE_STATIC_CALL_NULL(ki_proc_fill_cache, ki_proto_proc_fill_cache);
DEFINE_STATIC_CALL_NULL(ki_task_dump_owner, ki_proto_task_dump_owner);

/*
 * A kprobe that is never armed resolves any function's name. With IBT its
 * address lies behind the landing pad: sprint_symbol() tells by how much.
 */
void *ki_find_function(const char *name)
{
	struct kprobe probe = {
		.symbol_name	= name,
		.flags		= KPROBE_FLAG_DISABLED,
	};
	char where[KSYM_SYMBOL_LEN];
	unsigned long addr, offset = 0;
	char *plus;

	if (register_kprobe(&probe))
		return NULL;
	addr = (unsigned long)probe.addr;
	unregister_kprobe(&probe);

	sprint_symbol(where, addr);
	plus = strchr(where, '+');
	if (!plus || sscanf(plus, "+0x%lx/", &offset) != 1)
		return NULL;
	*plus = '\0';
	if (strcmp(where, name))
		return NULL;
	return (void *)(addr - offset);
}

#define ki_resolve(name) ({						\
	void *addr_ = ki_find_function(#name);			\
									\
	if (addr_)							\
		static_call_update(ki_ ## name,				\
				   (typeof(ki_proto_ ## name) *)addr_);	\
	else								\
		pr_notice("this kernel has no function " #name "\n");	\
	addr_ ? 0 : -EOPNOTSUPP;					\
})

int ki_hidden_find_mm_access(void)
{
	return ki_resolve(mm_access);
}

int ki_hidden_find_procfs(void)
{
	int err;

	err = ki_resolve(tgid_pidfd_to_pid);
	err = err ?: ki_resolve(proc_lookup_de);
	err = err ?: ki_resolve(proc_fill_cache);
	err = err ?: ki_resolve(task_dump_owner);
	return err;
}

int ki_hidden_find_pidfd(void)
{
	return ki_resolve(pidfd_pid);
}
