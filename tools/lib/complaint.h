/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is wrong with a recording, and at which byte. */
#ifndef KVMIDLE_COMPLAINT_H
#define KVMIDLE_COMPLAINT_H

#include <stddef.h>
#include <stdint.h>

/**
 * struct complaint - where a sentence goes
 * @path: of the recording
 * @text: the sentence; not written to if @size is 0
 * @size: room there
 */
struct complaint {
	const char *path;
	char *text;
	size_t size;
};

/* Say it, of a byte of the file. Returns -EBADMSG. @to may be NULL. */
int kvmidle_complain(struct complaint *to, uint64_t at, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Say it, of the whole file. Returns @error. */
int kvmidle_complain_of_all(struct complaint *to, int error, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#endif /* KVMIDLE_COMPLAINT_H */
