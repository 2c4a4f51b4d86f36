// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "arch.h"
#include "ktap.h"
#include "measure.h"

#ifndef KVM_PRE_FAULT_MEMORY	/* since Linux 6.11 */
struct kvm_pre_fault_memory {
	uint64_t gpa;
	uint64_t size;
	uint64_t flags;
	uint64_t padding[5];
};

#define KVM_CAP_PRE_FAULT_MEMORY	236
#define KVM_PRE_FAULT_MEMORY		_IOWR(KVMIO, 0xd5, struct kvm_pre_fault_memory)
#endif

unsigned int page_shift;

static uint64_t random_state = 1;

void random_seed(uint64_t seed)
{
	random_state = seed * 0x9e3779b97f4a7c15 | 1;
}

uint64_t random_below(uint64_t n)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 11) % n;
}

bool kvm_param_is_yes(const char *module, const char *name)
{
	char path[128], value = 0;
	int fd;

	snprintf(path, sizeof(path), "/sys/module/%s/parameters/%s", module, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	if (read(fd, &value, 1) != 1)
		value = 0;
	close(fd);
	return value == 'Y' || value == '1';
}

static void __attribute__((constructor)) ask_page_size(void)
{
	page_shift = __builtin_ctzl(sysconf(_SC_PAGESIZE));
}

static uint64_t round_up(uint64_t n, uint64_t unit)
{
	return (n + unit - 1) / unit * unit;
}

struct vmm_slot *vmm_slot_of(struct vmm *vmm, uint64_t gpa)
{
	for (unsigned int i = 0; i < vmm->nr_slots; i++)
		if (gpa - vmm->slot[i].gpa < vmm->slot[i].bytes)
			return &vmm->slot[i];
	return NULL;
}

void *vmm_hva(struct vmm *vmm, uint64_t gpa)
{
	struct vmm_slot *slot = vmm_slot_of(vmm, gpa);

	return slot ? slot->hva + (gpa - slot->gpa) : NULL;
}

void vmm_hva_range(const struct vmm *vmm, uint64_t *start, uint64_t *end)
{
	*start = ~0ULL;
	*end = 0;
	for (unsigned int i = 0; i < vmm->nr_slots; i++) {
		uint64_t hva = (uintptr_t)vmm->slot[i].hva;

		*start = hva < *start ? hva : *start;
		*end = hva + vmm->slot[i].bytes > *end ? hva + vmm->slot[i].bytes : *end;
	}
}

uint64_t vmm_nth_gfn(struct vmm *vmm, uint64_t n)
{
	struct vmm_slot *slot = vmm->slot;

	for (; n >= slot->bytes / PAGE_SIZE; slot++)
		n -= slot->bytes / PAGE_SIZE;
	return slot->gpa / PAGE_SIZE + n;
}

/* The truth */

void vmm_observe(struct vmm *vmm, struct gfnset *set)
{
	for (int i = 0; i < VMM_MAX_OBSERVERS; i++) {
		if (vmm->observer[i])
			continue;
		memcpy(set->word, vmm->young.word, set->words * 8);
		vmm->observer[i] = set;
		return;
	}
	die("more than %d observers", VMM_MAX_OBSERVERS);
}

void vmm_unobserve(struct vmm *vmm, struct gfnset *set)
{
	for (int i = 0; i < VMM_MAX_OBSERVERS; i++)
		if (vmm->observer[i] == set)
			vmm->observer[i] = NULL;
}

static void map(struct vmm *vmm, struct vmm_mmu *mmu, uint64_t gfn, uint64_t n)
{
	gfnset_add_range(&mmu->mapped, gfn, n);
	gfnset_add_range(&vmm->mapped, gfn, n);
	if (vmm->unsure.words)
		gfnset_del_range(&vmm->unsure, gfn, n);
}

/* What KVM's __direct_pte_prefetch() does when it has mapped @gfn. */
static void prefetch(struct vmm *vmm, struct vmm_mmu *mmu, uint64_t gfn)
{
	uint64_t group = gfn & -8UL, end = group + 8, start = 0, n = 0;

	for (uint64_t g = group; g < end + mmu->prefetches_all; g++) {
		struct vmm_slot *slot;

		if (g < end && !gfnset_has(&mmu->mapped, g)) {
			start = n++ ? start : g;
			continue;
		}
		if (!n)
			continue;
		slot = vmm_slot_of(vmm, start << PAGE_SHIFT);
		if (!slot || slot != vmm_slot_of(vmm, (start + n - 1) << PAGE_SHIFT))
			return;
		map(vmm, mmu, start, n);
		n = 0;
	}
}

uint64_t vmm_leaf_pages(const struct vmm_mmu *mmu, uint64_t gfn)
{
	const struct guest_tables *t = mmu->shadowed;
	uint64_t first = gfn & -mmu->leaf_pages;

	if (t && t->pages && t->first_gfn < first + mmu->leaf_pages &&
	    first < t->first_gfn + t->pages)
		return 1;
	if (mmu->small.words && gfnset_has(&mmu->small, gfn))
		return 1;
	return mmu->leaf_pages;
}

static void mapped_one(struct vmm *vmm, struct vmm_mmu *mmu, uint64_t gfn)
{
	uint64_t pages = vmm_leaf_pages(mmu, gfn), first = gfn & -pages;

	if (gfnset_has(&mmu->mapped, gfn))
		return;
	map(vmm, mmu, first, pages);
	if (mmu->prefetches && pages == 1)
		prefetch(vmm, mmu, gfn);
}

static void touched_one(struct vmm *vmm, struct vmm_mmu *mmu, uint64_t gfn)
{
	uint64_t pages = vmm_leaf_pages(mmu, gfn), first = gfn & -pages;

	for (int i = 0; i < VMM_MAX_OBSERVERS; i++)
		if (vmm->observer[i])
			gfnset_add_range(vmm->observer[i], first, pages);
	mapped_one(vmm, mmu, gfn);
}

void vmm_touched(struct vmm *vmm, struct vmm_mmu *mmu, uint64_t gfn)
{
	uint64_t walk[GUEST_TABLES_WALK];
	unsigned int n;

	if (!vmm_slot_of(vmm, gfn << PAGE_SHIFT))
		return;
	n = mmu->walked ? guest_tables_walk(mmu->walked, gfn, walk) : 0;
	while (n)
		touched_one(vmm, mmu, walk[--n]);
	touched_one(vmm, mmu, gfn);
}

void vmm_unmapped(struct vmm *vmm)
{
	gfnset_clear(&vmm->mapped);
	gfnset_clear(&vmm->mmu.mapped);
	if (vmm->unsure.words)
		gfnset_clear(&vmm->unsure);
}

void vmm_unmapped_range(struct vmm *vmm, uint64_t gfn, uint64_t n)
{
	gfnset_del_range(&vmm->mapped, gfn, n);
	gfnset_del_range(&vmm->mmu.mapped, gfn, n);
	if (vmm->unsure.words)
		gfnset_del_range(&vmm->unsure, gfn, n);
}

/* Memory */

bool vmm_has_huge_pages(const struct vmm_slot *slot)
{
	unsigned long start, end, kb, huge = 0;
	char line[256];
	FILE *f = fopen("/proc/self/smaps", "re");
	bool inside = false;

	if (!f)
		die("/proc/self/smaps: %m");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start < (uintptr_t)slot->hva + slot->bytes &&
				 end > (uintptr_t)slot->hva;
		else if (inside && sscanf(line, "AnonHugePages: %lu kB", &kb) == 1)
			huge += kb * 1024;
	}
	fclose(f);
	return huge >= slot->bytes;
}

