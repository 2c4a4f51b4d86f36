// SPDX-License-Identifier: GPL-2.0-only
/* Recordings: what goes in comes out, and what is damaged is said to be so. */
#include "fake.h"
#include "recording.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PAGE	4096ull
#define P	KVM_IDLE_PAGE_PRESENT
#define Y	KVM_IDLE_PAGE_YOUNG
#define HY	KVM_IDLE_PAGE_HOST_YOUNG
#define H2	KVM_IDLE_PAGE_HUGE_2M
#define R(from, to, categories)	{ (from) * PAGE, (to) * PAGE, categories }
#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static char path[64];

static int setup(void **state)
{
	int fd;

	strcpy(path, "/tmp/kvmidle-recording.XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	return fake_setup(state);
}

static int teardown(void **state)
{
	unlink(path);
	return fake_teardown(state);
}

/* ---- A recording of everything there is ---------------------------------- */

static const struct kvmidle_recording_head the_head = {
	.pid = 106, .vm = 2, .name = "demo \xc3\xa9", .wall_ns = 1700000000123456789ull,
};

static const struct kvm_idle_slot slots_a[] = {
	{ .gpa = 0, .hva = 0x7f0000000000, .bytes = 160 * PAGE, .id = 3 },
	{ .gpa = 256 * PAGE, .bytes = 2048 * PAGE, .id = 1, .flags = KVM_IDLE_SLOT_NO_HVA },
};

static const struct kvm_idle_slot slots_b[] = {
	{ .gpa = 0, .hva = 0x7f0000000000, .bytes = 160 * PAGE, .id = 3 },
	{ .gpa = 256 * PAGE, .bytes = 2048 * PAGE, .id = 1, .flags = KVM_IDLE_SLOT_NO_HVA },
	{ .gpa = 1ull << 39, .hva = 0x7e0000000000, .bytes = PAGE, .id = 9,
	  .flags = KVM_IDLE_SLOT_READONLY },
};

static const struct kvm_idle_region pass_0[] = {
	R(0, 1, P), R(1, 4, P | Y), R(5, 6, P | HY), R(158, 160, P), R(256, 512, P),
	R(512, 1024, P | H2), R(1024, 1030, Y),
};

static const struct kvm_idle_region pass_2[] = {
	R(3, 130, P), R(2303, 2304, P), R(1ull << 27, (1ull << 27) + 1, P | Y | HY),
};

static const struct kvmidle_node_range ranges[] = {
	R(0, 160, 0), R(256, 300, 1), R(300, 302, 65535),
};

static const struct {
	uint64_t started;
	const struct kvm_idle_slot *slots;
	size_t slot_count;
	uint64_t mapped[3];
	const struct kvm_idle_region *regions;
	size_t count;
} passes[] = {
	{ 1000, slots_a, 2, { 7, 768 }, pass_0, COUNT(pass_0) },
	{ 1000, slots_a, 2, { 0, 0 }, NULL, 0 },
	{ 2000000000, slots_b, 3, { 127, 1, 1 }, pass_2, COUNT(pass_2) },
};

static struct kvm_idle_info info_of(size_t pass)
{
	return (struct kvm_idle_info){
		.size = sizeof(struct kvm_idle_info),
		.flags = KVM_IDLE_INFO_HW_ACCESSED, .abi_version = 5, .page_size = 4096,
		.source = KVM_IDLE_SOURCE_DIRECT, .format = KVM_IDLE_FORMAT_NPT,
		.levels = 4, .tlb_policy = 1, .readers = 1, .end_gpa = 1ull << 40,
		.slot_generation = 70 + pass / 2,
		/* The first two are alike. */
		.harvested_pages = pass == 2 ? 100 : 7, .flushes = 1ull << 60,
		.aged_pages = 11, .skipped_pages = 12, .most_at_once = 13, .state_bytes = 14,
	};
}

static void record_to(int fd)
{
	struct kvmidle_recorder *recorder;
	size_t i;

	assert_int_equal(kvmidle_recorder_new(fd, &the_head, &recorder), 0);
	for (i = 0; i < COUNT(passes); i++) {
		struct kvm_idle_info info = info_of(i);

		assert_int_equal(kvmidle_recorder_add(recorder, passes[i].started, &info,
						      passes[i].slots, passes[i].slot_count,
						      passes[i].regions, passes[i].count), 0);
	}
	assert_int_equal(kvmidle_recorder_nodes(recorder, ranges, 1), 0);
	assert_int_equal(kvmidle_recorder_nodes(recorder, ranges, COUNT(ranges)), 0);
	assert_int_equal(kvmidle_recorder_end(recorder), 0);
}

static void record(void)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CREAT, 0600);

	assert_true(fd >= 0);
	record_to(fd);
	close(fd);
}

static struct kvmidle_vm *open_whole(void)
{
	struct kvmidle_vm *vm = NULL;
	char why[512] = "x";

	assert_int_equal(kvmidle_open_recording(path, 0, &vm, why, sizeof(why)), 0);
	assert_string_equal(why, "");
	return vm;
}

static uint8_t *contents(size_t *size)
{
	FILE *file = fopen(path, "r");
	uint8_t *bytes = malloc(1 << 20);

	assert_non_null(file);
	*size = fread(bytes, 1, 1 << 20, file);
	assert_true(*size < 1 << 20);
	fclose(file);
	return bytes;
}

