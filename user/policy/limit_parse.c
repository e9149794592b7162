// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <netinet/in.h>

#include "user/util/parse_error.h"
#include "user/util/duration.h"
#include "user/policy/endpoint.h"
#include "user/policy/limit.h"
#include "user/util/suggest.h"
#include "user/util/quote.h"

#define EXPECTED      "expected N/PERIOD UNIT, such as '10000/1s packets'"
#define EXPECTED_ICMP "expected N/PERIOD in packets, such as '100/1s'"
#define MAX_WORD      64

/* A limit and the parser's position in it. */
struct parser {
	const char *text, *at;
	const char *expected;
	struct xrl_limit *limit;
	__u64 burst_units; /* 0: not given */
	bool algorithm_seen, scope_seen;
	struct parse_error parse_error;
};

__attribute__((format(printf, 2, 3))) static int reject(const struct parser *parser,
                                                        const char *format, ...)
{
	char reason[320];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	return parse_fail_value(&parser->parse_error, "limit", parser->text, "%s", reason);
}

/* Rejects a word that is not in `words`. */
static int reject_word(const struct parser *parser, const char *what, const char *word,
                       const char *const *words, size_t count)
{
	char reason[320];

	parse_fail_word(&(struct parse_error){reason, sizeof(reason)}, what, word, words, count);
	return reject(parser, "%s", reason);
}

static int take_count(struct parser *parser)
{
	int error = number_take(&parser->at, &parser->limit->rate_units);

	if (error == -EINVAL || (!error && *parser->at != '/'))
		return reject(parser, "N must be a whole number in digits, followed by '/'; %s",
		              parser->expected);
	if (!error && !parser->limit->rate_units)
		return reject(parser, "N must be at least 1; %s", parser->expected);
	if (error)
		return reject(parser, "N is too large; the maximum is %llu", LIMIT_MAX_BYTES);
	parser->at++;
	return 0;
}

static int take_period(struct parser *parser)
{
	__u64 *period_ns = &parser->limit->period_ns;
	int error = duration_take(&parser->at, period_ns);

	if (error == -EINVAL)
		return reject(parser, "PERIOD must be a whole number and one of ms, s, m, h, d; %s",
		              parser->expected);
	if (error || *period_ns < LIMIT_MIN_PERIOD_NS || *period_ns > LIMIT_MAX_PERIOD_NS)
		return reject(parser, "PERIOD must be from 100ms to 31d; %s", parser->expected);
	return 0;
}

/* Takes the next word, which is empty at the end. A word longer than any known one is cut off and
 * ends in dots, so that it matches none. */
static void take_word(struct parser *parser, char word[MAX_WORD])
{
	size_t length;

	parser->at += strspn(parser->at, " ");
	length = strcspn(parser->at, " ");
	if (length < MAX_WORD)
		snprintf(word, MAX_WORD, "%.*s", (int)length, parser->at);
	else
		snprintf(word, MAX_WORD, "%.*s...", MAX_WORD - 4, parser->at);
	parser->at += length;
}

/* The index of the word in `words`, or -1. */
static int find_word(const char *word, const char *const *words, int count)
{
	for (int i = 0; i < count; i++)
		if (!strcmp(word, words[i]))
			return i;
	return -1;
}

/* Also takes a word that begins like a unit, such as a singular, for that unit. */
static const char *guess_unit(const char *word, const char *const *names)
{
	const char *suggestion = suggest(word, names, XRL_UNITS);

	for (int i = 0; !suggestion && i < XRL_UNITS; i++)
		if (tolower((unsigned char)*word) == *names[i])
			suggestion = names[i];
	return suggestion;
}

static int take_unit(struct parser *parser)
{
	const char *names[XRL_UNITS], *suggestion;
	char word[MAX_WORD], quoted[QUOTE_SIZE];
	int unit;

	for (__u32 i = 0; i < XRL_UNITS; i++)
		names[i] = limit_unit_name(i);
	if (*parser->at != ' ')
		return reject(parser, "a space and UNIT must follow PERIOD; " EXPECTED);
	take_word(parser, word);
	unit = find_word(word, names, XRL_UNITS);
	if (unit >= 0) {
		parser->limit->unit = unit;
		return 0;
	}
	suggestion = guess_unit(word, names);
	if (suggestion)
		return reject(parser, "unknown unit '%s', did you mean '%s'?",
		              quote(quoted, word, strlen(word)), suggestion);
	return reject_word(parser, "unit", word, names, XRL_UNITS);
}

static __u64 most_units(const struct xrl_limit *limit)
{
	return limit->unit == XRL_BYTES ? LIMIT_MAX_BYTES : LIMIT_MAX_UNITS;
}

static int take_algorithm(struct parser *parser, __u8 algorithm)
{
	if (parser->algorithm_seen)
		return reject(parser, "expected only one of fixed, sliding and token");
	parser->algorithm_seen = true;
	parser->limit->algorithm = algorithm;
	return 0;
}

static int take_burst(struct parser *parser)
{
	__u64 most = most_units(parser->limit);
	char word[MAX_WORD];
	const char *at = word;

	if (parser->burst_units)
		return reject(parser, "'burst' is given twice");
	take_word(parser, word);
	if (number_take(&at, &parser->burst_units) || *at || !parser->burst_units ||
	    parser->burst_units > most)
		return reject(parser,
		              "expected a whole number from 1 to %llu after 'burst', such as "
		              "'burst 20'",
		              most);
	return 0;
}

#define EXPECTED_SCOPE "expected source, class or a prefix from /8 to /31 after 'scope'"

