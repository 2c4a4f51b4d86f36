/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions of the kernel that are not exported. Found by name when the module
 * is loaded, called through static calls: on kernels with IBT an indirect call
 * to such a function would fault, for its landing pad is removed at boot.
 */
#ifndef KI_COMPAT_HIDDEN_H
#define KI_COMPAT_HIDDEN_H

#include <linux/fs.h>
#include <linux/pid.h>
#include <linux/proc_fs.h>
#include <linux/sched/mm.h>
#include <linux/static_call.h>

/* Declared where all can see them, yet not exported. */
typedef typeof(mm_access) ki_proto_mm_access;
typedef typeof(pidfd_pid) ki_proto_pidfd_pid;
typedef typeof(tgid_pidfd_to_pid) ki_proto_tgid_pidfd_to_pid;

/*
 * The prototypes of fs/proc/internal.h, the same from 5.10 on. The names are
 * ours, the types are theirs; nothing by these names exists to link against.
 */
typedef struct dentry *ki_instantiate_t(struct dentry *dentry,
					struct task_struct *task,
					const void *data);

struct dentry *ki_proto_proc_lookup_de(struct inode *dir, struct dentry *dentry,
				       struct proc_dir_entry *de);
bool ki_proto_proc_fill_cache(struct file *file, struct dir_context *ctx,
			      const char *name, unsigned int len,
			      ki_instantiate_t *instantiate,
			      struct task_struct *task, const void *data);
void ki_proto_task_dump_owner(struct task_struct *task, umode_t mode,
			      kuid_t *uid, kgid_t *gid);

DECLARE_STATIC_CALL(ki_mm_access, ki_proto_mm_access);
DECLARE_STATIC_CALL(ki_pidfd_pid, ki_proto_pidfd_pid);
DECLARE_STATIC_CALL(ki_tgid_pidfd_to_pid, ki_proto_tgid_pidfd_to_pid);
DECLARE_STATIC_CALL(ki_proc_lookup_de, ki_proto_proc_lookup_de);
DECLARE_STATIC_CALL(ki_proc_fill_cache, ki_proto_proc_fill_cache);
DECLARE_STATIC_CALL(ki_task_dump_owner, ki_proto_task_dump_owner);

#define ki_hidden(name)	static_call(ki_ ## name)

/*
 * Each finds some of them, and is called before those are: mm_access(), which
 * every door needs; what /proc/PID needs besides; what a pidfd needs besides.
 * Return: 0, or -EOPNOTSUPP (with a message) if one is not there.
 */
int ki_hidden_find_mm_access(void);
int ki_hidden_find_procfs(void);
int ki_hidden_find_pidfd(void);

/**
 * ki_find_function() - where a function of the kernel begins
 * @name: its name
 *
 * Return: its address, NULL if there is none. May sleep.
 */
void *ki_find_function(const char *name);

#endif /* KI_COMPAT_HIDDEN_H */