static void put_contents(const uint8_t *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

struct seen {
	struct kvm_idle_region at[20000];
	size_t count;
	const struct kvmidle_vm *vm;	/* asked meanwhile, if not NULL */
	uint64_t started;
	int ret;
	bool ended;			/* it returned something else than 0 */
};

static struct seen seen;

static int see(void *arg, const struct kvm_idle_region *regions, size_t count)
{
	struct seen *s = arg;

	assert_true(count > 0);
	assert_false(s->ended);
	s->ended = s->ret;
	assert_true(s->count + count <= COUNT(s->at));
	memcpy(s->at + s->count, regions, count * sizeof(*regions));
	s->count += count;
	if (s->vm)
		s->started = kvmidle_pass_started(s->vm);
	return s->ret;
}

static void expect_state(const struct kvmidle_vm *vm, size_t pass)
{
	struct kvm_idle_info info = { .size = sizeof(info) }, expected = info_of(pass);
	struct kvmidle_slots *slots;
	size_t i;

	assert_int_equal(kvmidle_get_info(vm, &info), 0);
	assert_memory_equal(&info, &expected, sizeof(info));
	assert_int_equal(kvmidle_get_slots(vm, KVM_IDLE_SLOTS_COUNT_MAPPED, &slots), 0);
	assert_int_equal(kvmidle_slots_generation(slots), expected.slot_generation);
	assert_int_equal(kvmidle_slots_count(slots), passes[pass].slot_count);
	for (i = 0; i < passes[pass].slot_count; i++) {
		struct kvm_idle_slot slot = *kvmidle_slots_at(slots, i);

		assert_int_equal(slot.mapped_bytes, passes[pass].mapped[i] * PAGE);
		slot.mapped_bytes = 0;
		assert_memory_equal(&slot, &passes[pass].slots[i], sizeof(slot));
	}
	kvmidle_slots_free(slots);
}

static void expect_passes(struct kvmidle_vm *vm)
{
	size_t i;

	expect_state(vm, 0);
	assert_int_equal(kvmidle_pass_started(vm), 0);
	for (i = 0; i < COUNT(passes); i++) {
		memset(&seen, 0, sizeof(seen));
		seen.vm = vm;
		assert_int_equal(kvmidle_pass_regions(vm, see, &seen), 0);
		assert_int_equal(seen.count, passes[i].count);
		if (seen.count) {
			assert_memory_equal(seen.at, passes[i].regions,
					    seen.count * sizeof(seen.at[0]));
			assert_int_equal(seen.started, passes[i].started);
		}
		assert_int_equal(kvmidle_pass_started(vm), passes[i].started);
		expect_state(vm, i);
	}
	assert_int_equal(kvmidle_pass_regions(vm, see, &seen), -ENODATA);
	expect_state(vm, i - 1);
}

static void round_trip(void **state)
{
	struct kvmidle_recording_head head;
	struct kvmidle_nodes *nodes;
	struct kvmidle_slots *slots;
	struct kvmidle_vm *vm;
	size_t i;

	(void)state;
	record();
	vm = open_whole();
	assert_int_equal(kvmidle_door(vm), KVMIDLE_DOOR_RECORDING);
	assert_int_equal(kvmidle_fd(vm), -1);
	assert_int_equal(kvmidle_recording_passes(vm), COUNT(passes));
	assert_int_equal(kvmidle_recording_get_head(vm, &head), 0);
	assert_int_equal(head.pid, the_head.pid);
	assert_int_equal(head.vm, the_head.vm);
	assert_int_equal(head.wall_ns, the_head.wall_ns);
	assert_string_equal(head.name, the_head.name);

	expect_passes(vm);
	assert_int_equal(kvmidle_recording_rewind(vm), 0);
	expect_passes(vm);

	assert_int_equal(kvmidle_get_slots(vm, 0, &slots), 0);
	assert_int_equal(kvmidle_slots_at(slots, 0)->mapped_bytes, 0);
	assert_int_equal(kvmidle_get_slots(vm, 2, &slots), -EINVAL);
	assert_int_equal(kvmidle_get_nodes(vm, slots, &nodes), 0);
	kvmidle_slots_free(slots);
	assert_int_equal(kvmidle_nodes_count(nodes), COUNT(ranges));
	for (i = 0; i < COUNT(ranges); i++) {
		assert_int_equal(kvmidle_nodes_at(nodes, i)->start, ranges[i].start);
		assert_int_equal(kvmidle_nodes_at(nodes, i)->end, ranges[i].end);
		assert_int_equal(kvmidle_nodes_at(nodes, i)->node, ranges[i].node);
	}
	kvmidle_nodes_free(nodes);
	kvmidle_close(vm);
}

/* What was written for the same state twice is there once. */
static void repeats_nothing(void **state)
{
	unsigned int count[BLOCK_END + 1] = { 0 };
	size_t size, at = RECORDING_START_SIZE;
	uint8_t *bytes;

	(void)state;
	record();
	bytes = contents(&size);
	for (; at < size; at += BLOCK_HEAD_SIZE + get_u32(bytes + at + 4))
		count[get_u32(bytes + at)]++;
	assert_int_equal(at, size);
	assert_int_equal(count[BLOCK_HEAD], 1);
	assert_int_equal(count[BLOCK_INFO], 2);
	assert_int_equal(count[BLOCK_SLOTS], 2);
	assert_int_equal(count[BLOCK_PASS], 3);
	assert_int_equal(count[BLOCK_NODES], 2);
	assert_int_equal(count[BLOCK_END], 1);
	free(bytes);
}

static void through_a_pipe(void **state)
{
	struct kvmidle_vm *vm;
	char name[32];
	int fds[2];

	(void)state;
	assert_int_equal(pipe(fds), 0);
	record_to(fds[1]);	/* it fits */
	close(fds[1]);
	snprintf(name, sizeof(name), "/dev/fd/%d", fds[0]);
	assert_int_equal(kvmidle_open_recording(name, 0, &vm, NULL, 0), 0);
	close(fds[0]);
	expect_passes(vm);
	kvmidle_close(vm);
}

static void ended_by_the_caller(void **state)
{
	struct kvmidle_vm *vm;

	(void)state;
	record();
	vm = open_whole();
	memset(&seen, 0, sizeof(seen));
	seen.ret = 77;
	assert_int_equal(kvmidle_pass_regions(vm, see, &seen), 77);
	expect_state(vm, 0);	/* all that is mapped was counted */
	assert_int_equal(kvmidle_pass_regions(vm, NULL, NULL), 0);
	assert_int_equal(kvmidle_pass_regions(vm, NULL, NULL), 0);
	assert_int_equal(kvmidle_pass_regions(vm, NULL, NULL), -ENODATA);
	assert_int_equal(kvmidle_pass(vm, NULL, NULL), -ENODATA);
	kvmidle_close(vm);
}

static void takes_a_machine(void **state)
{
	struct kvm_idle_options options = { .size = sizeof(options) };
	struct kvm_idle_info info = { .size = sizeof(info) };
	struct kvm_idle_scan scan = { .size = sizeof(scan) };
	struct kvm_idle_arm arm = { .size = sizeof(arm) };
	struct kvmidle_recording_head head;
	struct kvmidle_vm *vm;
	uint64_t word = 0;
	char text[512];

	(void)state;
	record();
	vm = open_whole();
	assert_int_equal(kvmidle_read(vm, 0, &word, 1), -EOPNOTSUPP);
	assert_int_equal(kvmidle_mark_idle(vm, 0, &word, 1), -EOPNOTSUPP);
	assert_int_equal(kvmidle_set_options(vm, &options), -EOPNOTSUPP);
	assert_int_equal(kvmidle_scan(vm, &scan), -EOPNOTSUPP);
	assert_int_equal(kvmidle_arm(vm, &arm), -EOPNOTSUPP);
	assert_int_equal(kvmidle_diagnose(106, KVMIDLE_PEEK, vm, -EOPNOTSUPP, text,
					  sizeof(text)), KVMIDLE_PROBLEM_RECORDING);
	assert_non_null(strstr(text, "takes a virtual machine that is running"));
	assert_int_equal(kvmidle_diagnose(106, KVMIDLE_PEEK, vm, -ENODATA, text,
					  sizeof(text)), KVMIDLE_PROBLEM_RECORDING);
	assert_int_equal(kvmidle_diagnose(106, KVMIDLE_PEEK, vm, 0, text,
					  sizeof(text)), KVMIDLE_PROBLEM_NONE);
	assert_int_equal(kvmidle_count_vms(vm), 1);
	assert_int_equal(kvmidle_select_vm(vm, 0), 0);
	assert_int_equal(kvmidle_select_vm(vm, 1), -ENODEV);
	/* An older program gets what it knows. */
	info.size = KVM_IDLE_INFO_SIZE_V1;
	assert_int_equal(kvmidle_get_info(vm, &info), 0);
	assert_int_equal(info.size, KVM_IDLE_INFO_SIZE_V1);
	assert_int_equal(info.state_bytes, 0);
	info.size = KVM_IDLE_INFO_SIZE_V1 - 1;
	assert_int_equal(kvmidle_get_info(vm, &info), -EINVAL);
	kvmidle_close(vm);

	/* And the other way round. */
	fake_bitmap(1);
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), 0);
	assert_int_equal(kvmidle_recording_get_head(vm, &head), -EOPNOTSUPP);
	assert_int_equal(kvmidle_recording_passes(vm), -EOPNOTSUPP);
	assert_int_equal(kvmidle_recording_rewind(vm), -EOPNOTSUPP);
	kvmidle_close(vm);
}

