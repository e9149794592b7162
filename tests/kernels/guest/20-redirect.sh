#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Redirects packets over the limit to another veth, whose peer counts them.

mac=02:00:00:00:00:07
# shellcheck source=/dev/null
. /check.sh

make_pairs() {
    echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
    ip link add left type veth peer name right
    ip link add out type veth peer name in
    for interface in left right out in; do
        ip link set "$interface" up
    done
    # A redirect into a veth requires an XDP program on its peer; this one passes everything.
    xdp-ratelimit --pin-dir /sys/fs/bpf/other attach in --limit '1000000/1s packets' \
        --sources 4096 >/dev/null
}

start_receiver() {
    rm -f listening
    frames receive in --source 198.51.100.7 --destination-mac $mac --seconds 20 \
        >received 2>listening &
    receiver=$!
    until [ -s listening ]; do sleep 0.1; done
}

stop_receiver() {
    sleep 0.5
    kill -INT "$receiver"
    wait "$receiver"
}

# redirects MODE: 100 of 500 packets pass, and the others arrive at the peer
redirects() {
    xdp-ratelimit attach right --mode "$1" --limit '100/1h packets' \
        --action "redirect out $mac" --sources 4096 || return
    start_receiver
    frames send left --source 198.51.100.7 --count 500 --rate 5000 || return
    stop_receiver
    counted
    echo "received $(cat received)"
    [ "$(counted)" = 'passed_within_limits 100 redirected_packets_limit 400 received 500' ] &&
        [ "$(cat received)" = 400 ]
}

drops_when_target_is_gone() {
    ip link del out || return
    frames send left --source 198.51.100.7 --count 50 --rate 5000 || return
    counted
    counted | grep 'dropped_redirect_gone 50 '
}

make_pairs
check 'native mode redirects packets over the limit' redirects native
check 'detach' xdp-ratelimit detach right
check 'generic mode redirects them, too' redirects generic
check 'once the target interface is gone, they are dropped' drops_when_target_is_gone
check 'detach' xdp-ratelimit detach right
plan
