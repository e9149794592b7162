/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* A read position in a frame. Position and end stay together, so that every header is checked
 * against the end that belongs to it.
 *
 * A frame may span several buffers, and some drivers put only its headers, or nothing, into the
 * first one, which alone can be read in place. The others are read by copy (bpf_xdp_load_bytes,
 * 5.18). */
struct cursor {
	struct xdp_md *ctx;
	void *at, *end;
	__u32 offset;
	int copies; /* a compile-time constant, which keeps copies out of the in-place code */
};

/* Returns the next `size` bytes, in place or in `copy`, and advances past them. NULL if the frame,
 * or its first buffer, ends before. */
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

/* Skips `size` bytes. Bounds are checked by the next cursor_take(). */
static __always_inline void cursor_skip(struct cursor *frame, __u32 size)
{
	if (!frame->copies)
		frame->at += size;
	frame->offset += size;
}
