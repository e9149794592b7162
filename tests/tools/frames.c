// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Sends and counts Ethernet frames for the tests and the demo. What is sent needs no route
 * and no neighbour, and what is received is counted before any firewall sees it. */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <ifaddrs.h>
#include <linux/filter.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH           64
#define MAX_FRAME_BYTES 9600
#define MIN_FRAME_BYTES 60
#define MAX_TAGS        2
#define TAG_BYTES       4
#define ALIGN_BYTES     2 /* in front of 14, so that the IPv4 header is aligned */
#define MAX_SECONDS     600.0
#define DEFAULT_SECONDS 60.0
#define SECOND_NS       1000000000ULL
#define POLL_NS         2000000

static const char usage[] =
	"usage: frames send IF --source A.B.C.D [--sources N [--scattered]] [--count N]\n"
	"              [--seconds S] [--rate PPS] [--destination A.B.C.D]\n"
	"              [--destination-mac MAC]\n"
	"              [--vlan ID [--vlan ID]] [--size BYTES] [--cpu N]\n"
	"              [--proto udp|tcp-syn|tcp-ack|icmp-unreachable]\n"
	"       frames receive IF [--source A.B.C.D] [--destination-mac MAC] [--count N]\n"
	"              [--seconds S]\n"
	"\n"
	"send prints how many frames left the interface. With --sources they come from N\n"
	"consecutive addresses in turn, or scattered over them: hardly one comes twice, and\n"
	"neighbours are far apart, as in a flood of invented addresses; two --vlan are an\n"
	"802.1ad tag and an 802.1Q tag.\n"
	"receive says on stderr when it listens, and prints how many IPv4 frames arrived.\n"
	"Both end after S seconds (60 unless given), after N frames, or at an interrupt.\n";

enum proto {
	UDP,
	TCP_SYN,
	TCP_ACK,
	ICMP_UNREACHABLE,
	PROTOS,
};

static const char *const proto_names[PROTOS] = {
	[UDP] = "udp",
	[TCP_SYN] = "tcp-syn",
	[TCP_ACK] = "tcp-ack",
	[ICMP_UNREACHABLE] = "icmp-unreachable",
};

struct options {
	const char *interface;
	bool has_source, has_destination_mac, is_scattered;
	uint32_t source, sources, destination; /* host order */
	uint8_t destination_mac[ETH_ALEN];
	uint64_t count, rate;
	double seconds;
	uint16_t tags[MAX_TAGS];
	uint32_t tag_count, frame_bytes;
	int cpu;
	enum proto proto;
};

static volatile sig_atomic_t interrupted;

static void interrupt(int signal)
{
	interrupted = signal;
}

__attribute__((noreturn, format(printf, 2, 3))) static void fail(int status, const char *format,
                                                                 ...)
{
	va_list args;

	fputs("frames: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(status);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * SECOND_NS + now.tv_nsec;
}

static void sleep_until_ns(uint64_t when_ns)
{
	struct timespec when = {when_ns / SECOND_NS, when_ns % SECOND_NS};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

/* ---- the command line ---- */

static uint64_t parse_number(const char *option, const char *text, uint64_t min, uint64_t max)
{
	unsigned long long number;
	char *end;

	errno = 0;
	number = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || number < min || number > max)
		fail(2, "--%s '%s': expected a whole number from %llu to %llu", option, text,
		     (unsigned long long)min, (unsigned long long)max);
	return number;
}

static double parse_seconds(const char *text)
{
	char *end;
	double seconds = strtod(text, &end);

	if (end == text || *end || !(seconds > 0 && seconds <= MAX_SECONDS))
		fail(2, "--seconds '%s': expected more than 0 and at most %.0f", text, MAX_SECONDS);
	return seconds;
}

static uint32_t parse_address(const char *option, const char *text)
{
	struct in_addr address;

	if (inet_pton(AF_INET, text, &address) != 1)
		fail(2, "--%s '%s': expected an IPv4 address", option, text);
	return ntohl(address.s_addr);
}

static void parse_mac(const char *text, uint8_t mac[ETH_ALEN])
{
	int end = 0;

	sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3],
	       &mac[4], &mac[5], &end);
	if (!end || text[end])
		fail(2, "--destination-mac '%s': expected six bytes such as 02:00:00:00:00:01",
		     text);
}

