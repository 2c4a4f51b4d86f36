// SPDX-License-Identifier: GPL-2.0-only
/* Who may open the file of whom, and what each failure is called. */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/kvm.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "options.h"

#define OWNER	1000
#define STRANGER 1001

#define CAP_BIT(cap) (1U << (cap))

/* Become @uid, its group and no other, with only the capabilities in @caps. */
static void become(unsigned int uid, uint32_t caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = caps, .permitted = caps } };

	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid) || syscall(SYS_capset, &header, data))
		die("cannot become user %u: %m", uid);
}

struct identity {
	unsigned int uid;
	bool dumpable;
};

static void assume(const void *arg)
{
	const struct identity *who = arg;

	if (who->uid)
		become(who->uid, 0);
	prctl(PR_SET_DUMPABLE, who->dumpable);
}

/* A child that has a virtual machine and belongs to @uid, until kill_child(). */
static pid_t vmm_child(unsigned int uid, bool dumpable)
{
	struct identity who = { uid, dumpable };

	return vmm_fork(assume, &who);
}

static void kill_child(pid_t child)
{
	kill(child, SIGKILL);
	if (waitpid(child, NULL, 0) != child)
		die("waitpid: %m");
}

/* 0 if user @uid with @caps can open the file of @pid, else the error. */
static int open_as(unsigned int uid, uint32_t caps, pid_t pid, int flags)
{
	int status;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child) {
		become(uid, caps);
		_exit(idle_file(pid, flags) < 0 ? errno : 0);
	}
	waitpid(child, &status, 0);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int open_error(pid_t pid)
{
	int fd = idle_file(pid, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

/* There is no such process any more, nor a directory of it. */
static int gone(void)
{
	return idle_by_device ? ESRCH : ENOENT;
}

static void owner_and_strangers(void)
{
	pid_t of_root = vmm_child(0, true), of_user = vmm_child(OWNER, true);

	EXPECT_OK(open_as(OWNER, 0, of_root, O_RDONLY), EACCES);
	EXPECT_OK(open_as(OWNER, 0, of_root, O_RDWR), EACCES);
	EXPECT_OK(open_as(STRANGER, 0, of_user, O_RDONLY), EACCES);
	EXPECT_OK(open_as(OWNER, 0, of_user, O_RDONLY), 0);
	EXPECT_OK(open_as(OWNER, 0, of_user, O_RDWR), 0);
	EXPECT_OK(open_error(of_user), 0);
	kill_child(of_root);
	kill_child(of_user);
}

/* File modes are not all: the right to trace is asked for besides. */
static void mode_bits_do_not_suffice(void)
{
	pid_t of_root = vmm_child(0, true);

	EXPECT_OK(open_as(STRANGER, CAP_BIT(CAP_DAC_OVERRIDE), of_root, O_RDONLY), EACCES);
	EXPECT_OK(open_as(STRANGER, CAP_BIT(CAP_DAC_OVERRIDE), of_root, O_RDWR), EACCES);
	EXPECT_OK(open_as(STRANGER, CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_SYS_PTRACE),
			  of_root, O_RDWR), 0);
	kill_child(of_root);
}

static void not_dumpable(void)
{
	pid_t child = vmm_child(OWNER, false);
	struct stat st;

	EXPECT_OK(open_as(OWNER, 0, child, O_RDONLY), EACCES);
	EXPECT_OK(open_as(OWNER, CAP_BIT(CAP_DAC_OVERRIDE), child, O_RDONLY), EACCES);
	EXPECT_OK(open_error(child), 0);
	if (!idle_by_device) {
		EXPECT_OK(stat(idle_path(child), &st), 0);
		EXPECT(st.st_uid == 0 && st.st_gid == 0, "owned by %u:%u", st.st_uid, st.st_gid);
	}
	kill_child(child);
}

static bool set_ptrace_scope(const char *value)
{
	int fd = open("/proc/sys/kernel/yama/ptrace_scope", O_WRONLY | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, value, 1) == 1;

	if (fd >= 0)
		close(fd);
	return ok;
}

/* Yama's scope 1 forbids to attach to who is no descendant, and allows to read. */
static void harvesting_needs_attach(void)
{
	pid_t child = vmm_child(OWNER, true);

	if (set_ptrace_scope("1")) {
		EXPECT_OK(open_as(OWNER, 0, child, O_RDONLY), 0);
		EXPECT_OK(open_as(OWNER, 0, child, O_RDWR), EACCES);
		EXPECT_OK(open_as(OWNER, 0, child, O_WRONLY), EACCES);
		set_ptrace_scope("0");
	} else {
		ktap_skip("this kernel has no Yama");
	}
	kill_child(child);
}

static void mode_and_owner(void)
{
	pid_t of_root = vmm_child(0, true), of_user = vmm_child(OWNER, true);
	struct stat st;

	EXPECT_OK(stat(idle_path(of_root), &st), 0);
	EXPECT(st.st_mode == (S_IFREG | 0600), "%o", st.st_mode);
	EXPECT(st.st_uid == 0 && st.st_gid == 0, "owned by %u:%u", st.st_uid, st.st_gid);
	EXPECT_OK(stat(idle_path(of_user), &st), 0);
	EXPECT(st.st_mode == (S_IFREG | 0600), "%o", st.st_mode);
	EXPECT(st.st_uid == OWNER && st.st_gid == OWNER, "owned by %u:%u", st.st_uid, st.st_gid);
	kill_child(of_root);
	kill_child(of_user);
}

/* What a user does to his own file does nothing to anybody else's. */
static void chmod_of_one_alone(void)
{
	pid_t of_root = vmm_child(0, true), child;
	struct stat st;
	int status;

	fflush(stdout);
	child = fork();
	if (!child) {
		become(OWNER, 0);
		prctl(PR_SET_DUMPABLE, 1);
		/* Whether that is permitted is not the point. */
		chmod("/proc/self/idle_bitmap", 0777);
		_exit(stat("/proc/self/idle_bitmap", &st) || st.st_mode != (S_IFREG | 0600));
	}
	waitpid(child, &status, 0);
	EXPECT(status == 0, "one's own: %#x", status);
	EXPECT_OK(stat(idle_path(of_root), &st), 0);
	EXPECT(st.st_mode == (S_IFREG | 0600), "another's: %o", st.st_mode);
	kill_child(of_root);
}

/* Everyone who harvests has to be accounted to by everyone else. */
static void harvesters_are_limited(void)
{
	pid_t vmm = vmm_child(OWNER, true), child;
	int status;

	fflush(stdout);
	child = fork();
	if (!child) {
		int last = -1;

		become(OWNER, 0);
		for (int i = 0; i < 64; i++) {
			last = idle_file(vmm, O_RDWR);
			if (last < 0)
				_exit(1);
		}
		if (idle_file(vmm, O_RDWR) >= 0 || errno != EBUSY)
			_exit(2);
		if (idle_file(vmm, O_RDONLY) < 0 || idle_file(vmm, O_WRONLY) < 0)
			_exit(3);
		close(last);
		_exit(idle_file(vmm, O_RDWR) < 0 ? 4 : 0);
	}
	waitpid(child, &status, 0);
	EXPECT(status == 0, "step %d", WEXITSTATUS(status));
	kill_child(vmm);
}

static int times_listed(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);
	int n = 0;

	if (!dir)
		die("%s: %m", path);
	while ((entry = readdir(dir)))
		n += !strcmp(entry->d_name, "idle_bitmap");
	closedir(dir);
	return n;
}

