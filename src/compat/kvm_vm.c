// SPDX-License-Identifier: GPL-2.0-only
#include <linux/magic.h>
#include <linux/module.h>
#include <linux/string.h>

#include "compat/kvm_vm.h"

/*
 * file_is_kvm() is exported to KVM's own vendor modules alone from 6.19 on.
 * Only the kernel makes anonymous inodes, so the name of one is as good a proof
 * as its operations; and those must belong to a KVM vendor module, if to any.
 */
struct kvm *ki_kvm_of_file(struct file *file)
{
	const struct module *owner = file->f_op->owner;

	if (file_inode(file)->i_sb->s_magic != ANON_INODE_FS_MAGIC ||
	    strcmp((const char *)file->f_path.dentry->d_name.name, "kvm-vm"))
		return NULL;
	if (owner && strncmp(owner->name, "kvm", 3))
		return NULL;
	return file->private_data;
}
