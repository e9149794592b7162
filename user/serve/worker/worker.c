// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/worker/worker.h"

#include <arpa/inet.h>
#include <math.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "user/serve/ipc/channel.h"
#include "user/serve/ipc/client_address.h"
#include "user/serve/ipc/protocol.h"
#include "user/serve/ipc/response.h"
#include "user/serve/log.h"
#include "user/serve/now.h"
#include "user/permits/permit.h"
#include "user/output/permit.h"
#include "user/output/source.h"

/* One parsed request. */
struct job {
	struct worker *worker;
	struct permit_context context;
	const char *op, *token, *ips, *comment;
	struct client_address client;
	char client_text[CLIENT_ADDRESS_TEXT_SIZE];
	struct account account;
	struct failure failure;
	struct ipc_response *response;
};

/* Turns a failure into a response to the client, or logs it and responds "unavailable". */
static void respond_failure(struct job *job, enum exit_code error)
{
	const struct failure *failure = &job->failure;

	if (error == EXIT_NOT_ALLOWED) {
		ipc_response_error(job->response, IPC_FORBIDDEN, "%s", failure->message);
	} else if (error == EXIT_QUOTA) {
		ipc_response_error(job->response, IPC_QUOTA_EXCEEDED, "%s", failure->message);
		job->response->retry_after_seconds = ceil(failure->retry_after_seconds);
		if (job->response->retry_after_seconds < 1)
			job->response->retry_after_seconds = 1;
	} else if (error == EXIT_USAGE) {
		ipc_response_error(job->response, IPC_BAD_REQUEST, "%s", failure->message);
	} else {
		log_limited(&job->worker->failures, "%s failed: %s%s%s", job->op, failure->message,
		            failure->hint[0] ? "; " : "", failure->hint);
		ipc_response_unavailable(job->response);
	}
}

static void set_quota(struct ipc_response *response, const struct permit_quota *quota)
{
	response->quota = (struct ipc_quota){
		.known = true,
		.limit = quota->limit,
		.remaining = quota->remaining,
		/* rounded up: by that second the reset has happened */
		.reset_unix_seconds =
			(quota->reset_unix_ns + (__s64)SECOND_NS - 1) / (__s64)SECOND_NS,
	};
}

/* Fills in the quota. False: the account may not request permits. */
static bool read_quota(struct job *job, struct permit_quota *quota)
{
	enum exit_code error = permit_read_quota(&job->context, job->account.id, quota);

	if (error)
		respond_failure(job, error);
	else
		set_quota(job->response, quota);
	return !error;
}

/* The frontend has checked the list, but is not trusted. */
static bool parse_addresses(struct job *job, struct address_list *addresses)
{
	char parse_error[400];

	if (!address_list_parse(addresses, job->ips, strlen(job->ips),
	                        job->worker->rules.max_addresses, parse_error, sizeof(parse_error)))
		return true;
	ipc_response_error(job->response, IPC_BAD_REQUEST, "%s", parse_error);
	return false;
}

/* Logs only changes: requests that change nothing could fill the log. */
static void log_changes(const struct job *job, const struct permit_outcome *outcome)
{
	for (__u32 i = 0; i < outcome->count; i++) {
		const struct permit_result *result = &outcome->results[i];
		char address[INET_ADDRSTRLEN];

		if (result->change == PERMIT_UNCHANGED || result->change == PERMIT_NONE)
			continue;
		inet_ntop(AF_INET, &result->address, address, sizeof(address));
		log_line("permit of %s: %s, by %s (%s)", address,
		         permit_change_name(result->change), job->account.name, job->client_text);
	}
}

static void respond_outcome(struct job *job, const struct permit_outcome *outcome)
{
	ipc_response_success(job->response,
	                     json_pack("{s:o, s:o, s:b}", "permits", permit_results_json(outcome),
	                               "quota", permit_quota_json(&outcome->quota), "applied",
	                               (int)outcome->attached));
}

