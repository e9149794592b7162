// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/util/result.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static bool use_json;
static json_t *warnings;
static bool failed;
static struct failure *capture;
static bool json_failed;

static const char *code_name(enum exit_code code)
{
	switch (code) {
	case EXIT_USAGE:
		return "usage";
	case EXIT_NOT_FOUND:
		return "not_found";
	case EXIT_QUOTA:
		return "quota_exceeded";
	case EXIT_NOT_ALLOWED:
		return "not_allowed";
	case EXIT_BUSY:
		return "busy";
	default:
		return "failed";
	}
}

void result_use_json(bool json)
{
	use_json = json;
}

bool result_is_json(void)
{
	return use_json;
}

json_t *result_text(const char *text)
{
	json_t *string = json_string(text);

	if (!string) {
		char *ascii = strdup(text);

		for (char *c = ascii; c && *c; c++)
			if (*c & 0x80)
				*c = '?';
		string = json_string(ascii ? ascii : "");
		free(ascii);
	}
	return string;
}

bool result_is_utf8(const char *text)
{
	json_t *string = json_string(text); /* accepts only UTF-8 */
	bool valid = string;

	json_decref(string);
	return valid;
}

struct failure *result_capture(struct failure *failure)
{
	struct failure *before = capture;

	capture = failure;
	failed = false;
	return before;
}

static void print_json(const struct failure *failure)
{
	json_t *error = json_pack("{s:s, s:o, s:o}", "code", code_name(failure->code), "message",
	                          result_text(failure->message), "hint",
	                          failure->hint[0] ? result_text(failure->hint) : json_null());

	if (failure->retry_after_seconds >= 0)
		json_object_set_new(error, "retry_after_seconds",
		                    json_real(failure->retry_after_seconds));
	result_print(json_pack("{s:o}", "error", error));
}

static void print_text(const struct failure *failure)
{
	fprintf(stderr, "xdp-ratelimit: %s%s%s\n", failure->message, failure->hint[0] ? "\n  " : "",
	        failure->hint);
}

static enum exit_code report(enum exit_code code, double retry_after_seconds, const char *hint,
                             const char *format, va_list args)
{
	struct failure failure = {.code = code, .retry_after_seconds = retry_after_seconds};

	/* errors during rollback are consequences of the first one */
	if (failed)
		return code;
	failed = true;
	vsnprintf(failure.message, sizeof(failure.message), format, args);
	snprintf(failure.hint, sizeof(failure.hint), "%s", hint ? hint : "");
	if (capture)
		*capture = failure;
	else if (use_json)
		print_json(&failure);
	else
		print_text(&failure);
	return code;
}

enum exit_code fail(enum exit_code code, const char *hint, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(code, -1, hint, format, args);
	va_end(args);
	return code;
}

enum exit_code fail_with_retry(enum exit_code code, double retry_after_seconds, const char *hint,
                               const char *format, ...)
{
	va_list args;

	va_start(args, format);
	report(code, retry_after_seconds, hint, format, args);
	va_end(args);
	return code;
}

void warn(const char *format, ...)
{
	char *message = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&message, format, args) < 0)
		message = NULL;
	va_end(args);
	if (!message)
		return;
	if (use_json) {
		if (!warnings)
			warnings = json_array();
		json_array_append_new(warnings, result_text(message));
	} else {
		fprintf(stderr, "warning: %s\n", message);
	}
	free(message);
}

void result_print(json_t *result)
{
	if (!result) {
		json_failed = true;
		fail(EXIT_FAILED, NULL, "cannot write JSON: a name is not valid UTF-8");
		return;
	}
	if (warnings)
		json_object_set_new(result, "warnings", warnings);
	warnings = NULL;
	json_dumpf(result, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(10));
	putchar('\n');
	json_decref(result);
}

bool result_json_failed(void)
{
	return json_failed;
}

void result_format_time(char *text, long long unix_seconds)
{
	time_t seconds = unix_seconds;
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(text, RESULT_TIME_SIZE, "%Y-%m-%dT%H:%M:%SZ", &utc);
}
