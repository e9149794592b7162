// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/pin_path.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

/* The suffix of a temporary name. */
#define NEW_SUFFIX "%new"

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

const char *const pin_path_inner_names[INNER_KINDS] = {
	[INNER_CIDRS] = PIN_NAME_CIDRS,
	[INNER_SCOPED] = PIN_NAME_SCOPED,
};

const char *const pin_path_link_objects[PIN_PATH_LINK_OBJECTS] = {"link", "program", "counters"};

bool pin_path_is_reserved(const char *name)
{
	static const char *const reserved[] = {
		"buckets", "permits",          "classes",         "meta",          "redirects",
		"cidrs",   "separate_buckets", "protected_ports", "class_buckets", "cidrs_0",
		"cidrs_1", "separate_0",       "separate_1",      "gate",          "flood"};

	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++)
		if (!strcmp(name, reserved[i]))
			return true;
	return false;
}

void pin_path_encode(const char *interface, char *pin)
{
	bool reserved = pin_path_is_reserved(interface);

	for (const char *c = interface; *c; c++) {
		if (*c == '.' || *c == '%' || (reserved && c == interface))
			pin += sprintf(pin, "%%%02x", (unsigned char)*c);
		else
			*pin++ = *c;
	}
	*pin = '\0';
}

bool pin_path_decode(const char *pin, char *interface)
{
	char again[PIN_NAME_SIZE];
	size_t length = 0;

	for (const char *c = pin; *c; c++) {
		unsigned int value = (unsigned char)*c;

		if (length >= IF_NAMESIZE - 1)
			return false;
		if (*c == '%') {
			if (!isxdigit((unsigned char)c[1]) || !isxdigit((unsigned char)c[2]) ||
			    sscanf(c + 1, "%2x", &value) != 1 || !value)
				return false;
			c += 2;
		}
		interface[length++] = value;
	}
	interface[length] = '\0';
	/* reject other spellings of the same name */
	pin_path_encode(interface, again);
	return length && !strcmp(pin, again);
}

void pin_path_of_map(pin_path path, const char *pin_dir, const char *map)
{
	snprintf(path, PATH_MAX, "%s/%s", pin_dir, map);
}

void pin_path_of_inner_map(pin_path path, const char *pin_dir, enum inner_kind kind, __u32 copy)
{
	snprintf(path, PATH_MAX, "%s/%s_%u", pin_dir, pin_path_inner_names[kind], copy);
}

static bool is_directory(const char *path)
{
	struct stat entry;

	return !stat(path, &entry) && S_ISDIR(entry.st_mode);
}

bool pin_path_is_unescaped(const char *pin_dir, const char *interface)
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

bool pin_path_read_interface(const char *pin_dir, const char *name, char *interface)
{
	if (!pin_path_is_unescaped(pin_dir, name))
		return pin_path_decode(name, interface);
	strcpy(interface, name);
	return true;
}

void pin_path_of_link(pin_path path, const char *pin_dir, const char *interface, const char *object)
{
	char name[PIN_NAME_SIZE];

	if (pin_path_is_unescaped(pin_dir, interface))
		strcpy(name, interface);
	else
		pin_path_encode(interface, name);
	snprintf(path, PATH_MAX, "%s/%s%s%s", pin_dir, name, object ? "/" : "",
	         object ? object : "");
}

bool pin_path_is_new(const char *name, char *base)
{
	size_t length = strlen(name), suffix = strlen(NEW_SUFFIX);

	if (length <= suffix || strcmp(name + length - suffix, NEW_SUFFIX))
		return false;
	sprintf(base, "%.*s", (int)(length - suffix), name);
	return true;
}

bool pin_path_is_map(const char *name)
{
	char base[NAME_MAX + 1];

	return pin_path_is_reserved(name) ||
	       (pin_path_is_new(name, base) && pin_path_is_reserved(base));
}

void pin_path_new(pin_path new_pin, const char *path)
{
	snprintf(new_pin, PATH_MAX, "%.*s%s", PATH_MAX - (int)sizeof(NEW_SUFFIX), path, NEW_SUFFIX);
}
