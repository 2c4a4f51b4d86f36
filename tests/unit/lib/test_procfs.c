// SPDX-License-Identifier: GPL-2.0-only
/* What /proc tells: names, lists, and what is behind an error. */
#include "fake.h"
#include "suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define KTHREAD_STAT	"2 (kthreadd) S 0 0 0 0 -1 2129984 0 0 0 0"

static void names_of_vmms(void **state)
{
	static const struct {
		const char *cmdline;
		size_t size;
		const char *name;	/* NULL: there is none */
	} cases[] = {
#define CMDLINE(text) text "\0", sizeof(text)
		{ CMDLINE("qemu\0-name\0vm1\0-m\0002G"), "vm1" },
		{ CMDLINE("qemu\0--name\0vm1"), "vm1" },
		{ CMDLINE("qemu\0-name\0guest=vm2,debug-threads=on"), "vm2" },
		{ CMDLINE("qemu\0-name\0debug-threads=on,guest=vm3"), "vm3" },
		{ CMDLINE("qemu\0-name\0vm4,process=x"), "vm4" },
		{ CMDLINE("qemu\0-name\0guest=a,,b,,c,process=x"), "a,b,c" },
		{ CMDLINE("qemu\0-name\0a,,guest=b"), "a,guest=b" },
		{ CMDLINE("qemu\0-name\0debug-threads=on"), NULL },
		{ CMDLINE("qemu\0-name\0"), NULL },
		{ CMDLINE("qemu\0-name"), NULL },
		{ CMDLINE("qemu\0-names\0x"), NULL },
		{ CMDLINE("/usr/bin/qemu-system-x86_64\0-name\0guest=debian12,debug-threads=on\0-S\0"
			  "-object\0{\"qom-type\":\"secret\",\"id\":\"masterKey0\"}\0-machine\0q35,usb=off"),
		  "debian12" },
		{ CMDLINE("/usr/libexec/qemu-kvm\0-enable-kvm\0-name\0db 1\0-m\0004096"), "db 1" },
		{ CMDLINE("/usr/bin/firecracker\0--api-sock\0/run/fc.sock\0--id\0my-vm-7"), "my-vm-7" },
		{ CMDLINE("/firecracker-v1.7.0-x86_64\0--id=551e7604\0--start-time-us=12\0--start-time-cpu-us\0003"),
		  "551e7604" },
		{ CMDLINE("firecracker\0--no-api\0--config-file\0/vm.json\0--name\0other"), NULL },
		{ CMDLINE("firecracker\0--id"), NULL },
		{ CMDLINE("cloud-hypervisor\0--kernel\0vmlinux\0--api-socket\0/run/ch/web.sock"), "web.sock" },
		{ CMDLINE("/opt/bin/cloud-hypervisor-static\0--api-socket\0path=/run/web-socket,seccomp=x"),
		  "web-socket" },
		{ CMDLINE("cloud-hypervisor\0--api-socket=web"), "web" },
		{ CMDLINE("cloud-hypervisor\0--api-socket\0fd=3\0--cpus\0boot=2"), NULL },
		{ CMDLINE("cloud-hypervisor\0--api-socket\0/run/"), NULL },
		{ CMDLINE("/usr/bin/crosvm\0run\0--mem\0002048\0--name\0termina\0vmlinux"), "termina" },
		{ CMDLINE("crosvm\0run\0--name=guest=x,y"), "guest=x,y" },
		{ CMDLINE("lkvm\0run\0-k\0bzImage\0--name\0g1"), "g1" },
		{ CMDLINE("./lkvm-static\0run\0-n\0g2\0-c\0002"), "g2" },
		{ CMDLINE(""), NULL },
		{ "", 0, NULL },
	};
	/* The argument after the last is not there, even if memory is. */
	static const char cut[] = "firecracker\0--id\0not ours";
	char name[KVMIDLE_NAME_SIZE], huge[1000];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		bool found = kvmidle_vmm_name(cases[i].cmdline, cases[i].size, name);

		assert_int_equal(found, cases[i].name != NULL);
		if (cases[i].name)
			assert_string_equal(name, cases[i].name);
		else
			assert_string_equal(name, "");
	}
	assert_false(kvmidle_vmm_name(cut, 17, name));

	memset(huge, 'x', sizeof(huge));
	memcpy(huge, "q\0-name\0", 8);
	huge[sizeof(huge) - 1] = '\0';
	assert_true(kvmidle_vmm_name(huge, sizeof(huge), name));
	assert_int_equal(strlen(name), KVMIDLE_NAME_SIZE - 1);
}

