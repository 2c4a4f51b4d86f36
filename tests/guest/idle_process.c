// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/PID/idle_pages of processes that run no virtual machine: what the stream says of each
 * page, against what a child did that touches what it is told to; who may open it; and what
 * the kernel makes of pages whose accessed bits were taken.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/idle_pages.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ktap.h"
#include "module.h"
#include "options.h"
#include "pages_reader.h"
#include "vmm.h"

static unsigned long rounds = 30, seed = 1;

/* The child's memory. The same addresses are mapped in it and not here. */

enum region_kind {
	ANONYMOUS, HUGE, SHARED, PRIVATE_FILE, SHARED_FILE, KINDS,
};

static const char *const kind_name[KINDS] = {
	"anonymous", "huge pages", "shared anonymous", "a private mapping of a file",
	"a shared mapping of a file",
};

struct region {
	uint8_t *start;
	uint64_t pages;
};


#define MOST_PAGES	2048

static struct child {
	pid_t pid;
	int to, from;
	struct region region[KINDS];
} child;

static void touch_all(const struct region *r, enum region_kind kind)
{
	for (uint64_t i = 0; i < r->pages; i++)
		if (kind == PRIVATE_FILE)
			(void)*(volatile uint8_t *)(r->start + i * PAGE_SIZE);
		else
			*(volatile uint8_t *)(r->start + i * PAGE_SIZE) = 1;
}

static int scratch_file(size_t bytes)
{
	char path[] = "/tmp/idle_process.XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0 || unlink(path) || ftruncate(fd, bytes))
		die("%s: %m", path);
	return fd;
}

static void map_region(struct region *r, enum region_kind kind)
{
	static const int flags[KINDS] = {
		[ANONYMOUS] = MAP_PRIVATE | MAP_ANONYMOUS,
		[HUGE] = MAP_PRIVATE | MAP_ANONYMOUS,
		[SHARED] = MAP_SHARED | MAP_ANONYMOUS,
		[PRIVATE_FILE] = MAP_PRIVATE,
		[SHARED_FILE] = MAP_SHARED,
	};
	size_t bytes = MOST_PAGES * PAGE_SIZE;
	int fd = flags[kind] & MAP_ANONYMOUS ? -1 : scratch_file(bytes);
	uint8_t *p = mmap(NULL, bytes + 2 * HUGE_SIZE, PROT_NONE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	/* Alone in its 2 MiB. */
	p += -(uintptr_t)p % HUGE_SIZE;
	r->start = mmap(p, bytes, PROT_READ | PROT_WRITE, flags[kind] | MAP_FIXED, fd, 0);
	r->pages = MOST_PAGES;
	if (r->start == MAP_FAILED)
		die("mmap: %m");
	if (flags[kind] & MAP_ANONYMOUS)
		madvise(p, bytes, kind == HUGE ? MADV_HUGEPAGE : MADV_NOHUGEPAGE);
	touch_all(r, kind);
	if (fd >= 0)
		close(fd);
}

static void must_write(int fd, const void *p, size_t n)
{
	if (write(fd, p, n) != (ssize_t)n)
		die("pipe: %m");
}

static void must_read(int fd, void *p, size_t n)
{
	for (ssize_t got; n; n -= got, p = (uint8_t *)p + got) {
		got = read(fd, p, n);
		if (got <= 0)
			die("pipe: %m");
	}
}

static void obey(int from, int to, struct region *region)
{
	static uint16_t pages[MOST_PAGES];
	uint32_t order[3];

	while (read(from, order, sizeof(order)) == sizeof(order)) {
		uint8_t *start = region[order[0]].start;

		must_read(from, pages, order[2] * sizeof(pages[0]));
		for (uint32_t i = 0; i < order[2]; i++) {
			volatile uint8_t *p = start + pages[i] * PAGE_SIZE;

			if (order[1])
				*p = 2;
			else
				(void)*p;
		}
		must_write(to, "d", 1);
	}
	_exit(0);
}

static void child_start(void)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipe: %m");
	fflush(stdout);
	child.pid = fork();
	if (!child.pid) {
		for (int i = 0; i < KINDS; i++)
			map_region(&child.region[i], i);
		must_write(from[1], child.region, sizeof(child.region));
		close(to[1]);
		obey(to[0], from[1], child.region);
	}
	close(to[0]);
	close(from[1]);
	child.to = to[1];
	child.from = from[0];
	must_read(child.from, child.region, sizeof(child.region));
}

static void child_stop(void)
{
	close(child.to);
	close(child.from);
	waitpid(child.pid, NULL, 0);
}

