// SPDX-License-Identifier: GPL-2.0-only
/*
 * Recordings of virtual machines that never were, for the tests of pictures:
 *
 *	recordings KIND FILE
 *
 * The guest of most kinds is named "model", of process 4242; its passes are a second
 * apart. What is in them is said below, where it is made.
 */
#include <kvmidle.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KIB	(UINT64_C(1) << 10)
#define MIB	(UINT64_C(1) << 20)
#define GIB	(UINT64_C(1) << 30)
#define SECOND	UINT64_C(1000000000)

#define IDLE	KVM_IDLE_PAGE_PRESENT
#define YOUNG	(KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_YOUNG)
#define HOST	(KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_HOST_YOUNG)
#define HUGE_IDLE	(IDLE | KVM_IDLE_PAGE_HUGE_2M)
#define HUGE_YOUNG	(YOUNG | KVM_IDLE_PAGE_HUGE_2M)

#define MOST_REGIONS	4096
#define MOST_SLOTS	64

static struct kvm_idle_region regions[MOST_REGIONS];
static size_t region_count;
static struct kvm_idle_slot slots[MOST_SLOTS];
static size_t slot_count;
static struct kvmidle_recorder *recorder;

/* Memory from @start to @end; what touches its like becomes one region with it. */
static void put(uint64_t start, uint64_t end, uint64_t categories)
{
	struct kvm_idle_region *last = region_count ? &regions[region_count - 1] : NULL;

	if (last && last->end == start && last->categories == categories) {
		last->end = end;
		return;
	}
	if (region_count == MOST_REGIONS)
		errx(2, "too many regions");
	regions[region_count++] = (struct kvm_idle_region){ start, end, categories };
}

static void put_slot(uint64_t gpa, uint64_t bytes)
{
	if (slot_count == MOST_SLOTS)
		errx(2, "too many slots");
	slots[slot_count] = (struct kvm_idle_slot){
		.gpa = gpa,
		.hva = UINT64_C(0x700000000000) + gpa % (64 * GIB),
		.bytes = bytes,
		.id = slot_count,
	};
	slot_count++;
}

static void record(uint64_t started_ns)
{
	const struct kvm_idle_info info = {
		.size = sizeof(info),
		.abi_version = KVM_IDLE_ABI_VERSION,
		.page_size = 4096,
		.source = KVM_IDLE_SOURCE_DIRECT,
		.format = KVM_IDLE_FORMAT_NPT,
		.levels = 4,
		.end_gpa = slots[slot_count - 1].gpa + slots[slot_count - 1].bytes,
		.slot_generation = slot_count,
	};
	int e = kvmidle_recorder_add(recorder, started_ns, &info, slots, slot_count,
				     regions, region_count);

	if (e)
		errx(2, "recording: %s", strerror(-e));
	region_count = 0;
}

static void model_slots(void)
{
	put_slot(0, 640 * KIB);
	put_slot(MIB, 63 * MIB);
	put_slot(UINT64_C(0xfffc0000), 256 * KIB);
}

static void model_pass(unsigned int pass)
{
	uint64_t at;

	put(0, 640 * KIB, pass % 2 ? YOUNG : IDLE);
	put(MIB, 8 * MIB, IDLE);
	put(8 * MIB, 16 * MIB, HUGE_YOUNG);
	put(16 * MIB, 24 * MIB, pass && pass <= 4 ? YOUNG : IDLE);
	/* 24 to 32 MiB: nothing mapped */
	for (at = 32 * MIB; at < 40 * MIB; at += MIB) {
		put(at, at + 256 * KIB, YOUNG);
		put(at + 256 * KIB, at + MIB, IDLE);
	}
	put(40 * MIB, 48 * MIB, HOST);
	/* 48 to 64 MiB: nothing mapped but one page, later */
	if (pass > 4)
		put(56 * MIB, 56 * MIB + 4096, YOUNG);
	put(UINT64_C(0xfffc0000), UINT64_C(0x100000000), IDLE);
	record(100 * SECOND + pass * SECOND);
}

/* Eight passes over blocks that are hot, cold, both, and holes. */
static void model(void)
{
	unsigned int pass;

	model_slots();
	for (pass = 0; pass <= 8; pass++)
		model_pass(pass);
}

/* Four passes of the same; and then a slot of 32 MiB at 4 GiB comes. */
static void grows(void)
{
	unsigned int pass;

	model_slots();
	for (pass = 0; pass <= 4; pass++)
		model_pass(pass);
	put_slot(4 * GIB, 32 * MIB);
	for (; pass <= 8; pass++) {
		put(0, 640 * KIB, IDLE);
		put(UINT64_C(0xfffc0000), 4 * GIB, IDLE);
		put(4 * GIB, 4 * GIB + 16 * MIB, YOUNG);
		record(100 * SECOND + pass * SECOND);
	}
}

