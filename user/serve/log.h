/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* One line on standard error, for one event that matters to the operator. Never a token. */
void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));