static enum proto parse_proto(const char *text)
{
	for (int i = 0; i < PROTOS; i++)
		if (!strcmp(text, proto_names[i]))
			return i;
	fail(2, "--proto '%s': expected udp, tcp-syn, tcp-ack or icmp-unreachable", text);
}

static void add_tag(struct options *options, const char *text)
{
	if (options->tag_count == MAX_TAGS)
		fail(2, "--vlan: at most %d", MAX_TAGS);
	options->tags[options->tag_count++] = parse_number("vlan", text, 0, 4095);
}

static void take_option(struct options *options, const char *name, const char *value)
{
	if (!strcmp(name, "source")) {
		options->source = parse_address(name, value);
		options->has_source = true;
	} else if (!strcmp(name, "sources")) {
		options->sources = parse_number(name, value, 1, UINT32_MAX);
	} else if (!strcmp(name, "scattered")) {
		options->is_scattered = true;
	} else if (!strcmp(name, "destination")) {
		options->destination = parse_address(name, value);
	} else if (!strcmp(name, "destination-mac")) {
		parse_mac(value, options->destination_mac);
		options->has_destination_mac = true;
	} else if (!strcmp(name, "count")) {
		options->count = parse_number(name, value, 1, INT64_MAX);
	} else if (!strcmp(name, "seconds")) {
		options->seconds = parse_seconds(value);
	} else if (!strcmp(name, "rate")) {
		options->rate = parse_number(name, value, 1, SECOND_NS);
	} else if (!strcmp(name, "vlan")) {
		add_tag(options, value);
	} else if (!strcmp(name, "size")) {
		options->frame_bytes = parse_number(name, value, MIN_FRAME_BYTES, MAX_FRAME_BYTES);
	} else if (!strcmp(name, "cpu")) {
		options->cpu = parse_number(name, value, 0, CPU_SETSIZE - 1);
	} else {
		options->proto = parse_proto(value);
	}
}

static void parse_options(struct options *options, int argc, char **argv,
                          const struct option *known)
{
	int index = 0, result;
	uint32_t smallest;

	*options = (struct options){
		.sources = 1,
		.destination = 0xC0000201, /* 192.0.2.1 */
		.destination_mac = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF},
		.seconds = DEFAULT_SECONDS,
		.cpu = -1,
	};
	while ((result = getopt_long(argc, argv, "", known, &index)) == 0)
		take_option(options, known[index].name, optarg);
	if (result != -1)
		fail(2, "no such option\n%s", usage);
	if (optind != argc - 1)
		fail(2, "one interface is to be named\n%s", usage);
	options->interface = argv[optind];
	/* A tag makes the smallest frame longer: there is always room for the headers. */
	smallest = MIN_FRAME_BYTES + TAG_BYTES * options->tag_count;
	if (!options->frame_bytes)
		options->frame_bytes = smallest;
	if (options->frame_bytes < smallest)
		fail(2, "--size %u: expected at least %u with so many tags", options->frame_bytes,
		     smallest);
}

/* ---- what both need ---- */

static unsigned int index_of(const char *interface)
{
	unsigned int index = if_nametoindex(interface);

	if (!index)
		fail(1, "interface %s: %s", interface, strerror(errno));
	return index;
}

static int open_socket(void)
{
	/* Protocol 0: nothing arrives before bind() names the interface. */
	int sock = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (sock < 0)
		fail(1, "cannot open a packet socket: %s%s", strerror(errno),
		     errno == EPERM ? " (CAP_NET_RAW is needed, be root)" : "");
	return sock;
}

static void set_option(int sock, int level, int name, const void *value, socklen_t size,
                       const char *what)
{
	if (setsockopt(sock, level, name, value, size))
		fail(1, "cannot %s: %s", what, strerror(errno));
}

static void bind_to(int sock, const char *interface, uint16_t protocol)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = index_of(interface),
	};

	if (bind(sock, (struct sockaddr *)&address, sizeof(address)))
		fail(1, "cannot bind to %s: %s", interface, strerror(errno));
}

/* ---- send ---- */

static uint32_t sum_words(const void *data, uint32_t bytes)
{
	const uint8_t *octets = data;
	uint32_t sum = 0;

	for (uint32_t i = 0; i < bytes; i++)
		sum += i & 1 ? octets[i] : octets[i] << 8;
	return sum;
}

static uint16_t finish_sum(uint32_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xFFFF) + (sum >> 16);
	return htons(~sum & 0xFFFF);
}

static uint32_t link_bytes(const struct options *options)
{
	return ETH_HLEN + TAG_BYTES * options->tag_count;
}

