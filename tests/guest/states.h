/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Random states of a guest's memory: mapped in part, by pages and by huge pages,
 * touched in part, and unmapped again in part. For tests that compare ways to look at
 * it with each other, and with the truth, which is that of vmm.h.
 */
#ifndef STATES_H
#define STATES_H

#include "vmm.h"

/*
 * Slots for vmm_start(), @mib of memory: where pages are small, four that share words of
 * the bitmap with each other and with what no slot covers, one across a border of slices;
 * with vmm->thp, three, of which two touch.
 */
void states_layout(struct vmm *vmm, unsigned long mib);

/*
 * To be called after vmm_start(). @drops: memory may be unmapped by the host: only if what
 * was touched before is kept (KVM_IDLE_INFO_SHARED) is all of that due. With vmm->thp
 * nothing is unmapped.
 */
void states_begin(struct vmm *vmm, bool drops);

/* From one state to the next. */
void states_next(struct vmm *vmm);

/* The same, of any number of touches and nothing else: a few, as a rule. */
void states_touch(struct vmm *vmm);

/* Are the slots in another order by host address than by guest address? */
bool states_are_out_of_order(const struct vmm *vmm);

#endif
