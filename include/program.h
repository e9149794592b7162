/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* What a loaded program says of itself, in its read-only data: an interface index means
 * something only inside its network namespace. */
struct xrl_program_info {
	__u64 netns_inode;
	char version[24];
};
