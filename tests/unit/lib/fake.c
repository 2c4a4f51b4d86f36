// SPDX-License-Identifier: GPL-2.0-only
#include "fake.h"
#include "suite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define PIDFD_FILE	"a_pidfd"

struct fake fake;
static char root[] = "/tmp/kvmidle-unit.XXXXXX";

static void make_path(char *path, size_t size, pid_t pid, const char *name)
{
	if (pid)
		snprintf(path, size, "%s/%d/%s", root, pid, name);
	else
		snprintf(path, size, "%s/%s", root, name);
}

static void make_dirs_of(char *path)
{
	char *slash = path + strlen(root);

	while ((slash = strchr(slash + 1, '/'))) {
		*slash = '\0';
		if (mkdir(path, 0755))
			assert_int_equal(errno, EEXIST);
		*slash = '/';
	}
}

void fake_file(pid_t pid, const char *name, const void *data, size_t size)
{
	char path[256];
	FILE *file;

	make_path(path, sizeof(path), pid, name);
	make_dirs_of(path);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(data, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

void fake_link(pid_t pid, const char *name, const char *target)
{
	char path[256];

	make_path(path, sizeof(path), pid, name);
	make_dirs_of(path);
	assert_int_equal(symlink(target, path), 0);
}

void fake_process(pid_t pid, const char *stat, const char *comm,
		  const char *cmdline, size_t cmdline_size)
{
	fake_file(pid, "stat", stat, strlen(stat));
	fake_file(pid, "comm", comm, strlen(comm));
	fake_file(pid, "cmdline", cmdline, cmdline_size);
}

void fake_bitmap(size_t words)
{
	char path[256];

	fake_file(FAKE_PID, "idle_bitmap", "", 0);
	make_path(path, sizeof(path), FAKE_PID, "idle_bitmap");
	assert_int_equal(truncate(path, words * 8), 0);
}

/* What the device hands out lies where nobody looks for it. */
void fake_device(size_t words)
{
	char path[256];

	fake.device = true;
	fake_file(0, "handed_out", "", 0);
	make_path(path, sizeof(path), 0, "handed_out");
	assert_int_equal(truncate(path, words * 8), 0);
}

static int open_bitmap(void)
{
	char path[256];
	int fd;

	make_path(path, sizeof(path), FAKE_PID, "idle_bitmap");
	fd = open(path, O_RDWR);
	assert_true(fd >= 0);
	return fd;
}

int __real_open(const char *path, int flags, ...);
ssize_t __real_pread(int fd, void *buf, size_t count, off_t offset);
ssize_t __real_pwrite(int fd, const void *buf, size_t count, off_t offset);
off_t __real_lseek(int fd, off_t offset, int whence);

void fake_put(size_t word, const uint64_t *words, size_t count)
{
	int fd = open_bitmap();

	assert_int_equal(__real_pwrite(fd, words, count * 8, word * 8), count * 8);
	close(fd);
}

void fake_get(size_t word, uint64_t *words, size_t count)
{
	int fd = open_bitmap();

	assert_int_equal(__real_pread(fd, words, count * 8, word * 8), count * 8);
	close(fd);
}

int fake_setup(void **state)
{
	(void)state;
	memset(&fake, 0, sizeof(fake));
	strcpy(root + strlen(root) - 6, "XXXXXX");
	if (!mkdtemp(root))
		return -1;
	kvmidle_proc_root = root;
	fake_file(0, "self/comm", "me\n", 3);
	kvmidle_device = "/kvmidle-unit-device";
	fake_process(FAKE_PID, "4242 (vmm) S 1 1 1 0 -1 4194304 1 0", "vmm\n",
		     "vmm\0-x\0", 7);
	return 0;
}

int fake_teardown(void **state)
{
	char command[256];

	(void)state;
	kvmidle_proc_root = "/proc";
	kvmidle_device = KVM_IDLE_DEVICE;
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	return system(command);
}

/* What the next call shall do; see fake.script. */
static long next_step(void)
{
	if (!fake.script_length)
		return 0;
	fake.script_length--;
	return *fake.script++;
}

ssize_t __wrap_pread(int fd, void *buf, size_t count, off_t offset)
{
	long step = next_step();
	ssize_t n;

	if (step < 0) {
		errno = -step;
		return -1;
	}
	if (step > 0 && (size_t)step < count)
		count = step;
	if (offset < fake.last_read_end)
		fake.went_back = true;
	fake.reads++;
	n = __real_pread(fd, buf, count, offset);
	if (n == 0)
		fake.saw_end = true;
	if (n > 0)
		fake.last_read_end = offset + n;
	return n;
}

/* Like the module, it does not grow the file. */
ssize_t __wrap_pwrite(int fd, const void *buf, size_t count, off_t offset)
{
	long step = next_step();
	struct stat st;

	if (step < 0) {
		errno = -step;
		return -1;
	}
	if (step > 0 && (size_t)step < count)
		count = step;
	if (fstat(fd, &st))
		return -1;
	if (offset >= st.st_size) {
		errno = ENXIO;
		return -1;
	}
	if (count > (size_t)(st.st_size - offset))
		count = st.st_size - offset;
	fake.writes++;
	return __real_pwrite(fd, buf, count, offset);
}

off_t __wrap_lseek(int fd, off_t offset, int whence)
{
	fake.seeks++;
	if (offset < fake.last_read_end)
		fake.went_back = true;
	return __real_lseek(fd, offset, whence);
}

static int get_info(struct kvm_idle_info *info)
{
	if (fake.info_error) {
		errno = fake.info_error;
		return -1;
	}
	assert_int_equal(info->size, sizeof(*info));
	*info = fake.selected ? fake.others[fake.selected - 1].info : fake.info;
	info->size = sizeof(*info);
	return 0;
}

static int get_slots(struct kvm_idle_slots *arg)
{
	const struct fake_vm first = {
		.slots = fake.slots, .slots_count = fake.slots_count,
	};
	const struct fake_vm *vm = fake.selected ?
		&fake.others[fake.selected - 1] : &first;
	unsigned int i;

	fake.slots_calls++;
	fake.slots_flags = arg->flags;
	if (fake.slots_interrupted) {
		fake.slots_interrupted--;
		errno = EINTR;
		return -1;
	}
	if (fake.slots_error) {
		errno = fake.slots_error;
		return -1;
	}
	assert_int_equal(arg->size, sizeof(*arg));
	assert_int_equal(arg->slot_size, sizeof(struct kvm_idle_slot));
	assert_int_equal(arg->reserved, 0);
	for (i = 0; i < vm->slots_count && i < arg->capacity; i++)
		((struct kvm_idle_slot *)(uintptr_t)arg->slots)[i] = vm->slots[i];
	arg->count = vm->slots_count;
	arg->generation = fake.info.slot_generation;
	return 0;
}

static int select_vm(struct kvm_idle_select_vm *arg)
{
	if (!fake.selects || fake.select_error) {
		errno = fake.selects ? fake.select_error : ENOTTY;
		return -1;
	}
	assert_int_equal(arg->size, sizeof(*arg));
	assert_int_equal(arg->flags & ~KVM_IDLE_SELECT_QUERY, 0);
	assert_int_equal(arg->reserved, 0);
	arg->count = 1 + fake.others_count;
	arg->fd = 11 + arg->index;
	if (!(arg->flags & KVM_IDLE_SELECT_QUERY))
		arg->count -= fake.closing;
	if (arg->index >= arg->count) {
		errno = ENODEV;
		return -1;
	}
	if (!(arg->flags & KVM_IDLE_SELECT_QUERY))
		fake.selected = arg->index;
	return 0;
}

static int set_options(struct kvm_idle_options *arg)
{
	if (!fake.has_options) {
		errno = ENOTTY;
		return -1;
	}
	if (fake.options_interrupted) {
		fake.options_interrupted--;
		errno = EINTR;
		return -1;
	}
	assert_int_equal(arg->size, sizeof(*arg));
	if (fake.options_error) {
		errno = fake.options_error;
		return -1;
	}
	if (arg->set & KVM_IDLE_OPTION_TLB)
		fake.options.tlb_policy = arg->tlb_policy;
	if (arg->set & KVM_IDLE_OPTION_HOST)
		fake.options.host = arg->host;
	arg->tlb_policy = fake.options.tlb_policy;
	arg->host = fake.options.host;
	return 0;
}

static int arm(struct kvm_idle_arm *arg)
{
	if (!fake.arms) {
		errno = ENOTTY;
		return -1;
	}
	if (fake.arm_interrupted) {
		fake.arm_interrupted--;
		errno = EINTR;
		return -1;
	}
	assert_int_equal(arg->size, sizeof(*arg));
	assert_int_equal(arg->flags, 0);
	if (fake.arm_error) {
		errno = fake.arm_error;
		return -1;
	}
	arg->armed_pages = 512;
	arg->cleared_pages = 3;
	return 0;
}

static bool matches(const struct kvm_idle_scan *arg, uint64_t categories)
{
	categories ^= arg->category_inverted;
	if ((categories & arg->category_mask) != arg->category_mask)
		return false;
	return !arg->category_anyof_mask || categories & arg->category_anyof_mask;
}

/* Add to the answer. Returns false, and adds nothing, if there is no room. */
static bool add_region(const struct kvm_idle_scan *arg, int *count,
		       uint64_t start, uint64_t end, uint64_t categories)
{
	struct kvm_idle_region *at = (void *)(uintptr_t)arg->vec;

	if (!arg->vec_len)
		return true;
	categories &= arg->return_mask;
	if (*count && at[*count - 1].end == start &&
	    at[*count - 1].categories == categories) {
		at[*count - 1].end = end;
		return true;
	}
	if ((uint64_t)*count == arg->vec_len)
		return false;
	at[(*count)++] = (struct kvm_idle_region){ start, end, categories };
	return true;
}

static uint64_t split_last(const struct kvm_idle_scan *arg, int count)
{
	struct kvm_idle_region *last = (void *)(uintptr_t)arg->vec;

	last += count - 1;
	last->end -= 4096;
	return last->end;
}

static int scan(struct kvm_idle_scan *arg)
{
	uint64_t limit = arg->end, matched = 0;
	unsigned int i;
	int count = 0;

	if (!fake.scans) {
		errno = ENOTTY;
		return -1;
	}
	assert_int_equal(arg->size, sizeof(*arg));
	assert_int_equal(arg->start % 4096, 0);
	/* Like the module. */
	limit = limit > -4096ull ? -4096ull : (limit + 4095) / 4096 * 4096;
	assert_true(arg->start <= arg->end);
	assert_true(arg->vec || !arg->vec_len);
	fake.scanned = *arg;
	if (fake.scan_interrupted) {
		fake.scan_interrupted--;
		errno = EINTR;
		return -1;
	}
	if (fake.scan_calls++ == fake.scan_error_at && fake.scan_error) {
		errno = fake.scan_error;
		return -1;
	}
	if (fake.scan_slice && fake.scan_slice < limit - arg->start)
		limit = arg->start + fake.scan_slice;

	arg->walk_end = limit;
	for (i = 0; i < fake.regions_count; i++) {
		struct kvm_idle_region r = fake.regions[i];

		if (r.start < arg->start)
			r.start = arg->start;
		if (r.end > limit)
			r.end = limit;
		if (r.start >= r.end || !matches(arg, r.categories))
			continue;
		if (arg->max_pages && r.end - r.start > (arg->max_pages - matched) * 4096)
			r.end = r.start + (arg->max_pages - matched) * 4096;
		if (!add_region(arg, &count, r.start, r.end, r.categories)) {
			arg->walk_end = r.start;
			if (fake.scan_splits)
				arg->walk_end = split_last(arg, count);
			break;
		}
		matched += (r.end - r.start) / 4096;
		if (arg->max_pages && matched == arg->max_pages) {
			arg->walk_end = r.end;
			break;
		}
	}
	return count;
}

/* What a file descriptor was opened on, if that is below our root. */
static bool is_open_on(int fd, const char *name)
{
	char link[64], path[256], target[256];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, target, sizeof(target) - 1);
	if (n < 0)
		return false;
	target[n] = '\0';
	make_path(path, sizeof(path), 0, name);
	return !strcmp(path, target);
}

static int open_by_device(struct kvm_idle_open *arg)
{
	char path[256];

	fake.opened = *arg;
	assert_int_equal(arg->size, sizeof(*arg));
	assert_int_equal(arg->reserved, 0);
	assert_true(is_open_on(arg->pidfd, PIDFD_FILE));
	if (fake.open_error) {
		errno = fake.open_error;
		return -1;
	}
	make_path(path, sizeof(path), 0, "handed_out");
	fake.selected = 0;
	return __real_open(path, arg->flags);
}

int __wrap_open(const char *path, int flags, ...)
{
	char node[256];
	va_list args;
	mode_t mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (strcmp(path, kvmidle_device)) {
		int fd = __real_open(path, flags, mode);

		if (fake.on_open && strstr(path, "/idle_bitmap"))
			fake.on_open();
		return fd;
	}

	fake.device_opens++;
	if (!fake.device || fake.device_error) {
		errno = fake.device ? fake.device_error : ENOENT;
		return -1;
	}
	fake_file(0, "the_device", "", 0);
	make_path(node, sizeof(node), 0, "the_device");
	return __real_open(node, flags);
}

static long move_pages(va_list args)
{
	const int *nodes;
	unsigned long count, i;
	void **pages;
	int *status;

	fake.move_pages_of = va_arg(args, pid_t);
	count = va_arg(args, unsigned long);
	pages = va_arg(args, void **);
	nodes = va_arg(args, const int *);
	status = va_arg(args, int *);
	assert_null(nodes);		/* it moves nothing */
	assert_int_equal(va_arg(args, int), 0);
	fake.move_pages_asked += count;
	if (fake.move_pages_error) {
		errno = fake.move_pages_error;
		return -1;
	}
	for (i = 0; i < count; i++)
		status[i] = fake.node_of((uintptr_t)pages[i]);
	return 0;
}

static long pidfd_open_(va_list args)
{
	unsigned int flags;
	char path[256];

	fake.pidfd_of = va_arg(args, pid_t);
	flags = va_arg(args, unsigned int);
	assert_int_equal(flags, 0);
	if (fake.pidfd_error) {
		errno = fake.pidfd_error;
		return -1;
	}
	fake_file(0, PIDFD_FILE, "", 0);
	make_path(path, sizeof(path), 0, PIDFD_FILE);
	return __real_open(path, O_RDWR | O_CLOEXEC);
}

long __wrap_syscall(long number, ...)
{
	long ret = -1;
	va_list args;

	va_start(args, number);
	switch (number) {
	case SYS_pidfd_open:
		ret = pidfd_open_(args);
		break;
	case SYS_move_pages:
		ret = move_pages(args);
		break;
	default:
		fail_msg("system call %ld", number);
	}
	va_end(args);
	return ret;
}

int __wrap_ioctl(int fd, unsigned long request, ...)
{
	va_list args;
	void *arg;

	va_start(args, request);
	arg = va_arg(args, void *);
	va_end(args);

	switch (request) {
	case KVM_IDLE_GET_INFO:
		return get_info(arg);
	case KVM_IDLE_GET_SLOTS:
		return get_slots(arg);
	case KVM_IDLE_SELECT_VM:
		return select_vm(arg);
	case KVM_IDLE_SET_OPTIONS:
		return set_options(arg);
	case KVM_IDLE_ARM:
		return arm(arg);
	case KVM_IDLE_SCAN:
		return scan(arg);
	case KVM_IDLE_OPEN:
		assert_true(is_open_on(fd, "the_device"));
		return open_by_device(arg);
	}
	errno = ENOTTY;
	return -1;
}
