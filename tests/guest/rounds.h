/* SPDX-License-Identifier: GPL-2.0-only */
/* Rounds of random touches. */
#ifndef ROUNDS_H
#define ROUNDS_H

#include "vmm.h"

/* How many of @pages a round is to touch: none, one, all, and every magnitude between. */
uint64_t round_size(unsigned long round, unsigned long rounds, uint64_t pages);

/*
 * Touch @n different ones of the first @pages pages, in any order, some of them
 * written; but not the guest's page tables where KVM shadows these: it carries
 * out such a write by itself.
 */
void touch_random(struct vmm *vmm, uint64_t pages, uint64_t n);

#endif