/* ---- As a bitmap ---------------------------------------------------------- */

/* A guest of two stretches, the first longer than a piece, the second in the middle of a word. */
#define FAR_PAGE	((1ull << 30) + 70)

static const struct kvm_idle_slot big_slots[] = {
	{ .gpa = 0, .bytes = 100 * PAGE, .flags = KVM_IDLE_SLOT_NO_HVA },
	/* Shares a word with the one before. */
	{ .gpa = 120 * PAGE, .bytes = (PIECE_WORDS * 64 + 8) * PAGE, .flags = KVM_IDLE_SLOT_NO_HVA },
	{ .gpa = FAR_PAGE * PAGE, .bytes = 10 * PAGE, .flags = KVM_IDLE_SLOT_NO_HVA },
};

static const struct kvm_idle_region big_pass[] = {
	R(0, 3, P), R(3, 4, P | Y), R(4, 5, P), R(60, 70, P), R(90, 92, P | HY),
	R(PIECE_WORDS * 64 - 1, PIECE_WORDS * 64 + 2, P),
	R(PIECE_WORDS * 64 + 2, PIECE_WORDS * 64 + 4, Y),
	R(FAR_PAGE, FAR_PAGE + 10, P),
};

struct bitmap {
	uint64_t words[PIECE_WORDS + 10];	/* of the first stretch */
	uint64_t far[2];
	unsigned int pieces;
	uint64_t ends[4];			/* of the pieces, in pages */
	unsigned int stop_at;
};

static int take_piece(void *arg, uint64_t gfn, const uint64_t *words, size_t count)
{
	struct bitmap *bitmap = arg;

	assert_int_equal(gfn % 64, 0);
	assert_true(count > 0 && count <= PIECE_WORDS);
	assert_true(bitmap->pieces < COUNT(bitmap->ends));
	bitmap->ends[bitmap->pieces++] = gfn + count * 64;
	if (gfn >= 1ull << 30) {
		assert_int_equal(gfn, 1ull << 30 | 64);
		assert_true(count <= 2);
		memcpy(bitmap->far, words, count * 8);
	} else {
		assert_true(gfn / 64 + count <= COUNT(bitmap->words));
		memcpy(bitmap->words + gfn / 64, words, count * 8);
	}
	return bitmap->pieces == bitmap->stop_at ? 77 : 0;
}

static bool is_idle_in(const struct kvm_idle_region *regions, size_t count, uint64_t gfn)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (gfn * PAGE >= regions[i].start && gfn * PAGE < regions[i].end)
			return (regions[i].categories & (P | Y | HY)) == P;
	return false;
}

static struct kvmidle_vm *record_big(const struct kvm_idle_region *regions, size_t count)
{
	struct kvm_idle_info info = { .size = sizeof(info), .page_size = 4096 };
	struct kvmidle_recorder *recorder;
	int fd = open(path, O_WRONLY | O_TRUNC);

	assert_true(fd >= 0);
	assert_int_equal(kvmidle_recorder_new(fd, &the_head, &recorder), 0);
	assert_int_equal(kvmidle_recorder_add(recorder, 1, &info, big_slots,
					      COUNT(big_slots), regions, count), 0);
	assert_int_equal(kvmidle_recorder_end(recorder), 0);
	close(fd);
	return open_whole();
}

static void as_a_bitmap(void **state)
{
	static struct bitmap bitmap;
	const size_t counts[] = { 0, 1, 5, 6, COUNT(big_pass) };
	struct kvmidle_vm *vm;
	uint64_t gfn;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(counts); i++) {
		vm = record_big(big_pass, counts[i]);
		memset(&bitmap, 0xaa, sizeof(bitmap));
		bitmap.pieces = 0;
		assert_int_equal(kvmidle_pass(vm, take_piece, &bitmap), 0);
		assert_int_equal(bitmap.pieces, 3);
		assert_int_equal(bitmap.ends[0], PIECE_WORDS * 64);
		assert_int_equal(bitmap.ends[1], PIECE_WORDS * 64 + 128);
		assert_int_equal(bitmap.ends[2], (1ull << 30) + 128);
		for (gfn = 0; gfn < PIECE_WORDS * 64 + 128; gfn++)
			assert_int_equal(bitmap.words[gfn / 64] >> gfn % 64 & 1,
					 is_idle_in(big_pass, counts[i], gfn));
		for (gfn = 0; gfn < 64; gfn++)
			assert_int_equal(bitmap.far[0] >> gfn & 1,
					 is_idle_in(big_pass, counts[i], (1ull << 30 | 64) + gfn));
		kvmidle_close(vm);
	}
	for (i = 1; i <= 3; i++) {
		vm = record_big(big_pass, COUNT(big_pass));
		bitmap.pieces = 0;
		bitmap.stop_at = i;
		assert_int_equal(kvmidle_pass(vm, take_piece, &bitmap), 77);
		assert_int_equal(bitmap.pieces, i);
		kvmidle_close(vm);
	}
}

/* So many that they come in several calls; the first may be the last. */
static void many_regions(void **state)
{
	const size_t count = 5000;
	struct kvm_idle_region *many = calloc(count, sizeof(*many));
	struct kvmidle_slots *slots;
	struct kvmidle_vm *vm;
	size_t i;

	(void)state;
	for (i = 0; i < count; i++)
		many[i] = (struct kvm_idle_region)R(200 + 3 * i, 201 + 3 * i, P);
	vm = record_big(many, count);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(kvmidle_pass_regions(vm, see, &seen), 0);
	assert_int_equal(seen.count, count);
	assert_memory_equal(seen.at, many, count * sizeof(*many));

	assert_int_equal(kvmidle_recording_rewind(vm), 0);
	memset(&seen, 0, sizeof(seen));
	seen.ret = 77;
	assert_int_equal(kvmidle_pass_regions(vm, see, &seen), 77);
	assert_true(seen.count > 0 && seen.count < count);
	/* What is mapped is known all the same. */
	assert_int_equal(kvmidle_get_slots(vm, KVM_IDLE_SLOTS_COUNT_MAPPED, &slots), 0);
	assert_int_equal(kvmidle_slots_at(slots, 1)->mapped_bytes, count * PAGE);
	kvmidle_slots_free(slots);
	kvmidle_close(vm);
	free(many);
}

static void ages_of_a_recording(void **state)
{
	struct kvmidle_ages *by_bitmap = kvmidle_ages_new(), *by_regions = kvmidle_ages_new();
	struct kvmidle_vm *vm;
	uint64_t gfn;
	size_t i;

	(void)state;
	record();
	vm = open_whole();
	for (i = 0; i < COUNT(passes); i++) {
		assert_int_equal(kvmidle_ages_pass(by_bitmap, vm), 0);
		assert_int_equal(kvmidle_ages_feed_regions(by_regions, PAGE, passes[i].regions,
							   passes[i].count), 0);
		kvmidle_ages_end_pass(by_regions);
		for (gfn = 0; gfn < 3000; gfn++) {
			assert_int_equal(kvmidle_ages_get(by_bitmap, gfn),
					 kvmidle_ages_get(by_regions, gfn));
			assert_int_equal(kvmidle_ages_get(by_bitmap, gfn) != 0,
					 is_idle_in(passes[i].regions, passes[i].count, gfn));
		}
	}
	assert_int_equal(kvmidle_ages_pass(by_bitmap, vm), -ENODATA);
	kvmidle_ages_free(by_bitmap);
	kvmidle_ages_free(by_regions);
	kvmidle_close(vm);
}

