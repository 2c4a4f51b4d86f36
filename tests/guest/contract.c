// SPDX-License-Identifier: GPL-2.0-only
/* The rules of /proc/PID/idle_bitmap, one by one. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/time.h>
#include <unistd.h>

#include "idle.h"
#include "ktap.h"
#include "options.h"

static unsigned long mem = 32, seed = 1;
static bool thp;

static struct vmm vmm;
static struct idle_reader reader, peeker;
static size_t end;	/* of the file */

static void touch_some(void)
{
	uint32_t list[500];
	size_t n = 1 + random_below(500);

	for (size_t i = 0; i < n; i++)
		list[i] = vmm_nth_gfn(&vmm, random_below(vmm.total_pages)) << PAGE_SHIFT |
			  random_below(2);
	vmm_touch(&vmm, list, n);
}

static void expect_harvest(struct idle_reader *r, const char *what)
{
	struct idle_verdict verdict = { 0 };

	EXPECT_OK(idle_check_all(r, &verdict), end);
	idle_expect_exact(&verdict, what);
}

static uint64_t read_word(int fd, uint64_t gfn)
{
	uint64_t word;

	if (pread(fd, &word, 8, gfn / 64 * 8) != 8)
		die("word of gfn %#lx: %m", gfn);
	return word;
}

/* Pages, a huge page if there are such, near which nothing of the guest's own lies. */
static uint64_t quiet_pages(void)
{
	return thp ? HUGE_PAGES : 512;
}

static uint64_t quiet_gfn(void)
{
	return vmm.slot[1].gpa / PAGE_SIZE + quiet_pages();
}

static void alignment(void)
{
	uint64_t words[2];

	EXPECT_ERR(pread(reader.fd, words, 7, 0), EINVAL);
	EXPECT_ERR(pread(reader.fd, words, 9, 0), EINVAL);
	EXPECT_ERR(pread(reader.fd, words, 8, 4), EINVAL);
	EXPECT_ERR(pread(reader.fd, words, 4, 4), EINVAL);
	EXPECT_ERR(pwrite(reader.fd, words, 7, 0), EINVAL);
	EXPECT_ERR(pwrite(reader.fd, words, 8, 4), EINVAL);
	EXPECT_OK(pread(reader.fd, words, 0, 0), 0);
	EXPECT_OK(pread(reader.fd, words, 8, 8), 8);
}

static void end_of_file(void)
{
	uint64_t words[4];

	EXPECT_OK(pread(reader.fd, words, 32, end), 0);
	EXPECT_OK(pread(reader.fd, words, 32, end + 8), 0);
	EXPECT_OK(pread(reader.fd, words, 8, 1LL << 40), 0);
	EXPECT_OK(pread(reader.fd, words, 32, end - 16), 16);
	EXPECT_ERR(pread(reader.fd, words, 7, end), EINVAL);
}

static void sequential_read(void)
{
	uint64_t words[1000];
	struct idle_verdict verdict = { 0 };
	size_t done = 0;
	ssize_t got;

	touch_some();
	EXPECT_OK(lseek(reader.fd, 0, SEEK_SET), 0);
	while ((got = read(reader.fd, words, sizeof(words))) > 0) {
		/* Nothing cuts it short but the end. */
		EXPECT(got == sizeof(words) || done + got == end, "%zd at %zu", got, done);
		idle_compare(&reader, words, got, done, &verdict);
		done += got;
	}
	EXPECT_OK(done, end);
	EXPECT_OK(lseek(reader.fd, 0, SEEK_CUR), end);
	idle_expect_exact(&verdict, "read() to the end");
}

static void pieces(void)
{
	static const size_t chunks[] = { 8, 64, 4096, 4104, 8 * 513 };
	char what[64];

	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		struct idle_verdict verdict = { 0 };

		touch_some();
		EXPECT_OK(idle_check(&reader, 0, end, chunks[i], &verdict), end);
		snprintf(what, sizeof(what), "in pieces of %zu", chunks[i]);
		idle_expect_exact(&verdict, what);
	}
}

static void random_pieces_in_any_order(void)
{
	for (int round = 0; round < 10; round++) {
		struct idle_verdict verdict = { 0 };

		for (int i = 0; i < 200; i++) {
			off_t pos = random_below(end / 8) * 8;

			if (i % 50 == 0)
				touch_some();
			idle_check(&reader, pos, 8 + random_below(2000) * 8, 1 << 20, &verdict);
		}
		idle_check_all(&reader, &verdict);
		idle_expect_exact(&verdict, "random pieces");
	}
}