static void permit_addresses(struct job *job)
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
		set_quota(job->response, &outcome.quota);
	/* the quota may be readable even if the store cannot be written */
	else if (error != EXIT_NOT_ALLOWED && error != EXIT_BUSY &&
	         !permit_read_quota(&job->context, job->account.id, &quota))
		set_quota(job->response, &quota);
	if (error) {
		respond_failure(job, error);
		return;
	}
	log_changes(job, &outcome);
	respond_outcome(job, &outcome);
}

static void revoke_addresses(struct job *job)
{
	struct permit_outcome outcome = {};
	struct address_list addresses;
	struct permit_quota quota;
	enum exit_code error;

	if (!read_quota(job, &quota) || !parse_addresses(job, &addresses))
		return;
	error = permit_revoke(&job->context, job->account.id, &addresses, &outcome);
	if (error) {
		respond_failure(job, error);
		return;
	}
	outcome.quota = quota;
	log_changes(job, &outcome);
	respond_outcome(job, &outcome);
}

static void list_permits(struct job *job)
{
	struct permit_record *records;
	struct permit_quota quota;
	enum exit_code error;
	__u32 count;

	if (!read_quota(job, &quota))
		return;
	error = permit_list(&job->context, job->account.id, false, &records, &count);
	if (error) {
		respond_failure(job, error);
		return;
	}
	ipc_response_success(job->response,
	                     json_pack("{s:o, s:o}", "permits", permit_records_json(records, count),
	                               "quota", permit_quota_json(&quota)));
	free(records);
}

static void only_token(struct job *job)
{
	job->response->status = IPC_OK;
}

static void only_quota(struct job *job)
{
	struct permit_quota quota;

	if (read_quota(job, &quota))
		job->response->status = IPC_OK;
}

static void rate_limit(struct job *job)
{
	struct xrl_address address;
	json_t *json = NULL;
	enum exit_code error;

	if (!client_address_is_ipv4(&job->client)) {
		ipc_response_error(job->response, IPC_BAD_REQUEST,
		                   "only IPv4 addresses are limited; this request came from %s",
		                   job->client_text);
		return;
	}
	address = client_address_ipv4(&job->client);
	error = source_look_up(job->worker->pin_dir, &address, &json);
	if (error && error != EXIT_NOT_FOUND) {
		respond_failure(job, error);
		return;
	}
	if (error)
		json = json_pack("{s:s}", "source", job->client_text);
	if (json)
		json_object_set_new(json, "limited", json_boolean(!error));
	ipc_response_success(job->response, json);
}

static const struct {
	const char *op;
	void (*run)(struct job *job);
} operations[] = {
	{OP_TOKEN, only_token},        {OP_QUOTA, only_quota},  {OP_PERMIT, permit_addresses},
	{OP_REVOKE, revoke_addresses}, {OP_LIST, list_permits}, {OP_RATE_LIMIT, rate_limit},
};

static bool parse_request(struct job *job, const json_t *request)
{
	const char *client;

	if (json_unpack((json_t *)request, "{s:s, s:s, s:s, s?s, s?s}", "op", &job->op, "token",
	                &job->token, "client", &client, "ips", &job->ips, "comment",
	                &job->comment) ||
	    !client_address_parse(&job->client, client))
		return false;
	if (!job->ips)
		job->ips = "";
	client_address_format(&job->client, job->client_text);
	return true;
}

static void reject_token(struct job *job)
{
	struct auth_throttle *throttle = job->worker->throttle;
	struct in6_addr key = client_address_key(&job->client);
	__u64 now_ns = now_monotonic_ns(), wait_ns = auth_throttle_wait_ns(throttle, &key, now_ns);

	if (wait_ns) {
		ipc_response_error(job->response, IPC_AUTH_THROTTLED,
		                   "too many wrong tokens from this address");
		job->response->retry_after_seconds = (wait_ns + SECOND_NS - 1) / SECOND_NS;
		return;
	}
	auth_throttle_count_failure(throttle, &key, now_ns);
	ipc_response_error(job->response, IPC_UNAUTHORIZED, "invalid token");
	if (auth_throttle_wait_ns(throttle, &key, now_ns))
		log_limited(&job->worker->failures,
		            "too many wrong tokens from %s: delaying responses", job->client_text);
}