static void printable(void **state)
{
	static const char *const cases[][2] = {
		{ "plain name", "plain name" },
		{ "a\tb\x1b[31m\x7f\n", "a?b?[31m??" },
		{ "gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f" },
		{ "\xe2\x82\xac \xf0\x9f\x90\xa7", "\xe2\x82\xac \xf0\x9f\x90\xa7" },
		{ "\xff\xfe", "??" },
		{ "\xc3", "?" },			/* cut off */
		{ "\xe2\x82", "??" },
		{ "\xc3(", "?(" },
		{ "\xc0\xaf", "??" },			/* overlong */
		{ "\xe0\x80\xaf", "???" },
		{ "\xed\xa0\x80", "???" },		/* a surrogate */
		{ "\xf4\x90\x80\x80", "????" },		/* beyond Unicode */
		{ "\xc2\x9b", "??" },			/* C1: a terminal's CSI */
	};
	char text[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		strcpy(text, cases[i][0]);
		kvmidle_make_printable(text);
		assert_string_equal(text, cases[i][1]);
	}
}

static void name_of_a_process(void **state)
{
	char name[KVMIDLE_NAME_SIZE];

	(void)state;
	kvmidle_proc_name(FAKE_PID, name);
	assert_string_equal(name, "vmm");
	fake_process(5, "5 (q) S", "qemu\n", "qemu\0-name\0b\x1bx", 15);
	kvmidle_proc_name(5, name);
	assert_string_equal(name, "b?x");
	kvmidle_proc_name(6, name);
	assert_string_equal(name, "");
}

static void kernel_threads(void **state)
{
	(void)state;
	fake_file(2, "stat", KTHREAD_STAT, sizeof(KTHREAD_STAT) - 1);
	assert_true(kvmidle_proc_is_kthread(2));
	assert_false(kvmidle_proc_is_kthread(FAKE_PID));
	assert_false(kvmidle_proc_is_kthread(99));
	/* A name made to look like the fields behind it. */
	fake_file(7, "stat", "7 (x) S 0 0 0 0 -1 2129984) S 1 1 1 0 -1 4194304 0", 51);
	assert_false(kvmidle_proc_is_kthread(7));
}

static void machines(void **state)
{
	(void)state;
	assert_int_equal(kvmidle_proc_machines(FAKE_PID), -ENOENT);
	fake_link(FAKE_PID, "fd/0", "/dev/null");
	fake_link(FAKE_PID, "fd/1", "anon_inode:kvm-vcpu:0");
	fake_link(FAKE_PID, "fd/2", "anon_inode:kvm-vm2");
	fake_link(FAKE_PID, "fd/3", "/tmp/anon_inode:kvm-vm");
	assert_int_equal(kvmidle_proc_machines(FAKE_PID), 0);
	fake_link(FAKE_PID, "fd/11", "anon_inode:kvm-vm");
	fake_link(FAKE_PID, "fd/12", "anon_inode:kvm-vm");
	assert_int_equal(kvmidle_proc_machines(FAKE_PID), 2);
}

static void expect(pid_t pid, enum kvmidle_mode mode, const struct kvmidle_vm *vm,
		   int error, enum kvmidle_problem problem, const char *words)
{
	char text[512], cut[20];

	assert_int_equal(kvmidle_diagnose(pid, mode, vm, error, text, sizeof(text)),
			 problem);
	if (!strstr(text, words))
		fail_msg("'%s' is not in: %s", words, text);
	assert_true(strlen(text) < sizeof(text) - 1);
	assert_true(text[strlen(text) - 1] == '.' || text[strlen(text) - 1] == ')');

	/* Positive errors mean the same; short room cuts, no room is allowed. */
	assert_int_equal(kvmidle_diagnose(pid, mode, vm, -error, cut, sizeof(cut)),
			 problem);
	assert_memory_equal(cut, text, sizeof(cut) - 1);
	assert_int_equal(cut[sizeof(cut) - 1], '\0');
	assert_int_equal(kvmidle_diagnose(pid, mode, vm, error, NULL, 0), problem);
}

