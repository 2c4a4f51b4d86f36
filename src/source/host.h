/* SPDX-License-Identifier: GPL-2.0-only */
/* The VMM's own page tables. */
#ifndef KI_SOURCE_HOST_H
#define KI_SOURCE_HOST_H

#include <linux/mm_types.h>

#include "source/gfnmap.h"

/**
 * ki_host_make_span_young() - as if the VMM had touched some of its memory
 * @mm: of the VMM, in use
 * @span: the memory; what is not mapped is left alone
 *
 * The host's page aging takes a page for young that either the VMM's table or KVM
 * says is. Return: 0, or -EINTR if mmap_lock is held for writing: that is not
 * waited for.
 */
int ki_host_make_span_young(struct mm_struct *mm, struct ki_span span);

#endif /* KI_SOURCE_HOST_H */
