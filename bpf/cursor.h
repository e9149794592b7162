/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A frame that is still to be read. The position and the limit stay together, so that no
 * header is taken without the check against the end that belongs to it. */
struct cursor {
	void *at, *end;
};

/* The next header of `size` bytes, and steps past it. NULL: the frame ends before. */
static __always_inline void *cursor_take(struct cursor *frame, __u32 size)
{
	void *header = frame->at;

	if (header + size > frame->end)
		return NULL;
	frame->at = header + size;
	return header;
}
