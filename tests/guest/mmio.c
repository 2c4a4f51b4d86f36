// SPDX-License-Identifier: GPL-2.0-only
/*
 * KVM remembers an MMIO page in an entry that looks like a mapped page: present,
 * with a generation number where the accessed and dirty bits would be. These
 * entries must keep every bit, whatever is read or marked around them.
 *
 * The entries themselves are compared: a trace event of KVM tells the address of
 * each (kvmmmu:mark_mmio_spte), /proc/kcore has what stands there.
 */
#include <elf.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "options.h"

#define TRACING		"/sys/kernel/tracing/"
#define MAX_ENTRIES	32

/* Accessed and dirty: bits 5, 6 in NPT, 8, 9 in EPT. */
#define YOUNG_BITS	0x360UL

/* An entry with none of these maps nothing. NPT: P is one of them; EPT: R, W, X. */
#define PRESENT_BITS	7UL

/* In a mapped page: how its accessed bit is to be read, 0 being plainly. */
#define AD_TYPE_BITS	(3UL << 52)

static unsigned long generations = 70;

static struct vmm vmm;
static struct idle_reader reader, peeker;

struct entry {
	uint64_t gfn;
	uint64_t address;	/* kernel virtual */
	uint64_t value;
};

static struct entry entry[MAX_ENTRIES];
static size_t nr_entries;

/* Near and far: beside pages that are mapped, between slots, below 4 GiB. */
static uint32_t mmio_gpa[] = {
	0x60004000, 0x60008000, 0x60009000, 0x60050000, 0x60070000,
	0x3fff0000, 0x20000000, 0xe0000000, 0xe0001000, 0xfe000000,
};
#define NR_MMIO (sizeof(mmio_gpa) / sizeof(mmio_gpa[0]))

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	if (fd < 0 || write(fd, text, strlen(text)) != (ssize_t)strlen(text))
		die("%s: %m", path);
	close(fd);
}

/* The events since the last call. Return: how many entries KVM has made anew. */
static size_t collect_entries(void)
{
	unsigned long long address, gfn;
	char line[512];
	size_t made = 0;
	FILE *f = fopen(TRACING "trace", "re");

	if (!f)
		die(TRACING "trace: %m");
	while (fgets(line, sizeof(line), f)) {
		char *event = strstr(line, "mark_mmio_spte: sptep:");
		size_t i;

		if (!event || sscanf(event, "mark_mmio_spte: sptep:%llx gfn %llx",
				     &address, &gfn) != 2)
			continue;
		made++;
		for (i = 0; i < nr_entries && entry[i].gfn != gfn; i++)
			;
		if (i == MAX_ENTRIES)
			die("more MMIO entries than asked for");
		if (i == nr_entries)
			nr_entries++;
		entry[i].gfn = gfn;
		entry[i].address = address;
	}
	fclose(f);
	write_file(TRACING "trace", "\n");
	return made;
}

/* A word of the kernel's memory, by its virtual address. */
static uint64_t kernel_word(uint64_t address)
{
	static int kcore = -1;
	static Elf64_Ehdr head;
	Elf64_Phdr part;
	uint64_t value;

	if (kcore < 0) {
		kcore = open("/proc/kcore", O_RDONLY | O_CLOEXEC);
		if (kcore < 0 || pread(kcore, &head, sizeof(head), 0) != sizeof(head))
			die("/proc/kcore: %m");
	}
	for (int i = 0; i < head.e_phnum; i++) {
		if (pread(kcore, &part, sizeof(part), head.e_phoff + i * sizeof(part)) != sizeof(part))
			die("/proc/kcore: %m");
		if (part.p_type == PT_LOAD && address - part.p_vaddr < part.p_memsz &&
		    pread(kcore, &value, 8, part.p_offset + (address - part.p_vaddr)) == 8)
			return value;
	}
	die("/proc/kcore has no %#lx", address);
}

static void read_mmio(void)
{
	uint64_t before = vmm.vcpu[0].mmio_exits;

	vmm_touch(&vmm, mmio_gpa, NR_MMIO);
	EXPECT_OK(vmm.vcpu[0].mmio_exits - before, NR_MMIO);
}

static void remember_entries(void)
{
	for (size_t i = 0; i < nr_entries; i++)
		entry[i].value = kernel_word(entry[i].address);
}

static void expect_same_entries(const char *after)
{
	for (size_t i = 0; i < nr_entries; i++) {
		uint64_t value = kernel_word(entry[i].address);

		EXPECT(value == entry[i].value, "%s: entry of gfn %#lx was %#lx, is %#lx",
		       after, entry[i].gfn, entry[i].value, value);
	}
}