static void listing(void)
{
	char task[64];

	EXPECT_OK(times_listed("/proc/self"), 1);
	EXPECT_OK(times_listed("/proc/1"), 1);
	snprintf(task, sizeof(task), "/proc/self/task/%d", getpid());
	EXPECT_OK(times_listed(task), 0);
	EXPECT_OK(times_listed("/proc"), 0);
	strcat(task, "/idle_bitmap");
	EXPECT_ERR(open(task, O_RDONLY), ENOENT);
	EXPECT_ERR(open("/proc/idle_bitmap", O_RDONLY), ENOENT);
	EXPECT_ERR(open("/proc/self/idle_bitmap2", O_RDONLY), ENOENT);
	EXPECT_ERR(open("/proc/self/idle_bitma", O_RDONLY), ENOENT);
}

static void no_virtual_machine(void)
{
	EXPECT_OK(open_error(0), ENODEV);
	EXPECT_OK(open_error(1), ENODEV);
}

/* Who merely inherited the file of a virtual machine does not run it. */
static void inherited_virtual_machine(void)
{
	struct vmm vmm = { 0 };
	pid_t heir;

	vmm_two_slots(&vmm, 4);
	vmm_start(&vmm);
	vmm_touch(&vmm, NULL, 0);
	fflush(stdout);
	heir = fork();
	if (!heir)
		for (;;)
			pause();
	EXPECT_OK(open_error(heir), ENODEV);
	EXPECT_OK(open_error(0), 0);
	kill_child(heir);
	vmm_stop(&vmm);
	EXPECT_OK(open_error(0), ENODEV);
}

