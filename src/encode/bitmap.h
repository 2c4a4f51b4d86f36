/* SPDX-License-Identifier: GPL-2.0-only */
/* The encoding of /proc/PID/idle_bitmap. Pure. */
#ifndef KI_ENCODE_BITMAP_H
#define KI_ENCODE_BITMAP_H

#include "../table/env.h"

/**
 * ki_encode_bitmap() - one bit a page: 1 = idle, 0 = young or hole
 * @idle: where the words go; may be one of the other two
 * @present: pages that are mapped
 * @young: pages that were touched
 * @words: length of each, in 64-bit words
 *
 * What is not mapped is never idle: nobody should migrate what is not there.
 */
static inline void ki_encode_bitmap(u64 *idle, const u64 *present,
				    const u64 *young, unsigned int words)
{
	for (unsigned int i = 0; i < words; i++)
		idle[i] = present[i] & ~young[i];
}

#endif /* KI_ENCODE_BITMAP_H */
