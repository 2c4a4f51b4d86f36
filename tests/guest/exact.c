// SPDX-License-Identifier: GPL-2.0-only
/*
 * The harvested bitmap equals the guest's truth bit for bit, and the file has
 * the size, the holes and the description that fit this guest.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "rounds.h"

static unsigned long rounds = 20, mem = 256, vcpus = 1, seed = 1;
static const char *source_name = "direct", *guest_paging = "off";
static unsigned long ipa;
static bool thp, elsewhere, software_af;
static enum kvm_idle_source source;

static struct vmm vmm;
static struct idle_reader reader;
static int file;	/* for what is not a harvest */

static void before_it_runs(void)
{
	struct idle_verdict verdict = { 0 };
	struct kvm_idle_info info = idle_info(file);

	EXPECT_OK(idle_check_all(&reader, &verdict), idle_bitmap_bytes(&vmm));
	EXPECT(!verdict.young);
	idle_expect_exact(&verdict, "nothing mapped");
	/* Where KVM is asked, that is known before there is a table. */
	if (source == KVM_IDLE_SOURCE_DIRECT)
		EXPECT(info.reason == kvm_reason_before_run(), "reason %u", info.reason);
}

static void exact_rounds(void)
{
	struct idle_verdict all = { 0 }, again = { 0 };

	for (unsigned long round = 0; round < rounds; round++) {
		struct idle_verdict verdict = { 0 };
		char what[64];
		uint64_t pages = round_size(round, rounds, vmm.total_pages);

		touch_random(&vmm, vmm.total_pages, pages);
		EXPECT_OK(idle_check_all(&reader, &verdict), idle_bitmap_bytes(&vmm));
		snprintf(what, sizeof(what), "round %lu, %lu pages", round, pages);
		idle_expect_exact(&verdict, what);
		all.young += verdict.young;
		all.miss.pages += verdict.miss.pages;
		all.extra.pages += verdict.extra.pages;
		all.hole_lie.pages += verdict.hole_lie.pages;
		/* With nothing touched since, all is idle. */
		idle_check_all(&reader, &again);
		idle_expect_exact(&again, "harvested twice");
	}
	EXPECT(!again.young && all.young > rounds);
	ktap_diag("rounds %lu, pages young %lu, misses %lu, extras %lu, hole lies %lu",
		  rounds, all.young, all.miss.pages, all.extra.pages, all.hole_lie.pages);
	ktap_diag("pages mapped %lu of %lu", gfnset_count(&vmm.mapped), vmm.total_pages);
}

static void file_size(void)
{
	uint64_t word;
	size_t end = idle_bitmap_bytes(&vmm);

	EXPECT_OK(lseek(file, 0, SEEK_END), end);
	EXPECT_OK(pread(file, &word, 8, end - 8), 8);
	EXPECT_OK(pread(file, &word, 8, end), 0);
	EXPECT_OK(pread(file, &word, 8, end + 4096), 0);
}

/* Slots are whole words here; see contract for those that are not. */
static void holes_are_between_slots(void)
{
	off_t behind = 0;

	for (unsigned int i = 0; i < vmm.nr_slots; i++) {
		off_t data = vmm.slot[i].gpa / PAGE_SIZE / 8;
		off_t hole = data + vmm.slot[i].bytes / PAGE_SIZE / 8;

		EXPECT_OK(lseek(file, behind, SEEK_DATA), data);
		EXPECT_OK(lseek(file, data, SEEK_DATA), data);
		EXPECT_OK(lseek(file, data, SEEK_HOLE), hole);
		EXPECT_OK(lseek(file, hole - 8, SEEK_HOLE), hole);
		if (data > behind)
			EXPECT_OK(lseek(file, behind, SEEK_HOLE), behind);
		behind = hole;
	}
	EXPECT_ERR(lseek(file, behind, SEEK_DATA), ENXIO);
}

static enum kvm_idle_reason expected_reason(void)
{
	if (source == KVM_IDLE_SOURCE_DIRECT)
		return KVM_IDLE_REASON_OK;
	if (source == KVM_IDLE_SOURCE_BOTH)
		return KVM_IDLE_REASON_NESTED;
	return kvm_reason_to_ask();
}

static void table(const struct kvm_idle_info *info)
{
	bool marked = info->flags & KVM_IDLE_INFO_HW_ACCESSED;

	EXPECT(marked == (source & KVM_IDLE_SOURCE_DIRECT && !software_af));
	if (info->reason == KVM_IDLE_REASON_SHADOW || info->reason == KVM_IDLE_REASON_PROTECTED) {
		EXPECT(info->format == KVM_IDLE_FORMAT_NONE, "%u", info->format);
		EXPECT(!info->levels, "%u", info->levels);
	} else {
		EXPECT(info->format == kvm_table_format(), "%u", info->format);
		EXPECT(info->levels >= kvm_min_levels() && info->levels <= 5, "%u", info->levels);
	}
}

