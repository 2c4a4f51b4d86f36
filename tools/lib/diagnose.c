// SPDX-License-Identifier: LGPL-2.1-or-later
/* What is behind an error, and what to do next. */
#include "internal.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* It can be read, so it was an option that could not be had. */
static bool lacks_sharing_only(const struct kvmidle_vm *vm)
{
	struct kvm_idle_info info = { .size = sizeof(info) };

	return vm && !kvmidle_get_info(vm, &info) &&
	       info.source != KVM_IDLE_SOURCE_NONE &&
	       !(info.flags & KVM_IDLE_INFO_SHARED);
}

static enum kvmidle_problem classify(pid_t pid, const struct kvmidle_vm *vm,
				     int error)
{
	if (error && vm && vm->recording)
		return KVMIDLE_PROBLEM_RECORDING;

	switch (error) {
	case 0:
		return KVMIDLE_PROBLEM_NONE;
	case ENOENT:
		if (!kvmidle_proc_mounted())
			return KVMIDLE_PROBLEM_NO_PROC;
		if (!kvmidle_proc_exists(pid))
			return KVMIDLE_PROBLEM_NO_PROCESS;
		return KVMIDLE_PROBLEM_NO_MODULE;
	case ESRCH:
		if (vm)
			return KVMIDLE_PROBLEM_EXITED;
		if (!kvmidle_proc_exists(pid))
			return KVMIDLE_PROBLEM_NO_PROCESS;
		if (kvmidle_proc_is_kthread(pid))
			return KVMIDLE_PROBLEM_KERNEL_THREAD;
		return KVMIDLE_PROBLEM_EXITED;
	case ENODEV:
		return vm ? KVMIDLE_PROBLEM_NO_SUCH_VM : KVMIDLE_PROBLEM_NO_VM;
	case EACCES:
	case EPERM:
		return !vm && kvmidle_door_is_locked(pid) ?
			KVMIDLE_PROBLEM_DEVICE : KVMIDLE_PROBLEM_PERMISSION;
	case ENOTTY:
		return vm ? KVMIDLE_PROBLEM_OLD_MODULE : KVMIDLE_PROBLEM_OTHER;
	case EOPNOTSUPP:
		return lacks_sharing_only(vm) ? KVMIDLE_PROBLEM_NOT_SHARED :
						KVMIDLE_PROBLEM_REFUSED;
	default:
		return KVMIDLE_PROBLEM_OTHER;
	}
}

/* A text that grows up to a limit. */
struct text {
	char *at;
	size_t room;
};

static void add(struct text *text, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void add(struct text *text, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(text->at, text->room, format, args);
	va_end(args);
	if (n < 0 || !text->room)
		return;
	if ((size_t)n >= text->room)
		n = text->room - 1;
	text->at += n;
	text->room -= n;
}

/* Yama's restriction of ptrace: 0 if there is none. */
static int ptrace_scope(void)
{
	char path[256];
	int scope = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/sys/kernel/yama/ptrace_scope",
		 kvmidle_proc_root);
	file = fopen(path, "re");
	if (file) {
		if (fscanf(file, "%d", &scope) != 1)
			scope = 0;
		fclose(file);
	}
	return scope;
}

static void add_permission(struct text *text, pid_t pid, enum kvmidle_mode mode)
{
	struct stat st;
	char path[256];

	if (mode == KVMIDLE_HARVEST)
		add(text, "You may not clear the accessed bits of process %d", pid);
	else
		add(text, "You may not look into process %d", pid);

	kvmidle_proc_path(path, sizeof(path), pid, "");
	if (!stat(path, &st) && st.st_uid != geteuid())
		add(text, ", which belongs to uid %u", st.st_uid);

	if (mode == KVMIDLE_HARVEST)
		add(text, ": it needs the right to attach with ptrace. Run as root, or with CAP_SYS_PTRACE.");
	else
		add(text, ": it needs the right to read it with ptrace. Run as root, or as its owner.");

	if (mode == KVMIDLE_HARVEST && ptrace_scope() > 0)
		add(text, " (kernel.yama.ptrace_scope is %d here: being its owner is not enough.)",
		    ptrace_scope());
}

static void add_refused(struct text *text, pid_t pid,
			const struct kvmidle_vm *vm)
{
	struct kvm_idle_info info = { .size = sizeof(info) };

	add(text, "The memory of the virtual machine of process %d cannot be read.",
	    pid);
	if (vm && !kvmidle_get_info(vm, &info) &&
	    info.reason != KVM_IDLE_REASON_OK)
		add(text, " %s", kvmidle_reason_text(info.reason));
	else
		add(text, " The kernel log says why.");
}

static void add_no_process(struct text *text, pid_t pid)
{
	add(text, "There is no process %d", pid);
	if (geteuid())
		add(text, ", or /proc hides it from you (hidepid)");
	add(text, ". 'kvmidle list' shows the virtual machines of this host.");
}

