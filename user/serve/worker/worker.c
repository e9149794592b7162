// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/worker/worker.h"

#include <arpa/inet.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/serve/ipc/client_address.h"
#include "user/serve/log.h"
#include "user/serve/now.h"
#include "user/permits/permit.h"
#include "user/output/permit.h"
#include "user/datapath/source.h"

/* One question, understood. */
struct job {
	struct keeper *keeper;
	struct permit_context context;
	const char *op, *token, *ips, *comment;
	struct caller caller;
	char caller_text[CALLER_TEXT_SIZE];
	struct account account;
	struct failure failure;
	struct answer *answer;
};

/* What a service function had to say becomes an answer, or a line in the log. */
static void answer_failure(struct job *job, enum exit_code error)
{
	const struct failure *failure = &job->failure;

	if (error == EXIT_NOT_ALLOWED) {
		answer_error(job->answer, HTTP_FORBIDDEN, "%s", failure->message);
	} else if (error == EXIT_QUOTA) {
		answer_error(job->answer, HTTP_TOO_MANY, "%s", failure->message);
		job->answer->retry_after_seconds = ceil(failure->retry_after_seconds);
		if (job->answer->retry_after_seconds < 1)
			job->answer->retry_after_seconds = 1;
	} else if (error == EXIT_USAGE) {
		answer_error(job->answer, HTTP_BAD_REQUEST, "%s", failure->message);
	} else {
		log_seldom(&job->keeper->failures, "%s failed: %s%s%s", job->op, failure->message,
		           failure->hint[0] ? "; " : "", failure->hint);
		answer_unavailable(job->answer);
	}
}

static void set_quota(struct answer *answer, const struct permit_quota *quota)
{
	answer->quota = (struct answer_quota){
		.known = true,
		.limit = quota->limit,
		.remaining = quota->remaining,
		/* rounded up: at that second it has come */
		.reset_unix_seconds =
			(quota->reset_unix_ns + (__s64)SECOND_NS - 1) / (__s64)SECOND_NS,
	};
}

/* Whether the account may have permits at all, and what is left of its quota. */
static bool learn_quota(struct job *job, struct permit_quota *quota)
{
	enum exit_code error = permit_read_quota(&job->context, job->account.id, quota);

	if (error)
		answer_failure(job, error);
	else
		set_quota(job->answer, quota);
	return !error;
}

/* The front has checked the list, but what is trusted here is checked here. */
static bool parse_addresses(struct job *job, struct address_list *addresses)
{
	char complaint[400];

	if (!address_list_parse(addresses, job->ips, strlen(job->ips),
	                        job->keeper->rules.max_addresses, complaint, sizeof(complaint)))
		return true;
	answer_error(job->answer, HTTP_BAD_REQUEST, "%s", complaint);
	return false;
}

/* What has changed, and nothing else: who changes nothing could fill the log for ever. */
static void log_changes(const struct job *job, const struct permit_outcome *outcome)
{
	for (__u32 i = 0; i < outcome->count; i++) {
		const struct permit_result *result = &outcome->results[i];
		char address[INET_ADDRSTRLEN];

		if (result->change == PERMIT_UNCHANGED || result->change == PERMIT_NONE)
			continue;
		inet_ntop(AF_INET, &result->address, address, sizeof(address));
		log_line("permit of %s: %s, by %s (%s)", address,
		         permit_change_name(result->change), job->account.name, job->caller_text);
	}
}

static void answer_outcome(struct job *job, const struct permit_outcome *outcome)
{
	answer_success(job->answer,
	               json_pack("{s:o, s:o, s:b}", "permits", permit_results_json(outcome),
	                         "quota", permit_quota_json(&outcome->quota), "applied",
	                         (int)outcome->limiter_there));
}

