// SPDX-License-Identifier: GPL-2.0-only
#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "damon.h"
#include "ktap.h"

#define ADMIN	"/sys/kernel/mm/damon/admin/kdamonds"
#define CONTEXT	"0/contexts/0/"
#define TARGET	CONTEXT "targets/0/"
#define SCHEME	CONTEXT "schemes/0/"
#define REGIONS	ADMIN "/" SCHEME "tried_regions"

static void __attribute__((format(printf, 2, 3))) set(const char *name, const char *fmt, ...)
{
	char path[256], value[64];
	va_list ap;
	int fd, n;

	va_start(ap, fmt);
	n = vsnprintf(value, sizeof(value), fmt, ap);
	va_end(ap);
	snprintf(path, sizeof(path), ADMIN "/%s", name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, n) != n)
		die("%s to %s: %m", value, path);
	close(fd);
}

/* Return: false if there is no such file. */
static bool get(const char *path, unsigned long *value)
{
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	if (fscanf(f, "%lu", value) != 1)
		die("%s: no number", path);
	fclose(f);
	return true;
}

static bool get_of_region(const char *region, const char *name, unsigned long *value)
{
	char path[400];

	snprintf(path, sizeof(path), REGIONS "/%s/%s", region, name);
	return get(path, value);
}

bool damon_is_there(void)
{
	return !access(ADMIN "/nr_kdamonds", W_OK);
}

/* To tell of all regions, whatever they are like. */
static void make_scheme(void)
{
	static const char *const criteria[] = { "sz", "nr_accesses", "age" };
	char name[160];

	set(CONTEXT "schemes/nr_schemes", "1");
	set(SCHEME "action", "stat");
	for (size_t i = 0; i < sizeof(criteria) / sizeof(criteria[0]); i++) {
		snprintf(name, sizeof(name), SCHEME "access_pattern/%s/max", criteria[i]);
		set(name, "%u", ~0U);
	}
}

void damon_start(const struct damon_plan *plan)
{
	char name[160];

	set("nr_kdamonds", "1");
	set("0/contexts/nr_contexts", "1");
	set(CONTEXT "operations", "vaddr");
	set(CONTEXT "monitoring_attrs/intervals/sample_us", "%lu", plan->sample_us);
	set(CONTEXT "monitoring_attrs/intervals/aggr_us", "%lu", plan->aggr_us);
	/* Or it looks for regions of its own, of all that the process has mapped. */
	set(CONTEXT "monitoring_attrs/intervals/update_us", "%lu", 3600 * 1000000UL);
	set(CONTEXT "monitoring_attrs/nr_regions/max", "%u", plan->max_regions);
	set(CONTEXT "monitoring_attrs/nr_regions/min", "%u", plan->min_regions);
	set(CONTEXT "targets/nr_targets", "1");
	set(TARGET "pid_target", "%d", getpid());
	set(TARGET "regions/nr_regions", "%u", plan->ranges);
	for (unsigned int i = 0; i < plan->ranges; i++) {
		snprintf(name, sizeof(name), TARGET "regions/%u/start", i);
		set(name, "%lu", plan->range[i].start);
		snprintf(name, sizeof(name), TARGET "regions/%u/end", i);
		set(name, "%lu", plan->range[i].end);
	}
	make_scheme();
	set("0/state", "on");
}

void damon_stop(void)
{
	set("0/state", "off");
	set("nr_kdamonds", "0");
}

int damon_thread(void)
{
	unsigned long pid;

	return get(ADMIN "/0/pid", &pid) && pid ? (int)pid : -1;
}

size_t damon_regions(struct damon_region *region, size_t n)
{
	struct dirent *entry;
	size_t found = 0;
	DIR *dir;

	set("0/state", "update_schemes_tried_regions");
	dir = opendir(REGIONS);
	if (!dir)
		die(REGIONS ": %m");
	while ((entry = readdir(dir)) && found < n) {
		unsigned long start, end, accesses;

		if (entry->d_name[0] == '.' || !get_of_region(entry->d_name, "start", &start) ||
		    !get_of_region(entry->d_name, "end", &end) ||
		    !get_of_region(entry->d_name, "nr_accesses", &accesses))
			continue;
		region[found++] = (struct damon_region){ start, end, accesses };
	}
	closedir(dir);
	return found;
}
