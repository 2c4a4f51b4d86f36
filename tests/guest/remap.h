/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What can become of a guest's memory while it runs, and of the truth about it:
 * the host unmaps some, makes huge pages of it or splits them; the VMM changes its
 * slots, or has KVM log what is written.
 *
 * Where the host has a huge page is kept in vmm.mmu.small. What KVM makes of its
 * own tables when it no longer logs depends on its version: vmm.unsure.
 */
#ifndef REMAP_H
#define REMAP_H

#include "vmm.h"

/* Of a guest that has been started with small pages. */
void remap_begin(struct vmm *vmm);

/*
 * MADV_DONTNEED: pages are holes until they are touched, and a huge page is none
 * any more. @back: the VMM has memory there again at once, as KVM's older MMU maps
 * neighbours only where there is some.
 */
void remap_drop(struct vmm *vmm, uint64_t gfn, uint64_t n, bool back);

/* mprotect() to and fro of the HUGE_PAGES that @gfn is one of: unmapped, and that is all. */
void remap_protect(struct vmm *vmm, uint64_t gfn);

/*
 * MADV_COLLAPSE of the HUGE_PAGES that @gfn is one of: unmapped, and a huge page from
 * now on. Return: false if this kernel has no such thing.
 */
bool remap_collapse(struct vmm *vmm, uint64_t gfn);

/*
 * Dirty logging in all slots: nothing is mapped by a huge page meanwhile. Nothing may
 * be due to anybody when it ends: KVM may throw away what was accessed.
 */
void remap_log(struct vmm *vmm, bool on);

/* Is it on? */
bool remap_logs(void);

/*
 * With a slot that goes, KVM drops what it has mapped of it from now on, and not its
 * tables; as a rule it drops these, and with them all there is. Return: false if this
 * KVM cannot do without.
 */
bool remap_keep_tables(struct vmm *vmm);

/*
 * A slot is there now, and so large; 0 bytes: nowhere. Nothing may be due to
 * anybody.
 */
void remap_slot(struct vmm *vmm, unsigned int slot, uint64_t gpa, uint64_t bytes);

#endif
