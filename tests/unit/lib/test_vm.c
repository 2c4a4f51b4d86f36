// SPDX-License-Identifier: GPL-2.0-only
#include "fake.h"
#include "suite.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

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

static unsigned int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

static void open_by_device(void **state)
{
	unsigned int files = open_files();
	struct kvmidle_vm *vm;
	uint64_t word;

	(void)state;
	fake_device(3);
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), 0);
	assert_int_equal(kvmidle_door(vm), KVMIDLE_DOOR_DEVICE);
	assert_int_equal(fake.pidfd_of, FAKE_PID);
	assert_int_equal(fake.opened.flags, O_RDONLY | O_CLOEXEC);
	assert_int_equal(fcntl(kvmidle_fd(vm), F_GETFD), FD_CLOEXEC);
	assert_int_equal(kvmidle_read(vm, 0, &word, 1), 1);
	/* Neither the device nor the pidfd stays open. */
	assert_int_equal(open_files(), files + 1);
	kvmidle_close(vm);

	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_HARVEST, &vm), 0);
	assert_int_equal(fake.opened.flags, O_RDWR | O_CLOEXEC);
	kvmidle_close(vm);
	assert_int_equal(open_files(), files);
}

static void open_by_the_file_first(void **state)
{
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(1);
	fake_device(1);
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), 0);
	assert_int_equal(kvmidle_door(vm), KVMIDLE_DOOR_PROC);
	assert_int_equal(fake.device_opens, 0);
	kvmidle_close(vm);
}

/* /proc/TID is there for each thread; a pidfd is of a process. */
static void open_a_thread_by_device(void **state)
{
	static const char status[] = "Name:\ta\\nTgid:\t5\nUmask:\t0022\nTgid:\t4242\n";
	struct kvmidle_vm *vm;

	(void)state;
	fake_device(1);
	fake_file(4250, "status", status, sizeof(status) - 1);
	assert_int_equal(kvmidle_open(4250, KVMIDLE_PEEK, &vm), 0);
	assert_int_equal(fake.pidfd_of, 4242);
	kvmidle_close(vm);
}

static void open_by_device_errors(void **state)
{
	static const int handed_on[] = { EACCES, EPERM, ESRCH, ENODEV, EBUSY, ENOMEM };
	unsigned int files = open_files(), opens;
	struct kvmidle_vm *vm = NULL;
	size_t i;

	(void)state;
	fake_device(1);
	for (i = 0; i < sizeof(handed_on) / sizeof(handed_on[0]); i++) {
		fake.open_error = handed_on[i];
		assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), -handed_on[i]);
	}
	fake.open_error = 0;
	fake.pidfd_error = ESRCH;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), -ESRCH);
	fake.pidfd_error = 0;
	fake.device_error = EACCES;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), -EACCES);
	/* A node that nobody serves is none. */
	fake.device_error = ENXIO;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), -ENOENT);
	fake.device_error = ENODEV;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), -ENOENT);

	/* No process, no /proc: nothing to ask the device about. */
	opens = fake.device_opens;
	assert_int_equal(kvmidle_open(FAKE_PID + 1, KVMIDLE_PEEK, &vm), -ESRCH);
	kvmidle_proc_root = "/nonexistent";
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), -ENOENT);
	assert_int_equal(fake.device_opens, opens);
	assert_null(vm);
	assert_int_equal(open_files(), files);
}

static void one_vm_of_an_old_module(void **state)
{
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(1);
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), 0);
	assert_int_equal(kvmidle_count_vms(vm), 1);
	assert_int_equal(kvmidle_select_vm(vm, 0), 0);
	assert_int_equal(kvmidle_select_vm(vm, 1), -ENODEV);
	kvmidle_close(vm);
}

