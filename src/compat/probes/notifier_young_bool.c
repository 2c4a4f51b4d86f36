// SPDX-License-Identifier: GPL-2.0-only
/*
 * Whether a page is young is an int up to Linux 6.12 and a bool in 7.2.
 */
#include <linux/mmu_notifier.h>

static bool young(struct mmu_notifier *mn, struct mm_struct *mm,
		  unsigned long address)
{
	return false;
}

const struct mmu_notifier_ops probe = { .test_young = young };
