/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kvm_idle: which guest pages of a KVM virtual machine have been touched.
 *
 * This header is the ABI of /proc/PID/idle_bitmap, PID being the process that
 * runs the virtual machine (the VMM). The bitmap itself needs no header:
 *
 *	bit n of the file is guest frame number n, in native-endian 64-bit
 *	words; 1 = idle, 0 = young or nothing mapped.
 *
 * The ioctls below say what stands behind it. They work on the file whatever
 * mode it was opened with, and clear nothing.
 *
 * Rules that hold for every struct here:
 *  - the first member is the size of the struct as the caller knows it, in
 *    bytes, set by the caller. A caller older than the module gets the members
 *    it knows. A caller newer than the module gets @size set to what the
 *    module filled in, provided that the members the module does not know are
 *    zero; else -E2BIG. A size below the first version of the struct: -EINVAL.
 *  - flag bits that the module does not know are refused with -EINVAL.
 *  - there are no padding holes, and reserved members must be zero.
 */
#ifndef _UAPI_LINUX_KVM_IDLE_H
#define _UAPI_LINUX_KVM_IDLE_H

#include <linux/ioctl.h>
#include <linux/types.h>

/* Raised by one whenever something below is added. */
#define KVM_IDLE_ABI_VERSION	1

/**
 * enum kvm_idle_source - where the answers about this VM come from
 * @KVM_IDLE_SOURCE_NONE: from nowhere: read and write fail with -EOPNOTSUPP,
 *	and kvm_idle_info.reason says why
 * @KVM_IDLE_SOURCE_DIRECT: the second-level page tables are walked
 */
enum kvm_idle_source {
	KVM_IDLE_SOURCE_NONE	= 0,
	KVM_IDLE_SOURCE_DIRECT	= 1,
};

/**
 * enum kvm_idle_reason - why that source
 * @KVM_IDLE_REASON_OK: the hardware's tables hold the whole truth
 * @KVM_IDLE_REASON_NO_TABLE: no vCPU has a table now (none has run yet, or KVM
 *	has just dropped them): nothing is mapped, every page reads as a hole
 * @KVM_IDLE_REASON_SHADOW: KVM runs without two-dimensional paging (npt=0 or
 *	ept=0): its tables are not indexed by guest physical address
 * @KVM_IDLE_REASON_NO_ACCESSED: the tables have no accessed bits (eptad=0, or
 *	an older processor)
 * @KVM_IDLE_REASON_NESTED: the guest runs guests of its own, or has done so:
 *	what they touch may stand in tables that are not walked
 * @KVM_IDLE_REASON_UNKNOWN_TABLE: a table looks like nothing this module
 *	knows, for example a root of an unexpected level
 */
enum kvm_idle_reason {
	KVM_IDLE_REASON_OK		= 0,
	KVM_IDLE_REASON_NO_TABLE	= 1,
	KVM_IDLE_REASON_SHADOW		= 2,
	KVM_IDLE_REASON_NO_ACCESSED	= 3,
	KVM_IDLE_REASON_NESTED		= 4,
	KVM_IDLE_REASON_UNKNOWN_TABLE	= 5,
};

/**
 * enum kvm_idle_format - the format of the table that is walked
 * @KVM_IDLE_FORMAT_NONE: no table
 * @KVM_IDLE_FORMAT_EPT: Intel extended page tables
 * @KVM_IDLE_FORMAT_NPT: AMD nested page tables
 */
enum kvm_idle_format {
	KVM_IDLE_FORMAT_NONE	= 0,
	KVM_IDLE_FORMAT_EPT	= 1,
	KVM_IDLE_FORMAT_NPT	= 2,
};

/**
 * enum kvm_idle_tlb_policy - when cleared bits are followed by a TLB flush
 * @KVM_IDLE_TLB_NONE: never. Cheapest; a page whose translation stays cached
 *	in a vCPU's TLB keeps looking idle until it drops out of there
 * @KVM_IDLE_TLB_PASS: once a pass: the flush is owed as soon as something was
 *	cleared, and paid when this reader reaches the end of the file, goes
 *	back in it, or closes it. A write is a pass of its own
 * @KVM_IDLE_TLB_PRECISE: before every call that cleared something returns
 */
enum kvm_idle_tlb_policy {
	KVM_IDLE_TLB_NONE	= 0,
	KVM_IDLE_TLB_PASS	= 1,
	KVM_IDLE_TLB_PRECISE	= 2,
};

/* kvm_idle_info.flags */
#define KVM_IDLE_INFO_HW_ACCESSED	(1U << 0) /* hardware sets accessed bits */
#define KVM_IDLE_INFO_HW_DIRTY		(1U << 1) /* hardware sets dirty bits */
#define KVM_IDLE_INFO_CAN_HARVEST	(1U << 2) /* this file may clear bits */

