/* SPDX-License-Identifier: GPL-2.0-only */
/* Which second-level tables a VM has, and what they tell. */
#ifndef KI_COMPAT_KVM_TABLES_H
#define KI_COMPAT_KVM_TABLES_H

#include <linux/kvm_host.h>
#include <linux/kvm_idle.h>

#include "table/table.h"

/*
 * All vCPUs share one root as a rule. More are seen when KVM replaces it, if
 * vCPUs differ in the width of their addresses, and with nested guests.
 */
#define KI_MAX_ROOTS	8

/**
 * struct ki_tables - the tables of a VM
 * @reason: why they are read as the following says
 * @refused: which is not at all, and nothing else is true of them
 * @format: of those that are walked, _NONE if none are
 * @walk: the walk that reads them
 * @marked: accessed bits in them are the truth about what was touched through
 *	them. If not, they only tell what is mapped, and KVM must be asked
 * @elsewhere: there are leaves that are not in them, and which
 *	ki_leaves_elsewhere() finds; about those too, KVM must be asked
 * @hw_accessed: hardware sets accessed bits; if not, but @marked, KVM does so
 * @hw_dirty: hardware sets dirty bits
 * @changing: slots are being changed, or memory is being unmapped; only known if
 *	@hw_dirty, or @lone
 * @lone: there is but one table, and accessed bits above its leaves are such that
 *	nothing is translated by way of an entry without setting its own (after a
 *	flush of the TLBs); of what follows, the next three are only known then
 * @generation: of the slots
 * @invalidations: how often KVM has unmapped guest memory, but for changes of
 *	slots
 * @mapped: how many pages are mapped by leaves of one page
 * @role: of the roots: a word of KVM's, but for system management mode
 * @addr_mask: the bits of an entry that hold a physical address, in place
 * @high_addr_mask: further bits of it, kept elsewhere in the entry, or 0
 * @high_addr_shift: by how much to shift those left
 * @count: roots found
 * @levels: of each
 * @root_entries: of each, 0 if it is one table page
 * @root: physical address of each
 */
struct ki_tables {
	enum kvm_idle_reason reason;
	bool refused;
	enum kvm_idle_format format;
	enum ki_walk_result (*walk)(struct ki_walk *w);
	bool marked;
	bool elsewhere;
	bool hw_accessed;
	bool hw_dirty;
	bool changing;
	bool lone;
	u64 generation;
	unsigned long invalidations;
	u64 mapped;
	u32 role;
	u64 addr_mask;
	u64 high_addr_mask;
	unsigned int high_addr_shift;
	unsigned int count;
	unsigned int levels[KI_MAX_ROOTS];
	unsigned int root_entries[KI_MAX_ROOTS];
	u64 root[KI_MAX_ROOTS];
};

/**
 * ki_tables_get() - find the tables of a VM
 * @kvm: a VM, held by the caller
 * @tables: filled in
 *
 * Context: under kvm->srcu and ki_mmu_lock(), and the answer is good only there.
 */
void ki_tables_get(struct kvm *kvm, struct ki_tables *tables);

/**
 * ki_leaves_elsewhere() - what is mapped, but not by the tables of a VM
 * @kvm: a VM, held by the caller, and kvm->srcu too
 * @w: bits.want says which pages; bits.present and the sizes are answered, as a
 *	walk does it. Nothing is said about young
 * @probe: set for a wanted page of each leaf, where leaves of several sizes may
 *	map the same page; or NULL
 *
 * On x86 these are the leaves of shadow tables, which KVM finds by gfn for its
 * own use (rmap); on arm64 those that a protected KVM's hypervisor keeps.
 *
 * Context: under ki_mmu_lock().
 */
void ki_leaves_elsewhere(struct kvm *kvm, struct ki_walk *w, u64 *probe);

#endif /* KI_COMPAT_KVM_TABLES_H */
