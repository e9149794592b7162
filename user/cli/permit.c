// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/cli/command.h"
#include "user/output/permit.h"
#include "user/permits/permit.h"
#include "user/util/clock.h"
#include "user/util/duration.h"

typedef char address_text[INET_ADDRSTRLEN];

static const char *write_address(const struct xrl_address *address, address_text text)
{
	return inet_ntop(AF_INET, address, text, sizeof(address_text));
}

/* Rounded up: at the second shown, the time has come. */
static void write_time(__s64 unix_ns, char text[RESULT_TIME_SIZE])
{
	result_format_time(text, (unix_ns + SECOND_NS - 1) / SECOND_NS);
}

/* "24 h 15 min": the two largest parts. */
static void write_span(__s64 span_ns, char text[32])
{
	long long seconds = span_ns > 0 ? (span_ns + SECOND_NS - 1) / SECOND_NS : 0;

	if (seconds >= 3600)
		snprintf(text, 32, "%lld h %02lld min", seconds / 3600, seconds / 60 % 60);
	else if (seconds >= 60)
		snprintf(text, 32, "%lld min %02lld s", seconds / 60, seconds % 60);
	else
		snprintf(text, 32, "%lld s", seconds);
}

/* ---- the results of request and revoke ---- */

static void print_results(const struct permit_outcome *outcome)
{
	for (__u32 i = 0; i < outcome->count; i++) {
		const struct permit_result *result = &outcome->results[i];
		address_text address;
		char until[RESULT_TIME_SIZE], span[32];

		write_time(result->until_unix_ns, until);
		write_span(result->until_unix_ns - clock_unix_ns(), span);
		if (result->change <= PERMIT_UNCHANGED)
			printf("%-10s %-15s until %s (%s)\n", permit_change_name(result->change),
			       write_address(&result->address, address), until, span);
		else
			printf("%-10s %s%s\n", permit_change_name(result->change),
			       write_address(&result->address, address),
			       result->change == PERMIT_NONE ? " (had no permit)" : "");
	}
}

static void print_kept(const struct permit_outcome *outcome)
{
	if (!outcome->attached)
		printf("note       the limiter is not attached; attach will apply this\n");
}

/* ---- request ---- */

struct request {
	struct address_list addresses;
	const char *account;
	const char *comment;
	struct permit_outcome outcome;
};

static enum exit_code read_addresses(const struct permit_rules *rules, const char *text,
                                     struct address_list *addresses)
{
	char parse_error[300];

	if (address_list_parse(addresses, text, strlen(text), rules->max_addresses, parse_error,
	                       sizeof(parse_error)))
		return fail(EXIT_USAGE, "for example: 192.0.2.1,192.0.2.2",
		            "%s; nothing was changed", parse_error);
	return EXIT_DONE;
}

static void print_request(const struct globals *globals, const struct request *request,
                          const struct permit_rules *rules)
{
	const struct permit_quota *quota = &request->outcome.quota;
	char window[DURATION_TEXT_SIZE];

	if (globals->json) {
		result_print(json_pack("{s:s, s:o, s:o, s:b}", "account", request->account,
		                       "permits", permit_results_json(&request->outcome), "quota",
		                       permit_quota_json(quota), "applied",
		                       request->outcome.attached));
		return;
	}
	print_results(&request->outcome);
	duration_format(rules->window_ns, window, sizeof(window));
	printf("quota      %u of %u requests remaining in any %s for account %s\n",
	       quota->remaining, quota->limit, window, request->account);
	print_kept(&request->outcome);
}

static enum exit_code read_request(struct request *request, int argc, char **argv,
                                   const struct permit_rules *rules)
{
	int letter;

	optind = 1;
	while ((letter = command_next_option(&permit_command, argc, argv)) != -1) {
		if (letter == 'a')
			request->account = optarg;
		else if (letter == 'c')
			request->comment = optarg;
		else
			return letter ? command_usage(&permit_command,
			                              "'permit request' takes no '--all'")
			              : EXIT_USAGE;
	}
	if (optind != argc - 1)
		return command_usage(&permit_command, "expected exactly one list of addresses, "
		                                      "separated by commas without spaces");
	return read_addresses(rules, argv[optind], &request->addresses);
}

static enum exit_code run_request(const struct globals *globals,
                                  const struct permit_context *context, int argc, char **argv)
{
	struct request *request = calloc(1, sizeof(*request));
	struct account account;
	enum exit_code error;

	if (!request)
		return fail(EXIT_FAILED, NULL, "out of memory");
	request->account = ACCOUNT_LOCAL;
	error = read_request(request, argc, argv, context->rules);
	if (!error)
		error = account_find(context->state_dir, request->account, &account);
	if (!error) /* in the spelling of the store */
		request->account = account.name;
	if (!error)
		error = permit_request(context, account.id, &request->addresses, request->comment,
		                       "cli", &request->outcome);
	if (!error)
		print_request(globals, request, context->rules);
	free(request);
	return error;
}