/* ---- Writing -------------------------------------------------------------- */

static void recorded_again(void **state)
{
	struct kvmidle_recording_head head;
	struct kvmidle_recorder *recorder;
	size_t size, again;
	uint8_t *first, *second;
	struct kvmidle_vm *vm;
	int fd, err;

	(void)state;
	record();
	first = contents(&size);
	vm = open_whole();
	assert_int_equal(unlink(path), 0);	/* what is open stays open */
	fd = open(path, O_WRONLY | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(kvmidle_recording_get_head(vm, &head), 0);
	assert_int_equal(kvmidle_recorder_new(fd, &head, &recorder), 0);
	memset(&seen, 0, sizeof(seen));
	while (!(err = kvmidle_recorder_pass(recorder, vm, see, &seen)))
		;
	assert_int_equal(err, -ENODATA);
	assert_int_equal(seen.count, COUNT(pass_0) + COUNT(pass_2));
	assert_int_equal(kvmidle_recorder_nodes(recorder, ranges, 1), 0);
	assert_int_equal(kvmidle_recorder_nodes(recorder, ranges, COUNT(ranges)), 0);
	assert_int_equal(kvmidle_recorder_end(recorder), 0);
	close(fd);
	kvmidle_close(vm);
	second = contents(&again);
	assert_int_equal(again, size);
	assert_memory_equal(first, second, size);
	free(first);
	free(second);
}

static void recorded_from_a_machine(void **state)
{
	struct kvmidle_recorder *recorder;
	struct kvmidle_vm *vm;
	uint64_t before = kvmidle_now();
	int fd = open(path, O_WRONLY);

	(void)state;
	fake_bitmap(1);
	fake.scans = true;
	fake.info = info_of(0);
	fake.slots = slots_a;
	fake.slots_count = COUNT(slots_a);
	fake.regions = pass_0;
	fake.regions_count = COUNT(pass_0);
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_HARVEST, &vm), 0);
	assert_int_equal(kvmidle_recorder_new(fd, &the_head, &recorder), 0);
	assert_int_equal(kvmidle_recorder_pass(recorder, vm, NULL, NULL), 0);
	/* A pass that fails is not in it, and the next one may be. */
	fake.scan_error = ENOMEM;
	fake.scan_error_at = fake.scan_calls;
	assert_int_equal(kvmidle_recorder_pass(recorder, vm, NULL, NULL), -ENOMEM);
	memset(&seen, 0, sizeof(seen));
	seen.ret = 77;
	assert_int_equal(kvmidle_recorder_pass(recorder, vm, see, &seen), 77);
	fake.info_error = ESRCH;
	assert_int_equal(kvmidle_recorder_pass(recorder, vm, NULL, NULL), -ESRCH);
	fake.info_error = 0;
	assert_int_equal(kvmidle_recorder_pass(recorder, vm, NULL, NULL), 0);
	assert_int_equal(kvmidle_recorder_end(recorder), 0);
	close(fd);
	kvmidle_close(vm);

	vm = open_whole();
	assert_int_equal(kvmidle_recording_passes(vm), 2);
	memset(&seen, 0, sizeof(seen));
	assert_int_equal(kvmidle_pass_regions(vm, see, &seen), 0);
	assert_int_equal(seen.count, COUNT(pass_0));
	assert_memory_equal(seen.at, pass_0, sizeof(pass_0));
	expect_state(vm, 0);
	assert_in_range(kvmidle_pass_started(vm), before, kvmidle_now());
	kvmidle_close(vm);
}

static void refused(void **state)
{
	static const struct kvm_idle_region bad_regions[][2] = {
		{ R(0, 1, 0) }, { R(0, 1, 64) }, { R(1, 1, P) }, { R(2, 1, P) },
		{ { 1, PAGE, P } }, { { 0, PAGE + 1, P } },
		{ { 1ull << 52, (1ull << 52) + PAGE, P } },
		{ R(4, 6, P), R(5, 7, Y) }, { R(4, 6, P), R(6, 7, P) }, { R(4, 6, P), R(0, 1, P) },
	};
	static const struct kvm_idle_slot bad_slots[][2] = {
		{ { .bytes = 0 }, { .gpa = PAGE, .bytes = PAGE } },
		{ { .bytes = 1 }, { .gpa = PAGE, .bytes = PAGE } },
		{ { .bytes = PAGE, .hva = 1 }, { .gpa = PAGE, .bytes = PAGE } },
		{ { .bytes = 2 * PAGE }, { .gpa = PAGE, .bytes = PAGE } },
		{ { .gpa = PAGE, .bytes = PAGE }, { .gpa = 0, .bytes = PAGE } },
		{ { .bytes = PAGE }, { .gpa = 1ull << 52, .bytes = PAGE } },
		{ { .bytes = PAGE }, { .gpa = PAGE, .bytes = 1ull << 52 } },
		{ { .bytes = PAGE }, { .gpa = PAGE, .hva = -PAGE, .bytes = 2 * PAGE } },
	};
	static const struct kvmidle_node_range bad_ranges[][2] = {
		{ R(0, 1, 65536) }, { R(1, 1, 0) }, { R(1, 3, 0), R(2, 4, 1) },
	};
	const struct kvmidle_recording_head long_name = { .name =
		"0123456789012345678901234567890123456789012345678901234567890123"
		"0123456789012345678901234567890123456789012345678901234567890123" };
	const struct kvmidle_recording_head no_name = { 0 };
	struct kvm_idle_info info = info_of(0), bad;
	struct kvmidle_recorder *recorder;
	int fd = open(path, O_WRONLY);
	struct stat st;
	size_t i;

	(void)state;
	assert_int_equal(kvmidle_recorder_new(fd, &long_name, &recorder), -EINVAL);
	assert_int_equal(kvmidle_recorder_new(fd, &no_name, &recorder), -EINVAL);
	assert_int_equal(kvmidle_recorder_new(-1, &the_head, &recorder), -EBADF);
	assert_int_equal(kvmidle_recorder_new(fd, &the_head, &recorder), 0);
	assert_int_equal(kvmidle_recorder_nodes(recorder, ranges, 1), -EINVAL);

#define ADD(started, info, slots, n, regions, m) \
	kvmidle_recorder_add(recorder, started, info, slots, n, regions, m)
	for (i = 0; i < COUNT(bad_regions); i++)
		assert_int_equal(ADD(5, &info, slots_a, 2, bad_regions[i],
				     bad_regions[i][1].end ? 2 : 1), -EINVAL);
	for (i = 0; i < COUNT(bad_slots); i++)
		assert_int_equal(ADD(5, &info, bad_slots[i], 2, pass_0, 1), -EINVAL);
	bad = info;
	bad.size = 71;
	assert_int_equal(ADD(5, &bad, slots_a, 2, pass_0, 1), -EINVAL);
	bad = info;
	bad.page_size = 4095;
	assert_int_equal(ADD(5, &bad, slots_a, 2, pass_0, 1), -EINVAL);
	bad.page_size = 0;
	assert_int_equal(ADD(5, &bad, slots_a, 2, pass_0, 1), -EINVAL);
	bad = info;
	bad.end_gpa = 1ull << 53;
	assert_int_equal(ADD(5, &bad, slots_a, 2, pass_0, 1), -EINVAL);
	/* Nothing of that was written. */
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_size, RECORDING_START_SIZE + BLOCK_HEAD_SIZE + HEAD_SIZE +
			 strlen(the_head.name));

	assert_int_equal(ADD(5, &info, slots_a, 2, pass_0, 1), 0);
	assert_int_equal(ADD(4, &info, slots_a, 2, pass_0, 1), -EINVAL);
	bad = info;
	bad.page_size = 16384;
	assert_int_equal(ADD(5, &bad, NULL, 0, NULL, 0), -EINVAL);
	for (i = 0; i < COUNT(bad_ranges); i++)
		assert_int_equal(kvmidle_recorder_nodes(recorder, bad_ranges[i],
							bad_ranges[i][1].end ? 2 : 1), -EINVAL);
	assert_int_equal(kvmidle_recorder_end(recorder), 0);
	assert_int_equal(kvmidle_recorder_end(NULL), 0);
	close(fd);
	kvmidle_close(open_whole());
}

