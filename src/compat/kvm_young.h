/* SPDX-License-Identifier: GPL-2.0-only */
/* Asking KVM itself which pages were touched, by guest address. */
#ifndef KI_COMPAT_KVM_YOUNG_H
#define KI_COMPAT_KVM_YOUNG_H

#include <linux/kvm_host.h>

/**
 * ki_kvm_young() - ask KVM about some pages, one by one
 * @kvm: a VM, held by the caller
 * @start: gfn of bit 0 of the maps, a multiple of 64
 * @words: length of the maps in words of 64 pages
 * @probe: the pages to ask about. Those without a host address are not
 * @clear: clear what is young, not only look
 * @young: set where KVM says young; no bit is cleared
 *
 * This is what the host's own page aging calls: KVM's test_young and
 * clear_young of struct mmu_notifier_ops. They look up all that maps the page,
 * in tables of any kind, and take the locks that they need. If a huge leaf is
 * among it, all its pages are young until one of them was asked with @clear,
 * and none after that.
 *
 * Context: the VMM's mm is in use (mmget); no lock of KVM's is held. Does not
 * sleep.
 */
void ki_kvm_young(struct kvm *kvm, u64 start, unsigned int words,
		  const u64 *probe, bool clear, u64 *young);

/**
 * ki_kvm_can_be_asked() - is a host address enough to name a page?
 * @kvm: a VM, held by the caller
 * @start: first gfn of a range
 * @end: first gfn behind it
 *
 * Return: false if a slot in the range shares host memory with another slot:
 * KVM is asked by host address and cannot say by which of them it was touched.
 */
bool ki_kvm_can_be_asked(struct kvm *kvm, u64 start, u64 end);

#endif /* KI_COMPAT_KVM_YOUNG_H */
