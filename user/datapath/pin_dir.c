// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/pin_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "include/policy.h"

#define LOCK_POLL_MS 20

const char *const map_names[MAP_IDS] = {
	[MAP_BUCKETS] = "buckets",
	[MAP_PERMITS] = "permits",
	[MAP_CLASSES] = "classes",
	[MAP_META] = "meta",
	[MAP_REDIRECTS] = "redirects",
	[MAP_CIDRS] = "cidrs",
	[MAP_SCOPED_BUCKETS] = "separate_buckets",
	[MAP_PROTECTED_PORTS] = "protected_ports",
	[MAP_CLASS_BUCKETS] = "class_buckets",
	[MAP_GATE] = "gate",
	[MAP_FLOOD] = "flood",
};

const char *const map_object_names[MAP_IDS] = {
	[MAP_BUCKETS] = "buckets",
	[MAP_PERMITS] = "permits",
	[MAP_CLASSES] = ".data.classes",
	[MAP_META] = ".data.meta",
	[MAP_REDIRECTS] = "redirects",
	[MAP_CIDRS] = "cidrs",
	[MAP_SCOPED_BUCKETS] = "separate_buckets",
	[MAP_PROTECTED_PORTS] = ".data.ports",
	[MAP_CLASS_BUCKETS] = ".data.shared",
	[MAP_GATE] = "gate",
	[MAP_FLOOD] = ".data.flood",
};

static const char *const inner_map_names[INNER_KINDS] = {
	[INNER_CIDRS] = PIN_NAME_CIDRS,
	[INNER_SCOPED] = PIN_NAME_SCOPED,
};

static const char *const interface_objects[] = {"link", "program", "counters"};

#define INTERFACE_OBJECTS (sizeof(interface_objects) / sizeof(interface_objects[0]))

/* What a pin is called until it takes the place of another one. */
#define NEW_SUFFIX "%new"

void pin_path_of_map(pin_path path, const char *pin_dir, const char *map)
{
	snprintf(path, PATH_MAX, "%s/%s", pin_dir, map);
}

void pin_path_of_inner_map(pin_path path, const char *pin_dir, enum inner_kind kind, __u32 copy)
{
	snprintf(path, PATH_MAX, "%s/%s_%u", pin_dir, inner_map_names[kind], copy);
}

static bool is_directory(const char *path)
{
	struct stat entry;

	return !stat(path, &entry) && S_ISDIR(entry.st_mode);
}

/* A version before took fewer names for its maps, and left the directory of an interface with one
 * of the others at its plain name. Until a map needs the place it stays there. */
static bool is_at_plain_name(const char *pin_dir, const char *interface)
{
	char name[PIN_NAME_SIZE];
	pin_path plain, escaped;

	if (!pin_path_is_reserved(interface) || strlen(interface) >= IF_NAMESIZE)
		return false;
	pin_path_encode(interface, name);
	pin_path_of_map(plain, pin_dir, interface);
	pin_path_of_map(escaped, pin_dir, name);
	return is_directory(plain) && !is_directory(escaped);
}

/* False when it can't be the directory of an interface. */
static bool read_interface_name(const char *pin_dir, const char *name, char *interface)
{
	if (!is_at_plain_name(pin_dir, name))
		return pin_path_decode(name, interface);
	strcpy(interface, name);
	return true;
}

/* In one step, so that the link is pinned all the time. */
static int move_from_plain_name(const char *pin_dir, const char *interface)
{
	char name[PIN_NAME_SIZE];
	pin_path plain, escaped;

	pin_path_encode(interface, name);
	pin_path_of_map(plain, pin_dir, interface);
	pin_path_of_map(escaped, pin_dir, name);
	return rename(plain, escaped);
}

static enum exit_code make_room_for(const char *pin_dir, const char *map)
{
	if (!is_at_plain_name(pin_dir, map) || !move_from_plain_name(pin_dir, map))
		return EXIT_DONE;
	return fail(EXIT_FAILED, "try again",
	            "the pins of the interface '%s' are in the way of a map, and can't be moved: "
	            "%m",
	            map);
}