static void write_link(uint8_t *at, const struct options *options, const uint8_t *source_mac)
{
	memcpy(at, options->destination_mac, ETH_ALEN);
	memcpy(at + ETH_ALEN, source_mac, ETH_ALEN);
	at += 2 * ETH_ALEN;
	for (uint32_t i = 0; i < options->tag_count; i++) {
		bool outer_of_two = i + 1 < options->tag_count;
		uint16_t tag[2] = {htons(outer_of_two ? ETH_P_8021AD : ETH_P_8021Q),
		                   htons(options->tags[i])};

		memcpy(at, tag, sizeof(tag));
		at += sizeof(tag);
	}
	*(uint16_t *)at = htons(ETH_P_IP);
}

static uint32_t pseudo_header_sum(const struct iphdr *ip, uint32_t bytes)
{
	return sum_words(&ip->saddr, 8) + ip->protocol + bytes;
}

static void write_udp(struct udphdr *udp, uint32_t bytes)
{
	/* RFC 768: a checksum of zero is none */
	*udp = (struct udphdr){.source = htons(9), .dest = htons(9), .len = htons(bytes)};
}

static void write_tcp(struct tcphdr *tcp, const struct iphdr *ip, uint32_t bytes, bool syn)
{
	*tcp = (struct tcphdr){
		.source = htons(40000),
		.dest = htons(80),
		.seq = htonl(1),
		.doff = 5,
		.syn = syn,
		.ack = !syn,
		.window = htons(65535),
	};
	tcp->check = finish_sum(pseudo_header_sum(ip, bytes) + sum_words(tcp, bytes));
}

static void write_icmp(struct icmphdr *icmp, uint32_t bytes)
{
	*icmp = (struct icmphdr){.type = ICMP_DEST_UNREACH, .code = ICMP_FRAG_NEEDED};
	icmp->un.frag.mtu = htons(1400);
	icmp->checksum = finish_sum(sum_words(icmp, bytes));
}

static void write_ipv4(void *at, const struct options *options, uint32_t source)
{
	static const uint8_t numbers[PROTOS] = {
		[UDP] = IPPROTO_UDP,
		[TCP_SYN] = IPPROTO_TCP,
		[TCP_ACK] = IPPROTO_TCP,
		[ICMP_UNREACHABLE] = IPPROTO_ICMP,
	};
	uint32_t bytes = options->frame_bytes - link_bytes(options);
	struct iphdr *ip = at;

	*ip = (struct iphdr){
		.version = 4,
		.ihl = 5,
		.tot_len = htons(bytes),
		.ttl = 64,
		.protocol = numbers[options->proto],
		.saddr = htonl(source),
		.daddr = htonl(options->destination),
	};
	ip->check = finish_sum(sum_words(ip, sizeof(*ip)));
	at += sizeof(*ip);
	bytes -= sizeof(*ip);
	if (options->proto == UDP)
		write_udp(at, bytes);
	else if (options->proto == ICMP_UNREACHABLE)
		write_icmp(at, bytes);
	else
		write_tcp(at, ip, bytes, options->proto == TCP_SYN);
}

struct batch {
	uint8_t frames[BATCH][ALIGN_BYTES + MAX_FRAME_BYTES + ALIGN_BYTES]
		__attribute__((aligned(4)));
	struct iovec parts[BATCH];
	struct mmsghdr messages[BATCH];
};

/* Multiples of the golden ratio fill a range evenly, each as far from those before as it can be:
 * in 2^32 of them hardly one comes twice. */
static uint64_t scatter(uint64_t sequence)
{
	return sequence * 0x9E3779B97F4A7C15ULL >> 32;
}

static void write_source(struct batch *batch, int i, const struct options *options,
                         uint64_t sequence)
{
	uint64_t number = options->is_scattered ? scatter(sequence) : sequence;

	write_ipv4(batch->frames[i] + ALIGN_BYTES + link_bytes(options), options,
	           options->source + number % options->sources);
}

static void write_batch(struct batch *batch, const struct options *options, int sock)
{
	struct ifreq request = {};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", options->interface);
	if (ioctl(sock, SIOCGIFHWADDR, &request))
		fail(1, "interface %s: %s", options->interface, strerror(errno));
	for (int i = 0; i < BATCH; i++) {
		uint8_t *frame = batch->frames[i] + ALIGN_BYTES;

		write_link(frame, options, (uint8_t *)request.ifr_hwaddr.sa_data);
		write_source(batch, i, options, i);
		batch->parts[i] = (struct iovec){frame, options->frame_bytes};
		batch->messages[i].msg_hdr =
			(struct msghdr){.msg_iov = &batch->parts[i], .msg_iovlen = 1};
	}
}

