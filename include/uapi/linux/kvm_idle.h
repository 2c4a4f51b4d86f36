/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * kvm_idle: which guest pages of a KVM virtual machine have been touched.
 *
 * This header is the ABI of /proc/PID/idle_bitmap, PID being the process that
 * runs the virtual machine (the VMM), and of /dev/kvm_idle, which hands out the
 * same file for a pidfd. The bitmap itself needs no header:
 *
 *	bit n of the file is guest frame number n, in native-endian 64-bit
 *	words; 1 = idle, 0 = young or nothing mapped.
 *
 * The ioctls below say what stands behind it. They work on the file whatever
 * mode it was opened with, and clear nothing, but for KVM_IDLE_ARM.
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
#define KVM_IDLE_ABI_VERSION	4

/**
 * enum kvm_idle_source - where the answers about this VM come from
 * @KVM_IDLE_SOURCE_NONE: from nowhere: read and write fail with -EOPNOTSUPP,
 *	and kvm_idle_info.reason says why
 * @KVM_IDLE_SOURCE_DIRECT: the second-level page tables are walked
 * @KVM_IDLE_SOURCE_NOTIFIER: KVM itself is asked, leaf by leaf, through the
 *	callbacks that it serves the host's own page aging with
 * @KVM_IDLE_SOURCE_BOTH: the tables are walked, and KVM is asked about what
 *	is mapped elsewhere too. Since ABI version 2, like the one before
 */
enum kvm_idle_source {
	KVM_IDLE_SOURCE_NONE		= 0,
	KVM_IDLE_SOURCE_DIRECT		= 1,
	KVM_IDLE_SOURCE_NOTIFIER	= 2,
	KVM_IDLE_SOURCE_BOTH		= 3,
};

/**
 * enum kvm_idle_reason - why that source
 * @KVM_IDLE_REASON_OK: the hardware's tables hold the whole truth: DIRECT
 * @KVM_IDLE_REASON_NO_TABLE: no vCPU has a table now (on x86 there is none
 *	before one runs, and KVM drops them at times): nothing is mapped, every
 *	page reads as a hole: DIRECT
 * @KVM_IDLE_REASON_SHADOW: KVM runs without two-dimensional paging (npt=0 or
 *	ept=0): its tables are not indexed by guest physical address: NOTIFIER
 * @KVM_IDLE_REASON_NO_ACCESSED: the tables have no accessed bits (eptad=0, or
 *	an older processor): NOTIFIER
 * @KVM_IDLE_REASON_NESTED: the guest runs guests of its own, or has done so:
 *	what they touch may stand in tables of their own: BOTH. NONE where KVM
 *	does not age these tables either (arm64)
 * @KVM_IDLE_REASON_UNKNOWN_TABLE: a table looks like nothing this module
 *	knows, for example a root of an unexpected level: NONE
 * @KVM_IDLE_REASON_PROTECTED: the tables belong to the hypervisor of a
 *	protected KVM (arm64): NOTIFIER. Since ABI version 2, like the next
 * @KVM_IDLE_REASON_ALIASED: KVM must be asked, by host address, and two
 *	memslots share host memory: it cannot say which was touched: NONE
 */
enum kvm_idle_reason {
	KVM_IDLE_REASON_OK		= 0,
	KVM_IDLE_REASON_NO_TABLE	= 1,
	KVM_IDLE_REASON_SHADOW		= 2,
	KVM_IDLE_REASON_NO_ACCESSED	= 3,
	KVM_IDLE_REASON_NESTED		= 4,
	KVM_IDLE_REASON_UNKNOWN_TABLE	= 5,
	KVM_IDLE_REASON_PROTECTED	= 6,
	KVM_IDLE_REASON_ALIASED		= 7,
};

/**
 * enum kvm_idle_format - the format of the table that is walked
 * @KVM_IDLE_FORMAT_NONE: no table
 * @KVM_IDLE_FORMAT_EPT: Intel extended page tables
 * @KVM_IDLE_FORMAT_NPT: AMD nested page tables
 * @KVM_IDLE_FORMAT_STAGE2: arm64 stage 2 tables. Since ABI version 2
 */