/* A valid token is always accepted, even if other clients behind the same address are throttled. */
static bool authenticate(struct job *job)
{
	char id[TOKEN_ID_SIZE];
	enum exit_code error = EXIT_NOT_FOUND;

	if (token_id(job->token, id))
		error = account_authenticate(job->worker->state_dir, WORKER_WAIT_MS, job->token,
		                             &job->account);
	if (error == EXIT_NOT_FOUND)
		reject_token(job);
	else if (error)
		respond_failure(job, error);
	return !error;
}

static struct permit_context context_of(const struct worker *worker)
{
	return (struct permit_context){
		.pin_dir = worker->pin_dir,
		.state_dir = worker->state_dir,
		.rules = &worker->rules,
		.wait_ms = WORKER_WAIT_MS,
	};
}

static void respond(struct worker *worker, const json_t *request, struct ipc_response *response)
{
	struct job job = {
		.worker = worker,
		.context = context_of(worker),
		.response = response,
	};

	*response = (struct ipc_response){};
	result_capture(&job.failure);
	if (!protocol_rules_from_json(&worker->rules, json_object_get(request, "rules")) ||
	    !parse_request(&job, request)) {
		log_line("the frontend sent a malformed request");
		ipc_response_unavailable(response);
	} else if (authenticate(&job)) {
		for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
			if (!strcmp(operations[i].op, job.op))
				operations[i].run(&job);
	}
	if (!response->status)
		ipc_response_unavailable(response);
	result_capture(NULL);
}

static void maintain(struct worker *worker, const json_t *request)
{
	struct permit_context context = context_of(worker);
	struct failure failure = {};
	char message[sizeof(worker->maintain_error)] = "";

	result_capture(&failure);
	if (protocol_rules_from_json(&worker->rules, json_object_get(request, "rules")) &&
	    permit_maintain(&context))
		snprintf(message, sizeof(message), "%s", failure.message);
	result_capture(NULL);
	/* not once a minute: that would bury everything else */
	if (message[0] && strcmp(message, worker->maintain_error))
		log_line("cannot maintain the permits: %s%s%s", message,
		         failure.hint[0] ? "; " : "", failure.hint);
	else if (!message[0] && worker->maintain_error[0])
		log_line("the permits are maintained again");
	strcpy(worker->maintain_error, message);
}

static void handle(struct worker *worker, struct channel *channel, json_t *request)
{
	const char *op = json_string_value(json_object_get(request, "op"));
	struct ipc_response response = {.status = IPC_OK};

	if (op && !strcmp(op, OP_MAINTAIN))
		maintain(worker, request);
	else
		respond(worker, request, &response);
	/* the supervisor responds for a worker that died */
	if (channel_send(channel, ipc_response_to_json(&response, 0), response.body,
	                 response.body_length))
		_exit(EXIT_FAILURE);
	ipc_response_release(&response);
}

void worker_run(const void *context, int fd)
{
	struct worker *worker = (struct worker *)context;
	struct channel channel;
	json_t *request;
	const char *text;
	size_t length;

	channel_open(&channel, fd, CHANNEL_MAX_REQUEST);
	for (;;) {
		struct pollfd polled = {fd, POLLIN, 0};

		if (channel_has_unsent(&channel))
			polled.events |= POLLOUT;
		if (poll(&polled, 1, -1) < 0)
			continue;
		if (channel_flush(&channel) || channel_receive(&channel))
			_exit(EXIT_SUCCESS);
		while (channel_next(&channel, &request, &text, &length) > 0) {
			handle(worker, &channel, request);
			json_decref(request);
		}
	}
}
