// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/config/config_file.h"

#include <string.h>

#include "user/config/ini_file.h"
#include "user/config/sections.h"

/* A file that is being read, and by whom. */
struct reading {
	struct config *config;
	struct config_lines lines;
	struct policy_reader *reader;
	struct findings *findings;
};

static bool is_of_config(enum section section)
{
	return section == SECTION_PERMITS || section == SECTION_SERVE;
}

static bool is_of_policy(enum section section)
{
	return section != SECTION_UNKNOWN && !is_of_config(section);
}

static void take_section(void *context, int line, const char *name)
{
	struct reading *reading = context;
	enum section section = section_find(name);
	char parse_error[PARSE_ERROR_SIZE];

	if (section == SECTION_UNKNOWN) {
		section_fail_unknown(&(struct parse_error){parse_error, sizeof(parse_error)}, name);
		findings_mistake(reading->findings, line, "%s", parse_error);
	}
	if (reading->reader && !is_of_config(section))
		policy_reader_section(reading->reader, line, section, section_class_name(name));
}

static void take_config(struct reading *reading, int line, const char *section, const char *key,
                        const char *value)
{
	char parse_error[PARSE_ERROR_SIZE];

	if (config_take(reading->config, &reading->lines, line, section, key, value, parse_error,
	                sizeof(parse_error)))
		findings_mistake(reading->findings, line, "%s", parse_error);
}

static void take_setting(void *context, int line, const char *name, const char *key,
                         const char *value)
{
	struct reading *reading = context;
	enum section section = section_find(name);
	/* the one key of [permits] that says something of the policy */
	bool is_permitted_class = section == SECTION_PERMITS && !strcmp(key, "class");

	if (is_of_policy(section) || is_permitted_class) {
		if (reading->reader)
			policy_reader_setting(reading->reader, line, name, key, value);
	} else if (is_of_config(section) && reading->config) {
		take_config(reading, line, name, key, value);
	}
}

/* Of the line itself, whatever it was to say. */
static void take_mistake(void *context, int line, const char *name, const char *text)
{
	struct reading *reading = context;
	enum section section = name ? section_find(name) : SECTION_UNKNOWN;

	if (is_of_config(section) && !reading->config)
		return;
	if (is_of_policy(section) && !reading->reader)
		return;
	findings_mistake(reading->findings, line, "%s", text);
	/* the name of a section may have been what couldn't be read */
	if (!name && reading->reader)
		policy_reader_section(reading->reader, line, SECTION_UNKNOWN, "");
}

int config_file_read(const char *path, struct config *config, struct policy_reader *reader,
                     struct findings *findings)
{
	static const struct ini_reader ini_reader = {take_section, take_setting, take_mistake};
	struct reading reading = {.config = config, .reader = reader, .findings = findings};
	int error;

	error = ini_file_read(path, &ini_reader, &reading, reader ? reader->sha256 : NULL);
	if (!error && reader)
		policy_reader_end(reader);
	findings_sort(findings);
	return error;
}

enum exit_code config_file_report(const char *path, int error, const struct findings *findings)
{
	const struct policy_finding *first = findings_first_mistake(findings);

	if (error)
		return fail(EXIT_FAILED, NULL, "cannot read %s: %s", path, strerror(-error));
	if (!first)
		return EXIT_DONE;
	if (!first->line)
		return fail(EXIT_FAILED, NULL, "%s: %s", path, first->text);
	return fail(EXIT_FAILED, NULL, "%s:%d: %s", path, first->line, first->text);
}