static void permit(struct job *job)
{
	struct permit_outcome outcome = {};
	struct address_list addresses;
	struct permit_quota quota;
	enum exit_code error;

	if (!parse_addresses(job, &addresses))
		return;
	error = permit_request(&job->context, job->account.id, &addresses, job->comment, "http",
	                       &outcome);
	if (!error || error == EXIT_QUOTA)
		set_quota(job->answer, &outcome.quota);
	/* may well be readable, even where nothing can be written */
	else if (error != EXIT_NOT_ALLOWED && error != EXIT_BUSY &&
	         !permit_read_quota(&job->context, job->account.id, &quota))
		set_quota(job->answer, &quota);
	if (error) {
		answer_failure(job, error);
		return;
	}
	log_changes(job, &outcome);
	answer_outcome(job, &outcome);
}

static void revoke(struct job *job)
{
	struct permit_outcome outcome = {};
	struct address_list addresses;
	struct permit_quota quota;
	enum exit_code error;

	if (!learn_quota(job, &quota) || !parse_addresses(job, &addresses))
		return;
	error = permit_revoke(&job->context, job->account.id, &addresses, &outcome);
	if (error) {
		answer_failure(job, error);
		return;
	}
	outcome.quota = quota;
	log_changes(job, &outcome);
	answer_outcome(job, &outcome);
}

static void list(struct job *job)
{
	struct permit_record *records;
	struct permit_quota quota;
	enum exit_code error;
	__u32 count;

	if (!learn_quota(job, &quota))
		return;
	error = permit_list(&job->context, job->account.id, false, &records, &count);
	if (error) {
		answer_failure(job, error);
		return;
	}
	answer_success(job->answer,
	               json_pack("{s:o, s:o}", "permits", permit_records_json(records, count),
	                         "quota", permit_quota_json(&quota)));
	free(records);
}

static void only_token(struct job *job)
{
	job->answer->status = HTTP_OK;
}

static void only_quota(struct job *job)
{
	struct permit_quota quota;

	if (learn_quota(job, &quota))
		job->answer->status = HTTP_OK;
}

static void rate_limit(struct job *job)
{
	struct xrl_address address;
	json_t *json = NULL;
	enum exit_code error;

	if (!caller_is_ipv4(&job->caller)) {
		answer_error(job->answer, HTTP_BAD_REQUEST,
		             "only IPv4 addresses are limited, and the request came from %s",
		             job->caller_text);
		return;
	}
	address = caller_ipv4(&job->caller);
	error = source_state_look_up(job->keeper->pin_dir, &address, &json);
	if (error && error != EXIT_NOT_FOUND) {
		answer_failure(job, error);
		return;
	}
	if (error)
		json = json_pack("{s:s}", "source", job->caller_text);
	if (json)
		json_object_set_new(json, "limited", json_boolean(!error));
	answer_success(job->answer, json);
}

static const struct {
	const char *op;
	void (*run)(struct job *job);
} operations[] = {
	{OP_TOKEN, only_token}, {OP_QUOTA, only_quota}, {OP_PERMIT, permit},
	{OP_REVOKE, revoke},    {OP_LIST, list},        {OP_RATE_LIMIT, rate_limit},
};

static bool understand(struct job *job, const json_t *question)
{
	const char *caller;

	if (json_unpack((json_t *)question, "{s:s, s:s, s:s, s?s, s?s}", "op", &job->op, "token",
	                &job->token, "caller", &caller, "ips", &job->ips, "comment",
	                &job->comment) ||
	    !caller_parse(&job->caller, caller))
		return false;
	if (!job->ips)
		job->ips = "";
	caller_format(&job->caller, job->caller_text);
	return true;
}

