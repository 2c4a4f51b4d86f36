// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <linux/close_range.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"

#define LARGE_READ	(64 * 1024)

struct read_order {
	off_t pos;
	size_t bytes;
};

struct read_answer {
	ssize_t bytes;
	int err;
};

bool idle_by_device;

size_t idle_bitmap_bytes(const struct vmm *vmm)
{
	return (vmm->end_gfn + 63) / 64 * 8;
}

const char *idle_path(pid_t pid)
{
	static char path[64];

	snprintf(path, sizeof(path), "/proc/%d/idle_bitmap", pid ? pid : getpid());
	return path;
}

static int device_file(pid_t pid, int flags)
{
	struct kvm_idle_open arg = {
		.size = sizeof(arg),
		.flags = flags,
		.pidfd = syscall(SYS_pidfd_open, pid ? pid : getpid(), 0),
	};
	int device, fd, err;

	if (arg.pidfd < 0)
		return -1;
	device = open(KVM_IDLE_DEVICE, O_RDWR | O_CLOEXEC);
	if (device < 0)
		die(KVM_IDLE_DEVICE ": %m");
	fd = ioctl(device, KVM_IDLE_OPEN, &arg);
	err = errno;
	close(arg.pidfd);
	close(device);
	errno = err;
	return fd;
}

int idle_file(pid_t pid, int flags)
{
	return idle_by_device ? device_file(pid, flags) : open(idle_path(pid), flags);
}

static void observe(struct idle_reader *reader, struct vmm *vmm)
{
	reader->vmm = vmm;
	/* A peek shows what nobody has harvested; a harvest what this reader has not. */
	reader->due = &vmm->young;
	if (reader->harvests) {
		gfnset_init(&reader->own_due, vmm->end_gfn);
		vmm_observe(vmm, &reader->own_due);
		reader->due = &reader->own_due;
	}
}

static void unobserve(struct idle_reader *reader)
{
	if (reader->harvests) {
		vmm_unobserve(reader->vmm, &reader->own_due);
		gfnset_free(&reader->own_due);
	}
}

void idle_belongs_to(struct idle_reader *reader, struct vmm *vmm)
{
	unobserve(reader);
	observe(reader, vmm);
}

static void reader_init(struct idle_reader *reader, struct vmm *vmm, int flags)
{
	memset(reader, 0, sizeof(*reader));
	reader->fd = -1;
	reader->harvests = (flags & O_ACCMODE) == O_RDWR;
	observe(reader, vmm);
}

void idle_open(struct idle_reader *reader, struct vmm *vmm, int flags)
{
	reader_init(reader, vmm, flags);
	reader->fd = idle_file(0, flags | O_CLOEXEC);
	if (reader->fd < 0)
		die("%s: %m", idle_path(0));
}

static void __attribute__((noreturn)) read_for_parent(pid_t parent, int socket, void *buffer,
						       int flags)
{
	int fd = idle_file(parent, flags);
	struct read_order order;

	if (fd < 0)
		die("%s: %m", idle_path(parent));
	/* The virtual machine is the parent's: hold no file of it. */
	dup2(fd, 0);
	dup2(socket, 1);
	close_range(3, ~0U, 0);
	while (read(1, &order, sizeof(order)) == sizeof(order)) {
		struct read_answer answer = {
			.bytes = pread(0, buffer, order.bytes, order.pos),
			.err = errno,
		};

		if (write(1, &answer, sizeof(answer)) != sizeof(answer))
			break;
	}
	_exit(0);
}

