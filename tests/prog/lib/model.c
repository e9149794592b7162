// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tests/prog/lib/model.h"

#include <string.h>

#define DROP 1 /* XDP_DROP */
#define PASS 2

static int has_any(const __u8 *bits, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bits[i])
			return 1;
	return 0;
}

void model_activate(struct model *model, const struct xrl_policy *policy,
                    const struct xrl_ports *ports, const struct policy_cidr *cidrs,
                    size_t cidr_count, __u32 generation)
{
	model->policy = policy;
	model->ports = ports;
	model->protects_tcp = has_any(ports->tcp, sizeof(ports->tcp));
	model->protects_udp = has_any(ports->udp, sizeof(ports->udp));
	model->cidrs = cidrs;
	model->cidr_count = cidr_count;
	model->generation = generation;
}

void model_permit(struct model *model, __u32 address, int permitted, __u32 generation)
{
	model_source_of(model, address)->permitted = permitted;
	model->generation = generation;
}

static struct model_verdict pass(__u32 counter)
{
	return (struct model_verdict){PASS, counter};
}

/* No class has an interface to redirect to. */
static struct model_verdict reject(const struct xrl_class *class, __u32 monitor, __u32 drop,
                                   int is_a_limit)
{
	if (class->action == XRL_MONITOR)
		return pass(monitor);
	if (class->action == XRL_REDIRECT && is_a_limit)
		return (struct model_verdict){DROP, XRL_dropped_redirect_gone};
	return (struct model_verdict){DROP, drop};
}

static struct model_verdict reject_unit(const struct xrl_class *class, __u32 unit)
{
	switch (unit) {
	case XRL_PACKETS:
		return reject(class, XRL_passed_monitor_packets_limit, XRL_dropped_packets_limit,
		              1);
	case XRL_BYTES:
		return reject(class, XRL_passed_monitor_bytes_limit, XRL_dropped_bytes_limit, 1);
	case XRL_CONNECTIONS:
		return reject(class, XRL_passed_monitor_connections_limit,
		              XRL_dropped_connections_limit, 1);
	default:
		return reject(class, XRL_passed_monitor_http_requests_limit,
		              XRL_dropped_http_requests_limit, 1);
	}
}

/* Without any protected port, all packets are protected. */
static int is_protected(const struct model *model, const struct model_frame *frame)
{
	const __u8 *ports = frame->protocol == 6 ? model->ports->tcp : model->ports->udp;

	if (!model->protects_tcp && !model->protects_udp)
		return 1;
	if (frame->protocol != 6 && frame->protocol != 17)
		return 0;
	if (!frame->has_ports)
		return frame->protocol == 6 ? model->protects_tcp : model->protects_udp;
	return (ports[frame->port / 8] & 1 << frame->port % 8) != 0;
}

static __u32 number_of(const struct xrl_address *address)
{
	const __u8 *octets = address->octets;

	return (__u32)octets[0] << 24 | octets[1] << 16 | octets[2] << 8 | octets[3];
}

static int is_within(__u32 address, const struct xrl_cidr *cidr)
{
	__u32 prefix = number_of(&cidr->address);

	for (__u32 bit = 0; bit < cidr->prefix_bits; bit++)
		if ((address ^ prefix) >> (31 - bit) & 1)
			return 0;
	return 1;
}

static __u32 class_by_address(const struct model *model, __u32 address)
{
	__u32 number = model->policy->default_class;
	int longest = -1;

	for (size_t i = 0; i < model->cidr_count; i++) {
		const struct policy_cidr *cidr = &model->cidrs[i];

		if ((int)cidr->cidr.prefix_bits <= longest || !is_within(address, &cidr->cidr))
			continue;
		longest = cidr->cidr.prefix_bits;
		number = cidr->class_number;
	}
	return number;
}

static int permits_have_a_class(const struct model *model)
{
	return model->policy->permitted_class < XRL_MAX_CLASSES;
}

/* A source starts over in a new class, and with limits newer than its last packet. */
static const struct xrl_class *reclassify(const struct model *model, struct model_source *source)
{
	__u32 number = source->permitted && permits_have_a_class(model)
	                       ? model->policy->permitted_class
	                       : class_by_address(model, source->address);
	const struct xrl_class *class = &model->policy->classes[number];
	int is_new = !source->seen || source->class_number != number;

	for (int i = 0; i < XRL_WINDOWS; i++)
		if (is_new || class->limits[i].since_generation > source->seen)
			source->used[i] = 0;
	if (is_new || class->penalty.since_generation > source->seen)
		source->in_penalty = 0;
	source->class_number = number;
	source->seen = model->generation;
	return class;
}

static struct model_verdict decide_icmp_error(const struct xrl_class *class,
                                              struct model_source *source)
{
	if (source->used[XRL_ICMP_ERRORS] >= class->limits[XRL_ICMP_ERRORS].max_units)
		return reject(class, XRL_passed_monitor_icmp_errors_limit,
		              XRL_dropped_icmp_errors_limit, 1);
	source->used[XRL_ICMP_ERRORS]++;
	return pass(XRL_passed_icmp_error);
}

