// SPDX-License-Identifier: GPL-2.0-only
/*
 * The ways in: the file below /proc, made by ftrace or by kprobes, and
 * /dev/kvm_idle. Loads the module itself, with what is in its way put there.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "module.h"
#include "options.h"

#define NAME		"kvm_idle"
#define FTRACE_ENABLED	"/proc/sys/kernel/ftrace_enabled"
#define KPROBES_ENABLED	"/sys/kernel/debug/kprobes/enabled"
#ifndef PIDFD_THREAD
#define PIDFD_THREAD	O_EXCL
#endif

static unsigned long mem = 64, seed = 1;
static const char *module = "/lib/kvm_idle.ko", *occupier = "/lib/ipmodify.ko";

static struct vmm vmm;

/* The kernel log, from the last log_begin() on. */

static int log_fd = -1;
static char log_text[65536];

static void log_begin(void)
{
	if (log_fd < 0)
		log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (log_fd < 0 || lseek(log_fd, 0, SEEK_END) < 0)
		die("/dev/kmsg: %m");
	log_text[0] = 0;
}

/* Messages of the module that contain @text. */
static unsigned int log_count(const char *text)
{
	size_t end = strlen(log_text);
	unsigned int n = 0;
	ssize_t got;

	while ((got = read(log_fd, log_text + end, sizeof(log_text) - 1 - end)) > 0)
		end += got;
	log_text[end] = 0;
	for (char *line = strstr(log_text, ";" NAME ": "); line;
	     line = strstr(line + 1, ";" NAME ": ")) {
		char *found = strstr(line, text), *newline = strchr(line, '\n');

		n += found && found < newline;
	}
	return n;
}

static bool write_file(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;
	ssize_t want = strlen(value);
	bool ok = fd >= 0 && write(fd, value, want) == want;

	err = errno;
	if (fd >= 0)
		close(fd);
	errno = err;
	return ok;
}

static int times_listed(void)
{
	DIR *dir = opendir("/proc/self");
	struct dirent *entry;
	int n = 0;

	while (dir && (entry = readdir(dir)))
		n += !strcmp(entry->d_name, "idle_bitmap");
	closedir(dir);
	return n;
}

/* Readers */

static void touch_some(void)
{
	uint32_t list[500];

	for (size_t i = 0; i < 500; i++)
		list[i] = vmm_nth_gfn(&vmm, random_below(vmm.total_pages)) << PAGE_SHIFT |
			  random_below(2);
	vmm_touch(&vmm, list, 500);
}

static void expect_exact(struct idle_reader *reader, const char *what)
{
	struct idle_verdict verdict = { 0 };

	EXPECT_OK(idle_check_all(reader, &verdict), idle_bitmap_bytes(&vmm));
	idle_expect_exact(&verdict, what);
}

/* One reader that harvests and one that peeks by each door that is there. */
static void expect_readers_exact(bool by_proc)
{
	static const char *const name[] = { "device, harvest", "device, peek",
					    "proc, harvest", "proc, peek" };
	struct idle_reader reader[4];
	int n = by_proc ? 4 : 2;

	for (int i = 0; i < n; i++) {
		idle_by_device = i < 2;
		idle_open(&reader[i], &vmm, i % 2 ? O_RDONLY : O_RDWR);
	}
	for (int i = 0; i < n; i += 2)
		idle_baseline(&reader[i]);
	for (int round = 0; round < 5; round++) {
		touch_some();
		/* The peeks first: afterwards there is nothing to be seen. */
		for (int i = n - 1; i >= 0; i -= 2)
			expect_exact(&reader[i], name[i]);
		for (int i = 0; i < n; i += 2)
			expect_exact(&reader[i], name[i]);
	}
	for (int i = 0; i < n; i++)
		idle_close(&reader[i]);
}

/* Loading, with what is to come of it */

static void expect_doors(const char *params, const char *in_use)
{
	bool expected = strcmp(in_use, "off"), found;

	log_begin();
	if (!EXPECT(!module_load(module, params), "insmod %s: %m", params))
		return;
	EXPECT(!strcmp(idle_module_param("proc"), in_use), "proc reads as %s, not %s",
	       idle_module_param("proc"), in_use);
	found = !access(idle_path(0), F_OK);
	EXPECT_OK(found, expected);
	EXPECT_OK(times_listed(), expected);
	EXPECT_OK(log_count("no /proc/PID/idle_bitmap"), !expected && strcmp(params, "proc=off"));
	expect_readers_exact(found);
}

