# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=sh
#
# Included by every guest test: TAP output and common helpers.

export XDP_RATELIMIT_PIN_DIR=/sys/fs/bpf/xdp-ratelimit
ran=0

# check TEXT COMMAND...: prints a point, ok if the command succeeds
check() {
    text=$1
    shift
    ran=$((ran + 1))
    if output=$("$@" 2>&1); then
        echo "ok $ran - $text"
    else
        echo "not ok $ran - $text"
        echo "$output" | sed 's/^/# /'
    fi
}

# plan: prints the plan; call it last
plan() {
    echo "1..$ran"
}

# Without IPv6, only frames sent by the test arrive.
make_pair() {
    echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add left type veth peer name right
    ip link set left up
    ip link set right up
}

# counted: "COUNTER PACKETS" of all nonzero counters, on one line
counted() {
    xdp-ratelimit stats right |
        awk '$3 == "packets" { printf "%s%s %s", gap, $1, $2; gap = " " }'
}
