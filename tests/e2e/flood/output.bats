#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The gate in the output of the commands. With 4096 buckets it engages at 256 unknown sources in
# about a second.

load ../network

# status_of FILTER
status_of() {
    limiter status --json | jq --raw-output "$1"
}

# flood SOURCES [OPTION...]: a packet of each of them, from 10.0.0.0 on
flood() {
    local sources=$1
    shift
    client "$build/tests/frames" send eth0 --source 10.0.0.0 --sources "$sources" \
        --count "$sources" --rate 20000 "$@"
}

@test 'without a flood the gate is ready, and buckets are counted' {
    attach eth0
    is 'on ready null 0 50000/1s 2000/1s' "$(status_of '.flood
        | "\(.mode) \(.state) \(.since) \(.engaged_times) \(.newcomers) \(.prefix)"')"
    is '4096 0 0 0' "$(status_of '.buckets
        | "\(.capacity) \(.occupied) \(.inserted) \(.evicted)"')"
    is 100 "$(flood 100)"
    is '4096 100 100 0' "$(status_of '.buckets
        | "\(.capacity) \(.occupied) \(.inserted) \(.evicted)"')"
    is '100 0' "$(status_of '.flood | "\(.unknown_sources) \(.promoted_sources)"')"
    run -0 limiter status
    has "$output" '^flood +gate on, newcomers 50000/1s, prefix 2000/1s$'
    has "$output" '^gate +ready, [0-9]+ unknown sources a second$'
    has "$output" '^buckets +100 of 4096 in use, 100 created, 0 evicted$'
}

# boot_ticks SECONDS: the tick in SECONDS seconds. /proc/uptime is in hundredths of a second, so the
# last one may be up to that late.
boot_ticks() {
    awk -v ahead="$1" '{ printf "%d", int(($1 + ahead) * 1e9 / 2 ^ 25) % 2 ^ 32 }' /proc/uptime
}

# Until the new program runs, an older one refreshes the buckets.
@test 'a gate created for existing buckets begins its first epoch a little later' {
    local before began
    attach eth0
    rm "$pins/gate" "$pins/flood"
    before=$(boot_ticks 10)
    attach eth0
    began=$(bpftool --json map dump pinned "$pins/flood" |
        jq '[.. | .epoch_began_ticks? // empty] | first')
    [[ $began -ge $before && $began -le $(boot_ticks 10)+1 ]]
}

@test 'during a flood the gate is engaged, and the figures add up' {
    local sent since begin
    begin=$(date +%s)
    attach eth0
    sent=$(flood 30000)
    run -0 limiter status --json
    jq --exit-status '.flood | .state == "engaged" and .engaged_times == 1 and
        .promoted_sources == 0 and .unknown_sources_per_second > 1000' <<<"$output"
    # two of them share an entry by chance, or evict one another before they come again
    jq --exit-status --argjson sent "$sent" \
        '.flood.unknown_sources | . > $sent * 0.98 and . <= $sent' <<<"$output"
    jq --exit-status '.buckets | .occupied + .evicted == .inserted and .occupied <= .capacity and
        .inserted < 2000' <<<"$output"
    since=$(date --date "$(jq --raw-output .flood.since <<<"$output")" +%s)
    [[ $since -ge $((begin - 1)) && $since -le $(date +%s) ]]
    is "$sent" "$(limiter stats --json | jq '[.interfaces.eth0[].packets] | add')" received
    [[ $(packets passed_newcomer) -gt 0 ]]
    run -0 limiter status
    has "$output" '^gate +engaged since [0-9T:Z-]+, [0-9]+ unknown sources a second$'
}

@test 'the budget of newcomers holds, and rejected packets are counted' {
    local sent
    printf '%s\n' '[limiter]' 'default = everyone' '[class everyone]' 'limit = 10000/1s packets' '[flood]' \
        'newcomers = 1000/1s' 'prefix = 100/1s' >"$BATS_TEST_TMPDIR/policy"
    limiter --config "$BATS_TEST_TMPDIR/policy" attach eth0 --sources 4096 >/dev/null
    is '{"gate":"on","newcomers":"1000/1s","prefix":"100/1s"}' \
        "$(limiter status --json | jq --compact-output .policy.flood)"
    sent=$(flood 30000)
    is "$sent" "$(limiter stats --json | jq '[.interfaces.eth0[].packets] | add')" received
    [[ $(packets dropped_newcomers) -gt 20000 ]]
}

@test 'stats and metrics have the totals of the gate' {
    attach eth0
    flood 5000
    run -0 limiter stats
    has "$output" '^gate$'
    has "$output" '^  unknown_sources +[45][0-9]{3}$'
    has "$output" '^  engaged_times +1$'
    run -0 limiter stats --json
    jq --exit-status '.gate | .state == "engaged" and .buckets_inserted > 100 and
        .unknown_sources > 4800' <<<"$output"
    run -0 limiter metrics
    has "$output" '^xdp_ratelimit_gate_engaged 1$'
    has "$output" '^xdp_ratelimit_gate_engagements_total 1$'
    has "$output" '^xdp_ratelimit_unknown_sources_total [45][0-9]{3}$'
    has "$output" '^xdp_ratelimit_promoted_sources_total 0$'
    has "$output" '^xdp_ratelimit_buckets_inserted_total [0-9]+$'
}

@test 'show knows a newcomer without a bucket' {
    attach eth0
    run -0 limiter show "$source" --json
    is 'false null' "$(jq --raw-output '"\(.known) \(.newcomer)"' <<<"$output")"
    flood 2000
    send 2
    run -0 limiter show "$source" --json
    is 'false 2 2' "$(jq --raw-output \
        '"\(.known) \(.newcomer | "\(.seen_packets) \(.passed_packets)")"' <<<"$output")"
    run -0 limiter show "$source"
    has "$output" "^source +$source \(newcomer without a bucket: 2 packets seen, 2 of them passed\)"
    send 8
    run -0 limiter show "$source" --json
    is 'true null' "$(jq --raw-output '"\(.known) \(.newcomer)"' <<<"$output")"
    is 10 "$(jq '.limits[0].used' <<<"$output")" used
}

@test 'the gate is ready again when the flood has ended and no packet arrives' {
    attach eth0
    flood 2000
    is engaged "$(status_of .flood.state)"
    sleep 10
    is 'ready 1 0' "$(status_of '.flood
        | "\(.state) \(.engaged_times) \(.unknown_sources_per_second)"')"
    run -0 limiter status
    has "$output" '^gate +ready, 0 unknown sources a second; engaged 1 time, until [0-9T:Z-]+$'
}
