// SPDX-License-Identifier: GPL-2.0-only
/* Regions of a running VM, and on which nodes they lie. */
#include "fake.h"
#include "suite.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PAGE	4096ull
#define P	KVM_IDLE_PAGE_PRESENT
#define Y	KVM_IDLE_PAGE_YOUNG
#define D	KVM_IDLE_PAGE_DIRTY
#define H2	KVM_IDLE_PAGE_HUGE_2M

/* From page @from to before page @to. */
#define R(from, to, categories)	{ (from) * PAGE, (to) * PAGE, categories }

static const struct kvm_idle_region machine[] = {
	R(0, 3, P), R(3, 4, P | Y | D), R(4, 6, P | Y), R(6, 8, 0),
	R(8, 9, Y), R(512, 1024, P | H2), R(1024, 1536, P | H2 | Y),
	R(2048, 2049, D), R(2050, 2051, P),
};

/* What a pass tells of it: DIRTY is not asked for. */
static const struct kvm_idle_region told[] = {
	R(0, 3, P), R(3, 6, P | Y), R(8, 9, Y), R(512, 1024, P | H2),
	R(1024, 1536, P | H2 | Y), R(2050, 2051, P),
};

static struct kvmidle_vm *open_machine(enum kvmidle_mode mode)
{
	struct kvmidle_vm *vm;

	fake_bitmap(64);
	fake.scans = true;
	fake.info.page_size = 4096;
	fake.regions = machine;
	fake.regions_count = sizeof(machine) / sizeof(machine[0]);
	assert_int_equal(kvmidle_open(FAKE_PID, mode, &vm), 0);
	return vm;
}

/* All regions that a pass delivered. */
struct seen {
	struct kvm_idle_region at[10000];
	size_t count;
	unsigned int calls;
	unsigned int stop_at;	/* in this call, counted from 1 */
};

static struct seen seen;

static int see(void *arg, const struct kvm_idle_region *regions, size_t count)
{
	struct seen *s = arg;

	assert_true(count > 0);
	assert_true(s->count + count <= sizeof(s->at) / sizeof(s->at[0]));
	memcpy(s->at + s->count, regions, count * sizeof(*regions));
	s->count += count;
	return ++s->calls == s->stop_at ? 77 : 0;
}

static void expect_seen(const struct kvm_idle_region *expected, size_t count)
{
	assert_int_equal(seen.count, count);
	assert_memory_equal(seen.at, expected, count * sizeof(*expected));
}

static int setup(void **state)
{
	memset(&seen, 0, sizeof(seen));
	return fake_setup(state);
}

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))

static void pass(void **state)
{
	struct kvmidle_vm *vm = open_machine(KVMIDLE_HARVEST);
	uint64_t first;

	(void)state;
	assert_int_equal(kvmidle_pass_started(vm), 0);
	assert_int_equal(kvmidle_pass_regions(vm, see, &seen), 0);
	expect_seen(told, COUNT(told));
	assert_int_equal(fake.scanned.flags, KVM_IDLE_SCAN_HARVEST);
	assert_int_equal(fake.scanned.return_mask & D, 0);
	first = kvmidle_pass_started(vm);
	assert_true(first > 0);

	assert_int_equal(kvmidle_pass_regions(vm, NULL, NULL), 0);
	assert_true(kvmidle_pass_started(vm) >= first);
	kvmidle_close(vm);

	vm = open_machine(KVMIDLE_PEEK);
	assert_int_equal(kvmidle_pass_regions(vm, NULL, NULL), 0);
	assert_int_equal(fake.scanned.flags, 0);
	kvmidle_close(vm);
}

