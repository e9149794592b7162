/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <sys/types.h>

#include "user/util/result.h"

/* Listens on a Unix socket at an absolute path that fits sun_path. The directory is made if
 * there is none; a socket that nobody listens on any more is replaced; what is no socket is
 * never touched. EXIT_BUSY: somebody listens there. */
enum exit_code unix_socket_open(int *fd, const char *path, int backlog, uid_t uid, gid_t gid);
