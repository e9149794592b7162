/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>
#include <net/if.h>

#include "user/util/parse_error.h"
#include "user/util/result.h"
#include "include/policy.h"

/* What becomes of packets that exceed the limits, as the operator writes it. */
struct action {
	enum xrl_action kind;
	char interface[IF_NAMESIZE]; /* where to redirect to */
	__u32 ifindex;
	bool readdress;
	__u8 destination_mac[6], source_mac[6];
};

#define ACTION_TEXT_SIZE 64

/* Why a text is no action. */
struct action_error {
	char text[PARSE_ERROR_SIZE];
	const char *hint; /* for who gave it as an option; NULL: none */
};

/* Reads "drop", "monitor" or "redirect IFNAME [MAC]", whose interface must be there. */
enum exit_code action_read(const char *text, struct action *action, struct action_error *refusal);

/* The same of an option: reports what is wrong, and what is unusual. */
enum exit_code action_parse(const char *text, struct action *action);

/* Redirects to a veth, which takes redirected frames only if its peer expects them. */
bool action_needs_program_behind(const struct action *action);

#define ACTION_NEEDS_PROGRAM                                                                       \
	"%s is a veth: it receives redirected packets only if its peer has an XDP program or GRO " \
	"enabled"

void action_apply(const struct action *action, struct xrl_class *class);

/* The text of a class's action. `redirect_ifindex` 0: its interface is gone. */
void action_format(const struct xrl_class *class, __u32 redirect_ifindex, char *text, size_t size);
