// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <linux/idle_pages.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "ktap.h"
#include "pages_reader.h"
#include "vmm.h"

#define BYTE_SPAN	(8 * PAGE_SIZE)	/* memory that a byte of a buffer stands for */

int pages_open(pid_t pid, int flags)
{
	char path[64];

	if (pid)
		snprintf(path, sizeof(path), "/proc/%d/idle_pages", pid);
	else
		strcpy(path, "/proc/self/idle_pages");
	return open(path, flags | O_CLOEXEC);
}

int pages_file(pid_t pid, int flags)
{
	int fd = pages_open(pid, flags);

	if (fd < 0)
		die("idle_pages of %d: %m", pid);
	return fd;
}

static struct extents stream(const uint8_t *bytes, size_t count)
{
	return (struct extents){
		.bytes = bytes,
		.count = count,
		.page = PAGE_SIZE,
		.pmd = HUGE_SIZE,
		.pud = HUGE_SIZE * HUGE_PAGES,
	};
}

uint64_t pages_decode(const uint8_t *buffer, size_t bytes, uint64_t start, uint64_t end,
		      uint8_t *said)
{
	struct extents x = stream(buffer, bytes);

	memset(said, EXTENT_NOTHING, (end - start) / PAGE_SIZE);
	extents_spell_out(&x, start, (end - start) / PAGE_SIZE, said);
	EXPECT(!x.wrong, "byte %zu: %s", x.at, x.wrong);
	return x.hva;
}

unsigned int pages_read(int fd, uint64_t start, uint64_t end, size_t count, uint8_t *said)
{
	uint8_t *buffer = malloc(count);
	unsigned int reads = 0;

	memset(said, EXTENT_NOTHING, (end - start) / PAGE_SIZE);
	if (lseek(fd, start, SEEK_SET) != (off_t)start)
		die("lseek to %#lx: %m", start);
	for (uint64_t pos = start; pos < end; reads++) {
		ssize_t got = read(fd, buffer, count);
		struct extents x = stream(buffer, got > 0 ? got : 0);
		uint64_t now = lseek(fd, 0, SEEK_CUR);

		if (got <= 0)
			die("read of %zu bytes at %#lx: %zd: %m", count, pos, got);
		extents_spell_out(&x, start, (end - start) / PAGE_SIZE, said);
		EXPECT(!x.wrong, "at %#lx, byte %zu: %s", pos, x.at, x.wrong);
		EXPECT(x.hva == now, "decoded up to %#lx, position %#lx", x.hva, now);
		if (!EXPECT(now > pos, "from %#lx to %#lx", pos, now))
			break;
		pos = now;
	}
	free(buffer);
	return reads;
}

void pages_read_all(int fd, uint64_t start, uint64_t end, uint8_t *said)
{
	/* A page of a byte, and some chunks. */
	size_t count = (end - start) / PAGE_SIZE * 2 + 4096;

	EXPECT_OK(pages_read(fd, start, end, count, said), 1);
}

enum pages_heat pages_heat(uint8_t said)
{
	switch (said) {
	case EXTENT_PTE_ACCESSED:
	case EXTENT_PMD_ACCESSED:
	case EXTENT_PTE_DIRTY:
	case EXTENT_PMD_DIRTY:
	case EXTENT_PUD_PRESENT:
		return PAGES_HOT;
	case EXTENT_PTE_IDLE:
	case EXTENT_PMD_IDLE:
	case EXTENT_PMD_IDLE_PTES:
		return PAGES_IDLE;
	default:
		return PAGES_HOLE;
	}
}

/* The memory that such programs look at. */
struct mapping {
	uint64_t start, end;
};

static size_t anonymous(pid_t pid, struct mapping *list, size_t most)
{
	char path[64], line[512];
	size_t n = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f) && n < most) {
		unsigned long start, end, inode;
		char mode[8];

		if (sscanf(line, "%lx-%lx %7s %*s %*s %lu", &start, &end, mode, &inode) != 4)
			continue;
		if (!inode && mode[1] == 'w' && mode[2] != 'x' && mode[3] == 'p')
			list[n++] = (struct mapping){ start, end };
	}
	if (f)
		fclose(f);
	return n;
}

struct tally {
	uint64_t start, end;
	uint8_t *heat;
};

static void count_item(struct tally *t, uint64_t va, uint64_t bytes, enum extent_type type)
{
	for (uint64_t end = va + bytes; va < end; va += PAGE_SIZE)
		if (va >= t->start && va < t->end)
			t->heat[(va - t->start) / PAGE_SIZE] = pages_heat(type);
}

static uint64_t item_unit(unsigned int type)
{
	static const bool is_pmd[EXTENT_TYPES] = {
		[EXTENT_PMD_ACCESSED] = true, [EXTENT_PMD_DIRTY] = true,
		[EXTENT_PMD_IDLE] = true, [EXTENT_PMD_IDLE_PTES] = true,
		[EXTENT_PMD_HOLE] = true,
	};

	if (type == EXTENT_PUD_PRESENT)
		return HUGE_SIZE * HUGE_PAGES;
	return is_pmd[type] ? HUGE_SIZE : PAGE_SIZE;
}

static uint64_t big_endian(const uint8_t *p)
{
	uint64_t n = 0;

	for (int i = 0; i < 8; i++)
		n = n << 8 | p[i];
	return n;
}

