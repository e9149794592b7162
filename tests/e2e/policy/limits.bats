#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

load ../network

@test 'exactly N packets of a source reach the server' {
    attach eth0 --limit '777/1h packets'
    start_receiver server eth0
    send 5000
    stop_receiver
    is 777 "$received" received
}

@test 'exactly N packets of each of many sources pass' {
    attach eth0 --limit '5/1h packets'
    send 2000 --sources 200
    counts 'dropped_packets_limit 1000' 'passed_within_limits 1000'
}

@test 'the next window holds N again' {
    attach eth0 --limit '100/500ms packets'
    send 300
    sleep 0.7
    send 300
    counts 'dropped_packets_limit 400' 'passed_within_limits 200'
}

@test 'packets with one VLAN tag are limited' {
    attach eth0 --limit '100/1h packets'
    send 300 --vlan 5
    counts 'dropped_packets_limit 200' 'passed_within_limits 100'
}

@test 'packets with two VLAN tags share the bucket with those without' {
    attach eth0 --limit '100/1h packets'
    send 60
    send 60 --vlan 5 --vlan 6
    counts 'dropped_packets_limit 20' 'passed_within_limits 100'
}

@test 'tagged packets are limited in generic mode' {
    attach eth0 --mode generic --limit '100/1h packets'
    send 60 --vlan 5
    send 60 --vlan 5 --vlan 6
    counts 'dropped_packets_limit 20' 'passed_within_limits 100'
}

@test 'ICMP errors have a bucket of their own' {
    attach eth0 --limit '10/1h packets'
    send 50
    send 300 --proto icmp-unreachable
    counts 'dropped_icmp_errors_limit 200' 'dropped_packets_limit 40' \
        'passed_icmp_error 100' 'passed_within_limits 10'
}

@test 'a limit of connections counts SYNs and nothing else' {
    attach eth0 --limit '10/1h connections'
    send 50 --proto tcp-syn
    send 50 --proto tcp-ack
    counts 'dropped_connections_limit 40' 'passed_within_limits 60'
}

@test 'a limit of bytes counts frames as they are on the wire' {
    attach eth0 --limit '10000/1h bytes'
    send 30 --size 1000
    counts 'dropped_bytes_limit 20' 'passed_within_limits 10'
}

@test 'each of several limits holds' {
    attach eth0 --limit '100/1h packets' --limit '10/1h connections' --limit '2000/1h bytes'
    send 15 --proto tcp-syn
    send 30
    counts 'dropped_bytes_limit 7' 'dropped_connections_limit 5' 'passed_within_limits 33'
}

@test 'a permit lifts the limit, for this source alone' {
    attach eth0 --limit '100/1h packets'
    grant "$source" 60
    send 500
    send 300 --source 198.51.100.8
    counts 'dropped_packets_limit 200' 'passed_permit 500' 'passed_within_limits 100'
}

@test 'a permit takes effect on a source that is being rejected, and can be revoked' {
    attach eth0 --limit '100/1h packets'
    send 200
    grant "$source" 60
    send 200
    limiter permit revoke "$source" >/dev/null
    send 200
    counts 'dropped_packets_limit 300' 'passed_permit 200' 'passed_within_limits 100'
}

@test 'a permit expires on time, with no process alive' {
    local began ended
    attach eth0 --limit '100/1h packets'
    grant "$source" 1
    began=$(date +%s%N)
    run -1 pgrep -f -- "--pin-dir $pins|$pins/"
    send 200
    is 200 "$(packets passed_permit)" passed_permit
    ended=$((1000000000 + began - $(date +%s%N)))
    sleep "$((ended / 1000000000)).$(printf %09d $((ended % 1000000000 + 20000000)))"
    send 200
    counts 'dropped_packets_limit 100' 'passed_permit 200' 'passed_within_limits 100'
}

@test 'permits outlast detach, and the next attach honors them' {
    attach eth0 --limit '100/1h packets'
    grant "$source" 60
    run -0 limiter detach eth0
    attach eth0 --limit '100/1h packets'
    send 200
    counts 'passed_permit 200'
}
