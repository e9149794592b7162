/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Queues for what only one process may do at a time, at a directory that is there already: when it
 * is closed, or the process ends, it's the next one's turn. After 10 s the caller goes on without
 * the lock, since anybody who can read the directory may hold it. -1 if it can't be opened. */
int dir_lock(const char *path);
