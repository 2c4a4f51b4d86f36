/* SPDX-License-Identifier: GPL-2.0-only */
/* What this module asks of a VM as a whole. */
#ifndef KI_COMPAT_KVM_VM_H
#define KI_COMPAT_KVM_VM_H

#include <linux/fs.h>
#include <linux/kvm_host.h>

/**
 * ki_kvm_of_file() - the VM that an open file stands for
 * @file: a file, kept open by the caller
 *
 * Return: the VM, held by the file alone; NULL if it is not the file of a VM.
 */
struct kvm *ki_kvm_of_file(struct file *file);

#endif /* KI_COMPAT_KVM_VM_H */