enum exit_code pin_dir_make_room(const char *pin_dir)
{
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < MAP_IDS && !error; i++)
		error = make_room_for(pin_dir, map_names[i]);
	for (__u32 i = 0; i < INNER_KINDS * XRL_COPIES && !error; i++) {
		char name[IF_NAMESIZE];

		snprintf(name, sizeof(name), "%s_%u", inner_map_names[i / XRL_COPIES],
		         i % XRL_COPIES);
		error = make_room_for(pin_dir, name);
	}
	return error;
}

void pin_path_of_link(pin_path path, const char *pin_dir, const char *interface, const char *object)
{
	char name[PIN_NAME_SIZE];

	if (is_at_plain_name(pin_dir, interface))
		strcpy(name, interface);
	else
		pin_path_encode(interface, name);
	snprintf(path, PATH_MAX, "%s/%s%s%s", pin_dir, name, object ? "/" : "",
	         object ? object : "");
}

/* The lock may be on a directory that was removed while we waited. */
static bool is_still_there(int fd, const char *path)
{
	struct stat locked, now;

	return !fstat(fd, &locked) && !stat(path, &now) && locked.st_ino == now.st_ino &&
	       locked.st_dev == now.st_dev;
}

/* By errno. */
static enum exit_code cannot_open(const char *pin_dir)
{
	bool denied = errno == EACCES;

	return fail(denied ? EXIT_NOT_ALLOWED : EXIT_FAILED,
	            denied ? "run it as root, for example with sudo"
	                   : "choose another one with --pin-dir",
	            "cannot open the pin directory %s: %m", pin_dir);
}

enum exit_code pin_lock(const char *pin_dir, int wait_ms, int *lock_fd)
{
	for (int waited_ms = 0; waited_ms <= wait_ms; waited_ms += LOCK_POLL_MS) {
		int fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0 && errno == ENOENT)
			return EXIT_NOT_FOUND;
		if (fd < 0)
			return cannot_open(pin_dir);
		if (!flock(fd, LOCK_EX | LOCK_NB) && is_still_there(fd, pin_dir)) {
			*lock_fd = fd;
			return EXIT_DONE;
		}
		close(fd);
		usleep(LOCK_POLL_MS * 1000);
	}
	return fail(EXIT_BUSY, "try again when it has finished",
	            "another xdp-ratelimit has been changing %s for %d seconds", pin_dir,
	            wait_ms / 1000);
}

void pin_dir_discard(const char *pin_dir)
{
	int fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		rmdir(pin_dir);
	if (fd >= 0)
		close(fd);
}

int pin_lock_shared(const char *pin_dir)
{
	for (int waited_ms = 0; waited_ms <= PIN_LOCK_WAIT_MS; waited_ms += LOCK_POLL_MS) {
		int fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd < 0)
			return -1;
		if (!flock(fd, LOCK_SH | LOCK_NB) && is_still_there(fd, pin_dir))
			return fd;
		close(fd);
		usleep(LOCK_POLL_MS * 1000);
	}
	warn("another xdp-ratelimit is changing %s: this may be half of it", pin_dir);
	return -1;
}

static bool is_new_name(const char *name, char *base)
{
	size_t length = strlen(name), suffix = strlen(NEW_SUFFIX);

	if (length <= suffix || strcmp(name + length - suffix, NEW_SUFFIX))
		return false;
	sprintf(base, "%.*s", (int)(length - suffix), name);
	return true;
}

static bool is_interface_object(const char *name)
{
	char base[NAME_MAX + 1];

	for (size_t i = 0; i < INTERFACE_OBJECTS; i++)
		if (!strcmp(name, interface_objects[i]) ||
		    (is_new_name(name, base) && !strcmp(base, interface_objects[i])))
			return true;
	return false;
}

