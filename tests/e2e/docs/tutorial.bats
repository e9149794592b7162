#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# xdp-ratelimit-tutorial(7): what it shows is what happens.

load ../network
load sessions

# before_command COMMAND
before_command() {
    case $1 in
    'xdp-ratelimit stats'*)
        send 3000 --source 198.51.100.7
        send 50 --source 198.51.100.8 --proto tcp-syn
        ;;
    'xdp-ratelimit show 198.51.100.9') send 50 --source 198.51.100.9 --proto tcp-syn ;;
    'curl '*) start_serve ;;
    'xdp-ratelimit show 203.0.113.5') send 50 --source 203.0.113.5 --proto tcp-syn ;;
    esac
}

start_serve() {
    ip -n "$name-server" link set lo up
    nsenter --net="/run/netns/$name-server" "$build/xdp-ratelimit" serve --user nobody \
        --listen 127.0.0.1:9420 >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- &
    eventually grep -q '^listening on' "$BATS_TEST_TMPDIR/log"
}

@test 'xdp-ratelimit-tutorial(7): every session, in order' {
    run_sessions "$here/../../user/man/xdp-ratelimit-tutorial.7"
}
