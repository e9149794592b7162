// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Drops per second on a veth pair, with a generator on one CPU and the receiver's NAPI on another.
 * Runs in a network namespace of its own, which the kernel removes when the process ends, in
 * whatever way.
 *
 * The receiver drops every frame, so the frames received are the drops: nftables drops the packets
 * that pass a program at the ingress hook, where the nftables limiter drops, too. */
#include "tests/bench/core_to_core.h"

#include <dirent.h>
#include <limits.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#define SENDER       "xrl-tx"
#define RECEIVER     "xrl-rx"
#define SENDER_CPU   0
#define RECEIVER_CPU 1
#define BATCH_FRAMES 64
#define SETTLE_US    100000

enum mode { BARE, LOOK_UP, LIMITER, NFTABLES, MODES };

static const char *const mode_names[MODES] = {"bare", "look_up", "limiter", "nftables"};

/* With many sources, none would reach the default limit and nothing would be dropped, so both
 * limiters get one packet per hour. In a flood both have the default limit, and the limiter's gate
 * knows none of the sources. */
struct workload {
	const char *name;
	__u64 sources;
	__u64 max_packets, period_ns;
	const char *nft_limit;
	int is_flood;
};

static const struct workload workloads[] = {
	{"one_source", 1, CLASS_DEFAULT_MAX_PACKETS, SECOND_NS, "10000/second", 0},
	{"flood_1m", 1000000, CLASS_DEFAULT_MAX_PACKETS, SECOND_NS, "10000/second", 1},
	{"sources_64k", 65536, 1, HOUR_NS, "1/hour burst 1 packets", 0},
	{"sources_1m", 1000000, 1, HOUR_NS, "1/hour burst 1 packets", 0},
	{"spoofed", 1ULL << 32, CLASS_DEFAULT_MAX_PACKETS, SECOND_NS, "10000/second", 1},
};

struct bench {
	struct baseline_bpf *baseline;
	struct xdp_ratelimit_bpf *limiter;
	int programs[MODES];
	unsigned receiver_index;
	int receiver_pid;
	volatile int stop;
};

__attribute__((format(printf, 1, 2))) static void shell(const char *format, ...)
{
	char command[2048];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command)) {
		fprintf(stderr, "bench: failed: %s\n", command);
		exit(1);
	}
}

/* A sysfs mount shows the network namespace in which it was mounted. */
static void enter_own_network(void)
{
	if (unshare(CLONE_NEWNET | CLONE_NEWNS))
		die("unshare");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("sysfs", "/sys", "sysfs", 0, NULL))
		die("mounting /sys");
}

/* Disables IPv6, so that the kernel sends nothing by itself. */
static void make_veth(void)
{
	shell("sysctl -qw net.ipv6.conf.default.disable_ipv6=1");
	shell("ip link add " SENDER " type veth peer name " RECEIVER);
	shell("ip link set " SENDER " up && ip link set " RECEIVER " up");
}

static void make_table(void)
{
	shell("nft 'add table netdev bench; add chain netdev bench ingress "
	      "{ type filter hook ingress device " RECEIVER " priority 0; }; "
	      "add rule netdev bench ingress drop'");
}

/* The set outlives its rule, so that the next round starts with its elements. */
static void set_rules(const struct workload *workload, enum mode mode)
{
	if (mode == NFTABLES)
		shell("nft -f - <<'.'\nflush chain netdev bench ingress\n"
		      "add rule netdev bench ingress update @%s { ip saddr limit rate over %s } "
		      "drop\n"
		      "add rule netdev bench ingress drop\n.\n",
		      workload->name, workload->nft_limit);
	else
		shell("nft -f - <<'.'\nflush chain netdev bench ingress\n"
		      "add rule netdev bench ingress drop\n.\n");
}

static void make_set(const struct workload *workload)
{
	shell("nft add set netdev bench %s "
	      "'{ type ipv4_addr; flags dynamic; size 1048576; timeout 60s; }'",
	      workload->name);
}

static void delete_set(const struct workload *workload)
{
	shell("nft delete set netdev bench %s", workload->name);
}