/* How many the interface refused so far. veth drops what its peer has no room for, and
 * reports it nowhere else. */
static uint32_t refused_by(const char *interface)
{
	struct ifaddrs *all, *at;
	uint32_t refused = 0;

	if (getifaddrs(&all))
		fail(1, "cannot read the statistics of %s: %s", interface, strerror(errno));
	for (at = all; at; at = at->ifa_next)
		if (at->ifa_addr && at->ifa_addr->sa_family == AF_PACKET && at->ifa_data &&
		    !strcmp(at->ifa_name, interface))
			refused = ((struct rtnl_link_stats *)at->ifa_data)->tx_dropped;
	freeifaddrs(all);
	return refused;
}

/* The most that may be sent at once without a burst of more than a millisecond. */
static uint32_t batch_limit(const struct options *options)
{
	uint64_t per_ms = options->rate / 1000;

	if (!options->rate || per_ms >= BATCH)
		return BATCH;
	return per_ms ? per_ms : 1;
}

/* Returns how many of the batch were taken. */
static int send_batch(int sock, struct batch *batch, int frames, const char *interface)
{
	int sent = sendmmsg(sock, batch->messages, frames, 0);

	if (sent >= 0)
		return sent;
	/* ENOBUFS: the queue is full, or the device is busy; the next try may be luckier. */
	if (errno == ENOBUFS || errno == EAGAIN) {
		sched_yield();
		return 0;
	}
	if (errno == EINTR)
		return 0;
	fail(1, "cannot send through %s: %s%s", interface, strerror(errno),
	     errno == EMSGSIZE ? " (the frame is larger than its MTU)" : "");
}

static uint64_t send_all(int sock, struct batch *batch, const struct options *options)
{
	uint64_t wanted = options->count ? options->count : UINT64_MAX;
	uint64_t begin_ns = now_ns(), end_ns = begin_ns + options->seconds * SECOND_NS, sent = 0;
	uint32_t limit = batch_limit(options);

	while (sent < wanted && !interrupted && now_ns() < end_ns) {
		uint64_t frames = wanted - sent < limit ? wanted - sent : limit;

		if (options->rate) {
			uint64_t due_ns = sent * (double)SECOND_NS / options->rate;

			sleep_until_ns(begin_ns + due_ns < end_ns ? begin_ns + due_ns : end_ns);
		}
		if (options->sources > 1)
			for (uint64_t i = 0; i < frames; i++)
				write_source(batch, i, options, sent + i);
		sent += send_batch(sock, batch, frames, options->interface);
	}
	return sent;
}

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		fail(1, "cannot run on CPU %d: %s", cpu, strerror(errno));
}

static int send_frames(int argc, char **argv)
{
	static const struct option known[] = {
		{"source", required_argument, NULL, 0},
		{"sources", required_argument, NULL, 0},
		{"scattered", no_argument, NULL, 0},
		{"count", required_argument, NULL, 0},
		{"seconds", required_argument, NULL, 0},
		{"rate", required_argument, NULL, 0},
		{"destination", required_argument, NULL, 0},
		{"destination-mac", required_argument, NULL, 0},
		{"vlan", required_argument, NULL, 0},
		{"proto", required_argument, NULL, 0},
		{"size", required_argument, NULL, 0},
		{"cpu", required_argument, NULL, 0},
		{},
	};
	static struct batch batch;
	struct options options;
	uint64_t sent;
	uint32_t refused;
	int sock, yes = 1;

	parse_options(&options, argc, argv, known);
	if (!options.has_source)
		fail(2, "--source is needed\n%s", usage);
	if (options.cpu >= 0)
		pin_to(options.cpu);
	sock = open_socket();
	set_option(sock, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof(yes), "bypass the queue");
	bind_to(sock, options.interface, 0);
	write_batch(&batch, &options, sock);
	refused = refused_by(options.interface);
	sent = send_all(sock, &batch, &options);
	printf("%llu\n", (unsigned long long)sent - (refused_by(options.interface) - refused));
	close(sock);
	return 0;
}

/* ---- receive ---- */

/* Counts without receiving: the kernel counts what a socket's filter lets through even when
 * the socket's buffer is full, so nothing is lost however fast they come. */

