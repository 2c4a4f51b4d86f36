// SPDX-License-Identifier: GPL-2.0-only
/*
 * Several virtual machines in one process: a file begins with the first by file
 * descriptor, KVM_IDLE_SELECT_VM chooses another, and each has its own truth.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "rounds.h"

#define NR_VMS	3

static unsigned long rounds = 20, mem = 16, seed = 1;

static struct vmm vm[NR_VMS];
static int low_fd;	/* below those of all VMs, for one that is to come first */

static struct kvm_idle_select_vm ask(unsigned int index, unsigned int flags)
{
	return (struct kvm_idle_select_vm){
		.size = sizeof(struct kvm_idle_select_vm), .flags = flags, .index = index,
	};
}

static int select_index(int fd, unsigned int index)
{
	struct kvm_idle_select_vm arg = ask(index, 0);

	return ioctl(fd, KVM_IDLE_SELECT_VM, &arg);
}

/* How many there are. */
static unsigned int query_count(int fd)
{
	struct kvm_idle_select_vm arg = ask(0, KVM_IDLE_SELECT_QUERY);

	EXPECT_OK(ioctl(fd, KVM_IDLE_SELECT_VM, &arg), 0);
	return arg.count;
}

/* Which file descriptor the VM at an index has. */
static int query_fd(int fd, unsigned int index)
{
	struct kvm_idle_select_vm arg = ask(index, KVM_IDLE_SELECT_QUERY);

	EXPECT_OK(ioctl(fd, KVM_IDLE_SELECT_VM, &arg), 0);
	EXPECT_OK(arg.index, index);
	return arg.fd;
}

/* As if the file were closed and opened anew: what is young is due, and no more. */
static void select_vm(struct idle_reader *reader, unsigned int index)
{
	EXPECT_OK(select_index(reader->fd, index), 0);
	idle_belongs_to(reader, &vm[index]);
}

static void touch_some(struct vmm *vmm)
{
	touch_random(vmm, vmm->total_pages, 1 + random_below(vmm->total_pages / 4));
}

static void expect_exact(struct idle_reader *reader, const char *what)
{
	struct idle_verdict verdict = { 0 };

	EXPECT_OK(idle_check_all(reader, &verdict), idle_bitmap_bytes(reader->vmm));
	idle_expect_exact(&verdict, what);
}

static void begins_with_the_first(void)
{
	static const int modes[] = { O_RDWR, O_RDONLY };

	for (int i = 0; i < 2; i++) {
		struct idle_reader reader;

		touch_some(&vm[0]);
		touch_some(&vm[1]);
		idle_open(&reader, &vm[0], modes[i]);
		expect_exact(&reader, "the first");
		EXPECT_OK(idle_info(reader.fd).end_gpa, vm[0].end_gfn << PAGE_SHIFT);
		idle_close(&reader);
	}
}

static void query_selects_nothing(void)
{
	struct idle_reader reader, other;
	uint64_t word;

	idle_open(&reader, &vm[0], O_RDWR);
	idle_open(&other, &vm[0], O_RDWR);
	touch_some(&vm[0]);
	expect_exact(&other, "so that all is due to the other one");
	EXPECT_OK(lseek(reader.fd, 64, SEEK_SET), 64);
	for (unsigned int i = 0; i < NR_VMS; i++)
		EXPECT_OK(query_fd(reader.fd, i), vm[i].fd);
	EXPECT_OK(query_count(reader.fd), NR_VMS);
	EXPECT_OK(lseek(reader.fd, 0, SEEK_CUR), 64);
	EXPECT_OK(pread(reader.fd, &word, 0, 0), 0);
	expect_exact(&reader, "what was due");
	idle_close(&other);
	idle_close(&reader);
}

static void out_of_range(void)
{
	static const unsigned int index[] = { NR_VMS, NR_VMS + 1, ~0U };
	int fd = open(idle_path(0), O_RDONLY | O_CLOEXEC);

	for (size_t i = 0; i < sizeof(index) / sizeof(index[0]); i++) {
		for (unsigned int flags = 0; flags <= KVM_IDLE_SELECT_QUERY; flags++) {
			struct kvm_idle_select_vm arg = ask(index[i], flags);

			EXPECT_ERR(ioctl(fd, KVM_IDLE_SELECT_VM, &arg), ENODEV);
			EXPECT_OK(arg.count, NR_VMS);
		}
	}
	EXPECT_OK(idle_info(fd).end_gpa, vm[0].end_gfn << PAGE_SHIFT);
	close(fd);
}

