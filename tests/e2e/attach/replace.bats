#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

load ../network

# other_build: prints the path of a binary with another version, built from this source
other_build() {
    local out=$BATS_TEST_TMPDIR/build
    mkdir "$out"
    cp -r "$build/bpf" "$out"
    env -u MAKEFLAGS make --silent --directory "$here/../.." -j 2 OUT="$out" VERSION=9.9.9 \
        CFLAGS=-O0 "$out/xdp-ratelimit" >"$out/log" 2>&1 || {
        cat "$out/log" >&2
        return 1
    }
    echo "$out/xdp-ratelimit"
}

# assert_at_most N: the flood took place, and at most N of its packets reached the server
assert_at_most() {
    [[ $flooded -gt 10000 ]]
    [[ $received -gt 0 ]]
    if [[ $received -gt $1 ]]; then
        echo "$received packets passed, where the limits allow $1" >&2
        return 1
    fi
}

@test 'another attach during a flood: no packet goes unfiltered, and buckets stay' {
    local id
    attach eth0 --limit '1000/1h packets'
    id=$(program_on eth0)
    start_receiver server eth0 --source "$source"
    start_flood
    for _ in {1..10}; do
        attach eth0 --limit '1000/1h packets'
    done
    stop_flood
    stop_receiver
    assert_at_most 1000
    is "$flooded" $(($(packets passed_within_limits) + $(packets dropped_packets_limit))) counted
    [[ $(program_on eth0) != "$id" ]]
    assert_attached
}

@test 'another attach with other limits during a flood: both policies hold' {
    attach eth0 --limit '1000/1h packets'
    start_receiver server eth0 --source "$source"
    start_flood
    sleep 0.2
    attach eth0 --limit '2000/2h packets'
    sleep 0.2
    attach eth0 --limit '500/1d packets'
    sleep 0.2
    stop_flood
    stop_receiver
    assert_at_most 3500
    has "$(limiter status)" '^limits +500/1d packets'
}

@test 'a new build replaces the program during a flood' {
    local other
    other=$(other_build)
    attach eth0 --limit '1000/1h packets'
    start_receiver server eth0 --source "$source"
    start_flood
    sleep 0.2
    run -0 server "$other" attach eth0
    has "$output" 'replaced in place; no packet went unfiltered'
    sleep 0.2
    stop_flood
    stop_receiver
    assert_at_most 1000
    is 9.9.9 "$(limiter status --json | jq --raw-output '.interfaces[0].program_version')"
}

@test 'another attach keeps the permits' {
    attach eth0 --limit '100/1h packets'
    grant "$source" 60
    attach eth0 --limit '100/1h packets'
    send 200
    attach eth0 --limit '50/1m packets'
    send 200
    counts 'passed_permit 400'
}

@test 'another attach with another number of buckets keeps permits and the limit' {
    attach eth0 --limit '100/1h packets'
    grant 198.51.100.8 60
    start_receiver server eth0 --source "$source"
    start_flood
    run -0 limiter attach eth0 --sources 8192
    has "$output" 'all buckets are empty again'
    sleep 0.2
    stop_flood
    stop_receiver
    assert_at_most 200
    send 200 --source 198.51.100.8
    is 200 "$(packets passed_permit)" passed_permit
    has "$(limiter status)" '^sources +8192 '
    assert_attached
}

@test 'limits that the command line leaves out stay' {
    attach eth0 --limit '100/1h packets' --limit '10/1m connections'
    attach eth0 --monitor
    is '["100/1h packets","10/1m connections"] monitor' \
        "$(limiter status --json | jq --raw-output '"\(.policy.limits) \(.policy.action)"')"
}

@test 'of two limits, the one that stays keeps its state' {
    attach eth0 --limit '100/1h packets' --limit '10/1h connections'
    send 100
    attach eth0 --limit '20/1h connections' --limit '100/1h packets'
    send 100
    counts 'dropped_packets_limit 100' 'passed_within_limits 100'
}

@test 'after a detach during a flood, every packet passes' {
    attach eth0 --limit '1000/1h packets'
    start_receiver server eth0 --source "$source"
    start_flood
    sleep 0.2
    run -0 limiter detach eth0
    sleep 0.2
    stop_flood
    stop_receiver
    [[ $received -gt 1000 ]]
    assert_detached
}

@test 'attach cannot change the mode of an attached interface' {
    attach eth0 --mode native
    run -6 limiter attach eth0 --mode generic
    has "$output" 'attached in native mode'
    assert_attached
}
