// SPDX-License-Identifier: GPL-2.0-only
#include "fake.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>

static void open_errors(void **state)
{
	struct kvmidle_vm *vm = NULL;

	(void)state;
	assert_int_equal(kvmidle_open(0, KVMIDLE_PEEK, &vm), -EINVAL);
	assert_int_equal(kvmidle_open(-5, KVMIDLE_PEEK, &vm), -EINVAL);
	assert_int_equal(kvmidle_open(FAKE_PID, 2, &vm), -EINVAL);
	/* The process is there, the file is not: no module. */
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), -ENOENT);
	assert_int_equal(kvmidle_open(FAKE_PID + 1, KVMIDLE_PEEK, &vm), -ESRCH);
	assert_null(vm);
	kvmidle_close(NULL);
}

static void open_modes(void **state)
{
	struct kvmidle_vm *vm;
	int flags;

	(void)state;
	fake_bitmap(1);
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), 0);
	flags = fcntl(kvmidle_fd(vm), F_GETFL);
	assert_int_equal(flags & O_ACCMODE, O_RDONLY);
	assert_int_equal(fcntl(kvmidle_fd(vm), F_GETFD), FD_CLOEXEC);
	kvmidle_close(vm);

	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_HARVEST, &vm), 0);
	flags = fcntl(kvmidle_fd(vm), F_GETFL);
	assert_int_equal(flags & O_ACCMODE, O_RDWR);
	kvmidle_close(vm);
}

static void info(void **state)
{
	struct kvm_idle_info got = { .size = sizeof(got) };
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(1);
	fake.info.end_gpa = 0x123000;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), 0);
	assert_int_equal(kvmidle_get_info(vm, &got), 0);
	assert_int_equal(got.end_gpa, 0x123000);
	fake.info_error = ESRCH;
	assert_int_equal(kvmidle_get_info(vm, &got), -ESRCH);
	kvmidle_close(vm);
}

static void slots_grow(void **state)
{
	static struct kvm_idle_slot many[1000];
	struct kvmidle_slots *slots;
	struct kvmidle_vm *vm;
	size_t i;

	(void)state;
	for (i = 0; i < 1000; i++)
		many[i] = (struct kvm_idle_slot){ .gpa = i << 20, .id = 1000 - i };
	fake_bitmap(1);
	fake.slots = many;
	fake.slots_count = 1000;
	fake.info.slot_generation = 77;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), 0);
	assert_int_equal(kvmidle_get_slots(vm, KVM_IDLE_SLOTS_COUNT_MAPPED, &slots), 0);
	assert_int_equal(fake.slots_calls, 2);
	assert_int_equal(fake.slots_flags, KVM_IDLE_SLOTS_COUNT_MAPPED);
	assert_int_equal(kvmidle_slots_count(slots), 1000);
	assert_int_equal(kvmidle_slots_generation(slots), 77);
	for (i = 0; i < 1000; i++)
		assert_int_equal(kvmidle_slots_at(slots, i)->id, 1000 - i);
	assert_null(kvmidle_slots_at(slots, 1000));
	kvmidle_slots_free(slots);
	kvmidle_slots_free(NULL);
	kvmidle_close(vm);
}

static void slots_none_and_errors(void **state)
{
	struct kvmidle_slots *slots;
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(1);
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), 0);
	fake.slots_interrupted = 3;
	assert_int_equal(kvmidle_get_slots(vm, 0, &slots), 0);
	assert_int_equal(fake.slots_calls, 4);
	assert_int_equal(kvmidle_slots_count(slots), 0);
	assert_null(kvmidle_slots_at(slots, 0));
	kvmidle_slots_free(slots);

	fake.slots_error = EOPNOTSUPP;
	assert_int_equal(kvmidle_get_slots(vm, 0, &slots), -EOPNOTSUPP);
	kvmidle_close(vm);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

static const struct CMUnitTest tests[] = {
	TEST(open_errors),
	TEST(open_modes),
	TEST(info),
	TEST(slots_grow),
	TEST(slots_none_and_errors),
};

SUITE(suite_vm, tests);