enum kvm_idle_format {
	KVM_IDLE_FORMAT_NONE	= 0,
	KVM_IDLE_FORMAT_EPT	= 1,
	KVM_IDLE_FORMAT_NPT	= 2,
	KVM_IDLE_FORMAT_STAGE2	= 3,
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
#define KVM_IDLE_INFO_SHARED	(1U << 3) /* the host's page aging is a reader too */
#define KVM_IDLE_INFO_HOST	(1U << 4) /* KVM_IDLE_OPTION_HOST is on */
#define KVM_IDLE_INFO_SKIPS	(1U << 5) /* tables that nobody used are skipped */
#define KVM_IDLE_INFO_ARMED	(1U << 6) /* armed, and not read to the end since */

/**
 * struct kvm_idle_info - KVM_IDLE_GET_INFO
 * @size: in: sizeof(struct kvm_idle_info); out: bytes filled in
 * @flags: KVM_IDLE_INFO_*
 * @abi_version: KVM_IDLE_ABI_VERSION of the module
 * @page_size: bytes of guest memory that one bit stands for
 * @source: enum kvm_idle_source, as of now: it is looked at again on every read
 * @reason: enum kvm_idle_reason
 * @format: enum kvm_idle_format
 * @levels: levels of the table (2 to 5), 0 if there is none
 * @tlb_policy: enum kvm_idle_tlb_policy
 * @readers: files open on this VM that may harvest, this one included
 * @end_gpa: end of the last memslot: the first guest physical address past
 *	all guest memory, in bytes
 * @slot_generation: changes whenever a memslot does. Opaque
 * @harvested_pages: pages found young and cleared through any file since the
 *	VM was first opened, or told as kept (@aged_pages). A huge page counts
 *	with all its pages
 * @flushes: TLB flushes asked for since the VM was first opened
 * @aged_pages: pages that the host's own page aging found young and cleared, or
 *	was about to unmap, and which were kept for the files open here. Counted
 *	like @harvested_pages. Since ABI version 3
 * @skipped_pages: pages that harvests told without a look at their entries, as
 *	the accessed bit above these was clear, counted each time. Since ABI
 *	version 4, like the next two
 * @most_at_once: most entries of tables looked at under one hold of the VM's
 *	mmu_lock since the VM was first opened
 * @state_bytes: kernel memory that the module has for this VM and all its
 *	readers now
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
	__u64 aged_pages;
	__u64 skipped_pages;
	__u64 most_at_once;
	__u64 state_bytes;
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

/**
 * struct kvm_idle_select_vm - KVM_IDLE_SELECT_VM
 * @size: in: sizeof(struct kvm_idle_select_vm); out: bytes filled in
 * @flags: KVM_IDLE_SELECT_*
 * @index: in: which VM of the process, counted from 0 in the order of their
 *	lowest file descriptors. A VM counts once, however many it has; of
 *	more than 64, the first 64 count
 * @count: out: how many VMs the process has. Filled in also if @index is not
 *	below it, which is -ENODEV
 * @fd: out: the VM's lowest file descriptor in that process
 * @reserved: zero
 *
 * A file begins with the first VM of its process. To select another one is as
 * if the file were closed and opened anew: what was due to it of the first is
 * dropped, and the position is 0. But its options stay, @host where it can be
 * had. To select the one it has changes nothing.
 */
struct kvm_idle_select_vm {
	__u32 size;
	__u32 flags;
	__u32 index;
	__u32 count;
	__s32 fd;
	__u32 reserved;
};

/* kvm_idle_select_vm.flags */
#define KVM_IDLE_SELECT_QUERY	(1U << 0) /* fill in the answers, select nothing */

#define KVM_IDLE_SELECT_VM_SIZE_V1	24

/**
 * struct kvm_idle_options - KVM_IDLE_SET_OPTIONS
 * @size: in: sizeof(struct kvm_idle_options); out: bytes filled in
 * @set: in: KVM_IDLE_OPTION_*: the members to set; 0 only asks
 * @tlb_policy: enum kvm_idle_tlb_policy; in force from the next call on. What
 *	is owed by the policy there was is paid first
 * @host: 1: accesses by the host (the VMM itself, vhost, virtio) count too, by
 *	the accessed bits of the VMM's own page tables; 0: only the guest's
 *
 * The options of this file alone. Those that are not set are filled in as they
 * are. To turn @host on is the beginning of a new baseline for it: the next
 * harvest reports what these bits tell since the host last cleared them.
 */
struct kvm_idle_options {
	__u32 size;
	__u32 set;
	__u32 tlb_policy;
	__u32 host;
};

/* kvm_idle_options.set */
#define KVM_IDLE_OPTION_TLB	(1U << 0)
#define KVM_IDLE_OPTION_HOST	(1U << 1)

#define KVM_IDLE_OPTIONS_SIZE_V1	16

/**
 * struct kvm_idle_arm - KVM_IDLE_ARM
 * @size: in: sizeof(struct kvm_idle_arm); out: bytes filled in
 * @flags: zero
 * @armed_pages: out: pages marked idle by the accessed bits above their entries,
 *	which themselves were not looked at
 * @cleared_pages: out: pages marked idle by their own entries (those of huge
 *	pages), and exactly
 *
 * Marks all pages of the VM idle, for this file, as a write of all ones would,
 * and what other files have yet to see is still due to them. But only the levels
 * of the table above the pages are looked at, and the TLBs are flushed once,
 * whatever the policy. So it costs about a 512th of it.
 *
 * The price is paid by the first harvest of each page after it: it may report a
 * page that was touched before the call and not after it, if it lies in a 2 MiB
 * range of guest memory in which anything was touched, or unmapped by the host,
 * since the call; or if KVM_IDLE_INFO_SKIPS went away since. It never misses a
 * page that was touched after the call. All later harvests are exact, and so is
 * the first if @armed_pages is 0.
 * KVM_IDLE_INFO_ARMED is set until this file has been read from its beginning to
 * its end, in any number of reads, but in order.
 *
 * Where the accessed bits above pages cannot be used (no KVM_IDLE_INFO_SKIPS),
 * all pages are marked by their own entries; @armed_pages is 0 then.
 */
struct kvm_idle_arm {
	__u32 size;
	__u32 flags;
	__u64 armed_pages;
	__u64 cleared_pages;
};

#define KVM_IDLE_ARM_SIZE_V1	24

/**
 * struct kvm_idle_open - KVM_IDLE_OPEN, on /dev/kvm_idle
 * @size: in: sizeof(struct kvm_idle_open)
 * @flags: one of O_RDONLY, O_WRONLY and O_RDWR, which mean what they mean to
 *	an open of /proc/PID/idle_bitmap; O_CLOEXEC or not
 * @pidfd: of the process that runs the VM
 * @reserved: zero
 *
 * Return: a file descriptor that is to all intents one of
 * /proc/PID/idle_bitmap. Errors: those of an open of it (-EACCES: no
 * permission to look into that process; -ESRCH: it is gone; -ENODEV: it runs
 * no VM), -EBADF: @pidfd is no pidfd.
 */
struct kvm_idle_open {
	__u32 size;
	__u32 flags;
	__s32 pidfd;
	__u32 reserved;
};

#define KVM_IDLE_OPEN_SIZE_V1	16

/*
 * Errors of all: -EFAULT, -EINVAL, -E2BIG as above, -ESRCH: the VMM is gone,
 * -EINTR. GET_SLOTS also: -EAGAIN: the slots keep changing. With COUNT_MAPPED
 * also: -EOPNOTSUPP as read, -ENOMEM. SELECT_VM also: -ENODEV, -ENOMEM, -EBUSY
 * as open. SET_OPTIONS also: -EOPNOTSUPP: @host on a file that may harvest, and
 * the host's page aging is not shared (KVM_IDLE_INFO_SHARED). ARM also: -EBADF:
 * the file is not open for reading and writing; -EOPNOTSUPP as read, -ENOMEM;
 * and if it fails, some of the pages may be marked.
 */
#define KVM_IDLE_IOC_TYPE	0xBE
#define KVM_IDLE_GET_INFO	_IOWR(KVM_IDLE_IOC_TYPE, 0x01, struct kvm_idle_info)
#define KVM_IDLE_GET_SLOTS	_IOWR(KVM_IDLE_IOC_TYPE, 0x02, struct kvm_idle_slots)
#define KVM_IDLE_SELECT_VM	_IOWR(KVM_IDLE_IOC_TYPE, 0x03, struct kvm_idle_select_vm)
#define KVM_IDLE_SET_OPTIONS	_IOWR(KVM_IDLE_IOC_TYPE, 0x04, struct kvm_idle_options)
#define KVM_IDLE_ARM		_IOWR(KVM_IDLE_IOC_TYPE, 0x05, struct kvm_idle_arm)
#define KVM_IDLE_OPEN		_IOW(KVM_IDLE_IOC_TYPE, 0x10, struct kvm_idle_open)

/* The device that KVM_IDLE_OPEN works on. */
#define KVM_IDLE_DEVICE		"/dev/kvm_idle"

#endif /* _UAPI_LINUX_KVM_IDLE_H */
