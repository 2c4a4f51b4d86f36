// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings of virtual machines that never were, the same each time, into a folder:
 *
 *	make-recordings DIR
 *
 * mixed.kvi	slots, holes, entries of all sizes, what is hot, warm, cold, touched by
 *		the host, unmapped; a slot that is added midway; NUMA nodes
 * arm64.kvi	pages of 16 KiB, KVM is asked, host accesses are counted, no nodes
 * long.kvi	300 passes over 16 pages
 * sparse.kvi	64 GiB, of which 12 pages are mapped
 * baseline.kvi	the baseline alone
 */
#include <kvmidle.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB		UINT64_C(1024)
#define MIB		(KIB * 1024)
#define GIB		(MIB * 1024)
#define SECOND		UINT64_C(1000000000)

/* 2026-11-21 19:04:05 UTC */
#define RECORDED_AT	(UINT64_C(1795287845) * SECOND)
/* The clock of a host that has been up for a while. */
#define BASELINE_AT	(4242 * SECOND)

#define P		KVM_IDLE_PAGE_PRESENT
#define Y		KVM_IDLE_PAGE_YOUNG
#define HY		KVM_IDLE_PAGE_HOST_YOUNG
#define M2		KVM_IDLE_PAGE_HUGE_2M
#define G1		KVM_IDLE_PAGE_HUGE_1G

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

static void check(int err, const char *what)
{
	if (!err)
		return;
	fprintf(stderr, "make-recordings: %s: %s\n", what, strerror(-err));
	exit(1);
}

/* A recording that is being made. */
struct maker {
	struct kvmidle_recorder *recorder;
	int fd;
	struct kvm_idle_info info;
	struct kvm_idle_region regions[64];
	size_t count;
};

static void begin(struct maker *m, const char *path, const char *name, pid_t pid)
{
	const struct kvmidle_recording_head head = {
		.pid = pid, .name = name, .wall_ns = RECORDED_AT,
	};

	*m = (struct maker){
		.fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644),
		.info = {
			.size = sizeof(m->info),
			.flags = KVM_IDLE_INFO_HW_ACCESSED | KVM_IDLE_INFO_SHARED,
			.abi_version = KVM_IDLE_ABI_VERSION,
			.page_size = 4 * KIB,
			.source = KVM_IDLE_SOURCE_DIRECT,
			.format = KVM_IDLE_FORMAT_NPT,
			.levels = 4,
			.tlb_policy = KVM_IDLE_TLB_PASS,
			.readers = 1,
			.slot_generation = 2,
		},
	};
	if (m->fd < 0) {
		perror(path);
		exit(1);
	}
	check(kvmidle_recorder_new(m->fd, &head, &m->recorder), path);
}

/* Of the pass that is next: memory from @start on. */
static void add(struct maker *m, uint64_t start, uint64_t bytes, uint64_t categories)
{
	struct kvm_idle_region *last = m->count ? &m->regions[m->count - 1] : NULL;

	if (last && last->end == start && last->categories == categories)
		last->end += bytes;
	else
		m->regions[m->count++] = (struct kvm_idle_region){
			start, start + bytes, categories,
		};
}

static void pass(struct maker *m, uint64_t at, const struct kvm_idle_slot *slots,
		 size_t count)
{
	m->info.end_gpa = slots[count - 1].gpa + slots[count - 1].bytes;
	check(kvmidle_recorder_add(m->recorder, BASELINE_AT + at, &m->info, slots,
				   count, m->regions, m->count), "a pass");
	m->count = 0;
}

static void end(struct maker *m)
{
	check(kvmidle_recorder_end(m->recorder), "the end");
	close(m->fd);
}

/* ---- mixed ---------------------------------------------------------------- */

#define MIXED_PASSES	6

static const struct kvm_idle_slot mixed_slots[] = {
	{ .gpa = 0, .hva = 0x7f0000000000, .bytes = 640 * KIB, .id = 0 },
	{ .gpa = MIB, .hva = 0x7f0000100000, .bytes = 31 * MIB, .id = 3 },
	{ .gpa = GIB, .hva = 0x7f0040000000, .bytes = GIB, .id = 4 },
	{ .gpa = 4 * GIB - 256 * KIB, .hva = 0x7f00d0000000, .bytes = 256 * KIB,
	  .id = 1, .flags = KVM_IDLE_SLOT_READONLY },
	{ .gpa = 4 * GIB, .bytes = 4 * MIB, .id = 5, .flags = KVM_IDLE_SLOT_NO_HVA },
	/* Added after the third pass. */
	{ .gpa = 8 * GIB, .hva = 0x7f0100000000, .bytes = 2 * MIB, .id = 6 },
};

static uint64_t young_if(int young)
{
	return young ? Y : 0;
}

