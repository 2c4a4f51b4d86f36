/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the library share and programs do not see. */
#ifndef KVMIDLE_INTERNAL_H
#define KVMIDLE_INTERNAL_H

#include "kvmidle.h"
#include "printable.h"

#include <stdbool.h>

#define PAGES_PER_WORD	64

/* A growing array has no room left whenever its length is a power of two, or 0. */
#define IS_FULL(count)	(!((count) & ((count) - 1)))

/* Guest physical addresses have at most 52 bits, pages at least 4 KiB. */
#define GPA_LIMIT	((uint64_t)1 << 52)
#define GFN_LIMIT	((uint64_t)1 << 40)

/* One read of a pass: 1 MiB of bitmap, which is 32 GiB of guest memory. */
#define PIECE_WORDS	((size_t)1 << 17)

/**
 * struct kvmidle_ops - what makes a handle one of a running VM, or of a recording
 *
 * Each does what the public function of its name promises. One that is NULL cannot be
 * had: -EOPNOTSUPP.
 */
struct kvmidle_ops {
	void (*close)(struct kvmidle_vm *vm);
	int (*count_vms)(const struct kvmidle_vm *vm);
	int (*select_vm)(struct kvmidle_vm *vm, unsigned int index);
	int (*get_info)(const struct kvmidle_vm *vm, struct kvm_idle_info *info);
	int (*get_slots)(const struct kvmidle_vm *vm, unsigned int flags,
			 struct kvmidle_slots **slotsp);
	int (*pass)(struct kvmidle_vm *vm, kvmidle_pass_fn *fn, void *arg);
	int (*pass_regions)(struct kvmidle_vm *vm, kvmidle_region_fn *fn,
			    void *arg);
	int (*get_nodes)(const struct kvmidle_vm *vm,
			 const struct kvmidle_slots *slots,
			 struct kvmidle_nodes **nodesp);
	int (*set_options)(const struct kvmidle_vm *vm,
			   struct kvm_idle_options *options);
	int (*arm)(const struct kvmidle_vm *vm, struct kvm_idle_arm *arm);
	ssize_t (*scan)(const struct kvmidle_vm *vm, struct kvm_idle_scan *scan);
	ssize_t (*read)(const struct kvmidle_vm *vm, uint64_t gfn,
			uint64_t *words, size_t count);
	ssize_t (*mark_idle)(const struct kvmidle_vm *vm, uint64_t gfn,
			     const uint64_t *words, size_t count);
};

struct kvmidle_vm {
	const struct kvmidle_ops *ops;
	enum kvmidle_door door;
	int fd;			/* -1 of a recording */
	uint64_t started;	/* the last pass; see kvmidle_pass_started() */
	uint64_t *buffer;	/* one piece of a pass; allocated by the first */

	/* Of a running VM. */
	pid_t pid;
	enum kvmidle_mode mode;
	struct kvm_idle_region *regions;	/* allocated by the first pass of such */

	/* Of a recording. */
	struct kvmidle_recording *recording;
};

/* vm.c */

/* Make sure of @vm->buffer: PIECE_WORDS words. */
int kvmidle_get_buffer(struct kvmidle_vm *vm);

/* CLOCK_MONOTONIC in nanoseconds. */
uint64_t kvmidle_now(void);

/* bitmap.c, scan.c and nodes.c: the operations of a running VM that take more than an ioctl. */
ssize_t kvmidle_live_read(const struct kvmidle_vm *vm, uint64_t gfn,
			  uint64_t *words, size_t count);
ssize_t kvmidle_live_mark_idle(const struct kvmidle_vm *vm, uint64_t gfn,
			       const uint64_t *words, size_t count);
int kvmidle_live_pass(struct kvmidle_vm *vm, kvmidle_pass_fn *fn, void *arg);
ssize_t kvmidle_live_scan(const struct kvmidle_vm *vm, struct kvm_idle_scan *scan);
int kvmidle_live_pass_regions(struct kvmidle_vm *vm, kvmidle_region_fn *fn,
			      void *arg);
int kvmidle_live_get_nodes(const struct kvmidle_vm *vm,
			   const struct kvmidle_slots *slots,
			   struct kvmidle_nodes **nodesp);

/* slots.c */

struct kvmidle_slots {
	uint64_t generation;
	size_t count;
	struct kvm_idle_slot at[];
};

