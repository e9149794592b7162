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
#include "user/serve/log.h"
#include "user/serve/now.h"
#include "user/serve/supervisor/reload_process.h"
#include "user/serve/supervisor/setup.h"

#define RELOAD_SECONDS 10
#define STOP_SECONDS   5

struct supervisor {
	const struct options *options;
	struct identity identity;
	struct front_setup *setup;
	struct keeper_process keeper;
	struct fronts fronts;
	int signals;
	bool stopping;
};

static void log_addresses(const struct front_setup *setup, const char *what)
{
	for (int i = 0; i < setup->listeners.count; i++) {
		const struct listener *listener = &setup->listeners.items[i];

		log_line("%s %s%s", what, listener->text,
		         listener_needs_tls(listener, &setup->settings) ? " with TLS" : "");
	}
}

static void take_over(struct supervisor *supervisor, struct front_setup *setup)
{
	listeners_close(&supervisor->setup->listeners, &setup->listeners);
	tls_forget(&supervisor->setup->tls);
	free(supervisor->setup);
	supervisor->setup = setup;
}

static void reload(struct supervisor *supervisor)
{
	struct front_setup *setup = calloc(1, sizeof(*setup));
	struct failure failure = {.message = "there is no memory left"};
	enum exit_code error = EXIT_FAILED;

	output_capture(&failure);
	if (setup)
		error = setup_prepare(setup, supervisor->options, supervisor->setup,
		                      &supervisor->identity);
	output_capture(NULL);
	if (error) {
		log_line("reload refused, nothing is changed: %s%s%s", failure.message,
		         failure.hint[0] ? "; " : "", failure.hint);
		free(setup);
		return;
	}
	if (strcmp(setup->settings.user, supervisor->identity.name))
		log_line("the user stays '%s' until a restart", supervisor->identity.name);
	take_over(supervisor, setup);
	fronts_retire(&supervisor->fronts, RELOAD_SECONDS);
	fronts_start(&supervisor->fronts, supervisor->setup);
	log_addresses(supervisor->setup, "reloaded: listening on");
	policy_process_start(supervisor->options);
}

/* The sockets go first: whoever comes now is refused instead of kept waiting. */
static void stop(struct supervisor *supervisor)
{
	if (supervisor->stopping) { /* asked for a second time: at once */
		fronts_kill(&supervisor->fronts);
		return;
	}
	log_line("ending");
	supervisor->stopping = true;
	listeners_close(&supervisor->setup->listeners, NULL);
	fronts_retire(&supervisor->fronts, STOP_SECONDS);
}

/* Without a front that still is there the answer goes nowhere: its client has gone, too. */
static void give_answer(struct supervisor *supervisor, struct question *question,
                        struct answer *answer)
{
	struct front_process *front = fronts_find(&supervisor->fronts, question->front);
	json_t *id = json_object_get(question->json, "id");
	int error = 0;

	if (front && question->json)
		error = channel_send(&front->child.channel,
		                     answer_to_json(answer, json_integer_value(id)), answer->body,
		                     answer->body_length);
	if (error == -EMSGSIZE) {
		log_line("an answer is too long, or the front doesn't read: it is ended");
		child_kill(&front->child);
	}
	answer_release(answer);
	json_decref(question->json);
}

static void hear_keeper(struct supervisor *supervisor)
{
	struct question question;
	struct answer answer = {};

	if (keeper_process_hear(&supervisor->keeper, &question, &answer))
		give_answer(supervisor, &question, &answer);
}

static void reap(struct supervisor *supervisor)
{
	struct answer answer = {};
	struct question question;
	pid_t pid;
	int status;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (supervisor->keeper.child.pid == pid)
			hear_keeper(supervisor); /* what it has said before it died counts */
		if (fronts_bury(&supervisor->fronts, pid, status, supervisor->stopping) ||
		    !keeper_process_bury(&supervisor->keeper, pid, status, supervisor->stopping,
		                         &question))
			continue;
		answer = (struct answer){};
		answer_unavailable(&answer);
		if (question.json)
			give_answer(supervisor, &question, &answer);
	}
}

static void obey_signals(struct supervisor *supervisor)
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