/* One word of a huge leaf takes the accessed bit of all its words. */
static void word_by_word_backwards(void)
{
	struct idle_verdict verdict = { 0 }, peeked = { 0 };
	uint64_t pos = quiet_gfn() / 8;

	idle_baseline(&reader);
	vmm_touch_range(&vmm, quiet_gfn(), quiet_pages(), false);
	for (int i = quiet_pages() / 64 - 1; i >= 0; i--) {
		idle_check(&reader, pos + i * 8, 8, 8, &verdict);
		idle_check_all(&peeker, &peeked);
	}
	EXPECT_OK(verdict.young, quiet_pages());
	idle_check(&reader, pos, quiet_pages() / 8, 8, &verdict);
	EXPECT_OK(verdict.young, quiet_pages());
	idle_expect_exact(&verdict, "each word young once");
	idle_expect_exact(&peeked, "peeks between the words");
	idle_check_all(&reader, &verdict);
	idle_expect_exact(&verdict, "the rest");
}

static void readers_at_different_paces(void)
{
	struct idle_reader slow, lazy;
	struct idle_verdict verdict = { 0 };

	expect_harvest(&reader, "before");
	idle_open(&slow, &vmm, O_RDWR);
	EXPECT(idle_info(slow.fd).readers == idle_info(reader.fd).readers);
	for (int round = 1; round <= 24; round++) {
		off_t half = round / 3 % 2 ? end / 16 * 8 : 0;

		touch_some();
		if (round == 12)
			idle_open(&lazy, &vmm, O_RDWR);
		expect_harvest(&reader, "the reader of every round");
		if (round % 3 == 0)
			idle_check(&slow, half, end / 16 * 8, 4096, &verdict);
		if (round == 18)
			expect_harvest(&lazy, "a reader opened in between");
	}
	idle_expect_exact(&verdict, "half of the file every third round");
	expect_harvest(&slow, "the slow reader");
	expect_harvest(&lazy, "the lazy reader");
	idle_close(&slow);
	touch_some();
	expect_harvest(&lazy, "after another has closed");
	idle_close(&lazy);
	expect_harvest(&reader, "after both have closed");
}

static void write_marks_idle(void)
{
	struct idle_reader other;
	uint64_t gfn = quiet_gfn(), marks = 0x5555, seen;

	idle_open(&other, &vmm, O_RDWR);
	expect_harvest(&reader, "before");
	expect_harvest(&other, "before, for the other");
	vmm_touch_range(&vmm, gfn, 64, true);

	EXPECT_OK(pwrite(reader.fd, &marks, 8, gfn / 8), 8);
	seen = read_word(reader.fd, gfn);
	EXPECT(seen == marks, "%#lx", seen);
	seen = read_word(reader.fd, gfn);
	EXPECT(seen == ~0UL, "%#lx at the second harvest", seen);
	/* Taken from the truth too, and by the way from the rest of a huge page. */
	reader.due->word[gfn / 64] = 0;
	expect_harvest(&reader, "beside the marked word");
	expect_harvest(&other, "the other reader keeps its own");
	idle_close(&other);
}

static void write_is_seen_by_peeks(void)
{
	uint64_t gfn = quiet_gfn(), marks = 1, seen;

	expect_harvest(&reader, "before");
	vmm_touch_range(&vmm, gfn, 2, false);
	seen = read_word(peeker.fd, gfn);
	EXPECT(seen == (thp ? 0 : ~3UL), "%#lx", seen);
	EXPECT_OK(pwrite(reader.fd, &marks, 8, gfn / 8), 8);
	seen = read_word(peeker.fd, gfn);
	EXPECT(seen == (thp ? ~0UL : ~2UL), "%#lx", seen);
	/* A mark that says nothing changes nothing. */
	marks = 0;
	EXPECT_OK(pwrite(reader.fd, &marks, 8, gfn / 8), 8);
	seen = read_word(reader.fd, gfn);
	EXPECT(seen == (thp ? 1 : ~2UL), "%#lx", seen);
	idle_baseline(&reader);
}

