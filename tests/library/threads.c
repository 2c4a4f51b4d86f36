// SPDX-License-Identifier: GPL-2.0-only
/*
 * Do with the library from several threads all that it says one may, while
 * ThreadSanitizer looks on; and once what one may not, which it must find. The
 * virtual machine is an ordinary file, with ioctls that answer always the same.
 */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define THREADS	4
#define ROUNDS	50
#define PID	4242
#define MIB	(UINT64_C(1) << 20)

static char root[] = "/tmp/kvmidle-threads.XXXXXX";
static char recording[64];

/* ---- The machine ----------------------------------------------------------- */

static const struct kvm_idle_slot the_slot = { .hva = 0x7f0000000000, .bytes = 64 * MIB };

static const struct kvm_idle_info the_info = {
	.size = sizeof(the_info), .abi_version = 5, .page_size = 4096,
	.source = KVM_IDLE_SOURCE_DIRECT, .end_gpa = 64 * MIB, .slot_generation = 1,
};

static const struct kvm_idle_region the_regions[] = {
	{ 0, MIB, KVM_IDLE_PAGE_PRESENT },
	{ MIB, 2 * MIB, KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_YOUNG },
	{ 8 * MIB, 10 * MIB, KVM_IDLE_PAGE_PRESENT },
};

static int scan(struct kvm_idle_scan *arg)
{
	if (arg->vec_len < 3)
		return 0;
	memcpy((void *)(uintptr_t)arg->vec, the_regions, sizeof(the_regions));
	arg->walk_end = arg->end;
	return 3;
}

int __wrap_ioctl(int fd, unsigned long request, ...);

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	struct kvm_idle_slots *slots;
	va_list args;
	void *arg;

	(void)fd;
	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);
	switch (request) {
	case KVM_IDLE_GET_INFO:
		memcpy(arg, &the_info, sizeof(the_info));
		return 0;
	case KVM_IDLE_GET_SLOTS:
		slots = arg;
		memcpy((void *)(uintptr_t)slots->slots, &the_slot, sizeof(the_slot));
		slots->count = 1;
		return 0;
	case KVM_IDLE_SELECT_VM:
		((struct kvm_idle_select_vm *)arg)->count = 1;
		return 0;
	case KVM_IDLE_SET_OPTIONS:
	case KVM_IDLE_ARM:
		return 0;
	case KVM_IDLE_SCAN:
		return scan(arg);
	}
	errno = ENOTTY;
	return -1;
}

static void make_file(const char *name, const char *text, off_t size)
{
	char path[256];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", root, name);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	if (fd < 0 || write(fd, text, strlen(text)) < 0 || (size && ftruncate(fd, size)))
		abort();
	close(fd);
}

static void make_machine(void)
{
	char path[256];

	if (!mkdtemp(root))
		abort();
	kvmidle_proc_root = root;
	kvmidle_device = "/nowhere";
	snprintf(path, sizeof(path), "%s/4242", root);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/4242/fd", root);
	mkdir(path, 0700);
	snprintf(path, sizeof(path), "%s/4242/fd/9", root);
	if (symlink("anon_inode:kvm-vm", path))
		abort();
	snprintf(path, sizeof(path), "%s/self", root);
	mkdir(path, 0700);
	make_file("4242/idle_bitmap", "", 64 * MIB / 4096 / 8);
	make_file("4242/comm", "vmm\n", 0);
	make_file("4242/cmdline", "vmm", 0);
}

/* ---- What threads do -------------------------------------------------------- */

static void must(bool is_so)
{
	if (!is_so) {
		printf("# a call did not do what it should\n");
		exit(1);
	}
}

static int count_regions(void *arg, const struct kvm_idle_region *regions, size_t count)
{
	(void)regions;
	*(size_t *)arg += count;
	return 0;
}

static void look_at(const struct kvmidle_vm *vm)
{
	struct kvm_idle_info info = { .size = sizeof(info) };
	struct kvmidle_slots *slots;
	struct kvmidle_nodes *nodes;
	uint64_t to;

	must(!kvmidle_get_info(vm, &info) && info.page_size == 4096);
	must(!kvmidle_get_slots(vm, 1, &slots) && kvmidle_slots_count(slots) == 1);
	must(!kvmidle_gpa_to_hva(slots, MIB, &to) && !kvmidle_hva_to_gpa(slots, to, &to));
	if (!kvmidle_get_nodes(vm, slots, &nodes))
		kvmidle_nodes_free(nodes);
	kvmidle_slots_free(slots);
	must(kvmidle_count_vms(vm) == 1);
	kvmidle_door(vm);
	kvmidle_fd(vm);
	kvmidle_pass_started(vm);
}

