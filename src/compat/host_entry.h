/* SPDX-License-Identifier: GPL-2.0-only */
/* The accessed bit of an entry in a process's own page tables. */
#ifndef KI_COMPAT_HOST_ENTRY_H
#define KI_COMPAT_HOST_ENTRY_H

#include <linux/log2.h>
#include <linux/mm.h>

/*
 * A leaf of any level; the bits that matter here are in the same places on all.
 * On arm64, in a run of entries marked contiguous the processor may set the bit
 * in any of them; the kernel's functions for level 1 know of that.
 */
static inline bool ki_host_entry_is_young(pte_t *entry, bool is_page)
{
	pte_t pte = is_page ? ptep_get(entry) : READ_ONCE(*entry);

	return pte_present(pte) && pte_young(pte);
}

/* Nobody else clears it: the lock of the table is held. */
static inline void ki_host_entry_make_old(struct vm_area_struct *vma,
					  unsigned long addr, pte_t *entry,
					  bool is_page)
{
#ifdef CONFIG_X86
	/* ptep_test_and_clear_young() is not exported. */
	clear_bit(_PAGE_BIT_ACCESSED, (unsigned long *)entry);
#else
	if (is_page)
		ptep_test_and_clear_young(vma, addr, entry);
	else
		clear_bit(ilog2(PTE_AF), (unsigned long *)entry);
#endif
}

#endif /* KI_COMPAT_HOST_ENTRY_H */
