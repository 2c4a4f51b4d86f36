/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Standing between the host's memory management and KVM. KVM is told by an mmu
 * notifier what the host wants to know of guest memory ("was it used?") and
 * what it is about to unmap. For one VM, functions of ours are called instead;
 * KVM's own are to be had through ki_kvm_ask().
 */
#ifndef KI_COMPAT_KVM_HOOK_H
#define KI_COMPAT_KVM_HOOK_H

#include <linux/kvm_host.h>

/**
 * enum ki_question - what KVM can be asked about host addresses
 * @KI_TEST: was the page at the address used? Nothing is cleared
 * @KI_CLEAR: was anything in the range used? And it is not, from now on
 * @KI_CLEAR_FLUSH: likewise; and translations are flushed, as KVM sees fit
 */
enum ki_question {
	KI_TEST,
	KI_CLEAR,
	KI_CLEAR_FLUSH,
};

/**
 * struct ki_hook_ops - what is called instead of KVM
 * @young: answers a question, and is to ask KVM in its turn
 * @unmap: the range is about to be unmapped; KVM is told after that. Not called
 *	where that must not sleep
 * @unmapped: KVM has unmapped it
 * @count_begin: KVM will count now that this is over, if memory of a slot was
 *	concerned
 * @count_end: and has done so. Called if @count_begin returned true
 *
 * Ranges are of host addresses, of whole pages; that of KI_TEST is one page.
 *
 * Context: whatever the host's memory management holds: mmap_lock, page table
 * locks, locks of the reverse mapping. Only @unmap may sleep; none may enter
 * reclaim.
 */
struct ki_hook_ops {
	bool (*young)(void *data, enum ki_question question, u64 start, u64 end);
	void (*unmap)(void *data, u64 start, u64 end);
	void (*unmapped)(void *data, u64 start, u64 end);
	bool (*count_begin)(void *data, u64 start, u64 end);
	void (*count_end)(void *data);
};

/**
 * ki_hook_start() - from now on, be called instead of KVM
 * @kvm: a VM, held by the caller until ki_hook_stop()
 * @ops: what to call
 * @data: handed to it
 *
 * There is one at most for a VM; the caller sees to that. On return all calls go
 * this way.
 *
 * Return: 0, -ENOMEM, or -EOPNOTSUPP if this KVM has no such callbacks. May
 * sleep.
 */
int ki_hook_start(struct kvm *kvm, const struct ki_hook_ops *ops, void *data);

/**
 * ki_hook_stop() - undo ki_hook_start()
 * @kvm: the VM
 *
 * On return nothing of ours is running, nor will be. If another module has put
 * itself in front of us meanwhile, it may go on calling: then what is left only
 * passes the calls on, and holds this module until the VM is gone. May sleep.
 */
void ki_hook_stop(struct kvm *kvm);

/** ki_hooks_exit() - free what VMs that are gone have left behind. May sleep */
void ki_hooks_exit(void);

/**
 * ki_kvm_ask() - ask KVM itself
 * @kvm: a VM, held by the caller
 * @question: what
 * @start: host address, of a page
 * @end: where the range ends, a page later for KI_TEST
 *
 * KVM looks up all that maps these pages, in tables of any kind.
 *
 * Context: no lock of KVM's is held; its mm is in use, or we are inside a call
 * of a hook. Does not sleep.
 */
bool ki_kvm_ask(struct kvm *kvm, enum ki_question question, u64 start, u64 end);

#endif /* KI_COMPAT_KVM_HOOK_H */
