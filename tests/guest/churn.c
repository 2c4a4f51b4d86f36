// SPDX-License-Identifier: GPL-2.0-only
/*
 * The module comes and goes, and virtual machines die, while others are at it.
 * What this provokes shows in the kernel log, which the test runner searches,
 * and in the kernel's object counts, which are to stay flat.
 *
 * QEMU before 8.1 can miss that code was patched if another CPU is just
 * translating it: have its CPUs take turns, as tests/vm/run does by default.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/membarrier.h>
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
#include "module.h"
#include "options.h"

#define NAME		"kvm_idle"
#define SLAB		"/sys/kernel/slab"
#define MAX_CACHES	512
#define WARM_UP		10	/* cycles before the first count */

static unsigned long cycles = 100, kills = 100;
static const char *module = "/lib/kvm_idle.ko", *params = "";

/* The module */

static int load(void)
{
	return module_load(module, params);
}

static int unload(void)
{
	return module_unload(NAME);
}

/* Others have the file open now and then: ask until nobody has. */
static bool unload_patiently(unsigned long *refusals)
{
	for (int i = 0; i < 20000; i++) {
		if (!unload())
			return true;
		if (errno != EAGAIN)
			return false;
		(*refusals)++;
		usleep(500);
	}
	return false;
}

/* Counts */

static struct cache {
	char name[256];
	int shrink, count;	/* files, kept open: opening them allocates */
	long objects;
} cache[MAX_CACHES];
static int nr_caches;

static int open_in_slab(const char *name, const char *file, int flags)
{
	char path[512];

	snprintf(path, sizeof(path), SLAB "/%s/%s", name, file);
	return open(path, flags | O_CLOEXEC);
}

/* Merged caches appear once under a made-up name, and as links to that. */
static void find_caches(void)
{
	struct dirent *entry;
	DIR *dir = opendir(SLAB);

	if (!dir)
		die(SLAB ": %m");
	while ((entry = readdir(dir)) && nr_caches < MAX_CACHES) {
		struct cache *c = &cache[nr_caches];

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		strcpy(c->name, entry->d_name);
		c->shrink = open_in_slab(c->name, "shrink", O_WRONLY);
		c->count = open_in_slab(c->name, "objects", O_RDONLY);
		if (c->shrink < 0 || c->count < 0)
			die("slab cache %s: %m", c->name);
		nr_caches++;
	}
	closedir(dir);
}

/*
 * A slab that a CPU has at hand counts as in use altogether, and a CPU has one of
 * kmalloc-8 at hand each time: reading a count allocates 8 bytes before it counts
 * (show_slab_objects() in mm/slub.c). Of a cache that is debugged in any way, no
 * CPU keeps a slab at hand, and the counts are exact.
 */
static void expect_exact_counts(void)
{
	int fd = open_in_slab("kmalloc-8", "sanity_checks", O_RDONLY);
	char checked = 0;

	if (fd < 0 || read(fd, &checked, 1) != 1)
		die("slab cache kmalloc-8: %m");
	close(fd);
	if (checked != '1')
		die("objects cannot be counted: boot with slub_debug=F");
}

/* Objects in use. What KASAN keeps in quarantine is freed right before. */
static long objects_of(const struct cache *c)
{
	char text[64] = "";

	if (write(c->shrink, "1", 1) != 1 || pread(c->count, text, sizeof(text) - 1, 0) <= 0)
		die("slab cache %s: %m", c->name);
	return atol(text);
}

/* Names and inodes that are merely cached are dropped, what waits for RCU is gone. */
static void settle(void)
{
	for (int i = 0; i < 3; i++) {
		int fd = open("/proc/sys/vm/drop_caches", O_WRONLY | O_CLOEXEC);

		if (fd < 0 || write(fd, "3", 1) != 1)
			die("drop_caches: %m");
		close(fd);
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
		usleep(100000);
	}
}

static void count_before(void)
{
	if (!nr_caches) {
		expect_exact_counts();
		find_caches();
	}
	/* Twice: the first read of each of these files allocates too. */
	for (int look = 0; look < 2; look++) {
		settle();
		for (int i = 0; i < nr_caches; i++)
			cache[i].objects = objects_of(&cache[i]);
	}
}

/*
 * One object forgotten a cycle would show twice over in any of the caches. What
 * is in use only for the moment is not there at a later look: ftrace frees its
 * hashes after a grace period of RCU tasks, which a busy machine is slow to reach.
 */
#define MOST_LOOKS	100	/* of a third of a second */

