/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stddef.h>

/* The parameters of a query string or of a form's body: application/x-www-form-urlencoded, as in
 * section 5 of the URL standard, but with nothing guessed and nothing repaired. */

#define FORM_MAX_LENGTH 8192
#define FORM_MAX_FIELDS 8

/* Decoded; NUL-terminated, without a NUL inside. */
struct form_field {
	const char *name, *value;
	size_t name_length, value_length;
};

/* Do not copy: the fields point into the storage. */
struct form {
	int count;
	struct form_field fields[FORM_MAX_FIELDS];
	char storage[FORM_MAX_LENGTH + 2 * FORM_MAX_FIELDS];
};

/* Reads `length` bytes of "name=value&name=value". Empty pieces are skipped, a name without '='
 * has the empty value; bytes from 0x80 on are left as they are. The text is accepted or refused
 * as a whole: refused for a bad percent escape, a control character, an empty name, a name that
 * comes twice, more than FORM_MAX_FIELDS fields or FORM_MAX_LENGTH bytes. 0, or -EINVAL with one
 * sentence in `parse_error` that quotes the piece; the form is empty then. */
int form_parse(struct form *form, const char *text, size_t length, char *parse_error, size_t size);

/* The field of that name, or NULL. */
const struct form_field *form_find(const struct form *form, const char *name);
