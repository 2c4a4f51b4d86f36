// SPDX-License-Identifier: GPL-2.0-only
/* From passes to figures, to text and to JSON. */
#include "fake.h"
#include "parse.h"
#include "report.h"
#include "suite.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define PAGE	4096
#define PASSES	4

/*
 * Two slots of 64 pages each, the second a quarter of a GiB up. What the bitmap
 * of each pass says about the first; young pages and holes are both 0.
 *
 *	pages 0-7	hot: touched in every pass
 *	pages 8-11	idle in the last pass only
 *	pages 12-15	idle in the last two, touched in the second
 *	pages 16-31	never touched
 *	pages 32-39	mapped and touched in the first pass, idle since
 *	pages 40-63	holes
 */
static const uint64_t first_slot[PASSES] = {
	0x00000000ffff0000,
	0x000000ffffff0000,
	0x000000fffffff000,
	0x000000ffffffff00,
};

#define SECOND_GPA	(UINT64_C(256) << 20)

static struct kvm_idle_slot slots[] = {
	{ .gpa = 0, .hva = 0x7f0000000000, .bytes = 64 * PAGE, .id = 3 },
	{ .gpa = SECOND_GPA, .bytes = 64 * PAGE, .id = 1,
	  .flags = KVM_IDLE_SLOT_NO_HVA | KVM_IDLE_SLOT_READONLY },
};

/* The pages of the machine; see with_pages_of(). */
static uint64_t page = PAGE;

static struct measurement m;

/* Large entries map half of the second slot; of a size that the page size says. */
#define SMALL_PAGES	32

/* What the last pass found mapped. */
static void map_pages(unsigned int of_first)
{
	const struct kvm_idle_region regions[] = {
		{ 0, of_first * page, KVM_IDLE_PAGE_PRESENT },
		/* Touched, and unmapped since. */
		{ of_first * page, 41 * page, KVM_IDLE_PAGE_YOUNG },
		{ slots[1].gpa, slots[1].gpa + SMALL_PAGES * page,
		  KVM_IDLE_PAGE_PRESENT },
		{ slots[1].gpa + SMALL_PAGES * page, slots[1].gpa + 64 * page,
		  KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_HUGE_2M },
	};

	m.mapped.count = 0;
	assert_int_equal(extents_add(&m.mapped, regions, 4), 0);
}

static void prepare(void)
{
	struct kvmidle_vm *vm;
	unsigned int p;

	fake_bitmap(1);
	fake.slots = slots;
	fake.slots_count = 2;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_HARVEST, &vm), 0);

	memset(&m, 0, sizeof(m));
	m.info = (struct kvm_idle_info){
		.page_size = page, .source = KVM_IDLE_SOURCE_DIRECT,
		.format = KVM_IDLE_FORMAT_NPT, .levels = 4,
		.tlb_policy = KVM_IDLE_TLB_PASS,
		.flags = KVM_IDLE_INFO_SHARED,
	};
	m.ages = kvmidle_ages_new();
	for (p = 0; p < PASSES; p++) {
		/* All of the second slot is idle all the time. */
		const uint64_t all = UINT64_MAX;

		assert_int_equal(kvmidle_ages_feed(m.ages, 0, &first_slot[p], 1), 0);
		assert_int_equal(kvmidle_ages_feed(m.ages, slots[1].gpa / page, &all, 1), 0);
		kvmidle_ages_end_pass(m.ages);
	}
	assert_int_equal(kvmidle_get_slots(vm, 0, &m.slots), 0);
	map_pages(40);
	/* Uneven on purpose: times are measured, not multiplied. */
	for (p = 0; p <= PASSES; p++)
		m.started[p] = 5 * NS_PER_SECOND + p * UINT64_C(1100000000);
	m.window_ns = PASSES * UINT64_C(1100000000);
	kvmidle_close(vm);
}

static struct report make_report(unsigned int hot, unsigned int cold)
{
	struct report r = {
		.pid = FAKE_PID, .name = "vm \"1\"", .machines = 1,
		.plan = { .interval_ns = NS_PER_SECOND, .passes = PASSES },
		.m = &m, .hot_passes = hot, .cold_passes = cold,
	};

	assert_int_equal(report_build(&r), 0);
	return r;
}