static void set_thp_enabled(void)
{
	int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "madvise", 7) != 7)
		die("transparent_hugepage/enabled: %m");
	close(fd);
}

/*
 * Mapped, aligned as a huge page would have it, and present: KVM then maps it
 * in one go, and how does not depend on who touches it first. But for who asks
 * for memory that is not populated.
 */
static void slot_alloc(struct vmm *vmm, struct vmm_slot *slot)
{
	uint64_t align = vmm->thp ? HUGE_SIZE : PAGE_SIZE;
	uint8_t *p;

	if ((slot->gpa | slot->bytes) % align)
		die("slot at %#lx: not aligned to %lu", slot->gpa, align);
	p = mmap(NULL, slot->bytes + HUGE_SIZE, PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		die("mmap of %lu bytes: %m", slot->bytes);
	slot->hva = (uint8_t *)round_up((uintptr_t)p, HUGE_SIZE);
	if (slot->hva > p)
		munmap(p, slot->hva - p);
	munmap(slot->hva + slot->bytes, p + HUGE_SIZE - slot->hva);

	/* A fork() would write-protect it all, and KVM would unmap it. */
	if (madvise(slot->hva, slot->bytes, MADV_DONTFORK) ||
	    madvise(slot->hva, slot->bytes, vmm->thp ? MADV_HUGEPAGE : MADV_NOHUGEPAGE))
		die("madvise: %m");
	if (vmm->unpopulated)
		return;
	for (uint64_t i = 0; i < slot->bytes; i += PAGE_SIZE)
		slot->hva[i] = 1;
	if (vmm->thp && !vmm_has_huge_pages(slot))
		die("no huge pages for the slot at %#lx: give the machine more memory", slot->gpa);
}

void vmm_set_region(struct vmm *vmm, uint32_t id, uint32_t flags, uint64_t gpa, uint64_t bytes,
		    void *hva)
{
	struct kvm_userspace_memory_region region = {
		.slot = id,
		.flags = flags,
		.guest_phys_addr = gpa,
		.memory_size = bytes,
		.userspace_addr = (uintptr_t)hva,
	};

	if (ioctl(vmm->fd, KVM_SET_USER_MEMORY_REGION, &region))
		die("KVM_SET_USER_MEMORY_REGION %#x, %#lx + %#lx: %m", id, gpa, bytes);
}

void vmm_set_slot(struct vmm *vmm, unsigned int i, uint32_t flags)
{
	struct vmm_slot *slot = &vmm->slot[i];

	vmm_set_region(vmm, i, flags, slot->gpa, slot->bytes, slot->hva);
}

bool vmm_prefault(struct vmm *vmm, unsigned int i, uint64_t gfn, uint64_t n)
{
	struct vmm_vcpu *vcpu = &vmm->vcpu[i];
	struct kvm_pre_fault_memory range = {
		.gpa = gfn << PAGE_SHIFT,
		.size = n << PAGE_SHIFT,
	};

	if (!ioctl(vmm->fd, KVM_CHECK_EXTENSION, KVM_CAP_PRE_FAULT_MEMORY))
		return false;
	while (range.size)
		if (ioctl(vcpu->fd, KVM_PRE_FAULT_MEMORY, &range) && errno != EINTR)
			die("KVM_PRE_FAULT_MEMORY %#lx + %#lx: %m", gfn << PAGE_SHIFT,
			    n << PAGE_SHIFT);
	for (; n; n--)
		mapped_one(vmm, vcpu->mmu, gfn++);
	return true;
}

/* vCPUs */

uint64_t vmm_code_gpa(struct vmm *vmm, const char *piece)
{
	return (vmm->code_gfn << PAGE_SHIFT) + (piece - guest_code);
}

static void run_until_halt(struct vmm_vcpu *vcpu)
{
	struct kvm_run *run = vcpu->run;

	for (;;) {
		if (ioctl(vcpu->fd, KVM_RUN, 0)) {
			if (errno != EINTR)
				die("KVM_RUN: %m");
			if (run->immediate_exit)
				return;
			continue;
		}
		if (arch_has_halted(vcpu))
			return;
		if (run->exit_reason != KVM_EXIT_MMIO)
			die("unexpected exit, reason %u, internal error %u",
			    run->exit_reason, run->internal.suberror);
		memset(run->mmio.data, 0, sizeof(run->mmio.data));
		vcpu->mmio_exits++;
	}
}

static void *vcpu_thread(void *arg)
{
	struct vmm_vcpu *vcpu = arg;

	for (;;) {
		while (sem_wait(&vcpu->start))
			;
		run_until_halt(vcpu);
		sem_post(&vcpu->done);
	}
	return NULL;
}

static void interrupt_handler(int signal)
{
	(void)signal;
}

static void vcpu_create(struct vmm *vmm, unsigned int i)
{
	struct vmm_vcpu *vcpu = &vmm->vcpu[i];

	vcpu->vmm = vmm;
	vcpu->mmu = &vmm->mmu;
	vcpu->fd = ioctl(vmm->fd, KVM_CREATE_VCPU, i);
	if (vcpu->fd < 0)
		die("KVM_CREATE_VCPU: %m");
	vcpu->run = mmap(NULL, vmm->run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu->fd, 0);
	if (vcpu->run == MAP_FAILED)
		die("mmap of kvm_run: %m");
	/* Now: a running vCPU answers no ioctl. Before 5.14 there are none. */
	vcpu->stats_fd = ioctl(vcpu->fd, KVM_GET_STATS_FD, NULL);

	arch_init_vcpu(vcpu);

	sem_init(&vcpu->start, 0, 0);
	sem_init(&vcpu->done, 0, 0);
	errno = pthread_create(&vcpu->thread, NULL, vcpu_thread, vcpu);
	if (errno)
		die("pthread_create: %m");
}

void vmm_two_slots(struct vmm *vmm, unsigned long mib)
{
	uint64_t unit = vmm->thp ? HUGE_SIZE : 2 * MIB;
	uint64_t first = round_up(mib * MIB / 2, unit);
	uint64_t second = vmm->thp ? round_up(mib * MIB - first, unit) : mib * MIB - first;

	vmm->nr_slots = 2;
	vmm->slot[0] = (struct vmm_slot){ .gpa = 0, .bytes = first };
	vmm->slot[1] = (struct vmm_slot){ .gpa = 1024 * MIB + 3 * unit, .bytes = second };
}

void vmm_start(struct vmm *vmm)
{
	struct sigaction interrupt = { .sa_handler = interrupt_handler };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);

	if (kvm < 0)
		die("/dev/kvm: %m");
	vmm->fd = arch_create_vm(vmm, kvm);
	vmm->run_size = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0);
	if (vmm->fd < 0 || vmm->run_size < 0)
		die("KVM_CREATE_VM: %m");
	close(kvm);

	if (!vmm->nr_vcpus)
		vmm->nr_vcpus = 1;
	if (vmm->nr_vcpus > VMM_MAX_VCPUS)
		die("at most %d vCPUs", VMM_MAX_VCPUS);
	if (vmm->thp)
		set_thp_enabled();

	for (unsigned int i = 0; i < vmm->nr_slots; i++) {
		struct vmm_slot *slot = &vmm->slot[i];

		slot_alloc(vmm, slot);
		vmm_set_slot(vmm, i, 0);
		vmm->total_pages += slot->bytes / PAGE_SIZE;
		if (vmm->end_gfn < (slot->gpa + slot->bytes) / PAGE_SIZE)
			vmm->end_gfn = (slot->gpa + slot->bytes) / PAGE_SIZE;
	}
	gfnset_init(&vmm->mapped, vmm->end_gfn);
	gfnset_init(&vmm->young, vmm->end_gfn);
	gfnset_init(&vmm->mmu.mapped, vmm->end_gfn);
	vmm_observe(vmm, &vmm->young);

	/* Slot 0 begins with the code, a page for each counter, and the lists. */
	vmm->code_gfn = vmm->slot[0].gpa / PAGE_SIZE;
	vmm->first_free_gfn = vmm->code_gfn + 1 + 2 * vmm->nr_vcpus +
			      round_up(vmm->total_pages * sizeof(uint32_t), PAGE_SIZE) / PAGE_SIZE;
	guest_tables_write(&vmm->tables, vmm, vmm->paging, vmm->first_free_gfn);
	vmm->first_free_gfn += vmm->tables.pages;
	if (vmm->first_free_gfn * PAGE_SIZE > vmm->slot[0].gpa + vmm->slot[0].bytes)
		die("slot 0 is too small");
	arch_init_mmu(vmm);
	if ((size_t)(guest_code_end - guest_code) > PAGE_SIZE)
		die("the guest's code is too long for a page");
	memcpy(vmm->slot[0].hva, guest_code, guest_code_end - guest_code);
	arch_sync(vmm->slot[0].hva, guest_code_end - guest_code);

	sigaction(SIGUSR1, &interrupt, NULL);
	for (unsigned int i = 0; i < vmm->nr_vcpus; i++)
		vcpu_create(vmm, i);
}

