/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Runs of pages, as a recording has them: each as three numbers (the pages left out
 * before it, its length in pages, its value) in LEB128, all of them deflated if that makes
 * them shorter. Knows nothing of files.
 */
#ifndef KVMIDLE_RUNS_H
#define KVMIDLE_RUNS_H

#include <stddef.h>
#include <stdint.h>

/* Pages are those of the guest: none lies at or behind this. */
#define RUNS_PAGE_LIMIT	((uint64_t)1 << 40)

/* What stands before the numbers: how many runs, bytes of the numbers, how packed. */
#define RUNS_HEAD_SIZE	16

/* The most bytes of numbers that a reader takes: no short file keeps it busy for long. */
#define RUNS_BYTES_LIMIT	((size_t)1 << 30)

enum runs_packing {
	RUNS_PLAIN	= 0,
	RUNS_DEFLATED	= 1,	/* zlib's format, RFC 1950 */
};

/**
 * struct runs_run - pages in a row that have one value
 * @start: the first
 * @pages: how many, at least one
 * @value: theirs
 */
struct runs_run {
	uint64_t start;
	uint64_t pages;
	uint64_t value;
};

/**
 * struct runs_writer - runs that are collected. All zero at first
 * @bytes: the numbers
 * @length: of these
 * @room: there is for them
 * @count: runs collected
 * @last: of them
 */
struct runs_writer {
	uint8_t *bytes;
	size_t length;
	size_t room;
	uint64_t count;
	struct runs_run last;
};

/**
 * kvmidle_runs_add() - collect one more
 *
 * Return: 0, or a negative errno: -EINVAL: it is out of order, touches one of the same
 * value, or goes beyond RUNS_PAGE_LIMIT; -EFBIG: too many; -ENOMEM.
 */
int kvmidle_runs_add(struct runs_writer *writer, const struct runs_run *run);

/**
 * kvmidle_runs_pack() - make of them what stands in a recording
 * @writer: the runs
 * @before: bytes to leave free in front
 * @packed: out: to be freed
 * @length: out: of it, with what is left free
 *
 * Return: 0 or -ENOMEM.
 */
int kvmidle_runs_pack(const struct runs_writer *writer, size_t before,
		      uint8_t **packed, size_t *length);

/* Forget all of them, and keep the room. */
void kvmidle_runs_reset(struct runs_writer *writer);

void kvmidle_runs_free(struct runs_writer *writer);

/* Takes some runs. Anything but 0 ends the reading. */
typedef int runs_fn(void *arg, const struct runs_run *runs, size_t count);

/**
 * struct runs_fault - what is wrong with packed runs
 * @at: at which of their bytes
 * @what: in words that follow "these ..."
 */
struct runs_fault {
	size_t at;
	const char *what;
};

/**
 * struct runs_rules - what must be true of runs that are read
 * @page_limit: no page lies at or behind this; at most RUNS_PAGE_LIMIT
 * @lowest: value there may be
 * @highest: value there may be
 */
struct runs_rules {
	uint64_t page_limit;
	uint64_t lowest;
	uint64_t highest;
};

/**
 * kvmidle_runs_unpack() - read packed runs
 * @packed: as of kvmidle_runs_pack(). Nothing is taken on trust
 * @length: of it
 * @rules: to check them by
 * @fn: is given all of them, in order, some at a time; or NULL
 * @arg: for @fn
 * @fault: out: filled in if -EBADMSG is returned
 *
 * Return: 0, what @fn returned, -EBADMSG: they are damaged; -ENOMEM.
 */
int kvmidle_runs_unpack(const uint8_t *packed, size_t length,
			const struct runs_rules *rules, runs_fn *fn, void *arg,
			struct runs_fault *fault);

#endif /* KVMIDLE_RUNS_H */
