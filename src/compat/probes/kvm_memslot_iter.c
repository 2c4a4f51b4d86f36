// SPDX-License-Identifier: GPL-2.0-only
/*
 * Since Linux kernel commit f4209439b522 ("KVM: Optimize gfn lookup in
 * kvm_zap_gfn_range()") (in v5.17).
 */
#include <linux/kvm_host.h>

unsigned long probe(struct kvm_memslots *slots);
unsigned long probe(struct kvm_memslots *slots)
{
	struct kvm_memslot_iter iter;

	kvm_memslot_iter_start(&iter, slots, 0);
	kvm_memslot_iter_next(&iter);
	return kvm_memslot_iter_is_valid(&iter, 1) ? iter.slot->base_gfn : 0;
}