static void expect_pages(const struct figures *f, unsigned int mapped,
			 unsigned int hot, unsigned int warm, unsigned int cold,
			 unsigned int working_set)
{
	assert_int_equal(f->mapped, mapped * page);
	assert_int_equal(f->hot, hot * page);
	assert_int_equal(f->warm, warm * page);
	assert_int_equal(f->cold, cold * page);
	assert_int_equal(f->working_set, working_set * page);
}

static void figures_by_age(void **state)
{
	static const struct {
		unsigned int hot, cold, pages_hot, pages_warm, pages_cold;
	} cases[] = {
		{ 1, 4, 8, 16, 16 },	/* idle 1, 2 and 3 passes: 4 + 4 + 8 */
		{ 1, 3, 8, 8, 24 },
		{ 2, 3, 12, 4, 24 },
		{ 2, 2, 12, 0, 28 },
		{ 4, 4, 24, 0, 16 },
	};
	size_t i;

	(void)state;
	prepare();
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct report r = make_report(cases[i].hot, cases[i].cold);

		expect_pages(&r.slots[0], 40, cases[i].pages_hot,
			     cases[i].pages_warm, cases[i].pages_cold, 24);
		expect_pages(&r.slots[1], 64, 0, 0, 64, 0);
		expect_pages(&r.total, 104, cases[i].pages_hot,
			     cases[i].pages_warm, cases[i].pages_cold + 64, 24);
		assert_int_equal(r.total.size, 128 * page);
		report_release(&r);
	}
	measurement_release(&m);
}

/* All the same in larger pages: gfns, and the address of the second slot. */
static void with_pages_of(uint64_t bytes)
{
	size_t i;

	for (i = 0; i < 2; i++) {
		slots[i].gpa = slots[i].gpa / page * bytes;
		slots[i].bytes = slots[i].bytes / page * bytes;
	}
	page = bytes;
}

static void figures_with_other_pages(void **state)
{
	with_pages_of(16384);
	figures_by_age(state);
	with_pages_of(65536);
	figures_by_age(state);
	with_pages_of(PAGE);
}

static void histogram(void **state)
{
	static const unsigned int at_least[PASSES + 1] = {
		104, 64 + 32, 64 + 28, 64 + 24, 64 + 16
	};
	struct report r;
	unsigned int a;

	(void)state;
	prepare();
	r = make_report(1, 4);
	assert_int_equal(r.oldest, PASSES);
	for (a = 0; a <= PASSES; a++) {
		assert_int_equal(r.ages[a].bytes_at_least, at_least[a] * PAGE);
		assert_int_equal(r.ages[a].ns, a * UINT64_C(1100000000));
	}
	report_release(&r);
	measurement_release(&m);
}

/* What was idle and is mapped no more is neither cold nor anything else. */
static void unmapped_meanwhile(void **state)
{
	struct report r;

	(void)state;
	prepare();
	map_pages(20);	/* of the 40 before */
	r = make_report(1, 4);
	expect_pages(&r.slots[0], 20, 8, 8, 4, 16);
	expect_pages(&r.total, 84, 8, 8, 68, 16);
	assert_int_equal(r.ages[0].bytes_at_least, 84 * PAGE);
	assert_int_equal(r.ages[1].bytes_at_least, 76 * PAGE);
	report_release(&r);
	measurement_release(&m);
}

/* Mapped across the end of a slot, and where no slot is (any more). */
static void mapped_beyond_slots(void **state)
{
	const struct kvm_idle_region beyond[] = {
		{ 60 * PAGE, 100 * PAGE, KVM_IDLE_PAGE_PRESENT },
		{ SECOND_GPA - PAGE, SECOND_GPA + PAGE,
		  KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_HUGE_1G },
	};
	struct report r;

	(void)state;
	prepare();
	m.mapped.count = 0;
	assert_int_equal(extents_add(&m.mapped, beyond, 2), 0);
	r = make_report(1, 4);
	expect_pages(&r.slots[0], 4, 4, 0, 0, 4);
	expect_pages(&r.slots[1], 1, 0, 0, 1, 0);
	report_release(&r);
	r.by = BY_SIZE;
	assert_int_equal(report_build(&r), 0);
	expect_pages(&r.sizes[0].figures, 4, 4, 0, 0, 4);
	expect_pages(&r.sizes[2].figures, 1, 0, 0, 1, 0);
	report_release(&r);
	measurement_release(&m);
}

