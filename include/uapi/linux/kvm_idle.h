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
 * mode it was opened with, and clear nothing, but for KVM_IDLE_ARM and for
 * KVM_IDLE_SCAN if it is asked to.
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
#define KVM_IDLE_ABI_VERSION	5

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
 * struct kvm_idle_region - pages in a row that have the same categories
 * @start: address of the first byte, guest physical or host virtual as asked for
 * @end: address of the first byte behind it
 * @categories: KVM_IDLE_PAGE_*, of kvm_idle_scan.return_mask alone
 *
 * As PAGEMAP_SCAN's struct page_region.
 */
struct kvm_idle_region {
	__u64 start;
	__u64 end;
	__u64 categories;
};

/*
 * Categories of a page. One without PRESENT is a hole: a memslot covers it, and nothing
 * maps it, though it may have been touched before that. What no memslot covers is not
 * scanned.
 */
#define KVM_IDLE_PAGE_PRESENT	(1ULL << 0) /* mapped for the guest */
#define KVM_IDLE_PAGE_YOUNG	(1ULL << 1) /* touched by the guest */
#define KVM_IDLE_PAGE_DIRTY	(1ULL << 2) /* the entry that maps it has its dirty bit set */
#define KVM_IDLE_PAGE_HOST_YOUNG (1ULL << 3) /* touched by the host: KVM_IDLE_OPTION_HOST */
#define KVM_IDLE_PAGE_HUGE_2M	(1ULL << 4) /* by a leaf above level 1, 1 GiB excepted */
#define KVM_IDLE_PAGE_HUGE_1G	(1ULL << 5) /* by a leaf of 1 GiB */

#define KVM_IDLE_PAGE_ALL	((1ULL << 6) - 1)

/* kvm_idle_scan.flags */
#define KVM_IDLE_SCAN_HARVEST	(1ULL << 0) /* clear, as a read of a file open for both does */
#define KVM_IDLE_SCAN_HVA	(1ULL << 1) /* addresses are the VMM's, not the guest's */

/**
 * struct kvm_idle_scan - KVM_IDLE_SCAN
 * @size: in: sizeof(struct kvm_idle_scan); out: bytes that both sides know
 * @flags: KVM_IDLE_SCAN_*
 * @start: in: address to begin at, a multiple of the page size
 * @end: in: address to end at, not below @start; a part of a page stands for the page.
 *	~0ULL will do for all there is
 * @walk_end: out: where it ended: all before was looked at, and nothing from there
 *	on. @end if all was; else what to begin at the next time
 * @vec: in: address of an array of struct kvm_idle_region, filled in order of
 *	address; or 0
 * @vec_len: in: how many it has room for; 0: nothing is told but how far it went
 * @max_pages: in: so many pages may match; 0: without limit
 * @category_inverted: in: categories that a page has, for the next two, if it does
 *	not have them
 * @category_mask: in: a page matches if it has all of these
 * @category_anyof_mask: in: and one of these at least, if not 0
 * @return_mask: in: the categories that are told of a page that matches, inverted or
 *	not. Pages in a row for which these are the same are one region
 *
 * Laid out, and meant, as struct pm_scan_arg of PAGEMAP_SCAN. It ends early, and is
 * no error then, before the first page that matches and does not fit: @vec is full and
 * the page does not go on with the last region, or @max_pages have matched. Also
 * when a signal is pending, or an error is met, and something was done: the next call
 * meets it again. As many regions as are returned speak of the pages before @walk_end,
 * and of all of them; what else stands in @vec means nothing.
 *
 * With KVM_IDLE_SCAN_HARVEST the pages before @walk_end are harvested for this file,
 * those that did not match too: a page is YOUNG if it was touched since this
 * file last harvested it, by read or by scan. What lies behind @walk_end stays due.
 * The end of guest memory, in the order asked for, is the end of a pass.
 * Without it, nothing is cleared: what is told of a file that may harvest is what a
 * harvest would tell, and stays due. (After KVM_IDLE_ARM, and before the harvest, it may
 * be told more.)
 *
 * HOST_YOUNG is never set unless KVM_IDLE_OPTION_HOST is on. A scan does not clear
 * DIRTY; where another file does (SCAN_DIRTY_PAGE of idle_pages), a file that may harvest,
 * and has asked for it before, is told it all the same, of what is mapped.
 * It is of use where KVM_IDLE_INFO_HW_DIRTY is set; KVM itself sets the bit
 * of what it maps for writing, so it says "may have been written".
 *
 * In order of host addresses, a slot without a host mapping is left out; if two slots
 * share host memory, one of them answers for it.
 *
 * Return: how many regions were filled in. Errors, besides those of all: -EFAULT
 * also: not one region could be written; -EINVAL also: @start is no multiple of the
 * page size, @end below it, @vec_len without @vec, an unknown category; -EBADF:
 * HARVEST, and the file is not open for reading and writing; -EOPNOTSUPP as read;
 * also: DIRTY is in one of the last three masks, and what answers cannot tell
 * (KVM_IDLE_SOURCE_DIRECT with KVM_IDLE_INFO_HW_DIRTY alone can; and where nothing is
 * mapped, KVM_IDLE_REASON_NO_TABLE, nothing is dirty); -ENOMEM. @walk_end is filled in
 * on these too, but for -EFAULT of the struct itself, -EINVAL, -E2BIG and -EBADF. What
 * was harvested and could not be delivered stays due.
 */
struct kvm_idle_scan {
	__u64 size;
	__u64 flags;
	__u64 start;
	__u64 end;
	__u64 walk_end;
	__u64 vec;
	__u64 vec_len;
	__u64 max_pages;
	__u64 category_inverted;
	__u64 category_mask;
	__u64 category_anyof_mask;
	__u64 return_mask;
};

#define KVM_IDLE_SCAN_SIZE_V1	96

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
#define KVM_IDLE_SCAN		_IOWR(KVM_IDLE_IOC_TYPE, 0x06, struct kvm_idle_scan)
#define KVM_IDLE_OPEN		_IOW(KVM_IDLE_IOC_TYPE, 0x10, struct kvm_idle_open)

/* The device that KVM_IDLE_OPEN works on. */
#define KVM_IDLE_DEVICE		"/dev/kvm_idle"

#endif /* _UAPI_LINUX_KVM_IDLE_H */
