/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "user/config/settings.h"

/* The sockets that clients connect to. */

struct listener {
	char text[SETTINGS_TEXT_SIZE]; /* as the setting has it */
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
	dev_t device; /* of a Unix socket's file, to know it again */
	ino_t inode;
};

struct listeners {
	int count;
	struct listener items[SETTINGS_MAX_LIST];
};

/* Understands `listen` and checks what may be reached without TLS. Binds nothing. */
enum exit_code listeners_read(struct listeners *listeners, const struct serve_settings *settings);

/* Binds all that `old` (may be NULL) doesn't hold already, whose sockets are taken over, or
 * none. Unix sockets come to belong to `uid` and `gid`. EXIT_BUSY: somebody listens there. */
enum exit_code listeners_open(struct listeners *listeners, const struct listeners *old, uid_t uid,
                              gid_t gid);

/* Closes those that `kept` (may be NULL) doesn't hold, and removes their files. */
void listeners_close(struct listeners *listeners, const struct listeners *kept);

bool listener_needs_tls(const struct listener *listener, const struct serve_settings *settings);
