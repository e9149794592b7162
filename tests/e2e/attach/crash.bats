#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

load ../network

# us_of COMMAND...: prints the duration in microseconds, within which the command will be killed
us_of() {
    local began_ns
    began_ns=$(date +%s%N)
    "$@" >/dev/null
    echo $((($(date +%s%N) - began_ns) / 1000))
}

# Whatever a killed command left, the next attach and detach work. Every other time the limiter
# stays attached, so that the next command is killed while it replaces the program.
assert_repairable() {
    limiter status >/dev/null
    attach eth0 --limit '1000/1h packets'
    assert_attached
    if (($1 % 2)); then
        limiter detach eth0 >/dev/null
        assert_detached
    fi
}

# kill_at_random TIMES MICROSECONDS ARGUMENT...: kills a command at random moments of its duration
kill_at_random() {
    local times=$1 longest_us=$2 round
    shift 2
    for ((round = 0; round < times; round++)); do
        killed $((RANDOM * RANDOM % longest_us)) "$@"
        assert_repairable "$round" || {
            echo "after kill $round of: $*" >&2
            return 1
        }
    done
}

@test 'attach and detach repair whatever a killed attach leaves' {
    kill_at_random 80 "$(us_of attach eth0)" attach eth0 --limit '50/1m packets'
}

@test 'and what an attach with another layout leaves' {
    kill_at_random 60 "$(us_of attach eth0)" attach eth0 --sources 8192
}

@test 'and what a detach leaves' {
    local longest_us
    attach eth0
    longest_us=$(us_of limiter detach eth0)
    for _ in {1..60}; do
        attach eth0
        kill_at_random 1 "$longest_us" detach eth0
    done
}

@test 'an interface never goes unfiltered while another attach is killed' {
    attach eth0 --limit '1000/1h packets'
    start_receiver server eth0 --source "$source"
    start_flood
    for _ in {1..20}; do
        killed $((RANDOM * RANDOM % 60000)) attach eth0 --limit '1000/1h packets'
    done
    stop_flood
    stop_receiver
    is 1000 "$received" received
    limiter status >/dev/null
}

# pair COMMAND OTHER: runs both at once; each succeeds or reports that the other is at work
pair() {
    local first second status_first=0 status_second=0
    # shellcheck disable=SC2086
    limiter $1 >"$BATS_TEST_TMPDIR/first" 2>&1 3>&- &
    first=$!
    # shellcheck disable=SC2086
    limiter $2 >"$BATS_TEST_TMPDIR/second" 2>&1 3>&- &
    second=$!
    wait "$first" || status_first=$?
    wait "$second" || status_second=$?
    if [[ ! $status_first$status_second =~ ^[06][06]$ ]]; then
        echo "'$1' ended with $status_first, '$2' with $status_second" >&2
        cat "$BATS_TEST_TMPDIR/first" "$BATS_TEST_TMPDIR/second" >&2
        return 1
    fi
}

@test 'two loaders at once: attach and attach' {
    for _ in {1..20}; do
        pair 'attach eth0 --sources 4096' 'attach eth0 --sources 8192'
        assert_attached
        limiter detach eth0 >/dev/null
        assert_detached
    done
}

@test 'two loaders at once: another attach and detach' {
    for _ in {1..20}; do
        attach eth0
        pair 'attach eth0 --sources 4096' 'detach eth0'
        limiter status >/dev/null
        if [[ $(state_of eth0) == attached ]]; then
            assert_attached
            limiter detach eth0 >/dev/null
        fi
        assert_detached
    done
}

@test 'two loaders at once, on two interfaces' {
    for _ in {1..10}; do
        pair 'attach eth0 --sources 4096' 'attach eth1 --sources 4096'
        is attached "$(state_of eth0)"
        is attached "$(state_of eth1)"
        pair 'detach eth0' 'detach eth1'
        is none "$(state_of eth1)"
        assert_detached
    done
}
