/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "user/config/settings.h"

/* The sockets that clients connect to. */

struct listener {
	char text[SETTINGS_TEXT_SIZE]; /* as written in the setting */
	union {
		struct sockaddr any;
		struct sockaddr_in ipv4;
		struct sockaddr_in6 ipv6;
		struct sockaddr_un local;
	} address;
	socklen_t length;
	bool is_unix;
	bool is_loopback;
	int fd;
	dev_t device; /* of a Unix socket's file, to recognize it */
	ino_t inode;
};

struct listeners {
	int count;
	struct listener items[SETTINGS_MAX_LIST];
};

/* Parses `listen` and checks which addresses are allowed without TLS. Binds nothing. */
enum exit_code listeners_read(struct listeners *listeners, const struct serve_settings *settings);

/* Binds every listener, or none. Sockets that `old` (may be NULL) has bound already are taken over.
 * Unix sockets will belong to `uid` and `gid`. EXIT_BUSY: another program listens there. */
enum exit_code listeners_open(struct listeners *listeners, const struct listeners *old, uid_t uid,
                              gid_t gid);

/* Closes the sockets that `kept` (may be NULL) does not have, and removes their files. */
void listeners_close(struct listeners *listeners, const struct listeners *kept);

bool listener_needs_tls(const struct listener *listener, const struct serve_settings *settings);
