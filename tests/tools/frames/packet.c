// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <string.h>

#include "tests/tools/frames/frames.h"

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

uint32_t link_bytes(const struct options *options)
{
	return ETH_HLEN + TAG_BYTES * options->tag_count;
}

void write_link(uint8_t *at, const struct options *options, const uint8_t *source_mac)
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
	/* RFC 768: zero means no checksum */
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

void write_ipv4(void *at, const struct options *options, uint32_t source)
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