static void child_touches(enum region_kind kind, bool write, const uint16_t *pages, uint32_t n)
{
	uint32_t order[3] = { kind, write, n };
	char done;

	must_write(child.to, order, sizeof(order));
	must_write(child.to, pages, n * sizeof(*pages));
	must_read(child.from, &done, 1);
}

/* Page by page */

static uint8_t said[MOST_PAGES];

static void read_region(int fd, enum region_kind kind)
{
	const struct region *r = &child.region[kind];

	pages_read_all(fd, (uintptr_t)r->start, (uintptr_t)r->start + r->pages * PAGE_SIZE, said);
}

static void expect_touched(enum region_kind kind, const bool *touched, bool huge)
{
	unsigned int wrong = 0;

	for (int i = 0; i < MOST_PAGES; i++) {
		bool hot = touched[i];
		uint8_t right;

		for (unsigned long k = 0; huge && k < HUGE_PAGES; k++)
			hot |= touched[i / HUGE_PAGES * HUGE_PAGES + k];
		right = huge ? (hot ? EXTENT_PMD_ACCESSED : EXTENT_PMD_IDLE) :
			       (hot ? EXTENT_PTE_ACCESSED : EXTENT_PTE_IDLE);
		if (said[i] != right && wrong++ < 4)
			ktap_diag("%s, page %d: %s, not %s", kind_name[kind], i,
				  extent_name[said[i]], extent_name[right]);
	}
	EXPECT(!wrong, "%s: %u wrong", kind_name[kind], wrong);
}

static void expect_exact(enum region_kind kind)
{
	int fd = pages_file(child.pid, O_RDONLY);
	bool huge;

	read_region(fd, kind);
	huge = said[0] == EXTENT_PMD_ACCESSED;
	EXPECT(huge == (kind == HUGE), "%s", extent_name[said[0]]);
	for (unsigned long round = 0; round < rounds; round++) {
		uint32_t n = random_below(huge ? 3 : MOST_PAGES);
		bool touched[MOST_PAGES] = { false };
		uint16_t pages[MOST_PAGES];

		for (uint32_t i = 0; i < n; i++) {
			pages[i] = random_below(MOST_PAGES);
			touched[pages[i]] = true;
		}
		/*
		 * Each pass by a file of its own, as both clients do: with the close, the
		 * child's translations go. It may be running all the while.
		 */
		close(fd);
		child_touches(kind, random_below(2), pages, n);
		fd = pages_file(child.pid, round % 2 ? O_RDONLY : O_RDWR);
		read_region(fd, kind);
		expect_touched(kind, touched, huge);
	}
	close(fd);
}

static void anonymous_memory(void)
{
	child_start();
	expect_exact(ANONYMOUS);
	child_stop();
}

static void huge_pages(void)
{
	child_start();
	expect_exact(HUGE);
	child_stop();
}

static void shared_and_files(void)
{
	child_start();
	expect_exact(SHARED);
	expect_exact(PRIVATE_FILE);
	expect_exact(SHARED_FILE);
	child_stop();
}

static void clients(void)
{
	const struct region *r = &child.region[ANONYMOUS];
	static const struct {
		const char *name;
		const char *(*walk)(pid_t pid, uint64_t start, uint64_t end, uint8_t *heat);
	} client[] = {
		{ "sys-refs", pages_by_sys_refs },
		{ "etmemd", pages_by_etmem },
	};

	child_start();
	for (int c = 0; c < 2; c++) {
		uint64_t start = (uintptr_t)r->start, end = start + r->pages * PAGE_SIZE;
		unsigned int wrong = 0;
		uint16_t pages[100];
		const char *error;

		for (int i = 0; i < 100; i++)
			pages[i] = 900 + i;
		error = client[c].walk(child.pid, start, end, said);
		EXPECT(!error, "%s: %s", client[c].name, error);
		child_touches(ANONYMOUS, true, pages, 100);
		error = client[c].walk(child.pid, start, end, said);
		EXPECT(!error, "%s: %s", client[c].name, error);
		for (int i = 0; i < MOST_PAGES; i++)
			wrong += said[i] != (i >= 900 && i < 1000 ? PAGES_HOT : PAGES_IDLE);
		EXPECT(!wrong, "%s: %u pages wrong", client[c].name, wrong);
	}
	child_stop();
}