static void write_all_and_holes(void)
{
	uint64_t *ones = malloc(end + 64);
	int fd = idle_file(0, O_WRONLY | O_CLOEXEC);

	touch_some();
	memset(ones, 0xff, end + 64);
	/* Up to the end, and no further. */
	EXPECT_OK(pwrite(reader.fd, ones, end + 64, 0), end);
	gfnset_clear(reader.due);
	gfnset_clear(&vmm.young);
	expect_harvest(&reader, "marked all: all idle, but no hole");
	touch_some();
	EXPECT_OK(pwrite(fd, ones, end, 0), end);
	gfnset_clear(&vmm.young);
	expect_harvest(&reader, "a writer that cannot read takes nothing from a reader");
	EXPECT_ERR(pwrite(reader.fd, ones, 8, end), ENXIO);
	EXPECT_ERR(pwrite(reader.fd, ones, 8, end + 4096), ENXIO);
	EXPECT_ERR(pwrite(peeker.fd, ones, 8, 0), EBADF);
	EXPECT_ERR(pread(fd, ones, 8, 0), EBADF);
	close(fd);
	free(ones);
}

/* Pages of ours to read into, of which the last is missing. */
static uint8_t *buffer_with_a_gap(size_t pages)
{
	uint8_t *p = mmap(NULL, (pages + 1) * PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED || munmap(p + pages * PAGE_SIZE, PAGE_SIZE))
		die("mmap: %m");
	return p;
}

static void fault_in_the_buffer(void)
{
	uint8_t *gap = buffer_with_a_gap(2) + 2 * PAGE_SIZE;
	/* Bytes there are before the gap: none, whole words, a broken word. */
	static const size_t room[] = { 0, 4096, 8, 4, 4096 + 12, 64 };

	for (size_t i = 0; i < sizeof(room) / sizeof(room[0]); i++) {
		struct idle_verdict verdict = { 0 };
		uint64_t words[1024];
		ssize_t got;

		vmm_touch_range(&vmm, 0, 1, false);
		touch_some();
		got = pread(reader.fd, gap - room[i], end, 0);
		/* Some architectures copy 16 bytes at once, or none of them. */
		if (room[i] < 8 || (room[i] < 16 && got < 0))
			EXPECT(got == -1 && errno == EFAULT, "%zd with %zu bytes", got, room[i]);
		else
			EXPECT(got > 0 && got <= (ssize_t)room[i] && got % 8 == 0,
			       "%zd with %zu bytes", got, room[i]);
		if (got > 0) {
			memcpy(words, gap - room[i], got);
			idle_compare(&reader, words, got, 0, &verdict);
		}
		/* What was cleared and not delivered is in nobody's hands but ours. */
		gfnset_clear(&vmm.young);
		idle_check_all(&reader, &verdict);
		idle_expect_exact(&verdict, "the undelivered part at the next read");
	}
	EXPECT_ERR(pwrite(reader.fd, gap, 8, 0), EFAULT);
	expect_harvest(&reader, "a failed write");
}

static void on_alarm(int signal)
{
	(void)signal;
}

static void signals(void)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 300 }, { 0, 300 } }, off = { 0 };

	sigaction(SIGALRM, &action, NULL);
	for (int round = 0; round < 20; round++) {
		struct idle_verdict verdict = { 0 };

		touch_some();
		setitimer(ITIMER_REAL, &often, NULL);
		EXPECT_OK(idle_check_all(&reader, &verdict), end);
		setitimer(ITIMER_REAL, &off, NULL);
		idle_expect_exact(&verdict, "under a rain of signals");
	}
}

static void seek(void)
{
	uint64_t word;

	EXPECT_OK(lseek(reader.fd, 64, SEEK_SET), 64);
	EXPECT_OK(read(reader.fd, &word, 8), 8);
	EXPECT_OK(lseek(reader.fd, 0, SEEK_CUR), 72);
	EXPECT_OK(lseek(reader.fd, -72, SEEK_CUR), 0);
	EXPECT_ERR(lseek(reader.fd, -8, SEEK_CUR), EINVAL);
	EXPECT_ERR(lseek(reader.fd, -8, SEEK_SET), EINVAL);
	EXPECT_OK(lseek(reader.fd, 0, SEEK_END), end);
	EXPECT_OK(lseek(reader.fd, -8, SEEK_END), end - 8);
	EXPECT_OK(read(reader.fd, &word, 8), 8);
	EXPECT_OK(read(reader.fd, &word, 8), 0);
	EXPECT_OK(lseek(reader.fd, 800, SEEK_END), end + 800);
	EXPECT_OK(read(reader.fd, &word, 8), 0);
	EXPECT_ERR(lseek(reader.fd, 0, 99), EINVAL);
	EXPECT_ERR(lseek(reader.fd, end, SEEK_DATA), ENXIO);
	EXPECT_ERR(lseek(reader.fd, end, SEEK_HOLE), ENXIO);
	EXPECT_ERR(lseek(reader.fd, -8, SEEK_DATA), ENXIO);
	EXPECT_OK(lseek(reader.fd, end - 8, SEEK_DATA), end - 8);
	EXPECT_OK(lseek(reader.fd, end - 8, SEEK_HOLE), end);
	idle_baseline(&reader);
}

