// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Writes a permit for tests: grant-permit PIN_DIR ADDRESS SECONDS. 0 seconds: revokes it. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "permit_map.h"

int main(int argc, char **argv)
{
	struct xrl_address address;
	struct instance instance;
	double seconds;
	int error;

	if (argc != 4 || inet_pton(AF_INET, argv[2], &address) != 1) {
		fprintf(stderr, "usage: grant-permit PIN_DIR ADDRESS SECONDS\n");
		return 2;
	}
	seconds = strtod(argv[3], NULL);
	instance_open(&instance, argv[1], 0);
	error = seconds > 0 ? permit_map_set(&instance, &address, clock_boot_ns() + seconds * 1e9)
	                    : permit_map_remove(&instance, &address);
	if (!error)
		error = permit_map_announce(&instance);
	if (error)
		fprintf(stderr, "grant-permit: %s\n", strerror(-error));
	instance_close(&instance);
	return error ? 1 : 0;
}
