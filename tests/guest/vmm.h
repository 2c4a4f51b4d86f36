/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A mini VMM that knows which pages its guest touched.
 *
 * The truth it keeps is about the second-level table of the guest:
 *
 *  - A page is *touched* when the guest itself read, wrote or executed it. That
 *    is what a round was told to touch, and besides it the page with the
 *    guest's code and those of the list that it read its orders from. The
 *    VMM's own accesses through the hva do not count, nor do KVM's, nor does an
 *    MMIO access: no slot, no page. There is no stack, no descriptor table and
 *    no interrupt in the guest, hence no other access; but if its paging is on,
 *    the hardware touches the guest's page tables as it walks them. With shadow
 *    paging it never does: it walks KVM's tables, and KVM reads the guest's.
 *  - A page is *mapped* once it was touched, and until its slot goes. KVM's
 *    older MMU (tdp_mmu=N, shadow paging, tables for nested guests) also maps
 *    the neighbours of a page that it maps, as not accessed, in aligned groups
 *    of eight; not so if there are no accessed bits to tell them apart.
 *  - With huge pages a leaf maps HUGE_PAGES, which are touched and mapped as one;
 *    except where a table lies that KVM shadows, of which it must see each write.
 *
 * Pages touched are added to every set that was registered by vmm_observe();
 * whoever owns the set takes out again what has been reported.
 */
#ifndef VMM_H
#define VMM_H

#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdint.h>

#include "gfnset.h"
#include "paging.h"

/* The host's page, and that of its tables: 4 KiB, or on arm64 one of three. */
extern unsigned int page_shift;
#define PAGE_SHIFT	page_shift
#define PAGE_SIZE	(1UL << PAGE_SHIFT)
#define HUGE_PAGES	(PAGE_SIZE / 8)
#define HUGE_SIZE	(HUGE_PAGES * PAGE_SIZE)
#define MIB		(1UL << 20)

#define VMM_MAX_SLOTS		4
#define VMM_MAX_VCPUS		8
#define VMM_MAX_OBSERVERS	8

/* Into a list entry: the address of a dword of the guest, bit 0 for a write. */
#define VMM_WRITE	1U

struct vmm_slot {
	uint64_t gpa;
	uint64_t bytes;
	uint8_t *hva;	/* set by vmm_start() */
};

/* What KVM maps a guest by: one of these for the guest itself, one for a guest of its own. */
struct vmm_mmu {
	struct gfnset mapped;	/* by this one */
	uint64_t leaf_pages;	/* 1, or HUGE_PAGES ... */
	struct gfnset small;	/* ... but for these pages; empty as a rule */
	bool prefetches;	/* KVM maps neighbours: see above ... */
	bool prefetches_all;	/* ... also those behind the last that is mapped */
	/* Of these the hardware walks the first, and KVM makes its own after the second. */
	const struct guest_tables *walked, *shadowed;
};

struct vmm_vcpu {
	struct vmm *vmm;
	struct vmm_mmu *mmu;	/* what it touches pages through */
	int fd;
	int stats_fd;
	struct kvm_run *run;
	pthread_t thread;
	sem_t start, done;
	uint64_t list_gpa;	/* where the orders of this vCPU lie */
	uint64_t mmio_exits;
	/* While it spins: */
	bool spinning;
	uint64_t spin_gfn, spin_pages;
};

struct vmm {
	/* Set by the caller before vmm_start(); a zero vcpus means one. */
	unsigned int nr_vcpus;
	unsigned int nr_slots;
	bool thp;
	bool unpopulated;	/* the host has no memory there before the guest touches it */
	enum paging paging;	/* the guest's own */
	unsigned int ipa_bits;	/* arm64: width of its addresses, 0: KVM's default */
	struct vmm_slot slot[VMM_MAX_SLOTS];

	/* Set by vmm_start(). */
	int fd;
	struct vmm_mmu mmu;
	struct guest_tables tables;	/* those of guest paging */
	uint64_t code_gfn;	/* the guest's code: the first page of slot 0 */
	uint64_t first_free_gfn;	/* the first page of slot 0 with nothing of ours in it */
	uint64_t end_gfn;	/* behind the last slot */
	uint64_t total_pages;
	struct vmm_vcpu vcpu[VMM_MAX_VCPUS];

	int run_size;
	struct gfnset mapped;	/* by any mmu */
	struct gfnset unsure;	/* of the others, those that may be mapped all the same; empty as a rule */
	struct gfnset young;	/* touched, and harvested by no reader since */
	struct gfnset *observer[VMM_MAX_OBSERVERS];
};

/* Two slots with a gap between them, @mib together, with defaults for the rest. */
void vmm_two_slots(struct vmm *vmm, unsigned long mib);

/* Make the VM as described in *vmm. Dies if that fails. */
void vmm_start(struct vmm *vmm);

/*
 * A child that has a small VM all of which was touched, and then has called @settle
 * with @arg, if there is one. It is up when this returns, and stays until it is killed.
 */
pid_t vmm_fork(void (*settle)(const void *arg), const void *arg);
void vmm_stop(struct vmm *vmm);

/* Have touched pages added to @set, which begins with those young now. */
void vmm_observe(struct vmm *vmm, struct gfnset *set);
void vmm_unobserve(struct vmm *vmm, struct gfnset *set);