void vmm_stop(struct vmm *vmm)
{
	for (unsigned int i = 0; i < vmm->nr_vcpus; i++) {
		struct vmm_vcpu *vcpu = &vmm->vcpu[i];

		if (vcpu->spinning)
			vmm_spin_stop(vmm, i);
		pthread_cancel(vcpu->thread);
		pthread_join(vcpu->thread, NULL);
		munmap(vcpu->run, vmm->run_size);
		close(vcpu->stats_fd);
		close(vcpu->fd);
	}
	close(vmm->fd);
	for (unsigned int i = 0; i < vmm->nr_slots; i++)
		munmap(vmm->slot[i].hva, vmm->slot[i].bytes);
	gfnset_free(&vmm->mapped);
	gfnset_free(&vmm->mmu.mapped);
	gfnset_free(&vmm->young);
	memset(vmm, 0, sizeof(*vmm));
}

/* Rounds */

static uint64_t counter_gfn(struct vmm *vmm, unsigned int vcpu)
{
	return vmm->code_gfn + 1 + vcpu;
}

static void write_list(struct vmm *vmm, uint64_t gpa, const uint32_t *list, size_t n)
{
	void *p = vmm_hva(vmm, gpa);

	memcpy(p, list, n * sizeof(*list));
	arch_sync(p, n * sizeof(*list));
}

