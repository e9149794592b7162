// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/supervisor/supervisor.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "user/serve/supervisor/frontends.h"
#include "user/serve/supervisor/worker_process.h"
#include "user/serve/ipc/protocol.h"
#include "user/serve/ipc/response.h"
#include "user/serve/log.h"
#include "user/serve/now.h"
#include "user/serve/supervisor/reload_process.h"
#include "user/serve/supervisor/setup.h"

#define RELOAD_SECONDS 10
#define STOP_SECONDS   5

struct supervisor {
	const struct options *options;
	struct identity identity;
	struct frontend_setup *setup;
	struct worker_process worker;
	struct frontends frontends;
	int signals;
	bool stopping;
};

static void log_addresses(const struct frontend_setup *setup, const char *what)
{
	for (int i = 0; i < setup->listeners.count; i++) {
		const struct listener *listener = &setup->listeners.items[i];

		log_line("%s %s%s", what, listener->text,
		         listener_needs_tls(listener, &setup->settings) ? " with TLS" : "");
	}
}

static void adopt_setup(struct supervisor *supervisor, struct frontend_setup *setup)
{
	listeners_close(&supervisor->setup->listeners, &setup->listeners);
	tls_release(&supervisor->setup->tls);
	free(supervisor->setup);
	supervisor->setup = setup;
}

static void reload(struct supervisor *supervisor)
{
	struct frontend_setup *setup = calloc(1, sizeof(*setup));
	struct failure failure = {.message = "out of memory"};
	enum exit_code error = EXIT_FAILED;

	result_capture(&failure);
	if (setup)
		error = setup_prepare(setup, supervisor->options, supervisor->setup,
		                      &supervisor->identity);
	result_capture(NULL);
	if (error) {
		log_line("reload failed, nothing was changed: %s%s%s", failure.message,
		         failure.hint[0] ? "; " : "", failure.hint);
		free(setup);
		return;
	}
	if (strcmp(setup->settings.user, supervisor->identity.name))
		log_line("the user remains '%s' until a restart", supervisor->identity.name);
	adopt_setup(supervisor, setup);
	frontends_drain(&supervisor->frontends, RELOAD_SECONDS);
	frontends_start(&supervisor->frontends, supervisor->setup);
	log_addresses(supervisor->setup, "reloaded: listening on");
	reload_process_start(supervisor->options);
}

/* Closes the sockets first: new clients are refused rather than kept waiting. */
static void stop(struct supervisor *supervisor)
{
	if (supervisor->stopping) { /* second request: end at once */
		frontends_kill(&supervisor->frontends);
		return;
	}
	log_line("ending");
	supervisor->stopping = true;
	listeners_close(&supervisor->setup->listeners, NULL);
	frontends_drain(&supervisor->frontends, STOP_SECONDS);
}

/* Drops the response if its frontend has ended: its client has gone, too. */
static void send_response(struct supervisor *supervisor, struct ipc_request *request,
                          struct ipc_response *response)
{
	struct frontend_process *frontend =
		frontends_find(&supervisor->frontends, request->frontend);
	json_t *id = json_object_get(request->json, "id");
	int error = 0;

	if (frontend && request->json)
		error = channel_send(&frontend->child.channel,
		                     ipc_response_to_json(response, json_integer_value(id)),
		                     response->body, response->body_length);
	if (error == -EMSGSIZE) {
		log_line("frontend does not read its responses; killing it");
		child_kill(&frontend->child);
	}
	ipc_response_release(response);
	json_decref(request->json);
}

static void receive_from_worker(struct supervisor *supervisor)
{
	struct ipc_request request;
	struct ipc_response response = {};

	if (worker_process_receive(&supervisor->worker, &request, &response))
		send_response(supervisor, &request, &response);
}

static void reap(struct supervisor *supervisor)
{
	struct ipc_response response = {};
	struct ipc_request request;
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (supervisor->worker.child.pid == pid)
			receive_from_worker(supervisor); /* messages sent before its death count */
		if (frontends_reap(&supervisor->frontends, pid, status, supervisor->stopping) ||
		    !worker_process_reap(&supervisor->worker, pid, status, supervisor->stopping,
		                         &request))
			continue;
		response = (struct ipc_response){};
		ipc_response_unavailable(&response);
		if (request.json)
			send_response(supervisor, &request, &response);
	}
}

static void handle_signals(struct supervisor *supervisor)
{
	struct signalfd_siginfo info;

	while (read(supervisor->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGCHLD)
			reap(supervisor);
		else if (info.ssi_signo != SIGHUP)
			stop(supervisor);
		else if (!supervisor->stopping)
			reload(supervisor);
	}
}