static void bad_arguments(void)
{
	struct {
		struct kvm_idle_select_vm arg;
		uint64_t more;
	} newer = { .arg = ask(0, KVM_IDLE_SELECT_QUERY) };
	int fd = open(idle_path(0), O_RDONLY | O_CLOEXEC);
	struct kvm_idle_select_vm arg = ask(0, 2);

	EXPECT_ERR(ioctl(fd, KVM_IDLE_SELECT_VM, &arg), EINVAL);
	arg = ask(0, 0);
	arg.reserved = 1;
	EXPECT_ERR(ioctl(fd, KVM_IDLE_SELECT_VM, &arg), EINVAL);
	arg = ask(0, 0);
	arg.size = KVM_IDLE_SELECT_VM_SIZE_V1 - 1;
	EXPECT_ERR(ioctl(fd, KVM_IDLE_SELECT_VM, &arg), EINVAL);
	EXPECT_ERR(ioctl(fd, KVM_IDLE_SELECT_VM, NULL), EFAULT);
	newer.arg.size = sizeof(newer);
	EXPECT_OK(ioctl(fd, KVM_IDLE_SELECT_VM, &newer), 0);
	EXPECT_OK(newer.arg.size, KVM_IDLE_SELECT_VM_SIZE_V1);
	newer.arg.size = sizeof(newer);
	newer.more = 1;
	EXPECT_ERR(ioctl(fd, KVM_IDLE_SELECT_VM, &newer), E2BIG);
	close(fd);
}

static void each_has_its_own_truth(void)
{
	struct idle_reader reader[2], peeker;
	unsigned long selected[NR_VMS] = { 0 };

	idle_open(&reader[0], &vm[0], O_RDWR);
	idle_open(&reader[1], &vm[0], O_RDWR);
	idle_open(&peeker, &vm[0], O_RDONLY);
	for (unsigned long round = 0; round < rounds; round++) {
		struct idle_reader *r = &reader[random_below(2)];
		unsigned int which = random_below(NR_VMS);

		for (unsigned int i = 0; i < NR_VMS; i++)
			touch_some(&vm[i]);
		select_vm(&peeker, which);
		expect_exact(&peeker, "peek");
		/* Another one, or that which it has: that changes nothing. */
		if (r->vmm != &vm[which])
			select_vm(r, which);
		else
			EXPECT_OK(select_index(r->fd, which), 0);
		selected[which]++;
		expect_exact(r, "harvest");
		expect_exact(r, "harvested twice");
		/* Of the others nothing was taken. */
		for (unsigned int i = 0; i < NR_VMS; i++) {
			select_vm(&peeker, i);
			expect_exact(&peeker, "peek at each");
		}
	}
	for (unsigned int i = 0; i < NR_VMS; i++)
		EXPECT(selected[i], "number %u never in %lu rounds", i, rounds);
	ktap_diag("%lu rounds; harvests of each: %lu %lu %lu", rounds, selected[0], selected[1],
		  selected[2]);
	idle_close(&peeker);
	idle_close(&reader[1]);
	idle_close(&reader[0]);
}

static void selecting_begins_anew(void)
{
	struct idle_reader reader, other;
	struct idle_verdict verdict = { 0 };
	uint64_t gfn = vm[0].slot[1].gpa / PAGE_SIZE;

	idle_open(&reader, &vm[0], O_RDWR);
	idle_open(&other, &vm[0], O_RDWR);
	idle_baseline(&reader);
	vmm_touch_range(&vm[0], gfn, 64, true);
	expect_exact(&other, "so that all is due to the other one");

	/* Twice the same: what is due stays so, and the position. */
	EXPECT_OK(lseek(reader.fd, 8, SEEK_SET), 8);
	EXPECT_OK(select_index(reader.fd, 0), 0);
	EXPECT_OK(lseek(reader.fd, 0, SEEK_CUR), 8);
	EXPECT_OK(idle_info(reader.fd).readers, 2);

	select_vm(&reader, 1);
	EXPECT_OK(lseek(reader.fd, 0, SEEK_CUR), 0);
	EXPECT_OK(idle_info(reader.fd).end_gpa, vm[1].end_gfn << PAGE_SHIFT);
	EXPECT_OK(idle_info(reader.fd).readers, 1);
	EXPECT_OK(idle_info(other.fd).readers, 1);
	EXPECT_OK(lseek(reader.fd, 8, SEEK_SET), 8);

	select_vm(&reader, 0);
	EXPECT_OK(lseek(reader.fd, 0, SEEK_CUR), 0);
	idle_check(&reader, gfn / 64 * 8, 8, 8, &verdict);
	EXPECT(!verdict.young, "%lu", verdict.young);
	idle_expect_exact(&verdict, "what was due is dropped");
	idle_close(&other);
	idle_close(&reader);
}

