/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/serve/ipc/client_address.h"
#include "user/config/settings.h"
#include "user/serve/http/listener.h"
#include "user/serve/http/tls.h"

/* Of each listener. */
#define FRONT_MAX_CONNECTIONS 16384

/* What the usual few listeners may have open at most; with more of them each gets less. */
#define FRONT_WANTED_FILES (4 * FRONT_MAX_CONNECTIONS + 1024)

/* Whatever the front needs to know, all of it read by the supervisor. */
struct front_setup {
	struct permit_rules rules;
	struct serve_settings settings;
	struct proxies proxies;
	struct listeners listeners;
	struct tls tls;
};

/* The process that speaks HTTP. It has no privileges and no files but its sockets; everything
 * about permits it asks the keeper, by way of the supervisor, over `channel`. Ends the process. */
void front_run(const struct front_setup *setup, int channel) __attribute__((noreturn));
