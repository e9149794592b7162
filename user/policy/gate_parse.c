// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/policy/gate_parse.h"

#include <errno.h>
#include <string.h>

#include "user/util/duration.h"
#include "user/policy/gate.h"

#define EXPECTED "expected N/PERIOD in packets, such as '50000/1s'"

int gate_parse_mode(const char *text, __u32 *mode, const struct parse_error *parse_error)
{
	const char *names[XRL_FLOOD_ON + 1];

	for (__u32 i = 0; i <= XRL_FLOOD_ON; i++) {
		names[i] = gate_mode_name(i);
		if (strcmp(names[i], text))
			continue;
		*mode = i;
		return 0;
	}
	return parse_fail_word(parse_error, "gate mode", text, names, XRL_FLOOD_ON + 1);
}

/* A rate and the parser's position in it. */
struct parser {
	const char *key, *text, *at;
	const struct parse_error *parse_error;
};

static int take_packets(struct parser *parser, __u64 *packets)
{
	int error = number_take(&parser->at, packets);

	if (error == -EINVAL || (!error && *parser->at != '/'))
		return parse_fail_value(
			parser->parse_error, parser->key, parser->text,
			"N must be a whole number in digits, followed by '/'; " EXPECTED);
	if (!error && !*packets)
		return parse_fail_value(parser->parse_error, parser->key, parser->text,
		                        "N must be at least 1; " EXPECTED);
	if (error || *packets > GATE_MAX_PACKETS)
		return parse_fail_value(parser->parse_error, parser->key, parser->text,
		                        "N is too large; the maximum is %llu packets",
		                        GATE_MAX_PACKETS);
	parser->at++;
	return 0;
}

static int take_period(struct parser *parser, __u64 *period_ns)
{
	int error = duration_take(&parser->at, period_ns);

	if (error == -EINVAL)
		return parse_fail_value(
			parser->parse_error, parser->key, parser->text,
			"PERIOD must be a whole number and one of ms, s, m, h; " EXPECTED);
	if (error || *period_ns < GATE_MIN_PERIOD_NS || *period_ns > GATE_MAX_PERIOD_NS)
		return parse_fail_value(parser->parse_error, parser->key, parser->text,
		                        "PERIOD must be from 100ms to 1h; " EXPECTED);
	return 0;
}

int gate_parse_rate(const char *key, const char *text, __u64 *packets, __u64 *period_ns,
                    const struct parse_error *parse_error)
{
	struct parser parser = {key, text, text, parse_error};
	__u64 read_packets, read_period_ns;
	int error = take_packets(&parser, &read_packets);

	if (!error)
		error = take_period(&parser, &read_period_ns);
	if (error)
		return error;
	if (*parser.at && strcmp(parser.at + strspn(parser.at, " "), "packets"))
		return parse_fail_value(parse_error, key, text,
		                        "unknown sources are counted in packets; " EXPECTED);
	*packets = read_packets;
	*period_ns = read_period_ns;
	return 0;
}
