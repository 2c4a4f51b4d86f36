/* SPDX-License-Identifier: GPL-2.0-only */
/* Dropping what is cached of a process's own page tables. */
#ifndef KI_COMPAT_HOST_FLUSH_H
#define KI_COMPAT_HOST_FLUSH_H

#include <linux/mm_types.h>

/** ki_host_flush_init() - find what that needs; without it, there is no flush. May sleep */
void ki_host_flush_init(void);

/**
 * ki_host_flush_tlbs() - drop every cached translation of a process
 * @mm: of the process, in use
 *
 * On x86 alone: elsewhere, as in the kernel's own page aging, what is cached drops out
 * by itself. May interrupt processors.
 */
void ki_host_flush_tlbs(struct mm_struct *mm);

#endif /* KI_COMPAT_HOST_FLUSH_H */