static void expect_unload(void)
{
	EXPECT_OK(module_unload(NAME), 0);
	EXPECT_OK(times_listed(), 0);
	EXPECT_ERR(access(idle_path(0), F_OK), ENOENT);
	EXPECT_ERR(access(KVM_IDLE_DEVICE, F_OK), ENOENT);
}

static void by_itself(void)
{
	expect_doors("", "ftrace");
	EXPECT_OK(log_count(""), 0);
	expect_unload();
}

static void as_told(void)
{
	expect_doors("proc=kprobe", "kprobe");
	EXPECT_OK(log_count(""), 0);
	expect_unload();
	expect_doors("proc=ftrace", "ftrace");
	EXPECT_OK(log_count(""), 0);
	expect_unload();
	expect_doors("proc=off", "off");
	EXPECT_OK(log_count(""), 0);
	expect_unload();
	EXPECT_ERR(module_load(module, "proc=no"), EINVAL);
}

static void without_ftrace(void)
{
	if (!write_file(FTRACE_ENABLED, "0")) {
		EXPECT(errno == EOPNOTSUPP, "%m");
		ktap_skip("this kernel's ftrace cannot be turned off");
		return;
	}
	expect_doors("", "kprobe");
	EXPECT_OK(log_count("ftrace cannot redirect proc_tgid_base_lookup()"), 1);
	EXPECT_OK(log_count("made by kprobe instead"), 1);
	expect_unload();
	expect_doors("proc=ftrace", "off");
	expect_unload();
	write_file(FTRACE_ENABLED, "1");
	expect_doors("", "ftrace");
	/* Would make the file vanish. */
	EXPECT(!write_file(FTRACE_ENABLED, "0"));
	expect_unload();
}

static void beside_a_live_patch(void)
{
	EXPECT_OK(module_load(occupier, ""), 0);
	expect_doors("", "kprobe");
	EXPECT_OK(log_count("ftrace cannot redirect proc_tgid_base_lookup()"), 1);
	EXPECT_OK(log_count("made by kprobe instead"), 1);
	expect_unload();
	EXPECT_OK(module_unload("ipmodify"), 0);
	expect_doors("", "ftrace");
	/* Nor does it get in when we are there. */
	EXPECT_ERR(module_load(occupier, ""), EBUSY);
	expect_unload();
}

static void without_anything(void)
{
	EXPECT_OK(module_load(occupier, ""), 0);
	if (!write_file(KPROBES_ENABLED, "0"))
		die(KPROBES_ENABLED ": %m");
	expect_doors("", "off");
	EXPECT_OK(log_count("ftrace cannot redirect proc_tgid_base_lookup()"), 1);
	EXPECT_OK(log_count("kprobe redirects proc_tgid_base_lookup() without effect"), 1);
	expect_unload();
	EXPECT_OK(module_unload("ipmodify"), 0);
	write_file(KPROBES_ENABLED, "1");
	expect_doors("", "ftrace");
	expect_unload();
}

/* Calls under way */

static uint8_t *list_buffer;

static void *list_into_buffer(void *listed)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	*(long *)listed = syscall(SYS_getdents64, dir, list_buffer, PAGE_SIZE);
	close(dir);
	return NULL;
}

/* A file descriptor that tells of the first access to @page, which waits for us. */
static int watch_page(void *page)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register range = {
		.range = { .start = (uintptr_t)page, .len = PAGE_SIZE },
		.mode = UFFDIO_REGISTER_MODE_MISSING,
	};
	int fd = syscall(SYS_userfaultfd, O_CLOEXEC);

	if (fd < 0 || ioctl(fd, UFFDIO_API, &api) || ioctl(fd, UFFDIO_REGISTER, &range))
		die("userfaultfd: %m");
	return fd;
}

