// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the VMM itself reads and writes of the guest's memory: seen by a reader who
 * asks for it (KVM_IDLE_OPTION_HOST), page by page, and by no other.
 *
 * Such accesses are told by accessed bits in this process's own page tables. The
 * kernel clears these without flushing the TLB, and so does a harvest: a page
 * whose translation is still cached does not look touched. So the program gets rid
 * of its own translations before it touches anything, as a real VMM does by being
 * scheduled out.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "page_idle.h"
#include "rounds.h"

static unsigned long rounds = 50, pages = 4096, seed = 1;
static bool thp;

static struct vmm vmm;
static struct idle_reader with, without;
/* Touched by the host, and harvested by no reader with the option since. */
static struct gfnset host_young;

/* The readers that are to see what the host touches; the list ends with NULL. */
static struct idle_reader *seers[4];

/* Options */

static struct kvm_idle_options ask(int fd, uint32_t set, uint32_t tlb, uint32_t host)
{
	struct kvm_idle_options o = {
		.size = sizeof(o), .set = set, .tlb_policy = tlb, .host = host,
	};

	if (ioctl(fd, KVM_IDLE_SET_OPTIONS, &o))
		die("KVM_IDLE_SET_OPTIONS: %m");
	return o;
}

static void set_host(struct idle_reader *reader, bool on)
{
	ask(reader->fd, KVM_IDLE_OPTION_HOST, 0, on);
}

/* Touches */

static void forget_translations(void)
{
	size_t bytes = 256 * PAGE_SIZE;
	uint8_t *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		die("mmap: %m");
	memset(p, 1, bytes);
	/* So many that the kernel flushes all rather than each. */
	munmap(p, bytes);
}

static void host_touched(uint64_t gfn)
{
	uint64_t leaf = vmm.mmu.leaf_pages, first = gfn / leaf * leaf;

	gfnset_add_range(&host_young, first, leaf);
	for (int i = 0; seers[i]; i++)
		gfnset_add_range(seers[i]->due, first, leaf);
}

/* A byte read, a byte written, a whole page. */
static void host_touches(uint64_t nth)
{
	uint64_t gfn = vmm_nth_gfn(&vmm, nth);
	volatile uint8_t *p = vmm_hva(&vmm, gfn << PAGE_SHIFT);

	switch (random_below(3)) {
	case 0:
		(void)p[random_below(PAGE_SIZE)];
		break;
	case 1:
		p[random_below(PAGE_SIZE)] = 1;
		break;
	case 2:
		memset((void *)p, 2, PAGE_SIZE);
		break;
	}
	host_touched(gfn);
}

/* Of the first half of slot 1, in which the guest touches nothing by itself. */
static uint64_t host_touches_some(void)
{
	uint64_t half = vmm.slot[1].bytes / PAGE_SIZE / 2, n = 1 + random_below(half / 4);
	uint64_t first = vmm.slot[0].bytes / PAGE_SIZE;

	/* With huge pages any of them stands for 512. */
	if (thp)
		n = 1 + random_below(3);
	forget_translations();
	for (uint64_t i = 0; i < n; i++)
		host_touches(first + random_below(half));
	return n;
}

/* The guest touches of the second half, and the VMM writes down for it what. */
static void guest_touches_some(void)
{
	uint64_t half = vmm.slot[1].bytes / PAGE_SIZE / 2, n = 1 + random_below(half / 4);
	uint64_t gfn = vmm.slot[1].gpa / PAGE_SIZE + half;
	uint64_t lists = vmm.code_gfn + 1 + vmm.nr_vcpus;
	uint32_t *list = calloc(n, sizeof(*list));

	for (uint64_t i = 0; i < n; i++)
		list[i] = (gfn + random_below(half)) << PAGE_SHIFT | random_below(2);
	forget_translations();
	vmm_touch(&vmm, list, n);
	for (uint64_t bytes = 0; bytes < n * sizeof(*list); bytes += PAGE_SIZE)
		host_touched(lists++);
	free(list);
}

/* Harvests */

static void expect_harvest(struct idle_reader *reader, const char *what)
{
	struct idle_verdict verdict = { 0 };

	idle_check_all(reader, &verdict);
	idle_expect_exact(&verdict, what);
	for (int i = 0; seers[i]; i++)
		if (seers[i] == reader)
			gfnset_clear(&host_young);
}