/* More passes than any picture has columns, with a hot block that wanders. */
static void many(void)
{
	unsigned int pass;

	put_slot(0, 256 * MIB);
	for (pass = 0; pass <= 3000; pass++) {
		uint64_t at = pass * 4096 / 3001 * 64 * KIB / 4096 * 4096;

		at = at % (255 * MIB);
		if (at)
			put(0, at, IDLE);
		put(at, at + MIB, YOUNG);
		put(at + MIB, 256 * MIB, IDLE);
		record(SECOND + pass * SECOND / 10);
	}
}

/* 64 GiB, of which next to nothing is mapped; device windows far up. */
static void sparse(void)
{
	unsigned int pass, i;

	put_slot(0, 3 * GIB);
	put_slot(4 * GIB, 61 * GIB);
	put_slot(UINT64_C(1) << 46, 16 * MIB);
	put_slot((UINT64_C(1) << 51) - 4096, 4096);
	for (pass = 0; pass <= 4; pass++) {
		for (i = 0; i < 256; i++) {
			uint64_t at = (i < 12 ? 0 : GIB) + i * 256 * MIB;

			put(at, at + 4096, i % 2 ? YOUNG : IDLE);
		}
		put((UINT64_C(1) << 51) - 4096, UINT64_C(1) << 51, YOUNG);
		record(SECOND + pass * SECOND);
	}
}

/*
 * 100 runs of hot memory, 2 MiB apart, of 1 to 100 pages each. The largest is made of
 * several regions, and is not hot in the first pass.
 */
static void runs(void)
{
	unsigned int pass, i;

	put_slot(0, 256 * MIB);
	for (pass = 0; pass <= 3; pass++) {
		for (i = 0; i < 100; i++) {
			uint64_t at = i * 2 * MIB, pages = i * 37 % 100 + 1;

			if (pages < 100) {
				put(at, at + pages * 4096, YOUNG);
			} else if (pass != 1) {
				put(at, at + 4096, YOUNG);
				put(at + 4096, at + 50 * 4096, HOST);
				put(at + 50 * 4096, at + 100 * 4096, YOUNG);
			}
		}
		record(SECOND + pass * SECOND);
	}
}

/*
 * A slot that moves after the second pass: in the strip of the live screen there are as
 * many cells as before, of other addresses. And the third pass comes long after the
 * second.
 */
static void moves(void)
{
	unsigned int pass;

	for (pass = 0; pass <= 3; pass++) {
		uint64_t at = pass > 2 ? 4 * GIB : 0;

		slot_count = 0;
		put_slot(at, 16 * MIB);
		put(at, at + 16 * MIB, YOUNG);
		record((pass > 2 ? 1000 : 1 + pass) * SECOND);
	}
}

/* One page, and that is all. */
static void page(void)
{
	put_slot(0, 4096);
	put(0, 4096, IDLE);
	record(SECOND);
	put(0, 4096, YOUNG);
	record(2 * SECOND);
}

/* Nothing mapped at all. */
static void empty(void)
{
	unsigned int pass;

	model_slots();
	for (pass = 0; pass <= 3; pass++)
		record(SECOND + pass * SECOND);
}

/* A baseline and nothing after it. */
static void baseline(void)
{
	model_slots();
	model_pass(0);
}

static const struct {
	const char *name;
	void (*make)(void);
} kinds[] = {
	{ "model", model }, { "grows", grows }, { "many", many }, { "sparse", sparse },
	{ "runs", runs }, { "moves", moves }, { "page", page }, { "empty", empty }, { "baseline", baseline },
};

int main(int argc, char **argv)
{
	struct kvmidle_recording_head head = {
		.pid = 4242,
		.name = "model",
		.wall_ns = UINT64_C(1700000000) * SECOND,
	};
	size_t i;
	int fd, e;

	if (argc != 3)
		errx(2, "usage: recordings KIND FILE");
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (!strcmp(argv[1], kinds[i].name))
			break;
	if (i == sizeof(kinds) / sizeof(kinds[0]))
		errx(2, "there is no kind '%s'", argv[1]);
	fd = open(argv[2], O_WRONLY | O_CREAT | O_TRUNC, 0644);
	if (fd < 0)
		err(2, "%s", argv[2]);
	e = kvmidle_recorder_new(fd, &head, &recorder);
	if (e)
		errx(2, "recording: %s", strerror(-e));
	kinds[i].make();
	e = kvmidle_recorder_end(recorder);
	if (e || close(fd))
		errx(2, "recording: %s", strerror(e ? -e : errno));
	return 0;
}
