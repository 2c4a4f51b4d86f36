// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "arch.h"
#include "ktap.h"
#include "remap.h"

#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE	25	/* since Linux 6.1 */
#endif

#ifndef KVM_X86_QUIRK_SLOT_ZAP_ALL
#define KVM_X86_QUIRK_SLOT_ZAP_ALL	(1 << 7)	/* since Linux 6.12 */
#endif

static bool logs, keeps_tables;
static struct gfnset small;	/* as vmm.mmu.small, but for logging: by the host alone */

bool remap_logs(void)
{
	return logs;
}

/* No huge page but where we ask for it, by MADV_COLLAPSE, which asks nobody. */
static void thp_never(void)
{
	int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "never", 5) != 5)
		die("transparent_hugepage/enabled: %m");
	close(fd);
}

void remap_begin(struct vmm *vmm)
{
	logs = keeps_tables = false;
	thp_never();
	for (unsigned int i = 0; i < vmm->nr_slots; i++)
		if (madvise(vmm->slot[i].hva, vmm->slot[i].bytes, MADV_HUGEPAGE))
			die("MADV_HUGEPAGE: %m");
	gfnset_init(&vmm->unsure, vmm->end_gfn);
	gfnset_init(&vmm->mmu.small, vmm->end_gfn);
	gfnset_init(&small, vmm->end_gfn);
	gfnset_add_range(&small, 0, vmm->end_gfn);
	gfnset_add_range(&vmm->mmu.small, 0, vmm->end_gfn);
	vmm->mmu.leaf_pages = HUGE_PAGES;
}

static bool is_huge(uint64_t gfn)
{
	return !gfnset_has(&small, gfn);
}

/* While KVM logs, it maps nothing by huge pages. */
static void make_small(struct vmm *vmm, uint64_t first)
{
	gfnset_add_range(&small, first, HUGE_PAGES);
	gfnset_add_range(&vmm->mmu.small, first, HUGE_PAGES);
}

static void make_huge(struct vmm *vmm, uint64_t first)
{
	gfnset_del_range(&small, first, HUGE_PAGES);
	if (!logs)
		gfnset_del_range(&vmm->mmu.small, first, HUGE_PAGES);
}

/* Wherever the guest has this memory. */
static void unmapped(struct vmm *vmm, uint8_t *hva, uint64_t bytes)
{
	for (unsigned int i = 0; i < vmm->nr_slots; i++) {
		const struct vmm_slot *slot = &vmm->slot[i];
		uint8_t *start = hva > slot->hva ? hva : slot->hva;
		uint8_t *end = hva + bytes, *slot_end = slot->hva + slot->bytes;

		if (end > slot_end)
			end = slot_end;
		if (start < end)
			vmm_unmapped_range(vmm, (slot->gpa + (start - slot->hva)) / PAGE_SIZE,
					   (end - start) / PAGE_SIZE);
	}
}

void remap_drop(struct vmm *vmm, uint64_t gfn, uint64_t n, bool back)
{
	uint8_t *hva = vmm_hva(vmm, gfn << PAGE_SHIFT);

	if (madvise(hva, n * PAGE_SIZE, MADV_DONTNEED))
		die("MADV_DONTNEED: %m");
	unmapped(vmm, hva, n * PAGE_SIZE);
	for (uint64_t i = 0; i < n; i++) {
		uint64_t first = (gfn + i) & -HUGE_PAGES;

		if (!is_huge(gfn + i))
			continue;
		/* It was split, and for that all of it was unmapped. */
		unmapped(vmm, vmm_hva(vmm, first << PAGE_SHIFT), HUGE_SIZE);
		make_small(vmm, first);
	}
	for (uint64_t i = 0; back && i < n; i++)
		hva[i * PAGE_SIZE] = 1;
}

void remap_protect(struct vmm *vmm, uint64_t gfn)
{
	uint8_t *hva = vmm_hva(vmm, (gfn & -HUGE_PAGES) << PAGE_SHIFT);

	if (mprotect(hva, HUGE_SIZE, PROT_READ) ||
	    mprotect(hva, HUGE_SIZE, PROT_READ | PROT_WRITE))
		die("mprotect: %m");
	unmapped(vmm, hva, HUGE_SIZE);
	/* Older kernels leave it to the next write. KVM maps neighbours only if writable. */
	for (uint64_t i = 0; i < HUGE_SIZE; i += PAGE_SIZE) {
		volatile uint8_t *byte = &hva[i];

		*byte = *byte;
	}
}

