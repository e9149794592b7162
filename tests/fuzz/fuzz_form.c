// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <stdbool.h>

#include "tests/fuzz/check.h"
#include "user/serve/http/form.h"

static void check_text(const char *text, size_t length)
{
	check(strlen(text) == length);
	for (size_t i = 0; i < length; i++)
		check((unsigned char)text[i] >= ' ' && text[i] != 0x7f);
}

static void check_fields(const struct form *form)
{
	check(form->count >= 0 && form->count <= FORM_MAX_FIELDS);
	for (int i = 0; i < form->count; i++) {
		const struct form_field *field = &form->fields[i];

		check(field->name_length > 0);
		check_text(field->name, field->name_length);
		check_text(field->value, field->value_length);
		/* a later parameter of the same name would be found instead */
		check(form_find(form, field->name) == field);
	}
}

static char *escape(char *at, const char *text, bool every)
{
	for (; *text; text++)
		at += sprintf(at, every || strchr("%&=+", *text) ? "%%%02X" : "%c",
		              (unsigned char)*text);
	return at;
}

static size_t format(const struct form *form, char *text, bool every)
{
	char *at = text;

	for (int i = 0; i < form->count; i++) {
		at = escape(at, form->fields[i].name, every);
		*at++ = '=';
		at = escape(at, form->fields[i].value, every);
		*at++ = '&';
	}
	return at - text;
}

static void check_same(const struct form *a, const struct form *b)
{
	check(a->count == b->count);
	for (int i = 0; i < a->count; i++) {
		check(!strcmp(a->fields[i].name, b->fields[i].name));
		check(!strcmp(a->fields[i].value, b->fields[i].value));
	}
}

static void check_round_trip(const struct form *form, bool every)
{
	static char text[3 * FORM_MAX_LENGTH + 2 * FORM_MAX_FIELDS + 1];
	static struct form again;
	size_t length = format(form, text, every);
	char parse_error[256];

	if (length > FORM_MAX_LENGTH)
		return;
	check(!form_parse(&again, text, length, parse_error, sizeof(parse_error)));
	check_same(form, &again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct form form;
	char parse_error[256] = "";
	int error;

	memset(&form, 0xa5, sizeof(form));
	error = form_parse(&form, (const char *)data, size, parse_error, sizeof(parse_error));
	check_fields(&form);
	if (error) {
		check(error == -EINVAL);
		check(!form.count);
		check_parse_error(parse_error, sizeof(parse_error));
		return 0;
	}
	check(!parse_error[0]);
	check_round_trip(&form, false);
	check_round_trip(&form, true);
	return 0;
}
