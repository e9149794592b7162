/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Takes an exclusive lock on an existing directory; closing the descriptor, or exiting, releases
 * it. After 10 s the caller continues without the lock, because anybody who can read the directory
 * may hold it. Returns -1 if the directory cannot be opened. */
int dir_lock(const char *path);