/* All that takes a const handle, of a machine. */
static void *share_machine(void *arg)
{
	const struct kvmidle_vm *vm = arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		struct kvm_idle_options options = { .size = sizeof(options) };
		struct kvm_idle_arm arm = { .size = sizeof(arm) };
		struct kvm_idle_region regions[8];
		struct kvm_idle_scan a_scan = {
			.size = sizeof(a_scan), .end = 64 * MIB,
			.vec = (uintptr_t)regions, .vec_len = 8,
		};
		uint64_t words[16];

		look_at(vm);
		must(kvmidle_read(vm, 0, words, 16) == 16);
		must(kvmidle_mark_idle(vm, 0, words, 16) == 16);
		must(kvmidle_scan(vm, &a_scan) == 3);
		must(!kvmidle_set_options(vm, &options));
		must(!kvmidle_arm(vm, &arm));
	}
	return NULL;
}

static void *share_recording(void *arg)
{
	const struct kvmidle_vm *vm = arg;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		struct kvmidle_recording_head head;

		look_at(vm);
		must(!kvmidle_recording_get_head(vm, &head) && !strcmp(head.name, "threads"));
		must(kvmidle_recording_passes(vm) == 2);
	}
	return NULL;
}

static void *share_ages(void *arg)
{
	const struct kvmidle_ages *ages = arg;
	uint64_t at_least[KVMIDLE_AGE_MAX + 1];
	int i;

	for (i = 0; i < ROUNDS; i++) {
		must(kvmidle_ages_get(ages, 0) == 1);
		kvmidle_ages_histogram(ages, 0, 4096, at_least);
		must(at_least[1] == 768);
		must(kvmidle_ages_untouched(ages, 0, 4096) == 768);
		must(kvmidle_ages_passes(ages) == 1);
	}
	return NULL;
}

/* Each thread has its own. */
static void *use_own_machine(void *arg)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();
	struct kvmidle_vm *vm;
	int i;

	(void)arg;
	for (i = 0; i < ROUNDS; i++) {
		size_t count = 0;

		must(!kvmidle_open(PID, KVMIDLE_HARVEST, &vm));
		must(!kvmidle_select_vm(vm, 0));
		must(!kvmidle_pass_regions(vm, count_regions, &count) && count == 3);
		must(!kvmidle_pass(vm, NULL, NULL));
		must(!kvmidle_ages_pass(ages, vm));
		kvmidle_close(vm);
	}
	kvmidle_ages_free(ages);
	return NULL;
}

static void record(const char *path)
{
	const struct kvmidle_recording_head head = { .pid = PID, .name = "threads" };
	struct kvmidle_recorder *recorder;
	struct kvmidle_vm *vm;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	must(!kvmidle_open(PID, KVMIDLE_HARVEST, &vm));
	must(!kvmidle_recorder_new(fd, &head, &recorder));
	must(!kvmidle_recorder_pass(recorder, vm, NULL, NULL));
	must(!kvmidle_recorder_pass(recorder, vm, NULL, NULL));
	must(!kvmidle_recorder_end(recorder));
	kvmidle_close(vm);
	close(fd);
}

static struct kvmidle_vm *open_recording(const char *path)
{
	struct kvmidle_vm *vm;
	char why[512];

	must(!kvmidle_open_recording(path, 0, &vm, why, sizeof(why)));
	return vm;
}

static void *use_own_recording(void *arg)
{
	char path[128];
	int i;

	snprintf(path, sizeof(path), "%s.%p", recording, arg);
	for (i = 0; i < ROUNDS; i++) {
		struct kvmidle_vm *vm;
		size_t count = 0;

		record(path);
		vm = open_recording(path);
		must(!kvmidle_pass_regions(vm, count_regions, &count) && count == 3);
		must(!kvmidle_pass(vm, NULL, NULL));
		must(kvmidle_pass(vm, NULL, NULL) == -ENODATA);
		must(!kvmidle_recording_rewind(vm));
		kvmidle_close(vm);
		/* The same file, which others read too. */
		kvmidle_close(open_recording(recording));
	}
	unlink(path);
	return NULL;
}