static void virtual_machine_without_vcpu(void)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	int vm = ioctl(kvm, KVM_CREATE_VM, 0);
	int fd = idle_file(0, O_RDWR | O_CLOEXEC);
	uint64_t word;

	EXPECT(fd >= 0, "%m");
	EXPECT_OK(idle_info(fd).reason, kvm_reason_before_run());
	EXPECT_OK(idle_info(fd).end_gpa, 0);
	EXPECT_OK(lseek(fd, 0, SEEK_END), 0);
	EXPECT_OK(read(fd, &word, 8), 0);
	close(fd);
	close(vm);
	close(kvm);
}

/* 2 is kthreadd. */
static void kernel_thread(void)
{
	EXPECT_OK(open_error(2), ESRCH);
}

static void zombie(void)
{
	siginfo_t info;
	pid_t child;

	fflush(stdout);
	child = fork();
	if (!child)
		_exit(0);
	waitid(P_PID, child, &info, WEXITED | WNOWAIT);
	EXPECT_OK(open_error(child), ESRCH);
	waitpid(child, NULL, 0);
	EXPECT_OK(open_error(child), gone());
}

static void death_with_the_file_open(void)
{
	pid_t child = vmm_child(0, true);
	int rdwr = idle_file(child, O_RDWR | O_CLOEXEC);
	int rdonly = idle_file(child, O_RDONLY | O_CLOEXEC);
	struct kvm_idle_info info = { .size = sizeof(info) };
	struct kvm_idle_slots slots = { .size = sizeof(slots),
					.slot_size = sizeof(struct kvm_idle_slot) };
	uint64_t word = 1;

	EXPECT_OK(read(rdwr, &word, 8), 8);
	EXPECT_OK(read(rdonly, &word, 8), 8);
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	EXPECT_ERR(read(rdwr, &word, 8), ESRCH);
	EXPECT_ERR(read(rdonly, &word, 8), ESRCH);
	EXPECT_ERR(pread(rdwr, &word, 8, 0), ESRCH);
	EXPECT_ERR(write(rdwr, &word, 8), ESRCH);
	EXPECT_ERR(ioctl(rdwr, KVM_IDLE_GET_INFO, &info), ESRCH);
	EXPECT_ERR(ioctl(rdwr, KVM_IDLE_GET_SLOTS, &slots), ESRCH);
	EXPECT_OK(open_error(child), gone());
	close(rdwr);
	close(rdonly);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "device", "by way of /dev/kvm_idle", .flag = &idle_by_device },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "root's file and a user's: EACCES to others", owner_and_strangers },
		{ "CAP_DAC_OVERRIDE does not replace the right to trace", mode_bits_do_not_suffice },
		{ "not dumpable: EACCES even to the same user", not_dumpable },
		{ "harvesting needs the right to attach", harvesting_needs_attach },
		{ "64 harvesting files, then EBUSY", harvesters_are_limited },
		{ "no virtual machine: ENODEV", no_virtual_machine },
		{ "an inherited virtual machine: ENODEV", inherited_virtual_machine },
		{ "a virtual machine without vCPU and memory is empty", virtual_machine_without_vcpu },
		{ "a kernel thread: ESRCH", kernel_thread },
		{ "a zombie: ESRCH; then it is gone", zombie },
		{ "dead with the file open: ESRCH", death_with_the_file_open },
		/* Of the file below /proc alone: */
		{ "mode 0600, owned as the process", mode_and_owner },
		{ "a chmod reaches no other process", chmod_of_one_alone },
		{ "listed once under the process, not under its tasks", listing },
	};
	const size_t of_proc_alone = 3;

	options_parse(argc, argv, "Check who may open the file, and the documented errors.", options);
	return ktap_run(NULL, tests, sizeof(tests) / sizeof(tests[0]) -
				     (idle_by_device ? of_proc_alone : 0));
}