void vmm_touch(struct vmm *vmm, const uint32_t *list, size_t n)
{
	uint64_t list_gfn = counter_gfn(vmm, vmm->nr_vcpus);

	if (n > vmm->total_pages)
		die("a list of %zu entries is too long", n);
	for (unsigned int i = 0; i < vmm->nr_vcpus; i++) {
		struct vmm_vcpu *vcpu = &vmm->vcpu[i];
		size_t part = i + 1 == vmm->nr_vcpus ? n : random_below(n + 1);
		uint64_t list_pages = round_up(part * sizeof(*list), PAGE_SIZE) / PAGE_SIZE;

		if (vcpu->spinning)
			die("vCPU %u is spinning", i);
		if (part)
			write_list(vmm, list_gfn << PAGE_SHIFT, list, part);
		arch_set_orders(vcpu, guest_touch, (struct guest_orders){
			.list = list_gfn << PAGE_SHIFT, .count = part,
		});
		vmm_touched(vmm, vcpu->mmu, vmm->code_gfn);
		for (; list_pages; list_pages--)
			vmm_touched(vmm, vcpu->mmu, list_gfn++);
		for (size_t entry = 0; entry < part; entry++)
			vmm_touched(vmm, vcpu->mmu, list[entry] >> PAGE_SHIFT);
		list += part;
		n -= part;
		sem_post(&vcpu->start);
	}
	for (unsigned int i = 0; i < vmm->nr_vcpus; i++)
		while (sem_wait(&vmm->vcpu[i].done))
			;
}

