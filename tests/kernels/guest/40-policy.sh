#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# A policy file with every feature that has a map of its own (CIDRs, and limits scoped to an
# endpoint, a prefix or a class), activated by attach and by reload.

# shellcheck source=/dev/null
. /check.sh

readonly conf=/tmp/policy.conf

# policy N: a policy in which N is one of the limits
policy() {
    cat >"$conf" <<END
[limiter]
sources = 4096
default = standard
[class standard]
limit = $1/1h packets sliding
limit = 100/1h packets endpoint udp/1-65535
limit = 100/1h packets scope /24
penalty = 1h
[class friends]
sources = 192.0.2.0/24, 198.51.100.7
limit = 5/1h packets scope class
[class office]
sources = 192.0.2.128/25
END
}

# send ADDRESS COUNT
send() {
    frames send left --source "$1" --count "$2" --destination 192.0.2.1 >/dev/null
}

# used ADDRESS: the units used of each of its limits, on one line
used() {
    xdp-ratelimit show "$1" | sed -n 's/.*: \([0-9]*\) used.*/\1/p' | tr '\n' ' '
}

# is EXPECTED FOUND
is() {
    [ "$1" = "$2" ] || { echo "expected '$1', found '$2'"; return 1; }
}

make_pair
policy 3
check 'check' xdp-ratelimit check "$conf"
check 'attach' xdp-ratelimit --config "$conf" attach right
check 'ten packets of the default class' send 203.0.113.9 10
check 'two packets of one friend' send 192.0.2.9 2
check 'nine of the other' send 198.51.100.7 9
check 'nine from the office' send 192.0.2.200 9
check 'each is counted' is 'passed_within_limits 8 passed_trusted 9 dropped_packets_limit 7 dropped_penalty 6 received 30 ' "$(counted) "
check 'the source limit and the scoped ones' is '3 3 3 0 ' "$(used 203.0.113.9)"
check 'the friends share one bucket' is '5 0 ' "$(used 192.0.2.9)"
policy 30
check 'reload' xdp-ratelimit --config "$conf" reload
check 'a changed limit is unused, the others continue' is '0 3 3 0 ' "$(used 203.0.113.9)"
check 'so does the bucket of the class' is '5 0 ' "$(used 198.51.100.7)"
check 'status' xdp-ratelimit status
check 'detach' xdp-ratelimit detach right
check 'nothing is left' test ! -e /sys/fs/bpf/xdp-ratelimit
plan