static void diagnose_open(void **state)
{
	(void)state;
	fake_process(2, KTHREAD_STAT, "kthreadd\n", "", 0);

	expect(99, KVMIDLE_PEEK, NULL, -ESRCH, KVMIDLE_PROBLEM_NO_PROCESS,
	       "no process 99");
	expect(99, KVMIDLE_PEEK, NULL, -ENOENT, KVMIDLE_PROBLEM_NO_PROCESS,
	       "no process 99");
	expect(2, KVMIDLE_PEEK, NULL, -ESRCH, KVMIDLE_PROBLEM_KERNEL_THREAD,
	       "2 (kthreadd) is a kernel thread");
	expect(FAKE_PID, KVMIDLE_PEEK, NULL, -ESRCH, KVMIDLE_PROBLEM_EXITED,
	       "has exited");
	expect(FAKE_PID, KVMIDLE_PEEK, NULL, -ENODEV, KVMIDLE_PROBLEM_NO_VM,
	       "4242 (vmm) runs no virtual machine");
	expect(FAKE_PID, KVMIDLE_PEEK, NULL, -ENOENT, KVMIDLE_PROBLEM_NO_MODULE,
	       "modprobe kvm_idle");
	expect(FAKE_PID, KVMIDLE_PEEK, NULL, -ENOMEM, KVMIDLE_PROBLEM_OTHER,
	       strerror(ENOMEM));

	kvmidle_proc_root = "/nonexistent";
	expect(FAKE_PID, KVMIDLE_PEEK, NULL, -ENOENT, KVMIDLE_PROBLEM_NO_PROC,
	       "mount -t proc");
}

/* The same errors, told apart by what is there besides. */
static void diagnose_doors(void **state)
{
	char both[64];

	(void)state;
	snprintf(both, sizeof(both), "neither /proc/%d/idle_bitmap nor %s",
		 FAKE_PID, KVM_IDLE_DEVICE);
	expect(FAKE_PID, KVMIDLE_PEEK, NULL, -ENOENT, KVMIDLE_PROBLEM_NO_MODULE,
	       both);

	/* The device is there, and closed. */
	fake_device(1);
	fake.device_error = EACCES;
	expect(FAKE_PID, KVMIDLE_PEEK, NULL, -EACCES, KVMIDLE_PROBLEM_DEVICE,
	       "is loaded, but there is no /proc/4242/idle_bitmap here, and you may not open /dev/kvm_idle");
	/* The device is there, and the process is closed. */
	fake.device_error = 0;
	expect(FAKE_PID, KVMIDLE_PEEK, NULL, -EACCES, KVMIDLE_PROBLEM_PERMISSION,
	       "may not look into process 4242:");
	expect(FAKE_PID, KVMIDLE_PEEK, NULL, -ENODEV, KVMIDLE_PROBLEM_NO_VM,
	       "4242 (vmm) runs no virtual machine");
	/* The file is there: then the device has no part in it. */
	fake_bitmap(1);
	fake.device_error = EACCES;
	expect(FAKE_PID, KVMIDLE_PEEK, NULL, -EACCES, KVMIDLE_PROBLEM_PERMISSION,
	       "may not look into process 4242:");
}

static void diagnose_permission(void **state)
{
	(void)state;
	expect(FAKE_PID, KVMIDLE_PEEK, NULL, -EACCES, KVMIDLE_PROBLEM_PERMISSION,
	       "may not look into process 4242:");
	expect(FAKE_PID, KVMIDLE_HARVEST, NULL, -EPERM, KVMIDLE_PROBLEM_PERMISSION,
	       "attach with ptrace. Run as root, or with CAP_SYS_PTRACE.");

	fake_file(0, "sys/kernel/yama/ptrace_scope", "1\n", 2);
	expect(FAKE_PID, KVMIDLE_HARVEST, NULL, -EACCES, KVMIDLE_PROBLEM_PERMISSION,
	       "ptrace_scope is 1 here");
	if (geteuid() == 0) {
		char path[256];

		kvmidle_proc_path(path, sizeof(path), FAKE_PID, "");
		assert_int_equal(chown(path, 1234, 0), 0);
		expect(FAKE_PID, KVMIDLE_PEEK, NULL, -EACCES,
		       KVMIDLE_PROBLEM_PERMISSION, "belongs to uid 1234");
	}
}

