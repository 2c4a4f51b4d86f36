// SPDX-License-Identifier: GPL-2.0-only
/*
 * Each system call on our files, with each allocation on its path failed in turn,
 * and each copy from and to the caller: the error is the right one, and what the
 * readers are told afterwards is what they would have been told without.
 */
#include <errno.h>
#include <linux/idle_pages.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faults.h"
#include "idle.h"
#include "ktap.h"
#include "options.h"
#include "pages_reader.h"
#include "rounds.h"

#define MOST_POINTS	1000	/* a call that has more of them never ends */
#define PARTIAL_BYTES	(4 * 8UL)
#define MAX_WORDS	(1UL << 16)

static unsigned long mem = 16, seed = 1;
static bool thp;
static const char *only = "";

static struct vmm vmm, other_vmm;
/* Of the two that are open, the one whose call fails, and one more to whom it owes. */
static struct idle_reader caller, beside;
static uint64_t buffer[MAX_WORDS];
static int device, pidfd, proc_dir;

/* What one call answered. */
struct outcome {
	long ret;
	int err;
	enum faults_kind kind;
	bool failed;	/* something was made to */
};

/* The call is the first on this VM: no reader is open, nor is there a cached dentry. */
#define ALONE		1U
/* The module allocates something for it; else it may or not. */
#define ALLOCATES	2U
/* What it took before an allocation failed is still due to it, and not in the tables. */
#define KEEPS		4U

/**
 * struct call - one system call and what goes with it
 * @name: for the report
 * @prepare: after the readers are open and the guest has touched some pages
 * @run: the call and nothing else
 * @settle: look at the answer, close what was opened, take from the truth what was told
 * @flags: ALONE, ALLOCATES, KEEPS
 */
struct call {
	const char *name;
	void (*prepare)(void);
	long (*run)(void);
	void (*settle)(const struct outcome *o);
	unsigned int flags;
};

static void expect_exact(struct idle_reader *reader, const char *what)
{
	struct idle_verdict verdict = { 0 };

	EXPECT_OK(idle_check_all(reader, &verdict), idle_bitmap_bytes(reader->vmm));
	idle_expect_exact(&verdict, what);
}

static void touch_some(struct vmm *which)
{
	touch_random(which, which->total_pages, 1 + random_below(which->total_pages / 4));
}

/* The answer is what one was made to fail for, or there is none to explain. */
static bool expect_error(const struct outcome *o)
{
	int want = o->kind == FAULTS_ALLOCATIONS ? ENOMEM : EFAULT;

	if (o->ret >= 0)
		return true;
	return EXPECT(o->failed && o->err == want, "%ld, errno %s", o->ret,
		      strerrorname_np(o->err));
}

/* Open: read-only, to harvest, to mark; by /proc and by the device. */
static int open_flags;

static void to_peek(void)	{ open_flags = O_RDONLY; }
static void to_harvest(void)	{ open_flags = O_RDWR; }
static void to_mark(void)	{ open_flags = O_WRONLY; }

static long run_open(void)
{
	/* A literal: the path must not cost an allocation of our own. */
	return open("/proc/self/idle_bitmap", open_flags);
}

static long run_open_device(void)
{
	struct kvm_idle_open arg = { .size = sizeof(arg), .flags = open_flags, .pidfd = pidfd };

	return ioctl(device, KVM_IDLE_OPEN, &arg);
}

static void settle_open(const struct outcome *o)
{
	unsigned int others = caller.fd >= 0 ? 2 : 0;
	int fd = o->ret;

	if (!expect_error(o) || fd < 0)
		return;
	EXPECT_OK(idle_info(fd).readers, others + (open_flags != O_RDONLY));
	close(fd);
}

/* Read and write. */
static size_t transfer_bytes;

static void whole(void)
{
	transfer_bytes = idle_bitmap_bytes(&vmm);
}

static void partly(void)
{
	transfer_bytes = PARTIAL_BYTES;
}

