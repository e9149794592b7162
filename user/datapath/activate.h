/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"
#include "user/policy/policy.h"

/* Puts a policy in force: with one store, under traffic, and all of it or nothing. Whoever calls
 * this holds the lock of the pin directory. What of it was in force before keeps its state: see
 * policy_merge.h, by which *policy is changed. Nothing happens when nothing has changed. */
enum exit_code activate_policy(struct maps *maps, struct policy *policy, bool *changed);

/* The same in two steps, with what else may be refused between them: the first one does all that
 * may fail for want of something and changes nothing that a program looks at; the second one is
 * due if it says so. */
enum exit_code activate_prepare(struct maps *maps, struct policy *policy, bool *must_commit);
enum exit_code activate_commit(struct maps *maps);

/* The policy in force as one that can be published again, to be freed. */
enum exit_code activate_copy_policy(struct maps *maps, struct policy *policy);
