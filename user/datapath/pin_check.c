// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/pin_check.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <bpf/bpf.h>

#include "user/datapath/pin_path.h"

static bool is_link_object(const char *name)
{
	char base[NAME_MAX + 1];

	for (size_t i = 0; i < PIN_PATH_LINK_OBJECTS; i++)
		if (!strcmp(name, pin_path_link_objects[i]) ||
		    (pin_path_is_new(name, base) && !strcmp(base, pin_path_link_objects[i])))
			return true;
	return false;
}

static bool is_dot(const char *name)
{
	return !strcmp(name, ".") || !strcmp(name, "..");
}

/* libbpf leaves names out if its probe of whether the kernel takes them fails, for example without
 * memory: a nameless map may be ours. */
static bool is_name(const char *name, const char *wanted, size_t length)
{
	return !*name || !strncmp(name, wanted, length);
}

/* Whether a pinned map or program has the name of ours, which a foreign one is unlikely to have. */
static bool has_name(const char *path, const char *name)
{
	struct bpf_map_info map = {};
	struct bpf_prog_info program = {};
	__u32 map_size = sizeof(map), program_size = sizeof(program);
	int fd = bpf_obj_get(path);
	bool is;

	if (fd < 0) /* gone, or not an object that can be opened */
		return errno == ENOENT;
	/* the kernel truncates long names */
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
	            "the pin directory %s contains '%s', which xdp-ratelimit did not create; "
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
		ours = is_link_object(entry->d_name);
		if (!strcmp(entry->d_name, "program"))
			ours = has_name(object, "xdp_ratelimit");
		if (!strcmp(entry->d_name, "counters"))
			ours = has_name(object, "counters");
	}
	closedir(dir);
	return ours;
}

/* KIND_COPY */
static bool is_inner_name(const char *name, enum inner_kind kind)
{
	size_t length = strlen(pin_path_inner_names[kind]);

	return !strncmp(name, pin_path_inner_names[kind], length) && name[length] == '_';
}

static bool is_our_map(const char *path, const char *name)
{
	char base[NAME_MAX + 1];

	if (pin_path_is_new(name, base))
		name = base;
	if (!pin_path_is_reserved(name))
		return false;
	for (int i = 0; i < MAP_IDS; i++)
		if (!strcmp(name, map_names[i]))
			return has_name(path, map_object_names[i]) || has_name(path, name);
	for (enum inner_kind kind = 0; kind < INNER_KINDS; kind++)
		if (is_inner_name(name, kind))
			return has_name(path, pin_path_inner_names[kind]);
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
	            ? pin_path_read_interface(pin_dir, name, interface) && holds_only_ours(path)
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
