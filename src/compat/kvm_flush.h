/* SPDX-License-Identifier: GPL-2.0-only */
/* Dropping what is cached of a VM's tables. */
#ifndef KI_COMPAT_KVM_FLUSH_H
#define KI_COMPAT_KVM_FLUSH_H

#include <linux/kvm_host.h>

/**
 * ki_kvm_flush_init() - find what the flush needs
 *
 * Return: 0, or -EOPNOTSUPP with a message.
 */
int ki_kvm_flush_init(void);

/**
 * ki_kvm_flush_tlbs() - drop every cached translation of a VM
 * @kvm: a VM, held by the caller
 *
 * On return no vCPU uses a translation cached before the call. May interrupt
 * every processor, and waits for them. Context: any in which interrupts are on.
 */
void ki_kvm_flush_tlbs(struct kvm *kvm);

#endif /* KI_COMPAT_KVM_FLUSH_H */
