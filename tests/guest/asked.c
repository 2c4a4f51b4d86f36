// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the host is told that asks about pages, and what its asking leaves to the
 * readers: question by question. The module asker stands in for the host; it has
 * to be in the machine:
 *
 *	tests/vm/run --add "$(tests/vm/module --source tests/guest/asker KERNEL):/lib/asker.ko"
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "asker.h"
#include "idle.h"
#include "ktap.h"
#include "module.h"
#include "options.h"

static unsigned long mem = 64;
static bool thp;

static struct vmm vmm;
static struct idle_reader a, b;
static uint64_t shown;	/* gfn that the tests begin at: that of the second slot */

static bool ask(const char *question, uint64_t gfn, uint64_t pages)
{
	return asker_ask(question, vmm_hva(&vmm, gfn << PAGE_SHIFT), pages * PAGE_SIZE);
}

static void expect_exact(struct idle_reader *reader, const char *what)
{
	struct idle_verdict verdict = { 0 };

	EXPECT_OK(idle_check_all(reader, &verdict), idle_bitmap_bytes(&vmm));
	idle_expect_exact(&verdict, what);
}

/* Nothing is young, and nobody has yet to hear of anything. */
static void quiet(void)
{
	idle_baseline(&a);
	idle_baseline(&b);
	ask("clear", shown, 4 * HUGE_PAGES);
	EXPECT(!ask("clear", shown, 4 * HUGE_PAGES));
}

static void touch(uint64_t gfn, uint64_t pages)
{
	vmm_touch_range(&vmm, gfn, pages, true);
}

static void told_once(void)
{
	quiet();
	EXPECT(!ask("test", shown, 1));
	EXPECT(!ask("flush", shown, 1));
	touch(shown, 1);
	EXPECT(ask("test", shown, 1));
	EXPECT(ask("test", shown, 1), "a test has cleared it");
	EXPECT(ask("clear", shown, 1));
	EXPECT(!ask("test", shown, 1));
	EXPECT(!ask("clear", shown, 1));
	touch(shown, 1);
	EXPECT(ask("flush", shown, 1));
	EXPECT(!ask("flush", shown, 1));
}

static void told_of_what_was_harvested(void)
{
	quiet();
	touch(shown, 3);
	expect_exact(&a, "touched");
	EXPECT(ask("test", shown, 1));
	EXPECT(ask("test", shown, 1), "a test has paid the debt");
	EXPECT(ask("clear", shown, 1));
	EXPECT(!ask("test", shown, 1));
	EXPECT(!ask("clear", shown, 1));
	/* Leaves of their own, if they are not huge. */
	EXPECT_OK(ask("flush", shown + 1, 1), !thp);
	EXPECT(!ask("flush", shown + 1, 1));
	EXPECT_OK(ask("clear", shown, 3), !thp);
	EXPECT(!ask("clear", shown, 3));
	expect_exact(&b, "touched, and asked about since");
	EXPECT(!ask("clear", shown, 3), "a harvest of what was asked about is owed again");
}

static void kept_for_every_reader(void)
{
	uint64_t aged;

	quiet();
	aged = idle_info(a.fd).aged_pages;
	touch(shown, 10);
	EXPECT(ask("clear", shown, 10));
	EXPECT_OK(idle_info(a.fd).aged_pages - aged, thp ? HUGE_PAGES : 10);
	expect_exact(&a, "touched and asked about");
	expect_exact(&a, "not touched since");
	expect_exact(&b, "the other reader");
	expect_exact(&b, "not touched since");
	touch(shown + 3, 1);
	EXPECT(ask("flush", shown + 3, 1));
	touch(shown + 3, 1);
	expect_exact(&a, "touched, asked about, touched again");
	EXPECT(ask("clear", shown + 3, 1), "what the harvest cleared is owed");
	expect_exact(&b, "touched, asked about, touched again");
}

static void marked_is_owed(void)
{
	uint64_t word = ~0ULL;

	quiet();
	touch(shown, 1);
	EXPECT_OK(pwrite(a.fd, &word, 8, shown / 64 * 8), 8);
	gfnset_del_range(a.due, shown / 64 * 64, 64);
	EXPECT(ask("clear", shown, 1));
	EXPECT(!ask("clear", shown, 1));
	idle_baseline(&a);
	expect_exact(&b, "marked by the other reader");
}