static void refuse_token(struct job *job)
{
	struct throttle *throttle = job->keeper->throttle;
	struct in6_addr key = caller_key(&job->caller);
	__u64 now_ns = now_monotonic_ns(), wait_ns = throttle_wait_ns(throttle, &key, now_ns);

	if (wait_ns) {
		answer_error(job->answer, HTTP_TOO_MANY,
		             "too many wrong tokens came from this address");
		job->answer->code = CODE_TOO_MANY_WRONG_TOKENS;
		job->answer->retry_after_seconds = (wait_ns + SECOND_NS - 1) / SECOND_NS;
		return;
	}
	throttle_count_wrong(throttle, &key, now_ns);
	answer_error(job->answer, HTTP_UNAUTHORIZED, "this token is nobody's");
	if (throttle_wait_ns(throttle, &key, now_ns))
		log_seldom(&job->keeper->failures, "too many wrong tokens from %s: slowed",
		           job->caller_text);
}

/* Whether the token is somebody's. A right one is never refused for the wrong ones of others,
 * who may share the address. */
static bool authenticate(struct job *job)
{
	char id[TOKEN_ID_SIZE];
	enum exit_code error = EXIT_NOT_FOUND;

	if (token_id(job->token, id))
		error = account_authenticate(job->keeper->state_dir, KEEPER_WAIT_MS, job->token,
		                             &job->account);
	if (error == EXIT_NOT_FOUND)
		refuse_token(job);
	else if (error)
		answer_failure(job, error);
	return !error;
}

json_t *keeper_rules_json(const struct permit_rules *rules)
{
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "max_addresses",
	                 (json_int_t)rules->max_addresses, "max_requests",
	                 (json_int_t)rules->max_requests, "window_ns", (json_int_t)rules->window_ns,
	                 "lifetime_ns", (json_int_t)rules->lifetime_ns, "linger_ns",
	                 (json_int_t)rules->linger_ns, "max_permits",
	                 (json_int_t)rules->max_permits);
}

static bool read_rules(struct permit_rules *rules, const json_t *question)
{
	json_int_t addresses, requests, window, lifetime, linger, permits;

	if (json_unpack(json_object_get(question, "rules"), "{s:I, s:I, s:I, s:I, s:I, s:I}",
	                "max_addresses", &addresses, "max_requests", &requests, "window_ns",
	                &window, "lifetime_ns", &lifetime, "linger_ns", &linger, "max_permits",
	                &permits))
		return false;
	*rules = (struct permit_rules){addresses, requests, window, lifetime, linger, permits};
	return true;
}

bool keeper_knows(const char *op)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (!strcmp(operations[i].op, op))
			return true;
	return false;
}

static struct permit_context context_of(const struct keeper *keeper)
{
	return (struct permit_context){
		.pin_dir = keeper->pin_dir,
		.state_dir = keeper->state_dir,
		.rules = &keeper->rules,
		.wait_ms = KEEPER_WAIT_MS,
	};
}

void keeper_answer(struct keeper *keeper, const json_t *question, struct answer *answer)
{
	struct job job = {
		.keeper = keeper,
		.context = context_of(keeper),
		.answer = answer,
	};

	*answer = (struct answer){};
	output_capture(&job.failure);
	if (!read_rules(&keeper->rules, question) || !understand(&job, question)) {
		log_line("the front asked something that makes no sense");
		answer_unavailable(answer);
	} else if (authenticate(&job)) {
		for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
			if (!strcmp(operations[i].op, job.op))
				operations[i].run(&job);
	}
	if (!answer->status)
		answer_unavailable(answer);
	output_capture(NULL);
}

void keeper_maintain(struct keeper *keeper, const json_t *question)
{
	struct permit_context context = context_of(keeper);
	struct failure failure = {};
	char complaint[sizeof(keeper->complaint)] = "";

	output_capture(&failure);
	if (read_rules(&keeper->rules, question) && permit_maintain(&context))
		snprintf(complaint, sizeof(complaint), "%s", failure.message);
	output_capture(NULL);
	/* the same once a minute would bury everything else */
	if (complaint[0] && strcmp(complaint, keeper->complaint))
		log_line("cannot look after the permits: %s%s%s", complaint,
		         failure.hint[0] ? "; " : "", failure.hint);
	else if (!complaint[0] && keeper->complaint[0])
		log_line("the permits are looked after again");
	strcpy(keeper->complaint, complaint);
}