/* However often signals come, and wherever, nobody notices. */
static void pass_with_signals(void **state)
{
	struct kvmidle_vm *vm = open_machine(KVMIDLE_HARVEST);
	uint64_t slice;

	(void)state;
	/* The tail of the address space is not walked in so small steps. */
	for (slice = 1; slice < 10; slice++) {
		struct kvm_idle_region got[16];
		struct kvm_idle_scan scan = {
			.size = sizeof(scan), .end = 2100 * PAGE,
			.vec = (uintptr_t)got, .vec_len = COUNT(got),
			.category_anyof_mask = P | Y, .return_mask = P | Y | H2,
		};

		fake.scan_slice = slice * PAGE;
		fake.scan_interrupted = 2;
		assert_int_equal(kvmidle_scan(vm, &scan), COUNT(told));
		assert_memory_equal(got, told, sizeof(told));
		assert_int_equal(scan.walk_end, scan.end);
		assert_int_equal(scan.start, 0);
		assert_int_equal(scan.vec, (uintptr_t)got);
	}
	kvmidle_close(vm);
}

/* More than fit into one call: alternating, so that none can be joined. */
static void pass_of_many(void **state)
{
	const size_t count = 9000;
	struct kvm_idle_region *many = calloc(count, sizeof(*many));
	struct kvmidle_vm *vm = open_machine(KVMIDLE_HARVEST);
	size_t i;

	(void)state;
	for (i = 0; i < count; i++)
		many[i] = (struct kvm_idle_region)R(i, i + 1, i % 2 ? P : P | Y);
	fake.regions = many;
	fake.regions_count = count;
	assert_int_equal(kvmidle_pass_regions(vm, see, &seen), 0);
	expect_seen(many, count);
	assert_true(seen.calls > 2);

	/* One in the middle ends it. */
	memset(&seen, 0, sizeof(seen));
	seen.stop_at = 2;
	assert_int_equal(kvmidle_pass_regions(vm, see, &seen), 77);
	assert_int_equal(seen.calls, 2);
	kvmidle_close(vm);
	free(many);
}

/* Regions that go on across the calls of a pass are one, wherever the calls end. */
static void pass_joins(void **state)
{
	const size_t count = 4097;
	struct kvm_idle_region *many = calloc(count, sizeof(*many));
	struct kvmidle_vm *vm = open_machine(KVMIDLE_HARVEST);
	size_t i;

	(void)state;
	for (i = 0; i < count; i++)
		many[i] = (struct kvm_idle_region)R(i * 2, i * 2 + 2, i % 2 ? P : P | Y);
	fake.regions = many;
	fake.scan_splits = true;
	for (fake.regions_count = 4090; fake.regions_count <= count; fake.regions_count++) {
		memset(&seen, 0, sizeof(seen));
		fake.scan_calls = 0;
		assert_int_equal(kvmidle_pass_regions(vm, see, &seen), 0);
		expect_seen(many, fake.regions_count);
	}
	assert_int_equal(fake.scan_calls, 2);	/* it was split */

	/* Signals inside of one. */
	memset(&seen, 0, sizeof(seen));
	many[0] = (struct kvm_idle_region)R(0, 1ull << 40, P);
	fake.regions_count = 1;
	fake.scan_slice = 1ull << 50;
	assert_int_equal(kvmidle_pass_regions(vm, see, &seen), 0);
	expect_seen(many, 1);
	assert_true(fake.scan_calls > 1000);
	kvmidle_close(vm);
	free(many);
}

static void pass_errors(void **state)
{
	struct kvmidle_vm *vm = open_machine(KVMIDLE_HARVEST);

	(void)state;
	fake.scan_error = ESRCH;
	assert_int_equal(kvmidle_pass_regions(vm, see, &seen), -ESRCH);
	fake.scans = false;
	assert_int_equal(kvmidle_pass_regions(vm, see, &seen), -ENOTTY);
	assert_int_equal(seen.calls, 0);
	kvmidle_close(vm);
}