/* A ping never waits for what is under way. */
static bool accept_question(struct supervisor *supervisor, struct front_process *front,
                            json_t *json)
{
	const char *op = json_string_value(json_object_get(json, "op"));
	struct question question = {front->serial, json};
	struct answer answer = {.status = HTTP_OK};

	if (op && keeper_knows(op)) {
		if (keeper_process_ask(&supervisor->keeper, front->serial, json))
			return true;
		answer_unavailable(&answer);
	} else if (!op || strcmp(op, OP_PING)) {
		json_decref(json);
		return false;
	} else if (!keeper_process_is_well(&supervisor->keeper)) {
		answer_unavailable(&answer);
	}
	give_answer(supervisor, &question, &answer);
	return true;
}

static void hear_front(struct supervisor *supervisor, struct front_process *front)
{
	int error = channel_receive(&front->child.channel), found;
	json_t *question;
	const char *text;
	size_t length;

	while ((found = channel_next(&front->child.channel, &question, &text, &length)) > 0) {
		if (accept_question(supervisor, front, question))
			continue;
		found = -EPROTO;
		break;
	}
	channel_wipe(&front->child.channel);
	if (found < 0) {
		log_line("the front sends what it shouldn't: it is ended");
		child_kill(&front->child);
	}
	if (found < 0 || error) /* its death is heard of by a signal */
		channel_close(&front->child.channel);
}

static struct pollfd poll_child(const struct child *child)
{
	bool there = child->pid && child->channel.fd >= 0;
	struct pollfd polled = {there ? child->channel.fd : -1, POLLIN, 0};

	if (there && channel_waits_to_send(&child->channel))
		polled.events |= POLLOUT;
	return polled;
}

static void wait_for_work(struct supervisor *supervisor)
{
	__u64 due_ns =
		fronts_due_ns(&supervisor->fronts, keeper_process_due_ns(&supervisor->keeper));
	struct front_process *fronts = supervisor->fronts.items;
	struct pollfd polled[2 + FRONTS_MAX];

	polled[0] = (struct pollfd){supervisor->signals, POLLIN, 0};
	polled[1] = poll_child(&supervisor->keeper.child);
	for (int i = 0; i < FRONTS_MAX; i++)
		polled[2 + i] = poll_child(&fronts[i].child);
	if (poll(polled, 2 + FRONTS_MAX, milliseconds_until(due_ns, now_monotonic_ns())) <= 0)
		return;
	if (polled[1].revents & POLLOUT)
		channel_flush(&supervisor->keeper.child.channel);
	if (polled[1].revents & ~POLLOUT)
		hear_keeper(supervisor);
	for (int i = 0; i < FRONTS_MAX; i++) {
		if (polled[2 + i].revents & POLLOUT)
			channel_flush(&fronts[i].child.channel);
		if (polled[2 + i].revents & ~POLLOUT)
			hear_front(supervisor, &fronts[i]);
	}
	if (polled[0].revents)
		obey_signals(supervisor);
}

static sigset_t obeyed_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGCHLD);
	return set;
}

void supervise_block_signals(void)
{
	sigset_t set = obeyed_signals();

	sigprocmask(SIG_BLOCK, &set, NULL);
}

static int open_signals(void)
{
	sigset_t set = obeyed_signals();

	return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

/* Without fronts nobody waits for an answer, and what the store is spared half of it mends. */
static void end_keeper(struct supervisor *supervisor)
{
	if (!supervisor->keeper.child.pid)
		return;
	if (supervisor->keeper.busy)
		child_kill(&supervisor->keeper.child);
	channel_close(&supervisor->keeper.child.channel);
	waitpid(supervisor->keeper.child.pid, NULL, 0);
}

enum exit_code supervise(const struct options *options, const struct identity *identity,
                         struct front_setup *setup)
{
	static struct supervisor supervisor;

	supervisor = (struct supervisor){.options = options, .identity = *identity, .setup = setup};
	supervisor.signals = open_signals();
	if (supervisor.signals < 0 ||
	    !keeper_process_open(&supervisor.keeper, options->pin_dir, options->state_dir))
		return fail(EXIT_FAILED, NULL, "cannot prepare to serve: %m");
	log_addresses(setup, "listening on");
	keeper_process_start(&supervisor.keeper);
	fronts_start(&supervisor.fronts, setup);
	while (!supervisor.stopping || fronts_any(&supervisor.fronts)) {
		wait_for_work(&supervisor);
		keeper_process_do_due(&supervisor.keeper, &supervisor.setup->rules);
		fronts_do_due(&supervisor.fronts, supervisor.setup, now_monotonic_ns());
	}
	end_keeper(&supervisor);
	close(supervisor.signals);
	return EXIT_DONE;
}
