/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libkvmidle: which memory of a running KVM virtual machine has been touched.
 *
 * A thin, typed layer over /proc/PID/idle_bitmap of the kvm_idle module, PID
 * being the process that runs the virtual machine (the VMM: QEMU, Firecracker,
 * cloud-hypervisor ...); where the module could not put that file under /proc,
 * over its device /dev/kvm_idle, which hands out the same file; and over recordings
 * of what was seen there. See libkvmidle(3) for an overview and an example. The manual
 * pages of the functions are made of this file: tools/man/from-header.
 *
 * Conventions:
 *  - A function that can fail returns a negative errno value; errno itself
 *    means nothing. kvmidle_diagnose() turns it into a sentence.
 *  - Pages are counted in units of kvm_idle_info.page_size (4 KiB on x86; 4, 16
 *    or 64 KiB on arm64) and named by their guest frame number (gfn) = guest
 *    physical address / page size.
 *  - A bitmap is an array of native 64-bit words; bit n % 64 of word n / 64 is
 *    page n. 1 = idle. 0 = young (touched) OR a hole (nothing mapped there): a
 *    bitmap alone cannot tell these two apart; kvmidle_pass_regions() does.
 *  - Nothing here prints, exits, installs a signal handler or keeps global
 *    state.
 *  - Threads: a function that takes its struct kvmidle_* as const may run in several
 *    threads on the same one at the same time. One that takes it without const
 *    needs it for itself: no other thread may use the same one meanwhile, by
 *    whichever function. Different ones are always independent, handles on the
 *    same VM too. Where two threads harvest by one handle (kvmidle_read(),
 *    kvmidle_scan()), what was touched is told to one of them.
 */
#ifndef KVMIDLE_H
#define KVMIDLE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/kvm_idle.h>

