// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/http/form.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "user/util/quote.h"

/* The input that remains, and the place of the next decoded text. */
struct reader {
	const char *at, *end;
	char *storage;
};

static int digit_value(char c)
{
	if (!isxdigit((unsigned char)c))
		return -1;
	return isdigit((unsigned char)c) ? c - '0' : tolower((unsigned char)c) - 'a' + 10;
}

/* The byte at *at, which is not the end. Steps past it. -EINVAL: a bad escape. */
static int take_byte(const char **at, const char *end)
{
	char c = *(*at)++;
	int high, low;

	if (c == '+')
		return ' ';
	if (c != '%')
		return (unsigned char)c;
	if (end - *at < 2)
		return -EINVAL;
	high = digit_value((*at)[0]);
	low = digit_value((*at)[1]);
	if (high < 0 || low < 0)
		return -EINVAL;
	*at += 2;
	return high << 4 | low;
}

/* Decodes up to `end` into the storage. NULL, or what is wrong. */
static const char *decode(struct reader *reader, const char *end, const char **text, size_t *length)
{
	char *decoded = reader->storage;

	*text = decoded;
	while (reader->at < end) {
		int byte = take_byte(&reader->at, end);

		if (byte < 0)
			return "two hexadecimal digits must follow '%'";
		if (iscntrl(byte))
			return "control characters are not possible";
		*decoded++ = byte;
	}
	*length = decoded - *text;
	*decoded++ = '\0';
	reader->storage = decoded;
	return NULL;
}

/* From reader->at to `end`, which is at least one byte. NULL, or what is wrong. */
static const char *take_field(struct form *form, struct reader *reader, const char *end)
{
	const char *equals = memchr(reader->at, '=', end - reader->at), *reason;
	struct form_field field;

	if (form->count == FORM_MAX_FIELDS)
		return "this is one parameter too many";
	reason = decode(reader, equals ? equals : end, &field.name, &field.name_length);
	if (reason)
		return reason;
	if (!field.name_length)
		return "a name must stand before '='";
	if (form_find(form, field.name))
		return "this name was given before";
	if (equals)
		reader->at++;
	reason = decode(reader, end, &field.value, &field.value_length);
	if (!reason)
		form->fields[form->count++] = field;
	return reason;
}

static int parse_fail(const char *piece, size_t length, const char *reason, char *parse_error,
                      size_t size)
{
	char quoted[QUOTE_SIZE];

	snprintf(parse_error, size, "parameter '%s': %s; expected NAME=VALUE, at most %d times",
	         quote(quoted, piece, length), reason, FORM_MAX_FIELDS);
	return -EINVAL;
}

/* One piece and the '&' after it. */
static int take_piece(struct form *form, struct reader *reader, char *parse_error, size_t size)
{
	const char *piece = reader->at, *reason = NULL;
	const char *ampersand = memchr(piece, '&', reader->end - piece);
	const char *end = ampersand ? ampersand : reader->end;

	if (piece < end)
		reason = take_field(form, reader, end);
	reader->at = ampersand ? ampersand + 1 : end;
	return reason ? parse_fail(piece, end - piece, reason, parse_error, size) : 0;
}

int form_parse(struct form *form, const char *text, size_t length, char *parse_error, size_t size)
{
	const char *begin = length ? text : "";
	struct reader reader = {begin, begin + length, form->storage};
	int error = 0;

	form->count = 0;
	if (length > FORM_MAX_LENGTH) {
		snprintf(parse_error, size, "%zu bytes of parameters, at most %d are possible",
		         length, FORM_MAX_LENGTH);
		return -EINVAL;
	}
	while (!error && reader.at < reader.end)
		error = take_piece(form, &reader, parse_error, size);
	if (error)
		form->count = 0;
	return error;
}

const struct form_field *form_find(const struct form *form, const char *name)
{
	for (int i = 0; i < form->count; i++)
		if (!strcmp(form->fields[i].name, name))
			return &form->fields[i];
	return NULL;
}
