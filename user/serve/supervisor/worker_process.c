// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/supervisor/worker_process.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "user/serve/log.h"
#include "user/serve/supervisor/backoff.h"

#define MAINTAIN_EVERY_NS (60 * SECOND_NS)
#define TOO_LONG_NS       (15 * SECOND_NS)
#define HUNG_NS           (30 * SECOND_NS)
#define LONGEST_ANSWER_NS (3 * KEEPER_WAIT_MS * MILLISECOND_NS)

static struct throttle *share_throttle(void)
{
	struct throttle *throttle = mmap(NULL, sizeof(*throttle), PROT_READ | PROT_WRITE,
	                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (throttle == MAP_FAILED)
		return NULL;
	/* no front gets to see it; the keeper does, see keeper_process_start() */
	if (madvise(throttle, sizeof(*throttle), MADV_DONTFORK) ||
	    getrandom(&throttle->seed, sizeof(throttle->seed), 0) < 0)
		return NULL;
	return throttle;
}

bool keeper_process_open(struct keeper_process *process, const char *pin_dir, const char *state_dir)
{
	*process = (struct keeper_process){
		.keeper = {.pin_dir = pin_dir,
	                   .state_dir = state_dir,
	                   .throttle = share_throttle()},
		.maintain_at_ns = now_monotonic_ns() + MAINTAIN_EVERY_NS,
	};
	return process->keeper.throttle;
}

static void do_as_told(struct keeper *keeper, struct channel *channel, json_t *question)
{
	const char *op = json_string_value(json_object_get(question, "op"));
	struct answer answer = {.status = HTTP_OK};

	if (op && !strcmp(op, OP_MAINTAIN))
		keeper_maintain(keeper, question);
	else
		keeper_answer(keeper, question, &answer);
	/* what can't be answered is answered by its death: the supervisor says 503 */
	if (channel_send(channel, answer_to_json(&answer, 0), answer.body, answer.body_length))
		_exit(EXIT_FAILURE);
	answer_release(&answer);
}

/* In the child. Ends when the supervisor has gone, but not in the middle of a question. */
static void run(const void *context, int fd)
{
	struct keeper *keeper = (struct keeper *)context;
	struct channel channel;
	json_t *question;
	const char *text;
	size_t length;

	channel_open(&channel, fd, CHANNEL_MAX_QUESTION);
	for (;;) {
		struct pollfd polled = {fd, POLLIN, 0};

		if (channel_waits_to_send(&channel))
			polled.events |= POLLOUT;
		if (poll(&polled, 1, -1) < 0)
			continue;
		if (channel_flush(&channel) || channel_receive(&channel))
			_exit(EXIT_SUCCESS);
		while (channel_next(&channel, &question, &text, &length) > 0) {
			do_as_told(keeper, &channel, question);
			json_decref(question);
		}
	}
}

void keeper_process_start(struct keeper_process *process)
{
	struct throttle *throttle = process->keeper.throttle;
	int error;

	madvise(throttle, sizeof(*throttle), MADV_DOFORK);
	error = child_start(&process->child, CHANNEL_MAX_ANSWER, NULL, 0, run, &process->keeper);
	madvise(throttle, sizeof(*throttle), MADV_DONTFORK);
	process->start_at_ns = 0;
	process->start_ns = now_monotonic_ns();
	if (error) {
		log_line("cannot start the keeper: %s", strerror(-error));
		process->start_at_ns = process->start_ns + pause_after(&process->pause_ns, 0);
	}
}

bool keeper_process_ask(struct keeper_process *process, __u32 front, json_t *json)
{
	return questions_add(&process->questions, front, json);
}

static void give(struct keeper_process *process, const struct permit_rules *rules, json_t *json)
{
	json_object_set_new(json, "rules", keeper_rules_json(rules));
	process->busy = true;
	process->busy_since_ns = now_monotonic_ns();
	/* when it has gone, its death is heard of by a signal */
	channel_send(&process->child.channel, json, NULL, 0);
}

static bool take_question(struct keeper_process *process, __u64 now_ns)
{
	while (questions_take(&process->questions, &process->current)) {
		json_t *deadline = json_object_get(process->current.json, "deadline_ns");

		/* what would be begun too late to be answered is not begun */
		if ((__u64)json_integer_value(deadline) > now_ns + LONGEST_ANSWER_NS)
			return true;
		json_decref(process->current.json);
	}
	process->current = (struct question){};
	return false;
}

void keeper_process_do_due(struct keeper_process *process, const struct permit_rules *rules)
{
	__u64 now_ns = now_monotonic_ns();

	if (process->start_at_ns && process->start_at_ns <= now_ns)
		keeper_process_start(process);
	if (process->busy && now_ns - process->busy_since_ns > HUNG_NS && process->child.pid) {
		log_line("the keeper hangs: it is ended");
		process->busy_since_ns = now_ns;
		child_kill(&process->child);
	}
	if (!process->child.pid || process->busy)
		return;
	if (process->maintain_at_ns <= now_ns) {
		process->maintain_at_ns = now_ns + MAINTAIN_EVERY_NS;
		process->current = (struct question){};
		give(process, rules, json_pack("{s:s}", "op", OP_MAINTAIN));
	} else if (take_question(process, now_ns)) {
		give(process, rules, json_incref(process->current.json));
	}
}

__u64 keeper_process_due_ns(const struct keeper_process *process)
{
	if (process->start_at_ns)
		return process->start_at_ns;
	if (!process->child.pid)
		return ~0ULL;
	if (process->busy)
		return process->busy_since_ns + HUNG_NS;
	return process->questions.count ? 0 : process->maintain_at_ns;
}

bool keeper_process_hear(struct keeper_process *process, struct question *question,
                         struct answer *answer)
{
	int error = channel_receive(&process->child.channel);
	json_t *head;
	const char *body;
	size_t length;
	int found = channel_next(&process->child.channel, &head, &body, &length);

	if (found < 0) /* its death is heard of by a signal */
		child_kill(&process->child);
	if (found <= 0) {
		if (error)
			channel_close(&process->child.channel);
		return false;
	}
	if (!answer_from_json(answer, head, body, length))
		answer_unavailable(answer);
	json_decref(head);
	*question = process->current;
	process->current = (struct question){};
	process->busy = false;
	return true;
}

bool keeper_process_bury(struct keeper_process *process, pid_t pid, int status, bool stopping,
                         struct question *question)
{
	__u64 now_ns = now_monotonic_ns();

	*question = (struct question){};
	if (process->child.pid != pid)
		return false;
	if (!stopping || status)
		child_log_death(&process->child, "keeper", status);
	child_forget(&process->child);
	*question = process->current;
	process->current = (struct question){};
	process->busy = false;
	if (!stopping)
		process->start_at_ns =
			now_ns + pause_after(&process->pause_ns, now_ns - process->start_ns);
	return true;
}

bool keeper_process_is_well(const struct keeper_process *process)
{
	return !process->busy || now_monotonic_ns() - process->busy_since_ns < TOO_LONG_NS;
}
