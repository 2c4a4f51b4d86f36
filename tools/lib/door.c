// SPDX-License-Identifier: LGPL-2.1-or-later
/* The two ways to the bitmap of a process. */
#include "internal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

const char *kvmidle_device = KVM_IDLE_DEVICE;

static void bitmap_path(char *path, size_t size, pid_t pid)
{
	kvmidle_proc_path(path, size, pid, "idle_bitmap");
}

static int open_file(pid_t pid, int flags)
{
	char path[256];
	int fd;

	bitmap_path(path, sizeof(path), pid);
	fd = open(path, flags);
	return fd < 0 ? -errno : fd;
}

static int open_device(void)
{
	int fd = open(kvmidle_device, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		return fd;
	/* A node may be left behind that has nobody to serve it. */
	return errno == ENXIO || errno == ENODEV ? -ENOENT : -errno;
}

static int open_by_device(pid_t pid, int flags)
{
	struct kvm_idle_open arg = { .size = sizeof(arg), .flags = flags };
	int device = open_device(), fd;

	if (device < 0)
		return device;
	/* By number: older C libraries have no function for it. */
	arg.pidfd = syscall(SYS_pidfd_open, kvmidle_proc_leader(pid), 0);
	if (arg.pidfd < 0) {
		fd = -errno;
	} else {
		fd = ioctl(device, KVM_IDLE_OPEN, &arg);
		if (fd < 0)
			fd = -errno;
		close(arg.pidfd);
	}
	close(device);
	return fd;
}

int kvmidle_door_open(pid_t pid, int flags, enum kvmidle_door *door)
{
	int fd = open_file(pid, flags);

	*door = KVMIDLE_DOOR_PROC;
	if (fd != -ENOENT || !kvmidle_proc_mounted())
		return fd;
	/* A missing directory and a missing file are different news. */
	if (!kvmidle_proc_exists(pid))
		return -ESRCH;
	*door = KVMIDLE_DOOR_DEVICE;
	return open_by_device(pid, flags);
}

bool kvmidle_door_is_locked(pid_t pid)
{
	char path[256];
	int fd;

	bitmap_path(path, sizeof(path), pid);
	if (access(path, F_OK) == 0)
		return false;
	fd = open_device();
	if (fd >= 0)
		close(fd);
	return fd == -EACCES || fd == -EPERM;
}