static void expect_flat(unsigned long cycles_since)
{
	long tolerance = cycles_since / 2, most = 0;
	const char *which = "none";

	for (int i = 0; i < nr_caches; i++) {
		struct cache *c = &cache[i];
		long growth = 0;

		for (int look = 0; look < MOST_LOOKS; look++) {
			growth = objects_of(c) - c->objects;
			if (growth <= tolerance)
				break;
			settle();
		}
		EXPECT(growth <= tolerance, "%s: from %ld to %ld objects in %lu cycles",
		       c->name, c->objects, c->objects + growth, cycles_since);
		if (growth > most) {
			most = growth;
			which = c->name;
		}
	}
	EXPECT(nr_caches > 20, "%d caches", nr_caches);
	ktap_diag("%d slab caches, %lu cycles: largest growth %ld objects (%s), tolerance %ld",
		  nr_caches, cycles_since, most, which, tolerance);
}

/* Children */

static pid_t child(void (*work)(pid_t), pid_t of)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	work(of);
	_exit(0);
}

static void end_child(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* A virtual machine that keeps touching its memory. */
static void be_vmm(pid_t told)
{
	struct vmm vmm = { 0 };

	vmm_two_slots(&vmm, 8);
	vmm_start(&vmm);
	vmm_spin(&vmm, 0, vmm.first_free_gfn, 512);
	while (vmm_spin_sweeps(&vmm, 0) < 1)
		usleep(1000);
	kill(told, SIGUSR2);
	for (;;)
		pause();
}

static pid_t start_vmm(void)
{
	sigset_t set;
	int signal;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	pid = child(be_vmm, getpid());
	sigwait(&set, &signal);
	return pid;
}

static void read_all(pid_t pid, int flags)
{
	static uint64_t buffer[1024];
	int fd = open(idle_path(pid), flags | O_CLOEXEC);
	struct kvm_idle_info info = { .size = sizeof(info) };

	if (fd < 0)
		return;
	while (read(fd, buffer, sizeof(buffer)) > 0)
		;
	ioctl(fd, KVM_IDLE_GET_INFO, &info);
	lseek(fd, 0, SEEK_DATA);
	close(fd);
}

/* Long enough for the others to get their turn, and for files to be closed. */
static void pause_a_little(void)
{
	usleep(1000 + random_below(2000));
}

static void work_harvest(pid_t pid)
{
	for (;; pause_a_little())
		read_all(pid, O_RDWR);
}

static void work_peek(pid_t pid)
{
	for (;; pause_a_little())
		read_all(pid, O_RDONLY);
}

static void list_directory(const char *path)
{
	char file[600];
	struct dirent *entry;
	struct stat st;
	DIR *dir = opendir(path);

	while (dir && (entry = readdir(dir))) {
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		lstat(file, &st);
	}
	if (dir)
		closedir(dir);
}

/* ls -l /proc/... of every process */
static void work_list(pid_t pid)
{
	struct dirent *entry;
	char path[300];

	(void)pid;
	for (;;) {
		DIR *proc = opendir("/proc");

		while (proc && (entry = readdir(proc))) {
			if (entry->d_name[0] < '1' || entry->d_name[0] > '9')
				continue;
			snprintf(path, sizeof(path), "/proc/%s", entry->d_name);
			list_directory(path);
			pause_a_little();
		}
		if (proc)
			closedir(proc);
	}
}

/* Processes that come and go, each looked up by name and listed. */
static void work_fork(pid_t pid)
{
	(void)pid;
	for (;;) {
		pid_t one = fork();
		char path[64];

		if (!one) {
			read_all(0, O_RDONLY);
			_exit(0);
		}
		read_all(one, O_RDONLY);
		snprintf(path, sizeof(path), "/proc/%d", one);
		list_directory(path);
		waitpid(one, NULL, 0);
		access(idle_path(one), F_OK);
		pause_a_little();
	}
}

/* Tests */

static void load_and_unload(void)
{
	static void (*const work[])(pid_t) = {
		work_harvest, work_peek, work_list, work_fork, work_list, work_harvest,
	};
	pid_t worker[sizeof(work) / sizeof(work[0])], vmm = start_vmm();
	unsigned long refusals = 0, seen = 0;

	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++)
		worker[i] = child(work[i], vmm);
	for (unsigned long n = 0; n < cycles; n++) {
		if (n == WARM_UP) {
			for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++)
				kill(worker[i], SIGSTOP);
			count_before();
			for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++)
				kill(worker[i], SIGCONT);
		}
		EXPECT_OK(load(), 0);
		seen += !access(idle_path(vmm), R_OK);
		usleep(n % 5 * 4000);
		if (!EXPECT(unload_patiently(&refusals), "%m"))
			break;
		EXPECT_ERR(access(idle_path(vmm), F_OK), ENOENT);
	}
	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++)
		kill(worker[i], SIGSTOP);
	if (cycles > WARM_UP)
		expect_flat(cycles - WARM_UP);
	for (size_t i = 0; i < sizeof(work) / sizeof(work[0]); i++)
		end_child(worker[i]);
	end_child(vmm);
	EXPECT_OK(seen, cycles);
	ktap_diag("%lu cycles, %lu refusals because a file was open", cycles, refusals);
}

