/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Tables of pages that nobody has used since they were looked at: what is
 * remembered of them, so that a harvest need not look again, and when that has
 * to be forgotten. Documentation/design/skipping.rst says why nothing is missed.
 *
 * What is remembered of a slice is protected by the lock of the step that looks
 * at it; see aging.h.
 */
#ifndef KI_SOURCE_COLD_H
#define KI_SOURCE_COLD_H

#include <linux/kvm_host.h>
#include <linux/spinlock.h>
#include <linux/xarray.h>

#include "compat/kvm_tables.h"
#include "source/gfnmap.h"
#include "source/source.h"

/**
 * struct ki_cold_key - what all that is remembered rests on
 * @root: the only table of the VM
 * @generation: of the slots
 * @untold: how often KVM has unmapped something without telling us
 *
 * If any of it changes, all is forgotten.
 */
struct ki_cold_key {
	u64 root;
	u64 generation;
	unsigned long untold;
};

/**
 * struct ki_cold - what is remembered of one VM
 * @slices: slice number → struct ki_cold_slice; none is removed before the end
 * @key_lock: to change the next two, which are read without it. Inside mmu_lock
 * @key: what the present epoch rests on
 * @epoch: what was remembered in another one is void
 * @zaps: how often memory of the guest was unmapped by the host
 * @told: ends of such unmappings. KVM counts them too, and others
 * @ending: how many are being counted just now
 */
struct ki_cold {
	struct xarray slices;
	spinlock_t key_lock;		/* Inside mmu_lock. */
	struct ki_cold_key key;
	u64 epoch;
	atomic_long_t zaps;
	atomic_long_t told;
	atomic_t ending;
};

void ki_cold_init(struct ki_cold *cold);
void ki_cold_destroy(struct ki_cold *cold);

/**
 * ki_cold_prepare() - see to it that a slice can be remembered
 * @cold: of the VM
 * @slice: slice number
 *
 * Return: 0 or -ENOMEM. May sleep.
 */
int ki_cold_prepare(struct ki_cold *cold, u64 slice);

/**
 * ki_cold_begin() - what a step may rely on
 * @cold: of the VM
 * @slice: slice number, prepared
 * @t: the tables of the VM
 * @flushes: of the VM
 * @above: filled in
 *
 * Return: false if accessed bits above pages say nothing here.
 *
 * Context: under the step's lock, kvm->srcu and ki_mmu_lock().
 */
bool ki_cold_begin(struct ki_cold *cold, u64 slice, const struct ki_tables *t,
		   const struct ki_flushes *flushes, struct ki_above *above);

/**
 * ki_cold_end() - what the step has found
 * @cold: of the VM
 * @slice: slice number
 * @flushes: of the VM
 * @above: as ki_cold_begin() and the walk have left it
 *
 * Return: a TLB flush would make it known of more tables whether they are used.
 *
 * Context: as ki_cold_begin(), and in the same hold of the locks.
 */
bool ki_cold_end(struct ki_cold *cold, u64 slice,
		 const struct ki_flushes *flushes, const struct ki_above *above);

/**
 * ki_cold_unmapped() - the host has unmapped these
 * @cold: of the VM
 * @gfns: of one slice
 *
 * Context: after KVM has done so. Under the lock of steps in that slice.
 */
void ki_cold_unmapped(struct ki_cold *cold, struct ki_gfns gfns);

/* Around KVM's own account of the end of an unmapping of guest memory. */
void ki_cold_count_begin(struct ki_cold *cold);
void ki_cold_count_end(struct ki_cold *cold);

/**
 * ki_cold_is_whole() - are all tables of some words quiet, and map all pages?
 *
 * Takes no lock: a hint whether it is worth asking.
 */
bool ki_cold_is_whole(struct ki_cold *cold, u64 slice, unsigned int first,
		      unsigned int words);

/** ki_cold_skipped() - pages told without a look, so far */
u64 ki_cold_skipped(struct ki_cold *cold);

/** ki_cold_bytes() - memory in use */
size_t ki_cold_bytes(struct ki_cold *cold);

#endif /* KI_SOURCE_COLD_H */