static void any_range(void)
{
	uint8_t *page = vmm_hva(&vmm, shown << PAGE_SHIFT);

	quiet();
	touch(shown + 1, 1);
	EXPECT(asker_ask("clear", page + 100, PAGE_SIZE), "two pages, in part");
	EXPECT(!asker_ask("clear", page + 100, PAGE_SIZE));
	touch(shown, 1);
	EXPECT(asker_ask("clear", page + PAGE_SIZE - 1, 1), "one byte");
	quiet();
	touch(shown + 1, 1);
	EXPECT_OK(asker_ask("clear", page + 100, 1), thp);
	quiet();
	touch(shown + 3 * HUGE_PAGES - 1, 1);
	EXPECT(ask("clear", shown, 3 * HUGE_PAGES));
	EXPECT(!ask("clear", shown, 3 * HUGE_PAGES));
	expect_exact(&a, "one of many");
	expect_exact(&b, "one of many");
	/* No guest memory. */
	EXPECT(!asker_ask("clear", &vmm, sizeof(vmm)));
	EXPECT(!asker_ask("test", &vmm, 1));
}

static void kept_when_unmapped(void)
{
	uint64_t aged, got;
	struct idle_verdict verdict = { 0 };

	quiet();
	touch(shown, 5);
	aged = idle_info(a.fd).aged_pages;
	if (mprotect(vmm_hva(&vmm, shown << PAGE_SHIFT), 8 * PAGE_SIZE, PROT_READ) ||
	    mprotect(vmm_hva(&vmm, shown << PAGE_SHIFT), 8 * PAGE_SIZE,
		     PROT_READ | PROT_WRITE))
		die("mprotect: %m");
	got = idle_info(a.fd).aged_pages - aged;
	EXPECT(got == (thp ? HUGE_PAGES : 5), "%lu pages", got);
	/* Holes now, and not idle; mapped again by a neighbour, still not. */
	touch(shown, 1);
	idle_check_all(&a, &verdict);
	EXPECT(!verdict.miss.pages, "%lu", verdict.miss.pages);
	idle_baseline(&b);
}

/* Referenced of the mapping that the second slot is, in KiB. */
static unsigned long referenced(void)
{
	unsigned long start, end, kib, at = (unsigned long)vmm.slot[1].hva;
	FILE *f = fopen("/proc/self/smaps", "r");
	bool there = false;
	char line[300];

	if (!f)
		die("/proc/self/smaps: %m");
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) == 2)
			there = start <= at && at < end;
		if (there && sscanf(line, "Referenced: %lu kB", &kib) == 1)
			break;
	}
	fclose(f);
	return kib;
}

static void forget_references(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "w");

	if (!f || fputs("1", f) < 0 || fclose(f))
		die("/proc/self/clear_refs: %m");
}

static void paid_at_the_last_close(void)
{
	unsigned long huge_kib = HUGE_SIZE / 1024, kib = PAGE_SIZE / 1024;

	quiet();
	touch(shown, 3);
	touch(shown + HUGE_PAGES, 3);
	expect_exact(&a, "touched");
	EXPECT(ask("clear", shown, 1));
	idle_close(&b);
	forget_references();
	EXPECT_OK(referenced(), 0);
	idle_close(&a);
	/* Of the second three none, or one leaf, was asked about. */
	EXPECT_OK(referenced(), thp ? huge_kib : 5 * kib);
	EXPECT(!ask("clear", shown + HUGE_PAGES, 3), "the debt is not KVM's");
	idle_open(&a, &vmm, O_RDWR);
	idle_open(&b, &vmm, O_RDWR);
	EXPECT(!ask("clear", shown + HUGE_PAGES, 3));
}

static void a_peek_is_no_reason(void)
{
	struct idle_reader peeker;

	EXPECT(idle_info(a.fd).flags & KVM_IDLE_INFO_SHARED);
	idle_close(&a);
	idle_open(&peeker, &vmm, O_RDONLY);
	EXPECT(idle_info(peeker.fd).flags & KVM_IDLE_INFO_SHARED);
	idle_close(&b);
	EXPECT(!(idle_info(peeker.fd).flags & KVM_IDLE_INFO_SHARED));
	EXPECT_OK(idle_info(peeker.fd).aged_pages, 0);
	idle_open(&a, &vmm, O_WRONLY);
	EXPECT(idle_info(peeker.fd).flags & KVM_IDLE_INFO_SHARED);
	idle_close(&a);
	idle_close(&peeker);
	idle_open(&a, &vmm, O_RDWR);
	idle_open(&b, &vmm, O_RDWR);
}

static void not_shared_if_told_so(void)
{
	idle_close(&a);
	idle_close(&b);
	EXPECT(idle_set_module_param("share", "N"));
	idle_open(&a, &vmm, O_RDWR);
	idle_baseline(&a);
	EXPECT(!(idle_info(a.fd).flags & KVM_IDLE_INFO_SHARED));
	touch(shown, 1);
	idle_baseline(&a);
	EXPECT(!ask("clear", shown, 1), "shared all the same");
	idle_close(&a);
	EXPECT(idle_set_module_param("share", "Y"));
	idle_open(&a, &vmm, O_RDWR);
	idle_open(&b, &vmm, O_RDWR);
}