static void counted_once(void)
{
	int fd = open(idle_path(0), O_RDONLY | O_CLOEXEC);
	int copies[NR_VMS], last = NR_VMS - 1;

	for (unsigned int i = 0; i < NR_VMS; i++)
		copies[i] = dup(vm[i].fd);
	EXPECT_OK(query_count(fd), NR_VMS);
	for (unsigned int i = 0; i < NR_VMS; i++)
		EXPECT_OK(query_fd(fd, i), vm[i].fd);

	/* Its lowest counts: now the last one is the first. */
	EXPECT_OK(dup2(vm[last].fd, low_fd), low_fd);
	EXPECT_OK(query_count(fd), NR_VMS);
	EXPECT_OK(query_fd(fd, 0), low_fd);
	EXPECT_OK(query_fd(fd, 1), vm[0].fd);
	/* Files that are open keep theirs. */
	EXPECT_OK(idle_info(fd).end_gpa, vm[0].end_gfn << PAGE_SHIFT);
	close(fd);
	fd = open(idle_path(0), O_RDONLY | O_CLOEXEC);
	EXPECT_OK(idle_info(fd).end_gpa, vm[last].end_gfn << PAGE_SHIFT);

	EXPECT_OK(dup2(STDERR_FILENO, low_fd), low_fd);
	EXPECT_OK(query_fd(fd, 0), vm[0].fd);
	for (unsigned int i = 0; i < NR_VMS; i++)
		close(copies[i]);
	close(fd);
}

/* The numbers are those of the process that is looked at. */
static void seen_from_elsewhere(void)
{
	pid_t self = getpid(), child;
	int status;

	fflush(stdout);
	child = fork();
	if (!child) {
		int fd = open(idle_path(self), O_RDONLY | O_CLOEXEC);
		bool right = fd >= 0;

		for (unsigned int i = 0; right && i < NR_VMS; i++)
			right = query_fd(fd, i) == vm[i].fd && !select_index(fd, i) &&
				idle_info(fd).end_gpa == vm[i].end_gfn << PAGE_SHIFT;
		_exit(!right);
	}
	EXPECT_OK(waitpid(child, &status, 0), child);
	EXPECT(!status, "exit status %#x", status);
}

/* Bare ones: no slot, no vCPU. */
static void very_many(void)
{
	enum { MANY = 40 };
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC), more[MANY];
	int fd = open(idle_path(0), O_RDWR | O_CLOEXEC);
	uint64_t word;

	for (int i = 0; i < MANY; i++) {
		more[i] = ioctl(kvm, KVM_CREATE_VM, 0);
		if (more[i] < 0)
			die("KVM_CREATE_VM: %m");
	}
	EXPECT_OK(query_count(fd), NR_VMS + MANY);
	EXPECT_OK(query_fd(fd, NR_VMS + MANY - 1), more[MANY - 1]);
	EXPECT_OK(select_index(fd, NR_VMS + MANY - 1), 0);
	EXPECT_OK(pread(fd, &word, 8, 0), 0);
	EXPECT_OK(lseek(fd, 0, SEEK_END), 0);
	EXPECT_OK(idle_info(fd).end_gpa, 0);
	for (int i = 0; i < MANY; i++)
		close(more[i]);
	EXPECT_OK(query_count(fd), NR_VMS);
	EXPECT_OK(pread(fd, &word, 8, 0), 0);
	EXPECT_OK(select_index(fd, 0), 0);
	EXPECT_OK(pread(fd, &word, 8, 0), 8);
	close(fd);
	close(kvm);
}

/* Nothing was mapped, and nothing is idle; then all is as the guest does it. */
static void not_run_yet(void)
{
	struct vmm young = { 0 };
	struct idle_reader reader, peeker;
	struct idle_verdict verdict = { 0 };

	vmm_two_slots(&young, mem);
	vmm_start(&young);
	idle_open(&reader, &young, O_RDWR);
	idle_open(&peeker, &young, O_RDONLY);
	EXPECT_OK(select_index(reader.fd, NR_VMS), 0);
	EXPECT_OK(select_index(peeker.fd, NR_VMS), 0);
	for (int i = 0; i < 3; i++) {
		idle_check_all(&reader, &verdict);
		idle_check_all(&peeker, &verdict);
		if (!kvm_is_shadow_paging())
			EXPECT(idle_info(reader.fd).reason == kvm_reason_before_run() ||
			       idle_info(reader.fd).source == KVM_IDLE_SOURCE_NOTIFIER);
	}
	EXPECT(!verdict.young);
	idle_expect_exact(&verdict, "never run");
	for (int i = 0; i < 5; i++) {
		touch_some(&young);
		expect_exact(&peeker, "peek");
		expect_exact(&reader, "harvest");
	}
	EXPECT(idle_info(reader.fd).reason != KVM_IDLE_REASON_NO_TABLE);
	idle_close(&peeker);
	idle_close(&reader);
	vmm_stop(&young);
}

