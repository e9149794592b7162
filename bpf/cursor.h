/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A frame that is still to be read. The position and the limit stay together, so that no
 * header is taken without the check against the end that belongs to it.
 *
 * A frame may be in several buffers, and some drivers put no more than its headers, or
 * nothing, into the first one, which alone can be read in place. A header that isn't there
 * is copied (5.18: bpf_xdp_load_bytes). */
struct cursor {
	struct xdp_md *ctx;
	void *at, *end;
	__u32 offset;
	int may_have_frags;
	int is_split; /* what follows is in another buffer */
};

/* The next header of `size` bytes, in place or in `copy`, and steps past it. NULL: the
 * frame ends before. */
static __always_inline void *cursor_take(struct cursor *frame, __u32 size, void *copy)
{
	void *header = frame->at;

	if (!frame->is_split && header + size <= frame->end) {
		frame->at = header + size;
		frame->offset += size;
		return header;
	}
	frame->is_split = 1;
	if (!frame->may_have_frags || bpf_xdp_load_bytes(frame->ctx, frame->offset, copy, size))
		return NULL;
	frame->offset += size;
	return copy;
}

/* Past what nobody needs. That it is there has been checked against the frame's length, and
 * is again when the next header is taken. */
static __always_inline void cursor_skip(struct cursor *frame, __u32 size)
{
	frame->at += size;
	frame->offset += size;
}