static unsigned long module_users(const char *module)
{
	unsigned long users = 0;
	char name[60];
	FILE *f = fopen("/proc/modules", "r");

	while (f && fscanf(f, "%59s %*u %lu%*[^\n]", name, &users) == 2)
		if (!strcmp(name, module))
			break;
	if (f)
		fclose(f);
	return users;
}

static void below_another_one(void)
{
	quiet();
	EXPECT(asker_set("hooked", "1"));
	touch(shown, 1);
	EXPECT(ask("clear", shown, 1));
	EXPECT_OK(asker_get("passed"), 1);
	expect_exact(&a, "asked about through the other one");
	idle_close(&a);
	EXPECT_OK(module_users("kvm_idle"), 1);
	idle_close(&b);
	/* It cannot go, so the module must not. */
	EXPECT_OK(module_users("kvm_idle"), 1);
	EXPECT_ERR(module_unload("kvm_idle"), EAGAIN);
	touch(shown, 1);
	EXPECT(ask("clear", shown, 1));
	EXPECT(!ask("clear", shown, 1));

	/* And is found again. */
	idle_open(&a, &vmm, O_RDWR);
	idle_open(&b, &vmm, O_RDWR);
	idle_baseline(&a);
	idle_baseline(&b);
	EXPECT_OK(module_users("kvm_idle"), 2);
	touch(shown, 1);
	EXPECT(ask("clear", shown, 1));
	expect_exact(&a, "asked about through the other one");
	EXPECT(asker_set("hooked", "0"));
	touch(shown, 1);
	EXPECT(ask("clear", shown, 1));
	expect_exact(&a, "asked about, the other one is gone");
	expect_exact(&b, "asked about, the other one is gone");
	quiet();
}

static void above_another_one(void)
{
	idle_close(&a);
	idle_close(&b);
	EXPECT(asker_set("hooked", "1"));
	idle_open(&a, &vmm, O_RDWR);
	idle_open(&b, &vmm, O_RDWR);
	quiet();
	touch(shown, 1);
	EXPECT(ask("clear", shown, 1));
	EXPECT(asker_get("passed") > 0);
	EXPECT(!asker_set("hooked", "0"), "the other one went from below us");
	expect_exact(&a, "asked about");
	idle_close(&a);
	idle_close(&b);
	EXPECT(asker_set("hooked", "0"));
	EXPECT_OK(module_users("kvm_idle"), 0);
	idle_open(&a, &vmm, O_RDWR);
	idle_open(&b, &vmm, O_RDWR);
}

/* In a child: a VM of its own, with the other module in front of us when it goes. */
static void leave_behind(void)
{
	static struct idle_reader reader;
	static struct vmm own;

	vmm_two_slots(&own, mem);
	vmm_start(&own);
	asker_load(&own);
	idle_open(&reader, &own, O_RDWR);
	idle_baseline(&reader);
	asker_set("hooked", "1");
	idle_close(&reader);
	_exit(module_users("kvm_idle") != 1);
}

static void gone_with_the_vm(void)
{
	pid_t child;
	int status;

	idle_close(&a);
	idle_close(&b);
	asker_unload();
	fflush(stdout);
	child = fork();
	if (!child)
		leave_behind();
	waitpid(child, &status, 0);
	EXPECT(WIFEXITED(status) && !WEXITSTATUS(status), "%#x", status);
	EXPECT_OK(module_users("kvm_idle"), 0);
	EXPECT_OK(module_unload("kvm_idle"), 0);
	asker_unload();
	EXPECT_OK(module_load("/lib/kvm_idle.ko", ""), 0);
}

static void setup(void)
{
	vmm.thp = thp;
	vmm_two_slots(&vmm, mem);
	vmm_start(&vmm);
	shown = vmm.slot[1].gpa >> PAGE_SHIFT;
	idle_open(&a, &vmm, O_RDWR);
	idle_open(&b, &vmm, O_RDWR);
	asker_load(&vmm);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "mem", "MiB of guest memory", .number = &mem },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "the host is told once of a touch", told_once },
		{ "the host is told of what was harvested", told_of_what_was_harvested },
		{ "every reader is told of what was asked about", kept_for_every_reader },
		{ "a mark is owed like a harvest", marked_is_owed },
		{ "any range of addresses", any_range },
		{ "the host is paid at the last close", paid_at_the_last_close },
		{ "who only peeks shares nothing", a_peek_is_no_reason },
		{ "share=N", not_shared_if_told_so },
		{ "another module in front of us", below_another_one },
		{ "another module behind us", above_another_one },
		/* From here on some of what was mapped is not. */
		{ "what is unmapped is kept", kept_when_unmapped },
		{ "another module in front of us, and the VM goes", gone_with_the_vm },
	};

	options_parse(argc, argv, "Ask as the host would, and see who is told what.", options);
	return KTAP_RUN(setup, tests);
}
