/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/config/settings.h"
#include "user/serve/http/listener.h"
#include "user/serve/http/tls.h"
#include "user/serve/ipc/client_address.h"

/* Everything a frontend needs to know. The supervisor reads it, because a frontend can open no
 * file. */
struct frontend_setup {
	struct permit_rules rules;
	struct serve_settings settings;
	struct proxies proxies;
	struct listeners listeners;
	struct tls tls;
};