static void add_seer(struct idle_reader *reader)
{
	int i = 0;

	while (seers[i])
		i++;
	seers[i] = reader;
	set_host(reader, true);
	idle_baseline(reader);
	gfnset_clear(&host_young);
}

static void remove_seer(struct idle_reader *reader)
{
	int i = 0, last = 0;

	while (seers[i] != reader)
		i++;
	while (seers[last])
		last++;
	seers[i] = seers[last - 1];
	seers[last - 1] = NULL;
	set_host(reader, false);
}

/* All of the guest is mapped, and nothing is due to anybody. */
static void begin(void)
{
	touch_random(&vmm, vmm.total_pages, vmm.total_pages);
	idle_baseline(&without);
	add_seer(&with);
}

static void seen_with_and_not_without(void)
{
	uint64_t touched = 0;

	begin();
	for (unsigned long round = 0; round < rounds; round++) {
		touched += host_touches_some();
		if (round % 2)
			expect_harvest(&without, "without, first");
		expect_harvest(&with, "with");
		expect_harvest(&with, "with, again");
		expect_harvest(&without, "without");
	}
	EXPECT(touched >= rounds);
	ktap_diag("the host touched pages %lu times; the guest never ran", touched);
	remove_seer(&with);
}

static void the_guests_too(void)
{
	begin();
	for (unsigned long round = 0; round < rounds; round++) {
		guest_touches_some();
		if (round % 3)
			host_touches_some();
		if (round % 2)
			expect_harvest(&without, "without");
		expect_harvest(&with, "with");
	}
	expect_harvest(&without, "without, at last");
	remove_seer(&with);
}

/* Each has its own account of the host's touches, too. */
static void two_readers(void)
{
	struct idle_reader slow;

	begin();
	idle_open(&slow, &vmm, O_RDWR);
	add_seer(&slow);
	for (unsigned long round = 0; round < rounds; round++) {
		host_touches_some();
		if (round % 4 == 1)
			guest_touches_some();
		expect_harvest(&with, "every round");
		if (round % 5 == 4)
			expect_harvest(&slow, "every fifth");
		if (round % 7 == 6)
			expect_harvest(&without, "without, every seventh");
	}
	expect_harvest(&slow, "the slow one, at last");
	expect_harvest(&without, "without, at last");
	remove_seer(&slow);
	idle_close(&slow);
	remove_seer(&with);
}

/* What nobody has harvested, of the guest's and of the host's. */
static void expect_peek(struct idle_reader *peeker, bool host, const char *what)
{
	struct idle_verdict verdict = { 0 };
	struct gfnset both;

	gfnset_init(&both, vmm.end_gfn);
	for (size_t i = 0; i < both.words; i++)
		both.word[i] = vmm.young.word[i] | (host ? host_young.word[i] : 0);
	peeker->due = &both;
	idle_check_all(peeker, &verdict);
	idle_expect_exact(&verdict, what);
	peeker->due = &vmm.young;
	gfnset_free(&both);
}

static void peeks_clear_nothing(void)
{
	struct idle_reader peeker, plain;

	begin();
	idle_open(&peeker, &vmm, O_RDONLY);
	idle_open(&plain, &vmm, O_RDONLY);
	set_host(&peeker, true);
	expect_harvest(&with, "before");
	for (unsigned long round = 0; round < rounds / 2; round++) {
		host_touches_some();
		if (round % 2)
			guest_touches_some();
		expect_peek(&peeker, true, "a peek");
		expect_peek(&peeker, true, "a second peek");
		expect_peek(&plain, false, "a peek without");
		expect_harvest(&with, "a harvest after the peeks");
		expect_peek(&peeker, true, "all harvested");
	}
	expect_harvest(&without, "without, at last");
	idle_close(&peeker);
	idle_close(&plain);
	remove_seer(&with);
}

