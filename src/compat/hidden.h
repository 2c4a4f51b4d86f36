/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Functions of the kernel that are not exported. Found by name when the module
 * is loaded, called through static calls: on kernels with IBT an indirect call
 * to such a function would fault, for its landing pad is removed at boot.
 */
#ifndef KI_COMPAT_HIDDEN_H
#define KI_COMPAT_HIDDEN_H

#include <linux/fs.h>
#include <linux/proc_fs.h>
#include <linux/static_call.h>

/*
 * The prototypes of fs/proc/internal.h, the same from 5.10 on. The names are
 * ours, the types are theirs; nothing by these names exists to link against.
 */
typedef struct dentry *ki_instantiate_t(struct dentry *dentry,
					struct task_struct *task,
					const void *data);

struct dentry *ki_proto_proc_lookup_de(struct inode *dir, struct dentry *dentry,
				       struct proc_dir_entry *de);
struct mm_struct *ki_proto_proc_mem_open(struct inode *inode, unsigned int mode);
bool ki_proto_proc_fill_cache(struct file *file, struct dir_context *ctx,
			      const char *name, unsigned int len,
			      ki_instantiate_t *instantiate,
			      struct task_struct *task, const void *data);
void ki_proto_task_dump_owner(struct task_struct *task, umode_t mode,
			      kuid_t *uid, kgid_t *gid);
struct pid *ki_proto_tgid_pidfd_to_pid(const struct file *file);

DECLARE_STATIC_CALL(ki_proc_lookup_de, ki_proto_proc_lookup_de);
DECLARE_STATIC_CALL(ki_proc_mem_open, ki_proto_proc_mem_open);
DECLARE_STATIC_CALL(ki_proc_fill_cache, ki_proto_proc_fill_cache);
DECLARE_STATIC_CALL(ki_task_dump_owner, ki_proto_task_dump_owner);
DECLARE_STATIC_CALL(ki_tgid_pidfd_to_pid, ki_proto_tgid_pidfd_to_pid);

#define ki_hidden(name)	static_call(ki_ ## name)

/**
 * ki_hidden_init() - find all of the above
 *
 * Return: 0, or -EOPNOTSUPP (with a message) if one is not there.
 */
int ki_hidden_init(void);

#endif /* KI_COMPAT_HIDDEN_H */