static void several_vms(void **state)
{
	static const struct fake_vm others[] = {
		{ .info.end_gpa = 0x2000 }, { .info.end_gpa = 0x3000 },
	};
	struct kvm_idle_info got = { .size = sizeof(got) };
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(1);
	fake.selects = true;
	fake.info.end_gpa = 0x1000;
	fake.others = others;
	fake.others_count = 2;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_HARVEST, &vm), 0);
	assert_int_equal(kvmidle_count_vms(vm), 3);
	/* Counting has moved nothing. */
	assert_int_equal(kvmidle_select_vm(vm, 2), 0);
	assert_int_equal(kvmidle_count_vms(vm), 3);
	assert_int_equal(kvmidle_get_info(vm, &got), 0);
	assert_int_equal(got.end_gpa, 0x3000);
	assert_int_equal(kvmidle_select_vm(vm, 3), -ENODEV);
	assert_int_equal(kvmidle_get_info(vm, &got), 0);
	assert_int_equal(got.end_gpa, 0x3000);
	assert_int_equal(kvmidle_select_vm(vm, 0), 0);
	assert_int_equal(kvmidle_get_info(vm, &got), 0);
	assert_int_equal(got.end_gpa, 0x1000);

	fake.select_error = EBUSY;
	assert_int_equal(kvmidle_select_vm(vm, 1), -EBUSY);
	fake.select_error = ESRCH;
	assert_int_equal(kvmidle_select_vm(vm, 1), -ESRCH);
	assert_int_equal(kvmidle_count_vms(vm), -ESRCH);
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

static void options(void **state)
{
	struct kvm_idle_options o = { .size = sizeof(o), .set = KVM_IDLE_OPTION_HOST, .host = 1 };
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(1);
	fake.has_options = true;
	fake.options.tlb_policy = KVM_IDLE_TLB_PASS;
	fake.options_interrupted = 2;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_HARVEST, &vm), 0);
	/* The others are told, and stay. */
	assert_int_equal(kvmidle_set_options(vm, &o), 0);
	assert_int_equal(fake.options_interrupted, 0);
	assert_int_equal(fake.options.host, 1);
	assert_int_equal(fake.options.tlb_policy, KVM_IDLE_TLB_PASS);
	assert_int_equal(o.tlb_policy, KVM_IDLE_TLB_PASS);

	o = (struct kvm_idle_options){
		.size = sizeof(o), .set = KVM_IDLE_OPTION_TLB,
		.tlb_policy = KVM_IDLE_TLB_PRECISE,
	};
	assert_int_equal(kvmidle_set_options(vm, &o), 0);
	assert_int_equal(fake.options.tlb_policy, KVM_IDLE_TLB_PRECISE);
	assert_int_equal(o.host, 1);

	o = (struct kvm_idle_options){ .size = sizeof(o) };
	assert_int_equal(kvmidle_set_options(vm, &o), 0);
	assert_int_equal(o.host, 1);
	assert_int_equal(o.tlb_policy, KVM_IDLE_TLB_PRECISE);

	fake.options_error = EOPNOTSUPP;
	assert_int_equal(kvmidle_set_options(vm, &o), -EOPNOTSUPP);
	fake.has_options = false;
	assert_int_equal(kvmidle_set_options(vm, &o), -ENOTTY);
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

static void open_by_one_door(void **state)
{
	struct kvmidle_vm *vm = NULL;

	(void)state;
	assert_int_equal(kvmidle_open_door(FAKE_PID, 0, KVMIDLE_DOOR_PROC, &vm), -ENOENT);
	assert_int_equal(kvmidle_open_door(FAKE_PID, 0, KVMIDLE_DOOR_DEVICE, &vm), -ENOENT);
	assert_int_equal(kvmidle_open_door(FAKE_PID + 1, 0, KVMIDLE_DOOR_PROC, &vm), -ESRCH);
	assert_int_equal(kvmidle_open_door(FAKE_PID, 0, KVMIDLE_DOOR_RECORDING, &vm), -EINVAL);
	assert_int_equal(kvmidle_open_door(FAKE_PID, 2, KVMIDLE_DOOR_PROC, &vm), -EINVAL);
	assert_int_equal(kvmidle_open_door(0, 0, KVMIDLE_DOOR_PROC, &vm), -EINVAL);

	fake_device(1);
	assert_int_equal(kvmidle_open_door(FAKE_PID, 0, KVMIDLE_DOOR_PROC, &vm), -ENOENT);
	assert_int_equal(kvmidle_open_door(FAKE_PID, 1, KVMIDLE_DOOR_DEVICE, &vm), 0);
	assert_int_equal(kvmidle_door(vm), KVMIDLE_DOOR_DEVICE);
	assert_int_equal(fake.opened.flags, O_RDWR | O_CLOEXEC);
	kvmidle_close(vm);

	fake_bitmap(1);
	assert_int_equal(kvmidle_open_door(FAKE_PID, 0, KVMIDLE_DOOR_DEVICE, &vm), 0);
	assert_int_equal(kvmidle_door(vm), KVMIDLE_DOOR_DEVICE);
	kvmidle_close(vm);
	assert_int_equal(kvmidle_open_door(FAKE_PID, 0, KVMIDLE_DOOR_PROC, &vm), 0);
	assert_int_equal(kvmidle_door(vm), KVMIDLE_DOOR_PROC);
	kvmidle_close(vm);
}

