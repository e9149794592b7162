/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Read-only data by which a loaded program identifies itself. */
#define XRL_PROGRAM_INFO_SECTION ".rodata.info"

struct xrl_program_info {
	char version[32];
};