static bool is_shared_name(const char *name)
{
	char base[NAME_MAX + 1];

	return pin_path_is_reserved(name) ||
	       (is_new_name(name, base) && pin_path_is_reserved(base));
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* libbpf leaves names out when its test of whether the kernel takes them fails, for want of memory,
 * say: what has none may be ours. */
static bool is_name(const char *name, const char *wanted, size_t length)
{
	return !*name || !strncmp(name, wanted, length);
}

/* A pinned map or program by its own name, which a foreign one would hardly have. */
static bool has_name(const char *path, const char *name)
{
	struct bpf_map_info map = {};
	struct bpf_prog_info program = {};
	__u32 map_size = sizeof(map), program_size = sizeof(program);
	int fd = bpf_obj_get(path);
	bool is;

	if (fd < 0) /* gone again, or of a kind that can't be opened */
		return errno == ENOENT;
	/* the kernel keeps the beginning of a longer name */
	is = (!bpf_obj_get_info_by_fd(fd, &map, &map_size) &&
	      is_name(map.name, name, sizeof(map.name) - 1)) ||
	     (!bpf_obj_get_info_by_fd(fd, &program, &program_size) &&
	      !strncmp(program.name, name, strlen(name)));
	close(fd);
	return is;
}

static enum exit_code foreign(const char *pin_dir, const char *what)
{
	return fail(EXIT_FAILED, "remove it, or choose another directory with --pin-dir",
	            "the pin directory %s holds '%s', which xdp-ratelimit did not put there; "
	            "nothing was changed",
	            pin_dir, what);
}

static bool holds_only_ours(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool ours = true;

	if (!dir)
		return false;
	while (ours && (entry = readdir(dir))) {
		pin_path object;

		snprintf(object, sizeof(object), "%.*s/%.64s", PATH_MAX - 80, path, entry->d_name);
		if (is_dot(entry->d_name))
			continue;
		ours = is_interface_object(entry->d_name);
		if (!strcmp(entry->d_name, "program"))
			ours = has_name(object, "xdp_ratelimit");
		if (!strcmp(entry->d_name, "counters"))
			ours = has_name(object, "counters");
	}
	closedir(dir);
	return ours;
}

/* "KIND_COPY" */
static bool is_inner_name(const char *name, enum inner_kind kind)
{
	size_t length = strlen(inner_map_names[kind]);

	return !strncmp(name, inner_map_names[kind], length) && name[length] == '_';
}

static bool is_our_map(const char *path, const char *name)
{
	char base[NAME_MAX + 1];

	if (is_new_name(name, base))
		name = base;
	if (!pin_path_is_reserved(name))
		return false;
	for (int i = 0; i < MAP_IDS; i++)
		if (!strcmp(name, map_names[i]))
			return has_name(path, map_object_names[i]) || has_name(path, name);
	for (enum inner_kind kind = 0; kind < INNER_KINDS; kind++)
		if (is_inner_name(name, kind))
			return has_name(path, inner_map_names[kind]);
	return false;
}

static enum exit_code check_entry(const char *pin_dir, const char *name)
{
	char interface[IF_NAMESIZE];
	struct stat entry;
	pin_path path;

	pin_path_of_map(path, pin_dir, name);
	if (stat(path, &entry))
		return EXIT_DONE;
	if (S_ISDIR(entry.st_mode)
	            ? read_interface_name(pin_dir, name, interface) && holds_only_ours(path)
	            : is_our_map(path, name))
		return EXIT_DONE;
	return foreign(pin_dir, name);
}

enum exit_code pin_check(const char *pin_dir)
{
	enum exit_code error = EXIT_DONE;
	struct dirent *entry;
	DIR *dir = opendir(pin_dir);

	if (!dir)
		return errno == ENOENT ? EXIT_DONE
		                       : fail(EXIT_FAILED, NULL, "cannot read %s: %m", pin_dir);
	while (!error && (entry = readdir(dir)))
		if (!is_dot(entry->d_name))
			error = check_entry(pin_dir, entry->d_name);
	closedir(dir);
	return error;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(a, b);
}

int pin_dir_list_interfaces(const char *pin_dir, char (**interfaces)[IF_NAMESIZE])
{
	struct dirent *entry;
	DIR *dir = opendir(pin_dir);
	int count = 0;

	*interfaces = NULL;
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((entry = readdir(dir))) {
		char name[IF_NAMESIZE];
		void *larger;

		if (is_dot(entry->d_name) ||
		    (is_shared_name(entry->d_name) && !is_at_plain_name(pin_dir, entry->d_name)) ||
		    !read_interface_name(pin_dir, entry->d_name, name))
			continue;
		larger = realloc(*interfaces, (count + 1) * sizeof(**interfaces));
		if (!larger)
			break;
		*interfaces = larger;
		strcpy((*interfaces)[count++], name);
	}
	closedir(dir);
	if (count)
		qsort(*interfaces, count, sizeof(**interfaces), compare_names);
	return count;
}

int pin_dir_open_map(const char *path, enum bpf_map_type type, __u32 key_size, __u32 value_size,
                     __u32 max_entries)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info);
	int fd = bpf_obj_get(path);

	if (fd < 0)
		return -errno;
	/* of a program or a link the kernel fills in something else, or less */
	if (!bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == type &&
	    info.key_size == key_size && info.value_size == value_size &&
	    (!max_entries || info.max_entries == max_entries))
		return fd;
	close(fd);
	return -ESTALE;
}