/* Mappings, holes and gaps side by side in 2 MiB. */
static void mosaic(void)
{
	uint64_t pages = 2 * HUGE_PAGES;
	uint8_t *p = mmap(NULL, 4 * HUGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), *start;
	int fd = pages_file(0, O_RDONLY);
	static uint8_t is[4096];
	unsigned int wrong = 0;

	start = p + -(uintptr_t)p % HUGE_SIZE;
	madvise(start, 2 * HUGE_SIZE, MADV_NOHUGEPAGE);
	for (uint64_t i = 0; i < pages; i++) {
		is[i] = random_below(4);
		if (is[i] < 3)
			start[i * PAGE_SIZE] = 1;
	}
	for (uint64_t i = 0; i < pages; i++) {
		if (is[i] == 0)
			munmap(start + i * PAGE_SIZE, PAGE_SIZE);
		else if (is[i] == 1)
			mprotect(start + i * PAGE_SIZE, PAGE_SIZE, PROT_READ);
	}
	for (int pass = 0; pass < 2; pass++) {
		pages_read_all(fd, (uintptr_t)start, (uintptr_t)start + pages * PAGE_SIZE, said);
		for (uint64_t i = 0; i < pages; i++) {
			enum pages_heat heat = pages_heat(said[i]);

			wrong += heat != (is[i] == 0 || is[i] == 3 ? PAGES_HOLE :
					  pass ? PAGES_IDLE : PAGES_HOT);
		}
	}
	EXPECT(!wrong, "%u wrong", wrong);
	close(fd);
	munmap(p, 4 * HUGE_SIZE);
}

/* The host is told of what is taken. */

static unsigned long referenced_kb(const struct region *r)
{
	unsigned long start, end, kb, sum = 0;
	bool inside = false;
	char line[256];
	FILE *f;

	snprintf(line, sizeof(line), "/proc/%d/smaps", child.pid);
	f = fopen(line, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start == (uintptr_t)r->start;
		else if (inside && sscanf(line, "Referenced: %lu kB", &kb) == 1)
			sum += kb;
	}
	if (f)
		fclose(f);
	return sum;
}

static void nothing_is_stolen(void)
{
	child_start();
	for (int kind = 0; kind < KINDS; kind++) {
		const struct region *r = &child.region[kind];
		unsigned long before = referenced_kb(r), after;
		int fd = pages_file(child.pid, O_RDONLY);

		read_region(fd, kind);
		EXPECT(pages_heat(said[0]) == PAGES_HOT, "%s", extent_name[said[0]]);
		read_region(fd, kind);
		EXPECT(pages_heat(said[0]) == PAGES_IDLE, "%s", extent_name[said[0]]);
		after = referenced_kb(r);
		EXPECT(before == r->pages * PAGE_SIZE / 1024 && after == before,
		       "%s: Referenced %lu kB before, %lu after", kind_name[kind], before, after);
		close(fd);
	}
	child_stop();
}

/* Whoever is gone */

static void exits(void)
{
	static uint8_t buffer[1 << 16];
	int fd;

	for (int i = 0; i < 20; i++) {
		ssize_t got = 0;

		child_start();
		fd = pages_file(child.pid, O_RDONLY);
		kill(child.pid, SIGKILL);
		/* Amid its end, too. */
		for (int n = 0; n < 10000 && got >= 0; n++) {
			lseek(fd, 0x10000, SEEK_SET);
			got = read(fd, buffer, sizeof(buffer));
		}
		EXPECT(got == -1 && (errno == ESRCH || errno == ENXIO), "%zd: %m", got);
		child_stop();
		lseek(fd, (uintptr_t)child.region[0].start, SEEK_SET);
		EXPECT_ERR(read(fd, buffer, sizeof(buffer)), ESRCH);
		close(fd);
	}
}

/* Who may */

#define OWNER		1000
#define STRANGER	1001

static void become(unsigned int uid, uint32_t caps)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { { .effective = caps, .permitted = caps } };

	if (prctl(PR_SET_KEEPCAPS, 1) || setgroups(0, NULL) || setresgid(uid, uid, uid) ||
	    setresuid(uid, uid, uid) || syscall(SYS_capset, &header, data))
		die("cannot become user %u: %m", uid);
}

static pid_t process_of(unsigned int uid)
{
	int pipe_fd[2];
	pid_t pid;
	char up;

	if (pipe(pipe_fd))
		die("pipe: %m");
	fflush(stdout);
	pid = fork();
	if (!pid) {
		become(uid, 0);
		prctl(PR_SET_DUMPABLE, 1);
		must_write(pipe_fd[1], "u", 1);
		for (;;)
			pause();
	}
	must_read(pipe_fd[0], &up, 1);
	close(pipe_fd[0]);
	close(pipe_fd[1]);
	return pid;
}