/* A word is data if a slot covers any of its pages, and a hole if none does. */
static void seek_data_and_hole(void)
{
	size_t words = end / 8;
	bool *data = calloc(words + 1, 1);
	off_t next_data = -1, next_hole = end;

	for (unsigned int i = 0; i < vmm.nr_slots; i++)
		for (uint64_t n = 0; n < vmm.slot[i].bytes; n += PAGE_SIZE)
			data[(vmm.slot[i].gpa + n) / PAGE_SIZE / 64] = true;
	for (off_t w = words - 1; w >= 0; w--) {
		if (data[w])
			next_data = w * 8;
		else
			next_hole = w * 8;
		/* Everywhere would take long; each border and each 509th word do. */
		if (w % 509 && w && data[w] == data[w - 1] && data[w] == data[w + 1])
			continue;
		EXPECT_OK(lseek(reader.fd, w * 8, SEEK_DATA), next_data);
		EXPECT_OK(lseek(reader.fd, w * 8, SEEK_HOLE), next_hole);
	}
	free(data);
}

static void ioctl_arguments(void)
{
	struct {
		struct kvm_idle_info info;
		uint64_t newer;
	} big = { .info.size = sizeof(big) };
	struct kvm_idle_info small = { .size = KVM_IDLE_INFO_SIZE_V1 - 1 };
	uint8_t *gap = buffer_with_a_gap(1) + PAGE_SIZE;

	EXPECT_ERR(ioctl(reader.fd, KVM_IDLE_GET_INFO, &small), EINVAL);
	small.size = 0;
	EXPECT_ERR(ioctl(reader.fd, KVM_IDLE_GET_INFO, &small), EINVAL);
	big.newer = 1;
	EXPECT_ERR(ioctl(reader.fd, KVM_IDLE_GET_INFO, &big), E2BIG);
	big.newer = 0;
	EXPECT_OK(ioctl(reader.fd, KVM_IDLE_GET_INFO, &big), 0);
	EXPECT_OK(big.info.size, sizeof(struct kvm_idle_info));
	EXPECT_OK(big.info.page_size, PAGE_SIZE);
	EXPECT_ERR(ioctl(reader.fd, KVM_IDLE_GET_INFO, NULL), EFAULT);
	EXPECT_ERR(ioctl(reader.fd, KVM_IDLE_GET_INFO, gap), EFAULT);
	memcpy(gap - 4, &(uint32_t){ sizeof(big.info) }, 4);
	EXPECT_ERR(ioctl(reader.fd, KVM_IDLE_GET_INFO, gap - 4), EFAULT);

	EXPECT_ERR(ioctl(reader.fd, _IO(KVM_IDLE_IOC_TYPE, 0x7f), &big), ENOTTY);
	EXPECT_ERR(ioctl(reader.fd, _IO('T', 1), &big), ENOTTY);
}