struct filter {
	struct sock_filter code[64];
	int length;
};

static void emit(struct filter *filter, uint16_t code, uint32_t value)
{
	filter->code[filter->length++] = (struct sock_filter){.code = code, .k = value};
}

static void emit_jump(struct filter *filter, uint32_t value, uint8_t if_equal, uint8_t if_not)
{
	filter->code[filter->length++] =
		(struct sock_filter){BPF_JMP | BPF_JEQ | BPF_K, if_equal, if_not, value};
}

/* Goes on when the register is `value`, otherwise ends: no match. */
static void require(struct filter *filter, uint32_t value)
{
	emit_jump(filter, value, 1, 0);
	emit(filter, BPF_RET | BPF_K, 0);
}

/* A tag that is still in the frame (the kernel takes the outermost out) moves X past it. */
static void skip_tag(struct filter *filter)
{
	emit(filter, BPF_LD | BPF_H | BPF_IND, 2 * ETH_ALEN);
	emit_jump(filter, ETH_P_8021Q, 1, 0);
	emit_jump(filter, ETH_P_8021AD, 0, 3);
	emit(filter, BPF_MISC | BPF_TXA, 0);
	emit(filter, BPF_ALU | BPF_ADD | BPF_K, TAG_BYTES);
	emit(filter, BPF_MISC | BPF_TAX, 0);
}

static void write_filter(struct filter *filter, const struct options *options)
{
	const uint8_t *mac = options->destination_mac;

	filter->length = 0;
	if (options->has_destination_mac) {
		emit(filter, BPF_LD | BPF_W | BPF_ABS, 0);
		require(filter, (uint32_t)mac[0] << 24 | mac[1] << 16 | mac[2] << 8 | mac[3]);
		emit(filter, BPF_LD | BPF_H | BPF_ABS, 4);
		require(filter, mac[4] << 8 | mac[5]);
	}
	emit(filter, BPF_LDX | BPF_W | BPF_IMM, 0);
	for (int i = 0; i < MAX_TAGS; i++)
		skip_tag(filter);
	emit(filter, BPF_LD | BPF_H | BPF_IND, 2 * ETH_ALEN);
	require(filter, ETH_P_IP);
	if (options->has_source) {
		emit(filter, BPF_LD | BPF_W | BPF_IND, ETH_HLEN + offsetof(struct iphdr, saddr));
		require(filter, options->source);
	}
	emit(filter, BPF_RET | BPF_K, 1);
}

/* Since the last time it was asked. */
static uint64_t counted(int sock)
{
	struct tpacket_stats stats;
	socklen_t size = sizeof(stats);

	if (getsockopt(sock, SOL_PACKET, PACKET_STATISTICS, &stats, &size))
		fail(1, "cannot read what was received: %s", strerror(errno));
	return stats.tp_packets;
}

static int receive_frames(int argc, char **argv)
{
	static const struct option known[] = {
		{"source", required_argument, NULL, 0},
		{"destination-mac", required_argument, NULL, 0},
		{"seconds", required_argument, NULL, 0},
		{"count", required_argument, NULL, 0},
		{},
	};
	struct options options;
	struct filter filter;
	struct sock_fprog program;
	uint64_t end_ns, received = 0;
	int sock, yes = 1;

	parse_options(&options, argc, argv, known);
	write_filter(&filter, &options);
	program = (struct sock_fprog){filter.length, filter.code};
	sock = open_socket();
	set_option(sock, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program), "set the filter");
	set_option(sock, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof(yes),
	           "leave out what is sent");
	bind_to(sock, options.interface, ETH_P_ALL);
	fprintf(stderr, "frames: listening on %s\n", options.interface);

	end_ns = now_ns() + options.seconds * SECOND_NS;
	while (!interrupted && now_ns() < end_ns && !(options.count && received >= options.count)) {
		sleep_until_ns(now_ns() + POLL_NS);
		received += counted(sock);
	}
	received += counted(sock);
	printf("%llu\n", (unsigned long long)received);
	close(sock);
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = interrupt};

	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (argc > 1 && !strcmp(argv[1], "send"))
		return send_frames(argc - 1, argv + 1);
	if (argc > 1 && !strcmp(argv[1], "receive"))
		return receive_frames(argc - 1, argv + 1);
	if (argc == 2 && !strcmp(argv[1], "--help")) {
		fputs(usage, stdout);
		return 0;
	}
	fail(2, "send or receive?\n%s", usage);
}
