/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include <stdbool.h>
#include <linux/types.h>

#include "user/util/result.h"

/* The settings of permits and the API, with their defaults. */

#define SETTINGS_DEFAULT_PATH "/etc/xdp-ratelimit.conf"

/* [permits] */
struct permit_rules {
	__u32 max_addresses; /* addresses = 10       of one request */
	__u32 max_requests;  /* requests = 5/1h      of one account, in any span of ... */
	__u64 window_ns;     /*                      ... this length */
	__u64 lifetime_ns;   /* lifetime = 24h */
	__u64 linger_ns;     /* linger = 15m         on top of the lifetime */
	__u32 max_permits;   /* entries = 65536      of the map */
};

#define SETTINGS_MAX_REQUESTS 1000000
#define SETTINGS_MAX_PERMITS  (1 << 24)
#define SETTINGS_MAX_LIST     64
#define SETTINGS_TEXT_SIZE    256

/* The usage of `serve`, whose options are the settings of [serve]. Both the command and the server
 * print it. */
#define SERVE_USAGE                                                            \
	"serve [--listen LIST] [--certificate FILE --key FILE] [--plaintext] " \
	"[--trusted-proxies LIST] [--user NAME]"

/* [serve]: unparsed texts, which their users check. No list item is empty, and none has control
 * characters. */
struct serve_settings {
	char listen[SETTINGS_MAX_LIST]
		   [SETTINGS_TEXT_SIZE]; /* listen = 127.0.0.1:9420, or unix:PATH */
	int listen_count;
	char trusted_proxies[SETTINGS_MAX_LIST]
			    [SETTINGS_TEXT_SIZE]; /* trusted_proxies = CIDR, unix */
	int trusted_proxy_count;
	char certificate[SETTINGS_TEXT_SIZE]; /* certificate = FILE (PEM), empty: none */
	char key[SETTINGS_TEXT_SIZE];         /* key = FILE (PEM) */
	char user[SETTINGS_TEXT_SIZE];        /* user = xdp-ratelimit */
	bool plaintext;                       /* plaintext = yes: other than loopback without TLS */
};

struct settings {
	struct permit_rules permits;
	struct serve_settings serve;
};

void settings_set_default(struct settings *settings);

/* Sets one key, from the file or from an option of `serve`. `section`: permits or serve. 0, or
 * -EINVAL with one sentence in `parse_error`: what was wrong, what is expected, and for an
 * unknown section or key the nearest one. On error *settings is as before. */
int settings_set(struct settings *settings, const char *section, const char *key, const char *value,
                 char *parse_error, size_t size);

#define SETTINGS_KEYS 11

/* The line of each key. {}: none given yet. */
struct settings_lines {
	int of[SETTINGS_KEYS];
};

/* The same for a line of the file; each key may be given only once. */
int settings_take(struct settings *settings, struct settings_lines *lines, int line,
                  const char *section, const char *key, const char *value, char *parse_error,
                  size_t size);