static void new_path(pin_path fresh, const char *path)
{
	snprintf(fresh, PATH_MAX, "%.*s%s", PATH_MAX - (int)sizeof(NEW_SUFFIX), path, NEW_SUFFIX);
}

int pin_dir_replace(int fd, const char *path)
{
	pin_path fresh;

	new_path(fresh, path);
	unlink(fresh); /* left by one that was killed here */
	if (bpf_obj_pin(fd, fresh))
		return -errno;
	if (rename(fresh, path)) {
		int error = -errno;

		unlink(fresh);
		return error;
	}
	return 0;
}

static enum exit_code remove_entry(const char *path)
{
	if (!unlink(path) || errno == ENOENT)
		return EXIT_DONE;
	return fail(EXIT_FAILED, NULL, "cannot remove %s: %m", path);
}

enum exit_code pin_dir_remove_interface(const char *pin_dir, const char *interface)
{
	pin_path path, fresh;

	for (size_t i = 0; i < INTERFACE_OBJECTS; i++) {
		enum exit_code error;

		pin_path_of_link(path, pin_dir, interface, interface_objects[i]);
		new_path(fresh, path);
		unlink(fresh);
		error = remove_entry(path);
		if (error)
			return error;
	}
	pin_path_of_link(path, pin_dir, interface, NULL);
	if (rmdir(path) && errno != ENOENT)
		return fail(EXIT_FAILED, NULL, "cannot remove %s: %m", path);
	return EXIT_DONE;
}

static enum exit_code remove_with_new(const char *path)
{
	pin_path fresh;

	new_path(fresh, path);
	unlink(fresh);
	return remove_entry(path);
}

static enum exit_code remove_inner(const char *pin_dir)
{
	enum exit_code error = EXIT_DONE;
	pin_path path;

	for (enum inner_kind kind = 0; kind < INNER_KINDS && !error; kind++)
		for (__u32 copy = 0; copy < XRL_COPIES && !error; copy++) {
			pin_path_of_inner_map(path, pin_dir, kind, copy);
			error = remove_with_new(path);
		}
	return error;
}

enum exit_code pin_dir_remove_maps(const char *pin_dir, bool keep_permits)
{
	enum exit_code error = remove_inner(pin_dir);
	pin_path path, fresh;

	for (int i = 0; i < MAP_IDS && !error; i++) {
		pin_path_of_map(path, pin_dir, map_names[i]);
		new_path(fresh, path);
		unlink(fresh);
		if (!keep_permits || i != MAP_PERMITS)
			error = remove_entry(path);
	}
	if (!error && !keep_permits)
		rmdir(pin_dir);
	return error;
}
