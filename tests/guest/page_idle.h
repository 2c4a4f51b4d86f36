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

/*
 * Many pages, by as few system calls as can be. A huge page of the host's is
 * marked, and told of, by the first frame of it.
 */
struct page_idle {
	const void *start;
	uint64_t pages;
	bool huge;

	int fd;
	uint64_t *pfn;		/* of each page */
	uint64_t words;		/* of the bitmap, up to the last frame */
	uint64_t *mark;		/* the pages' frames */
	uint64_t *answer;	/* the last one ... */
	uint64_t end_word;	/* ... which ends here, before the last frames of memory */
};

/* Return: false if this kernel has no such thing. Dies if a page is not in memory. */
bool page_idle_begin(struct page_idle *pi, const void *start, uint64_t pages, bool huge);
void page_idle_end(struct page_idle *pi);

/* How many pages are not in the frames any more that they were in at the beginning. */
uint64_t page_idle_moved(struct page_idle *pi);

void page_idle_mark_all(struct page_idle *pi);
void page_idle_ask_all(struct page_idle *pi);

/* By the last answer. What page_idle does not tell of is not idle. */
bool page_idle_answer(const struct page_idle *pi, uint64_t nth);
bool page_idle_tells(const struct page_idle *pi, uint64_t nth);

/* page_idle sees no page that was allocated a moment ago, before this is called. */
void page_idle_settle(void);

#endif