void vmm_touch_range(struct vmm *vmm, uint64_t gfn, uint64_t n, bool write)
{
	uint32_t *list = calloc(n, sizeof(*list));

	for (uint64_t i = 0; i < n; i++)
		list[i] = (gfn + i) << PAGE_SHIFT | (write ? VMM_WRITE : 0);
	vmm_touch(vmm, list, n);
	free(list);
}

uint64_t vmm_sweep(struct vmm *vmm, const struct vmm_range *of_vcpu, bool write)
{
	uint64_t begun;

	for (unsigned int i = 0; i < vmm->nr_vcpus; i++) {
		struct vmm_vcpu *vcpu = &vmm->vcpu[i];
		uint64_t gfn = of_vcpu[i].gfn, end = gfn + of_vcpu[i].pages;

		if (vcpu->spinning)
			die("vCPU %u is spinning", i);
		arch_set_orders(vcpu, write ? guest_write : guest_read, (struct guest_orders){
			.from = gfn << PAGE_SHIFT, .to = end << PAGE_SHIFT,
		});
		vmm_touched(vmm, vcpu->mmu, vmm->code_gfn);
		for (; gfn < end; gfn++)
			vmm_touched(vmm, vcpu->mmu, gfn);
	}
	begun = now_ns();
	for (unsigned int i = 0; i < vmm->nr_vcpus; i++)
		sem_post(&vmm->vcpu[i].start);
	for (unsigned int i = 0; i < vmm->nr_vcpus; i++)
		while (sem_wait(&vmm->vcpu[i].done))
			;
	return now_ns() - begun;
}