/* A list with room for so many, or NULL. */
struct kvmidle_slots *kvmidle_slots_new(size_t count);

/* nodes.c */

struct kvmidle_nodes {
	size_t count;
	size_t room;
	struct kvmidle_node_range *at;
};

/* Add a range behind the others; one that goes on where the last one ends makes that longer. */
int kvmidle_nodes_add(struct kvmidle_nodes *nodes, uint64_t start, uint64_t end,
		      unsigned int node);

/* Regions: scan.c, bits.c */

/* All categories that make a pass tell of a page. */
#define PASS_CATEGORIES	(KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_YOUNG | \
			 KVM_IDLE_PAGE_HOST_YOUNG | KVM_IDLE_PAGE_HUGE_2M | \
			 KVM_IDLE_PAGE_HUGE_1G)

static inline bool kvmidle_is_idle(uint64_t categories)
{
	return (categories & (KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_YOUNG |
			      KVM_IDLE_PAGE_HOST_YOUNG)) == KVM_IDLE_PAGE_PRESENT;
}

/* Set (or clear) @count bits from bit @first on. */
void kvmidle_set_bits(uint64_t *words, uint64_t first, uint64_t count, bool value);

/* door.c: the two ways to the bitmap of a process. */

/* The device. Only tests point it elsewhere. */
extern const char *kvmidle_device;

/**
 * kvmidle_door_open() - open the bitmap of a process, the device being the
 *	second choice
 * @pid: the process
 * @flags: as of open(2)
 * @door: out: how it was opened
 *
 * Return: a file descriptor, or a negative errno as of kvmidle_open().
 */
int kvmidle_door_open(pid_t pid, int flags, enum kvmidle_door *door);

/* The same by one door alone. */
int kvmidle_door_open_proc(pid_t pid, int flags);
int kvmidle_door_open_device(pid_t pid, int flags);

/* The same of the process that a pidfd is of: the device first, as that takes a pidfd. */
int kvmidle_door_open_pidfd(int pidfd, int flags, enum kvmidle_door *door,
			    pid_t *pid);

/* Is the device the only way to this process, and one may not open it? */
bool kvmidle_door_is_locked(pid_t pid);

/* procfs.c: what else /proc tells about a process. */

/* Where procfs is. Only tests point it elsewhere. */
extern const char *kvmidle_proc_root;

/**
 * kvmidle_proc_path() - the path of a file of a process
 * @path: out
 * @size: room at @path
 * @pid: the process; 0 = the caller
 * @name: file below its directory, or "" for the directory
 */
void kvmidle_proc_path(char *path, size_t size, pid_t pid, const char *name);

/* Is there such a process? */
bool kvmidle_proc_exists(pid_t pid);

/* Is procfs mounted at all? */
bool kvmidle_proc_mounted(void);

/* The process that a thread belongs to; @pid itself if that is not known. */
pid_t kvmidle_proc_leader(pid_t pid);

/* The process that a pidfd is of; -EBADF: it is none; -ESRCH: it is gone, or not ours to see. */
pid_t kvmidle_proc_of_pidfd(int pidfd);

/* Is it a kernel thread? */
bool kvmidle_proc_is_kthread(pid_t pid);

/**
 * kvmidle_proc_machines() - count the virtual machines of a process
 * @pid: the process
 *
 * Return: how many, or a negative errno if its open files cannot be seen.
 */
int kvmidle_proc_machines(pid_t pid);

#define KVMIDLE_NAME_SIZE	128

/**
 * kvmidle_proc_name() - what to call the VM of a process
 * @pid: the process
 * @name: out: what its VMM was told to call it, else the command's name, else "".
 *	Printable
 */
void kvmidle_proc_name(pid_t pid, char name[KVMIDLE_NAME_SIZE]);

/**
 * kvmidle_vmm_name() - find the name of the VM in the arguments of its VMM
 * @cmdline: the arguments, a NUL after each
 * @length: of @cmdline in bytes
 * @name: out; "" if there is none
 *
 * Knows QEMU (libvirt's too), Firecracker, cloud-hypervisor (the file name of its API
 * socket), crosvm and kvmtool.
 *
 * Return: whether there is one.
 */
bool kvmidle_vmm_name(const char *cmdline, size_t length,
		      char name[KVMIDLE_NAME_SIZE]);

#endif /* KVMIDLE_INTERNAL_H */