static void whole_by_peek(void)
{
	whole();
	idle_close(&caller);
	idle_open(&caller, &vmm, O_RDONLY);
}

static long run_read(void)
{
	return pread(caller.fd, buffer, transfer_bytes, 0);
}

static void settle_read(const struct outcome *o)
{
	struct idle_verdict verdict = { 0 };

	if (!expect_error(o) || o->ret <= 0) {
		EXPECT(o->ret < 0, "%ld", o->ret);
		return;
	}
	EXPECT(o->failed || o->ret == (long)transfer_bytes, "%ld of %zu", o->ret, transfer_bytes);
	EXPECT_OK(o->ret % 8, 0);
	idle_compare(&caller, buffer, o->ret, 0, &verdict);
	idle_expect_exact(&verdict, "what was delivered");
}

static void all_marked(void)
{
	whole();
	memset(buffer, 0xff, sizeof(buffer));
}

static void all_marked_write_only(void)
{
	all_marked();
	open_flags = O_WRONLY;
	close(caller.fd);
	caller.fd = idle_file(0, O_WRONLY | O_CLOEXEC);
	if (caller.fd < 0)
		die("open to mark: %m");
}

static long run_write(void)
{
	return pwrite(caller.fd, buffer, transfer_bytes, 0);
}

/* Whoever writes knows of these pages, and nothing is young there any more. */
static void settle_write(const struct outcome *o)
{
	if (!expect_error(o) || o->ret <= 0) {
		EXPECT(o->ret < 0, "%ld", o->ret);
		return;
	}
	EXPECT(o->failed || o->ret == (long)transfer_bytes, "%ld of %zu", o->ret, transfer_bytes);
	memset(caller.due->word, 0, o->ret);
	memset(vmm.young.word, 0, o->ret);
}

static void settle_write_only(const struct outcome *o)
{
	settle_write(o);
	/* It cannot read: a new file can, for what is young in the tables. */
	idle_close(&caller);
	idle_open(&caller, &vmm, O_RDWR);
}

/* Seek. */
static int seek_whence;

static void to_data(void)	{ seek_whence = SEEK_DATA; }
static void to_hole(void)	{ seek_whence = SEEK_HOLE; }
static void to_end(void)	{ seek_whence = SEEK_END; }

static long run_seek(void)
{
	return lseek(caller.fd, 0, seek_whence);
}

static void settle_seek(const struct outcome *o)
{
	if (!expect_error(o) || o->ret < 0)
		return;
	EXPECT_OK(o->ret, seek_whence == SEEK_DATA ? 0 :
		  seek_whence == SEEK_END ? (long)idle_bitmap_bytes(&vmm) :
		  (long)(vmm.slot[0].bytes / PAGE_SIZE / 8));
}

/* Ioctls. */
static struct kvm_idle_info info;
static struct kvm_idle_slots slots;
static struct kvm_idle_slot slot_array[VMM_MAX_SLOTS];
static struct kvm_idle_select_vm selection;
static struct kvm_idle_options option;

static long run_info(void)
{
	info = (struct kvm_idle_info){ .size = sizeof(info) };
	return ioctl(caller.fd, KVM_IDLE_GET_INFO, &info);
}

static void settle_info(const struct outcome *o)
{
	if (!expect_error(o) || o->ret < 0)
		return;
	EXPECT_OK(info.readers, 2);
	EXPECT_OK(info.end_gpa, vmm.end_gfn << PAGE_SHIFT);
}

static unsigned int slots_flags;

static void not_counted(void)	{ slots_flags = 0; }
static void counted(void)	{ slots_flags = KVM_IDLE_SLOTS_COUNT_MAPPED; }

static long run_slots(void)
{
	slots = (struct kvm_idle_slots){
		.size = sizeof(slots),
		.flags = slots_flags,
		.slot_size = sizeof(slot_array[0]),
		.capacity = VMM_MAX_SLOTS,
		.slots = (uintptr_t)slot_array,
	};
	return ioctl(caller.fd, KVM_IDLE_GET_SLOTS, &slots);
}

