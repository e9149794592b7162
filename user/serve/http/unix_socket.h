/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <sys/types.h>

#include "user/util/result.h"

/* Listens on a Unix socket at an absolute path that fits sun_path. Creates the directory if needed,
 * replaces a stale socket, and never touches a file that is not a socket. EXIT_BUSY: another
 * program listens there. */
enum exit_code unix_socket_open(int *fd, const char *path, int backlog, uid_t uid, gid_t gid);
