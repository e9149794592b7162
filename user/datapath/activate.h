/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"
#include "user/policy/policy.h"

/* Activates a policy under traffic, all or nothing, with one atomic store. The caller holds the
 * lock of the pin directory. Limits that were active before keep their state: see
 * user/policy/merge.h, which changes *policy. A policy that is active already changes nothing. */
enum exit_code activate_policy(struct maps *maps, struct policy *policy, bool *changed);

/* The same in two steps, so that other things that may fail come in between. The first does all
 * that may fail, and changes nothing that a program reads. The second is needed if *must_commit. */
enum exit_code activate_prepare(struct maps *maps, struct policy *policy, bool *must_commit);
enum exit_code activate_commit(struct maps *maps);

/* Copies the active policy so that it can be activated again; free it with policy_free(). */
enum exit_code activate_copy_policy(struct maps *maps, struct policy *policy);
