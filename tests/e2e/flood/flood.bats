#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # network.bash and policies.bash set what is used
#
# Service for real clients, known and new, while invented addresses flood the limiter.
#
# The flood arrives on eth1 and the clients on eth0: both share the buckets and the gate, but each
# has its own counters, and eth0's queue always has room. There are 4096 buckets, a fraction of what
# the flood would take in a second.

load ../network
load ../policy/policies

readonly known=198.51.100.11 offender=198.51.100.12 permitted=198.51.100.13
readonly permitted_new=198.51.100.14 trusted=203.0.113.7

readonly policy_head='[limiter]
default = everyone
[class everyone]'

# guard LINE...: activates these lines for everyone, on both interfaces
guard() {
    printf '%s\n' "$policy_head" "$@" >"$BATS_TEST_TMPDIR/policy"
    limiter --config "$BATS_TEST_TMPDIR/policy" attach eth0 eth1 --sources 4096 >/dev/null
}

# reload_guard LINE...: activates these lines instead
reload_guard() {
    printf '%s\n' "$policy_head" "$@" >"$BATS_TEST_TMPDIR/policy"
    limiter --config "$BATS_TEST_TMPDIR/policy" reload >/dev/null
}

# invent [OPTION...]: a flood from all over 63 networks /8, for at most 30 s, in the background
invent() {
    nsenter --net="/run/netns/$name-client" "$build/tests/frames" send eth1 --source 64.0.0.0 \
        --sources $((63 << 24)) --scattered --rate 20000 --seconds 30 "$@" \
        >"$BATS_TEST_TMPDIR/flood" 3>&- &
    flood=$!
}

# until_engaged: returns once the flood could have taken all buckets, without the gate
until_engaged() {
    eventually gate_is engaged
    eventually flooded_with 8192
}

# end_flood: sets flooded to the number sent, once all have arrived
end_flood() {
    stop_flood
    eventually flooded_with "$flooded"
    is "$flooded" "$(all_on eth1)" 'sent and counted'
}

gate_is() {
    [[ $(gate .flood.state) == "$1" ]]
}

# gate FILTER: of the gate's part of status
gate() {
    limiter status --json | jq --raw-output "$1"
}

flooded_with() {
    [[ $(all_on eth1) -ge $1 ]]
}

# all_on INTERFACE [PATTERN]: packets in its counters whose names match, by default in all
all_on() {
    limiter stats "$1" --json | jq --arg interface "$1" --arg pattern "${2:-.}" '
        [.interfaces[$interface] | to_entries[] | select(.key | test($pattern)).value.packets] | add'
}

# used_by ADDRESS: usage of its first limit, -1 without a bucket
used_by() {
    limiter show "$1" --json | jq 'if .known then .limits[0].used else -1 end'
}

# call ADDRESS COUNT [OPTION...]: COUNT calls, each on a new connection
call() {
    ask "$1" "$2" 80 --header 'Connection: close' --max-time 20 "${@:3}"
}

# from ADDRESS COUNT: exactly COUNT packets arrive on eth0
from() {
    send "$2" --source "$1"
}

# ---- known sources ----

@test 'sources known before the flood keep their counts, and rejected ones stay rejected' {
    local used answers
    guard 'limit = 1000/1h packets' 'limit = 1000/1h connections'
    callers $known
    web 80
    answers=$(call $known 5)
    all_answered 5 "$answers"
    from $offender 1200
    is 1000 "$(used_by $offender)" 'used by the offender'
    is 200 "$(packets dropped_packets_limit)"
    used=$(used_by $known)

    invent
    until_engaged
    for _ in 1 2 3; do
        all_answered 20 "$(call $known 20)"
        sleep 0.5
    done
    from $offender 100
    is 300 "$(packets dropped_packets_limit)" 'refused during the flood'
    end_flood
    from $offender 100
    is 400 "$(packets dropped_packets_limit)" 'refused after the flood'

    is 1000 "$(used_by $offender)" 'used by the offender'
    [[ $(used_by $known) -ge $((used + 60 * 3)) ]]
    # every packet of both was decided by its bucket, and none by the gate
    is "$(($(used_by $known) + 1000))" "$(packets passed_within_limits)" 'passed by eth0'
    is '' "$(counted eth0 | grep newcomer)"
}

@test 'permitted and trusted sources lose nothing, even if never seen before' {
    guard 'limit = 3/1h packets' '[class office]' "sources = $trusted" \
        '[flood]' 'newcomers = 16/1s'
    grant $permitted 60
    from $permitted 50
    # new buckets come with a new gate
    limiter --config "$BATS_TEST_TMPDIR/policy" attach eth0 eth1 --sources 8192 >/dev/null
    is -1 "$(used_by $permitted)"
    invent
    until_engaged
    from $permitted 500
    from $trusted 500
    grant $permitted_new 60
    from $permitted_new 500
    counts 'passed_permit 1050' 'passed_trusted 500'
    [[ $(packets dropped_newcomers eth1) -gt 0 ]]
    end_flood
}

# ---- new sources ----

# newcomer NUMBER: a call from an unseen address; writes the seconds it took to a file
newcomer() {
    call "198.51.100.$((100 + $1))" 1 --connect-timeout 20 >"$BATS_TEST_TMPDIR/newcomer-$1"
}