/* Both ways: that of the path, and that of the number by a file that root has opened. */
static int error_as(unsigned int uid, uint32_t caps, pid_t pid, bool by_number)
{
	int any = open("/proc/idle_pages", O_RDONLY | O_CLOEXEC), status;
	pid_t helper;

	fflush(stdout);
	helper = fork();
	if (!helper) {
		int fd;

		become(uid, caps);
		fd = by_number ? ioctl(any, IDLE_PAGE_SET_PID, pid) : pages_open(pid, O_RDONLY);
		_exit(fd < 0 ? errno : 0);
	}
	waitpid(helper, &status, 0);
	close(any);
	return WEXITSTATUS(status);
}

static void who_may(void)
{
	uint32_t override = 1U << CAP_DAC_OVERRIDE, trace = 1U << CAP_SYS_PTRACE;
	pid_t pid = process_of(OWNER);

	EXPECT_OK(error_as(STRANGER, 0, pid, false), EACCES);
	EXPECT_OK(error_as(STRANGER, override, pid, false), EPERM);
	EXPECT_OK(error_as(STRANGER, override | trace, pid, false), 0);
	EXPECT_OK(error_as(OWNER, 0, pid, false), 0);
	EXPECT_OK(error_as(STRANGER, 0, pid, true), EPERM);
	EXPECT_OK(error_as(STRANGER, trace, pid, true), 0);
	EXPECT_OK(error_as(OWNER, 0, pid, true), 0);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

/* In the directory */

struct entry {
	uint64_t ino;
	int64_t off;
	uint16_t bytes;
	uint8_t type;
	char name[];
};

/* Entries of /proc/self by reads of @size bytes; how many of them have @name. */
static unsigned int list_self(size_t size, const char *name, unsigned int *named)
{
	int dir = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	static char buffer[65536];
	unsigned int all = 0;
	long got;

	*named = 0;
	while ((got = syscall(SYS_getdents64, dir, buffer, size)) > 0) {
		for (long i = 0; i < got;) {
			struct entry *e = (struct entry *)(buffer + i);

			all++;
			*named += !strcmp(e->name, name);
			i += e->bytes;
		}
	}
	EXPECT_OK(got, 0);
	close(dir);
	return all;
}

/* Each once, however often the listing is interrupted for want of room. */
static void listed_once(void)
{
	unsigned int all, named;

	all = list_self(65536, "idle_pages", &named);
	EXPECT_OK(named, 1);
	for (size_t size = 64; size < 400; size += 8) {
		EXPECT_OK(list_self(size, "idle_pages", &named), all);
		EXPECT_OK(named, 1);
		list_self(size, "idle_bitmap", &named);
		EXPECT_OK(named, 1);
	}
	EXPECT_ERR(open("/proc/self/idle_page", O_RDONLY), ENOENT);
	EXPECT_ERR(open("/proc/self/idle_pages2", O_RDONLY), ENOENT);
	EXPECT_ERR(open("/proc/self/task/1/idle_pages", O_RDONLY), ENOENT);
}

static void keeps_the_module(void)
{
	int fd = pages_file(0, O_RDONLY), any;

	EXPECT_ERR(module_unload("kvm_idle"), EAGAIN);
	any = open("/proc/idle_pages", O_RDONLY | O_CLOEXEC);
	close(fd);
	EXPECT_ERR(module_unload("kvm_idle"), EAGAIN);
	EXPECT_OK(ioctl(any, IDLE_PAGE_SET_PID, getpid()), 0);
	EXPECT_ERR(module_unload("kvm_idle"), EAGAIN);
	close(any);
}

static void setup(void)
{
	int fd = open("/sys/kernel/mm/transparent_hugepage/enabled", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "madvise", 7) != 7)
		die("transparent_hugepage/enabled: %m");
	close(fd);
	random_seed(seed);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "rounds", "rounds of touches", .number = &rounds },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "anonymous memory, page by page", anonymous_memory },
		{ "huge pages", huge_pages },
		{ "shared memory, and mappings of files", shared_and_files },
		{ "mappings, holes and gaps side by side", mosaic },
		{ "sys-refs and etmemd", clients },
		{ "the kernel still takes for referenced what was", nothing_is_stolen },
		{ "a process that exits while it is read", exits },
		{ "who may open it", who_may },
		{ "listed once", listed_once },
		{ "an open file keeps the module", keeps_the_module },
	};

	options_parse(argc, argv, "/proc/PID/idle_pages of processes without a virtual machine.",
		      options);
	return KTAP_RUN(setup, tests);
}
