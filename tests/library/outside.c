// SPDX-License-Identifier: GPL-2.0-only
/*
 * A program from outside, which knows nothing but what is installed: it makes a recording
 * of a pass of its own, and looks at it in each way there is.
 *
 *	outside make FILE	make the recording
 *	outside example FILE	make that of Documentation/recording.rst
 *	outside look FILE	say what is in one
 */
#include <fcntl.h>
#include <inttypes.h>
#include <kvmidle.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define MIB	(UINT64_C(1) << 20)

static const struct kvm_idle_slot slots[] = {
	{ .gpa = 0, .hva = 0x7f0000000000, .bytes = MIB, .id = 0 },
	{ .gpa = 16 * MIB, .hva = 0x7f0001000000, .bytes = 64 * MIB, .id = 1 },
};

/* In the second pass, the block at 20 MiB is touched no more. */
static int add_pass(struct kvmidle_recorder *recorder, uint64_t started, uint64_t at_20)
{
	const struct kvm_idle_region regions[] = {
		{ 0, MIB, KVM_IDLE_PAGE_PRESENT },
		{ 16 * MIB, 20 * MIB, KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_YOUNG },
		{ 20 * MIB, 22 * MIB, at_20 },
		{ 40 * MIB, 42 * MIB, KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_HUGE_2M },
	};
	const struct kvm_idle_info info = {
		.size = sizeof(info), .abi_version = KVM_IDLE_ABI_VERSION, .page_size = 4096,
		.source = KVM_IDLE_SOURCE_DIRECT, .format = KVM_IDLE_FORMAT_NPT, .levels = 4,
		.end_gpa = 80 * MIB, .slot_generation = 1,
	};

	return kvmidle_recorder_add(recorder, started, &info, slots, 2, regions, 4);
}

static int make(const char *path)
{
	const struct kvmidle_recording_head head = { .pid = 106, .name = "from outside" };
	const struct kvmidle_node_range node = { 0, MIB, 1 };
	struct kvmidle_recorder *recorder;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), err;

	if (fd < 0)
		return -1;
	err = kvmidle_recorder_new(fd, &head, &recorder);
	if (!err) {
		err = add_pass(recorder, 1000000000,
			       KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_HOST_YOUNG);
		if (!err)
			err = add_pass(recorder, 3000000000, KVM_IDLE_PAGE_PRESENT);
		if (!err)
			err = kvmidle_recorder_nodes(recorder, &node, 1);
		if (!err)
			err = kvmidle_recorder_end(recorder);
	}
	close(fd);
	return err;
}

/* The example of Documentation/recording.rst. */
static int make_example(const char *path)
{
	const struct kvmidle_recording_head head = {
		.pid = 106, .name = "vm", .wall_ns = 1700000000000000000,
	};
	const struct kvm_idle_info info = {
		.size = sizeof(info), .abi_version = 5, .page_size = 4096,
		.source = KVM_IDLE_SOURCE_DIRECT, .format = KVM_IDLE_FORMAT_NPT, .levels = 4,
		.end_gpa = 2 * MIB, .slot_generation = 7,
	};
	const struct kvm_idle_slot slot = { .hva = 0x7f0000000000, .bytes = 2 * MIB };
	const struct kvm_idle_region regions[] = {
		{ 0, MIB, KVM_IDLE_PAGE_PRESENT },
		{ MIB, MIB + 4096, KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_YOUNG },
	};
	struct kvmidle_recorder *recorder;
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600), err;

	err = kvmidle_recorder_new(fd, &head, &recorder);
	if (err)
		return err;
	err = kvmidle_recorder_add(recorder, 5000000000, &info, &slot, 1, regions, 2);
	if (!err)
		err = kvmidle_recorder_end(recorder);
	close(fd);
	return err;
}

static int show(void *arg, const struct kvm_idle_region *regions, size_t count)
{
	(void)arg;
	for (; count--; regions++)
		printf("region %" PRIx64 " %" PRIx64 " %" PRIx64 "\n", (uint64_t)regions->start,
		       (uint64_t)regions->end, (uint64_t)regions->categories);
	return 0;
}

static void show_slots(const struct kvmidle_vm *vm)
{
	struct kvmidle_slots *list;
	uint64_t to = 0;
	size_t i;

	if (kvmidle_get_slots(vm, KVM_IDLE_SLOTS_COUNT_MAPPED, &list))
		return;
	for (i = 0; i < kvmidle_slots_count(list); i++)
		printf("slot %u mapped %llu\n", kvmidle_slots_at(list, i)->id,
		       (unsigned long long)kvmidle_slots_at(list, i)->mapped_bytes);
	if (!kvmidle_gpa_to_hva(list, 17 * MIB, &to))
		printf("hva %" PRIx64 "\n", to);
	if (!kvmidle_hva_to_gpa(list, to, &to))
		printf("gpa %" PRIx64 "\n", to);
	kvmidle_slots_free(list);
}

static void show_rest(struct kvmidle_vm *vm)
{
	struct kvmidle_ages *ages = kvmidle_ages_new();
	struct kvmidle_nodes *nodes;
	size_t i;

	if (!kvmidle_get_nodes(vm, NULL, &nodes)) {
		for (i = 0; i < kvmidle_nodes_count(nodes); i++)
			printf("node %u\n", kvmidle_nodes_at(nodes, i)->node);
		kvmidle_nodes_free(nodes);
	}
	if (!ages || kvmidle_recording_rewind(vm))
		return;
	while (!kvmidle_ages_pass(ages, vm))
		;
	printf("passes %" PRIu64 ", untouched pages %" PRIu64 ", age at 0 %u, at 20 MiB %u\n",
	       kvmidle_ages_passes(ages), kvmidle_ages_untouched(ages, 0, UINT64_MAX),
	       kvmidle_ages_get(ages, 0), kvmidle_ages_get(ages, 20 * MIB / 4096));
	kvmidle_ages_free(ages);
}

static int look(const char *path)
{
	struct kvmidle_recording_head head;
	struct kvmidle_vm *vm;
	char why[512];
	int err;

	if (kvmidle_open_recording(path, 0, &vm, why, sizeof(why))) {
		fprintf(stderr, "%s\n", why);
		return -1;
	}
	err = kvmidle_recording_get_head(vm, &head);
	printf("%s of process %d, door %s\n", head.name, (int)head.pid,
	       kvmidle_door_name(kvmidle_door(vm)));
	while (!err) {
		err = kvmidle_pass_regions(vm, show, NULL);
		if (!err)
			printf("pass at %" PRIu64 "\n", kvmidle_pass_started(vm));
	}
	show_slots(vm);
	show_rest(vm);
	kvmidle_close(vm);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "make"))
		return make(argv[2]) ? 1 : 0;
	if (argc == 3 && !strcmp(argv[1], "look"))
		return look(argv[2]) ? 1 : 0;
	if (argc == 3 && !strcmp(argv[1], "example"))
		return make_example(argv[2]) ? 1 : 0;
	fprintf(stderr, "Usage: outside make|look|example FILE\n");
	return 2;
}