static void by_size(void **state)
{
	static const struct {
		uint64_t page, large;
	} sizes[] = {
		{ 4096, 2 << 20 }, { 16384, 32 << 20 }, { 65536, 512 << 20 },
	};
	struct report r;
	size_t i;

	(void)state;
	for (i = 0; i < 3; i++) {
		with_pages_of(sizes[i].page);
		prepare();
		r = make_report(1, 4);
		report_release(&r);
		r.by = BY_SIZE;
		assert_int_equal(report_build(&r), 0);
		assert_int_equal(r.sizes[0].entry_bytes, sizes[i].page);
		assert_int_equal(r.sizes[1].entry_bytes, sizes[i].large);
		assert_int_equal(r.sizes[2].entry_bytes, 1 << 30);
		expect_pages(&r.sizes[0].figures, 40 + 32, 8, 16, 16 + 32, 24);
		expect_pages(&r.sizes[1].figures, 32, 0, 0, 32, 0);
		expect_pages(&r.sizes[2].figures, 0, 0, 0, 0, 0);
		report_release(&r);
		measurement_release(&m);
	}
	with_pages_of(PAGE);
}

/* Even pages of the first slot on node 1, the others on 3; the rest nobody knows. */
static int node_of(uint64_t hva)
{
	if (hva >= slots[0].hva + 40 * PAGE)
		return -ENOENT;
	return (hva - slots[0].hva) / PAGE % 2 ? 3 : 1;
}

static void by_node(void **state)
{
	struct kvmidle_nodes *nodes;
	struct kvmidle_vm *vm;
	struct report r;

	(void)state;
	prepare();
	fake.info.page_size = PAGE;
	fake.scans = true;
	fake.regions = m.mapped.at;
	fake.regions_count = 1;
	m.mapped.at[0].categories = KVM_IDLE_PAGE_PRESENT;
	fake.node_of = node_of;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_PEEK, &vm), 0);
	assert_int_equal(kvmidle_get_nodes(vm, m.slots, &nodes), 0);
	kvmidle_close(vm);
	m.mapped.at[0].categories = 0;

	r = make_report(1, 4);
	report_release(&r);
	r.by = BY_NODE;
	r.nodes = nodes;
	assert_int_equal(report_build(&r), 0);
	assert_int_equal(r.by_node_count, 3);
	assert_int_equal(r.by_node[0].node, 1);
	assert_int_equal(r.by_node[1].node, 3);
	assert_int_equal(r.by_node[2].node, NODE_UNKNOWN);
	expect_pages(&r.by_node[0].figures, 20, 4, 8, 8, 12);
	expect_pages(&r.by_node[1].figures, 20, 4, 8, 8, 12);
	expect_pages(&r.by_node[2].figures, 64, 0, 0, 64, 0);
	report_release(&r);

	r.nodes = NULL;
	assert_int_equal(report_build(&r), 0);
	assert_int_equal(r.by_node_count, 1);
	expect_pages(&r.by_node[0].figures, 104, 8, 16, 80, 24);
	report_release(&r);
	kvmidle_nodes_free(nodes);
	measurement_release(&m);
}

/* A slot may go during a pass: what lay there counts nowhere, as in the total. */
static void by_node_outside_of_slots(void **state)
{
	const struct kvm_idle_region outside[] = {
		{ 64 * PAGE, 128 * PAGE, KVM_IDLE_PAGE_PRESENT },
		{ SECOND_GPA, SECOND_GPA + 96 * PAGE, KVM_IDLE_PAGE_PRESENT },
	};
	struct kvmidle_nodes nodes = { 0 };
	struct report r;

	(void)state;
	prepare();
	m.mapped.count = 0;
	assert_int_equal(extents_add(&m.mapped, outside, 2), 0);
	assert_int_equal(kvmidle_nodes_add(&nodes, 32 * PAGE, 100 * PAGE, 0), 0);
	assert_int_equal(kvmidle_nodes_add(&nodes, 100 * PAGE, 120 * PAGE, 1), 0);
	assert_int_equal(kvmidle_nodes_add(&nodes, 130 * PAGE, SECOND_GPA + 16 * PAGE, 0), 0);
	assert_int_equal(kvmidle_nodes_add(&nodes, SECOND_GPA + 16 * PAGE,
					   SECOND_GPA + 80 * PAGE, 2), 0);
	r = (struct report){
		.plan.passes = PASSES, .m = &m, .hot_passes = 1, .cold_passes = PASSES,
		.by = BY_NODE, .nodes = &nodes,
	};
	assert_int_equal(report_build(&r), 0);
	assert_int_equal(r.total.mapped, 64 * PAGE);
	assert_int_equal(r.by_node_count, 2);
	assert_int_equal(r.by_node[0].node, 0);
	assert_int_equal(r.by_node[0].figures.mapped, 16 * PAGE);
	assert_int_equal(r.by_node[1].node, 2);
	assert_int_equal(r.by_node[1].figures.mapped, 48 * PAGE);
	report_release(&r);
	free(nodes.at);
	measurement_release(&m);
}