static void mixed_regions(struct maker *m, unsigned int n)
{
	/* The first pages: one of each kind. */
	add(m, 0, 4 * KIB, P | Y);
	add(m, 4 * KIB, 4 * KIB, P);
	add(m, 12 * KIB, 4 * KIB, P | young_if(n % 2));
	if (n == 2)	/* touched, and unmapped since */
		add(m, 16 * KIB, 4 * KIB, Y);
	/* The last one of a word of the bitmap. */
	add(m, 252 * KIB, 4 * KIB, P);
	/* 8 MiB: hot, cold, warm. A hole of 1 MiB. 2 MiB that come later. */
	add(m, 1 * MIB, 2 * MIB, P | Y);
	add(m, 3 * MIB, 4 * MIB, P);
	add(m, 7 * MIB, 2 * MIB, P | young_if(n == 3));
	if (n >= 2)
		add(m, 10 * MIB, 2 * MIB, P | young_if(n == 2));
	/* Large entries: one hot, two cold, one that is broken up by its neighbour. */
	add(m, 16 * MIB, 2 * MIB, P | Y | M2);
	add(m, 18 * MIB, 4 * MIB, P | M2);
	if (n < 4)
		add(m, 22 * MIB, 2 * MIB, P | M2);
	else
		add(m, 22 * MIB, 2 * MIB, P);
	/* The host's doing. */
	add(m, 24 * MIB, 64 * KIB, P | (n == 5 ? HY : 0));
	add(m, 24 * MIB + 64 * KIB, 64 * KIB, P | (n == 4 ? Y | HY : 0));
	add(m, GIB, GIB, P | G1 | young_if(n == 1));
	add(m, 4 * GIB - 256 * KIB, 128 * KIB, P);
	add(m, 4 * GIB, 4 * MIB, P | young_if(n < 5));
	if (n > 3)
		add(m, 8 * GIB, MIB, P | Y);
}

static void make_mixed(const char *path)
{
	/* Uneven on purpose: times are recorded, not multiplied. */
	static const uint64_t at[MIXED_PASSES + 1] = {
		0, 1000, 2000, 3001, 4000, 5250, 6000,	/* ms */
	};
	static const struct kvmidle_node_range nodes[] = {
		{ 0, 640 * KIB, 0 },
		{ MIB, 17 * MIB, 0 },
		{ 17 * MIB, 32 * MIB, 1 },
		{ GIB, GIB + 512 * MIB, 0 },
		{ GIB + 512 * MIB, 2 * GIB, 1 },
	};
	struct maker m;
	unsigned int n;

	begin(&m, path, "web1", 4242);
	m.info.flags |= KVM_IDLE_INFO_HOST;
	for (n = 0; n <= MIXED_PASSES; n++) {
		m.info.slot_generation = n > 3 ? 4 : 2;
		mixed_regions(&m, n);
		pass(&m, at[n] * SECOND / 1000, mixed_slots,
		     ARRAY_SIZE(mixed_slots) - (n <= 3));
	}
	check(kvmidle_recorder_nodes(m.recorder, nodes, ARRAY_SIZE(nodes)), "nodes");
	end(&m);
}

/* ---- The others ----------------------------------------------------------- */

static void make_arm64(const char *path)
{
	static const struct kvm_idle_slot slots[] = {
		{ .gpa = GIB, .hva = 0xffff80000000, .bytes = 64 * MIB, .id = 0 },
	};
	struct maker m;
	unsigned int n;

	/* A name that a table, a terminal and JSON have to get right. */
	begin(&m, path, "b\303\274ro \"2\"", 77);
	m.info.page_size = 16 * KIB;
	m.info.source = KVM_IDLE_SOURCE_NOTIFIER;
	m.info.reason = KVM_IDLE_REASON_PROTECTED;
	m.info.format = KVM_IDLE_FORMAT_STAGE2;
	m.info.levels = 3;
	m.info.tlb_policy = KVM_IDLE_TLB_PRECISE;
	m.info.flags = KVM_IDLE_INFO_HW_ACCESSED;
	for (n = 0; n < 4; n++) {
		add(&m, GIB, 16 * KIB, P | Y);
		add(&m, GIB + 16 * KIB, 48 * KIB, P | young_if(n == 1));
		add(&m, GIB + 32 * MIB, 32 * MIB, P | M2 | young_if(n == 2));
		pass(&m, n * SECOND / 2, slots, 1);
	}
	end(&m);
}

static void make_long(const char *path)
{
	static const struct kvm_idle_slot slots[] = {
		{ .gpa = 0, .hva = 0x10000000, .bytes = 64 * KIB, .id = 0 },
	};
	struct maker m;
	unsigned int n, page;

	begin(&m, path, "long", 1);
	for (n = 0; n <= 300; n++) {
		/* Page k is touched each 2^k passes, the last four never. */
		for (page = 0; page < 16; page++)
			add(&m, page * 4 * KIB, 4 * KIB,
			    P | young_if(page < 12 && n % (1U << page) == 0));
		pass(&m, n * SECOND, slots, 1);
	}
	end(&m);
}

static void make_sparse(const char *path)
{
	static const struct kvm_idle_slot slots[] = {
		{ .gpa = 0, .hva = 0x7e0000000000, .bytes = 64 * GIB, .id = 0 },
	};
	struct maker m;
	unsigned int n, block;

	begin(&m, path, "sparse", 64);
	for (n = 0; n <= 3; n++) {
		for (block = 0; block < 4; block++)
			add(&m, block * 21 * GIB, 12 * KIB, P | young_if(n == block));
		pass(&m, n * SECOND, slots, 1);
	}
	end(&m);
}

static void make_baseline(const char *path)
{
	struct maker m;

	begin(&m, path, "short", 2);
	add(&m, 0, 4 * KIB, P);
	pass(&m, 0, mixed_slots, 1);
	end(&m);
}

int main(int argc, char **argv)
{
	if (argc != 2 || chdir(argv[1])) {
		fprintf(stderr, "usage: make-recordings DIR\n");
		return 2;
	}
	make_mixed("mixed.kvi");
	make_arm64("arm64.kvi");
	make_long("long.kvi");
	make_sparse("sparse.kvi");
	make_baseline("baseline.kvi");
	return 0;
}
