/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Somebody who harvests the guest all the time, for tests of what the host's own
 * memory management makes of that.
 */
#ifndef HARVESTER_H
#define HARVESTER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define HARVESTER_MODULE	"/lib/kvm_idle.ko"

enum harvest {
	HARVEST_NONE,		/* the module is not even loaded */
	HARVEST_SHARED,		/* the host's own aging is a reader, too: as it is to be */
	HARVEST_UNSHARED,	/* share=N: what we clear, nobody else ever sees */
	HARVEST_MODES,
};

extern const char *const harvest_name[HARVEST_MODES];

struct harvester {
	int fd;
	pthread_t thread;
	bool running;
	atomic_ulong passes;
	atomic_bool stop;
};

/* Load the module as @mode wants it, or unload it. No file of it may be open. */
void harvester_load(enum harvest mode);

/* Begin to harvest the VM of this process, if @mode says so. Dies if it cannot. */
void harvester_start(struct harvester *h, enum harvest mode);

/* Wait until another @passes have begun and ended; at once, if it does not run. */
void harvester_wait(struct harvester *h, unsigned long passes);

/* May be called again. */
void harvester_stop(struct harvester *h);

/* Does the module say that the host's aging is a reader? false if it does not run. */
bool harvester_is_shared(struct harvester *h);

#endif
