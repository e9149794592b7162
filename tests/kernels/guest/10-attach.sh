#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Attaches the limiter to a veth in native and in generic mode, with exact counts, and replaces and
# detaches it while packets arrive.

# shellcheck source=/dev/null
. /check.sh

# limits_exactly MODE: 300 of 1000 packets pass
limits_exactly() {
    xdp-ratelimit attach right --mode "$1" --limit '300/1h packets' --sources 4096 || return
    xdp-ratelimit status | grep "^right *$1 mode" || return
    frames send left --source 198.51.100.7 --count 1000 --rate 5000 || return
    counted
    [ "$(counted)" = 'passed_within_limits 300 dropped_packets_limit 700 received 1000' ]
}

detaches() {
    xdp-ratelimit detach right || return
    ! ip link show dev right | grep xdp || return
    [ ! -e "$XDP_RATELIMIT_PIN_DIR" ]
}

# A frame larger than a page requires a program that supports multi-buffer frames.
takes_large_frames() {
    ip link set left mtu 9000
    ip link set right mtu 9000
    xdp-ratelimit attach right --mode native --limit '20/1h packets' --sources 4096 || return
    frames send left --source 198.51.100.8 --count 50 --rate 5000 --size 9014 || return
    counted
    [ "$(counted)" = 'passed_within_limits 20 dropped_packets_limit 30 received 50' ]
}

replaces_during_a_flood() {
    xdp-ratelimit attach right --limit '500/1h packets' --sources 4096 || return
    frames receive right --source 198.51.100.9 --seconds 20 >received 2>listening &
    receiver=$!
    until [ -s listening ]; do sleep 0.1; done
    frames send left --source 198.51.100.9 --seconds 20 >sent &
    sender=$!
    for attempt in 1 2 3; do
        xdp-ratelimit attach right --limit '500/1h packets' || echo "failed: $attempt"
    done
    kill -INT "$sender"
    wait "$sender"
    sleep 0.5
    kill -INT "$receiver"
    wait "$receiver"
    echo "sent $(cat sent), received $(cat received)"
    [ "$(cat received)" = 500 ]
}

make_pair
check 'in native mode, exactly 300 of 1000 packets pass' limits_exactly native
check 'detach leaves nothing' detaches
check 'in generic mode, exactly 300 of 1000 packets pass' limits_exactly generic
check 'detach leaves nothing' detaches
check 'frames of 9014 bytes are limited in native mode' takes_large_frames
check 'detach leaves nothing' detaches
check 'replacing it during a flood lets no packet pass unfiltered' replaces_during_a_flood
check 'detach leaves nothing' detaches
plan