static void limits_lowered(void **state)
{
	struct report r;

	(void)state;
	prepare();
	r = make_report(6, 9);
	assert_int_equal(r.hot_passes, 4);
	assert_int_equal(r.cold_passes, 4);
	assert_int_equal(r.hot_asked, 6);
	assert_int_equal(r.cold_asked, 9);
	report_release(&r);
	measurement_release(&m);
}

static char *printed(const struct report *r,
		     int (*print)(const struct report *, FILE *))
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_int_equal(print(r, out), 0);
	fclose(out);
	return text;
}

static void text(void **state)
{
	static const char expected[] =
"Virtual machine:  vm \"1\" (process 4242)\n"
"Source:           direct, table format npt with 4 levels; TLB policy pass\n"
"Observed:         4 passes after the baseline, one every 1.0 s; 4.4 s in all\n"
"\n"
"HOT   touched within the last 1.1 s (1 pass)\n"
"WARM  touched within the last 4.4 s (4 passes), but not within the last 1.1 s\n"
"COLD  not touched for 4.4 s or longer (4 passes)\n"
"USED  touched at least once in the 4.4 s observed: the working set\n"
"\n"
"SLOT GUEST ADDRESS      SIZE    MAPPED      HOT     WARM      COLD     USED\n"
"   3           0x0 256.0 KiB 160.0 KiB 32.0 KiB 64.0 KiB  64.0 KiB 96.0 KiB\n"
"   1    0x10000000 256.0 KiB 256.0 KiB        0        0 256.0 KiB        0\n"
" all               512.0 KiB 416.0 KiB 32.0 KiB 64.0 KiB 320.0 KiB 96.0 KiB\n"
"\n"
"IDLE PASSES IDLE TIME    MEMORY OF MAPPED\n"
"          0   < 1.1 s  32.0 KiB     7.7 %\n"
"          1  >= 1.1 s  16.0 KiB     3.8 %\n"
"          2  >= 2.2 s  16.0 KiB     3.8 %\n"
"          3  >= 3.3 s  32.0 KiB     7.7 %\n"
"  4 or more  >= 4.4 s 320.0 KiB    76.9 %\n";
	struct report r;
	char *got;

	(void)state;
	prepare();
	r = make_report(1, 4);
	got = printed(&r, report_print_text);
	assert_string_equal(got, expected);
	free(got);
	report_release(&r);
	measurement_release(&m);
}

static void expect_note(const char *note)
{
	struct report r = make_report(1, 4);
	char *got;

	r.cold_asked = m.ended_early ? 7 : 4;
	r.plan.passes = m.ended_early ? 7 : 4;
	got = printed(&r, report_print_text);
	if (note && !strstr(got, note))
		fail_msg("'%s' is not in: %s", note, got);
	if (!note && strstr(got, "Note"))
		fail_msg("a note for nothing in: %s", got);
	free(got);
	report_release(&r);
}

static void notes(void **state)
{
	(void)state;
	prepare();
	expect_note(NULL);
	m.ended_early = true;
	expect_note("after 4 of 7 passes.\n");
	expect_note("cold means idle in 4 passes here, not in 7");
	m.ended_early = false;
	m.slots_changed = true;
	expect_note("changed its memory slots");
	m.slots_changed = false;
	m.info.flags = 0;
	expect_note("page aging (reclaim, MGLRU, DAMON) is not served");
	m.info.flags = KVM_IDLE_INFO_SHARED;
	m.info.reason = KVM_IDLE_REASON_NO_TABLE;
	expect_note("Note: No virtual CPU");
	m.info.source = KVM_IDLE_SOURCE_NOTIFIER;
	m.info.reason = KVM_IDLE_REASON_SHADOW;
	expect_note("Note: KVM is asked page by page: shadow paging (npt=0 or ept=0).\n");
	measurement_release(&m);
}