/* What /proc says of our pidfd. */
static int pidfd;

static void set_pid(const char *line)
{
	char name[64], text[128];

	snprintf(name, sizeof(name), "self/fdinfo/%d", pidfd);
	snprintf(text, sizeof(text), "pos:\t0\nflags:\t02000002\nmnt_id:\t15\nino:\t1\n%s", line);
	fake_file(0, name, text, strlen(text));
}

static void is_gone(void)
{
	set_pid("Pid:\t-1\nNSpid:\t-1\n");
}

static void is_another(void)
{
	set_pid("Pid:\t4243\nNSpid:\t4243\n");
}

static void open_by_pidfd(void **state)
{
	unsigned int files;
	struct kvmidle_vm *vm = NULL;

	(void)state;
	pidfd = syscall(SYS_pidfd_open, FAKE_PID, 0);
	assert_true(pidfd >= 0);
	fake.pidfd_of = 0;
	files = open_files();
	assert_int_equal(kvmidle_open_pidfd(pidfd, 0, &vm), -EBADF);
	set_pid("");
	assert_int_equal(kvmidle_open_pidfd(pidfd, 0, &vm), -EBADF);
	is_gone();
	assert_int_equal(kvmidle_open_pidfd(pidfd, 0, &vm), -ESRCH);
	set_pid("Pid:\t0\n");		/* of another pid namespace */
	assert_int_equal(kvmidle_open_pidfd(pidfd, 0, &vm), -ESRCH);

	set_pid("Pid:\t4242\nNSpid:\t4242\n");
	assert_int_equal(kvmidle_open_pidfd(pidfd, 2, &vm), -EINVAL);
	assert_int_equal(kvmidle_open_pidfd(pidfd, 0, &vm), -ENOENT);

	/* By the file, if it is still that process afterwards. */
	fake_bitmap(1);
	assert_int_equal(kvmidle_open_pidfd(pidfd, KVMIDLE_HARVEST, &vm), 0);
	assert_int_equal(kvmidle_door(vm), KVMIDLE_DOOR_PROC);
	kvmidle_close(vm);
	fake.on_open = is_gone;
	assert_int_equal(kvmidle_open_pidfd(pidfd, 0, &vm), -ESRCH);
	set_pid("Pid:\t4242\nNSpid:\t4242\n");
	fake.on_open = is_another;
	assert_int_equal(kvmidle_open_pidfd(pidfd, 0, &vm), -ESRCH);
	set_pid("Pid:\t4242\nNSpid:\t4242\n");
	fake.on_open = NULL;
	assert_int_equal(open_files(), files);

	/* By the device, which takes the pidfd as such. */
	fake_device(1);
	assert_int_equal(kvmidle_open_pidfd(pidfd, KVMIDLE_HARVEST, &vm), 0);
	assert_int_equal(kvmidle_door(vm), KVMIDLE_DOOR_DEVICE);
	assert_int_equal(fake.opened.pidfd, pidfd);
	assert_int_equal(fake.opened.flags, O_RDWR | O_CLOEXEC);
	assert_int_equal(fake.pidfd_of, 0);	/* no other was made */
	kvmidle_close(vm);
	fake.open_error = EACCES;
	assert_int_equal(kvmidle_open_pidfd(pidfd, 0, &vm), -EACCES);

	/* A device that is locked leaves the file. */
	fake.open_error = 0;
	fake.device_error = EACCES;
	assert_int_equal(kvmidle_open_pidfd(pidfd, 0, &vm), 0);
	assert_int_equal(kvmidle_door(vm), KVMIDLE_DOOR_PROC);
	kvmidle_close(vm);
	assert_int_equal(open_files(), files);
	close(pidfd);
}