/* The receiver's NAPI thread is named napi/IFNAME-NUMBER. */
static int pin_if_receiver(const char *pid)
{
	char path[300], name[64] = "";
	cpu_set_t cpus;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%s/comm", pid);
	file = fopen(path, "r");
	if (!file)
		return 0;
	if (!fgets(name, sizeof(name), file))
		name[0] = 0;
	fclose(file);
	if (strncmp(name, "napi/" RECEIVER, strlen("napi/" RECEIVER)))
		return 0;
	CPU_ZERO(&cpus);
	CPU_SET(RECEIVER_CPU, &cpus);
	return !sched_setaffinity(atoi(pid), sizeof(cpus), &cpus);
}

static int pin_receiver(void)
{
	DIR *proc = opendir("/proc");
	struct dirent *entry;
	int pid = 0;

	shell("echo 1 > /sys/class/net/" RECEIVER "/threaded");
	while (proc && !pid && (entry = readdir(proc)))
		if (pin_if_receiver(entry->d_name))
			pid = atoi(entry->d_name);
	if (proc)
		closedir(proc);
	if (!pid) {
		fprintf(stderr, "bench: cannot find the receiver's NAPI thread\n");
		exit(1);
	}
	return pid;
}

/* The frames received so far, with wall time and the receiver's CPU time. */
struct sample {
	double wall_ns, busy_ns, frames;
};

/* Frames per second of wall time and per second of the receiver's CPU time. The two are equal when
 * the receiver is always busy and alone on its CPU. Ratios use CPU time, since wall time also
 * measures other work on the machine. */
struct rate {
	double wall, busy;
};

static double received_frames(void)
{
	double frames = 0;
	FILE *file = fopen("/sys/class/net/" RECEIVER "/statistics/rx_packets", "r");

	if (!file || fscanf(file, "%lf", &frames) != 1)
		die("reading the receiver's statistics");
	fclose(file);
	return frames;
}

static struct sample sample(const struct bench *bench)
{
	struct sample r = {.wall_ns = clock_ns(CLOCK_MONOTONIC), .frames = received_frames()};
	char path[64];
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", bench->receiver_pid);
	file = fopen(path, "r");
	if (!file || fscanf(file, "%lf", &r.busy_ns) != 1)
		die(path);
	fclose(file);
	return r;
}

static void interrupt(int signal)
{
	(void)signal;
}

static void send_run(int program, __u32 frames)
{
	struct xdp_md ctx = {.data_end = sizeof(frame)};
	LIBBPF_OPTS(bpf_test_run_opts, run, .data_in = frame, .data_size_in = sizeof(frame),
	            .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = frames,
	            .flags = BPF_F_TEST_XDP_LIVE_FRAMES, .batch_size = BATCH_FRAMES);

	if (bpf_prog_test_run_opts(program, &run) && errno != EINTR)
		die("sending");
}

/* Sends in one endless test run, since the kernel takes milliseconds to start one. SIGUSR1 ends it;
 * the main thread handles all other signals. */
static void *send_frames(void *arg)
{
	struct bench *bench = arg;
	int program = bpf_program__fd(bench->baseline->progs.send_from_random_source);
	sigset_t signals;

	sigfillset(&signals);
	sigdelset(&signals, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &signals, NULL);
	pin_to_cpu(SENDER_CPU);
	while (!bench->stop)
		send_run(program, INT_MAX);
	return NULL;
}

static void stop_sending(struct bench *bench, pthread_t sender)
{
	bench->stop = 1;
	pthread_kill(sender, SIGUSR1);
	while (pthread_tryjoin_np(sender, NULL)) {
		usleep(1000);
		pthread_kill(sender, SIGUSR1);
	}
}

static void attach(const struct bench *bench, enum mode mode)
{
	if (bpf_xdp_attach(bench->receiver_index, bench->programs[mode], XDP_FLAGS_DRV_MODE, NULL))
		die("attaching");
}

static struct rate measure(struct bench *bench, const struct workload *workload, enum mode mode,
                           useconds_t measure_us)
{
	struct sample from, to;

	attach(bench, mode);
	set_rules(workload, mode);
	usleep(SETTLE_US);
	from = sample(bench);
	usleep(measure_us);
	to = sample(bench);
	return (struct rate){
		.wall = (to.frames - from.frames) * SECOND_NS / (to.wall_ns - from.wall_ns),
		.busy = (to.frames - from.frames) * SECOND_NS / (to.busy_ns - from.busy_ns),
	};
}

/* Sends five packets per source, drawn at random, so that nearly all sources get a bucket, but for
 * at most `seconds`. */
