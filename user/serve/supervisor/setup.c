// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/supervisor/setup.h"

static enum exit_code configure(struct frontend_setup *setup, const struct options *options)
{
	static struct settings config;
	enum exit_code error = options_configure(options, &config);
	char parse_error[400];

	if (error)
		return error;
	setup->rules = config.permits;
	setup->settings = config.serve;
	if (proxies_read(&setup->proxies, &setup->settings, parse_error, sizeof(parse_error)))
		return fail(EXIT_FAILED, NULL, "%s", parse_error);
	return listeners_read(&setup->listeners, &setup->settings);
}

enum exit_code setup_prepare(struct frontend_setup *setup, const struct options *options,
                             const struct frontend_setup *old, struct identity *identity)
{
	enum exit_code error = configure(setup, options);

	if (!error && !old) /* afterwards the user can no longer change */
		error = identity_find(identity, setup->settings.user);
	if (error)
		return error;
	error = tls_load(&setup->tls, &setup->settings);
	if (error)
		return error;
	error = listeners_open(&setup->listeners, old ? &old->listeners : NULL, identity->uid,
	                       identity->gid);
	if (error)
		tls_release(&setup->tls);
	return error;
}