/* The cost of a frame to a limit. */
static __u64 cost_of(const struct xrl_limit *limit, const struct model_frame *frame)
{
	if (limit->endpoint_protocol &&
	    (limit->endpoint_protocol != frame->protocol || !frame->has_ports ||
	     frame->port < limit->first_port || frame->port > limit->last_port))
		return 0;
	switch (limit->unit) {
	case XRL_PACKETS:
		return 1;
	case XRL_BYTES:
		return frame->bytes;
	case XRL_CONNECTIONS:
		return frame->opens_connection;
	default:
		return frame->is_request;
	}
}

/* The cost of a frame to one limit, and the usage to add it to. */
struct charge {
	const struct xrl_limit *limit;
	__u64 units, *used;
};

/* Lists the charges in the order in which the program checks the limits. */
static int find_charges(struct model *model, const struct xrl_class *class,
                        struct model_source *source, const struct model_frame *frame,
                        struct charge *charges)
{
	int count = 0;

	for (__u32 i = 0; i < class->limit_count; i++) {
		__u64 units = cost_of(&class->limits[i], frame);

		if (units)
			charges[count++] =
				(struct charge){&class->limits[i], units, &source->used[i]};
	}
	for (__u32 i = 0; i < class->separate_count; i++) {
		const struct xrl_limit *limit = &class->separate[i];
		__u64 units = cost_of(limit, frame);

		if (units)
			charges[count++] = (struct charge){
				limit, units, &model_bucket_of(model, limit, frame->address)->used};
	}
	return count;
}

static int is_near(const struct xrl_class *class, const struct charge *one)
{
	return class->warn_percent &&
	       *one->used * 100 >= one->limit->max_units * class->warn_percent;
}

static struct model_verdict decide_limits(struct model *model, const struct xrl_class *class,
                                          struct model_source *source,
                                          const struct model_frame *frame)
{
	struct charge charges[XRL_MAX_SCOPED + XRL_MAX_LIMITS];
	int count = find_charges(model, class, source, frame, charges), near = 0;

	for (int i = 0; i < count; i++) {
		const struct charge *one = &charges[i];

		if (*one->used + one->units <= one->limit->max_units)
			continue;
		/* only a limit of the source's own begins a penalty */
		source->in_penalty =
			class->penalty.period_ns && one->limit->scope_bits == XRL_SCOPE_SOURCE;
		return reject_unit(class, one->limit->unit);
	}
	for (int i = 0; i < count; i++) {
		*charges[i].used += charges[i].units;
		near |= is_near(class, &charges[i]);
	}
	return pass(near ? XRL_passed_near_limit : XRL_passed_within_limits);
}

static struct model_verdict decide_by_class(struct model *model, const struct xrl_class *class,
                                            struct model_source *source,
                                            const struct model_frame *frame)
{
	if (!class->limit_count && !class->separate_count)
		return pass(XRL_passed_trusted);
	if (frame->kind == ICMP_ERROR)
		return decide_icmp_error(class, source);
	if (source->in_penalty && class->penalty.period_ns)
		return reject(class, XRL_passed_monitor_penalty, XRL_dropped_penalty, 1);
	return decide_limits(model, class, source, frame);
}

static int is_reject(const struct model_verdict *verdict)
{
	return verdict->action != PASS || (verdict->counter >= XRL_passed_monitor_packets_limit &&
	                                   verdict->counter <= XRL_passed_monitor_malformed);
}

static struct model_verdict decide_ipv4(struct model *model, const struct model_frame *frame)
{
	struct model_source *source;
	const struct xrl_class *class;
	struct model_verdict verdict;

	if (!is_protected(model, frame))
		return pass(XRL_passed_not_protected);
	source = model_source_of(model, frame->address);
	class = reclassify(model, source);
	if (source->permitted && !permits_have_a_class(model))
		return pass(XRL_passed_permit);
	verdict = decide_by_class(model, class, source, frame);
	if (source->permitted && !is_reject(&verdict))
		return pass(XRL_passed_permit);
	return verdict;
}

struct model_verdict model_decide(struct model *model, const unsigned char *frame, __u32 bytes)
{
	struct model_frame parsed = model_parse(frame, bytes);
	const struct xrl_class *class = &model->policy->classes[model->policy->default_class];

	switch (parsed.kind) {
	case ARP:
		return pass(XRL_passed_arp);
	case IPV6:
		return pass(XRL_passed_ipv6);
	case OTHER:
		return pass(XRL_passed_other);
	case TRUNCATED:
		return reject(class, XRL_passed_monitor_truncated, XRL_dropped_truncated, 0);
	case MALFORMED:
		return reject(class, XRL_passed_monitor_malformed, XRL_dropped_malformed, 0);
	default:
		return decide_ipv4(model, &parsed);
	}
}