static void expect_in_text(unsigned int machines, unsigned int vm, bool vm_given,
			   const char *words, const char *note)
{
	struct report r = make_report(1, 4);
	char *got;

	r.machines = machines;
	r.vm = vm;
	r.vm_given = vm_given;
	got = printed(&r, report_print_text);
	if (!strstr(got, words))
		fail_msg("'%s' is not in: %s", words, got);
	if (note ? !strstr(got, note) : !!strstr(got, "Note"))
		fail_msg("not the note expected in: %s", got);
	free(got);
	report_release(&r);
}

static void which_vm(void **state)
{
	(void)state;
	prepare();
	expect_in_text(1, 0, false, "vm \"1\" (process 4242)\n", NULL);
	expect_in_text(1, 0, true, "vm \"1\" (process 4242)\n", NULL);
	expect_in_text(3, 0, false, "vm \"1\" (process 4242, VM 0)\n",
		       "Note: process 4242 runs 3 virtual machines; this is the first. --vm chooses, from 0 to 2.\n");
	expect_in_text(3, 0, true, "(process 4242, VM 0)\n", NULL);
	expect_in_text(3, 2, true, "(process 4242, VM 2)\n", NULL);
	/* Of two, the first has gone meanwhile. */
	expect_in_text(1, 1, true, "(process 4242, VM 1)\n", NULL);
	measurement_release(&m);
}

static void counted_line(void **state)
{
	static const char line[] = "TLB policy precise\n"
		"Counted:          accesses by the guest, and by the host (VMM, vhost, emulated devices)\n"
		"Observed: ";

	(void)state;
	prepare();
	m.info.tlb_policy = KVM_IDLE_TLB_PRECISE;
	m.info.flags |= KVM_IDLE_INFO_HOST;
	expect_in_text(1, 0, false, line, NULL);
	measurement_release(&m);
}

/* What is not walked has no format to speak of. */
static void source_line(void **state)
{
	(void)state;
	prepare();
	m.info.source = KVM_IDLE_SOURCE_NOTIFIER;
	m.info.reason = KVM_IDLE_REASON_NO_ACCESSED;
	m.info.format = KVM_IDLE_FORMAT_NONE;
	m.info.levels = 0;
	expect_in_text(1, 0, false, "\nSource:           notifier; TLB policy pass\n",
		       "no accessed bits (eptad=0, or an older processor).\n");
	m.info.source = KVM_IDLE_SOURCE_DIRECT;
	m.info.reason = KVM_IDLE_REASON_OK;
	m.info.format = KVM_IDLE_FORMAT_STAGE2;
	m.info.levels = 3;
	expect_in_text(1, 0, false,
		       "direct, table format stage2 with 3 levels; TLB policy pass\n", NULL);
	measurement_release(&m);
}

/* With many passes the histogram is grouped, and nothing gets lost. */
static void long_text(void **state)
{
	const uint64_t idle = 0xf0;
	struct report r;
	unsigned int p;
	char *got;

	(void)state;
	prepare();
	for (p = 0; p < 400; p++) {
		assert_int_equal(kvmidle_ages_feed(m.ages, 0, &idle, 1), 0);
		kvmidle_ages_end_pass(m.ages);
	}
	r = make_report(1, 255);
	assert_int_equal(r.oldest, 255);
	got = printed(&r, report_print_text);
	assert_non_null(strstr(got, "\n        5-8 "));
	assert_non_null(strstr(got, "\n     65-128 "));
	assert_non_null(strstr(got, "\n129 or more "));
	/* The oldest line has the 4 idle pages. */
	assert_non_null(strstr(got, " 16.0 KiB     3.8 %\n"));
	free(got);
	report_release(&r);
	measurement_release(&m);
}

static json_object *get(json_object *o, const char *key)
{
	json_object *value = NULL;

	if (!json_object_object_get_ex(o, key, &value))
		fail_msg("there is no member %s", key);
	return value;
}

