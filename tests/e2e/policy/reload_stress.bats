#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # network.bash sets what is used

# Alternating policies under full traffic: each packet is decided by one of them.

load ../network

readonly rounds=1000

# The first policy rejects by packets, the second by bytes, so the reason tells which one decided.
write_policies() {
    printf '%s\n' '[class one]' 'limit = 1/31d packets' >"$BATS_TEST_TMPDIR/one"
    printf '%s\n' '[class other]' 'limit = 1/31d bytes' >"$BATS_TEST_TMPDIR/other"
}

reload_often() {
    local i
    for ((i = 0; i < rounds / 2; i++)); do
        limiter --config "$BATS_TEST_TMPDIR/other" reload >/dev/null
        limiter --config "$BATS_TEST_TMPDIR/one" reload >/dev/null
    done
}

@test '1000 reloads under full traffic: each packet is decided by a policy that was active' {
    local within
    write_policies
    limiter --config "$BATS_TEST_TMPDIR/one" attach eth0 --sources 4096 >/dev/null
    start_receiver server eth0 --source "$source" --seconds 200
    start_flood --seconds 180
    reload_often
    stop_flood
    stop_receiver
    within=$(packets passed_within_limits)
    echo "# $flooded packets, of them $within passed, $(packets dropped_packets_limit) were one too many and $(packets dropped_bytes_limit) too long" >&3
    is $((rounds + 1)) "$(limiter status --json | jq .policy.generation)" generation
    [[ $within -ge 1 && $within -le $((rounds / 2 + 1)) ]]
    is "$within" "$received" received
    [[ $(packets dropped_packets_limit) -gt $rounds && $(packets dropped_bytes_limit) -gt $rounds ]]
    is "$flooded" $((within + $(packets dropped_packets_limit) + $(packets dropped_bytes_limit))) \
        'the sum of all'
}