/* Everything the module can be asked for that looks at entries. */
static void use_the_module(void)
{
	size_t end = idle_bitmap_bytes(&vmm);
	struct idle_verdict verdict = { 0 };
	struct kvm_idle_slot slot[VMM_MAX_SLOTS + 1];
	struct kvm_idle_slots query = {
		.size = sizeof(query),
		.flags = KVM_IDLE_SLOTS_COUNT_MAPPED,
		.slot_size = sizeof(slot[0]),
		.capacity = VMM_MAX_SLOTS + 1,
		.slots = (uintptr_t)slot,
	};
	uint64_t *ones = malloc(end);

	idle_check_all(&peeker, &verdict);
	idle_check_all(&reader, &verdict);
	idle_expect_exact(&verdict, "MMIO pages are neither young nor idle");
	if (!ones)
		die("malloc: %m");
	memset(ones, 0xff, end);
	EXPECT_OK(pwrite(reader.fd, ones, end, 0), end);
	gfnset_clear(&vmm.young);
	gfnset_clear(reader.due);
	free(ones);
	EXPECT_OK(ioctl(reader.fd, KVM_IDLE_GET_SLOTS, &query), 0);
	for (unsigned int i = 0; i < query.count; i++)
		EXPECT(slot[i].id < 3 || !slot[i].mapped_bytes, "slot %u: %llu", slot[i].id,
		       slot[i].mapped_bytes);
}

static void entries_are_found(void)
{
	read_mmio();
	collect_entries();
	EXPECT_OK(nr_entries, NR_MMIO);
	for (size_t i = 0; i < nr_entries; i++)
		EXPECT(kernel_word(entry[i].address) & PRESENT_BITS, "gfn %#lx: %#lx is not present",
		       entry[i].gfn, kernel_word(entry[i].address));
}

/* KVM gives its entries a new generation whenever a slot changes. */
static void next_generation(unsigned long n)
{
	vmm_set_slot(&vmm, 3, n % 2 ? KVM_MEM_LOG_DIRTY_PAGES : 0);
}

static void entries_stay_as_they_are(void)
{
	uint64_t ones = 0, zeros = 0;
	size_t made = 0, again = 0;

	for (unsigned long n = 1; n <= generations; n++) {
		next_generation(n);
		read_mmio();
		made += collect_entries();
		remember_entries();
		for (size_t i = 0; i < nr_entries; i++) {
			ones |= entry[i].value & YOUNG_BITS;
			zeros |= ~entry[i].value & YOUNG_BITS;
		}
		vmm_touch_range(&vmm, 0x60005, 3, true);
		use_the_module();
		expect_same_entries("used once");
		/* KVM finds them still good. */
		read_mmio();
		again += collect_entries();
		use_the_module();
		expect_same_entries("used again");
	}
	EXPECT_OK(again, 0);
	EXPECT_OK(made, generations * NR_MMIO);
	/* Each bit that a harvest could clear or set was there to be spoilt. */
	EXPECT(ones == YOUNG_BITS && zeros == YOUNG_BITS, "ones %#lx, zeros %#lx", ones, zeros);
	ktap_diag("%zu entries made in %lu generations, %lu MMIO reads, last entry %#lx",
		  made, generations, vmm.vcpu[0].mmio_exits, entry[0].value);
}

/*
 * A slot that comes to lie over MMIO pages: until the guest goes there, KVM
 * leaves their outdated entries where mapped pages are looked for.
 */
static void entries_under_a_new_slot(void)
{
	uint64_t bytes = 0x21 * PAGE_SIZE;
	size_t covered = 0;
	bool all_set = false;

	/* Looking as much as an entry can like that of a page accessed and dirty. */
	for (unsigned long n = generations + 1; n < generations + 256 && !all_set; n++) {
		next_generation(n);
		read_mmio();
		all_set = (kernel_word(entry[0].address) & (YOUNG_BITS | AD_TYPE_BITS)) == YOUNG_BITS;
	}
	EXPECT(all_set);
	collect_entries();

	vmm_set_region(&vmm, VMM_MAX_SLOTS, 0, 0x60050000, bytes,
		       mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
	remember_entries();
	for (size_t i = 0; i < nr_entries; i++)
		covered += entry[i].gfn - 0x60050 < 0x21 && entry[i].value & PRESENT_BITS;
	EXPECT_OK(covered, 2);

	for (int i = 0; i < 3; i++) {
		vmm_touch_range(&vmm, 0x60005, 3, true);
		use_the_module();
		expect_same_entries("used with a slot over them");
	}
}

static void setup(void)
{
	vmm_two_slots(&vmm, 8);
	/* Pages with MMIO in the same word, and a slot to change and not to touch. */
	vmm.slot[2] = (struct vmm_slot){ .gpa = 0x60005000, .bytes = 3 * PAGE_SIZE };
	vmm.slot[3] = (struct vmm_slot){ .gpa = 0x60100000, .bytes = 8 * PAGE_SIZE };
	vmm.nr_slots = 4;
	vmm_start(&vmm);
	idle_open(&reader, &vmm, O_RDWR);
	idle_open(&peeker, &vmm, O_RDONLY);
	vmm_touch_range(&vmm, 0x60005, 3, true);
	idle_baseline(&reader);
	write_file(TRACING "options/hash-ptr", "0");
	write_file(TRACING "events/kvmmmu/mark_mmio_spte/enable", "1");
	write_file(TRACING "trace", "\n");
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "generations", "generations of MMIO entries to try", .number = &generations },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "KVM has an entry for each MMIO page", entries_are_found },
		{ "the entries stay bit-identical", entries_stay_as_they_are },
		{ "so do those that a new slot covers", entries_under_a_new_slot },
	};
	int status;

	options_parse(argc, argv, "See that KVM's entries for MMIO pages are left alone.", options);
	status = KTAP_RUN(setup, tests);
	write_file(TRACING "events/kvmmmu/mark_mmio_spte/enable", "0");
	return status;
}