/* A page was touched through an mmu: for who knows of touches that are not a round's. */
void vmm_touched(struct vmm *vmm, struct vmm_mmu *mmu, uint64_t gfn);

/*
 * KVM has dropped all that it had mapped. What was touched stays so: such a page
 * is a hole now, and never idle, until it is touched again.
 */
void vmm_unmapped(struct vmm *vmm);

/* The same of what the host has unmapped. */
void vmm_unmapped_range(struct vmm *vmm, uint64_t gfn, uint64_t n);

/* How large a leaf is that maps a page. */
uint64_t vmm_leaf_pages(const struct vmm_mmu *mmu, uint64_t gfn);

/*
 * Tell KVM of a slot that is none of vmm->slot, or is not as it says there. With 0 bytes it
 * is deleted. Bits 16 and up of @id: the address space.
 */
void vmm_set_region(struct vmm *vmm, uint32_t id, uint32_t flags, uint64_t gpa, uint64_t bytes,
		    void *hva);

/* Tell KVM of vmm->slot[@i] as it is now: with 0 bytes it is deleted. KVM_MEM_* in @flags. */
void vmm_set_slot(struct vmm *vmm, unsigned int i, uint32_t flags);

/*
 * Have KVM map pages that the guest does not touch: KVM_PRE_FAULT_MEMORY, by a
 * vCPU at rest. Return: false if this KVM cannot.
 */
bool vmm_prefault(struct vmm *vmm, unsigned int vcpu, uint64_t gfn, uint64_t n);

/* With a slot that is deleted or moved, KVM drops all that it has mapped, not only that. */
bool kvm_drops_all_with_a_slot(void);

/* Make KVM drop its tables, by a change of registers. Return: false if none does that. */
bool vmm_drop_roots(struct vmm *vmm);

/*
 * One round: the vCPUs together touch the @n entries of @list, each a part of
 * random size, in order. Returns once all of them are done.
 * An address that no slot covers is an MMIO access and is answered with zero.
 */
void vmm_touch(struct vmm *vmm, const uint32_t *list, size_t n);

/* The same for every page of a range. */
void vmm_touch_range(struct vmm *vmm, uint64_t gfn, uint64_t n, bool write);

/*
 * Each vCPU touches every page of a range of its own, once and in order, all of
 * them at the same time. A write puts the page's address there. Return: nanoseconds
 * from the first one's start to the last one's end.
 */
struct vmm_range {
	uint64_t gfn, pages;
};

uint64_t vmm_sweep(struct vmm *vmm, const struct vmm_range *of_vcpu, bool write);

/*
 * Have a vCPU sweep over a range without an exit until vmm_spin_stop(). What it
 * touches is added to the truth by vmm_spin_touched(), as the caller knows best
 * from when on that holds: when vmm_spin_sweeps() has moved on by two.
 */
void vmm_spin(struct vmm *vmm, unsigned int vcpu, uint64_t gfn, uint64_t n);
uint32_t vmm_spin_sweeps(struct vmm *vmm, unsigned int vcpu);
void vmm_spin_touched(struct vmm *vmm, unsigned int vcpu);
void vmm_spin_stop(struct vmm *vmm, unsigned int vcpu);

/*
 * Where in the guest a piece of guest_*.S lies, and a vCPU running one until it
 * halts. What that touches is for the caller to say, by vmm_touched().
 */
extern const char guest_vmrun[], guest_vmmcall[];
uint64_t vmm_code_gpa(struct vmm *vmm, const char *piece);
void vmm_run(struct vmm *vmm, unsigned int vcpu, const char *piece, uint32_t ebx);

/* One of KVM's own counters of a vCPU, as "exits" (binary statistics). */
uint64_t vmm_vcpu_stat(struct vmm *vmm, unsigned int vcpu, const char *name);

/* The host has backed all of it by huge pages. */
bool vmm_has_huge_pages(const struct vmm_slot *slot);

/* NULL if no slot covers it. */
struct vmm_slot *vmm_slot_of(struct vmm *vmm, uint64_t gpa);
void *vmm_hva(struct vmm *vmm, uint64_t gpa);

/* Host addresses from the lowest slot's beginning to the highest one's end. */
void vmm_hva_range(const struct vmm *vmm, uint64_t *start, uint64_t *end);

/* All pages of all slots, by index from 0 to total_pages - 1. */
uint64_t vmm_nth_gfn(struct vmm *vmm, uint64_t n);

/* KVM runs the guest without two-dimensional paging. */
bool kvm_is_shadow_paging(void);

/* Why KVM is asked, if it is KVM that answers: KVM_IDLE_REASON_*. */
unsigned int kvm_reason_to_ask(void);

/*
 * Of its two-dimensional tables: KVM_IDLE_FORMAT_*, the fewest levels they may
 * have, and the KVM_IDLE_REASON_* of a guest that has not run: on x86 KVM makes
 * a root for that, on arm64 with the guest.
 */
unsigned int kvm_table_format(void);
unsigned int kvm_min_levels(void);
unsigned int kvm_reason_before_run(void);

/* The most that vmm.ipa_bits may be; 0 where it means nothing. */
unsigned int kvm_max_ipa_bits(void);

/* "Y" if a parameter of a KVM module reads so; false if there is none. */
bool kvm_param_is_yes(const char *module, const char *name);

/* xorshift: the same sequence everywhere for the same seed. */
void random_seed(uint64_t seed);
uint64_t random_below(uint64_t n);

#endif