static void info(void)
{
	struct kvm_idle_info info = idle_info(file);

	EXPECT(info.size == sizeof(info), "%u", info.size);
	EXPECT(info.abi_version == KVM_IDLE_ABI_VERSION, "%u", info.abi_version);
	EXPECT(info.page_size == PAGE_SIZE, "%u", info.page_size);
	EXPECT(info.source == source, "%u", info.source);
	EXPECT(info.reason == expected_reason(), "%u", info.reason);
	table(&info);
	EXPECT(info.flags & KVM_IDLE_INFO_CAN_HARVEST);
	EXPECT(info.end_gpa == vmm.end_gfn << PAGE_SHIFT, "%#llx", info.end_gpa);
	EXPECT(info.readers >= 1, "%u", info.readers);
	EXPECT(info.harvested_pages > 0);
	ktap_diag("source %u, reason %u, format %u, levels %u, flags %#x, policy %u, harvested %llu, flushes %llu",
		  info.source, info.reason, info.format, info.levels, info.flags,
		  info.tlb_policy, info.harvested_pages, info.flushes);
}

static void slots(void)
{
	struct kvm_idle_slot slot[VMM_MAX_SLOTS + 4];
	struct kvm_idle_slots query = {
		.size = sizeof(query),
		.flags = KVM_IDLE_SLOTS_COUNT_MAPPED,
		.slot_size = sizeof(slot[0]),
		.capacity = VMM_MAX_SLOTS + 4,
		.slots = (uintptr_t)slot,
	};

	memset(slot, 0xff, sizeof(slot));
	EXPECT_OK(ioctl(file, KVM_IDLE_GET_SLOTS, &query), 0);
	if (!EXPECT(query.count == vmm.nr_slots, "%u", query.count))
		return;
	EXPECT(query.generation == idle_info(file).slot_generation);
	for (unsigned int i = 0; i < vmm.nr_slots; i++) {
		uint64_t mapped = 0;

		for (uint64_t n = 0; n < vmm.slot[i].bytes / PAGE_SIZE; n++)
			mapped += gfnset_has(&vmm.mapped, vmm.slot[i].gpa / PAGE_SIZE + n);
		EXPECT(slot[i].gpa == vmm.slot[i].gpa, "%#llx", slot[i].gpa);
		EXPECT(slot[i].hva == (uintptr_t)vmm.slot[i].hva, "%#llx", slot[i].hva);
		EXPECT(slot[i].bytes == vmm.slot[i].bytes, "%#llx", slot[i].bytes);
		EXPECT(slot[i].mapped_bytes == mapped * PAGE_SIZE, "%llu pages, not %lu",
		       slot[i].mapped_bytes / PAGE_SIZE, mapped);
		EXPECT(slot[i].id == i, "%u", slot[i].id);
		EXPECT(!slot[i].flags, "%#x", slot[i].flags);
	}
}

static void setup(void)
{
	random_seed(seed);
	vmm.nr_vcpus = vcpus;
	vmm.thp = thp;
	vmm.ipa_bits = ipa;
	vmm.paging = paging_of(guest_paging);
	vmm_two_slots(&vmm, mem);
	vmm_start(&vmm);
	if (elsewhere)
		idle_open_elsewhere(&reader, &vmm, O_RDWR);
	else
		idle_open(&reader, &vmm, O_RDWR);
	file = elsewhere ? idle_file(0, O_RDWR | O_CLOEXEC) : reader.fd;
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "rounds", "rounds of random pages", .number = &rounds },
		{ "mem", "MiB of guest memory, in two slots", .number = &mem },
		{ "vcpus", "virtual CPUs", .number = &vcpus },
		{ "device", "by way of /dev/kvm_idle", .flag = &idle_by_device },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "ipa", "arm64: bits of a guest physical address, 0 for KVM's default",
		  .number = &ipa },
		{ "software-af", "arm64: the processor does not set the access flag itself",
		  .flag = &software_af },
		{ "guest-paging", "the guest's own paging: off, 4m, 4k, long-2m or long-4k",
		  .word = &guest_paging },
		{ "source", "what must answer: direct, notifier or both", .word = &source_name },
		{ "elsewhere", "read from another process", .flag = &elsewhere },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "a guest that never ran is all holes", before_it_runs },
		{ "harvests are exact", exact_rounds },
		{ "the file ends where the last slot does", file_size },
		{ "SEEK_DATA and SEEK_HOLE follow the slots", holes_are_between_slots },
		{ "GET_INFO", info },
		{ "GET_SLOTS counts what is mapped", slots },
	};

	options_parse(argc, argv, "Harvest rounds of random touches and compare bit for bit.", options);
	source = idle_source_of(source_name);
	if (ipa > kvm_max_ipa_bits()) {
		printf("KTAP version 1\n1..0 # SKIP guest physical addresses have at most %u bits here\n",
		       kvm_max_ipa_bits());
		return 0;
	}
	return KTAP_RUN(setup, tests);
}
