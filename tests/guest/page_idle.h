/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's own idle page tracking, of pages of this process. */
#ifndef PAGE_IDLE_H
#define PAGE_IDLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Return: a file descriptor, or -1 if this kernel has no such thing. Dies of others. */
int page_idle_open(void);

/* The frame that holds each of @n pages from @start on; 0 if none does. */
void page_frames(const void *start, size_t n, uint64_t *pfn);

/* A page that is on none of the kernel's lists cannot be marked. */
void page_idle_mark(int fd, uint64_t pfn);
bool page_idle_says_idle(int fd, uint64_t pfn);

#endif