/* With the option off again it is a reader like any other. */
static void off_and_on(void)
{
	struct idle_reader other;

	begin();
	idle_open(&other, &vmm, O_RDWR);
	add_seer(&other);
	for (unsigned long round = 0; round < rounds / 2; round++) {
		struct idle_verdict first = { 0 };

		expect_harvest(&with, "on");
		remove_seer(&with);
		host_touches_some();
		if (round % 2)
			expect_harvest(&other, "another one takes it");
		expect_harvest(&with, "off");
		guest_touches_some();
		expect_harvest(&with, "off, and the guest ran");

		/* A baseline tells at least what is touched from now on. */
		set_host(&with, true);
		seers[1] = &with;
		host_touches_some();
		idle_check_all(&with, &first);
		gfnset_clear(&host_young);
		EXPECT(first.young && !first.miss.pages && !first.hole_lie.pages,
		       "on again: %lu pages young, %lu misses, %lu hole lies", first.young,
		       first.miss.pages, first.hole_lie.pages);
		host_touches_some();
		expect_harvest(&with, "on again");
		expect_harvest(&other, "the other one");
	}
	remove_seer(&other);
	idle_close(&other);
	remove_seer(&with);
	idle_baseline(&without);
}

/* No entry of the guest's tables: not idle, whoever has touched it or not. */
static void what_the_guest_never_touched(void)
{
	struct vmm fresh = { 0 };
	struct idle_reader reader;
	struct idle_verdict verdict = { 0 };
	struct kvm_idle_select_vm second = { .size = sizeof(second), .index = 1 };

	vmm_two_slots(&fresh, 8);
	vmm_start(&fresh);
	idle_open(&reader, &vmm, O_RDWR);
	EXPECT_OK(ioctl(reader.fd, KVM_IDLE_SELECT_VM, &second), 0);
	idle_belongs_to(&reader, &fresh);
	set_host(&reader, true);
	forget_translations();
	memset(vmm_hva(&fresh, fresh.first_free_gfn << PAGE_SHIFT), 3, MIB);
	idle_check_all(&reader, &verdict);
	idle_expect_exact(&verdict, "never mapped");
	vmm_touch(&fresh, NULL, 0);
	idle_check_all(&reader, &verdict);
	idle_check_all(&reader, &verdict);
	idle_expect_exact(&verdict, "its code alone is mapped");
	idle_close(&reader);
	vmm_stop(&fresh);
}

/* Arguments */

static void refused(int fd, struct kvm_idle_options o, int err)
{
	EXPECT_ERR(ioctl(fd, KVM_IDLE_SET_OPTIONS, &o), err);
}

static void arguments(void)
{
	struct {
		struct kvm_idle_options known;
		uint64_t newer;
	} large = { .known = { .size = sizeof(large) } };
	struct kvm_idle_options o;
	int fd = with.fd;

	ask(fd, KVM_IDLE_OPTION_TLB | KVM_IDLE_OPTION_HOST, KVM_IDLE_TLB_PRECISE, 1);
	refused(fd, (struct kvm_idle_options){ .size = sizeof(o), .set = 4 }, EINVAL);
	refused(fd, (struct kvm_idle_options){ .size = sizeof(o), .set = 1U << 31 | 1 }, EINVAL);
	refused(fd, (struct kvm_idle_options){ .size = sizeof(o), .set = KVM_IDLE_OPTION_TLB,
					       .tlb_policy = 3 }, EINVAL);
	refused(fd, (struct kvm_idle_options){ .size = sizeof(o), .set = KVM_IDLE_OPTION_HOST,
					       .host = 2 }, EINVAL);
	/* All or nothing. */
	refused(fd, (struct kvm_idle_options){
		.size = sizeof(o), .set = KVM_IDLE_OPTION_TLB | KVM_IDLE_OPTION_HOST,
		.tlb_policy = KVM_IDLE_TLB_NONE, .host = 2 }, EINVAL);
	refused(fd, (struct kvm_idle_options){
		.size = sizeof(o), .set = KVM_IDLE_OPTION_TLB | KVM_IDLE_OPTION_HOST,
		.tlb_policy = 3, .host = 0 }, EINVAL);
	refused(fd, (struct kvm_idle_options){ .size = 0 }, EINVAL);
	refused(fd, (struct kvm_idle_options){ .size = KVM_IDLE_OPTIONS_SIZE_V1 - 4 }, EINVAL);
	EXPECT_ERR(ioctl(fd, KVM_IDLE_SET_OPTIONS, NULL), EFAULT);

	/* A caller that is newer than the module. */
	EXPECT_OK(ioctl(fd, KVM_IDLE_SET_OPTIONS, &large), 0);
	EXPECT_OK(large.known.size, sizeof(o));
	EXPECT_OK(large.known.host, 1);
	large.known = (struct kvm_idle_options){ .size = sizeof(large) };
	large.newer = 1;
	EXPECT_ERR(ioctl(fd, KVM_IDLE_SET_OPTIONS, &large), E2BIG);

	/* None of these changed anything; and to ask does not, whatever else it says. */
	o = ask(fd, 0, 77, 77);
	EXPECT(o.size == sizeof(o), "%u", o.size);
	EXPECT(o.tlb_policy == KVM_IDLE_TLB_PRECISE && o.host == 1, "%u, %u", o.tlb_policy, o.host);
}

