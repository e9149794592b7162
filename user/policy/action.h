/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <linux/types.h>
#include <net/if.h>

#include "user/util/parse_error.h"
#include "user/util/result.h"
#include "include/policy.h"

/* What happens to packets over the limit, as the operator writes it. */
struct action {
	enum xrl_action kind;
	char interface[IF_NAMESIZE]; /* the redirect target */
	__u32 ifindex;
	bool readdress;
	__u8 destination_mac[6], source_mac[6];
};

#define ACTION_TEXT_SIZE 64

/* Why a text is not a valid action. */
struct action_error {
	char text[PARSE_ERROR_SIZE];
	const char *hint; /* for an action given as an option; NULL: none */
};

/* Reads "drop", "monitor" or "redirect IFNAME [MAC]", whose interface must exist. */
enum exit_code action_read(const char *text, struct action *action,
                           struct action_error *action_error);

/* The same for an option: reports errors and warnings. */
enum exit_code action_parse(const char *text, struct action *action);

/* Whether the action redirects to a veth, which accepts redirected frames only if its peer has an
 * XDP program or GRO. */
bool action_needs_program_behind(const struct action *action);

#define ACTION_NEEDS_PROGRAM                                                                       \
	"%s is a veth: it receives redirected packets only if its peer has an XDP program or GRO " \
	"enabled"

void action_apply(const struct action *action, struct xrl_class *class);

/* The text of a class's action. `redirect_ifindex` 0: its interface is gone. */
void action_format(const struct xrl_class *class, __u32 redirect_ifindex, char *text, size_t size);
