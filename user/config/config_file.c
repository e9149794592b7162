// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/config/config_file.h"

#include <errno.h>
#include <string.h>

#include "user/config/ini_file.h"
#include "user/config/sections.h"

/* A file being read, and what it is read into. */
struct reading {
	struct settings *settings;
	struct settings_lines lines;
	struct policy_sections *sections;
	struct diagnostics *diagnostics;
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
		diagnostics_error(reading->diagnostics, line, "%s", parse_error);
	}
	if (reading->sections && !is_of_config(section))
		policy_sections_enter(reading->sections, line, section, section_class_name(name));
}

static void take_config(struct reading *reading, int line, const char *section, const char *key,
                        const char *value)
{
	char parse_error[PARSE_ERROR_SIZE];

	if (settings_take(reading->settings, &reading->lines, line, section, key, value,
	                  parse_error, sizeof(parse_error)))
		diagnostics_error(reading->diagnostics, line, "%s", parse_error);
}

static void take_setting(void *context, int line, const char *name, const char *key,
                         const char *value)
{
	struct reading *reading = context;
	enum section section = section_find(name);
	/* the one key of [permits] that is part of the policy */
	bool is_permitted_class = section == SECTION_PERMITS && !strcmp(key, "class");

	if (is_of_policy(section) || is_permitted_class) {
		if (reading->sections)
			policy_sections_set(reading->sections, line, name, key, value);
	} else if (is_of_config(section) && reading->settings) {
		take_config(reading, line, name, key, value);
	}
}

/* A line that is not valid in any section. */
static void take_mistake(void *context, int line, const char *name, const char *text)
{
	struct reading *reading = context;
	enum section section = name ? section_find(name) : SECTION_UNKNOWN;

	if (is_of_config(section) && !reading->settings)
		return;
	if (is_of_policy(section) && !reading->sections)
		return;
	diagnostics_error(reading->diagnostics, line, "%s", text);
	/* the broken line may have been a section */
	if (!name && reading->sections)
		policy_sections_enter(reading->sections, line, SECTION_UNKNOWN, "");
}

int config_file_read(const char *path, struct settings *settings, struct policy_sections *sections,
                     struct diagnostics *diagnostics)
{
	static const struct ini_reader ini_reader = {take_section, take_setting, take_mistake};
	struct reading reading = {
		.settings = settings, .sections = sections, .diagnostics = diagnostics};
	int error;

	error = ini_file_read(path, &ini_reader, &reading, sections ? sections->sha256 : NULL);
	if (!error && sections)
		policy_sections_resolve(sections);
	diagnostics_sort(diagnostics);
	return error;
}

enum exit_code config_file_report(const char *path, int error,
                                  const struct diagnostics *diagnostics)
{
	const struct diagnostic *first = diagnostics_first_error(diagnostics);

	if (error)
		return fail(EXIT_FAILED, NULL, "cannot read %s: %s", path, strerror(-error));
	if (!first)
		return EXIT_DONE;
	if (!first->line)
		return fail(EXIT_FAILED, NULL, "%s: %s", path, first->text);
	return fail(EXIT_FAILED, NULL, "%s:%d: %s", path, first->line, first->text);
}

enum exit_code config_file_read_settings(struct settings *settings, const char *path,
                                         bool must_exist)
{
	struct diagnostics diagnostics = {};
	enum exit_code code;
	int error;

	settings_set_default(settings);
	error = config_file_read(path, settings, NULL, &diagnostics);
	if (error == -ENOENT && !must_exist)
		error = 0;
	code = config_file_report(path, error, &diagnostics);
	diagnostics_free(&diagnostics);
	if (code)
		settings_set_default(settings);
	return code;
}