void idle_open_elsewhere(struct idle_reader *reader, struct vmm *vmm, int flags)
{
	pid_t self = getpid();
	int pair[2];

	reader_init(reader, vmm, flags);
	reader->buffer = mmap(NULL, LARGE_READ, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reader->buffer == MAP_FAILED ||
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		die("socketpair: %m");
	fflush(stdout);
	reader->helper = fork();
	if (!reader->helper)
		read_for_parent(self, pair[1], reader->buffer, flags);
	close(pair[1]);
	reader->socket = pair[0];
}

void idle_close(struct idle_reader *reader)
{
	if (reader->helper) {
		close(reader->socket);
		waitpid(reader->helper, NULL, 0);
		munmap(reader->buffer, LARGE_READ);
	} else {
		close(reader->fd);
	}
	unobserve(reader);
}

ssize_t idle_pread(struct idle_reader *reader, void *buffer, size_t bytes, off_t pos)
{
	struct read_order order = { .pos = pos, .bytes = bytes };
	struct read_answer answer;

	if (!reader->helper)
		return pread(reader->fd, buffer, bytes, pos);
	if (order.bytes > LARGE_READ)
		order.bytes = LARGE_READ;
	if (write(reader->socket, &order, sizeof(order)) != sizeof(order) ||
	    read(reader->socket, &answer, sizeof(answer)) != sizeof(answer))
		die("the reader in another process is gone");
	if (answer.bytes > 0)
		memcpy(buffer, reader->buffer, answer.bytes);
	errno = answer.err;
	return answer.bytes;
}

static void note_wrong(struct idle_wrong *wrong, uint64_t first_gfn, uint64_t mask)
{
	for (; mask; mask &= mask - 1) {
		if (wrong->pages < IDLE_SHOWN)
			wrong->first[wrong->pages] = first_gfn + __builtin_ctzll(mask);
		wrong->pages++;
	}
}

static void clear_leaf(struct gfnset *set, size_t word, size_t leaf_words)
{
	memset(&set->word[word & -leaf_words], 0, leaf_words * 8);
}

void idle_compare(struct idle_reader *reader, const uint64_t *words, size_t bytes, off_t pos,
		  struct idle_verdict *verdict)
{
	struct vmm *vmm = reader->vmm;

	for (size_t i = 0; i < bytes / 8; i++) {
		size_t w = pos / 8 + i;
		uint64_t gfn = w * 64;
		uint64_t mapped = vmm->mapped.word[w];
		uint64_t unsure = vmm->unsure.words ? vmm->unsure.word[w] : 0;
		uint64_t due = reader->due->word[w];

		verdict->words++;
		verdict->young += __builtin_popcountll(due);
		note_wrong(&verdict->miss, gfn, words[i] & due);
		note_wrong(&verdict->extra, gfn, ~words[i] & mapped & ~due);
		note_wrong(&verdict->hole_lie, gfn, words[i] & ~mapped & ~unsure);
		if (reader->harvests) {
			reader->due->word[w] = 0;
			/* Clearing the bit of a leaf clears it for all its pages. */
			if (vmm_leaf_pages(&vmm->mmu, gfn) > 1)
				clear_leaf(&vmm->young, w, vmm->mmu.leaf_pages / 64);
			else
				vmm->young.word[w] = 0;
		}
	}
}

static size_t read_range(struct idle_reader *reader, off_t pos, size_t bytes, size_t chunk,
			 struct idle_verdict *verdict)
{
	size_t end = idle_bitmap_bytes(reader->vmm);
	uint64_t *buffer = malloc(chunk);
	size_t done = 0;

	while (done < bytes) {
		size_t want = bytes - done < chunk ? bytes - done : chunk;
		ssize_t got = idle_pread(reader, buffer, want, pos + done);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 || got % 8)
			die("read of %zu bytes at %zu: %zd (%m)", want, (size_t)pos + done, got);
		if (!got)
			break;
		if (pos + done + got > end)
			die("the file does not end at %zu", end);
		idle_compare(reader, buffer, got, pos + done, verdict);
		done += got;
	}
	free(buffer);
	return done;
}

size_t idle_check(struct idle_reader *reader, off_t pos, size_t bytes, size_t chunk,
		  struct idle_verdict *verdict)
{
	return read_range(reader, pos, bytes, chunk, verdict);
}