void vmm_spin(struct vmm *vmm, unsigned int i, uint64_t gfn, uint64_t n)
{
	struct vmm_vcpu *vcpu = &vmm->vcpu[i];
	uint64_t counter = counter_gfn(vmm, i) << PAGE_SHIFT;

	vcpu->spinning = true;
	vcpu->spin_gfn = gfn;
	vcpu->spin_pages = n;
	*(uint32_t *)vmm_hva(vmm, counter) = 0;
	arch_sync(vmm_hva(vmm, counter), sizeof(uint32_t));
	arch_set_orders(vcpu, guest_spin, (struct guest_orders){
		.from = gfn << PAGE_SHIFT, .to = (gfn + n) << PAGE_SHIFT, .counter = counter,
	});
	sem_post(&vcpu->start);
}

uint32_t vmm_spin_sweeps(struct vmm *vmm, unsigned int i)
{
	volatile uint32_t *counter = vmm_hva(vmm, counter_gfn(vmm, i) << PAGE_SHIFT);

	arch_sync((void *)counter, sizeof(*counter));
	return *counter;
}

void vmm_spin_touched(struct vmm *vmm, unsigned int i)
{
	struct vmm_vcpu *vcpu = &vmm->vcpu[i];

	vmm_touched(vmm, vcpu->mmu, vmm->code_gfn);
	vmm_touched(vmm, vcpu->mmu, counter_gfn(vmm, i));
	for (uint64_t gfn = 0; gfn < vcpu->spin_pages; gfn++)
		vmm_touched(vmm, vcpu->mmu, vcpu->spin_gfn + gfn);
}

void vmm_spin_stop(struct vmm *vmm, unsigned int i)
{
	struct vmm_vcpu *vcpu = &vmm->vcpu[i];

	vcpu->run->immediate_exit = 1;
	pthread_kill(vcpu->thread, SIGUSR1);
	while (sem_wait(&vcpu->done))
		;
	vcpu->run->immediate_exit = 0;
	vcpu->spinning = false;
	vmm_spin_touched(vmm, i);
}

void vmm_run(struct vmm *vmm, unsigned int i, const char *piece, uint32_t ebx)
{
	struct vmm_vcpu *vcpu = &vmm->vcpu[i];

	arch_set_orders(vcpu, piece, (struct guest_orders){ .from = ebx });
	sem_post(&vcpu->start);
	while (sem_wait(&vcpu->done))
		;
}

uint64_t vmm_vcpu_stat(struct vmm *vmm, unsigned int i, const char *name)
{
	struct kvm_stats_header head;
	struct kvm_stats_desc *desc;
	uint64_t value = 0;
	size_t stride;
	bool found = false;
	int fd = vmm->vcpu[i].stats_fd;

	if (pread(fd, &head, sizeof(head), 0) != sizeof(head))
		die("statistics: %m");
	stride = sizeof(*desc) + head.name_size;
	desc = alloca(stride);
	for (uint32_t d = 0; d < head.num_desc && !found; d++) {
		if (pread(fd, desc, stride, head.desc_offset + d * stride) != (ssize_t)stride)
			die("statistics: %m");
		if (strcmp(desc->name, name))
			continue;
		found = pread(fd, &value, 8, head.data_offset + desc->offset) == 8;
	}
	if (!found)
		die("KVM has no statistics called %s", name);
	return value;
}

pid_t vmm_fork(void (*settle)(const void *arg), const void *arg)
{
	int pipe_fd[2];
	pid_t child;
	char up;

	if (pipe(pipe_fd))
		die("pipe: %m");
	fflush(stdout);
	child = fork();
	if (!child) {
		struct vmm vmm = { 0 };

		vmm_two_slots(&vmm, 4);
		vmm_start(&vmm);
		vmm_touch(&vmm, NULL, 0);
		if (settle)
			settle(arg);
		if (write(pipe_fd[1], "u", 1) != 1)
			die("pipe: %m");
		for (;;)
			pause();
	}
	close(pipe_fd[1]);
	if (read(pipe_fd[0], &up, 1) != 1)
		die("the child with the virtual machine did not come up");
	close(pipe_fd[0]);
	return child;
}