bool remap_collapse(struct vmm *vmm, uint64_t gfn)
{
	uint64_t first = gfn & -HUGE_PAGES;
	uint8_t *hva = vmm_hva(vmm, first << PAGE_SHIFT);

	/* It may be too early for pages that were mapped just now. */
	for (unsigned int try = 0; madvise(hva, HUGE_SIZE, MADV_COLLAPSE); try++) {
		if (errno == EINVAL)
			return false;
		if (try == 50)
			die("MADV_COLLAPSE: %m");
		usleep(1000);
	}
	/* One that is huge already is left alone. */
	if (!is_huge(first))
		unmapped(vmm, hva, HUGE_SIZE);
	make_huge(vmm, first);
	return true;
}

/* What the host has huge pages for. */
static void for_each_huge(struct vmm *vmm, void (*act)(struct vmm *vmm, uint64_t gfn))
{
	for (unsigned int i = 0; i < vmm->nr_slots; i++) {
		uint64_t gfn = vmm->slot[i].gpa / PAGE_SIZE;
		uint64_t end = gfn + vmm->slot[i].bytes / PAGE_SIZE;

		for (; gfn < end; gfn += HUGE_PAGES)
			if (is_huge(gfn))
				act(vmm, gfn);
	}
}

static void set_small(struct vmm *vmm, uint64_t gfn)
{
	gfnset_add_range(&vmm->mmu.small, gfn, HUGE_PAGES);
}

/* Mapped by a huge page now, or a hole. */
static void set_unsure(struct vmm *vmm, uint64_t gfn)
{
	gfnset_del_range(&vmm->mmu.small, gfn, HUGE_PAGES);
	vmm_unmapped_range(vmm, gfn, HUGE_PAGES);
	gfnset_add_range(&vmm->unsure, gfn, HUGE_PAGES);
}

void remap_log(struct vmm *vmm, bool on)
{
	static bool prefetches;
	bool splits = kvm_param_is_yes("kvm", "tdp_mmu") &&
		      kvm_param_is_yes("kvm", "eager_page_split");

	if (on == logs)
		return;
	/* Else it does so one by one, as they are written. */
	if (on && !splits)
		for_each_huge(vmm, remap_protect);
	for (unsigned int i = 0; i < vmm->nr_slots; i++)
		if (vmm->slot[i].bytes)
			vmm_set_slot(vmm, i, on ? KVM_MEM_LOG_DIRTY_PAGES : 0);
	logs = on;
	/* Nor does it map neighbours of what is written. */
	if (on) {
		prefetches = vmm->mmu.prefetches;
		vmm->mmu.prefetches = false;
		for_each_huge(vmm, set_small);
	} else {
		vmm->mmu.prefetches = prefetches;
		for_each_huge(vmm, set_unsure);
	}
}

bool remap_keep_tables(struct vmm *vmm)
{
	struct kvm_enable_cap cap = {
		.cap = KVM_CAP_DISABLE_QUIRKS2,
		.args[0] = KVM_X86_QUIRK_SLOT_ZAP_ALL,
	};
	int quirks = ioctl(vmm->fd, KVM_CHECK_EXTENSION, KVM_CAP_DISABLE_QUIRKS2);

	if (quirks < 0 || !(quirks & KVM_X86_QUIRK_SLOT_ZAP_ALL))
		return false;
	if (ioctl(vmm->fd, KVM_ENABLE_CAP, &cap))
		die("KVM_CAP_DISABLE_QUIRKS2: %m");
	keeps_tables = true;
	return true;
}

void remap_slot(struct vmm *vmm, unsigned int i, uint64_t gpa, uint64_t bytes)
{
	struct vmm_slot *slot = &vmm->slot[i], old = *slot;

	if (!old.bytes && !bytes)
		return;
	/* To KVM that is no change. */
	if (old.gpa == gpa && old.bytes == bytes)
		return;
	/* KVM resizes none. */
	if (old.bytes && old.bytes != bytes) {
		slot->bytes = 0;
		vmm_set_slot(vmm, i, 0);
	}
	slot->gpa = gpa;
	slot->bytes = bytes;
	if (bytes)
		vmm_set_slot(vmm, i, logs ? KVM_MEM_LOG_DIRTY_PAGES : 0);
	if (old.bytes && keeps_tables)
		vmm_unmapped_range(vmm, old.gpa / PAGE_SIZE, old.bytes / PAGE_SIZE);
	else if (old.bytes)
		vmm_unmapped(vmm);
}
