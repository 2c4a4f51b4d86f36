// SPDX-License-Identifier: GPL-2.0-only
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ktap.h"
#include "lru_gen.h"

#define ENABLED		"/sys/kernel/mm/lru_gen/enabled"
#define GENERATIONS	"/sys/kernel/debug/lru_gen"

bool lru_gen_is_on(void)
{
	FILE *f = fopen(ENABLED, "re");
	unsigned int on = 0;

	if (f) {
		if (fscanf(f, "%x", &on) != 1)
			on = 0;
		fclose(f);
	}
	return on & 1;
}

bool lru_gen_turn_on(void)
{
	int fd = open(ENABLED, O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (write(fd, "7", 1) != 1)
		die(ENABLED ": %m");
	close(fd);
	return true;
}

struct lruvec {
	unsigned int memcg, node;
	unsigned long newest;
};

/* Of a group and the first node that has pages of it. */
static struct lruvec find(const char *memcg)
{
	char line[4096], name[4096];
	struct lruvec found = { 0 };
	bool mine = false, seen = false;
	unsigned int id;
	FILE *f = fopen(GENERATIONS, "re");

	if (!f)
		die(GENERATIONS ": %m");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "memcg %u %4095s", &id, name) == 2) {
			mine = !strcmp(name, memcg);
			if (mine)
				found.memcg = id;
		} else if (mine && sscanf(line, " node %u", &found.node) == 1) {
			continue;
		} else if (mine && sscanf(line, " %lu", &found.newest) == 1) {
			seen = true;
		}
	}
	fclose(f);
	if (!seen)
		die(GENERATIONS " has nothing about %s", memcg);
	return found;
}

bool lru_gen_age(const char *memcg)
{
	struct lruvec v = find(memcg);
	char order[96];
	int fd = open(GENERATIONS, O_WRONLY | O_CLOEXEC), n;
	bool done;

	if (fd < 0)
		die(GENERATIONS ": %m");
	/* Anonymous memory too, and even if the oldest generation has yet to go. */
	n = snprintf(order, sizeof(order), "+ %u %u %lu 1 1", v.memcg, v.node, v.newest);
	done = write(fd, order, n) == n;
	if (!done && errno != EINVAL && errno != ERANGE)
		die(GENERATIONS ": %s: %m", order);
	close(fd);
	return done;
}