static uint64_t mapped_bytes(const struct vmm_slot *slot)
{
	uint64_t gfn = slot->gpa / PAGE_SIZE, end = gfn + slot->bytes / PAGE_SIZE, n = 0;

	for (; gfn < end; gfn++)
		n += gfnset_has(&vmm.mapped, gfn);
	return n * PAGE_SIZE;
}

static void settle_slots(const struct outcome *o)
{
	if (!expect_error(o) || o->ret < 0)
		return;
	EXPECT_OK(slots.count, vmm.nr_slots);
	for (unsigned int i = 0; i < vmm.nr_slots; i++) {
		EXPECT_OK(slot_array[i].gpa, vmm.slot[i].gpa);
		EXPECT_OK(slot_array[i].mapped_bytes, slots_flags ? mapped_bytes(&vmm.slot[i]) : 0);
	}
}

static struct kvm_idle_region scanned[16 * 1024];
static struct kvm_idle_scan scan;

static void scan_all(void)	{ scan.flags = KVM_IDLE_SCAN_HARVEST; }
static void scan_all_by_hva(void) { scan.flags = KVM_IDLE_SCAN_HARVEST | KVM_IDLE_SCAN_HVA; }

static void scan_to_look(void)
{
	scan.flags = 0;
	whole_by_peek();
}

static long run_scan(void)
{
	scan = (struct kvm_idle_scan){
		.size = sizeof(scan),
		.flags = scan.flags,
		.end = ~0ULL,
		.vec = (uintptr_t)scanned,
		.vec_len = sizeof(scanned) / sizeof(scanned[0]),
		.category_mask = KVM_IDLE_PAGE_YOUNG,
		.return_mask = KVM_IDLE_PAGE_YOUNG,
	};
	return ioctl(caller.fd, KVM_IDLE_SCAN, &scan);
}

/* Of each page before the end of the scan all is told, and of the others nothing taken. */
static void settle_scan(const struct outcome *o)
{
	bool by_hva = scan.flags & KVM_IDLE_SCAN_HVA;
	uint64_t walked = 0, told = 0;

	if (!expect_error(o) || o->ret < 0)
		return;
	EXPECT(o->failed || scan.walk_end == scan.end, "ended at %#llx", scan.walk_end);
	for (long i = 0; i < o->ret; i++)
		told += (scanned[i].end - scanned[i].start) / PAGE_SIZE;
	for (uint64_t n = 0; n < vmm.total_pages; n++) {
		uint64_t gfn = vmm_nth_gfn(&vmm, n), gpa = gfn << PAGE_SHIFT;

		if ((by_hva ? (uintptr_t)vmm_hva(&vmm, gpa) : gpa) >= scan.walk_end)
			continue;
		walked += gfnset_has(caller.due, gfn);
		if (!(scan.flags & KVM_IDLE_SCAN_HARVEST))
			continue;
		gfnset_del_range(caller.due, gfn, 1);
		gfnset_del_range(&vmm.young, gfn, 1);
	}
	EXPECT(told == walked, "%lu pages told, not %lu", told, walked);
}

static unsigned int select_flags;

static void ask_for_another(void)	{ select_flags = KVM_IDLE_SELECT_QUERY; }

static void take_another(void)
{
	select_flags = 0;
	touch_some(&other_vmm);
}

static long run_select(void)
{
	selection = (struct kvm_idle_select_vm){
		.size = sizeof(selection), .flags = select_flags, .index = 1,
	};
	return ioctl(caller.fd, KVM_IDLE_SELECT_VM, &selection);
}

/* Whether it took the other one is not always known from a failure to tell so. */
static bool took_another(const struct outcome *o)
{
	return !select_flags &&
	       idle_info(caller.fd).end_gpa == other_vmm.end_gfn << PAGE_SHIFT &&
	       (!o->ret || o->err == EFAULT);
}

