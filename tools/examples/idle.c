// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * How much guest memory was left alone for a while?
 *
 *	cc idle.c $(pkg-config --cflags --libs libkvmidle)
 *	./a.out PID		during ten seconds from now
 *	./a.out RECORDING	between the first two passes of it
 */
#include <kvmidle.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* Add up what is idle: mapped, and touched by nobody. */
static int add_idle(void *arg, const struct kvm_idle_region *regions, size_t count)
{
	const uint64_t touched = KVM_IDLE_PAGE_YOUNG | KVM_IDLE_PAGE_HOST_YOUNG;

	for (; count--; regions++)
		if (regions->categories & KVM_IDLE_PAGE_PRESENT && !(regions->categories & touched))
			*(unsigned long long *)arg += regions->end - regions->start;
	return 0;
}

int main(int argc, char **argv)
{
	const char *target = argc == 2 ? argv[1] : "";
	unsigned long long idle = 0;
	struct kvmidle_vm *vm = NULL;
	pid_t pid = atoi(target);
	char why[512];
	int err;

	if (pid > 0)
		err = kvmidle_open(pid, KVMIDLE_HARVEST, &vm);
	else
		err = kvmidle_open_recording(target, 0, &vm, why, sizeof(why));
	if (!err)
		err = kvmidle_pass_regions(vm, NULL, NULL);	/* the baseline */
	if (!err && pid > 0)
		sleep(10);
	if (!err)
		err = kvmidle_pass_regions(vm, add_idle, &idle);
	if (err && (vm || pid > 0))
		kvmidle_diagnose(pid, KVMIDLE_HARVEST, vm, err, why, sizeof(why));
	if (err)
		fprintf(stderr, "%s\n", why);
	else
		printf("%llu KiB were idle\n", idle >> 10);
	kvmidle_close(vm);
	return err ? 1 : 0;
}
