/* SPDX-License-Identifier: GPL-2.0-only */
/* The VMM's own page tables. */
#ifndef KI_SOURCE_HOST_H
#define KI_SOURCE_HOST_H

#include <linux/mm_types.h>

#include "source/gfnmap.h"

/**
 * ki_host_pay_span() - tell the host that some memory of the VMM was touched
 * @mm: of the VMM, in use
 * @span: the memory; what is not mapped is left alone
 *
 * By what it keeps of each page (compat/host_page.h). Return: 0, or -EINTR if mmap_lock is
 * held for writing: that is not waited for.
 */
int ki_host_pay_span(struct mm_struct *mm, struct ki_span span);

#endif /* KI_SOURCE_HOST_H */