/* As sys-refs parses: it goes on from where it has been, and stops behind the mapping. */
static const char *sys_refs_parse(struct tally *t, const uint8_t *buf, size_t bytes,
				  uint64_t *va, uint64_t end)
{
	for (size_t i = 0; i < bytes;) {
		unsigned int type = buf[i] >> 4, nr = buf[i] & 0xf;

		if (buf[i] == EXTENT_SET_HVA) {
			uint64_t next = big_endian(&buf[i + 1]);

			if (next < *va && i)
				return "the address goes backward";
			*va = next;
			i += 9;
			continue;
		}
		if (type >= EXTENT_TYPES)
			return "a type that it would loop for ever on";
		if (*va >= end)
			return NULL;
		if (*va % item_unit(type))
			return "an unaligned address, which it ignores";
		count_item(t, *va, nr * item_unit(type), type);
		*va += nr * item_unit(type);
		i++;
	}
	return NULL;
}

static const char *sys_refs_walk(struct tally *t, int fd, const struct mapping *m,
				 uint64_t *next_va, uint8_t *buf, size_t most)
{
	uint64_t va = m->start > *next_va ? m->start : *next_va;
	const char *wrong = NULL;

	if (m->end <= *next_va)
		return NULL;
	if (lseek(fd, va, SEEK_SET) == (off_t)-1)
		return "seek";
	while (va < m->end && !wrong) {
		size_t size = (m->end - va + 7 * PAGE_SIZE) / BYTE_SPAN;
		ssize_t got;

		if (lseek(fd, 0, SEEK_CUR) != (off_t)va)
			return "the position is not what was decoded";
		if (size < PAGE_SIZE)
			size = PAGE_SIZE;
		if (size > most)
			size = most;
		got = read(fd, buf, size);
		if (got < 0 && errno == ENXIO)
			return NULL;
		if (got < 0 && errno == ERANGE) {
			va += size * BYTE_SPAN;
			if (lseek(fd, va, SEEK_SET) == (off_t)-1)
				return "seek";
			continue;
		}
		if (got < 0)
			return "read error";
		if (!got)
			return m->end - va >= HUGE_SIZE ? "read 0 size" : NULL;
		wrong = sys_refs_parse(t, buf, got, &va, m->end);
	}
	*next_va = va;
	return wrong;
}

const char *pages_by_sys_refs(pid_t pid, uint64_t start, uint64_t end, uint8_t *heat)
{
	struct tally t = { start, end, heat };
	static struct mapping list[512];
	static uint8_t buf[1 << 20];
	size_t n = anonymous(pid, list, 512);
	const char *wrong = NULL;
	int fd = open("/proc/idle_pages", O_RDWR | O_CLOEXEC);
	uint64_t next_va = 0;

	memset(heat, PAGES_HOLE, (end - start) / PAGE_SIZE);
	if (fd >= 0)
		ioctl(fd, IDLE_PAGE_SET_PID, pid);
	else
		fd = pages_open(pid, O_RDWR);
	if (fd < 0)
		return "open";
	for (size_t i = 0; i < n && !wrong; i++)
		wrong = sys_refs_walk(&t, fd, &list[i], &next_va, buf, sizeof(buf));
	close(fd);
	return wrong;
}

/* As etmemd parses: an address of zero is an error. */
static const char *etmem_parse(struct tally *t, const uint8_t *buf, size_t bytes, uint64_t *end)
{
	uint64_t addr = 0;

	for (size_t i = 0; i < bytes; i++) {
		unsigned int type = buf[i] >> 4, nr = buf[i] & 0xf;

		if (buf[i] == EXTENT_SET_HVA) {
			if (i + 8 >= bytes)
				break;
			addr = big_endian(&buf[i + 1]);
			i += 8;
			continue;
		}
		if (!addr)
			return "parse address fail";
		if (type < EXTENT_PTE_HOLE && addr % item_unit(type))
			return "ignore address which is not aligned";
		count_item(t, addr, nr * item_unit(type), type);
		addr += nr * item_unit(type);
	}
	*end = addr;
	return NULL;
}

const char *pages_by_etmem(pid_t pid, uint64_t start, uint64_t end, uint8_t *heat)
{
	struct tally t = { start, end, heat };
	static struct mapping list[512];
	size_t n = anonymous(pid, list, 512);
	unsigned int flags = SCAN_AS_HUGE;
	const char *wrong = NULL;
	uint64_t last = 0;
	char path[64];
	FILE *f;

	memset(heat, PAGES_HOLE, (end - start) / PAGE_SIZE);
	snprintf(path, sizeof(path), "/proc/%d/idle_pages", pid);
	f = fopen(path, "r");
	if (!f)
		return "open";
	/* It may set flags; what they do is not what is compared here. */
	if (ioctl(fileno(f), IDLE_SCAN_ADD_FLAGS, &flags) ||
	    ioctl(fileno(f), IDLE_SCAN_REMOVE_FLAGS, &flags))
		wrong = "ioctl";
	for (size_t i = 0; i < n && !wrong; i++) {
		uint64_t from = last > list[i].start ? last : list[i].start;
		size_t size = (list[i].end - from) / BYTE_SPAN;
		uint8_t *buf;
		ssize_t got;

		if (last > list[i].end)
			continue;
		if (size < EXTENT_LEAST_COUNT)
			size = EXTENT_LEAST_COUNT;
		buf = calloc(1, size);
		if (lseek(fileno(f), from, SEEK_SET) == -1)
			wrong = "set seek of file fail";
		got = wrong ? 0 : read(fileno(f), buf, size);
		if (got > 0)
			wrong = etmem_parse(&t, buf, got, &last);
		free(buf);
	}
	fclose(f);
	return wrong;
}