/* Somebody is amid a listing, which goes through our code, and stays there. */
static void unload_amid_a_listing(const char *params)
{
	struct uffd_msg message;
	struct uffdio_zeropage zero;
	pthread_t lister;
	long listed = 0;
	int watch;

	EXPECT_OK(module_load(module, params), 0);
	list_buffer = mmap(NULL, PAGE_SIZE, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	watch = watch_page(list_buffer);
	pthread_create(&lister, NULL, list_into_buffer, &listed);
	EXPECT_OK(read(watch, &message, sizeof(message)), sizeof(message));

	EXPECT_ERR(module_unload(NAME), EAGAIN);

	zero = (struct uffdio_zeropage) {
		.range = { .start = (uintptr_t)list_buffer, .len = PAGE_SIZE },
	};
	EXPECT_OK(ioctl(watch, UFFDIO_ZEROPAGE, &zero), 0);
	pthread_join(lister, NULL);
	EXPECT(listed > 0, "%ld", listed);
	close(watch);
	munmap(list_buffer, PAGE_SIZE);
	expect_unload();
}

static void amid_a_listing(void)
{
	unload_amid_a_listing("proc=ftrace");
	unload_amid_a_listing("proc=kprobe");
}

/* The device */

static int device = -1, self = -1;

static int open_self(struct kvm_idle_open arg)
{
	return ioctl(device, KVM_IDLE_OPEN, &arg);
}

/* Afterwards the number is free again. */
static bool open_and_close(struct kvm_idle_open arg)
{
	int fd = open_self(arg);

	return fd >= 0 && !close(fd);
}

static void device_begin(void)
{
	EXPECT_OK(module_load(module, "proc=off"), 0);
	device = open(KVM_IDLE_DEVICE, O_RDONLY | O_CLOEXEC);
	self = syscall(SYS_pidfd_open, getpid(), 0);
	if (device < 0 || self < 0)
		die("the device and a pidfd: %m");
}

static void device_end(void)
{
	close(self);
	close(device);
	expect_unload();
}

static void arguments_of_open(void)
{
	struct {
		struct kvm_idle_open known;
		uint32_t unknown;
	} larger = { .known.size = sizeof(larger) };
	struct kvm_idle_open good = { .size = sizeof(good) }, arg;
	int fd;

	device_begin();
	good.pidfd = self;
	EXPECT(open_and_close(good), "%m");
	for (unsigned int size = 0; size < sizeof(good); size++) {
		arg = good;
		arg.size = size;
		EXPECT_ERR(open_self(arg), EINVAL);
	}
	arg = good;
	arg.size = PAGE_SIZE + 1;
	EXPECT_ERR(open_self(arg), E2BIG);
	arg = good;
	arg.reserved = 1;
	EXPECT_ERR(open_self(arg), EINVAL);
	for (unsigned int bit = 0; bit < 32; bit++) {
		arg = good;
		arg.flags = 1U << bit;
		if (arg.flags == O_WRONLY || arg.flags == O_RDWR || arg.flags == O_CLOEXEC)
			EXPECT(open_and_close(arg), "flag %#x: %m", arg.flags);
		else
			EXPECT_ERR(open_self(arg), EINVAL);
	}
	arg.flags = O_ACCMODE;
	EXPECT_ERR(open_self(arg), EINVAL);

	larger.known.pidfd = self;
	fd = ioctl(device, KVM_IDLE_OPEN, &larger);
	EXPECT(fd >= 0, "a newer caller: %m");
	close(fd);
	larger.unknown = 1;
	EXPECT_ERR(ioctl(device, KVM_IDLE_OPEN, &larger), E2BIG);

	EXPECT_ERR(ioctl(device, KVM_IDLE_OPEN, NULL), EFAULT);
	EXPECT_ERR(ioctl(device, KVM_IDLE_GET_INFO, &larger), ENOTTY);
	EXPECT_ERR(ioctl(device, TCGETS, &larger), ENOTTY);
	device_end();
}

static void what_is_no_pidfd(void)
{
	struct kvm_idle_open arg = { .size = sizeof(arg) };
	int file[] = { open("/proc/self/stat", O_RDONLY), open("/proc/self", O_RDONLY),
		       open("/proc/self", O_PATH), dup(vmm.fd), epoll_create1(0) };
	int lowest;

	device_begin();
	lowest = dup(device);
	close(lowest);
	arg.pidfd = device;
	EXPECT_ERR(open_self(arg), EBADF);
	arg.pidfd = -1;
	EXPECT_ERR(open_self(arg), EBADF);
	arg.pidfd = 1 << 20;
	EXPECT_ERR(open_self(arg), EBADF);
	for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++) {
		arg.pidfd = file[i];
		EXPECT(file[i] >= 0, "file %zu: %m", i);
		EXPECT_ERR(open_self(arg), EBADF);
	}
	/* No failure has kept a number. */
	EXPECT_OK(dup(device), lowest);
	close(lowest);
	for (size_t i = 0; i < sizeof(file) / sizeof(file[0]); i++)
		close(file[i]);
	device_end();
}

