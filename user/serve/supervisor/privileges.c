// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "user/serve/supervisor/privileges.h"

#include <cap-ng.h>
#include <errno.h>
#include <linux/securebits.h>
#include <pwd.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>

/* NO_SETUID_FIXUP: otherwise access(2), which SQLite calls to see whether a file is writable,
 * ignores the capabilities of users other than root. NOROOT: a program executed as root gets none.
 * Both are locked. */
#define SECUREBITS                                                                \
	(SECBIT_NO_SETUID_FIXUP | SECBIT_NO_SETUID_FIXUP_LOCKED | SECBIT_NOROOT | \
	 SECBIT_NOROOT_LOCKED)

enum exit_code identity_find(struct identity *identity, const char *user)
{
	struct passwd *entry;

	errno = 0;
	entry = getpwnam(user);
	if (!entry)
		return fail(EXIT_FAILED,
		            "create it: useradd --system --user-group --no-create-home --shell "
		            "/usr/sbin/nologin xdp-ratelimit; or name another user with --user",
		            "there is no user '%s' to run as", user);
	if (!entry->pw_uid || !entry->pw_gid)
		return fail(EXIT_FAILED, "name another user with --user",
		            "the HTTP API does not run with the user or group ID of root");
	snprintf(identity->name, sizeof(identity->name), "%s", user);
	identity->uid = entry->pw_uid;
	identity->gid = entry->pw_gid;
	return EXIT_DONE;
}

void privileges_allow_files(unsigned long wanted)
{
	struct rlimit limit = {.rlim_cur = wanted, .rlim_max = wanted};

	if (!setrlimit(RLIMIT_NOFILE, &limit) || getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

enum exit_code privileges_become(const struct identity *identity)
{
	/* CAP_BPF: map lookups and updates. CAP_DAC_OVERRIDE: the pins, the state directory and, at
	 * a reload, the TLS key belong to root and are accessible to root only. */
	capng_clear(CAPNG_SELECT_BOTH);
	capng_updatev(CAPNG_ADD, CAPNG_EFFECTIVE | CAPNG_PERMITTED, CAP_BPF, CAP_DAC_OVERRIDE, -1);
	if (prctl(PR_SET_SECUREBITS, SECUREBITS, 0, 0, 0))
		return fail(EXIT_FAILED, "run it as root", "cannot set the secure bits: %m");
	if (capng_change_id(identity->uid, identity->gid,
	                    CAPNG_INIT_SUPP_GRP | CAPNG_CLEAR_BOUNDING | CAPNG_CLEAR_AMBIENT))
		return fail(EXIT_FAILED,
		            "run it as root, with CAP_SETUID, CAP_SETGID, CAP_SETPCAP, "
		            "CAP_BPF and CAP_DAC_OVERRIDE",
		            "cannot become the user '%s': %m", identity->name);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return fail(EXIT_FAILED, NULL, "cannot drop privileges: %m");
	return EXIT_DONE;
}

enum exit_code privileges_drop_all(void)
{
	capng_clear(CAPNG_SELECT_CAPS);
	if (capng_apply(CAPNG_SELECT_CAPS))
		return fail(EXIT_FAILED, NULL, "cannot drop capabilities: %m");
	return EXIT_DONE;
}
