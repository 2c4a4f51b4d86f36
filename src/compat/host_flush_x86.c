// SPDX-License-Identifier: GPL-2.0-only
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/printk.h>
#include <linux/static_call.h>

#include <asm/tlbflush.h>

#include "compat/hidden.h"
#include "compat/host_flush.h"

/*
 * Called as src/compat/hidden.h says. The prototype of asm/tlbflush.h, which hides it from
 * modules; the same from 5.10 on.
 */
void ki_proto_flush_tlb_mm_range(struct mm_struct *mm, unsigned long start,
				 unsigned long end, unsigned int stride_shift,
				 bool freed_tables);
DEFINE_STATIC_CALL_NULL(ki_flush_tlb_mm_range, ki_proto_flush_tlb_mm_range);

void ki_host_flush_init(void)
{
	void *found = ki_find_function("flush_tlb_mm_range");

	if (found)
		static_call_update(ki_flush_tlb_mm_range,
				   (typeof(ki_proto_flush_tlb_mm_range) *)found);
	else
		pr_notice("this kernel has no function flush_tlb_mm_range: pages of processes whose translations stay cached look idle\n");
}

void ki_host_flush_tlbs(struct mm_struct *mm)
{
	static_call_cond(ki_flush_tlb_mm_range)(mm, 0, TLB_FLUSH_ALL, 0, false);
}