/* What was found before an error is delivered; the error comes next time. */
static void scan_error_behind_regions(void **state)
{
	struct kvmidle_vm *vm = open_machine(KVMIDLE_HARVEST);
	struct kvm_idle_region got[16];
	struct kvm_idle_scan scan = {
		.size = sizeof(scan), .end = 2100 * PAGE, .vec = (uintptr_t)got,
		.vec_len = COUNT(got), .category_mask = P, .return_mask = P,
	};

	(void)state;
	fake.scan_slice = 4 * PAGE;
	fake.scan_error = ESRCH;
	fake.scan_error_at = 1;
	assert_int_equal(kvmidle_scan(vm, &scan), 1);
	assert_int_equal(scan.walk_end, 4 * PAGE);
	fake.scan_error_at = fake.scan_calls;
	assert_int_equal(kvmidle_scan(vm, &scan), -ESRCH);
	kvmidle_close(vm);
}

static void scan_limits(void **state)
{
	struct kvmidle_vm *vm = open_machine(KVMIDLE_HARVEST);
	struct kvm_idle_region got[3];
	struct kvm_idle_scan scan = {
		.size = sizeof(scan), .end = 2100 * PAGE, .vec = (uintptr_t)got,
		.vec_len = 2, .category_mask = P, .return_mask = P | Y,
	};
	uint64_t slice;

	(void)state;
	for (slice = 0; slice < 5; slice++) {
		fake.scan_slice = slice * PAGE;

		/* The array is full. */
		scan.max_pages = 0;
		scan.vec = (uintptr_t)got;
		scan.vec_len = 2;
		assert_int_equal(kvmidle_scan(vm, &scan), 2);
		assert_in_range(got[1].end, 4 * PAGE, 6 * PAGE);
		assert_in_range(scan.walk_end, got[1].end, 512 * PAGE);

		/* So many pages have matched. */
		scan.vec_len = 3;
		scan.max_pages = 5;
		assert_int_equal(kvmidle_scan(vm, &scan), 2);
		assert_int_equal(got[1].start, 3 * PAGE);
		assert_int_equal(got[1].end, 5 * PAGE);
		assert_int_equal(scan.walk_end, 5 * PAGE);

		/* Likewise, and nobody wants to see them. */
		scan.vec = 0;
		scan.vec_len = 0;
		scan.max_pages = 700;
		assert_int_equal(kvmidle_scan(vm, &scan), 0);
		assert_int_equal(scan.walk_end, (1024 + 700 - 512 - 6) * PAGE);
		scan.max_pages = 0;
		assert_int_equal(kvmidle_scan(vm, &scan), 0);
		assert_int_equal(scan.walk_end, scan.end);
		scan.vec = (uintptr_t)got;	/* an array without room */
		scan.max_pages = 700;
		assert_int_equal(kvmidle_scan(vm, &scan), 0);
		assert_int_equal(scan.walk_end, (1024 + 700 - 512 - 6) * PAGE);
	}
	kvmidle_close(vm);
}

/* An end that is no multiple of a page, or behind all there can be. */
static void scan_to_the_end(void **state)
{
	static const uint64_t ends[] = { 2100 * PAGE - 1, UINT64_MAX, UINT64_MAX - 4095 };
	struct kvmidle_vm *vm = open_machine(KVMIDLE_HARVEST);
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(ends); i++) {
		struct kvm_idle_region got[16];
		struct kvm_idle_scan scan = {
			.size = sizeof(scan), .end = ends[i], .vec = (uintptr_t)got,
			.vec_len = COUNT(got), .category_anyof_mask = P | Y,
			.return_mask = P | Y | H2,
		};

		assert_int_equal(kvmidle_scan(vm, &scan), COUNT(told));
		assert_true(scan.walk_end >= ends[i]);
		assert_int_equal(scan.end, ends[i]);
	}
	kvmidle_close(vm);
}

static int node_of(uint64_t hva)
{
	/* Page 1 is not there, and from page 600 of the second slot on it is node 1. */
	if (hva == 0x10000000 + PAGE)
		return -ENOENT;
	return hva >= 0x20000000 + 88 * PAGE ? 1 : 0;
}