/* ---- revoke ---- */

static bool revoked_any(const struct permit_outcome *outcome)
{
	for (__u32 i = 0; i < outcome->count; i++)
		if (outcome->results[i].change == PERMIT_REVOKED)
			return true;
	return false;
}

static enum exit_code run_revoke(const struct globals *globals,
                                 const struct permit_context *context, int argc, char **argv)
{
	struct request *request = calloc(1, sizeof(*request));
	enum exit_code error;

	if (!request)
		return fail(EXIT_FAILED, NULL, "out of memory");
	error = argc == 2
	                ? read_addresses(context->rules, argv[1], &request->addresses)
	                : command_usage(&permit_command, "expected exactly one list of addresses");
	if (!error)
		error = permit_revoke(context, PERMIT_ALL_ACCOUNTS, &request->addresses,
		                      &request->outcome);
	if (!error && !revoked_any(&request->outcome))
		error = fail(EXIT_NOT_FOUND, "xdp-ratelimit permit list shows them",
		             "there is no permit for %.60s", argv[1]);
	if (!error && globals->json)
		result_print(json_pack("{s:o, s:b}", "permits",
		                       permit_results_json(&request->outcome), "applied",
		                       request->outcome.attached));
	else if (!error)
		print_results(&request->outcome);
	if (!error && !globals->json)
		print_kept(&request->outcome);
	free(request);
	return error;
}

/* ---- list ---- */

static void print_record(const struct permit_record *record, __s64 now_ns)
{
	char since[RESULT_TIME_SIZE], until[RESULT_TIME_SIZE], span[32];
	address_text address;

	result_format_time(since, record->since_unix_ns / SECOND_NS);
	write_time(record->until_unix_ns, until);
	write_span(record->until_unix_ns - now_ns, span);
	printf("%-15s %-16s %s  %s  ", write_address(&record->address, address), record->account,
	       since, until);
	if (record->comment[0])
		printf("%-14s %s\n", record->active ? span : permit_state_name(record),
		       record->comment);
	else
		printf("%s\n", record->active ? span : permit_state_name(record));
}

static void print_records(const struct permit_record *records, __u32 count)
{
	__s64 now_ns = clock_unix_ns();

	printf("%-15s %-16s %-20s  %-20s  %s\n", "address", "account", "since", "until",
	       "remaining");
	for (__u32 i = 0; i < count; i++)
		print_record(&records[i], now_ns);
}

static enum exit_code run_list(const struct globals *globals, const struct permit_context *context,
                               int argc, char **argv)
{
	bool all = argc >= 2 && !strcmp(argv[1], "--all");
	struct permit_record *records;
	enum exit_code error;
	__u32 count;

	if (argc != 1 + all)
		return command_usage(&permit_command, "unexpected '%.60s'", argv[1 + all]);
	error = permit_list(context, PERMIT_ALL_ACCOUNTS, all, &records, &count);
	if (error)
		return error;
	if (globals->json)
		result_print(json_pack("{s:o}", "permits", permit_records_json(records, count)));
	else if (count)
		print_records(records, count);
	else
		printf("no %spermits\n", all ? "" : "active ");
	free(records);
	return EXIT_DONE;
}

static enum exit_code run_permit(const struct globals *globals, int argc, char **argv)
{
	static const struct {
		const char *name;
		enum exit_code (*run)(const struct globals *, const struct permit_context *, int,
		                      char **);
	} verbs[] = {{"request", run_request}, {"list", run_list}, {"revoke", run_revoke}};
	struct settings settings;
	struct permit_context context;
	enum exit_code error;

	for (size_t i = 0; i < sizeof(verbs) / sizeof(verbs[0]) && argc > 1; i++) {
		if (strcmp(argv[1], verbs[i].name))
			continue;
		error = command_begin_permits(globals, &settings, &context);
		return error ? error : verbs[i].run(globals, &context, argc - 1, argv + 1);
	}
	return command_usage(&permit_command,
	                     argc > 1 ? "'%.60s' is none of request, list and revoke"
	                              : "expected request, list or revoke",
	                     argc > 1 ? argv[1] : "");
}

static const struct command_option options[] = {
	{"account", "NAME", "request for this account instead of 'local'", 'a'},
	{"comment", "TEXT", "a comment that is stored with the permits", 'c'},
	{"all", NULL, "list permits that have ended, too", 'l'},
	{},
};

const struct command permit_command = {
	.name = "permit",
	.usage = "permit request IP[,IP...] [--account NAME] [--comment TEXT] | list [--all] | "
		 "revoke IP[,IP...]",
	.summary = "let addresses exceed the limits for a day; list and revoke such permits",
	.options = options,
	.run = run_permit,
};