/* The disk is full in the middle of a pass: what is before stays good. */
static void no_space(void **state)
{
	struct kvm_idle_region *many = calloc(9000, sizeof(*many));
	struct kvm_idle_info info = info_of(0);
	struct kvmidle_recorder *recorder;
	struct rlimit all, some;
	int fd = open(path, O_WRONLY);
	struct kvmidle_vm *vm;
	size_t i;

	(void)state;
	srand(1);
	for (i = 0; i < 9000; i++)
		many[i] = (struct kvm_idle_region)R(i * 50 + rand() % 20, i * 50 + 21 + rand() % 20, P);
	assert_int_equal(kvmidle_recorder_new(fd, &the_head, &recorder), 0);
	assert_int_equal(ADD(1, &info, slots_a, 2, pass_0, COUNT(pass_0)), 0);

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &all), 0);
	some = all;
	some.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &some), 0);
	assert_int_equal(ADD(2, &info, slots_a, 2, many, 9000), -EFBIG);
	assert_int_equal(ADD(2, &info, slots_a, 2, many, 0), -EFBIG);
	assert_int_equal(kvmidle_recorder_end(recorder), 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &all), 0);
	signal(SIGXFSZ, SIG_DFL);
	close(fd);

	vm = open_whole();
	assert_int_equal(kvmidle_recording_passes(vm), 1);
	kvmidle_close(vm);

	fd = open("/dev/full", O_WRONLY);
	assert_int_equal(kvmidle_recorder_new(fd, &the_head, &recorder), -ENOSPC);
	close(fd);
	free(many);
}

/* ---- Damage --------------------------------------------------------------- */

/* All that a recording says, in one number. */
static uint64_t mix(uint64_t sum, const void *bytes, size_t count)
{
	const uint8_t *at = bytes;

	while (count--)
		sum = (sum ^ *at++) * 1099511628211ull;
	return sum;
}

static int sum_regions(void *arg, const struct kvm_idle_region *regions, size_t count)
{
	size_t i;

	/* However they are cut into calls. */
	for (i = 0; i < count; i++)
		*(uint64_t *)arg = mix(*(uint64_t *)arg, &regions[i], sizeof(regions[i]));
	return 0;
}

static uint64_t sum_of(struct kvmidle_vm *vm)
{
	struct kvmidle_recording_head head;
	struct kvmidle_nodes *nodes;
	uint64_t sum = 14695981039346656037ull;
	int err;

	assert_int_equal(kvmidle_recording_get_head(vm, &head), 0);
	sum = mix(sum, head.name, strlen(head.name));
	sum = mix(sum, &head.pid, sizeof(head.pid));
	sum = mix(sum, &head.vm, sizeof(head.vm));
	sum = mix(sum, &head.wall_ns, sizeof(head.wall_ns));
	while (!(err = kvmidle_pass_regions(vm, sum_regions, &sum))) {
		struct kvm_idle_info info = { .size = sizeof(info) };
		uint64_t started = kvmidle_pass_started(vm);
		struct kvmidle_slots *slots;

		sum = mix(sum, &started, sizeof(started));
		assert_int_equal(kvmidle_get_info(vm, &info), 0);
		sum = mix(sum, &info, sizeof(info));
		assert_int_equal(kvmidle_get_slots(vm, 1, &slots), 0);
		sum = mix(sum, slots->at, slots->count * sizeof(slots->at[0]));
		kvmidle_slots_free(slots);
	}
	assert_int_equal(err, -ENODATA);
	err = kvmidle_get_nodes(vm, NULL, &nodes);
	if (!err) {
		size_t i;

		for (i = 0; i < nodes->count; i++) {
			sum = mix(sum, &nodes->at[i].start, 16);
			sum = mix(sum, &nodes->at[i].node, sizeof(nodes->at[i].node));
		}
		kvmidle_nodes_free(nodes);
	} else {
		assert_int_equal(err, -ENODATA);
	}
	return sum;
}

/* It does not open, and the sentence names a byte of the file. Returns the error. */
static int expect_byte(size_t size, unsigned long long *byte)
{
	struct kvmidle_vm *vm = NULL;
	char why[512] = "";
	int err = kvmidle_open_recording(path, 0, &vm, why, sizeof(why));
	const char *at;

	if (!err) {
		kvmidle_close(vm);
		return 0;
	}
	assert_true(!strncmp(why, path, strlen(path)));
	at = strstr(why, ": byte ");
	if (!at)
		fail_msg("no byte is named: %s", why);
	assert_int_equal(sscanf(at, ": byte %llu:", byte), 1);
	assert_true(*byte <= size);
	return err;
}

static void each_byte(void **state)
{
	unsigned long long byte;
	uint8_t *bytes;
	size_t size, i;
	int bit;

	(void)state;
	record();
	bytes = contents(&size);
	for (i = 0; i < size; i++) {
		for (bit = 0; bit < 9; bit++) {
			uint8_t flip = bit == 8 ? 0xff : 1 << bit;
			int err;

			bytes[i] ^= flip;
			put_contents(bytes, size);
			err = expect_byte(size, &byte);
			bytes[i] ^= flip;
			/* None is harmless, but as yet none. */
			if (i < RECORDING_MAGIC_SIZE)
				assert_int_equal(err, -ENOEXEC);
			else if (i < RECORDING_START_SIZE)
				assert_int_equal(err, -EPROTONOSUPPORT);
			else
				assert_int_equal(err, -EBADMSG);
		}
	}
	free(bytes);
}

static size_t passes_up_to(const uint8_t *bytes, size_t length)
{
	size_t at = RECORDING_START_SIZE, count = 0;

	while (at + BLOCK_HEAD_SIZE <= length) {
		size_t next = at + BLOCK_HEAD_SIZE + get_u32(bytes + at + 4);

		if (next > length)
			break;
		count += get_u32(bytes + at) == BLOCK_PASS;
		at = next;
	}
	return count;
}

