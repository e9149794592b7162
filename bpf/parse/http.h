/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

/* Recognizes a TCP segment that begins an HTTP/1 request by its first 8 bytes: a method of RFC
 * 9110, section 9, or PATCH (RFC 5789), and a space. The shortest request is longer than 8 bytes.
 * No packets and no maps. */

#define HTTP_METHOD_BYTES 8

/* Up to 8 characters in the order of the segment, the first one in the lowest byte. */
#define HTTP_CHARACTER(text, i) \
	((__u64)(__u8)((i) < sizeof(text) - 1 ? (text)[(i) % sizeof(text)] : 0) << (i)*8)
#define HTTP_WORD(text)                                                                \
	(HTTP_CHARACTER(text, 0) | HTTP_CHARACTER(text, 1) | HTTP_CHARACTER(text, 2) | \
	 HTTP_CHARACTER(text, 3) | HTTP_CHARACTER(text, 4) | HTTP_CHARACTER(text, 5) | \
	 HTTP_CHARACTER(text, 6) | HTTP_CHARACTER(text, 7))
#define HTTP_MASK(text)      (~0ULL >> (8 - (sizeof(text) - 1)) * 8)
#define HTTP_IS(start, text) (((start)&HTTP_MASK(text)) == HTTP_WORD(text))

/* `start`: the first 8 bytes of the payload, the first one lowest. */
static inline __attribute__((always_inline)) int http_begins_request(__u64 start)
{
	return HTTP_IS(start, "GET ") || HTTP_IS(start, "POST ") || HTTP_IS(start, "HEAD ") ||
	       HTTP_IS(start, "PUT ") || HTTP_IS(start, "DELETE ") || HTTP_IS(start, "PATCH ") ||
	       HTTP_IS(start, "OPTIONS ") || HTTP_IS(start, "TRACE ") || HTTP_IS(start, "CONNECT ");
}