static int take_prefix(const struct parser *parser, const char *word, __u8 *bits)
{
	const char *at = word + 1;
	__u64 number;

	if (number_take(&at, &number) || *at || number < 8 || number > 32)
		return reject(parser, EXPECTED_SCOPE);
	if (number == 32)
		return reject(parser, "write 'scope source' instead of '/32'");
	*bits = number;
	return 0;
}

static int take_scope(struct parser *parser)
{
	static const char *const names[] = {"source", "class"};
	char word[MAX_WORD];
	const char *suggestion;

	if (parser->scope_seen)
		return reject(parser, "'scope' is given twice");
	parser->scope_seen = true;
	take_word(parser, word);
	if (*word == '/')
		return take_prefix(parser, word, &parser->limit->scope_bits);
	parser->limit->scope_bits = strcmp(word, "class") ? XRL_SCOPE_SOURCE : XRL_SCOPE_CLASS;
	if (find_word(word, names, 2) >= 0)
		return 0;
	suggestion = suggest(word, names, 2);
	if (suggestion)
		return reject(parser, "did you mean 'scope %s'?", suggestion);
	return reject(parser, EXPECTED_SCOPE);
}

static int take_endpoint(struct parser *parser)
{
	struct xrl_limit *limit = parser->limit;
	struct endpoint endpoint;
	char word[MAX_WORD], reason[320];

	if (limit->endpoint_protocol)
		return reject(parser, "'endpoint' is given twice");
	take_word(parser, word);
	if (endpoint_parse("endpoint", word, &endpoint,
	                   &(struct parse_error){reason, sizeof(reason)}))
		return reject(parser, "%s", reason);
	limit->endpoint_protocol = endpoint.protocol;
	limit->first_port = endpoint.first_port;
	limit->last_port = endpoint.last_port;
	return 0;
}

static int take_option(struct parser *parser)
{
	static const char *const words[] = {"fixed", "sliding", "token",
	                                    "burst", "scope",   "endpoint"};
	char word[MAX_WORD];

	take_word(parser, word);
	for (int i = 0; i < XRL_ALGORITHMS; i++)
		if (!strcmp(word, limit_algorithm_name(i)))
			return take_algorithm(parser, i);
	if (!strcmp(word, "burst"))
		return take_burst(parser);
	if (!strcmp(word, "scope"))
		return take_scope(parser);
	if (!strcmp(word, "endpoint"))
		return take_endpoint(parser);
	if (!*word)
		return reject(parser, "a space at the end; " EXPECTED);
	return reject_word(parser, "word", word, words, sizeof(words) / sizeof(words[0]));
}

static int check_burst(const struct parser *parser)
{
	const struct xrl_limit *limit = parser->limit;
	unsigned __int128 full_ns = (unsigned __int128)parser->burst_units * limit->period_ns;

	if (parser->burst_units && limit->algorithm != XRL_TOKEN)
		return reject(parser, "'burst' needs a token bucket: add 'token'");
	if (full_ns > (unsigned __int128)LIMIT_MAX_PERIOD_NS * limit->rate_units)
		return reject(parser, "the burst is too large: at N/PERIOD the bucket takes more "
		                      "than 31d to refill");
	return 0;
}

/* Checks the parts against each other. */
static int check(const struct parser *parser)
{
	const struct xrl_limit *limit = parser->limit;
	__u64 most = most_units(limit);

	if (limit->rate_units > most)
		return reject(parser, "N is too large; the maximum is %llu %s", most,
		              limit_unit_name(limit->unit));
	if (limit->endpoint_protocol == IPPROTO_UDP &&
	    (limit->unit == XRL_CONNECTIONS || limit->unit == XRL_HTTP_REQUESTS))
		return reject(parser, "there are no %s over UDP; expected endpoint tcp/PORT",
		              limit_unit_name(limit->unit));
	return check_burst(parser);
}

static int parse(struct parser *parser)
{
	int error = take_count(parser);

	if (!error)
		error = take_period(parser);
	if (!error)
		error = take_unit(parser);
	while (!error && *parser->at)
		error = take_option(parser);
	return error ? error : check(parser);
}

int limit_parse(const char *text, struct xrl_limit *limit, char *parse_error, size_t size)
{
	struct xrl_limit read = {.scope_bits = XRL_SCOPE_SOURCE};
	struct parser parser = {
		.text = text,
		.at = text,
		.expected = EXPECTED,
		.limit = &read,
		.parse_error = {parse_error, size},
	};
	int error = parse(&parser);

	if (error)
		return error;
	read.max_units = parser.burst_units ? parser.burst_units : read.rate_units;
	limit_derive(&read);
	*limit = read;
	return 0;
}

int limit_parse_icmp(const char *text, struct xrl_limit *limit, char *parse_error, size_t size)
{
	struct xrl_limit read;
	struct parser parser = {
		.text = text,
		.at = text,
		.expected = EXPECTED_ICMP,
		.limit = &read,
		.parse_error = {parse_error, size},
	};
	int error = take_count(&parser);

	if (!error)
		error = take_period(&parser);
	if (error)
		return error;
	if (*parser.at && strcmp(parser.at + strspn(parser.at, " "), "packets"))
		return reject(
			&parser,
			"ICMP errors are counted in packets, in a fixed window; " EXPECTED_ICMP);
	if (read.rate_units > LIMIT_MAX_UNITS)
		return reject(&parser, "N is too large; the maximum is %llu packets",
		              LIMIT_MAX_UNITS);
	limit_set(limit, read.rate_units, read.period_ns, XRL_PACKETS);
	return 0;
}