static uint64_t number(json_object *o, const char *key)
{
	json_object *value = get(o, key);

	assert_true(json_object_is_type(value, json_type_int));
	return json_object_get_uint64(value);
}

static void json(void **state)
{
	json_object *o, *list, *one;
	struct report r;
	char *got;

	(void)state;
	prepare();
	r = make_report(1, 3);
	r.machines = 3;
	r.vm = 2;
	r.door = KVMIDLE_DOOR_DEVICE;
	got = printed(&r, report_print_json);
	o = json_tokener_parse(got);
	assert_non_null(o);

	assert_int_equal(number(o, "version"), 1);
	assert_int_equal(number(o, "pid"), FAKE_PID);
	assert_string_equal(json_object_get_string(get(o, "name")), "vm \"1\"");
	assert_int_equal(number(o, "machines"), 3);
	assert_int_equal(number(o, "vm"), 2);
	assert_string_equal(json_object_get_string(get(o, "door")), "device");
	assert_int_equal(number(o, "page_size"), PAGE);
	assert_string_equal(json_object_get_string(get(o, "source")), "direct");
	assert_string_equal(json_object_get_string(get(o, "reason")), "ok");
	assert_int_equal(number(o, "passes"), 4);
	assert_non_null(strstr(got, "\"cold_seconds\":3.300000"));
	assert_non_null(strstr(got, "\"interval_seconds\":1.000000"));
	assert_false(json_object_get_boolean(get(o, "ended_early")));
	assert_string_equal(json_object_get_string(get(o, "tlb_policy")), "pass");
	assert_false(json_object_get_boolean(get(o, "host_accesses")));
	assert_true(json_object_get_boolean(get(o, "aging_shared")));

	one = get(o, "total");
	assert_int_equal(number(one, "size_bytes"), 128 * PAGE);
	assert_int_equal(number(one, "mapped_bytes"), 104 * PAGE);
	assert_int_equal(number(one, "hot_bytes"), 8 * PAGE);
	assert_int_equal(number(one, "warm_bytes"), 8 * PAGE);
	assert_int_equal(number(one, "cold_bytes"), 88 * PAGE);
	assert_int_equal(number(one, "working_set_bytes"), 24 * PAGE);
	assert_false(json_object_object_get_ex(one, "unmapped_since_bytes", NULL));

	list = get(o, "slots");
	assert_int_equal(json_object_array_length(list), 2);
	one = json_object_array_get_idx(list, 0);
	assert_int_equal(number(one, "id"), 3);
	assert_int_equal(number(one, "hva"), 0x7f0000000000);
	assert_false(json_object_get_boolean(get(one, "readonly")));
	one = json_object_array_get_idx(list, 1);
	assert_int_equal(number(one, "gpa"), SECOND_GPA);
	assert_null(get(one, "hva"));
	assert_true(json_object_get_boolean(get(one, "readonly")));
	assert_int_equal(number(one, "cold_bytes"), 64 * PAGE);

	list = get(o, "idle_ages");
	assert_int_equal(json_object_array_length(list), PASSES + 1);
	one = json_object_array_get_idx(list, 3);
	assert_int_equal(number(one, "passes"), 3);
	assert_int_equal(number(one, "bytes"), 8 * PAGE);
	assert_int_equal(number(one, "bytes_at_least"), 88 * PAGE);

	json_object_put(o);
	free(got);
	report_release(&r);
	measurement_release(&m);
}

/* ---- Measuring ---------------------------------------------------------- */

static const struct kvm_idle_region measured[] = {
	{ 0, 8 * PAGE, KVM_IDLE_PAGE_PRESENT },
	{ 8 * PAGE, 10 * PAGE, KVM_IDLE_PAGE_PRESENT | KVM_IDLE_PAGE_YOUNG },
};

static int measure_fake(uint64_t interval_ns, uint64_t passes)
{
	const struct plan plan = { .interval_ns = interval_ns, .passes = passes };
	struct kvmidle_vm *vm;
	int err;

	fake_bitmap(1);
	fake.slots = slots;
	fake.slots_count = 2;
	fake.info.page_size = PAGE;
	fake.scans = true;
	fake.regions = measured;
	fake.regions_count = 2;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_HARVEST, &vm), 0);
	err = measure(vm, &plan, &m);
	kvmidle_close(vm);
	return err;
}