size_t idle_check_all(struct idle_reader *reader, struct idle_verdict *verdict)
{
	return read_range(reader, 0, ~0UL >> 1, LARGE_READ, verdict);
}

void idle_baseline(struct idle_reader *reader)
{
	struct idle_verdict ignored = { 0 };

	idle_check_all(reader, &ignored);
}

bool idle_is_exact(const struct idle_verdict *verdict)
{
	return verdict->words && !verdict->miss.pages && !verdict->extra.pages &&
	       !verdict->hole_lie.pages;
}

static void show_wrong(const char *what, const struct idle_wrong *wrong)
{
	char list[IDLE_SHOWN * 20] = "";

	for (uint64_t i = 0; i < wrong->pages && i < IDLE_SHOWN; i++)
		snprintf(list + strlen(list), sizeof(list) - strlen(list), " %#lx", wrong->first[i]);
	if (wrong->pages)
		ktap_diag("  %lu %s: gfn%s%s", wrong->pages, what, list,
			  wrong->pages > IDLE_SHOWN ? " ..." : "");
}

void idle_expect_exact(const struct idle_verdict *verdict, const char *what)
{
	if (EXPECT(idle_is_exact(verdict), "%s: %lu words, %lu pages young: %lu misses, %lu extras, %lu hole lies",
		   what, verdict->words, verdict->young, verdict->miss.pages,
		   verdict->extra.pages, verdict->hole_lie.pages))
		return;
	show_wrong("touched, reported as idle", &verdict->miss);
	show_wrong("not touched, reported as not idle", &verdict->extra);
	show_wrong("never mapped, reported as idle", &verdict->hole_lie);
}

enum kvm_idle_source idle_source_of(const char *word)
{
	static const char *const name[] = {
		[KVM_IDLE_SOURCE_DIRECT] = "direct",
		[KVM_IDLE_SOURCE_NOTIFIER] = "notifier",
		[KVM_IDLE_SOURCE_BOTH] = "both",
	};

	for (unsigned int i = KVM_IDLE_SOURCE_DIRECT; i <= KVM_IDLE_SOURCE_BOTH; i++)
		if (!strcmp(word, name[i]))
			return i;
	die("no source %s", word);
}

struct kvm_idle_info idle_info(int fd)
{
	struct kvm_idle_info info = { .size = sizeof(info) };

	if (ioctl(fd, KVM_IDLE_GET_INFO, &info))
		die("KVM_IDLE_GET_INFO: %m");
	return info;
}

static const char *param_path(const char *name)
{
	static char path[128];

	snprintf(path, sizeof(path), "/sys/module/kvm_idle/parameters/%s", name);
	return path;
}

const char *idle_module_param(const char *name)
{
	static char value[64];
	FILE *f = fopen(param_path(name), "re");

	value[0] = 0;
	if (f) {
		if (!fgets(value, sizeof(value), f))
			value[0] = 0;
		fclose(f);
	}
	value[strcspn(value, "\n")] = 0;
	return value;
}

bool idle_set_module_param(const char *name, const char *value)
{
	int fd = open(param_path(name), O_WRONLY | O_CLOEXEC);
	ssize_t want = strlen(value);
	bool ok = fd >= 0 && write(fd, value, want) == want;

	if (fd >= 0)
		close(fd);
	return ok;
}

unsigned int idle_messages(void)
{
	int fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	char record[8192], name[32];
	unsigned int n = 0;
	ssize_t got;

	if (fd < 0)
		die("/dev/kmsg: %m");
	snprintf(name, sizeof(name), "process %d:", getpid());
	/* EPIPE: records were overwritten, and it goes on with the next. */
	while ((got = read(fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE) {
		record[got > 0 ? got : 0] = 0;
		n += strstr(record, "kvm_idle: ") && strstr(record, name);
	}
	close(fd);
	return n;
}
