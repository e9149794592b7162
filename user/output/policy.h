/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#include "user/datapath/maps.h"

/* Prints the active policy as text. */
void policy_print(struct maps *maps);
