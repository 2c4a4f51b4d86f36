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

/* The device hands out the bitmap of the process that @pidfd is of. */
static int ask_device(int device, int pidfd, int flags)
{
	struct kvm_idle_open arg = {
		.size = sizeof(arg), .flags = flags, .pidfd = pidfd,
	};
	int fd = ioctl(device, KVM_IDLE_OPEN, &arg);

	return fd < 0 ? -errno : fd;
}

int kvmidle_door_open_device(pid_t pid, int flags)
{
	int device = open_device(), pidfd, fd;

	if (device < 0)
		return device;
	/* By number: older C libraries have no function for it. */
	pidfd = syscall(SYS_pidfd_open, kvmidle_proc_leader(pid), 0);
	if (pidfd < 0) {
		fd = -errno;
	} else {
		fd = ask_device(device, pidfd, flags);
		close(pidfd);
	}
	close(device);
	return fd;
}

int kvmidle_door_open_proc(pid_t pid, int flags)
{
	int fd = open_file(pid, flags);

	/* A missing directory and a missing file are different news. */
	if (fd == -ENOENT && kvmidle_proc_mounted() && !kvmidle_proc_exists(pid))
		return -ESRCH;
	return fd;
}

int kvmidle_door_open(pid_t pid, int flags, enum kvmidle_door *door)
{
	int fd = kvmidle_door_open_proc(pid, flags);

	*door = KVMIDLE_DOOR_PROC;
	if (fd != -ENOENT || !kvmidle_proc_mounted())
		return fd;
	*door = KVMIDLE_DOOR_DEVICE;
	return kvmidle_door_open_device(pid, flags);
}

/*
 * The number may be another process's by the time the file is open; but not if the
 * pidfd still has it afterwards, for until its process is reaped nobody else gets it.
 */
static int open_file_of_pidfd(int pidfd, int flags, pid_t pid)
{
	int fd = kvmidle_door_open_proc(pid, flags);

	if (fd >= 0 && kvmidle_proc_of_pidfd(pidfd) != pid) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

int kvmidle_door_open_pidfd(int pidfd, int flags, enum kvmidle_door *door,
			    pid_t *pid)
{
	int device, fd;

	*pid = kvmidle_proc_of_pidfd(pidfd);
	if (*pid < 0)
		return *pid;

	*door = KVMIDLE_DOOR_DEVICE;
	device = open_device();
	if (device >= 0) {
		fd = ask_device(device, pidfd, flags);
		close(device);
		return fd;
	}
	*door = KVMIDLE_DOOR_PROC;
	fd = open_file_of_pidfd(pidfd, flags, *pid);
	/* That the device is locked is the better news, if it is the only way. */
	return fd == -ENOENT ? device : fd;
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
