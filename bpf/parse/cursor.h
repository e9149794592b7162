/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A frame that is still to be read. The position and the limit stay together, so that no
 * header is taken without the check against the end that belongs to it.
 *
 * A frame may be in several buffers, and some drivers put no more than its headers, or
 * nothing, into the first one, which alone can be read in place. The others are read by
 * copy (5.18: bpf_xdp_load_bytes). */
struct cursor {
	struct xdp_md *ctx;
	void *at, *end;
	__u32 offset;
	int copies; /* a constant, so that the way in place is not burdened with the other */
};

/* The next header of `size` bytes, in place or in `copy`, and steps past it. NULL: the
 * frame, or its first buffer, ends before. */
static __always_inline void *cursor_take(struct cursor *frame, __u32 size, void *copy)
{
	void *header = frame->copies ? copy : frame->at;

	if (frame->copies) {
		if (bpf_xdp_load_bytes(frame->ctx, frame->offset, copy, size))
			return NULL;
	} else {
		if (header + size > frame->end)
			return NULL;
		frame->at = header + size;
	}
	frame->offset += size;
	return header;
}

/* Past what nobody needs; whether it is there shows when the next header is taken. */
static __always_inline void cursor_skip(struct cursor *frame, __u32 size)
{
	if (!frame->copies)
		frame->at += size;
	frame->offset += size;
}
