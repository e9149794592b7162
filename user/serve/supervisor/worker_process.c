// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/supervisor/worker_process.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <unistd.h>

#include "user/serve/ipc/protocol.h"
#include "user/serve/log.h"
#include "user/serve/supervisor/backoff.h"

#define MAINTAIN_EVERY_NS   (60 * SECOND_NS)
#define UNHEALTHY_NS        (15 * SECOND_NS)
#define HUNG_NS             (30 * SECOND_NS)
#define LONGEST_RESPONSE_NS (3 * WORKER_WAIT_MS * MILLISECOND_NS)

static struct auth_throttle *map_auth_throttle(void)
{
	struct auth_throttle *throttle = mmap(NULL, sizeof(*throttle), PROT_READ | PROT_WRITE,
	                                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (throttle == MAP_FAILED)
		return NULL;
	/* never passed to a frontend; the worker gets it, see worker_process_start() */
	if (madvise(throttle, sizeof(*throttle), MADV_DONTFORK) ||
	    getrandom(&throttle->seed, sizeof(throttle->seed), 0) < 0)
		return NULL;
	return throttle;
}

bool worker_process_open(struct worker_process *process, const char *pin_dir, const char *state_dir)
{
	*process = (struct worker_process){
		.worker = {.pin_dir = pin_dir,
	                   .state_dir = state_dir,
	                   .throttle = map_auth_throttle()},
		.maintain_at_ns = now_monotonic_ns() + MAINTAIN_EVERY_NS,
	};
	return process->worker.throttle;
}

void worker_process_start(struct worker_process *process)
{
	struct auth_throttle *throttle = process->worker.throttle;
	int error;

	madvise(throttle, sizeof(*throttle), MADV_DOFORK);
	error = child_start(&process->child, CHANNEL_MAX_RESPONSE, NULL, 0, worker_run,
	                    &process->worker);
	madvise(throttle, sizeof(*throttle), MADV_DONTFORK);
	process->start_at_ns = 0;
	process->start_ns = now_monotonic_ns();
	if (error) {
		log_line("cannot start the store worker: %s", strerror(-error));
		process->start_at_ns = process->start_ns + backoff_next(&process->backoff_ns, 0);
	}
}

bool worker_process_enqueue(struct worker_process *process, __u32 frontend, json_t *json)
{
	return queue_add(&process->queue, frontend, json);
}

static void send_request(struct worker_process *process, const struct permit_rules *rules,
                         json_t *json)
{
	json_object_set_new(json, "rules", protocol_rules_to_json(rules));
	process->busy = true;
	process->busy_since_ns = now_monotonic_ns();
	/* SIGCHLD reports its death */
	channel_send(&process->child.channel, json, NULL, 0);
}

static bool next_request(struct worker_process *process, __u64 now_ns)
{
	while (queue_take(&process->queue, &process->current)) {
		json_t *deadline = json_object_get(process->current.json, "deadline_ns");

		/* skip a request whose client would no longer get the response */
		if ((__u64)json_integer_value(deadline) > now_ns + LONGEST_RESPONSE_NS)
			return true;
		json_decref(process->current.json);
	}
	process->current = (struct ipc_request){};
	return false;
}

void worker_process_run_timers(struct worker_process *process, const struct permit_rules *rules)
{
	__u64 now_ns = now_monotonic_ns();

	if (process->start_at_ns && process->start_at_ns <= now_ns)
		worker_process_start(process);
	if (process->busy && now_ns - process->busy_since_ns > HUNG_NS && process->child.pid) {
		log_line("store worker is hung; killing it");
		process->busy_since_ns = now_ns;
		child_kill(&process->child);
	}
	if (!process->child.pid || process->busy)
		return;
	if (process->maintain_at_ns <= now_ns) {
		process->maintain_at_ns = now_ns + MAINTAIN_EVERY_NS;
		process->current = (struct ipc_request){};
		send_request(process, rules, json_pack("{s:s}", "op", OP_MAINTAIN));
	} else if (next_request(process, now_ns)) {
		send_request(process, rules, json_incref(process->current.json));
	}
}

__u64 worker_process_next_deadline_ns(const struct worker_process *process)
{
	if (process->start_at_ns)
		return process->start_at_ns;
	if (!process->child.pid)
		return ~0ULL;
	if (process->busy)
		return process->busy_since_ns + HUNG_NS;
	return process->queue.count ? 0 : process->maintain_at_ns;
}

bool worker_process_receive(struct worker_process *process, struct ipc_request *request,
                            struct ipc_response *response)
{
	int error = channel_receive(&process->child.channel);
	json_t *head;
	const char *body;
	size_t length;
	int found = channel_next(&process->child.channel, &head, &body, &length);

	if (found < 0) /* SIGCHLD reports its death */
		child_kill(&process->child);
	if (found <= 0) {
		if (error)
			channel_close(&process->child.channel);
		return false;
	}
	if (!ipc_response_from_json(response, head, body, length))
		ipc_response_unavailable(response);
	json_decref(head);
	*request = process->current;
	process->current = (struct ipc_request){};
	process->busy = false;
	return true;
}

bool worker_process_reap(struct worker_process *process, pid_t pid, int status, bool stopping,
                         struct ipc_request *request)
{
	__u64 now_ns = now_monotonic_ns();

	*request = (struct ipc_request){};
	if (process->child.pid != pid)
		return false;
	if (!stopping || status)
		child_log_exit(&process->child, "store worker", status);
	child_reap(&process->child);
	*request = process->current;
	process->current = (struct ipc_request){};
	process->busy = false;
	if (!stopping)
		process->start_at_ns =
			now_ns + backoff_next(&process->backoff_ns, now_ns - process->start_ns);
	return true;
}

bool worker_process_is_healthy(const struct worker_process *process)
{
	return !process->busy || now_monotonic_ns() - process->busy_since_ns < UNHEALTHY_NS;
}
