/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"

/* The policy of the configuration, put in force while the limiter is at work: for the command and
 * for `serve`. */

struct reload {
	struct maps maps; /* to be closed, whatever the result */
	int lock;         /* likewise; -1: none */
	bool changed;     /* else it was in force before */
	__u32 sources;    /* that the file wants and there aren't. 0: as many as there are */
};

/* A bad file changes nothing. `must_exist`: the file was named. EXIT_NOT_FOUND when nothing is
 * attached. */
enum exit_code reload_policy(struct reload *reload, const char *pin_dir, const char *path,
                             bool must_exist);

void reload_close(struct reload *reload);