static void told_by_get_info(int fd, enum kvm_idle_tlb_policy policy, bool host)
{
	struct kvm_idle_info info = idle_info(fd);
	struct kvm_idle_options o = ask(fd, 0, 0, 0);

	EXPECT(info.tlb_policy == policy && o.tlb_policy == policy, "%u, %u, not %u",
	       info.tlb_policy, o.tlb_policy, policy);
	EXPECT(!(info.flags & KVM_IDLE_INFO_HOST) == !host, "flags %#x", info.flags);
	EXPECT(o.host == host, "%u", o.host);
}

static void of_one_file(void)
{
	struct idle_reader other;
	int peek = idle_file(0, O_RDONLY | O_CLOEXEC);

	idle_open(&other, &vmm, O_RDWR);
	told_by_get_info(other.fd, KVM_IDLE_TLB_PASS, false);
	told_by_get_info(peek, KVM_IDLE_TLB_PASS, false);
	ask(with.fd, KVM_IDLE_OPTION_TLB | KVM_IDLE_OPTION_HOST, KVM_IDLE_TLB_NONE, 1);
	ask(other.fd, KVM_IDLE_OPTION_TLB, KVM_IDLE_TLB_PRECISE, 1);
	ask(peek, KVM_IDLE_OPTION_HOST, KVM_IDLE_TLB_NONE, 1);
	told_by_get_info(with.fd, KVM_IDLE_TLB_NONE, true);
	told_by_get_info(other.fd, KVM_IDLE_TLB_PRECISE, false);
	told_by_get_info(peek, KVM_IDLE_TLB_PASS, true);
	ask(with.fd, KVM_IDLE_OPTION_TLB | KVM_IDLE_OPTION_HOST, KVM_IDLE_TLB_PASS, 0);
	told_by_get_info(with.fd, KVM_IDLE_TLB_PASS, false);
	told_by_get_info(peek, KVM_IDLE_TLB_PASS, true);
	idle_close(&other);
	close(peek);
}

/* What was owed by the policy there was is paid before the next one is in force. */
static void owed_flush_is_paid(void)
{
	uint64_t flushes, word;

	ask(with.fd, KVM_IDLE_OPTION_TLB, KVM_IDLE_TLB_PASS, 0);
	idle_baseline(&with);
	vmm_touch(&vmm, NULL, 0);
	flushes = idle_info(with.fd).flushes;
	EXPECT_OK(pread(with.fd, &word, 8, 0), 8);
	EXPECT_OK(idle_info(with.fd).flushes, flushes);
	ask(with.fd, KVM_IDLE_OPTION_TLB, KVM_IDLE_TLB_NONE, 0);
	EXPECT_OK(idle_info(with.fd).flushes, flushes + 1);
	vmm_touch(&vmm, NULL, 0);
	idle_baseline(&with);
	EXPECT_OK(idle_info(with.fd).flushes, flushes + 1);
	ask(with.fd, KVM_IDLE_OPTION_TLB, KVM_IDLE_TLB_PRECISE, 0);
	vmm_touch(&vmm, NULL, 0);
	EXPECT_OK(pread(with.fd, &word, 8, 0), 8);
	EXPECT_OK(idle_info(with.fd).flushes, flushes + 2);
	ask(with.fd, KVM_IDLE_OPTION_TLB, KVM_IDLE_TLB_PASS, 0);
	idle_baseline(&without);
}

/* What we took, the host still hears of. */

