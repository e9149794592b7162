// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/config/sections.h"

#include <stdio.h>
#include <string.h>

#include "user/util/suggest.h"
#include "user/util/quote.h"

#define CLASS "class"

/* As shown to the operator. */
static const char *const section_names[] = {
	[SECTION_LIMITER] = "limiter",         [SECTION_CLASS] = "class NAME",
	[SECTION_ICMP_ERRORS] = "icmp-errors", [SECTION_FLOOD] = "flood",
	[SECTION_PERMITS] = "permits",         [SECTION_SERVE] = "serve",
};

#define SECTIONS (sizeof(section_names) / sizeof(section_names[0]))

static const struct {
	enum section section;
	const char *key;
} keys[] = {
	{SECTION_LIMITER, "sources"},   {SECTION_LIMITER, "default"},
	{SECTION_LIMITER, "protect"},   {SECTION_CLASS, "sources"},
	{SECTION_CLASS, "limit"},       {SECTION_CLASS, "action"},
	{SECTION_CLASS, "penalty"},     {SECTION_CLASS, "warn"},
	{SECTION_ICMP_ERRORS, "limit"}, {SECTION_FLOOD, "gate"},
	{SECTION_FLOOD, "newcomers"},   {SECTION_FLOOD, "prefix"},
	{SECTION_PERMITS, "requests"},  {SECTION_PERMITS, "addresses"},
	{SECTION_PERMITS, "lifetime"},  {SECTION_PERMITS, "linger"},
	{SECTION_PERMITS, "entries"},   {SECTION_PERMITS, "class"},
	{SECTION_SERVE, "listen"},      {SECTION_SERVE, "trusted_proxies"},
	{SECTION_SERVE, "certificate"}, {SECTION_SERVE, "key"},
	{SECTION_SERVE, "user"},        {SECTION_SERVE, "plaintext"},
};

#define KEYS (sizeof(keys) / sizeof(keys[0]))

/* The length of "class" and the space after it. 0: the name does not begin so. */
static size_t class_length(const char *name)
{
	size_t length = strlen(CLASS);

	if (strncmp(name, CLASS, length) || (name[length] && !strchr(" \t", name[length])))
		return 0;
	return length + strspn(name + length, " \t");
}

enum section section_find(const char *name)
{
	if (class_length(name))
		return SECTION_CLASS;
	for (enum section i = SECTION_UNKNOWN + 1; i < SECTIONS; i++)
		if (!strcmp(section_names[i], name))
			return i;
	return SECTION_UNKNOWN;
}

const char *section_class_name(const char *name)
{
	return name + class_length(name);
}

/* Recognizes a misspelling such as "clas standard". 0: it is none. */
static int fail_class(const struct parse_error *parse_error, const char *name)
{
	size_t length = strcspn(name, " \t");
	const char *const word = CLASS, *rest = name + length + strspn(name + length, " \t");
	char first[16], quoted[QUOTE_SIZE], quoted_rest[QUOTE_SIZE];

	snprintf(first, sizeof(first), "%.*s", length < sizeof(first) ? (int)length : 0, name);
	if (!suggest(first, &word, 1))
		return 0;
	return parse_fail(parse_error, "unknown section '%s', did you mean '" CLASS " %s'?",
	                  quote(quoted, name, strlen(name)),
	                  *rest ? quote(quoted_rest, rest, strlen(rest)) : "NAME");
}

int section_fail_unknown(const struct parse_error *parse_error, const char *name)
{
	int error = fail_class(parse_error, name);

	if (error)
		return error;
	return parse_fail_word(parse_error, "section", name, section_names + 1, SECTIONS - 1);
}

/* The sections that have the key, as "[a]" or "[a] or [b]". False: none has it. */
static bool find_home(const char *key, char *home, size_t size)
{
	size_t length = 0;

	*home = '\0';
	for (size_t i = 0; i < KEYS && length < size; i++)
		if (!strcmp(keys[i].key, key))
			length += snprintf(home + length, size - length, "%s[%s]",
			                   length ? " or " : "", section_names[keys[i].section]);
	return length;
}

int section_fail_key(const struct parse_error *parse_error, const char *section, const char *key)
{
	enum section number = section_find(section);
	char home[64], quoted[QUOTE_SIZE];
	const char *words[KEYS];
	size_t count = 0;

	if (find_home(key, home, sizeof(home)))
		return parse_fail(parse_error, "'%s' belongs in section %s, not in [%s]", key, home,
		                  quote(quoted, section, strlen(section)));
	for (size_t i = 0; i < KEYS; i++)
		if (keys[i].section == number)
			words[count++] = keys[i].key;
	return parse_fail_word(parse_error, "key", key, words, count);
}