/* A pidfd outlives its process. */
static void the_dead(void)
{
	struct kvm_idle_open arg = { .size = sizeof(arg) };
	siginfo_t info;
	pid_t child;

	device_begin();
	fflush(stdout);
	child = fork();
	if (!child)
		_exit(0);
	arg.pidfd = syscall(SYS_pidfd_open, child, 0);
	waitid(P_PID, child, &info, WEXITED | WNOWAIT);
	EXPECT_ERR(open_self(arg), ESRCH);
	waitpid(child, NULL, 0);
	EXPECT_ERR(open_self(arg), ESRCH);
	close(arg.pidfd);
	device_end();
}

static pid_t another_thread(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *entry;
	pid_t thread = 0;

	while (dir && (entry = readdir(dir)))
		if (atoi(entry->d_name) && atoi(entry->d_name) != getpid())
			thread = atoi(entry->d_name);
	closedir(dir);
	if (!thread)
		die("a VMM without a thread for its vCPU");
	return thread;
}

/* It stands for its process, as in /proc. */
static void a_thread(void)
{
	struct kvm_idle_open arg = { .size = sizeof(arg) };

	arg.pidfd = syscall(SYS_pidfd_open, another_thread(), PIDFD_THREAD);
	if (arg.pidfd < 0) {
		EXPECT(errno == EINVAL, "%m");
		ktap_skip("this kernel has no pidfds of threads");
		return;
	}
	device_begin();
	EXPECT(open_and_close(arg), "%m");
	device_end();
	close(arg.pidfd);
}

static void what_is_handed_out(void)
{
	struct kvm_idle_open arg = { .size = sizeof(arg) };
	uint64_t word;
	int fd;

	device_begin();
	arg.pidfd = self;
	fd = open_self(arg);
	EXPECT_OK(fcntl(fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	EXPECT_OK(fcntl(fd, F_GETFD), 0);
	EXPECT_OK(pread(fd, &word, 8, 0), 8);
	EXPECT_ERR(pwrite(fd, &word, 8, 0), EBADF);
	EXPECT_OK(idle_info(fd).flags & KVM_IDLE_INFO_CAN_HARVEST, 0);
	/* Nothing of it depends on the pidfd any more. */
	EXPECT_ERR(ioctl(fd, KVM_IDLE_OPEN, &arg), ENOTTY);
	close(fd);

	arg.flags = O_WRONLY | O_CLOEXEC;
	fd = open_self(arg);
	EXPECT_OK(fcntl(fd, F_GETFL) & O_ACCMODE, O_WRONLY);
	EXPECT_OK(fcntl(fd, F_GETFD), FD_CLOEXEC);
	EXPECT_ERR(pread(fd, &word, 8, 0), EBADF);
	word = 0;
	EXPECT_OK(pwrite(fd, &word, 8, 0), 8);
	close(fd);
	device_end();
}

static void the_module_is_held(void)
{
	struct kvm_idle_open arg = { .size = sizeof(arg) };
	uint64_t word;
	int fd;

	device_begin();
	arg.pidfd = self;
	EXPECT_ERR(module_unload(NAME), EAGAIN);
	fd = open_self(arg);
	close(device);
	EXPECT_ERR(module_unload(NAME), EAGAIN);
	EXPECT_OK(pread(fd, &word, 8, 0), 8);
	close(fd);
	close(self);
	expect_unload();
}

static void setup(void)
{
	if (!access("/sys/module/" NAME, F_OK) && module_unload(NAME))
		die("cannot unload the module that is already loaded: %m");
	/* What the kernel has to say about modules like ours, it says once. */
	if (module_load(module, "") || module_unload(NAME))
		die("%s: %m", module);
	random_seed(seed);
	vmm_two_slots(&vmm, mem);
	vmm_start(&vmm);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "mem", "MiB of guest memory", .number = &mem },
		{ "seed", "of the random numbers", .number = &seed },
		{ "module", "the module's file", .word = &module },
		{ "occupier", "that of tests/guest/ipmodify", .word = &occupier },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "by itself: ftrace, and the device", by_itself },
		{ "proc=kprobe, ftrace, off", as_told },
		{ "ftrace is off: kprobes", without_ftrace },
		{ "another has redirected the function: kprobes", beside_a_live_patch },
		{ "kprobes are off too: the device", without_anything },
		{ "a listing under way keeps the module", amid_a_listing },
		{ "device: arguments", arguments_of_open },
		{ "device: EBADF for what is no pidfd", what_is_no_pidfd },
		{ "device: ESRCH for the dead", the_dead },
		{ "device: a thread's pidfd", a_thread },
		{ "device: modes and flags of the file", what_is_handed_out },
		{ "device: an open file keeps the module", the_module_is_held },
	};

	options_parse(argc, argv, "Take away one way to the file after the other.", options);
	return KTAP_RUN(setup, tests);
}