/* Cut at any length: an error; or on request, the passes that are whole. */
static void each_length(void **state)
{
	unsigned long long byte;
	struct kvmidle_vm *vm;
	uint8_t *bytes;
	size_t size, n;
	char why[512];

	(void)state;
	record();
	bytes = contents(&size);
	for (n = size; n--; ) {
		size_t whole = passes_up_to(bytes, n);

		assert_int_equal(truncate(path, n), 0);
		assert_int_equal(expect_byte(n, &byte), n ? -EBADMSG : -ENOEXEC);
		assert_int_equal(byte, n);
		vm = NULL;
		if (!whole) {
			assert_int_equal(kvmidle_open_recording(path, KVMIDLE_RECORDING_PARTIAL,
								&vm, NULL, 0),
					 n ? -EBADMSG : -ENOEXEC);
			continue;
		}
		assert_int_equal(kvmidle_open_recording(path, KVMIDLE_RECORDING_PARTIAL,
							&vm, why, sizeof(why)), 0);
		/* It is taken, and yet not passed over in silence. */
		assert_non_null(strstr(why, "the file ends"));
		assert_int_equal(kvmidle_recording_passes(vm), whole);
		memset(&seen, 0, sizeof(seen));
		assert_int_equal(kvmidle_pass_regions(vm, see, &seen), 0);
		assert_memory_equal(seen.at, pass_0, sizeof(pass_0));
		kvmidle_close(vm);
	}
	free(bytes);
}

/* A file made by hand. */
struct forgery {
	uint8_t bytes[8192];
	size_t size;
};

static void forge(struct forgery *f, uint32_t type, const void *payload, size_t length)
{
	uint8_t *head = f->bytes + f->size;

	assert_true(f->size + BLOCK_HEAD_SIZE + length <= sizeof(f->bytes));
	put_u32(head, type);
	put_u32(head + 4, length);
	memcpy(head + BLOCK_HEAD_SIZE, payload, length);
	put_u32(head + 8, kvmidle_block_crc(head, head + BLOCK_HEAD_SIZE, length));
	f->size += BLOCK_HEAD_SIZE + length;
}

static void forge_start(struct forgery *f)
{
	memcpy(f->bytes, RECORDING_MAGIC, RECORDING_MAGIC_SIZE);
	put_u32(f->bytes + RECORDING_MAGIC_SIZE, RECORDING_VERSION);
	f->size = RECORDING_START_SIZE;
}

static void forge_head(struct forgery *f)
{
	uint8_t payload[HEAD_SIZE + 1] = { 0 };

	put_u32(payload + 16, 1);
	payload[HEAD_SIZE] = 'x';
	forge(f, BLOCK_HEAD, payload, sizeof(payload));
}

static void forge_info(struct forgery *f, uint32_t page_size, uint64_t end_gpa,
		       size_t length)
{
	uint8_t payload[INFO_SIZE + 100] = { 0 };

	put_u32(payload + 12, page_size);
	put_u64(payload + 40, end_gpa);
	forge(f, BLOCK_INFO, payload, length);
}

static void forge_slots(struct forgery *f, const struct kvm_idle_slot *slots,
			uint32_t count, uint32_t stride, int more)
{
	uint8_t payload[1024] = { 0 };
	uint32_t i;

	put_u32(payload + 8, count);
	put_u32(payload + 12, stride);
	for (i = 0; i < count && slots; i++)
		kvmidle_pack_slot(payload + SLOTS_HEAD_SIZE + i * stride, &slots[i]);
	forge(f, BLOCK_SLOTS, payload, SLOTS_HEAD_SIZE + (slots ? count * stride : 0) + more);
}

static void forge_pass(struct forgery *f, uint64_t started, const char *numbers,
		       size_t length, uint64_t count)
{
	uint8_t payload[256] = { 0 };

	put_u64(payload, started);
	put_u64(payload + 8, count);
	put_u32(payload + 16, length);
	memcpy(payload + 24, numbers, length);
	forge(f, BLOCK_PASS, payload, 24 + length);
}

static void forge_end(struct forgery *f, uint64_t passes_counted)
{
	uint8_t payload[END_SIZE];

	put_u64(payload, passes_counted);
	forge(f, BLOCK_END, payload, sizeof(payload));
}

/* All up to the first pass. */
static void forge_begin(struct forgery *f)
{
	forge_start(f);
	forge_head(f);
	forge_info(f, 4096, 0, INFO_SIZE);
	forge_slots(f, slots_a, 2, SLOT_SIZE, 0);
}

static void expect_forged(const struct forgery *f, int error, size_t at, const char *what)
{
	struct kvmidle_vm *vm = NULL;
	char why[512], expected[512];
	int err;

	put_contents(f->bytes, f->size);
	err = kvmidle_open_recording(path, 0, &vm, why, sizeof(why));
	if (!err)
		kvmidle_close(vm);
	if (what) {
		snprintf(expected, sizeof(expected), "%s: byte %zu: %s", path, at, what);
		assert_string_equal(why, expected);
	} else {
		assert_string_equal(why, "");
	}
	assert_int_equal(err, error);
}

static void forged_heads(void **state)
{
	struct forgery f;
	uint8_t payload[HEAD_SIZE + 200] = { 0 };
	const size_t at = RECORDING_START_SIZE;

	(void)state;
	forge_start(&f);
	expect_forged(&f, -EBADMSG, at, "the file ends here, without an end mark: it was cut off, or is still being written");
	forge_info(&f, 4096, 0, INFO_SIZE);
	expect_forged(&f, -EBADMSG, at, "the recording does not begin with its head");

	forge_start(&f);
	forge(&f, BLOCK_HEAD, payload, HEAD_SIZE - 1);
	expect_forged(&f, -EBADMSG, at + 12, "this head is too short");
	forge_start(&f);
	put_u32(payload + 16, 2);
	forge(&f, BLOCK_HEAD, payload, HEAD_SIZE + 1);
	expect_forged(&f, -EBADMSG, at + 28, "this head has a name of another length than it says");
	forge_start(&f);
	put_u32(payload + 16, 128);
	forge(&f, BLOCK_HEAD, payload, HEAD_SIZE + 128);
	expect_forged(&f, -EBADMSG, at + 28, "this head has a name of another length than it says");
	forge_start(&f);
	put_u32(payload + 16, 1);
	forge(&f, BLOCK_HEAD, payload, HEAD_SIZE + 1);
	expect_forged(&f, -EBADMSG, at + 32, "this head has a name with a NUL in it");
	forge_start(&f);
	put_u32(payload + 8, 0x80000000);
	forge(&f, BLOCK_HEAD, payload, HEAD_SIZE + 1);
	expect_forged(&f, -EBADMSG, at + 20, "this head has a PID that no process has");

	forge_start(&f);
	forge_head(&f);
	forge_head(&f);
	expect_forged(&f, -EBADMSG, at + 33, "this is a second head");
	forge_start(&f);
	forge_head(&f);
	forge_end(&f, 0);
	expect_forged(&f, -ENODATA, f.size, "the recording ends here, before its first pass");

	f.size = 0;
	expect_forged(&f, -ENOEXEC, 0, "the file is empty");
	f.size = 5;
	expect_forged(&f, -EBADMSG, 5, "the file ends in the middle of its beginning");
	memcpy(f.bytes, "hello world", 12);
	expect_forged(&f, -ENOEXEC, 0, "this is not a recording of kvmidle");
	f.size = 11;
	expect_forged(&f, -ENOEXEC, 0, "this is not a recording of kvmidle");
	forge_start(&f);
	f.bytes[RECORDING_MAGIC_SIZE] = 2;
	expect_forged(&f, -EPROTONOSUPPORT, 8, "a recording of version 2, and this program knows version 1");
}

