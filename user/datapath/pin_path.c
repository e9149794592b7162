// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/datapath/pin_path.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

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
	/* what was written differently was not written by us */
	pin_path_encode(interface, again);
	return length && !strcmp(pin, again);
}