#ifdef __cplusplus
extern "C" {
#endif

#pragma GCC visibility push(default)

/* ---- One virtual machine ------------------------------------------------ */

/**
 * struct kvmidle_vm - a virtual machine, opened. Opaque
 */
struct kvmidle_vm;

/**
 * enum kvmidle_mode - what reading does
 * @KVMIDLE_PEEK: reading clears nothing: harmless, but it shows what was
 *	touched since anybody last cleared the accessed bits
 * @KVMIDLE_HARVEST: reading takes: a page reads as idle if it was not touched
 *	since this handle read it last. The first look reports everything since
 *	the bits were last cleared by anyone: it is the baseline, not an answer.
 *	Other readers of the same VM lose nothing by it
 */
enum kvmidle_mode {
	KVMIDLE_PEEK	= 0,
	KVMIDLE_HARVEST	= 1,
};

/**
 * enum kvmidle_door - how a virtual machine was opened
 * @KVMIDLE_DOOR_PROC: by /proc/PID/idle_bitmap
 * @KVMIDLE_DOOR_DEVICE: by /dev/kvm_idle, as the process is there and has no
 *	such file: the module was not able, or not allowed, to put it there
 * @KVMIDLE_DOOR_RECORDING: it is not there at all: kvmidle_open_recording()
 */
enum kvmidle_door {
	KVMIDLE_DOOR_PROC	= 0,
	KVMIDLE_DOOR_DEVICE	= 1,
	KVMIDLE_DOOR_RECORDING	= 2,
};

/**
 * kvmidle_open() - open the virtual machine that a process runs
 * @pid: the VMM
 * @mode: what reading shall do
 * @vmp: where to put the handle
 *
 * If the process runs several virtual machines, this opens the first by file
 * descriptor number; kvmidle_select_vm() chooses. A machine that cannot be read
 * for a technical reason (-EOPNOTSUPP) does open: kvmidle_get_info() says why.
 *
 * Return: 0, or a negative errno:
 *  -ESRCH: no such process, a kernel thread, or one that is exiting;
 *  -ENODEV: the process runs no virtual machine;
 *  -ENOENT: the process is there, and neither its idle_bitmap nor the device is:
 *   the module is not loaded;
 *  -EACCES, -EPERM: you may not look into this process (or, to harvest, not
 *   ptrace-attach to it), or it can be reached by the device alone and you may
 *   not open that;
 *  -EBUSY: too many files are open on this machine to harvest;
 *  -EINVAL: @mode or @pid is nonsense;
 *  -ENOMEM, -EMFILE, -ENFILE.
 */
int kvmidle_open(pid_t pid, enum kvmidle_mode mode, struct kvmidle_vm **vmp);

/**
 * kvmidle_open_door() - open the virtual machine that a process runs, one way alone
 * @pid: the VMM
 * @mode: what reading shall do
 * @door: KVMIDLE_DOOR_PROC or KVMIDLE_DOOR_DEVICE
 * @vmp: where to put the handle
 *
 * Return: as kvmidle_open(); -ENOENT: that door is not there; -EINVAL: it is another.
 */
int kvmidle_open_door(pid_t pid, enum kvmidle_mode mode, enum kvmidle_door door,
		      struct kvmidle_vm **vmp);

/**
 * kvmidle_open_pidfd() - open the virtual machine of a process that is held
 * @pidfd: of the VMM, as of pidfd_open(2). It stays the caller's
 * @mode: what reading shall do
 * @vmp: where to put the handle
 *
 * By the device if it is there, which takes a pidfd as such; else by the file under
 * /proc of the process that @pidfd names, and then it is made sure that the process is
 * still that one after it was opened.
 *
 * Return: as kvmidle_open(); -EBADF: @pidfd is no pidfd.
 */
int kvmidle_open_pidfd(int pidfd, enum kvmidle_mode mode,
		       struct kvmidle_vm **vmp);

/**
 * kvmidle_open_recording() - open what kvmidle_recorder_*() has written
 * @path: the file
 * @flags: 0, or KVMIDLE_RECORDING_PARTIAL: if it is cut off or damaged, take the whole
 *	passes that are before that, one at least
 * @vmp: where to put the handle
 * @why: where to put a sentence if it fails, or if KVMIDLE_RECORDING_PARTIAL has it
 *	succeed all the same; else "". For a damaged file it names the byte at which it is
 *	damaged. Printable. May be NULL if @size is 0
 * @size: room at @why, in bytes; 512 are enough
 *
 * The whole file is checked here; it stays open. What can be read once only (a pipe) is
 * copied into memory; devices are refused. The handle is one as of a VM: each pass
 * (kvmidle_pass(), kvmidle_pass_regions(), kvmidle_ages_pass()) delivers the next that
 * was recorded, the first being the baseline, and -ENODATA after the last;
 * kvmidle_get_info() and kvmidle_get_slots() tell what was recorded with the pass
 * delivered last, or is being delivered (before the first: with the first). It is of one
 * VM, which kvmidle_count_vms() and kvmidle_select_vm() say. What needs a kernel
 * (kvmidle_read(), kvmidle_mark_idle(), kvmidle_set_options(), kvmidle_scan(),
 * kvmidle_arm()) returns -EOPNOTSUPP, kvmidle_fd() -1.
 *
 * Return: 0, or a negative errno: -EBADMSG: it is damaged or cut off; -ENOEXEC: it is
 * no recording; -EPROTONOSUPPORT: of a newer version; -ENODATA: there is no pass in it;
 * -EINVAL: unknown @flags; -ENOMEM, or as open(2), read(2). A pass of a file that was changed
 * since returns -EBADMSG.
 */
int kvmidle_open_recording(const char *path, unsigned int flags,
			   struct kvmidle_vm **vmp, char *why, size_t size);

/* Of a recording that is cut off or damaged, take the whole passes there are. */
#define KVMIDLE_RECORDING_PARTIAL	(1U << 0)

/**
 * kvmidle_close() - close a handle
 * @vm: the handle; NULL is allowed
 */
void kvmidle_close(struct kvmidle_vm *vm);

/**
 * kvmidle_fd() - the file descriptor behind a handle
 * @vm: the handle
 *
 * For what this library does not wrap. It stays the handle's.
 *
 * Return: an open file descriptor; -1 of a recording.
 */
int kvmidle_fd(const struct kvmidle_vm *vm);

/**
 * kvmidle_door() - how a virtual machine was opened
 * @vm: the handle
 *
 * It makes no difference to anything else here.
 *
 * Return: the door.
 */
enum kvmidle_door kvmidle_door(const struct kvmidle_vm *vm);

/**
 * kvmidle_count_vms() - how many virtual machines the process has
 * @vm: a handle on one of them
 *
 * A module that does not know (ABI version 1) has the first one only to offer:
 * that counts as one.
 *
 * Return: how many, 0 if it has closed them all since; or a negative errno:
 * -ESRCH: the VMM is gone.
 */
int kvmidle_count_vms(const struct kvmidle_vm *vm);

/**
 * kvmidle_select_vm() - go to another virtual machine of the same process
 * @vm: the handle
 * @index: which, counted from 0 in the order of their lowest file descriptors
 *
 * To select another one is as if the handle were closed and opened anew: what
 * was due to it of the first is dropped, and a new baseline is needed. To select
 * the one it has changes nothing.
 *
 * Return: 0, or a negative errno: -ENODEV: there are not so many; -ESRCH: the
 * VMM is gone; -EBUSY as of kvmidle_open(); -ENOMEM. The handle is then still
 * on the one it had.
 */
int kvmidle_select_vm(struct kvmidle_vm *vm, unsigned int index);

/**
 * kvmidle_get_info() - ask where the answers come from, and counters
 * @vm: the handle
 * @info: filled in; the caller sets @info->size to sizeof(*info) first, so
 *	that a program and a library of different age understand each other
 *
 * @info->source and @info->reason are as of now: the kernel looks again at
 * every read.
 *
 * Return: 0, or a negative errno: -ESRCH: the VMM is gone; -EINVAL: @info->size
 * is too small.
 */
int kvmidle_get_info(const struct kvmidle_vm *vm, struct kvm_idle_info *info);

/**
 * kvmidle_set_options() - set the options of a handle, or ask for them
 * @vm: the handle; of either mode
 * @options: the caller sets @options->size to sizeof(*options), @options->set to
 *	KVM_IDLE_OPTION_* of those to set (0: it only asks), and these; out: all
 *	of them as they are now in force
 *
 * They are the handle's own: other readers of the VM keep theirs. Set them
 * before the baseline; accesses by the host have a baseline that begins when they
 * are turned on. kvmidle_select_vm() keeps them, except that
 * KVM_IDLE_OPTION_HOST goes off where it cannot be had: ask again.
 *
 * Return: 0, or a negative errno, and then nothing was set: -ENOTTY: the module
 * is of an ABI version below 3 and knows no options; -EOPNOTSUPP: accesses by the
 * host cannot be counted, as its page aging is not shared
 * (KVM_IDLE_INFO_SHARED); -EINVAL: a value or a bit of @options->set that the
 * module does not know, or @options->size is too small; -ESRCH: the VMM is gone;
 * -ENOMEM.
 */
int kvmidle_set_options(const struct kvmidle_vm *vm,
			struct kvm_idle_options *options);

/**
 * kvmidle_arm() - mark all pages idle, at about a 512th of the cost
 * @vm: a handle opened with KVMIDLE_HARVEST
 * @arm: the caller sets @arm->size to sizeof(*arm) and @arm->flags to 0; out: filled in.
 *	See struct kvm_idle_arm for the price
 *
 * Return: 0, or a negative errno: -ENOTTY: the module is of an ABI version below 4;
 * -EBADF: @vm was opened to peek; -EOPNOTSUPP, -ESRCH, -ENOMEM.
 */
int kvmidle_arm(const struct kvmidle_vm *vm, struct kvm_idle_arm *arm);

/* ---- Slots: what guest memory there is ---------------------------------- */

/**
 * struct kvmidle_slots - the memslots of a VM at one moment. Opaque
 */
struct kvmidle_slots;

/**
 * kvmidle_get_slots() - list the memslots
 * @vm: the handle
 * @flags: 0, or KVM_IDLE_SLOTS_COUNT_MAPPED to have the tables walked and
 *	kvm_idle_slot.mapped_bytes filled in
 * @slotsp: where to put the list; free it with kvmidle_slots_free()
 *
 * With the mapped bytes of a slot one can tell young pages from holes, which
 * a bitmap cannot: young = mapped - idle. The count is of the moment of this
 * call, the bitmap of the moment of the read before it: on a running machine
 * the two can differ by what was mapped or unmapped in between.
 *
 * Return: 0, or a negative errno: -ESRCH: the VMM is gone; -EINVAL: unknown
 * @flags; -EOPNOTSUPP: mapped bytes cannot be counted (kvm_idle_info.reason);
 * -ENOMEM. Interrupted by a signal, it counts again from the start.
 */
int kvmidle_get_slots(const struct kvmidle_vm *vm, unsigned int flags,
		      struct kvmidle_slots **slotsp);

/**
 * kvmidle_slots_free() - free a list of slots
 * @slots: the list; NULL is allowed
 */
void kvmidle_slots_free(struct kvmidle_slots *slots);

/**
 * kvmidle_slots_count() - how many slots a list has
 * @slots: the list
 *
 * Return: the number of slots.
 */
size_t kvmidle_slots_count(const struct kvmidle_slots *slots);

/**
 * kvmidle_slots_at() - one slot of a list
 * @slots: the list
 * @index: 0 ... kvmidle_slots_count() - 1, in order of guest address
 *
 * Return: the slot, valid until the list is freed; NULL if @index is too high.
 */
const struct kvm_idle_slot *kvmidle_slots_at(const struct kvmidle_slots *slots,
					     size_t index);

/**
 * kvmidle_slots_generation() - the layout that a list belongs to
 * @slots: the list
 *
 * Return: kvm_idle_info.slot_generation at the moment of the list.
 */
uint64_t kvmidle_slots_generation(const struct kvmidle_slots *slots);

/**
 * kvmidle_gpa_to_hva() - where the VMM has a guest address
 * @slots: the list
 * @gpa: guest physical address, in bytes
 * @hva: out: address in the VMM
 *
 * Return: 0, or a negative errno: -ENXIO: no slot covers it; -ENODATA: one does, and
 * has no host mapping.
 */
int kvmidle_gpa_to_hva(const struct kvmidle_slots *slots, uint64_t gpa,
		       uint64_t *hva);

/**
 * kvmidle_hva_to_gpa() - where the guest has an address of the VMM
 * @slots: the list
 * @hva: address in the VMM, in bytes
 * @gpa: out: guest physical address; the lowest if there are several
 *
 * Return: 0, or -ENXIO: no slot covers it.
 */
int kvmidle_hva_to_gpa(const struct kvmidle_slots *slots, uint64_t hva,
		       uint64_t *gpa);

/* ---- Reading ------------------------------------------------------------ */

/**
 * kvmidle_read() - read a range into a bitmap
 * @vm: the handle; its mode says whether this harvests or peeks
 * @gfn: first page, a multiple of 64
 * @words: the bitmap, whose bit 0 is page @gfn
 * @count: words to read, 64 pages each
 *
 * Short reads and interruptions by signals are carried on from where they
 * stopped. Fewer words than asked for come at the end of guest memory only.
 *
 * On an error, words may have been harvested into @words already: what they
 * say is lost to later reads of this handle.
 *
 * Return: words read, 0 at or past the end of guest memory, or a negative
 * errno: -ESRCH: the VMM is gone; -EOPNOTSUPP: see kvm_idle_info.reason;
 * -EINVAL: @gfn is not a multiple of 64, or beyond any address; -ENOMEM.
 */
ssize_t kvmidle_read(const struct kvmidle_vm *vm, uint64_t gfn,
		     uint64_t *words, size_t count);

/**
 * typedef kvmidle_pass_fn - takes one piece of a pass
 * @arg: as given to kvmidle_pass()
 * @gfn: first page of the piece, a multiple of 64
 * @words: the bitmap, whose bit 0 is page @gfn; valid during the call only
 * @count: its length in words
 *
 * Return: 0 to go on; anything else ends the pass, and kvmidle_pass() returns
 * it.
 */
typedef int kvmidle_pass_fn(void *arg, uint64_t gfn, const uint64_t *words,
			    size_t count);

/**
 * kvmidle_pass() - read a whole VM once, in order of guest address
 * @vm: the handle; its mode says whether this harvests or peeks
 * @fn: is given every piece; NULL throws the pass away (a baseline)
 * @arg: for @fn
 *
 * Reads in pieces of at most 1 MiB (8388608 pages) and leaves out what no slot
 * covers, so a device window at a very high address costs nothing. It goes on
 * to the end of the file, where the TLB flush of the `pass` policy is paid.
 *
 * Return: 0, what @fn returned, or a negative errno as of kvmidle_read(); -ENODATA: the
 * recording has no more passes.
 */
int kvmidle_pass(struct kvmidle_vm *vm, kvmidle_pass_fn *fn, void *arg);

/**
 * typedef kvmidle_region_fn - takes some regions of a pass
 * @arg: as given to kvmidle_pass_regions()
 * @regions: in order of guest address, in bytes; valid during the call only
 * @count: how many, at least one
 *
 * Return: 0 to go on; anything else ends the pass, and kvmidle_pass_regions()
 * returns it.
 */
typedef int kvmidle_region_fn(void *arg, const struct kvm_idle_region *regions,
			      size_t count);

/**
 * kvmidle_pass_regions() - read a whole VM once, as regions in order of guest address
 * @vm: the handle; its mode says whether this harvests or peeks
 * @fn: is given all regions that have any category: holes are left out. No two that
 *	touch are alike, within a call and across calls. NULL throws the pass away
 * @arg: for @fn
 *
 * Categories: PRESENT, YOUNG, HUGE_2M, HUGE_1G, and HOST_YOUNG if
 * KVM_IDLE_OPTION_HOST is on. This tells a young page from a hole, and mapped bytes from
 * idle ones, all in the same look. Whoever wants the same account as of kvmidle_pass():
 * idle = PRESENT and neither YOUNG nor HOST_YOUNG.
 *
 * Return: 0, what @fn returned, or a negative errno as of kvmidle_read(); -ENOTTY: the
 * module is of an ABI version below 5; -ENODATA: the recording has no more passes.
 */
int kvmidle_pass_regions(struct kvmidle_vm *vm, kvmidle_region_fn *fn,
			 void *arg);

/**
 * kvmidle_pass_started() - when the last pass of this handle began
 * @vm: the handle
 *
 * Return: CLOCK_MONOTONIC in nanoseconds; of a recording, as it was then; 0 before the
 * first pass.
 */
uint64_t kvmidle_pass_started(const struct kvmidle_vm *vm);

/**
 * kvmidle_scan() - KVM_IDLE_SCAN: regions of a range that match a filter
 * @vm: the handle
 * @scan: as described at struct kvm_idle_scan; the caller sets @scan->size
 *
 * Goes on after interruptions by signals: ends early if the array is full, if
 * @scan->max_pages have matched, or if an error came when there were regions to tell of
 * (the next call will meet it), and for no other reason. The last region of a full array
 * may go on with the first of the next call. Of a call that came to the end,
 * @scan->walk_end is not below @scan->end.
 *
 * Return: regions filled in, or a negative errno; -ENOTTY: the module is of an ABI
 * version below 5; those of struct kvm_idle_scan.
 */
ssize_t kvmidle_scan(const struct kvmidle_vm *vm, struct kvm_idle_scan *scan);

/**
 * kvmidle_mark_idle() - mark pages idle
 * @vm: a handle opened with KVMIDLE_HARVEST
 * @gfn: first page, a multiple of 64
 * @words: a set bit marks that page idle, a clear bit leaves it alone
 * @count: words
 *
 * The same as harvesting these pages and throwing the answer away.
 *
 * Return: words taken (fewer than @count at the end of guest memory only), or a
 * negative errno as of kvmidle_read(); also -EBADF: @vm was opened to peek.
 */
ssize_t kvmidle_mark_idle(const struct kvmidle_vm *vm, uint64_t gfn,
			  const uint64_t *words, size_t count);

/* ---- Idle ages over several passes -------------------------------------- */

/* The age at which counting stops: "this many passes or more". */
#define KVMIDLE_AGE_MAX	255

/**
 * struct kvmidle_ages - for each page, how many passes ago it was last seen
 *	touched. Opaque
 *
 * The age of a page is the number of passes, counted back from the last one,
 * in which it was idle without a break: 0 = it was young, or a hole, in the
 * last pass. It stops at KVMIDLE_AGE_MAX. Takes about 1.25 bytes a page, and
 * nothing for stretches of 128 MiB (of 4 KiB pages) that never had an idle
 * page.
 */
struct kvmidle_ages;

/**
 * kvmidle_ages_new() - begin an account without any pass in it
 *
 * Return: the account, or NULL if there is no memory.
 */
struct kvmidle_ages *kvmidle_ages_new(void);

/**
 * kvmidle_ages_free() - free an account
 * @ages: the account; NULL is allowed
 */
void kvmidle_ages_free(struct kvmidle_ages *ages);

/**
 * kvmidle_ages_feed() - put a piece of the current pass into the account
 * @ages: the account
 * @gfn: first page, a multiple of 64
 * @words: the bitmap, whose bit 0 is page @gfn
 * @count: its length in words
 *
 * Pieces may come in any order; of a page fed twice the last word counts, and
 * what is not fed is a hole. Nothing is counted before
 * kvmidle_ages_end_pass(). Suits kvmidle_pass(), through a function of one
 * line; kvmidle_ages_pass() does both.
 *
 * Return: 0, or a negative errno: -EINVAL: @gfn is not a multiple of 64 or the
 * piece goes beyond 52 bits of address; -ENOMEM.
 */
int kvmidle_ages_feed(struct kvmidle_ages *ages, uint64_t gfn,
		      const uint64_t *words, size_t count);

/**
 * kvmidle_ages_feed_regions() - put regions of the current pass into the account
 * @ages: the account
 * @page_size: of the VM, in bytes
 * @regions: as kvmidle_pass_regions() delivers them
 * @count: how many
 *
 * Return: as kvmidle_ages_feed().
 */
int kvmidle_ages_feed_regions(struct kvmidle_ages *ages, uint64_t page_size,
			      const struct kvm_idle_region *regions,
			      size_t count);

/**
 * kvmidle_ages_end_pass() - count what was fed as one pass
 * @ages: the account
 */
void kvmidle_ages_end_pass(struct kvmidle_ages *ages);

/**
 * kvmidle_ages_drop_pass() - forget what was fed since the last end of a pass
 * @ages: the account
 */
void kvmidle_ages_drop_pass(struct kvmidle_ages *ages);

/**
 * kvmidle_ages_pass() - read a whole VM once and count it as one pass
 * @ages: the account
 * @vm: the VM, opened with KVMIDLE_HARVEST and read once before (the baseline)
 *
 * A pass that fails half-way is not counted.
 *
 * Return: 0, or a negative errno as of kvmidle_pass() and kvmidle_ages_feed().
 */
int kvmidle_ages_pass(struct kvmidle_ages *ages, struct kvmidle_vm *vm);

/**
 * kvmidle_ages_passes() - how many passes were counted
 * @ages: the account
 *
 * Return: the number of passes. Not limited to KVMIDLE_AGE_MAX.
 */
uint64_t kvmidle_ages_passes(const struct kvmidle_ages *ages);

/**
 * kvmidle_ages_get() - the age of one page
 * @ages: the account
 * @gfn: the page
 *
 * Return: 0 ... KVMIDLE_AGE_MAX passes; 0 for pages never fed.
 */
unsigned int kvmidle_ages_get(const struct kvmidle_ages *ages, uint64_t gfn);

/**
 * kvmidle_ages_histogram() - count the pages of a range by age, cumulatively
 * @ages: the account
 * @gfn: first page; any
 * @pages: length of the range; any
 * @at_least: out: @at_least[a] is how many of these pages are a passes old or
 *	older. @at_least[0] is @pages, as every page is 0 or older
 *
 * Pages of age 0 are young or holes; with the mapped pages of the same range
 * one knows which: young = mapped - @at_least[1].
 */
void kvmidle_ages_histogram(const struct kvmidle_ages *ages, uint64_t gfn,
			    uint64_t pages,
			    uint64_t at_least[KVMIDLE_AGE_MAX + 1]);

/**
 * kvmidle_ages_untouched() - count the pages that were idle in every pass
 * @ages: the account
 * @gfn: first page; any
 * @pages: length of the range; any
 *
 * Working set over all passes = mapped - untouched. Right for any number of
 * passes, also above KVMIDLE_AGE_MAX.
 *
 * Return: a number of pages; 0 before the first pass.
 */
uint64_t kvmidle_ages_untouched(const struct kvmidle_ages *ages, uint64_t gfn,
				uint64_t pages);

/* ---- NUMA nodes ----------------------------------------------------------- */

/**
 * struct kvmidle_nodes - on which NUMA nodes the memory of a VM lies. Opaque
 */
struct kvmidle_nodes;

/**
 * struct kvmidle_node_range - guest memory in a row on one node
 * @start: guest physical address, in bytes
 * @end: of the first byte behind it
 * @node: number of the node
 */
struct kvmidle_node_range {
	uint64_t start;
	uint64_t end;
	unsigned int node;
};

/**
 * kvmidle_get_nodes() - ask where the memory lies now
 * @vm: the handle
 * @slots: of it; those without a host mapping are left out
 * @nodesp: where to put the answer; free it with kvmidle_nodes_free()
 *
 * Asks the kernel about each page that is mapped for the guest (with a module of an ABI
 * version below 5: that the slots have) by move_pages(2), which moves nothing here: less
 * than a tenth of a second a GiB. Of a recording, as recorded, and @slots may be NULL.
 *
 * Return: 0, or a negative errno: -EPERM, -EACCES; -ESRCH: the VMM is gone; -ENODATA: the
 * recording says nothing of it; -ENOSYS: the kernel knows no nodes; -ENOMEM.
 */
int kvmidle_get_nodes(const struct kvmidle_vm *vm,
		      const struct kvmidle_slots *slots,
		      struct kvmidle_nodes **nodesp);

/**
 * kvmidle_nodes_free() - free such an answer
 * @nodes: the answer; NULL is allowed
 */
void kvmidle_nodes_free(struct kvmidle_nodes *nodes);

/**
 * kvmidle_nodes_count() - how many ranges it has
 * @nodes: the answer
 *
 * Return: the number of ranges.
 */
size_t kvmidle_nodes_count(const struct kvmidle_nodes *nodes);

/**
 * kvmidle_nodes_at() - one range, in order of address
 * @nodes: the answer
 * @index: 0 ... kvmidle_nodes_count() - 1
 *
 * Return: the range, valid until freed; NULL if @index is too high.
 */
const struct kvmidle_node_range *
kvmidle_nodes_at(const struct kvmidle_nodes *nodes, size_t index);

/* ---- Recordings ----------------------------------------------------------- */

/**
 * struct kvmidle_recorder - a recording that is being written. Opaque
 *
 * A file of what was seen in each pass, which can be opened in place of a VM:
 * kvmidle_open_recording(). Its format is described in Documentation/recording.rst. What
 * is written is whole after each call, but for the mark at its end.
 */
struct kvmidle_recorder;

/**
 * struct kvmidle_recording_head - what stands at the beginning of a recording
 * @pid: of the VMM
 * @vm: which VM of the process
 * @name: of the VM; at most 127 bytes
 * @wall_ns: when it began, in nanoseconds since 1970 (UTC)
 */
struct kvmidle_recording_head {
	pid_t pid;
	unsigned int vm;
	const char *name;
	uint64_t wall_ns;
};

/**
 * kvmidle_recorder_new() - begin a recording
 * @fd: an open, empty file, or a pipe; it stays the caller's
 * @head: of the recording
 * @recorderp: where to put it
 *
 * Return: 0, or a negative errno: -EINVAL: the name is too long, or @head->pid is
 * negative; -ENOMEM; as write(2).
 */
int kvmidle_recorder_new(int fd, const struct kvmidle_recording_head *head,
			 struct kvmidle_recorder **recorderp);

/**
 * kvmidle_recorder_pass() - read a whole VM once and record it
 * @recorder: the recording
 * @vm: the handle. Info and slots are recorded with the pass if they have changed
 * @fn: is given the regions too, as of kvmidle_pass_regions(); may be NULL
 * @arg: for @fn
 *
 * Return: as kvmidle_pass_regions(), or as write(2): then nothing of this pass counts,
 * and only kvmidle_recorder_end() makes sense.
 */
int kvmidle_recorder_pass(struct kvmidle_recorder *recorder,
			  struct kvmidle_vm *vm, kvmidle_region_fn *fn,
			  void *arg);

/**
 * kvmidle_recorder_add() - record a pass that was read by other means
 * @recorder: the recording
 * @started_ns: when it began; not before the one before it, and at most 2^62
 * @info: of the VM then
 * @slots: its slots then, in order of gpa; mapped_bytes are not recorded
 * @slot_count: how many
 * @regions: all of it, as kvmidle_pass_regions() delivers them
 * @count: how many
 *
 * Return: 0, or a negative errno: -EINVAL: something is out of order, and nothing was
 * written; -ENOMEM; as write(2).
 */
int kvmidle_recorder_add(struct kvmidle_recorder *recorder, uint64_t started_ns,
			 const struct kvm_idle_info *info,
			 const struct kvm_idle_slot *slots, size_t slot_count,
			 const struct kvm_idle_region *regions, size_t count);

/**
 * kvmidle_recorder_nodes() - record where the memory lies
 * @recorder: the recording; one pass at least is in it
 * @ranges: in order of address
 * @count: how many
 *
 * The last that is recorded counts.
 *
 * Return: as kvmidle_recorder_add().
 */
int kvmidle_recorder_nodes(struct kvmidle_recorder *recorder,
			   const struct kvmidle_node_range *ranges,
			   size_t count);

/**
 * kvmidle_recorder_end() - write the mark at the end, and free @recorder
 * @recorder: the recording; NULL is allowed
 *
 * After a write that failed, a file is cut off first where its last whole block ends.
 *
 * Return: 0, or a negative errno as of write(2).
 */
int kvmidle_recorder_end(struct kvmidle_recorder *recorder);

/**
 * kvmidle_recording_get_head() - what stands at the beginning of a recording
 * @vm: a handle
 * @head: out; @head->name is valid as long as the handle
 *
 * Return: 0, or -EOPNOTSUPP: it is of no recording.
 */
int kvmidle_recording_get_head(const struct kvmidle_vm *vm,
			       struct kvmidle_recording_head *head);

/**
 * kvmidle_recording_passes() - how many passes a recording has, the baseline included
 * @vm: a handle
 *
 * Return: how many; -EOPNOTSUPP: @vm is of no recording.
 */
ssize_t kvmidle_recording_passes(const struct kvmidle_vm *vm);

/**
 * kvmidle_recording_rewind() - the next pass is the first again
 * @vm: a handle
 *
 * Return: 0, or a negative errno: -EOPNOTSUPP: @vm is of no recording; -EBADMSG: it was
 * changed since it was opened; -ENOMEM.
 */
int kvmidle_recording_rewind(struct kvmidle_vm *vm);

/* ---- Words for people ---------------------------------------------------- */

/**
 * kvmidle_door_name() - a short stable word for a door
 * @door: enum kvmidle_door
 *
 * Return: a static string, "unknown" for a value this library does not know.
 */
const char *kvmidle_door_name(enum kvmidle_door door);

/**
 * kvmidle_source_name() - a short stable word for a source
 * @source: enum kvm_idle_source
 *
 * Return: a static string, "unknown" for a value this library does not know.
 */
const char *kvmidle_source_name(uint32_t source);

/**
 * kvmidle_reason_name() - a short stable word for a reason
 * @reason: enum kvm_idle_reason
 *
 * Return: a static string, "unknown" for a value this library does not know.
 */
const char *kvmidle_reason_name(uint32_t reason);

/**
 * kvmidle_reason_text() - what a reason means and what one can do about it
 * @reason: enum kvm_idle_reason
 *
 * Return: a static string, one or two sentences.
 */
const char *kvmidle_reason_text(uint32_t reason);

/**
 * kvmidle_explain_source() - where answers come from and why, if there is more
 *	to say than that the tables are walked
 * @info: as of kvmidle_get_info()
 * @text: where to put one or two sentences without a newline at the end, or ""
 * @size: room at @text, in bytes. The text is cut off if it does not fit; 512
 *	are enough
 *
 * Return: the length of the text, 0 if there is nothing to explain.
 */
size_t kvmidle_explain_source(const struct kvm_idle_info *info, char *text,
			      size_t size);

/**
 * kvmidle_format_name() - a short stable word for a table format
 * @format: enum kvm_idle_format
 *
 * Return: a static string, "unknown" for a value this library does not know.
 */
const char *kvmidle_format_name(uint32_t format);

/**
 * kvmidle_tlb_policy_name() - a short stable word for a TLB policy
 * @policy: enum kvm_idle_tlb_policy
 *
 * Return: a static string, "unknown" for a value this library does not know.
 */
const char *kvmidle_tlb_policy_name(uint32_t policy);

/**
 * enum kvmidle_problem - what is behind an error
 * @KVMIDLE_PROBLEM_NONE: no error
 * @KVMIDLE_PROBLEM_NO_PROCESS: there is no such process
 * @KVMIDLE_PROBLEM_EXITED: the process was there and is gone, or is a zombie
 * @KVMIDLE_PROBLEM_KERNEL_THREAD: it is a kernel thread
 * @KVMIDLE_PROBLEM_NO_VM: it runs no virtual machine
 * @KVMIDLE_PROBLEM_NO_MODULE: the kernel module is not loaded: there is neither
 *	its file nor its device
 * @KVMIDLE_PROBLEM_NO_PROC: /proc is not mounted
 * @KVMIDLE_PROBLEM_PERMISSION: not allowed
 * @KVMIDLE_PROBLEM_REFUSED: the module cannot answer for this VM truthfully;
 *	kvm_idle_info.reason says why
 * @KVMIDLE_PROBLEM_OTHER: anything else; the errno value is all there is
 * @KVMIDLE_PROBLEM_DEVICE: the module is loaded, without a file under /proc, and
 *	one may not open its device
 * @KVMIDLE_PROBLEM_NO_SUCH_VM: the process does not have so many virtual
 *	machines
 * @KVMIDLE_PROBLEM_OLD_MODULE: the module that is loaded is too old for what was
 *	asked of it
 * @KVMIDLE_PROBLEM_NOT_SHARED: accesses by the host cannot be counted, as the
 *	module does not share accessed bits with the host's page aging
 * @KVMIDLE_PROBLEM_RECORDING: a recording cannot do that, does not hold it, or has been
 *	damaged since it was opened
 */
enum kvmidle_problem {
	KVMIDLE_PROBLEM_NONE		= 0,
	KVMIDLE_PROBLEM_NO_PROCESS	= 1,
	KVMIDLE_PROBLEM_EXITED		= 2,
	KVMIDLE_PROBLEM_KERNEL_THREAD	= 3,
	KVMIDLE_PROBLEM_NO_VM		= 4,
	KVMIDLE_PROBLEM_NO_MODULE	= 5,
	KVMIDLE_PROBLEM_NO_PROC		= 6,
	KVMIDLE_PROBLEM_PERMISSION	= 7,
	KVMIDLE_PROBLEM_REFUSED		= 8,
	KVMIDLE_PROBLEM_OTHER		= 9,
	KVMIDLE_PROBLEM_DEVICE		= 10,
	KVMIDLE_PROBLEM_NO_SUCH_VM	= 11,
	KVMIDLE_PROBLEM_OLD_MODULE	= 12,
	KVMIDLE_PROBLEM_NOT_SHARED	= 13,
	KVMIDLE_PROBLEM_RECORDING	= 14,
};

/**
 * kvmidle_problem_name() - a short stable word for a problem
 * @problem: enum kvmidle_problem
 *
 * Return: a static string, "unknown" for a value this library does not know.
 */
const char *kvmidle_problem_name(enum kvmidle_problem problem);

/**
 * kvmidle_diagnose() - find out what is behind an error, and what to do next
 * @pid: the process that was asked for
 * @mode: the mode that was asked for
 * @vm: the handle that failed, or NULL if it was kvmidle_open()
 * @error: what the function returned (a negative errno; a positive one will do)
 * @text: where to put one or two sentences without a newline at the end; may be
 *	NULL if @size is 0
 * @size: room at @text, in bytes. The text is cut off if it does not fit; 512
 *	are enough
 *
 * Call it soon after the failure: it looks at the process again.
 *
 * Return: the kind of problem.
 */
enum kvmidle_problem kvmidle_diagnose(pid_t pid, enum kvmidle_mode mode,
				      const struct kvmidle_vm *vm, int error,
				      char *text, size_t size);

/* ---- The virtual machines of this host ----------------------------------- */

/**
 * struct kvmidle_list - the virtual machines of this host. Opaque
 */
struct kvmidle_list;

/**
 * struct kvmidle_list_entry - one virtual machine
 * @pid: the process that runs it
 * @machines: how many virtual machines that process has. If it could not be
 *	opened, its file descriptors of such were counted, and one entry stands
 *	for all of them
 * @vm: which of them this is: for kvmidle_select_vm()
 * @name: what the VMM was told to call it (QEMU, also by libvirt: -name; Firecracker:
 *	--id; crosvm, kvmtool: --name; cloud-hypervisor, which knows no names: the file name
 *	of its --api-socket), else the command's name. Valid UTF-8 without control
 *	characters (others appear as '?')
 * @error: 0 if its memory can be read, else a negative errno
 * @problem: the kind of problem behind @error
 * @explanation: a sentence about it; without an error, as of
 *	kvmidle_explain_source(). "" if there is none
 * @door: how it was opened; means nothing if @info is NULL
 * @info: as of kvmidle_get_info(); NULL if it could not be opened
 * @bytes: size of all its memslots together; 0 if @info is NULL
 *
 * Later versions may add members at the end.
 */
struct kvmidle_list_entry {
	pid_t pid;
	unsigned int machines;
	unsigned int vm;
	const char *name;
	int error;
	enum kvmidle_problem problem;
	const char *explanation;
	enum kvmidle_door door;
	const struct kvm_idle_info *info;
	uint64_t bytes;
};

/**
 * kvmidle_list_get() - look for virtual machines
 * @pid: look at this process only, or 0 for all of them
 * @listp: where to put the list; free it with kvmidle_list_free()
 *
 * Looks for open files of the kind "kvm-vm" in /proc, so it finds virtual
 * machines whether or not the module is loaded, and tries to peek at each.
 * Not finding any is no error.
 *
 * Return: 0, or a negative errno: -ENOENT: /proc is not mounted; -ENOMEM.
 */
int kvmidle_list_get(pid_t pid, struct kvmidle_list **listp);

/**
 * kvmidle_list_free() - free a list
 * @list: the list; NULL is allowed
 */
void kvmidle_list_free(struct kvmidle_list *list);

/**
 * kvmidle_list_count() - how many virtual machines a list has
 * @list: the list
 *
 * Return: the number of entries.
 */
size_t kvmidle_list_count(const struct kvmidle_list *list);

/**
 * kvmidle_list_at() - one entry of a list
 * @list: the list
 * @index: 0 ... kvmidle_list_count() - 1, in order of pid and number
 *
 * Return: the entry, valid until the list is freed; NULL if @index is too high.
 */
const struct kvmidle_list_entry *kvmidle_list_at(const struct kvmidle_list *list,
						 size_t index);

/**
 * kvmidle_list_unseen() - how many processes could not be looked into
 * @list: the list
 *
 * Return: processes whose open files are hidden from the caller: there may be
 * virtual machines among them. 0 for root.
 */
size_t kvmidle_list_unseen(const struct kvmidle_list *list);

#pragma GCC visibility pop

#ifdef __cplusplus
}
#endif

#endif /* KVMIDLE_H */