/**
 * struct kvm_idle_info - KVM_IDLE_GET_INFO
 * @size: in: sizeof(struct kvm_idle_info); out: bytes filled in
 * @flags: KVM_IDLE_INFO_*
 * @abi_version: KVM_IDLE_ABI_VERSION of the module
 * @page_size: bytes of guest memory that one bit stands for
 * @source: enum kvm_idle_source, as of now: it is looked at again on every read
 * @reason: enum kvm_idle_reason
 * @format: enum kvm_idle_format
 * @levels: levels of the table (4 or 5), 0 if there is none
 * @tlb_policy: enum kvm_idle_tlb_policy
 * @readers: files open on this VM that may harvest, this one included
 * @end_gpa: end of the last memslot: the first guest physical address past
 *	all guest memory, in bytes
 * @slot_generation: changes whenever a memslot does. Opaque
 * @harvested_pages: pages found young and cleared through any file since the
 *	VM was first opened. A huge page counts with all its pages
 * @flushes: TLB flushes asked for since the VM was first opened
 */
struct kvm_idle_info {
	__u32 size;
	__u32 flags;
	__u32 abi_version;
	__u32 page_size;
	__u32 source;
	__u32 reason;
	__u32 format;
	__u32 levels;
	__u32 tlb_policy;
	__u32 readers;
	__u64 end_gpa;
	__u64 slot_generation;
	__u64 harvested_pages;
	__u64 flushes;
};

#define KVM_IDLE_INFO_SIZE_V1	72	/* sizeof first published struct */

/* kvm_idle_slot.flags */
#define KVM_IDLE_SLOT_NO_HVA	(1U << 0) /* no host mapping: @hva is 0 */
#define KVM_IDLE_SLOT_READONLY	(1U << 1) /* the guest's writes are emulated */

/**
 * struct kvm_idle_slot - one memslot of address space 0
 * @gpa: guest physical address, in bytes
 * @hva: address in the VMM, in bytes
 * @bytes: size, in bytes
 * @mapped_bytes: how much of it the second-level table maps, in bytes; 0
 *	unless KVM_IDLE_SLOTS_COUNT_MAPPED was asked for
 * @id: the number that the VMM gave it
 * @flags: KVM_IDLE_SLOT_*
 */
struct kvm_idle_slot {
	__u64 gpa;
	__u64 hva;
	__u64 bytes;
	__u64 mapped_bytes;
	__u32 id;
	__u32 flags;
};

/* kvm_idle_slots.flags */
#define KVM_IDLE_SLOTS_COUNT_MAPPED	(1U << 0) /* walk, and fill in mapped_bytes */

/**
 * struct kvm_idle_slots - KVM_IDLE_GET_SLOTS
 * @size: in: sizeof(struct kvm_idle_slots); out: bytes filled in
 * @flags: KVM_IDLE_SLOTS_*
 * @slot_size: in: sizeof(struct kvm_idle_slot) as the caller knows it: the
 *	stride of the array at @slots, and not below 40
 * @capacity: in: slots there is room for at @slots
 * @count: out: slots of the VM. If it is above @capacity, the array holds the
 *	first @capacity of them: ask again with more room
 * @reserved: zero
 * @generation: out: kvm_idle_info.slot_generation that the answer belongs to
 * @slots: in: address of an array of struct kvm_idle_slot, filled in order of
 *	gpa. The internal slots of KVM itself are left out
 */
struct kvm_idle_slots {
	__u32 size;
	__u32 flags;
	__u32 slot_size;
	__u32 capacity;
	__u32 count;
	__u32 reserved;
	__u64 generation;
	__u64 slots;
};

#define KVM_IDLE_SLOTS_SIZE_V1	40
#define KVM_IDLE_SLOT_SIZE_V1	40

/*
 * Errors of both: -EFAULT, -EINVAL, -E2BIG as above, -ESRCH: the VMM is gone.
 * GET_SLOTS also: -EAGAIN: the slots keep changing; -EINTR. With COUNT_MAPPED
 * also: -EOPNOTSUPP as read, -ENOMEM.
 */
#define KVM_IDLE_IOC_TYPE	0xBE
#define KVM_IDLE_GET_INFO	_IOWR(KVM_IDLE_IOC_TYPE, 0x01, struct kvm_idle_info)
#define KVM_IDLE_GET_SLOTS	_IOWR(KVM_IDLE_IOC_TYPE, 0x02, struct kvm_idle_slots)

#endif /* _UAPI_LINUX_KVM_IDLE_H */