static void forged_infos_and_slots(void **state)
{
	static const struct kvm_idle_slot overlap[] = {
		{ .bytes = 2 * PAGE }, { .gpa = PAGE, .bytes = PAGE },
	};
	const size_t at = RECORDING_START_SIZE + BLOCK_HEAD_SIZE + HEAD_SIZE + 1;
	const size_t slots_at = at + BLOCK_HEAD_SIZE + INFO_SIZE;
	struct forgery f;

	(void)state;
#define BEGIN()	(forge_start(&f), forge_head(&f))
	BEGIN();
	forge_info(&f, 4096, 0, KVM_IDLE_INFO_SIZE_V1 - 1);
	expect_forged(&f, -EBADMSG, at + 12, "this info is too short");
	BEGIN();
	forge_info(&f, 4097, 0, INFO_SIZE);
	expect_forged(&f, -EBADMSG, at + 24, "pages of 4097 bytes are not known");
	BEGIN();
	forge_info(&f, 0, 0, INFO_SIZE);
	expect_forged(&f, -EBADMSG, at + 24, "pages of 0 bytes are not known");
	BEGIN();
	forge_info(&f, 4096, (1ull << 52) + 1, INFO_SIZE);
	expect_forged(&f, -EBADMSG, at + 52, "guest memory ends behind the last possible address");
	BEGIN();
	forge_info(&f, 4096, 0, INFO_SIZE);
	forge_info(&f, 8192, 0, INFO_SIZE);
	expect_forged(&f, -EBADMSG, slots_at + 24, "the size of pages changes");

	BEGIN();
	forge_slots(&f, slots_a, 2, SLOT_SIZE, 0);
	expect_forged(&f, -EBADMSG, at, "slots come before the first info");
#undef BEGIN
#define BEGIN()	(forge_start(&f), forge_head(&f), forge_info(&f, 4096, 0, INFO_SIZE))
	BEGIN();
	forge(&f, BLOCK_SLOTS, "0123456789", 10);
	expect_forged(&f, -EBADMSG, slots_at + 12, "this list of slots is too short");
	BEGIN();
	forge_slots(&f, slots_a, 2, SLOT_SIZE, 1);
	expect_forged(&f, -EBADMSG, slots_at + 20, "this list has another length than its 2 slots");
	BEGIN();
	forge_slots(&f, NULL, 0xffffffff, SLOT_SIZE, 0);
	expect_forged(&f, -EBADMSG, slots_at + 20, "this list has another length than its 4294967295 slots");
	BEGIN();
	forge_slots(&f, NULL, 1, 0, 0);
	expect_forged(&f, -EBADMSG, slots_at + 24, "slots of 0 bytes are too short");
	BEGIN();
	forge_slots(&f, overlap, 2, SLOT_SIZE, 0);
	expect_forged(&f, -EBADMSG, slots_at + 28, "these slots overlap, or are not in order");

	/* Of a later writer: an info and slots that have more to them. */
	forge_start(&f);
	forge_head(&f);
	forge_info(&f, 4096, 0, INFO_SIZE + 100);
	forge_slots(&f, slots_a, 2, SLOT_SIZE + 8, 0);
	forge_pass(&f, 1, "\0\1\1", 3, 1);
	forge_end(&f, 1);
	expect_forged(&f, 0, 0, NULL);
}

static void forged_passes(void **state)
{
	struct forgery f;
	size_t at, second;

	(void)state;
	forge_start(&f);
	forge_head(&f);
	at = f.size;
	forge_pass(&f, 1, "\0\1\1", 3, 1);
	expect_forged(&f, -EBADMSG, at, "a pass comes before the first slots");

	forge_begin(&f);
	at = f.size;
	forge(&f, BLOCK_PASS, "1234567", 7);
	expect_forged(&f, -EBADMSG, at + 12, "this pass is too short");
	forge_begin(&f);
	forge(&f, BLOCK_PASS, "01234567890123456789012", 23);
	expect_forged(&f, -EBADMSG, at + 20, "these runs lack their head");
	forge_begin(&f);
	forge_pass(&f, 1, "\0\1\100", 3, 1);
	expect_forged(&f, -EBADMSG, at + 38, "these runs have a value that is unknown");
	forge_begin(&f);
	forge_pass(&f, 1, "\0\1\0", 3, 1);
	expect_forged(&f, -EBADMSG, at + 38, "these runs have a value that is unknown");
	forge_begin(&f);
	forge_pass(&f, 1, "\377\377\377\377\377\77\1\1", 8, 1);	/* page 2^41 - 1 */
	expect_forged(&f, -EBADMSG, at + 43, "these runs go beyond the last possible address");

	forge_begin(&f);
	forge_pass(&f, 1, "\200\200\200\200\200\40\1\1", 8, 1);	/* page 2^40 */
	expect_forged(&f, -EBADMSG, at + 43, "these runs go beyond the last possible address");
	forge_start(&f);
	forge_head(&f);
	forge_info(&f, 65536, 0, INFO_SIZE);
	forge_slots(&f, NULL, 0, SLOT_SIZE, 0);
	forge_pass(&f, 1, "\377\377\377\377\377\1\1\1", 8, 1);	/* page 2^36 - 1, the last */
	at = f.size;
	forge_pass(&f, 1, "\200\200\200\200\200\2\1\1", 8, 1);	/* page 2^36 */
	expect_forged(&f, -EBADMSG, at + 43, "these runs go beyond the last possible address (1 whole pass is before)");

	forge_begin(&f);
	at = f.size;
	forge_pass(&f, 5, "\0\1\1", 3, 1);
	second = f.size;
	forge_pass(&f, 4, "\0\1\1", 3, 1);
	expect_forged(&f, -EBADMSG, second + 12, "this pass began before the one before it (1 whole pass is before)");

	forge_begin(&f);
	forge_pass(&f, 5, "\0\1\1", 3, 1);
	forge_pass(&f, (1ull << 62) + 1, "\0\1\1", 3, 1);
	expect_forged(&f, -EBADMSG, second + 12, "this pass began at a time that no clock shows (1 whole pass is before)");
	forge_begin(&f);
	forge_pass(&f, 1ull << 62, "\0\1\1", 3, 1);
	forge_end(&f, 1);
	expect_forged(&f, 0, 0, NULL);

	forge_begin(&f);
	forge(&f, BLOCK_NODES, "", 0);
	expect_forged(&f, -EBADMSG, at, "nodes come before the first pass");
	forge_begin(&f);
	forge_pass(&f, 5, "\0\1\1", 3, 1);
	forge(&f, BLOCK_NODES, "", 0);
	expect_forged(&f, -EBADMSG, second + 12, "these runs lack their head (1 whole pass is before)");

	forge_begin(&f);
	forge_pass(&f, 5, "\0\1\1", 3, 1);
	forge_pass(&f, 5, "\0\1\1", 3, 1);
	at = f.size;
	forge_end(&f, 3);
	expect_forged(&f, -EBADMSG, at + 12, "this end mark counts 3 passes, and there are 2 (2 whole passes are before)");
	f.size = at;
	forge(&f, BLOCK_END, "", 0);
	expect_forged(&f, -EBADMSG, at + 12, "this end mark is not of its length (2 whole passes are before)");
	f.size = at;
	forge_end(&f, 2);
	expect_forged(&f, 0, 0, NULL);
	at = f.size;
	forge_end(&f, 2);
	expect_forged(&f, -EBADMSG, at, "there is more behind the end mark (2 whole passes are before)");
}