static void diagnose_vm(void **state)
{
	struct kvmidle_vm *vm;

	(void)state;
	fake_bitmap(1);
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_HARVEST, &vm), 0);
	fake.info.reason = KVM_IDLE_REASON_SHADOW;
	expect(FAKE_PID, KVMIDLE_HARVEST, vm, -EOPNOTSUPP, KVMIDLE_PROBLEM_REFUSED,
	       kvmidle_reason_text(KVM_IDLE_REASON_SHADOW));
	/* The reason may be gone by now, or no answer to be had. */
	fake.info.reason = KVM_IDLE_REASON_OK;
	expect(FAKE_PID, KVMIDLE_HARVEST, vm, -EOPNOTSUPP, KVMIDLE_PROBLEM_REFUSED,
	       "kernel log");
	fake.info_error = ESRCH;
	expect(FAKE_PID, KVMIDLE_HARVEST, vm, -EOPNOTSUPP, KVMIDLE_PROBLEM_REFUSED,
	       "kernel log");
	expect(FAKE_PID, KVMIDLE_HARVEST, vm, -ENODEV, KVMIDLE_PROBLEM_NO_SUCH_VM,
	       "no virtual machine of that number: it has one, which is number 0.");
	fake.selects = true;
	fake.others_count = 2;
	expect(FAKE_PID, KVMIDLE_HARVEST, vm, -ENODEV, KVMIDLE_PROBLEM_NO_SUCH_VM,
	       "no virtual machine of that number: it has 3, numbered 0 to 2.");
	fake.select_error = ESRCH;
	expect(FAKE_PID, KVMIDLE_HARVEST, vm, -ENODEV, KVMIDLE_PROBLEM_NO_SUCH_VM,
	       "no virtual machine of that number.");
	expect(FAKE_PID, KVMIDLE_HARVEST, vm, -ESRCH, KVMIDLE_PROBLEM_EXITED,
	       "has exited");
	/* Gone altogether by now: still not the same as never having been. */
	expect(99, KVMIDLE_HARVEST, vm, -ESRCH, KVMIDLE_PROBLEM_EXITED,
	       "has exited");
	kvmidle_close(vm);
}

static void diagnose_options(void **state)
{
	struct kvmidle_vm *vm;
	char versions[128];

	(void)state;
	fake_bitmap(1);
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_HARVEST, &vm), 0);
	fake.info.abi_version = 2;
	snprintf(versions, sizeof(versions),
		 "it has version 2 of the interface, and this program knows version %u. Load a newer one as root: rmmod kvm_idle",
		 KVM_IDLE_ABI_VERSION);
	expect(FAKE_PID, KVMIDLE_HARVEST, vm, -ENOTTY, KVMIDLE_PROBLEM_OLD_MODULE,
	       versions);
	fake.info_error = ESRCH;
	expect(FAKE_PID, KVMIDLE_HARVEST, vm, -ENOTTY, KVMIDLE_PROBLEM_OLD_MODULE,
	       "too old for this. Load a newer one");
	fake.info_error = 0;

	/* It can be read, and cannot be had with the option. */
	fake.info.source = KVM_IDLE_SOURCE_DIRECT;
	expect(FAKE_PID, KVMIDLE_HARVEST, vm, -EOPNOTSUPP, KVMIDLE_PROBLEM_NOT_SHARED,
	       "Load it with share=Y");
	fake.info.flags = KVM_IDLE_INFO_SHARED;
	expect(FAKE_PID, KVMIDLE_HARVEST, vm, -EOPNOTSUPP, KVMIDLE_PROBLEM_REFUSED,
	       "cannot be read");
	kvmidle_close(vm);
}

static void diagnose_no_error(void **state)
{
	char text[64];

	(void)state;
	assert_int_equal(kvmidle_diagnose(1, KVMIDLE_PEEK, NULL, 0, text,
					  sizeof(text)), KVMIDLE_PROBLEM_NONE);
}