static void measure_as_planned(void **state)
{
	unsigned int age;

	(void)state;
	/* More passes than ages, so that the ring of times goes round. */
	assert_int_equal(measure_fake(1000000, 300), 0);
	assert_int_equal(kvmidle_ages_passes(m.ages), 300);
	assert_false(m.ended_early);
	assert_false(m.slots_changed);
	/* What is mapped is known from the passes: no second walk. */
	assert_int_equal(fake.slots_flags, 0);
	assert_int_equal(m.mapped.count, 1);
	assert_int_equal(m.mapped.at[0].end, 10 * PAGE);
	assert_int_equal(kvmidle_ages_get(m.ages, 7), KVMIDLE_AGE_MAX);
	assert_int_equal(kvmidle_ages_get(m.ages, 8), 0);
	assert_true(m.window_ns >= 300 * UINT64_C(1000000));
	for (age = 1; age <= KVMIDLE_AGE_MAX; age++)
		assert_true(measurement_age_ns(&m, age) >= age * UINT64_C(1000000));
	/* The baseline and 300 passes. */
	assert_int_equal(fake.scan_calls, 301);
	measurement_release(&m);
}

static void measure_fails(void **state)
{
	(void)state;
	fake.scan_error = EACCES;
	fake.scan_error_at = 2;
	assert_int_equal(measure_fake(1000000, 10), -EACCES);
	assert_int_equal(kvmidle_ages_passes(m.ages), 1);
	measurement_release(&m);
	/* It ends before there is anything to tell. */
	fake.scan_error = ESRCH;
	fake.scan_error_at = 1;
	fake.scan_calls = 0;
	assert_int_equal(measure_fake(1000000, 10), -ESRCH);
	measurement_release(&m);
	fake.scan_error = 0;
	fake.slots_error = EOPNOTSUPP;
	assert_int_equal(measure_fake(1000000, 1), -EOPNOTSUPP);
	measurement_release(&m);
	fake.info_error = ESRCH;
	assert_int_equal(measure_fake(1000000, 1), -ESRCH);
	measurement_release(&m);
}

static int end_with_vm(void *arg, uint64_t pass, uint64_t started_ns)
{
	(void)arg;
	(void)started_ns;
	return pass == 2 ? -ESRCH : 0;
}

/* What was measured until the VM ended is not lost with it. */
static void measure_until_the_vm_ends(void **state)
{
	struct series series = { .plan = { .interval_ns = 1000000, .passes = 9 } };
	bool early = false;

	(void)state;
	fake.scan_error = ESRCH;
	fake.scan_error_at = 3;
	assert_int_equal(measure_fake(1000000, 10), 0);
	assert_true(m.ended_early);
	assert_int_equal(kvmidle_ages_passes(m.ages), 2);
	assert_int_equal(kvmidle_ages_get(m.ages, 7), 2);
	assert_int_equal(m.mapped.count, 1);
	assert_int_equal(kvmidle_slots_count(m.slots), 2);
	measurement_release(&m);

	/* It may be what is asked between passes that tells. */
	fake_bitmap(1);
	fake.scans = true;
	fake.regions = measured;
	fake.regions_count = 2;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_HARVEST, &series.vm), 0);
	series.end_pass = end_with_vm;
	assert_int_equal(series_run(&series, &early), 0);
	assert_true(early);
	series.needs_all = true;
	assert_int_equal(series_run(&series, NULL), -ESRCH);
	kvmidle_close(series.vm);
}

static int end_in_third(void *arg, uint64_t pass, uint64_t started_ns)
{
	uint64_t *last = arg;

	assert_true(started_ns >= *last);
	*last = started_ns;
	return pass == 2 ? SERIES_END : 0;
}

static int fail_at_once(void *arg, uint64_t pass,
			const struct kvm_idle_region *regions, size_t count)
{
	(void)arg;
	assert_int_equal(pass, 0);
	assert_true(count >= 1);
	assert_int_equal(regions[0].end, 8 * PAGE);
	return -EXDEV;
}