static void settle_select(const struct outcome *o)
{
	if (!expect_error(o))
		return;
	if (!o->ret) {
		EXPECT_OK(selection.count, 2);
		EXPECT_OK(selection.fd, other_vmm.fd);
		EXPECT(took_another(o) == !select_flags);
	}
	if (took_another(o))
		idle_belongs_to(&caller, &other_vmm);
}

static void precise(void)
{
	option = (struct kvm_idle_options){
		.size = sizeof(option), .set = KVM_IDLE_OPTION_TLB,
		.tlb_policy = KVM_IDLE_TLB_PRECISE,
	};
}

static void with_host(void)
{
	option = (struct kvm_idle_options){
		.size = sizeof(option), .set = KVM_IDLE_OPTION_HOST, .host = 1,
	};
}

static long run_options(void)
{
	return ioctl(caller.fd, KVM_IDLE_SET_OPTIONS, &option);
}

static void settle_options(const struct outcome *o)
{
	unsigned int policy = idle_info(caller.fd).tlb_policy;

	if (!expect_error(o) || o->ret < 0)
		return;
	if (option.set == KVM_IDLE_OPTION_TLB)
		EXPECT_OK(policy, KVM_IDLE_TLB_PRECISE);
}

/* What the host itself did counts from here on, which is not our guest's truth. */
static void settle_host(const struct outcome *o)
{
	settle_options(o);
	idle_close(&caller);
	idle_open(&caller, &vmm, O_RDWR);
}

/* The way to the file. */
static char listing[64 * 1024];

static long run_lookup(void)
{
	static struct stat st;

	return stat("/proc/self/idle_bitmap", &st);
}

static void settle_simple(const struct outcome *o)
{
	expect_error(o);
}

static void rewound(void)
{
	lseek(proc_dir, 0, SEEK_SET);
}

/* The whole directory at once, which the buffer has room for. */
static long run_list(void)
{
	return syscall(SYS_getdents64, proc_dir, listing, sizeof(listing));
}

struct dirent64_head {
	uint64_t ino;
	int64_t off;
	uint16_t reclen;
	uint8_t type;
	char name[];
};

static int times_listed(long bytes, const char *name)
{
	int n = 0;

	for (long at = 0; at < bytes;) {
		const struct dirent64_head *entry = (const void *)(listing + at);

		n += !strcmp(entry->name, name);
		at += entry->reclen;
	}
	return n;
}

/* Short or not, it goes on where it ended, and says each name once. */
static void settle_list(const struct outcome *o)
{
	int ours = 0, theirs = 0;
	long got = o->ret;

	expect_error(o);
	for (; got > 0; got = run_list()) {
		ours += times_listed(got, "idle_bitmap");
		theirs += times_listed(got, "status");
	}
	EXPECT(got == 0 || got == o->ret, "%ld (%m)", got);
	if (o->ret >= 0)
		EXPECT(ours == 1 && theirs == 1, "ours %d times, status %d times", ours, theirs);
}

/* A flush is owed; a close never fails. */
static int closing = -1;

static void harvested(void)
{
	closing = idle_file(0, O_RDWR | O_CLOEXEC);
	EXPECT_OK(pread(closing, buffer, 8, 0), 8);
	/* Which took from what the others see in the tables, not from what they are due. */
	if (vmm.mmu.leaf_pages > 1)
		memset(vmm.young.word, 0, vmm.mmu.leaf_pages / 8);
	else
		vmm.young.word[0] = 0;
}

static long run_close(void)
{
	return close(closing);
}

static void settle_close(const struct outcome *o)
{
	EXPECT(o->ret == 0, "%ld, errno %s", o->ret, strerrorname_np(o->err));
}

/* The stream of extents: of what the guest maps, and what of that was written. */
static struct {
	int fd;
	struct gfnset due;
	uint64_t start, end;	/* host addresses, of all slots */
	uint8_t *first, *rest;	/* what was said of each page */
	uint8_t *buffer;
	size_t bytes;
} stream = { .fd = -1 };

static long run_open_stream(void)
{
	return open("/proc/self/idle_pages", O_RDONLY);
}

