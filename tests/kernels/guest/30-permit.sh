#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A permit lifts the limit, and expires on time.

source=198.51.100.7
# shellcheck source=/dev/null
. /check.sh

attach() {
    make_pair
    xdp-ratelimit attach right --limit '100/1h packets' --sources 4096
}

# gains COUNTER PACKETS: of 200 packets sent, COUNTER counts that many
gains() {
    before=$(packets "$1")
    frames send left --source $source --count 200 --rate 5000 || return
    after=$(packets "$1")
    echo "$1 was $before, is $after"
    [ $((after - before)) -eq "$2" ]
}

packets() {
    xdp-ratelimit stats right | awk -v name="$1" '$1 == name { sum = $2 } END { print sum + 0 }'
}

# grant SECONDS
grant() {
    printf '[permits]\nlifetime = %ss\nlinger = 0s\nrequests = 1000/1s\n' "$1" >/rules.conf
    xdp-ratelimit --config /rules.conf permit request $source
}

# expires_on_time: a permit for 3 seconds applies at once, and no longer after 3 seconds
expires_on_time() {
    grant 3 || return
    gains passed_permit 200 || return
    sleep 3
    gains dropped_packets_limit 200
}

check 'attach' attach
check 'the limit holds' gains dropped_packets_limit 100
check 'a permit is granted' grant 60
check 'it lifts the limit' gains passed_permit 200
check 'it is revoked' xdp-ratelimit permit revoke $source
check 'the limit holds again' gains dropped_packets_limit 200
check 'a permit expires on time' expires_on_time
check 'detach' xdp-ratelimit detach right
plan
