// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "model.h"

#include <stdlib.h>
#include <string.h>

#define DROP 1 /* XDP_DROP, as an XDP program answers it */
#define PASS 2

#define SLOTS (1u << 19)

enum kind { ARP, IPV6, OTHER, TRUNCATED, MALFORMED, ICMP_ERROR, PLAIN };

struct parsed {
	enum kind kind;
	__u32 address;
	int opens_connection;
};

int model_open(struct model *model)
{
	memset(model, 0, sizeof(*model));
	model->sources = calloc(SLOTS, sizeof(*model->sources));
	return model->sources != NULL;
}

void model_close(struct model *model)
{
	free(model->sources);
}

static struct model_source *source_of(struct model *model, __u32 address)
{
	__u32 slot = (address * 2654435761u) >> 13;

	while (model->sources[slot].known && model->sources[slot].address != address)
		slot = (slot + 1) % SLOTS;
	if (!model->sources[slot].known) {
		if (++model->known_sources > SLOTS / 2)
			abort(); /* the generator makes fewer */
		model->sources[slot].known = 1;
		model->sources[slot].address = address;
	}
	return &model->sources[slot];
}

void model_publish(struct model *model, const struct xrl_class *class,
                   const int renewed[XRL_WINDOWS])
{
	model->class = *class;
	for (__u32 slot = 0; slot < SLOTS; slot++)
		for (int i = 0; i < XRL_WINDOWS; i++)
			if (renewed[i])
				model->sources[slot].used[i] = 0;
}

void model_permit(struct model *model, __u32 address, int permitted)
{
	source_of(model, address)->permitted = permitted;
}

static __u32 get16(const unsigned char *at)
{
	return at[0] << 8 | at[1];
}

static __u32 get32(const unsigned char *at)
{
	return get16(at) << 16 | get16(at + 2);
}

static int is_icmp_error(int type)
{
	switch (type) {
	case 3:
	case 4:
	case 5:
	case 11:
	case 12:
		return 1;
	}
	return 0;
}

static struct parsed parse_ipv4(const unsigned char *ip, __u32 available)
{
	struct parsed parsed = {.kind = TRUNCATED};
	__u32 header, total, payload;

	if (available < 20)
		return parsed;
	header = (ip[0] & 15) * 4;
	total = get16(ip + 2);
	if (ip[0] >> 4 != 4 || header < 20 || total < header) {
		parsed.kind = MALFORMED;
		return parsed;
	}
	if (total > available)
		return parsed;
	parsed.address = get32(ip + 12);
	payload = total - header;
	if (get16(ip + 6) & 0x1FFF) {
		parsed.kind = PLAIN;
	} else if (ip[9] == 6) {
		if (payload < 20)
			return parsed;
		parsed.kind = PLAIN;
		parsed.opens_connection = (ip[header + 13] & 0x12) == 0x02;
	} else if (ip[9] == 1) {
		if (payload < 8)
			return parsed;
		parsed.kind = is_icmp_error(ip[header]) ? ICMP_ERROR : PLAIN;
	} else {
		parsed.kind = PLAIN;
	}
	return parsed;
}

static struct parsed parse(const unsigned char *frame, __u32 bytes)
{
	__u32 type = get16(frame + 12), at = 14;

	for (int tags = 0; tags < 2 && (type == 0x8100 || type == 0x88A8); tags++) {
		if (at + 4 > bytes)
			return (struct parsed){.kind = OTHER};
		type = get16(frame + at + 2);
		at += 4;
	}
	if (type == 0x0800)
		return parse_ipv4(frame + at, bytes - at);
	if (type == 0x0806)
		return (struct parsed){.kind = ARP};
	return (struct parsed){.kind = type == 0x86DD ? IPV6 : OTHER};
}

static struct model_verdict pass(__u32 counter)
{
	return (struct model_verdict){PASS, counter};
}

/* No interface is there to redirect to. */
static struct model_verdict refuse(const struct model *model, __u32 monitor, __u32 drop,
                                   int is_a_limit)
{
	if (model->class.action == XRL_MONITOR)
		return pass(monitor);
	if (model->class.action == XRL_REDIRECT && is_a_limit)
		return (struct model_verdict){DROP, XRL_dropped_redirect_gone};
	return (struct model_verdict){DROP, drop};
}

static struct model_verdict refuse_unit(const struct model *model, __u32 unit)
{
	if (unit == XRL_PACKETS)
		return refuse(model, XRL_passed_monitor_packets_limit, XRL_dropped_packets_limit,
		              1);
	if (unit == XRL_BYTES)
		return refuse(model, XRL_passed_monitor_bytes_limit, XRL_dropped_bytes_limit, 1);
	return refuse(model, XRL_passed_monitor_connections_limit, XRL_dropped_connections_limit,
	              1);
}

static struct model_verdict judge_icmp_error(const struct model *model, struct model_source *source)
{
	if (source->used[XRL_ICMP_ERRORS] >= model->class.limits[XRL_ICMP_ERRORS].max_units)
		return refuse(model, XRL_passed_monitor_icmp_errors_limit,
		              XRL_dropped_icmp_errors_limit, 1);
	source->used[XRL_ICMP_ERRORS]++;
	return pass(XRL_passed_icmp_error);
}

static __u64 units_of(__u32 unit, const struct parsed *parsed, __u32 bytes)
{
	if (unit == XRL_PACKETS)
		return 1;
	return unit == XRL_BYTES ? bytes : (__u64)parsed->opens_connection;
}

static struct model_verdict judge_source(const struct model *model, struct model_source *source,
                                         const struct parsed *parsed, __u32 bytes)
{
	const struct xrl_limit *limits = model->class.limits;

	for (__u32 i = 0; i < model->class.limit_count; i++) {
		__u64 units = units_of(limits[i].unit, parsed, bytes);

		if (units && source->used[i] + units > limits[i].max_units)
			return refuse_unit(model, limits[i].unit);
	}
	for (__u32 i = 0; i < model->class.limit_count; i++)
		source->used[i] += units_of(limits[i].unit, parsed, bytes);
	return pass(XRL_passed_within_limits);
}

struct model_verdict model_judge(struct model *model, const unsigned char *frame, __u32 bytes)
{
	struct parsed parsed = parse(frame, bytes);
	struct model_source *source;

	switch (parsed.kind) {
	case ARP:
		return pass(XRL_passed_arp);
	case IPV6:
		return pass(XRL_passed_ipv6);
	case OTHER:
		return pass(XRL_passed_other);
	case TRUNCATED:
		return refuse(model, XRL_passed_monitor_truncated, XRL_dropped_truncated, 0);
	case MALFORMED:
		return refuse(model, XRL_passed_monitor_malformed, XRL_dropped_malformed, 0);
	default:
		break;
	}
	source = source_of(model, parsed.address);
	if (source->permitted)
		return pass(XRL_passed_permit);
	if (parsed.kind == ICMP_ERROR)
		return judge_icmp_error(model, source);
	return judge_source(model, source, &parsed, bytes);
}
