#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

load ../network

readonly mac=02:00:00:00:00:07

@test 'packets over the limit leave through another interface, with a new address' {
    let_third_receive
    attach eth0 --limit '100/1h packets' --action "redirect out $mac"
    start_receiver third in --source "$source" --destination-mac "$mac"
    send 500
    stop_receiver
    is 400 "$received" received
    counts 'passed_within_limits 100' 'redirected_packets_limit 400'
}

@test 'without an address the frame leaves unchanged' {
    let_third_receive
    attach eth0 --limit '100/1h packets' --action 'redirect out'
    start_receiver third in --destination-mac 02:00:00:00:00:55
    send 500 --destination-mac 02:00:00:00:00:55
    stop_receiver
    is 400 "$received" received
}

@test 'generic mode redirects as well' {
    attach eth0 --mode generic --limit '100/1h packets' --action "redirect out $mac"
    start_receiver third in --source "$source" --destination-mac "$mac"
    send 500
    stop_receiver
    is 400 "$received" received
    counts 'passed_within_limits 100' 'redirected_packets_limit 400'
}

@test 'when the other interface has gone, packets are dropped, never passed' {
    let_third_receive
    attach eth0 --limit '100/1h packets' --action "redirect out $mac"
    start_receiver server eth0
    send 200
    ip -n "$name-server" link del out
    send 200
    stop_receiver
    is 100 "$received" received
    counts 'dropped_redirect_gone 200' 'passed_within_limits 100' 'redirected_packets_limit 100'
    run -0 limiter status
    has "$output" '^action +redirect \(its interface is gone: drop\)'
}

@test 'the action can be changed back to drop' {
    let_third_receive
    attach eth0 --limit '100/1h packets' --action "redirect out $mac"
    send 200
    attach eth0 --limit '100/1h packets' --action drop
    send 200
    counts 'dropped_packets_limit 200' 'passed_within_limits 100' 'redirected_packets_limit 100'
}

@test 'an interface that does not exist is rejected, and nothing changes' {
    run -3 limiter attach eth0 --action 'redirect nowhere'
    has "$output" nowhere
    assert_detached
}

@test 'an invalid address is a usage error' {
    run -2 limiter attach eth0 --action 'redirect out 02:00:00:00:07'
    has "$output" '02:00:00:00:07'
    assert_detached
}