/* It lives on for the reader, but its memory is gone: holes. */
static void closed_while_selected(void)
{
	struct idle_reader reader;
	struct vmm gone = { 0 };
	uint64_t *words;
	size_t bytes;
	ssize_t got;

	vmm_two_slots(&gone, mem);
	vmm_start(&gone);
	bytes = idle_bitmap_bytes(&gone);
	touch_some(&gone);
	idle_open(&reader, &vm[0], O_RDWR);
	EXPECT_OK(select_index(reader.fd, NR_VMS), 0);
	vmm_stop(&gone);

	words = calloc(1, bytes);
	for (int pass = 0; pass < 2; pass++) {
		uint64_t idle = 0;

		got = pread(reader.fd, words, bytes, 0);
		EXPECT_OK(got, bytes);
		for (ssize_t i = 0; i < got / 8; i++)
			idle |= words[i];
		EXPECT(!idle, "%#lx", idle);
	}
	free(words);
	EXPECT_OK(query_count(reader.fd), NR_VMS);
	EXPECT_ERR(select_index(reader.fd, NR_VMS), ENODEV);
	select_vm(&reader, 1);
	touch_some(&vm[1]);
	expect_exact(&reader, "another one after that");
	idle_close(&reader);
}

/* A process that becomes another program has no VM any more. */
static void exec(void)
{
	int ready[2], status;
	pid_t child;
	uint64_t word;
	char byte;
	int fd;

	if (pipe(ready))
		die("pipe: %m");
	fflush(stdout);
	child = fork();
	if (!child) {
		struct vmm own = { 0 };

		vmm_two_slots(&own, 8);
		vmm_start(&own);
		vmm_touch_range(&own, own.first_free_gfn, 8, true);
		if (write(ready[1], "", 1) != 1)
			_exit(1);
		raise(SIGSTOP);
		/* The pipe stays open in it, and it waits for its end. */
		dup2(ready[0], STDIN_FILENO);
		execl("/bin/busybox", "cat", NULL);
		_exit(1);
	}
	EXPECT_OK(read(ready[0], &byte, 1), 1);
	waitpid(child, &status, WUNTRACED);
	fd = open(idle_path(child), O_RDWR | O_CLOEXEC);
	EXPECT(fd >= 0, "%m");
	EXPECT_OK(pread(fd, &word, 8, 0), 8);
	EXPECT_OK(query_count(fd), 1);
	kill(child, SIGCONT);
	for (int i = 0; i < 500 && pread(fd, &word, 8, 0) == 8; i++)
		usleep(10000);
	EXPECT_ERR(pread(fd, &word, 8, 0), ESRCH);
	EXPECT_ERR(select_index(fd, 0), ESRCH);
	EXPECT_ERR(open(idle_path(child), O_RDONLY | O_CLOEXEC), ENODEV);
	kill(child, SIGKILL);
	EXPECT_OK(waitpid(child, &status, 0), child);
	close(fd);
	close(ready[0]);
	close(ready[1]);
}

static void setup(void)
{
	random_seed(seed);
	low_fd = dup(STDERR_FILENO);
	for (unsigned int i = 0; i < NR_VMS; i++) {
		vmm_two_slots(&vm[i], mem + 8 * i);
		vmm_start(&vm[i]);
	}
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "rounds", "rounds of random touches and choices", .number = &rounds },
		{ "mem", "MiB of guest memory of the smallest", .number = &mem },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "a file begins with the first VM", begins_with_the_first },
		{ "a query selects nothing", query_selects_nothing },
		{ "out of range: ENODEV, and how many there are", out_of_range },
		{ "bad arguments", bad_arguments },
		{ "each has its own truth", each_has_its_own_truth },
		{ "to select another one begins anew", selecting_begins_anew },
		{ "in order of the lowest file descriptor, each counted once", counted_once },
		{ "the same from another process", seen_from_elsewhere },
		{ "very many, with nothing in them", very_many },
		{ "one that has not run yet", not_run_yet },
		{ "one that is closed while selected", closed_while_selected },
		{ "gone with exec", exec },
	};

	options_parse(argc, argv, "Harvest several virtual machines of one process.", options);
	return KTAP_RUN(setup, tests);
}
