#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

load ../network

@test 'attach without options activates the default policy, in native mode' {
    run -0 limiter attach eth0 --sources 4096
    has "$output" '^attached +eth0, native mode'
    has "$output" '^limits +10000/1s packets for every source'
    has "$output" '^action +drop'
    has "$output" "^undo +xdp-ratelimit --pin-dir $pins detach eth0"
    assert_attached
}

@test 'the counters of a native interface add up to the frames sent' {
    attach eth0 --mode native --limit '300/1h packets'
    send 1000
    counts 'dropped_packets_limit 700' 'passed_within_limits 300'
}

@test 'the counters of a generic interface add up to the frames sent' {
    attach eth0 --mode generic --limit '300/1h packets'
    is generic "$(limiter status --json | jq --raw-output '.interfaces[0].mode')"
    send 1000
    counts 'dropped_packets_limit 700' 'passed_within_limits 300'
}

@test 'an interface with an MTU of 9000 runs in native mode' {
    ip -n "$name-client" link set eth0 mtu 9000
    ip -n "$name-server" link set eth0 mtu 9000
    attach eth0 --mode native --limit '20/1h packets'
    send 50 --size 9014
    counts 'dropped_packets_limit 30' 'passed_within_limits 20'
    is 180280 "$(limiter stats --json | jq '.interfaces.eth0.passed_within_limits.bytes')" bytes
}

@test 'two interfaces share the buckets but not the counters' {
    attach eth0 eth1 --limit '100/1h packets'
    send_on eth0 80
    send_on eth1 80
    is 'passed_within_limits 80' "$(counted eth0)"
    is $'dropped_packets_limit 60\npassed_within_limits 20' "$(counted eth1)"
}

@test 'a second interface joins the first with its policy' {
    attach eth0 --limit '100/1h packets'
    attach eth1
    send_on eth0 80
    send_on eth1 80
    is $'dropped_packets_limit 60\npassed_within_limits 20' "$(counted eth1)"
    run -0 limiter detach eth0
    is attached "$(state_of eth1)"
    send_on eth1 10
    is 70 "$(packets dropped_packets_limit eth1)"
}

@test 'detach --all detaches every interface and removes all pins' {
    attach eth0 eth1
    run -0 limiter detach --all
    is '' "$(program_on eth1)"
    assert_detached
}

@test 'monitor passes the packets that it would drop otherwise' {
    attach eth0 --monitor --limit '100/1h packets'
    start_receiver server eth0
    send 250
    stop_receiver
    is 250 "$received" received
    counts 'passed_monitor_packets_limit 150' 'passed_within_limits 100'
}

@test 'interfaces with a dot in their names, and with the names of pins' {
    local interface
    for interface in eth0.5 meta buckets link; do
        ip -n "$name-server" link add name "$interface" type veth peer name "peer-$interface"
        attach "$interface"
        is attached "$(state_of "$interface")" "$interface"
        is 0 "$(packets passed_within_limits "$interface")" "$interface"
    done
    for interface in eth0.5 meta buckets link; do
        run -0 limiter detach "$interface"
        is '' "$(program_on "$interface")" "$interface"
    done
    [[ ! -e $pins ]]
}

@test 'a real client is served below the limit' {
    ip -n "$name-client" addr add 192.0.2.1/24 dev eth0
    ip -n "$name-server" addr add 192.0.2.2/24 dev eth0
    attach eth0
    nsenter --net="/run/netns/$name-server" python3 -m http.server --bind 192.0.2.2 8000 \
        --directory "$BATS_TEST_TMPDIR" >"$BATS_TEST_TMPDIR/http" 2>&1 3>&- &
    eventually client curl --silent --fail --max-time 2 --output /dev/null http://192.0.2.2:8000/
    [[ $(packets passed_within_limits) -gt 3 ]]
    is 0 "$(packets dropped_packets_limit)"
}
