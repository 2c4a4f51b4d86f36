/* SPDX-License-Identifier: GPL-2.0-only */
/* A guest that touches the same pages over and over. */
#ifndef HEAT_H
#define HEAT_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "vmm.h"

struct heat {
	struct vmm *vmm;
	const uint32_t *list;	/* as vmm_touch() takes it; belongs to the caller */
	size_t n;
	unsigned long pause_us;

	pthread_t thread;
	atomic_ulong times;
	atomic_bool stop;
};

/*
 * Touch all of them in one go, each @pause_us: so between two times somebody can take
 * all of it away. Until heat_stop() the guest must not be told to do anything else.
 */
void heat_start(struct heat *heat, struct vmm *vmm, const uint32_t *list, size_t n,
		unsigned long pause_us);
void heat_stop(struct heat *heat);

/* How often it has touched them all. */
unsigned long heat_times(struct heat *heat);

#endif
