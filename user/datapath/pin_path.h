/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <net/if.h>

/* bpffs refuses a dot in a name, and the maps that all interfaces share have names of
 * their own. So the directory of an interface writes dots, percent signs, and the first
 * letter of a name that is taken, as %XX: eth0.5 is at eth0%2e5. */

#define PIN_NAME_SIZE (3 * IF_NAMESIZE)

void pin_path_encode(const char *interface, char *pin);

/* False when no interface has that pin: not a name that pin_path_encode writes. */
bool pin_path_decode(const char *pin, char *interface);

/* The names in the pin directory that aren't interfaces. */
bool pin_path_is_reserved(const char *name);
