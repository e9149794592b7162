// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/bpffs.h"

#include <errno.h>
#include <limits.h>
#include <linux/capability.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "user/util/dir_lock.h"

#define BPFFS        "/sys/fs/bpf"
#define OLDEST_MAJOR 5
#define OLDEST_MINOR 15

static bool has_capability(int capability)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};

	if (syscall(SYS_capget, &header, data))
		return false;
	return data[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability);
}

static enum exit_code need_capability(int capability, const char *name)
{
	if (has_capability(capability))
		return EXIT_DONE;
	/* CAP_SYS_ADMIN includes these two, which 5.8 split off */
	if ((capability == CAP_BPF || capability == CAP_PERFMON) && has_capability(CAP_SYS_ADMIN))
		return EXIT_DONE;
	return fail(EXIT_NOT_ALLOWED, "run it as root, for example with sudo",
	            "this process lacks the capability %s", name);
}

enum exit_code bpffs_check_system(bool changes_network)
{
	struct utsname kernel;
	int major, minor;
	enum exit_code error;

	uname(&kernel);
	if (sscanf(kernel.release, "%d.%d", &major, &minor) == 2 &&
	    (major < OLDEST_MAJOR || (major == OLDEST_MAJOR && minor < OLDEST_MINOR)))
		return fail(EXIT_FAILED, "boot a newer kernel",
		            "kernel %s is too old: %d.%d or newer is needed", kernel.release,
		            OLDEST_MAJOR, OLDEST_MINOR);
	error = need_capability(CAP_BPF, "CAP_BPF");
	if (!error && changes_network)
		error = need_capability(CAP_NET_ADMIN, "CAP_NET_ADMIN");
	/* without it the verifier applies stricter rules than in the tests of the program */
	if (!error && changes_network)
		error = need_capability(CAP_PERFMON, "CAP_PERFMON");
	return error;
}

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return !statfs(path, &fs) && fs.f_type == BPF_FS_MAGIC;
}

static bool is_other_mount_namespace(const char *link)
{
	struct stat mine, other;

	return !stat("/proc/self/ns/mnt", &mine) && !stat(link, &other) &&
	       mine.st_ino != other.st_ino;
}

/* A mount in a private mount namespace, such as that of `ip netns exec`, vanishes with the last
 * process in it, and so do all pins. Compares our namespace with that of process 1 or, if that is
 * unreadable, with the parent's. */
static bool mounts_vanish(void)
{
	char parent[64];

	snprintf(parent, sizeof(parent), "/proc/%d/ns/mnt", getppid());
	return is_other_mount_namespace("/proc/1/ns/mnt") || is_other_mount_namespace(parent);
}

static enum exit_code mount_bpffs_now(void)
{
	if (mounts_vanish())
		return fail(EXIT_FAILED,
		            "to work inside a network namespace, use nsenter --net=/run/netns/NAME "
		            "instead of ip netns exec, or mount bpffs there first",
		            "no bpffs is mounted on " BPFFS " in this private mount namespace, and "
		            "one mounted now would vanish with the command");
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_RELATIME, "mode=0700"))
		return fail(EXIT_FAILED, "mount -t bpf bpf " BPFFS,
		            "bpffs is not mounted on " BPFFS ", and mounting it failed: %m");
	warn("mounted bpffs on " BPFFS);
	return EXIT_DONE;
}

/* The lock prevents a second mount on top of the first, which would hide every pin: of two
 * processes at once, the second one finds the mount of the first. */
static enum exit_code mount_bpffs(void)
{
	int lock = dir_lock(BPFFS);
	enum exit_code error = is_bpffs(BPFFS) ? EXIT_DONE : mount_bpffs_now();

	if (lock >= 0)
		close(lock);
	return error;
}

/* Shortens the path to the nearest directory that exists. */
static void existing_parent(char *path)
{
	while (access(path, F_OK) && strcmp(path, "/")) {
		char *slash = strrchr(path, '/');

		if (!slash || slash == path) {
			strcpy(path, slash ? "/" : ".");
			return;
		}
		*slash = '\0';
	}
}

static enum exit_code make_directories(const char *path)
{
	char part[PATH_MAX];

	for (size_t i = 1; i <= strlen(path); i++) {
		if (path[i] != '/' && path[i])
			continue;
		snprintf(part, sizeof(part), "%.*s", (int)i, path);
		if (mkdir(part, 0700) && errno != EEXIST)
			return fail(EXIT_FAILED, "choose another one with --pin-dir",
			            "cannot create the pin directory %s: %m", part);
	}
	return EXIT_DONE;
}

static enum exit_code not_on_bpffs(const char *pin_dir)
{
	return fail(EXIT_FAILED, "choose a directory below " BPFFS,
	            "the pin directory %s is not on a bpffs", pin_dir);
}

static bool is_on_bpffs(const char *pin_dir)
{
	char parent[PATH_MAX];

	strcpy(parent, pin_dir);
	existing_parent(parent);
	return is_bpffs(parent);
}

enum exit_code bpffs_prepare_pin_dir(const char *pin_dir, bool create)
{
	enum exit_code error;

	if (strlen(pin_dir) >= PATH_MAX - 64)
		return fail(EXIT_USAGE, NULL, "the path of the pin directory is too long");
	if (strstr(pin_dir, ".."))
		return fail(EXIT_USAGE, NULL, "the pin directory %s must not contain '..'",
		            pin_dir);
	if (!is_on_bpffs(pin_dir)) {
		if (strncmp(pin_dir, BPFFS "/", strlen(BPFFS "/")))
			return not_on_bpffs(pin_dir);
		if (!create) {
			warn("no bpffs is mounted on " BPFFS
			     " here, so nothing can be seen that is "
			     "attached");
			return EXIT_DONE;
		}
		error = mount_bpffs();
		if (error)
			return error;
		if (!is_on_bpffs(pin_dir))
			return not_on_bpffs(pin_dir);
	}
	return create ? make_directories(pin_dir) : EXIT_DONE;
}
