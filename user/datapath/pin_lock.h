/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/util/result.h"

/* The lock of a pin directory: flock(2) on the directory itself, released when its descriptor is
 * closed or the process ends. */

#define PIN_LOCK_WAIT_MS 10000
#define PIN_LOCK_LONG_WAIT_MS \
	30000 /* for attach and detach, behind others that wait for the store */

/* Locks for a change. A second process waits up to `wait_ms`, then reports EXIT_BUSY. Creates no
 * directory: EXIT_NOT_FOUND, without a report, if there is none. */
enum exit_code pin_lock(const char *pin_dir, int wait_ms, int *lock_fd);

/* Locks for reading: waits for a change in progress, so that readers see no half of it. After
 * 10 s it warns and goes on without the lock. -1: no lock, or no directory. */
int pin_lock_shared(const char *pin_dir);
