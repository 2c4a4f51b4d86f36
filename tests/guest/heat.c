// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <unistd.h>

#include "heat.h"
#include "ktap.h"

static void *keep_hot(void *arg)
{
	struct heat *heat = arg;

	while (!atomic_load(&heat->stop)) {
		vmm_touch(heat->vmm, heat->list, heat->n);
		atomic_fetch_add(&heat->times, 1);
		usleep(heat->pause_us);
	}
	return NULL;
}

void heat_start(struct heat *heat, struct vmm *vmm, const uint32_t *list, size_t n,
		unsigned long pause_us)
{
	heat->vmm = vmm;
	heat->list = list;
	heat->n = n;
	heat->pause_us = pause_us;
	atomic_init(&heat->times, 0);
	atomic_init(&heat->stop, false);
	errno = pthread_create(&heat->thread, NULL, keep_hot, heat);
	if (errno)
		die("pthread_create: %m");
}

void heat_stop(struct heat *heat)
{
	atomic_store(&heat->stop, true);
	pthread_join(heat->thread, NULL);
}

unsigned long heat_times(struct heat *heat)
{
	return atomic_load(&heat->times);
}