@test 'a new source gets in within seconds' {
    local number addresses=() answers new=()
    for number in {1..20}; do
        addresses+=("198.51.100.$((100 + number))")
    done
    # with a limit of an hour and so few buckets, few of the 500 packets a second are for first
    # packets, and the flood uses those up at once
    guard 'limit = 10000/1h packets' 'limit = 1000/1h connections' '[flood]' 'newcomers = 500/1s'
    callers "${addresses[@]}"
    web 80
    invent
    until_engaged
    for number in {1..20}; do
        newcomer "$number" 3>&- &
        new+=($!)
        sleep 0.1
    done
    wait "${new[@]}"
    is engaged "$(gate .flood.state)"
    kill -0 "$flood"
    end_flood
    answers=$(cat "$BATS_TEST_TMPDIR"/newcomer-*)
    echo "# of 20 new clients $(took "$answers" 0 0.9) got in at the first SYN," \
        "$(took "$answers" 0 1.9) with the second one," \
        "the last one after $(awk '{ print $2 }' <<<"$answers" | sort -n | tail -1) s" >&3
    all_answered 20 "$answers"
    # it takes the fifth SYN, after four seconds, if no newcomer passes and all need a bucket
    [[ $(took "$answers" 0 3.5) -ge 10 ]]
    [[ $(packets passed_newcomer) -gt 0 ]]
}

# ---- output ----

@test 'the flood is visible, and when it ends the gate returns to ready by itself' {
    local output
    guard 'limit = 1000/1h packets' '[flood]' 'newcomers = 500/1s'
    invent
    until_engaged
    output=$(limiter status --json)
    jq --exit-status '.flood | .state == "engaged" and .since and .engaged_times == 1 and
        .unknown_sources_per_second > 0' <<<"$output"
    jq --exit-status '.buckets | .occupied <= .capacity and .inserted > 0 and
        .inserted < .capacity and .evicted == 0' <<<"$output"
    output=$(limiter stats --json)
    jq --exit-status '.interfaces.eth1.dropped_newcomers.packets > 4096' <<<"$output"
    jq --exit-status '.gate | .state == "engaged" and .unknown_sources > 8000' <<<"$output"
    output=$(limiter metrics)
    has "$output" '^xdp_ratelimit_gate_engaged 1$'
    has "$output" '^xdp_ratelimit_buckets_inserted_total [1-9][0-9]*$'

    end_flood
    for _ in {1..30}; do
        if gate_is ready; then
            break
        fi
        sleep 0.5
    done
    is 'ready 1' "$(gate '.flood | "\(.state) \(.engaged_times)"')"
    has "$(limiter metrics)" '^xdp_ratelimit_gate_engaged 0$'
    # every new source gets a bucket at once
    from $known 1
    is 1 "$(used_by $known)"
}

# ---- SYNs ----

@test 'where only connections are limited, SYNs are held off and nothing else' {
    local began_ms slices
    guard 'limit = 100/1h connections' '[flood]' 'newcomers = 200/1s'
    began_ms=$(boot_ms)
    invent --proto tcp-syn
    until_engaged
    send 500 --source 10.1.0.0 --sources 500 --proto tcp-ack
    counts 'passed_within_limits 500'
    send 500 --source 10.2.0.0 --sources 500 --proto tcp-syn
    [[ $(packets dropped_newcomers) -gt 250 ]]
    sleep 1
    end_flood
    # half of 200 a second, in intervals: two of these began earlier or end later
    slices=$((($(boot_ms) - began_ms) / 100 + 2))
    [[ $(packets passed_newcomer eth1) -gt 0 ]]
    [[ $(packets passed_newcomer eth1) -le $((slices * 16)) ]]
    # what passed before the gate engaged
    [[ $(packets passed_within_limits eth1) -lt 4096 ]]
    [[ $(packets dropped_newcomers eth1) -gt 4096 ]]
}

# ---- modes of the gate ----

@test 'a gate in monitor mode drops nothing, and counts what it would drop' {
    guard 'limit = 1000/1h packets' '[flood]' 'gate = monitor' 'newcomers = 500/1s'
    invent
    until_engaged
    from $known 10
    end_flood
    [[ $(packets passed_monitor_newcomers eth1) -gt 4096 ]]
    is "$flooded" "$(all_on eth1 '^passed_(within_limits|monitor_newcomers)$')" 'passed by eth1'
    is 10 "$(all_on eth0 '^passed_(within_limits|monitor_newcomers)$')" 'passed by eth0'
}

@test 'without the gate nobody is a newcomer' {
    guard 'limit = 1000/1h packets' '[flood]' 'gate = off'
    invent
    eventually flooded_with 8192
    from $known 10
    end_flood
    counts 'passed_within_limits 10'
    is "passed_within_limits $flooded" "$(counted eth1)"
    is '0 0' "$(gate '.flood | "\(.unknown_sources) \(.engaged_times)"')"
}

@test 'a gate switched off during a flood lets everybody in at once' {
    guard 'limit = 1000/1h packets' '[flood]' 'newcomers = 16/1s'
    invent
    until_engaged
    send 500 --source 10.1.0.0 --sources 500
    [[ $(packets dropped_newcomers) -gt 250 ]]
    reload_guard 'limit = 1000/1h packets' '[flood]' 'gate = off'
    send 500 --source 10.2.0.0 --sources 500
    is 500 "$(packets passed_within_limits)"
    reload_guard 'limit = 1000/1h packets' '[flood]' 'newcomers = 16/1s'
    eventually gate_is engaged
    send 500 --source 10.3.0.0 --sources 500
    is 500 "$(packets passed_within_limits)"
    end_flood
}