static void settle_open_stream(const struct outcome *o)
{
	if (!expect_error(o) || o->ret < 0)
		return;
	close(o->ret);
}

static void stream_is_open(void)
{
	unsigned int flags = SCAN_IGN_HOST | SCAN_DIRTY_PAGE;

	stream.fd = pages_file(0, O_RDONLY);
	if (ioctl(stream.fd, IDLE_SCAN_ADD_FLAGS, &flags))
		die("IDLE_SCAN_ADD_FLAGS: %m");
	gfnset_init(&stream.due, vmm.end_gfn);
	vmm_observe(&vmm, &stream.due);
}

static long run_stream(void)
{
	return pread(stream.fd, stream.buffer, stream.bytes, stream.start);
}

/* What is not told by a read that failed is told by the next one. */
static void settle_stream(const struct outcome *o)
{
	uint64_t next = stream.start, wrong = 0;

	if (expect_error(o) && o->ret > 0)
		next = pages_decode(stream.buffer, o->ret, stream.start, stream.end, stream.first);
	if (next < stream.end)
		pages_read_all(stream.fd, next, stream.end, stream.rest);
	for (uint64_t n = 0; n < vmm.total_pages; n++) {
		uint64_t gfn = vmm_nth_gfn(&vmm, n);
		uint64_t hva = (uintptr_t)vmm_hva(&vmm, gfn << PAGE_SHIFT);
		uint8_t said = hva < next ? stream.first[(hva - stream.start) / PAGE_SIZE] :
					    stream.rest[(hva - next) / PAGE_SIZE];

		wrong += pages_heat(said) != (!gfnset_has(&vmm.mapped, gfn) ? PAGES_HOLE :
					      gfnset_has(&stream.due, gfn) ? PAGES_HOT : PAGES_IDLE);
	}
	EXPECT(!wrong, "%lu wrong pages", wrong);
	gfnset_clear(&vmm.young);
	vmm_unobserve(&vmm, &stream.due);
	gfnset_free(&stream.due);
	close(stream.fd);
}

static const struct call calls[] = {
	{ "open to peek", to_peek, run_open, settle_open, ALLOCATES },
	{ "open to harvest", to_harvest, run_open, settle_open, ALLOCATES },
	{ "open to mark", to_mark, run_open, settle_open, ALLOCATES },
	{ "open to peek, the first", to_peek, run_open, settle_open, ALONE | ALLOCATES },
	{ "open to harvest, the first", to_harvest, run_open, settle_open, ALONE | ALLOCATES },
	{ "open to mark, the first", to_mark, run_open, settle_open, ALONE | ALLOCATES },
	{ "KVM_IDLE_OPEN to peek", to_peek, run_open_device, settle_open, ALLOCATES },
	{ "KVM_IDLE_OPEN to harvest", to_harvest, run_open_device, settle_open, ALLOCATES },
	{ "KVM_IDLE_OPEN to mark", to_mark, run_open_device, settle_open, ALLOCATES },
	{ "KVM_IDLE_OPEN to harvest, the first", to_harvest, run_open_device, settle_open,
	  ALONE | ALLOCATES },
	{ "harvest of all", whole, run_read, settle_read, ALLOCATES },
	{ "harvest of a part", partly, run_read, settle_read, ALLOCATES },
	{ "peek", whole_by_peek, run_read, settle_read, 0 },
	{ "mark", all_marked, run_write, settle_write, ALLOCATES },
	{ "mark, write-only", all_marked_write_only, run_write, settle_write_only, ALLOCATES },
	{ "seek to data", to_data, run_seek, settle_seek, 0 },
	{ "seek to a hole", to_hole, run_seek, settle_seek, 0 },
	{ "seek to the end", to_end, run_seek, settle_seek, 0 },
	{ "GET_INFO", NULL, run_info, settle_info, 0 },
	{ "GET_SLOTS", not_counted, run_slots, settle_slots, 0 },
	{ "GET_SLOTS, COUNT_MAPPED", counted, run_slots, settle_slots, 0 },
	{ "SCAN", scan_all, run_scan, settle_scan, ALLOCATES },
	{ "SCAN by host address", scan_all_by_hva, run_scan, settle_scan, ALLOCATES },
	{ "SCAN that looks", scan_to_look, run_scan, settle_scan, ALLOCATES },
	{ "open idle_pages", NULL, run_open_stream, settle_open_stream, ALLOCATES },
	{ "read of idle_pages", stream_is_open, run_stream, settle_stream, ALLOCATES | KEEPS },
	{ "SELECT_VM, QUERY", ask_for_another, run_select, settle_select, ALLOCATES },
	{ "SELECT_VM", take_another, run_select, settle_select, ALLOCATES },
	{ "SET_OPTIONS, TLB", precise, run_options, settle_options, 0 },
	{ "SET_OPTIONS, HOST", with_host, run_options, settle_host, 0 },
	{ "lookup", NULL, run_lookup, settle_simple, ALONE | ALLOCATES },
	{ "readdir", rewound, run_list, settle_list, ALONE | ALLOCATES },
	{ "close", harvested, run_close, settle_close, 0 },
};