static void add_no_such_vm(struct text *text, pid_t pid,
			   const struct kvmidle_vm *vm)
{
	int count = kvmidle_count_vms(vm);

	add(text, "Process %d has no virtual machine of that number", pid);
	if (count == 1)
		add(text, ": it has one, which is number 0");
	else if (count > 1)
		add(text, ": it has %d, numbered 0 to %d", count, count - 1);
	add(text, ". 'kvmidle list' shows them.");
}

static void add_old_module(struct text *text, const struct kvmidle_vm *vm)
{
	struct kvm_idle_info info = { .size = sizeof(info) };

	add(text, "The kernel module kvm_idle that is loaded is too old for this");
	if (!kvmidle_get_info(vm, &info))
		add(text, ": it has version %u of the interface, and this program knows version %u",
		    info.abi_version, KVM_IDLE_ABI_VERSION);
	add(text, ". Load a newer one as root: rmmod kvm_idle, and then modprobe kvm_idle, or insmod kvm_idle.ko.");
}

/* In words that no other thread can change meanwhile. */
static const char *words_for(int error)
{
	const char *words = strerrordesc_np(error);

	return words ? words : "unknown error";
}

static void add_recording(struct text *text, int error)
{
	switch (error) {
	case EOPNOTSUPP:
	case ENODEV:
		add(text, "This is a recording: that takes a virtual machine that is running.");
		break;
	case ENODATA:
		add(text, "The recording does not hold that: it ends before.");
		break;
	case EBADMSG:
		add(text, "The recording was changed while it was read. Begin anew.");
		break;
	default:
		add(text, "The recording: %s.", words_for(error));
		break;
	}
}

static void explain(struct text *text, enum kvmidle_problem problem, pid_t pid,
		    enum kvmidle_mode mode, const struct kvmidle_vm *vm, int error)
{
	char name[KVMIDLE_NAME_SIZE];

	switch (problem) {
	case KVMIDLE_PROBLEM_NONE:
		add(text, "No error.");
		break;
	case KVMIDLE_PROBLEM_NO_PROCESS:
		add_no_process(text, pid);
		break;
	case KVMIDLE_PROBLEM_EXITED:
		add(text, "Process %d has exited, and its virtual machine with it.",
		    pid);
		break;
	case KVMIDLE_PROBLEM_KERNEL_THREAD:
		kvmidle_proc_name(pid, name);
		add(text, "Process %d (%s) is a kernel thread: it has no memory of its own and runs no virtual machine. Give the pid of the VMM; 'kvmidle list' shows them.",
		    pid, name);
		break;
	case KVMIDLE_PROBLEM_NO_VM:
		kvmidle_proc_name(pid, name);
		add(text, "Process %d (%s) runs no virtual machine. Give the pid of the VMM (for example qemu-system-x86_64); 'kvmidle list' shows them.",
		    pid, name);
		break;
	case KVMIDLE_PROBLEM_NO_MODULE:
		add(text, "There is neither /proc/%d/idle_bitmap nor %s: the kernel module kvm_idle is not loaded. Load it as root: modprobe kvm_idle, or insmod kvm_idle.ko.",
		    pid, KVM_IDLE_DEVICE);
		break;
	case KVMIDLE_PROBLEM_NO_PROC:
		add(text, "There is no /proc here. Mount it: mount -t proc proc /proc.");
		break;
	case KVMIDLE_PROBLEM_PERMISSION:
		add_permission(text, pid, mode);
		break;
	case KVMIDLE_PROBLEM_REFUSED:
		add_refused(text, pid, vm);
		break;
	case KVMIDLE_PROBLEM_DEVICE:
		add(text, "The kernel module kvm_idle is loaded, but there is no /proc/%d/idle_bitmap here, and you may not open %s instead. Run as root.",
		    pid, KVM_IDLE_DEVICE);
		break;
	case KVMIDLE_PROBLEM_NO_SUCH_VM:
		add_no_such_vm(text, pid, vm);
		break;
	case KVMIDLE_PROBLEM_OLD_MODULE:
		add_old_module(text, vm);
		break;
	case KVMIDLE_PROBLEM_NOT_SHARED:
		add(text, "Accesses by the host cannot be counted: the kernel module kvm_idle does not share accessed bits with the host's page aging, which needs them. Load it with share=Y (the default), or count those by the guest alone.");
		break;
	case KVMIDLE_PROBLEM_OTHER:
		add(text, "Process %d: %s.", pid, words_for(error));
		break;
	case KVMIDLE_PROBLEM_RECORDING:
		add_recording(text, error);
		break;
	}
}

enum kvmidle_problem kvmidle_diagnose(pid_t pid, enum kvmidle_mode mode,
				      const struct kvmidle_vm *vm, int error,
				      char *text, size_t size)
{
	struct text out = { .at = text, .room = size };
	enum kvmidle_problem problem;

	error = abs(error);
	problem = classify(pid, vm, error);
	if (size)
		explain(&out, problem, pid, mode, vm, error);
	return problem;
}