static void warm_up(struct bench *bench, const struct workload *workload, enum mode mode,
                    int seconds)
{
	__u64 end_ns = clock_ns(CLOCK_MONOTONIC) + seconds * SECOND_NS;
	double sources = workload->sources >> 32 ? 1048576 : workload->sources, until;

	attach(bench, mode);
	set_rules(workload, mode);
	until = received_frames() + 5 * sources;
	while (received_frames() < until && clock_ns(CLOCK_MONOTONIC) < end_ns)
		usleep(SETTLE_US);
}

/* Turns the gate off meanwhile, so that it admits all sources. */
static void warm_up_all(struct bench *bench, const struct workload *workload, int seconds)
{
	set_gate(bench->limiter, XRL_FLOOD_OFF);
	for (enum mode mode = LOOK_UP; mode < MODES; mode++)
		if (mode != LIMITER || !workload->is_flood)
			warm_up(bench, workload, mode, seconds);
	set_gate(bench->limiter, XRL_FLOOD_ON);
}

/* For bare XDP_DROP, the receiver fetches the frame's descriptor from the sending CPU; a program
 * that reads the source fetches another cache line, the header. On a Zen 4 that hardly mattered
 * while the two CPUs shared a last-level cache and were 30 to 55 ns apart; at 165 to 175 ns it took
 * a third of the packet's time. */
#define NEAR_BELOW_NS 100

/* The placement of the two CPUs before and after a round. MOVED: near at one time, apart at the
 * other. */
enum placement { NEAR, APART, MOVED, PLACEMENTS };

struct round {
	struct rate rates[MODES];
	double core_to_core_ns;
	enum placement placement;
};

static pthread_t start_sending(struct bench *bench)
{
	pthread_t sender;

	bench->stop = 0;
	if (pthread_create(&sender, NULL, send_frames, bench))
		die("starting the generator");
	return sender;
}

static enum placement placement_of(double before_ns, double after_ns)
{
	if (before_ns < NEAR_BELOW_NS && after_ns < NEAR_BELOW_NS)
		return NEAR;
	return before_ns >= NEAR_BELOW_NS && after_ns >= NEAR_BELOW_NS ? APART : MOVED;
}

/* The programs take turns within a round. Latency is measured while the sender is stopped. */
static struct round measure_round(struct bench *bench, const struct workload *workload,
                                  useconds_t measure_us)
{
	double before_ns = core_to_core_ns(SENDER_CPU, RECEIVER_CPU), after_ns;
	pthread_t sender = start_sending(bench);
	struct round round;

	for (int mode = 0; mode < MODES; mode++)
		round.rates[mode] = measure(bench, workload, mode, measure_us);
	stop_sending(bench, sender);
	after_ns = core_to_core_ns(SENDER_CPU, RECEIVER_CPU);
	round.core_to_core_ns = (before_ns + after_ns) / 2;
	round.placement = placement_of(before_ns, after_ns);
	return round;
}

/* The rounds of one placement, in columns. */
struct columns {
	double wall[MODES][MAX_ROUNDS], busy[MODES][MAX_ROUNDS], core_to_core_ns[MAX_ROUNDS];
	int rounds;
};

static void select_rounds(struct columns *columns, const struct round *measured, int count,
                          enum placement placement)
{
	columns->rounds = 0;
	for (int i = 0; i < count; i++) {
		int round = columns->rounds;

		if (measured[i].placement != placement)
			continue;
		for (int mode = 0; mode < MODES; mode++) {
			columns->wall[mode][round] = measured[i].rates[mode].wall;
			columns->busy[mode][round] = measured[i].rates[mode].busy;
		}
		columns->core_to_core_ns[round] = measured[i].core_to_core_ns;
		columns->rounds++;
	}
}

static double median_ratio(const struct columns *columns, enum mode of, enum mode to)
{
	double ratios[MAX_ROUNDS];

	for (int round = 0; round < columns->rounds; round++)
		ratios[round] = columns->busy[of][round] / columns->busy[to][round];
	return median(ratios, columns->rounds);
}

