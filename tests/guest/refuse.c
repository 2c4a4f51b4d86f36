// SPDX-License-Identifier: GPL-2.0-only
/*
 * Where KVM has to be asked (npt=0, ept=0, eptad=0), it is asked by host
 * address. If two slots share host memory, it cannot say through which of them
 * a page was touched: then there is no answer, until they no longer do. Where
 * the tables are walked, that is no matter.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "rounds.h"

/* A second way to the second slot's memory. */
#define ALIAS_GPA	0x60000000UL
#define ALIAS_ID	7

static const char *source_name = "notifier";

static struct vmm vmm;
static enum kvm_idle_source source;
static struct idle_reader reader;
static int peek_fd;

static void set_alias(uint64_t bytes)
{
	vmm_set_region(&vmm, ALIAS_ID, 0, ALIAS_GPA, bytes, vmm.slot[1].hva);
}

static off_t position(uint64_t gpa)
{
	return gpa / PAGE_SIZE / 64 * 8;
}

static void expect_exact(const char *what)
{
	struct idle_verdict verdict = { 0 };

	touch_random(&vmm, vmm.total_pages, vmm.total_pages / 3);
	idle_check_all(&reader, &verdict);
	idle_expect_exact(&verdict, what);
	EXPECT(verdict.young > vmm.total_pages / 3);
}

static void exact_before(void)
{
	expect_exact("no shared memory");
	EXPECT_OK(idle_info(reader.fd).source, source);
}

static void no_answer(void)
{
	off_t shared[] = { position(vmm.slot[1].gpa), position(ALIAS_GPA) };
	uint64_t word = ~0ULL;

	vmm_touch_range(&vmm, vmm.first_free_gfn, 20, true);
	for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
		EXPECT_ERR(pread(reader.fd, &word, 8, shared[i]), EOPNOTSUPP);
		EXPECT_ERR(pread(peek_fd, &word, 8, shared[i]), EOPNOTSUPP);
		EXPECT_ERR(pwrite(reader.fd, &word, 8, shared[i]), EOPNOTSUPP);
	}
	EXPECT_OK(word, ~0ULL);
}

static void reason_given(void)
{
	struct kvm_idle_info info = idle_info(reader.fd);

	EXPECT_OK(info.source, KVM_IDLE_SOURCE_NONE);
	EXPECT_OK(info.reason, KVM_IDLE_REASON_ALIASED);
	EXPECT_OK(info.end_gpa, ALIAS_GPA + vmm.slot[1].bytes);
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

	EXPECT_OK(ioctl(reader.fd, KVM_IDLE_GET_SLOTS, &query), 0);
	EXPECT_OK(query.count, vmm.nr_slots + 1);
	EXPECT(slot[2].gpa == ALIAS_GPA, "%#llx", slot[2].gpa);
	EXPECT(slot[2].hva == slot[1].hva, "%#llx", slot[2].hva);
	query.flags = KVM_IDLE_SLOTS_COUNT_MAPPED;
	EXPECT_ERR(ioctl(reader.fd, KVM_IDLE_GET_SLOTS, &query), EOPNOTSUPP);
}

static void refused(void)
{
	unsigned int messages = idle_messages();

	set_alias(vmm.slot[1].bytes);
	no_answer();
	reason_given();
	slots_without_counts();
	no_answer();
	EXPECT_OK(idle_messages(), messages + 1);
}

/* Through the tables, each of the two is told for itself. */
static void answered(void)
{
	uint64_t first, alias;

	set_alias(vmm.slot[1].bytes);
	vmm_touch_range(&vmm, vmm.slot[1].gpa / PAGE_SIZE, 64, true);
	EXPECT_OK(pread(reader.fd, &first, 8, position(vmm.slot[1].gpa)), 8);
	EXPECT_OK(pread(reader.fd, &alias, 8, position(ALIAS_GPA)), 8);
	EXPECT(!first, "%#lx", first);
	EXPECT(!alias, "%#lx", alias);
	EXPECT_OK(pread(reader.fd, &first, 8, position(vmm.slot[1].gpa)), 8);
	EXPECT_OK(pread(reader.fd, &alias, 8, position(ALIAS_GPA)), 8);
	EXPECT(first == ~0UL, "%#lx", first);
	EXPECT(!alias, "holes: %#lx", alias);
	EXPECT_OK(idle_info(reader.fd).source, KVM_IDLE_SOURCE_DIRECT);
}

static void shared(void)
{
	if (source == KVM_IDLE_SOURCE_DIRECT)
		answered();
	else
		refused();
}

/* With a slot, KVM drops all that it has mapped. */
static void exact_after(void)
{
	set_alias(0);
	vmm_unmapped(&vmm);
	idle_baseline(&reader);
	expect_exact("shared no longer");
	EXPECT_OK(idle_info(reader.fd).source, source);
}

static void setup(void)
{
	vmm_two_slots(&vmm, 8);
	vmm_start(&vmm);
	idle_open(&reader, &vmm, O_RDWR);
	peek_fd = open(idle_path(0), O_RDONLY | O_CLOEXEC);
	if (peek_fd < 0)
		die("%s: %m", idle_path(0));
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "source", "what answers as long as there can be an answer: direct or notifier",
		  .word = &source_name },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "exact as long as no memory is shared", exact_before },
		{ "host memory shared by two slots", shared },
		{ "exact again afterwards", exact_after },
	};

	options_parse(argc, argv, "See that the module refuses where it cannot tell.", options);
	source = idle_source_of(source_name);
	return KTAP_RUN(setup, tests);
}
