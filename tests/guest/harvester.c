// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <unistd.h>

#include "harvester.h"
#include "idle.h"
#include "ktap.h"
#include "module.h"

const char *const harvest_name[HARVEST_MODES] = {
	[HARVEST_NONE] = "no harvest",
	[HARVEST_SHARED] = "harvest",
	[HARVEST_UNSHARED] = "harvest, not shared",
};

void harvester_load(enum harvest mode)
{
	/* What was open a moment ago may be released a moment later. */
	for (int i = 0; module_unload("kvm_idle"); i++) {
		if (errno == ENOENT)
			break;
		if (errno != EAGAIN || i == 500)
			die("unloading kvm_idle: %m");
		usleep(10000);
	}
	if (mode == HARVEST_NONE)
		return;
	if (module_load(HARVESTER_MODULE, mode == HARVEST_SHARED ? "share=Y" : "share=N"))
		die("loading kvm_idle: %m");
}

static void *harvest(void *arg)
{
	static char buffer[64 * 1024];
	struct harvester *h = arg;

	while (!atomic_load(&h->stop)) {
		ssize_t got;
		off_t pos = 0;

		/* To the end of the file: there the flush of the TLB is paid. */
		while ((got = pread(h->fd, buffer, sizeof(buffer), pos)) > 0)
			pos += got;
		if (got < 0 && errno != EINTR)
			die("harvest: %m");
		atomic_fetch_add(&h->passes, 1);
		/* Where CPUs take turns, who waits for KVM's lock does so for a turn. */
		usleep(500);
	}
	return NULL;
}

void harvester_start(struct harvester *h, enum harvest mode)
{
	atomic_init(&h->passes, 0);
	atomic_init(&h->stop, false);
	h->running = mode != HARVEST_NONE;
	if (!h->running)
		return;
	h->fd = idle_file(0, O_RDWR | O_CLOEXEC);
	if (h->fd < 0)
		die("%s: %m", idle_path(0));
	errno = pthread_create(&h->thread, NULL, harvest, h);
	if (errno)
		die("pthread_create: %m");
}

void harvester_wait(struct harvester *h, unsigned long passes)
{
	/* One is under way: it may have passed by already. */
	unsigned long until = atomic_load(&h->passes) + passes + 1;

	while (h->running && atomic_load(&h->passes) < until)
		usleep(100);
}

void harvester_stop(struct harvester *h)
{
	if (!h->running)
		return;
	atomic_store(&h->stop, true);
	pthread_join(h->thread, NULL);
	close(h->fd);
	h->running = false;
}

bool harvester_is_shared(struct harvester *h)
{
	return h->running && idle_info(h->fd).flags & KVM_IDLE_INFO_SHARED;
}