static void list_without_module(void **state)
{
	const struct kvmidle_list_entry *e;
	struct kvmidle_list *list;

	(void)state;
	fake_file(2, "stat", KTHREAD_STAT, sizeof(KTHREAD_STAT) - 1);
	fake_link(FAKE_PID, "fd/11", "anon_inode:kvm-vm");
	fake_process(77, "77 (q) S", "qemu\n", "qemu\0-name\0first", 17);
	fake_link(77, "fd/3", "anon_inode:kvm-vm");
	fake_link(77, "fd/4", "anon_inode:kvm-vm");
	fake_link(78, "fd/0", "/dev/null");
	/* In no order that a directory could happen to have. */
	fake_process(9000, "9000 (last) S", "last\n", "", 0);
	fake_link(9000, "fd/3", "anon_inode:kvm-vm");

	assert_int_equal(kvmidle_list_get(0, &list), 0);
	assert_int_equal(kvmidle_list_count(list), 3);
	assert_int_equal(kvmidle_list_unseen(list), 0);
	e = kvmidle_list_at(list, 0);
	assert_int_equal(e->pid, 77);
	assert_int_equal(e->machines, 2);
	assert_string_equal(e->name, "first");
	assert_int_equal(e->error, -ENOENT);
	assert_int_equal(e->problem, KVMIDLE_PROBLEM_NO_MODULE);
	assert_non_null(strstr(e->explanation, "modprobe"));
	assert_null(e->info);
	/* One entry for both: nobody knows which is which. */
	assert_int_equal(e->vm, 0);
	e = kvmidle_list_at(list, 1);
	assert_int_equal(e->pid, FAKE_PID);
	assert_string_equal(e->name, "vmm");
	e = kvmidle_list_at(list, 2);
	assert_int_equal(e->pid, 9000);
	assert_string_equal(e->name, "last");
	assert_null(kvmidle_list_at(list, 3));
	kvmidle_list_free(list);

	assert_int_equal(kvmidle_list_get(77, &list), 0);
	assert_int_equal(kvmidle_list_count(list), 1);
	kvmidle_list_free(list);
	assert_int_equal(kvmidle_list_get(78, &list), 0);
	assert_int_equal(kvmidle_list_count(list), 0);
	kvmidle_list_free(list);
	kvmidle_list_free(NULL);
	kvmidle_proc_root = "/nonexistent";
	assert_int_equal(kvmidle_list_get(0, &list), -ENOENT);
}

static void list_with_module(void **state)
{
	static const struct kvm_idle_slot slots[] = {
		{ .gpa = 0, .bytes = 0xa0000 }, { .gpa = 0x100000, .bytes = 1 << 30 },
	};
	const struct kvmidle_list_entry *e;
	struct kvmidle_list *list;

	(void)state;
	fake_bitmap(1);
	fake_link(FAKE_PID, "fd/11", "anon_inode:kvm-vm");
	fake.slots = slots;
	fake.slots_count = 2;
	fake.info.source = KVM_IDLE_SOURCE_DIRECT;
	assert_int_equal(kvmidle_list_get(0, &list), 0);
	e = kvmidle_list_at(list, 0);
	assert_int_equal(e->error, 0);
	assert_int_equal(e->problem, KVMIDLE_PROBLEM_NONE);
	assert_string_equal(e->explanation, "");
	assert_int_equal(e->info->source, KVM_IDLE_SOURCE_DIRECT);
	assert_int_equal(e->bytes, 0xa0000 + (1 << 30));
	/* Listing must not cost a walk over all memory. */
	assert_int_equal(fake.slots_flags, 0);
	assert_int_equal(fake.reads, 0);
	kvmidle_list_free(list);

	fake.info.source = KVM_IDLE_SOURCE_NONE;
	fake.info.reason = KVM_IDLE_REASON_NESTED;
	assert_int_equal(kvmidle_list_get(0, &list), 0);
	e = kvmidle_list_at(list, 0);
	assert_int_equal(e->error, -EOPNOTSUPP);
	assert_int_equal(e->problem, KVMIDLE_PROBLEM_REFUSED);
	assert_non_null(strstr(e->explanation, "virtual machines of its own"));
	assert_int_equal(e->bytes, 0xa0000 + (1 << 30));
	kvmidle_list_free(list);

	/* Readable, but not in the plain way. */
	fake.info.source = KVM_IDLE_SOURCE_NOTIFIER;
	fake.info.reason = KVM_IDLE_REASON_SHADOW;
	assert_int_equal(kvmidle_list_get(0, &list), 0);
	e = kvmidle_list_at(list, 0);
	assert_int_equal(e->error, 0);
	assert_int_equal(e->problem, KVMIDLE_PROBLEM_NONE);
	assert_non_null(strstr(e->explanation, "KVM is asked page by page: shadow"));
	assert_int_equal(e->door, KVMIDLE_DOOR_PROC);
	kvmidle_list_free(list);
}

