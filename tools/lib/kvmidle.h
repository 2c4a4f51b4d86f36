/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libkvmidle: which memory of a running KVM virtual machine has been touched.
 *
 * A thin, typed layer over /proc/PID/idle_bitmap of the kvm_idle module, PID
 * being the process that runs the virtual machine (the VMM: QEMU, Firecracker,
 * cloud-hypervisor ...); where the module could not put that file under /proc,
 * over its device /dev/kvm_idle, which hands out the same file. See
 * libkvmidle(3) for an overview and an example.
 *
 * Conventions:
 *  - A function that can fail returns a negative errno value; errno itself
 *    means nothing. kvmidle_diagnose() turns it into a sentence.
 *  - Pages are counted in units of kvm_idle_info.page_size (4 KiB on x86; 4, 16
 *    or 64 KiB on arm64) and named by their guest frame number (gfn) = guest
 *    physical address / page size.
 *  - A bitmap is an array of native 64-bit words; bit n % 64 of word n / 64 is
 *    page n. 1 = idle. 0 = young (touched) OR a hole (nothing mapped there): a
 *    bitmap alone cannot tell these two apart, see kvmidle_get_slots().
 *  - Nothing here prints, exits, installs a signal handler or keeps global
 *    state. One handle must not be used by two threads at the same time;
 *    different handles may.
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
 */
enum kvmidle_door {
	KVMIDLE_DOOR_PROC	= 0,
	KVMIDLE_DOOR_DEVICE	= 1,
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
 * Return: an open file descriptor.
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
 * Return: 0, what @fn returned, or a negative errno as of kvmidle_read().
 */
int kvmidle_pass(struct kvmidle_vm *vm, kvmidle_pass_fn *fn, void *arg);

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
 * @name: QEMU's -name if given, else the command's name. Valid UTF-8 without
 *	control characters (others appear as '?')
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