/* What belongs to no handle. */
static void *look_around(void *arg)
{
	struct kvmidle_list *list;
	char text[512];
	int i;

	(void)arg;
	for (i = 0; i < ROUNDS; i++) {
		must(!kvmidle_list_get(0, &list) && kvmidle_list_count(list) == 1);
		must(!strcmp(kvmidle_list_at(list, 0)->name, "vmm"));
		kvmidle_list_free(list);
		kvmidle_diagnose(PID, KVMIDLE_PEEK, NULL, -EIO, text, sizeof(text));
		must(strstr(text, "Input/output error") != NULL);
		kvmidle_diagnose(PID, KVMIDLE_HARVEST, NULL, -EACCES, text, sizeof(text));
		kvmidle_explain_source(&the_info, text, sizeof(text));
	}
	return NULL;
}

/* What one may not. */
static void *pass_by_one_handle(void *arg)
{
	int i;

	for (i = 0; i < ROUNDS; i++)
		kvmidle_pass_regions(arg, NULL, NULL);
	return NULL;
}

static void in_threads(void *(*what)(void *), void *arg, bool own)
{
	pthread_t threads[THREADS];
	long i;

	for (i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, what, own ? (void *)(i + 1) : arg))
			abort();
	for (i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

/* ---- The tests --------------------------------------------------------------- */

static void machine_shared(void)
{
	struct kvmidle_vm *vm;

	must(!kvmidle_open(PID, KVMIDLE_HARVEST, &vm));
	in_threads(share_machine, vm, false);
	kvmidle_close(vm);
}

static void recording_shared(void)
{
	struct kvmidle_vm *vm = open_recording(recording);

	must(!kvmidle_pass_regions(vm, NULL, NULL));
	in_threads(share_recording, vm, false);
	kvmidle_close(vm);
}

static void ages_shared(void)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();

	must(!kvmidle_ages_feed_regions(ages, 4096, the_regions, 3));
	kvmidle_ages_end_pass(ages);
	in_threads(share_ages, ages, false);
	kvmidle_ages_free(ages);
}

static void machines_of_their_own(void)
{
	in_threads(use_own_machine, NULL, true);
}

static void recordings_of_their_own(void)
{
	in_threads(use_own_recording, NULL, true);
}

static void lists_and_words(void)
{
	in_threads(look_around, NULL, true);
}

static void one_pass_at_a_time(void)
{
	struct kvmidle_vm *vm;

	must(!kvmidle_open(PID, KVMIDLE_HARVEST, &vm));
	in_threads(pass_by_one_handle, vm, false);
	kvmidle_close(vm);
}

/* What ThreadSanitizer exits with, if it has found something. */
#define FOUND	66

static const struct {
	const char *name;
	void (*run)(void);
	int status;
} tests[] = {
	{ "one machine, shared", machine_shared, 0 },
	{ "one recording, shared", recording_shared, 0 },
	{ "one account of ages, shared", ages_shared, 0 },
	{ "machines of their own", machines_of_their_own, 0 },
	{ "recordings of their own", recordings_of_their_own, 0 },
	{ "lists and words", lists_and_words, 0 },
	{ "two passes by one handle are found out", one_pass_at_a_time, FOUND },
};

#define TESTS	((int)(sizeof(tests) / sizeof(tests[0])))

/* In a process of its own, as that exits with what was found. */
static bool run(int which)
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (!child) {
		/* What is expected to be found need not be read. */
		if (tests[which].status)
			must(freopen("/dev/null", "w", stderr) != NULL);
		tests[which].run();
		exit(0);
	}
	if (waitpid(child, &status, 0) != child)
		return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == tests[which].status;
}

int main(void)
{
	char command[128];
	bool bad = false;
	int i;

	make_machine();
	snprintf(recording, sizeof(recording), "%s/recording", root);
	record(recording);
	printf("1..%d\n", TESTS);
	for (i = 0; i < TESTS; i++) {
		bool good = run(i);

		printf("%sok %d - %s\n", good ? "" : "not ", i + 1, tests[i].name);
		bad |= !good;
	}
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command) || bad;
}