static void unload_with_an_open_file(void)
{
	pid_t vmm = start_vmm();
	uint64_t word;
	int fd;

	EXPECT_OK(load(), 0);
	fd = open(idle_path(vmm), O_RDWR | O_CLOEXEC);
	EXPECT(fd >= 0, "%m");
	EXPECT_ERR(unload(), EAGAIN);
	EXPECT_OK(pread(fd, &word, 8, 0), 8);
	EXPECT_ERR(unload(), EAGAIN);
	end_child(vmm);
	/* Its process is gone, the file is not. */
	EXPECT_ERR(pread(fd, &word, 8, 0), ESRCH);
	EXPECT_ERR(unload(), EAGAIN);
	close(fd);
	EXPECT_OK(unload(), 0);
}

/* Loading makes the kernel give back vmalloc areas, which it is lazy to free. */
static void reload(void)
{
	EXPECT_OK(unload(), 0);
	EXPECT_OK(load(), 0);
}

static void killer(pid_t vmm)
{
	usleep(random_below(20000));
	kill(vmm, SIGKILL);
}

/*
 * Harvest until its process is gone: killed at a time when it may not be open yet or,
 * @when_read, when it has been read once. Return: how many reads went well.
 */
static unsigned long harvest_to_death(pid_t vmm, bool when_read)
{
	static uint64_t buffer[65536];
	pid_t kill_it = when_read ? 0 : child(killer, vmm);
	int fd = open(idle_path(vmm), O_RDWR | O_CLOEXEC);
	unsigned long reads = 0;

	if (fd < 0) {
		EXPECT(errno == ESRCH && !when_read, "%m");
	} else {
		while (pread(fd, buffer, sizeof(buffer), 0) > 0) {
			reads++;
			kill_it = kill_it ?: child(killer, vmm);
		}
		EXPECT(errno == ESRCH, "%m");
		EXPECT_ERR(pread(fd, buffer, 8, 0), ESRCH);
		close(fd);
	}
	if (EXPECT(kill_it, "not read once"))
		waitpid(kill_it, NULL, 0);
	else
		kill(vmm, SIGKILL);
	return reads;
}

static void killed_while_read(void)
{
	unsigned long reads = 0;

	EXPECT_OK(load(), 0);
	for (unsigned long n = 0; n < kills; n++) {
		pid_t vmm, other;

		if (n == WARM_UP) {
			reload();
			count_before();
		}
		random_seed(n + 1);
		vmm = start_vmm();
		other = child(work_harvest, vmm);
		reads += harvest_to_death(vmm, n % 2);
		/* Dead, and not yet buried; then buried. */
		EXPECT_ERR(open(idle_path(vmm), O_RDONLY), ESRCH);
		waitpid(vmm, NULL, 0);
		EXPECT_ERR(open(idle_path(vmm), O_RDONLY), ENOENT);
		end_child(other);
	}
	if (kills > WARM_UP) {
		reload();
		expect_flat(kills - WARM_UP);
	}
	EXPECT_OK(unload(), 0);
	ktap_diag("%lu virtual machines killed, %lu harvests before that", kills, reads);
}

static void setup(void)
{
	if (!access("/sys/module/" NAME, F_OK) && unload())
		die("cannot unload the module that is already loaded: %m");
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "cycles", "times to load and unload", .number = &cycles },
		{ "kills", "virtual machines to kill", .number = &kills },
		{ "module", "the module's file", .word = &module },
		{ "params", "its parameters", .word = &params },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "loaded and unloaded with everyone at it", load_and_unload },
		{ "an open file keeps the module", unload_with_an_open_file },
		{ "killed while harvested", killed_while_read },
	};

	options_parse(argc, argv, "Load, unload and kill under load, and count what is left.", options);
	return KTAP_RUN(setup, tests);
}