static unsigned long referenced_kb(void)
{
	uintptr_t from = (uintptr_t)vmm.slot[1].hva, to = from + vmm.slot[1].bytes;
	unsigned long start, end, kb, sum = 0;
	char line[256];
	bool inside = false;
	FILE *f = fopen("/proc/self/smaps", "re");

	if (!f)
		die("/proc/self/smaps: %m");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			inside = start < to && end > from;
		else if (inside && sscanf(line, "Referenced: %lu kB", &kb) == 1)
			sum += kb;
	}
	fclose(f);
	return sum;
}

/*
 * page_idle is the one of the host's readers that tells of each page. It asks the
 * host's page tables, which the harvest has cleared, and KVM, which must remember.
 */
static void page_idle_is_not_robbed(void)
{
	enum { PAGES = 256, MARKED = 1, TOUCHED = 2 };
	uint64_t first = vmm.slot[1].gpa / PAGE_SIZE, pfn[PAGES], told[4] = { 0 }, all[4] = { 0 };
	uint8_t state[PAGES] = { 0 };
	unsigned long before;
	int fd = page_idle_open();

	begin();
	forget_translations();
	memset(vmm.slot[1].hva, 4, vmm.slot[1].bytes);
	before = referenced_kb();
	idle_baseline(&with);
	ktap_diag("Referenced of /proc/self/smaps: %lu kB, after a harvest %lu kB", before,
		  referenced_kb());
	EXPECT(before > 0);
	if (fd < 0 || thp) {
		ktap_skip(fd < 0 ? "this kernel has no IDLE_PAGE_TRACKING" :
			  "page_idle knows huge pages as one");
		goto out;
	}
	page_frames(vmm.slot[1].hva, PAGES, pfn);
	for (int i = 0; i < PAGES; i++)
		page_idle_mark(fd, pfn[i]);
	/* Not those that are on their way to a list of the kernel's. */
	for (int i = 0; i < PAGES; i++)
		state[i] = page_idle_says_idle(fd, pfn[i]) ? MARKED : 0;
	forget_translations();
	for (int i = 0; i < PAGES; i += 3) {
		*(volatile uint8_t *)vmm_hva(&vmm, (first + i) << PAGE_SHIFT) = 5;
		state[i] |= TOUCHED;
	}
	idle_baseline(&with);
	for (int i = 0; i < PAGES; i++) {
		all[state[i]]++;
		told[state[i]] += page_idle_says_idle(fd, pfn[i]);
	}
	EXPECT(all[MARKED] > PAGES / 3 && all[MARKED | TOUCHED] > PAGES / 6, "%lu, %lu",
	       all[MARKED], all[MARKED | TOUCHED]);
	EXPECT(!told[MARKED | TOUCHED], "of %lu touched and harvested, page_idle calls %lu idle",
	       all[MARKED | TOUCHED], told[MARKED | TOUCHED]);
	EXPECT(told[MARKED] == all[MARKED], "of %lu not touched, page_idle calls %lu idle",
	       all[MARKED], told[MARKED]);
	close(fd);
out:
	remove_seer(&with);
	idle_baseline(&without);
}

static void setup(void)
{
	random_seed(seed);
	vmm.thp = thp;
	vmm_two_slots(&vmm, pages * PAGE_SIZE / MIB);
	vmm_start(&vmm);
	gfnset_init(&host_young, vmm.end_gfn);
	idle_open(&with, &vmm, O_RDWR);
	idle_open(&without, &vmm, O_RDWR);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "rounds", "rounds of touches by the host", .number = &rounds },
		{ "pages", "pages of the guest, in two slots", .number = &pages },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "KVM_IDLE_SET_OPTIONS refuses what it does not know", arguments },
		{ "options are those of one file", of_one_file },
		{ "a flush that is owed is paid when the policy changes", owed_flush_is_paid },
		{ "what the host touches is seen with HOST, and not without", seen_with_and_not_without },
		{ "what the guest touches is seen by both", the_guests_too },
		{ "two readers with HOST lose nothing between them", two_readers },
		{ "peeks with HOST show it and clear nothing", peeks_clear_nothing },
		{ "HOST off and on again", off_and_on },
		{ "what the guest never touched is not idle", what_the_guest_never_touched },
		{ "the host still hears of what was harvested", page_idle_is_not_robbed },
	};

	options_parse(argc, argv,
		      "What the VMM touches of the guest's memory, by KVM_IDLE_OPTION_HOST.", options);
	return KTAP_RUN(setup, tests);
}
