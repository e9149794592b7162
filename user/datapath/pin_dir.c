// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/pin_dir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "include/policy.h"

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
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
		    (pin_path_is_map(entry->d_name) &&
		     !pin_path_is_unescaped(pin_dir, entry->d_name)) ||
		    !pin_path_read_interface(pin_dir, entry->d_name, name))
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
	/* for a program or a link, the kernel fills in something else, or less */
	if (!bpf_obj_get_info_by_fd(fd, &info, &size) && info.type == type &&
	    info.key_size == key_size && info.value_size == value_size &&
	    (!max_entries || info.max_entries == max_entries))
		return fd;
	close(fd);
	return -ESTALE;
}

int pin_dir_replace(int fd, const char *path)
{
	pin_path new_pin;

	pin_path_new(new_pin, path);
	unlink(new_pin); /* left by a process that was killed here */
	if (bpf_obj_pin(fd, new_pin))
		return -errno;
	if (rename(new_pin, path)) {
		int error = -errno;

		unlink(new_pin);
		return error;
	}
	return 0;
}

/* rename(2), so that the link always has a pin. */
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
	if (!pin_path_is_unescaped(pin_dir, map) || !move_from_plain_name(pin_dir, map))
		return EXIT_DONE;
	return fail(EXIT_FAILED, "try again",
	            "cannot move the pins of the interface '%s', whose name a map needs: %m", map);
}

enum exit_code pin_dir_make_room(const char *pin_dir)
{
	enum exit_code error = EXIT_DONE;

	for (int i = 0; i < MAP_IDS && !error; i++)
		error = make_room_for(pin_dir, map_names[i]);
	for (__u32 i = 0; i < INNER_KINDS * XRL_COPIES && !error; i++) {
		char name[IF_NAMESIZE];

		snprintf(name, sizeof(name), "%s_%u", pin_path_inner_names[i / XRL_COPIES],
		         i % XRL_COPIES);
		error = make_room_for(pin_dir, name);
	}
	return error;
}

void pin_dir_discard(const char *pin_dir)
{
	int fd = open(pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && !flock(fd, LOCK_EX | LOCK_NB))
		rmdir(pin_dir);
	if (fd >= 0)
		close(fd);
}

static enum exit_code remove_entry(const char *path)
{
	if (!unlink(path) || errno == ENOENT)
		return EXIT_DONE;
	return fail(EXIT_FAILED, NULL, "cannot remove %s: %m", path);
}

static enum exit_code remove_with_new(const char *path)
{
	pin_path new_pin;

	pin_path_new(new_pin, path);
	unlink(new_pin);
	return remove_entry(path);
}

enum exit_code pin_dir_remove_interface(const char *pin_dir, const char *interface)
{
	pin_path path, new_pin;

	for (size_t i = 0; i < PIN_PATH_LINK_OBJECTS; i++) {
		enum exit_code error;

		pin_path_of_link(path, pin_dir, interface, pin_path_link_objects[i]);
		pin_path_new(new_pin, path);
		unlink(new_pin);
		error = remove_entry(path);
		if (error)
			return error;
	}
	pin_path_of_link(path, pin_dir, interface, NULL);
	if (rmdir(path) && errno != ENOENT)
		return fail(EXIT_FAILED, NULL, "cannot remove %s: %m", path);
	return EXIT_DONE;
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
	pin_path path, new_pin;

	for (int i = 0; i < MAP_IDS && !error; i++) {
		pin_path_of_map(path, pin_dir, map_names[i]);
		pin_path_new(new_pin, path);
		unlink(new_pin);
		if (!keep_permits || i != MAP_PERMITS)
			error = remove_entry(path);
	}
	if (!error && !keep_permits)
		rmdir(pin_dir);
	return error;
}