/*
 * Fresh files each time, which have room for nothing yet, and pages that are due
 * to both.
 */
static void begin(const struct call *call)
{
	caller.fd = -1;
	beside.fd = -1;
	if (!(call->flags & ALONE)) {
		idle_open(&caller, &vmm, O_RDWR);
		idle_open(&beside, &vmm, O_RDWR);
	}
	touch_some(&vmm);
	if (call->prepare)
		call->prepare();
}

/* Whatever happened, each is told all that it is due, and no more. */
static void end(const struct call *call)
{
	if (call->flags & ALONE) {
		idle_open(&caller, &vmm, O_RDWR);
		expect_exact(&caller, "the first reader, afterwards");
		idle_close(&caller);
		return;
	}
	/* In the tables there is what nobody has taken: a look at it changes nothing. */
	expect_exact(&caller, "the same reader, afterwards");
	expect_exact(&beside, "the other reader, afterwards");
	idle_close(&beside);
	idle_close(&caller);
}

/*
 * An allocation that failed has failed the call before it took anything: what the
 * guest touched is still to be seen by those who only look.
 */
static void expect_untouched(const struct call *call, const struct outcome *o)
{
	struct idle_reader peeker;

	if ((call->flags & (ALONE | KEEPS)) || o->ret >= 0 || o->kind != FAULTS_ALLOCATIONS)
		return;
	idle_open(&peeker, &vmm, O_RDONLY);
	expect_exact(&peeker, "a peek after it failed");
	idle_close(&peeker);
}

/* Returns false if the kernel does not know the call. */
static bool attempt(const struct call *call, struct outcome *o, unsigned int nth)
{
	begin(call);
	if (nth)
		faults_arm(nth);
	errno = 0;
	o->ret = call->run();
	o->err = errno;
	o->failed = nth && faults_disarm();
	if (o->ret < 0 && o->err == ENOTTY) {
		end(call);
		return false;
	}
	expect_untouched(call, o);
	call->settle(o);
	end(call);
	return true;
}

struct tally {
	unsigned int points, errors;
};

static struct tally sweep(const struct call *call, enum faults_kind kind, bool in_module)
{
	struct outcome o = { .kind = kind };
	struct tally t = { 0 };

	faults_choose(kind, in_module);
	for (unsigned int nth = 1; nth < MOST_POINTS; nth++) {
		attempt(call, &o, nth);
		if (!o.failed)
			break;
		t.points++;
		t.errors += o.ret < 0;
	}
	EXPECT(!o.failed, "still failing after %u", t.points);
	EXPECT(o.ret >= 0, "without a failure: %ld, errno %s", o.ret, strerrorname_np(o.err));
	return t;
}

static struct tally total[3];