/* Good ones are not given up for those that are damaged. */
static void damaged_nodes_behind_good_ones(void **state)
{
	/* One run of one byte a number: all 16 pages from page 0 on are on node 3. */
	uint8_t payload[16 + 3] = { 1, 0, 0, 0, 0, 0, 0, 0, 3 };
	struct kvmidle_nodes *nodes;
	struct kvmidle_vm *vm;
	struct forgery f;

	(void)state;
	payload[17] = 16;
	payload[18] = 3;
	forge_begin(&f);
	forge_pass(&f, 5, "\0\1\1", 3, 1);
	forge(&f, BLOCK_NODES, payload, sizeof(payload));
	forge(&f, BLOCK_NODES, "", 0);
	put_contents(f.bytes, f.size);
	assert_int_equal(kvmidle_open_recording(path, KVMIDLE_RECORDING_PARTIAL, &vm, NULL, 0), 0);
	assert_int_equal(kvmidle_get_nodes(vm, NULL, &nodes), 0);
	assert_int_equal(kvmidle_nodes_count(nodes), 1);
	assert_int_equal(kvmidle_nodes_at(nodes, 0)->node, 3);
	kvmidle_nodes_free(nodes);
	kvmidle_close(vm);
}

/* Blocks that this reader is too old to know. */
static void forged_blocks(void **state)
{
	struct forgery f;
	char what[200];
	size_t at;

	(void)state;
	forge_begin(&f);
	forge(&f, BLOCK_MAY_BE_SKIPPED | 7, "whatever", 8);
	forge_pass(&f, 5, "\0\1\1", 3, 1);
	at = f.size;
	forge(&f, BLOCK_MAY_BE_SKIPPED | BLOCK_PASS, "no pass", 7);
	forge_end(&f, 1);
	expect_forged(&f, 0, 0, NULL);
	f.size = at;
	forge(&f, 7, "whatever", 8);
	forge_end(&f, 1);
	expect_forged(&f, -EPROTONOSUPPORT, at, "a block of type 7, which this program is too old to know");

	/* A length that is not true. */
	f.size = at;
	forge(&f, BLOCK_PASS, "", 0);
	put_u32(f.bytes + at + 4, 0xffffffff);
	forge_end(&f, 1);
	snprintf(what, sizeof(what), "the file ends in the middle of the pass that begins at byte %zu (1 whole pass is before)", at);
	expect_forged(&f, -EBADMSG, f.size, what);
}

/* A name is shown as it is: nothing in it may reach a terminal. */
static void name_is_printable(void **state)
{
	uint8_t payload[HEAD_SIZE + 5] = { 0 };
	struct kvmidle_recording_head head;
	struct kvmidle_vm *vm;
	struct forgery f;

	(void)state;
	put_u32(payload + 16, 5);
	memcpy(payload + HEAD_SIZE, "a\x1b[\xff\n", 5);
	forge_start(&f);
	forge(&f, BLOCK_HEAD, payload, sizeof(payload));
	forge_info(&f, 4096, 0, INFO_SIZE);
	forge_slots(&f, slots_a, 2, SLOT_SIZE, 0);
	forge_pass(&f, 5, "\0\1\1", 3, 1);
	forge_end(&f, 1);
	put_contents(f.bytes, f.size);
	vm = open_whole();
	assert_int_equal(kvmidle_recording_get_head(vm, &head), 0);
	assert_string_equal(head.name, "a?[??");
	kvmidle_close(vm);
}

/* The file is changed after it was opened: an error, no more. */
static void changed_meanwhile(void **state)
{
	struct kvmidle_vm *vm;
	uint8_t *bytes;
	size_t size;
	char text[512];

	(void)state;
	record();
	bytes = contents(&size);
	vm = open_whole();
	bytes[size / 2] ^= 1;
	put_contents(bytes, size);
	while (!kvmidle_pass_regions(vm, NULL, NULL))
		;
	assert_int_equal(truncate(path, 40), 0);
	assert_int_equal(kvmidle_recording_rewind(vm), -EBADMSG);
	assert_int_equal(kvmidle_pass_regions(vm, NULL, NULL), -EBADMSG);
	assert_int_equal(kvmidle_diagnose(1, KVMIDLE_PEEK, vm, -EBADMSG, text, sizeof(text)),
			 KVMIDLE_PROBLEM_RECORDING);
	assert_non_null(strstr(text, "was changed"));
	kvmidle_close(vm);
	free(bytes);
}

/* Mend the checksums, so that what is behind them is met. */
static void mend(uint8_t *bytes, size_t size)
{
	size_t at = RECORDING_START_SIZE;

	while (at + BLOCK_HEAD_SIZE <= size) {
		uint8_t *head = bytes + at;
		uint32_t length = get_u32(head + 4);

		if (length > size - at - BLOCK_HEAD_SIZE)
			return;
		put_u32(head + 8, kvmidle_block_crc(head, head + BLOCK_HEAD_SIZE, length));
		at += BLOCK_HEAD_SIZE + length;
	}
}

/* Damage at random whose checksums are right: never a crash, and each error names a byte. */
static void random_damage(void **state)
{
	struct timespec now;
	time_t end;
	uint8_t *good, *bad;
	size_t size, runs = 0, opened = 0;
	unsigned int seed = 20240607;

	(void)state;
	record();
	good = contents(&size);
	bad = malloc(size);
	clock_gettime(CLOCK_MONOTONIC, &now);
	end = now.tv_sec + 3;
	do {
		unsigned int i, changes = 1 + rand_r(&seed) % 4;
		unsigned long long byte;
		struct kvmidle_vm *vm;

		memcpy(bad, good, size);
		for (i = 0; i < changes; i++) {
			static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xff };
			size_t at = RECORDING_START_SIZE + rand_r(&seed) % (size - RECORDING_START_SIZE);

			bad[at] = rand_r(&seed) % 2 ? edges[rand_r(&seed) % 5] : rand_r(&seed);
		}
		mend(bad, size);
		put_contents(bad, size);
		if (!expect_byte(size, &byte)) {
			vm = open_whole();
			sum_of(vm);
			assert_int_equal(kvmidle_recording_rewind(vm), 0);
			kvmidle_close(vm);
			opened++;
		}
		runs++;
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec < end || runs < 100);
	print_message("# random damage: %zu files, of which %zu opened\n", runs, opened);
	assert_true(opened > 0 && opened < runs);
	free(good);
	free(bad);
}

static void no_file(void **state)
{
	struct kvmidle_vm *vm;
	char why[512];

	(void)state;
	assert_int_equal(kvmidle_open_recording("/nowhere/x\x1b", 0, &vm, why, sizeof(why)), -ENOENT);
	assert_string_equal(why, "/nowhere/x?: No such file or directory");
	assert_int_equal(kvmidle_open_recording("/tmp", 0, &vm, why, 20), -EISDIR);
	assert_string_equal(why, "/tmp: Is a director");
	assert_int_equal(kvmidle_open_recording(path, 2, &vm, NULL, 0), -EINVAL);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)

static const struct CMUnitTest tests[] = {
	TEST(round_trip),
	TEST(repeats_nothing),
	TEST(through_a_pipe),
	TEST(ended_by_the_caller),
	TEST(takes_a_machine),
	TEST(as_a_bitmap),
	TEST(many_regions),
	TEST(ages_of_a_recording),
	TEST(recorded_again),
	TEST(recorded_from_a_machine),
	TEST(refused),
	TEST(no_space),
	TEST(each_byte),
	TEST(each_length),
	TEST(forged_heads),
	TEST(forged_infos_and_slots),
	TEST(forged_passes),
	TEST(damaged_nodes_behind_good_ones),
	TEST(forged_blocks),
	TEST(name_is_printable),
	TEST(changed_meanwhile),
	TEST(random_damage),
	TEST(no_file),
};

SUITE(suite_recording, tests);