static void list_by_device(void **state)
{
	const struct kvmidle_list_entry *e;
	struct kvmidle_list *list;

	(void)state;
	fake_device(1);
	fake_link(FAKE_PID, "fd/11", "anon_inode:kvm-vm");
	fake.info.source = KVM_IDLE_SOURCE_DIRECT;
	assert_int_equal(kvmidle_list_get(0, &list), 0);
	e = kvmidle_list_at(list, 0);
	assert_int_equal(e->error, 0);
	assert_int_equal(e->door, KVMIDLE_DOOR_DEVICE);
	kvmidle_list_free(list);

	fake.device_error = EACCES;
	assert_int_equal(kvmidle_list_get(0, &list), 0);
	e = kvmidle_list_at(list, 0);
	assert_int_equal(e->error, -EACCES);
	assert_int_equal(e->problem, KVMIDLE_PROBLEM_DEVICE);
	kvmidle_list_free(list);
}

static void list_several_vms(void **state)
{
	static const struct kvm_idle_slot slots[] = { { .bytes = 0x100000 } };
	static const struct fake_vm others[] = {
		{ .info = { .source = KVM_IDLE_SOURCE_NONE,
			    .reason = KVM_IDLE_REASON_ALIASED } },
		{ .info = { .source = KVM_IDLE_SOURCE_DIRECT },
		  .slots = slots, .slots_count = 1 },
	};
	const struct kvmidle_list_entry *e;
	struct kvmidle_list *list;
	unsigned int i;

	(void)state;
	fake_bitmap(1);
	/* A descriptor that was duplicated makes no machine more. */
	for (i = 11; i < 15; i++) {
		char name[16];

		snprintf(name, sizeof(name), "fd/%u", i);
		fake_link(FAKE_PID, name, "anon_inode:kvm-vm");
	}
	fake_process(9, "9 (early) S", "early\n", "", 0);
	fake_link(9, "fd/3", "anon_inode:kvm-vm");
	fake.selects = true;
	fake.info.source = KVM_IDLE_SOURCE_DIRECT;
	fake.others = others;
	fake.others_count = 2;

	assert_int_equal(kvmidle_list_get(0, &list), 0);
	assert_int_equal(kvmidle_list_count(list), 4);
	assert_int_equal(kvmidle_list_at(list, 0)->pid, 9);
	for (i = 0; i < 3; i++) {
		e = kvmidle_list_at(list, 1 + i);
		assert_int_equal(e->pid, FAKE_PID);
		assert_int_equal(e->vm, i);
		assert_int_equal(e->machines, 3);
		assert_string_equal(e->name, "vmm");
		assert_int_equal(e->problem, i == 1 ? KVMIDLE_PROBLEM_REFUSED :
						      KVMIDLE_PROBLEM_NONE);
		assert_int_equal(e->bytes, i == 2 ? 0x100000 : 0);
	}
	kvmidle_list_free(list);

	/* One goes while we look. */
	fake.closing = 1;
	assert_int_equal(kvmidle_list_get(FAKE_PID, &list), 0);
	assert_int_equal(kvmidle_list_count(list), 2);
	kvmidle_list_free(list);
	/* Or the whole process. */
	fake.select_error = ESRCH;
	assert_int_equal(kvmidle_list_get(FAKE_PID, &list), 0);
	assert_int_equal(kvmidle_list_count(list), 1);
	e = kvmidle_list_at(list, 0);
	assert_int_equal(e->problem, KVMIDLE_PROBLEM_EXITED);
	assert_null(e->info);
	kvmidle_list_free(list);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

static const struct CMUnitTest tests[] = {
	cmocka_unit_test(names_of_vmms),
	cmocka_unit_test(printable),
	TEST(name_of_a_process),
	TEST(kernel_threads),
	TEST(machines),
	TEST(diagnose_open),
	TEST(diagnose_doors),
	TEST(diagnose_permission),
	TEST(diagnose_vm),
	TEST(diagnose_options),
	TEST(diagnose_no_error),
	TEST(list_without_module),
	TEST(list_with_module),
	TEST(list_by_device),
	TEST(list_several_vms),
};

SUITE(suite_procfs, tests);