static void slots_arguments(void)
{
	/* Room for a slot of a later version, one of ours and one more number. */
	struct wide {
		struct kvm_idle_slot slot;
		uint64_t newer;
	} wide[VMM_MAX_SLOTS];
	const struct kvm_idle_slots good = {
		.size = sizeof(good),
		.slot_size = sizeof(wide[0]),
		.capacity = VMM_MAX_SLOTS,
		.slots = (uintptr_t)wide,
	};
	struct kvm_idle_slots query = good;

	memset(wide, 0xff, sizeof(wide));
	EXPECT_OK(ioctl(reader.fd, KVM_IDLE_GET_SLOTS, &query), 0);
	EXPECT_OK(query.count, vmm.nr_slots);
	for (unsigned int i = 0; i < query.count; i++) {
		EXPECT(wide[i].slot.bytes == vmm.slot[i].bytes, "slot %u", i);
		EXPECT(!wide[i].slot.mapped_bytes, "not asked for");
		EXPECT(!wide[i].newer, "slot %u: what the module does not know", i);
	}

	query = good;
	query.capacity = 1;
	memset(wide, 0xff, sizeof(wide));
	EXPECT_OK(ioctl(reader.fd, KVM_IDLE_GET_SLOTS, &query), 0);
	EXPECT_OK(query.count, vmm.nr_slots);
	EXPECT_OK(wide[1].slot.bytes, ~0ULL);

	query = good;
	query.capacity = 0;
	query.slots = 0;
	EXPECT_OK(ioctl(reader.fd, KVM_IDLE_GET_SLOTS, &query), 0);
	EXPECT_OK(query.count, vmm.nr_slots);

	query = good;
	query.flags = 1U << 31;
	EXPECT_ERR(ioctl(reader.fd, KVM_IDLE_GET_SLOTS, &query), EINVAL);
	query = good;
	query.reserved = 1;
	EXPECT_ERR(ioctl(reader.fd, KVM_IDLE_GET_SLOTS, &query), EINVAL);
	query = good;
	query.size = KVM_IDLE_SLOTS_SIZE_V1 - 8;
	EXPECT_ERR(ioctl(reader.fd, KVM_IDLE_GET_SLOTS, &query), EINVAL);
	query = good;
	query.slot_size = KVM_IDLE_SLOT_SIZE_V1 - 8;
	EXPECT_ERR(ioctl(reader.fd, KVM_IDLE_GET_SLOTS, &query), EINVAL);
	query = good;
	query.slots = 8;
	EXPECT_ERR(ioctl(reader.fd, KVM_IDLE_GET_SLOTS, &query), EFAULT);
}

static void setup(void)
{
	random_seed(seed);
	vmm.thp = thp;
	/* Each slot has room for two. */
	if (thp && mem * MIB < 4 * HUGE_SIZE)
		mem = 4 * HUGE_SIZE / MIB;
	vmm_two_slots(&vmm, mem);
	if (!thp) {
		/* Not whole words: the middle of one, and some that reach over two. */
		vmm.slot[2].gpa = 0x60000000 + 5 * PAGE_SIZE;
		vmm.slot[2].bytes = 3 * PAGE_SIZE;
		vmm.slot[3].gpa = 0x60000000 + 10 * PAGE_SIZE;
		vmm.slot[3].bytes = 70 * PAGE_SIZE;
		vmm.nr_slots = 4;
	}
	vmm_start(&vmm);
	end = idle_bitmap_bytes(&vmm);
	idle_open(&reader, &vmm, O_RDWR);
	idle_open(&peeker, &vmm, O_RDONLY);
	/* Some of it mapped, some not. */
	for (int i = 0; i < 4; i++)
		touch_some();
	vmm_touch_range(&vmm, quiet_gfn(), quiet_pages(), true);
	idle_baseline(&reader);
}

int main(int argc, char **argv)
{
	static const struct option_spec options[] = {
		{ "mem", "MiB of guest memory", .number = &mem },
		{ "device", "by way of /dev/kvm_idle", .flag = &idle_by_device },
		{ "thp", "back the guest by huge pages", .flag = &thp },
		{ "seed", "of the random numbers", .number = &seed },
		{ 0 }
	};
	static const struct ktap_test tests[] = {
		{ "position and count are multiples of 8", alignment },
		{ "the end of the file", end_of_file },
		{ "read() goes on from where it was", sequential_read },
		{ "harvests in pieces are exact", pieces },
		{ "harvests in random pieces are exact", random_pieces_in_any_order },
		{ "a huge page harvested word by word", word_by_word_backwards },
		{ "readers at different paces are exact", readers_at_different_paces },
		{ "a write marks pages as idle", write_marks_idle },
		{ "a write is a harvest thrown away", write_is_seen_by_peeks },
		{ "a write to everything, to holes, to the end", write_all_and_holes },
		{ "a fault in the buffer loses nothing", fault_in_the_buffer },
		{ "signals lose nothing", signals },
		{ "lseek", seek },
		{ "SEEK_DATA and SEEK_HOLE", seek_data_and_hole },
		{ "arguments of GET_INFO", ioctl_arguments },
		{ "arguments of GET_SLOTS", slots_arguments },
	};

	options_parse(argc, argv, "Check each rule of the file against one guest.", options);
	return KTAP_RUN(setup, tests);
}