/* Its functions end it, with an error and without one; else nothing does. */
static void series_ended_from_inside(void **state)
{
	struct series series = { .plan.interval_ns = 1000000 };
	bool early = true;
	uint64_t last = 0;

	(void)state;
	fake_bitmap(1);
	fake.scans = true;
	fake.regions = measured;
	fake.regions_count = 2;
	assert_int_equal(kvmidle_open(FAKE_PID, KVMIDLE_HARVEST, &series.vm), 0);
	series.end_pass = end_in_third;
	series.arg = &last;
	assert_int_equal(series_run(&series, &early), 0);
	assert_false(early);
	assert_int_equal(fake.scan_calls, 3);
	series.regions = fail_at_once;
	assert_int_equal(series_run(&series, NULL), -EXDEV);
	kvmidle_close(series.vm);
}

static void send_interrupt(int signo)
{
	(void)signo;
	kill(getpid(), SIGINT);
}

static void measure_ended_by_signal(void **state)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 100000 } };
	sigset_t blocked;

	(void)state;
	signal(SIGALRM, send_interrupt);
	setitimer(ITIMER_REAL, &soon, NULL);
	assert_int_equal(measure_fake(10000000, 100000), 0);
	assert_true(m.ended_early);
	assert_true(kvmidle_ages_passes(m.ages) >= 1);
	assert_true(kvmidle_ages_passes(m.ages) <= 10);
	assert_non_null(m.slots);
	/* Signals work again. */
	sigprocmask(SIG_SETMASK, NULL, &blocked);
	assert_false(sigismember(&blocked, SIGINT));
	assert_false(sigismember(&blocked, SIGTERM));
	measurement_release(&m);
}

/*
 * What a short measurement writes to stderr, which is made to be @fd. A mark is
 * written behind it, since a terminal takes its time to hand things on.
 */
static void measure_with_stderr(int fd, int from, char *seen, size_t size)
{
	struct pollfd ready = { .fd = from, .events = POLLIN };
	int saved = dup(STDERR_FILENO);
	size_t length = 0;
	char *mark = NULL;
	ssize_t n;

	fflush(stderr);
	assert_true(saved >= 0 && dup2(fd, STDERR_FILENO) >= 0);
	assert_int_equal(measure_fake(1000000, 3), 0);
	fputs("MARK", stderr);
	fflush(stderr);
	dup2(saved, STDERR_FILENO);
	close(saved);
	measurement_release(&m);

	while (!mark) {
		assert_int_equal(poll(&ready, 1, 10000), 1);
		n = read(from, seen + length, size - 1 - length);
		assert_true(n > 0);
		length += n;
		seen[length] = '\0';
		mark = strstr(seen, "MARK");
	}
	*mark = '\0';
}

static void progress_on_a_terminal_only(void **state)
{
	int terminal, program, ends[2];
	char seen[4096];

	(void)state;
	assert_int_equal(openpty(&terminal, &program, NULL, NULL, NULL), 0);
	measure_with_stderr(program, terminal, seen, sizeof(seen));
	assert_non_null(strstr(seen, "\rpass 0 of 3, about 3.00 ms to go"));
	assert_non_null(strstr(seen, "\rpass 2 of 3, about 1.00 ms to go"));
	/* The line is gone at the end. */
	assert_string_equal(seen + strlen(seen) - 4, "\r\033[K");
	close(terminal);
	close(program);

	assert_int_equal(pipe(ends), 0);
	measure_with_stderr(ends[1], ends[0], seen, sizeof(seen));
	assert_string_equal(seen, "");
	close(ends[0]);
	close(ends[1]);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fake_setup, fake_teardown)

static const struct CMUnitTest tests[] = {
	TEST(figures_by_age),
	TEST(figures_with_other_pages),
	TEST(histogram),
	TEST(unmapped_meanwhile),
	TEST(mapped_beyond_slots),
	TEST(by_size),
	TEST(by_node),
	TEST(by_node_outside_of_slots),
	TEST(limits_lowered),
	TEST(text),
	TEST(notes),
	TEST(which_vm),
	TEST(source_line),
	TEST(counted_line),
	TEST(long_text),
	TEST(json),
	TEST(measure_as_planned),
	TEST(measure_fails),
	TEST(measure_until_the_vm_ends),
	TEST(series_ended_from_inside),
	TEST(measure_ended_by_signal),
	TEST(progress_on_a_terminal_only),
};

SUITE(suite_report, tests);