static void report(const char *name, const struct columns *columns)
{
	for (int mode = 0; mode < MODES; mode++) {
		printf("%s_%s_drops_per_second %.0f\n", name, mode_names[mode],
		       median(columns->wall[mode], columns->rounds));
		printf("%s_%s_drops_per_cpu_second %.0f\n", name, mode_names[mode],
		       median(columns->busy[mode], columns->rounds));
	}
	printf("%s_look_up_of_bare %.3f\n", name, median_ratio(columns, LOOK_UP, BARE));
	printf("%s_limiter_of_bare %.3f\n", name, median_ratio(columns, LIMITER, BARE));
	printf("%s_limiter_of_look_up %.3f\n", name, median_ratio(columns, LIMITER, LOOK_UP));
	printf("%s_limiter_of_nftables %.2f\n", name, median_ratio(columns, LIMITER, NFTABLES));
	printf("%s_core_to_core_ns %.0f\n", name,
	       median(columns->core_to_core_ns, columns->rounds));
	fflush(stdout);
}

/* Fewer rounds are not reported. */
#define MIN_ROUNDS 3

/* The workload's own figures are of the rounds with the CPUs near each other, and those with them
 * apart are reported by themselves. */
static void report_workload(const struct workload *workload, const struct round *measured,
                            int count)
{
	static const char *const suffixes[PLACEMENTS] = {"", "_apart", "_moved"};
	static struct columns columns;
	char name[64];

	for (enum placement placement = NEAR; placement < PLACEMENTS; placement++) {
		select_rounds(&columns, measured, count, placement);
		snprintf(name, sizeof(name), "%s%s", workload->name, suffixes[placement]);
		printf("%s_rounds %d\n", name, columns.rounds);
		if (placement != MOVED && columns.rounds >= MIN_ROUNDS)
			report(name, &columns);
		else if (placement == NEAR)
			fprintf(stderr,
			        "bench: %s: the CPUs were near each other in only %d of %d rounds; "
			        "not reported\n",
			        name, columns.rounds, count);
	}
}

/* Measures until `near_rounds` rounds had the CPUs near each other, but at most `max_rounds`. */
struct effort {
	int near_rounds, max_rounds, warm_up_seconds;
	useconds_t measure_us;
};

static const struct effort full_effort = {5, 10, 6, 500000}, quick_effort = {3, 6, 1, 200000};

/* A packet of a single source takes so little time that other load matters most. Many short rounds
 * make it likely that each is quiet, or noisy, throughout. */
static const struct effort one_source_effort = {25, MAX_ROUNDS, 1, 200000};

static void measure_workload(struct bench *bench, const struct workload *workload,
                             const struct effort *effort)
{
	static struct round measured[MAX_ROUNDS];
	int count = 0, near = 0;
	pthread_t sender;

	activate_limit(bench->limiter, workload->max_packets, workload->period_ns);
	bench->baseline->data->source_count = workload->sources;
	make_set(workload);
	sender = start_sending(bench);
	warm_up_all(bench, workload, effort->warm_up_seconds);
	stop_sending(bench, sender);
	while (near < effort->near_rounds && count < effort->max_rounds) {
		measured[count] = measure_round(bench, workload, effort->measure_us);
		near += measured[count++].placement == NEAR;
	}
	set_rules(workload, BARE);
	delete_set(workload);
	report_workload(workload, measured, count);
}

static const struct effort *choose_effort(const struct workload *workload, int quick)
{
	if (quick)
		return &quick_effort;
	return workload->sources == 1 ? &one_source_effort : &full_effort;
}

int main(int argc, char **argv)
{
	int quick = argc > 1 && !strcmp(argv[1], "--quick");
	struct bench bench = {};

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2) {
		fprintf(stderr, "bench: needs two CPUs, one for the generator and one for the "
		                "receiver\n");
		return 1;
	}
	signal(SIGUSR1, interrupt);
	enter_own_network();
	make_veth();
	make_table();
	bench.baseline = load_baseline();
	bench.limiter = load_limiter();
	bench.programs[BARE] = bpf_program__fd(bench.baseline->progs.bare_drop);
	bench.programs[LOOK_UP] = bpf_program__fd(bench.baseline->progs.bare_lookup_drop);
	bench.programs[LIMITER] = bpf_program__fd(bench.limiter->progs.xdp_ratelimit);
	bench.programs[NFTABLES] = bpf_program__fd(bench.baseline->progs.empty_pass);
	bench.receiver_index = if_nametoindex(RECEIVER);
	bench.baseline->bss->redirect_ifindex = if_nametoindex(SENDER);
	attach(&bench, BARE);
	bench.receiver_pid = pin_receiver();
	for (size_t i = 0; i < sizeof(workloads) / sizeof(workloads[0]); i++)
		measure_workload(&bench, &workloads[i], choose_effort(&workloads[i], quick));
	return 0;
}
