// SPDX-License-Identifier: GPL-2.0-only
/* Where the hardware's tables do not hold the truth, there is no answer. */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "options.h"

static const char *expect = "shadow";

static struct vmm vmm;
static enum kvm_idle_reason reason;
static int fd, peek_fd;

static void no_answer(void)
{
	uint64_t word = ~0ULL;

	for (int i = 0; i < 3; i++) {
		EXPECT_ERR(pread(fd, &word, 8, 0), EOPNOTSUPP);
		EXPECT_ERR(pread(peek_fd, &word, 8, 0), EOPNOTSUPP);
		EXPECT_ERR(pwrite(fd, &word, 8, 0), EOPNOTSUPP);
		vmm_touch_range(&vmm, vmm.first_free_gfn, 20, true);
	}
	EXPECT_OK(word, ~0ULL);
}

static void reason_given(void)
{
	struct kvm_idle_info info = idle_info(fd);

	EXPECT_OK(info.source, KVM_IDLE_SOURCE_NONE);
	EXPECT_OK(info.reason, reason);
	EXPECT_OK(info.flags & KVM_IDLE_INFO_HW_ACCESSED, 0);
	EXPECT_OK(info.end_gpa, vmm.end_gfn << PAGE_SHIFT);
}

static void slots_without_counts(void)
{
	struct kvm_idle_slot slot[VMM_MAX_SLOTS];
	struct kvm_idle_slots query = {
		.size = sizeof(query),
		.slot_size = sizeof(slot[0]),
		.capacity = VMM_MAX_SLOTS,
		.slots = (uintptr_t)slot,
	};

	EXPECT_OK(ioctl(fd, KVM_IDLE_GET_SLOTS, &query), 0);
	EXPECT_OK(query.count, vmm.nr_slots);
	EXPECT(slot[1].gpa == vmm.slot[1].gpa, "%#llx", slot[1].gpa);
	query.flags = KVM_IDLE_SLOTS_COUNT_MAPPED;
	EXPECT_ERR(ioctl(fd, KVM_IDLE_GET_SLOTS, &query), EOPNOTSUPP);
}

static void one_message(void)
{
	EXPECT_OK(idle_messages(), 1);
}

static void setup(void)
{
	vmm_two_slots(&vmm, 8);
	vmm_start(&vmm);
	vmm_touch_range(&vmm, vmm.first_free_gfn, 20, true);
	fd = open(idle_path(0), O_RDWR | O_CLOEXEC);
	peek_fd = open(idle_path(0), O_RDONLY | O_CLOEXEC);
	if (fd < 0 || peek_fd < 0)
		die("%s: %m", idle_path(0));
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "expect", "shadow (npt=0, ept=0) or no-accessed (eptad=0)", .word = &expect },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "reads and writes fail with EOPNOTSUPP", no_answer },
		{ "GET_INFO gives the reason", reason_given },
		{ "GET_SLOTS works, but counts nothing", slots_without_counts },
		{ "one kernel message for the virtual machine", one_message },
	};

	options_parse(argc, argv, "See that the module refuses where it cannot tell.", options);
	if (strcmp(expect, "shadow") && strcmp(expect, "no-accessed")) {
		fprintf(stderr, "%s: --expect is shadow or no-accessed\n", argv[0]);
		return 2;
	}
	reason = strcmp(expect, "shadow") ? KVM_IDLE_REASON_NO_ACCESSED : KVM_IDLE_REASON_SHADOW;
	return KTAP_RUN(setup, tests);
}