/* A device that is locked is the news, if there is no file. */
static void open_by_pidfd_locked(void **state)
{
	struct kvmidle_vm *vm = NULL;

	(void)state;
	pidfd = syscall(SYS_pidfd_open, FAKE_PID, 0);
	set_pid("Pid:\t4242\n");
	fake_device(1);
	fake.device_error = EACCES;
	assert_int_equal(kvmidle_open_pidfd(pidfd, 0, &vm), -EACCES);
	close(pidfd);
}

static void arm(void **state)
{
	struct kvm_idle_arm arg = { .size = sizeof(arg) };
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(1);
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_HARVEST, &vm), 0);
	assert_int_equal(kvmidle_arm(vm, &arg), -ENOTTY);
	fake.arms = true;
	fake.arm_interrupted = 2;
	assert_int_equal(kvmidle_arm(vm, &arg), 0);
	assert_int_equal(arg.armed_pages, 512);
	assert_int_equal(arg.cleared_pages, 3);
	fake.arm_error = EBADF;
	assert_int_equal(kvmidle_arm(vm, &arg), -EBADF);
	kvmidle_close(vm);
}

static void addresses(void **state)
{
	static const struct kvm_idle_slot slots[] = {
		{ .gpa = 0, .hva = 0x10000, .bytes = 0x2000 },
		{ .gpa = 0x4000, .bytes = 0x1000, .flags = KVM_IDLE_SLOT_NO_HVA },
		{ .gpa = 0x5000, .hva = 0x11000, .bytes = 0x1000 },	/* shares a page */
		{ .gpa = 0x8000, .hva = 0x9000, .bytes = 0x1000 },
	};
	struct kvmidle_slots *list;
	struct kvmidle_vm *vm;
	uint64_t to = 1;

	(void)state;
	fake_bitmap(1);
	fake.slots = slots;
	fake.slots_count = 4;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), 0);
	assert_int_equal(kvmidle_get_slots(vm, 0, &list), 0);
	assert_int_equal(kvmidle_gpa_to_hva(list, 0x1fff, &to), 0);
	assert_int_equal(to, 0x11fff);
	assert_int_equal(kvmidle_gpa_to_hva(list, 0x5001, &to), 0);
	assert_int_equal(to, 0x11001);
	assert_int_equal(kvmidle_gpa_to_hva(list, 0x2000, &to), -ENXIO);
	assert_int_equal(kvmidle_gpa_to_hva(list, 0x4800, &to), -ENODATA);
	assert_int_equal(kvmidle_gpa_to_hva(list, UINT64_MAX, &to), -ENXIO);
	assert_int_equal(to, 0x11001);

	assert_int_equal(kvmidle_hva_to_gpa(list, 0x10000, &to), 0);
	assert_int_equal(to, 0);
	assert_int_equal(kvmidle_hva_to_gpa(list, 0x11fff, &to), 0);
	assert_int_equal(to, 0x1fff);		/* the lowest of two */
	assert_int_equal(kvmidle_hva_to_gpa(list, 0x9800, &to), 0);
	assert_int_equal(to, 0x8800);
	assert_int_equal(kvmidle_hva_to_gpa(list, 0x12000, &to), -ENXIO);
	/* A slot without a host mapping has an @hva of 0 that means nothing. */
	assert_int_equal(kvmidle_hva_to_gpa(list, 0, &to), -ENXIO);
	kvmidle_slots_free(list);
	kvmidle_close(vm);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

static const struct CMUnitTest tests[] = {
	TEST(open_errors),
	TEST(open_modes),
	TEST(open_by_device),
	TEST(open_by_the_file_first),
	TEST(open_a_thread_by_device),
	TEST(open_by_device_errors),
	TEST(one_vm_of_an_old_module),
	TEST(several_vms),
	TEST(info),
	TEST(options),
	TEST(slots_grow),
	TEST(slots_none_and_errors),
	TEST(open_by_one_door),
	TEST(open_by_pidfd),
	TEST(open_by_pidfd_locked),
	TEST(arm),
	TEST(addresses),
};

SUITE(suite_vm, tests);
