/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>
#include <net/if.h>

#include "output.h"
#include "../include/policy.h"

/* What becomes of packets that exceed the limits, as the operator writes it. */
struct action {
	enum xrl_action kind;
	char interface[IF_NAMESIZE]; /* where to redirect to */
	__u32 ifindex;
	bool readdress;
	__u8 destination_mac[6], source_mac[6];
};

#define ACTION_TEXT_SIZE 64

/* Reads "drop", "monitor" or "redirect IFNAME [MAC]"; reports what is wrong. */
enum exit_code action_parse(const char *text, struct action *action);

void action_apply(const struct action *action, struct xrl_class *class);

/* The text of a class's action. `redirect_ifindex` 0: its interface is gone. */
void action_format(const struct xrl_class *class, __u32 redirect_ifindex, char *text, size_t size);