static const struct kvm_idle_slot slots[] = {
	{ .gpa = 0, .hva = 0x10000000, .bytes = 16 * PAGE },
	{ .gpa = 512 * PAGE, .hva = 0x20000000, .bytes = 1024 * PAGE },
	{ .gpa = 2048 * PAGE, .bytes = 512 * PAGE, .flags = KVM_IDLE_SLOT_NO_HVA },
};

static struct kvmidle_slots *the_slots(struct kvmidle_vm *vm)
{
	struct kvmidle_slots *list;

	fake.slots = slots;
	fake.slots_count = COUNT(slots);
	assert_int_equal(kvmidle_get_slots(vm, 0, &list), 0);
	return list;
}

static void expect_range(const struct kvmidle_node_range *got,
			 const struct kvmidle_node_range *expected)
{
	assert_int_equal(got->start, expected->start);
	assert_int_equal(got->end, expected->end);
	assert_int_equal(got->node, expected->node);
}

static void nodes(void **state)
{
	static const struct kvmidle_node_range mapped[] = {
		R(0, 1, 0), R(2, 6, 0), R(512, 600, 0), R(600, 1536, 1),
	};
	static const struct kvmidle_node_range all[] = {
		R(0, 1, 0), R(2, 16, 0), R(512, 600, 0), R(600, 1536, 1),
	};
	struct kvmidle_vm *vm = open_machine(KVMIDLE_HARVEST);
	struct kvmidle_slots *list = the_slots(vm);
	struct kvmidle_nodes *got;
	size_t i;

	(void)state;
	fake.node_of = node_of;
	assert_int_equal(kvmidle_get_nodes(vm, list, &got), 0);
	assert_int_equal(fake.scanned.flags, 0);	/* a look clears nothing */
	assert_int_equal(fake.move_pages_of, FAKE_PID);
	assert_int_equal(fake.move_pages_asked, 6 + 1024);
	assert_int_equal(kvmidle_nodes_count(got), COUNT(mapped));
	for (i = 0; i < COUNT(mapped); i++)
		expect_range(kvmidle_nodes_at(got, i), &mapped[i]);
	assert_null(kvmidle_nodes_at(got, i));
	kvmidle_nodes_free(got);

	/* An older module: all pages there may be are asked about. */
	fake.scans = false;
	assert_int_equal(kvmidle_get_nodes(vm, list, &got), 0);
	assert_int_equal(kvmidle_nodes_count(got), COUNT(all));
	for (i = 0; i < COUNT(all); i++)
		expect_range(kvmidle_nodes_at(got, i), &all[i]);
	kvmidle_nodes_free(got);

	kvmidle_nodes_free(NULL);
	kvmidle_slots_free(list);
	kvmidle_close(vm);
}

static int dies(uint64_t hva)
{
	fake.info_error = ESRCH;
	return hva ? 0 : -EFAULT;
}

static void nodes_errors(void **state)
{
	static const int errors[] = { EPERM, EACCES, ESRCH, ENOSYS, ENOMEM };
	struct kvmidle_vm *vm = open_machine(KVMIDLE_PEEK);
	struct kvmidle_slots *list = the_slots(vm);
	struct kvmidle_nodes *got;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(errors); i++) {
		fake.move_pages_error = errors[i];
		assert_int_equal(kvmidle_get_nodes(vm, list, &got), -errors[i]);
	}
	fake.move_pages_error = 0;
	/* It died meanwhile: who answered was maybe another. */
	fake.node_of = dies;
	assert_int_equal(kvmidle_get_nodes(vm, list, &got), -ESRCH);
	kvmidle_slots_free(list);
	kvmidle_close(vm);
}

#define TEST(name)	cmocka_unit_test_setup_teardown(name, setup, fake_teardown)

static const struct CMUnitTest tests[] = {
	TEST(pass),
	TEST(pass_with_signals),
	TEST(pass_of_many),
	TEST(pass_joins),
	TEST(pass_errors),
	TEST(scan_error_behind_regions),
	TEST(scan_limits),
	TEST(scan_to_the_end),
	TEST(nodes),
	TEST(nodes_errors),
};

SUITE(suite_scan, tests);