/* A ping never waits for a request in progress. */
static bool accept_request(struct supervisor *supervisor, struct frontend_process *frontend,
                           json_t *json)
{
	const char *op = json_string_value(json_object_get(json, "op"));
	struct ipc_request request = {frontend->serial, json};
	struct ipc_response response = {.status = IPC_OK};

	if (op && protocol_is_worker_op(op)) {
		if (worker_process_enqueue(&supervisor->worker, frontend->serial, json))
			return true;
		ipc_response_unavailable(&response);
	} else if (!op || strcmp(op, OP_PING)) {
		json_decref(json);
		return false;
	} else if (!worker_process_is_healthy(&supervisor->worker)) {
		ipc_response_unavailable(&response);
	}
	send_response(supervisor, &request, &response);
	return true;
}

static void receive_from_frontend(struct supervisor *supervisor, struct frontend_process *frontend)
{
	int error = channel_receive(&frontend->child.channel), found;
	json_t *request;
	const char *text;
	size_t length;

	while ((found = channel_next(&frontend->child.channel, &request, &text, &length)) > 0) {
		if (accept_request(supervisor, frontend, request))
			continue;
		found = -EPROTO;
		break;
	}
	channel_wipe(&frontend->child.channel);
	if (found < 0) {
		log_line("frontend violated the protocol; killing it");
		child_kill(&frontend->child);
	}
	if (found < 0 || error) /* SIGCHLD reports its death */
		channel_close(&frontend->child.channel);
}

static struct pollfd poll_child(const struct child *child)
{
	bool there = child->pid && child->channel.fd >= 0;
	struct pollfd polled = {there ? child->channel.fd : -1, POLLIN, 0};

	if (there && channel_has_unsent(&child->channel))
		polled.events |= POLLOUT;
	return polled;
}

static void wait_for_work(struct supervisor *supervisor)
{
	__u64 deadline_ns = frontends_next_deadline_ns(
		&supervisor->frontends, worker_process_next_deadline_ns(&supervisor->worker));
	struct frontend_process *frontends = supervisor->frontends.items;
	struct pollfd polled[2 + FRONTENDS_MAX];

	polled[0] = (struct pollfd){supervisor->signals, POLLIN, 0};
	polled[1] = poll_child(&supervisor->worker.child);
	for (int i = 0; i < FRONTENDS_MAX; i++)
		polled[2 + i] = poll_child(&frontends[i].child);
	if (poll(polled, 2 + FRONTENDS_MAX, milliseconds_until(deadline_ns, now_monotonic_ns())) <=
	    0)
		return;
	if (polled[1].revents & POLLOUT)
		channel_flush(&supervisor->worker.child.channel);
	if (polled[1].revents & ~POLLOUT)
		receive_from_worker(supervisor);
	for (int i = 0; i < FRONTENDS_MAX; i++) {
		if (polled[2 + i].revents & POLLOUT)
			channel_flush(&frontends[i].child.channel);
		if (polled[2 + i].revents & ~POLLOUT)
			receive_from_frontend(supervisor, &frontends[i]);
	}
	if (polled[0].revents)
		handle_signals(supervisor);
}

static sigset_t handled_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	return set;
}

void supervisor_block_signals(void)
{
	sigset_t set = handled_signals();

	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int open_signals(void)
{
	sigset_t set = handled_signals();

	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Without frontends no client waits for a response, and the next start repairs an interrupted
 * change of the store. */
static void end_worker(struct supervisor *supervisor)
{
	if (!supervisor->worker.child.pid)
		return;
	if (supervisor->worker.busy)
		child_kill(&supervisor->worker.child);
	channel_close(&supervisor->worker.child.channel);
	waitpid(supervisor->worker.child.pid, NULL, 0);
}

enum exit_code supervisor_run(const struct options *options, const struct identity *identity,
                              struct frontend_setup *setup)
{
	static struct supervisor supervisor;

	supervisor = (struct supervisor){.options = options, .identity = *identity, .setup = setup};
	supervisor.signals = open_signals();
	if (supervisor.signals < 0 ||
	    !worker_process_open(&supervisor.worker, options->pin_dir, options->state_dir))
		return fail(EXIT_FAILED, NULL, "cannot prepare to serve: %m");
	log_addresses(setup, "listening on");
	worker_process_start(&supervisor.worker);
	frontends_start(&supervisor.frontends, setup);
	while (!supervisor.stopping || frontends_any(&supervisor.frontends)) {
		wait_for_work(&supervisor);
		worker_process_run_timers(&supervisor.worker, &supervisor.setup->rules);
		frontends_run_timers(&supervisor.frontends, supervisor.setup, now_monotonic_ns());
	}
	end_worker(&supervisor);
	close(supervisor.signals);
	return EXIT_DONE;
}
