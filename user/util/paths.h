/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#pragma once

#define DEFAULT_PIN_DIR   "/sys/fs/bpf/xdp-ratelimit"
#define DEFAULT_STATE_DIR "/var/lib/xdp-ratelimit"
