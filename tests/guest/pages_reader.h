/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading /proc/PID/idle_pages, and two programs that others have written for it, retold. */
#ifndef PAGES_READER_H
#define PAGES_READER_H

#include <stdint.h>
#include <sys/types.h>

#include "extents.h"

/* Open the file of a process, 0 being the caller. Returns what open() does. */
int pages_open(pid_t pid, int flags);

/* Dies if it cannot. */
int pages_file(pid_t pid, int flags);

/*
 * Read from @start on until @end is reached, with buffers of @count bytes. What is said
 * of each page goes to @said, one enum extent_type each; EXTENT_NOTHING if nothing is.
 * Expects that each read is well formed and ends where the position says. Return: how
 * many reads it took; dies of an error.
 */
unsigned int pages_read(int fd, uint64_t start, uint64_t end, size_t count, uint8_t *said);

/*
 * What a read of @bytes from @start on has said, of the pages up to @end, to @said likewise.
 * Expects that it is well formed. Return: the address that it ends at.
 */
uint64_t pages_decode(const uint8_t *buffer, size_t bytes, uint64_t start, uint64_t end,
		      uint8_t *said);

/* In one read if that can be. */
void pages_read_all(int fd, uint64_t start, uint64_t end, uint8_t *said);

/* Was it touched, is it idle, or is there nothing? */
enum pages_heat {
	PAGES_HOLE, PAGES_IDLE, PAGES_HOT,
};

enum pages_heat pages_heat(uint8_t said);

/*
 * One walk over the anonymous memory of a process as Intel's sys-refs does it, and as
 * openEuler's etmemd does it. What they would count of the pages from @start to @end goes to
 * @heat, one enum pages_heat each. Return: NULL, or what they would have to complain about.
 */
const char *pages_by_sys_refs(pid_t pid, uint64_t start, uint64_t end, uint8_t *heat);
const char *pages_by_etmem(pid_t pid, uint64_t start, uint64_t end, uint8_t *heat);

#endif