static void sweep_all(const struct call *call)
{
	static const struct {
		enum faults_kind kind;
		bool in_module;
	} where[] = {
		{ FAULTS_ALLOCATIONS, true }, { FAULTS_ALLOCATIONS, false }, { FAULTS_COPIES, true },
	};
	struct outcome o = { .kind = FAULTS_ALLOCATIONS };
	struct tally t[3];

	if (faults_missing()) {
		ktap_skip("%s", faults_missing());
		return;
	}
	/* Without a failure it succeeds, or there is no such call here. */
	if (!attempt(call, &o, 0)) {
		ktap_skip("this kvm_idle.ko does not know the call");
		return;
	}
	if (!EXPECT(o.ret >= 0, "%ld, errno %s", o.ret, strerrorname_np(o.err)))
		return;
	for (int i = 0; i < 3; i++) {
		t[i] = sweep(call, where[i].kind, where[i].in_module);
		total[i].points += t[i].points;
		total[i].errors += t[i].errors;
	}
	EXPECT(t[0].points || !(call->flags & ALLOCATES), "no allocation was met");
	ktap_diag("%s: failed (of these, told so): allocations of the module's %u (%u), any %u (%u), copies %u (%u)",
		  call->name, t[0].points, t[0].errors, t[1].points, t[1].errors, t[2].points,
		  t[2].errors);
}

static long references(void)
{
	FILE *f = fopen("/sys/module/kvm_idle/refcnt", "re");
	long n = -1;

	if (f && fscanf(f, "%ld", &n) != 1)
		n = -1;
	if (f)
		fclose(f);
	return n;
}

static void nothing_is_held(void)
{
	if (faults_missing()) {
		ktap_skip("%s", faults_missing());
		return;
	}
	close(device);
	EXPECT_OK(references(), 0);
	ktap_diag("in total: failed (told so): allocations of the module's %u (%u), any %u (%u), copies %u (%u)",
		  total[0].points, total[0].errors, total[1].points, total[1].errors,
		  total[2].points, total[2].errors);
}

static void setup(void)
{
	random_seed(seed);
	device = open(KVM_IDLE_DEVICE, O_RDWR | O_CLOEXEC);
	pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	proc_dir = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (device < 0 || pidfd < 0 || proc_dir < 0)
		die("files: %m");
	vmm.thp = thp;
	vmm_two_slots(&vmm, mem);
	vmm_start(&vmm);
	other_vmm.nr_slots = 1;
	other_vmm.slot[0] = (struct vmm_slot){ .bytes = 4 * MIB };
	vmm_start(&other_vmm);
	touch_some(&vmm);
	touch_some(&other_vmm);
	if (idle_bitmap_bytes(&vmm) > sizeof(buffer))
		die("no room for so large a bitmap");
	vmm_hva_range(&vmm, &stream.start, &stream.end);
	stream.bytes = (stream.end - stream.start) / PAGE_SIZE * 2 + 4096;
	stream.buffer = malloc(stream.bytes);
	stream.first = malloc((stream.end - stream.start) / PAGE_SIZE);
	stream.rest = malloc((stream.end - stream.start) / PAGE_SIZE);
	/* What is there need not be allocated by the call that is looked at. */
	memset(stream.buffer, 1, stream.bytes);
	memset(buffer, 1, sizeof(buffer));
	memset(listing, 1, sizeof(listing));
}

static bool wanted(const struct call *call)
{
	return !strncmp(call->name, only, strlen(only));
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "mem", "MiB of guest memory", .number = &mem },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "only", "the calls whose names begin so", .word = &only },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	const struct call *end = calls + sizeof(calls) / sizeof(calls[0]);
	size_t n = 0;

	options_parse(argc, argv, "Fail each allocation on the path of each call.", options);
	for (const struct call *call = calls; call < end; call++)
		n += wanted(call);
	ktap_plan(n + 1);
	setup();
	for (const struct call *call = calls; call < end; call++) {
		if (!wanted(call))
			continue;
		ktap_begin("%s", call->name);
		sweep_all(call);
		ktap_end();
	}
	ktap_begin("nothing is held afterwards");
	nothing_is_held();
	ktap_end();
	return ktap_status();
}
