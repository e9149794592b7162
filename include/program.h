/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What a loaded program says of itself, in its read-only data. */
#define XRL_PROGRAM_INFO_SECTION ".rodata.info"

struct xrl_program_info {
	char version[32];
};
