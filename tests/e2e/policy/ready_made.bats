#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # network.bash and policies.bash set what is used
#
# The promises of the ready-made policies with one class.

load ../network
load policies

# ---- fixed-bucket.conf ----

@test 'fixed bucket: 300 connections in each minute, for each address' {
    local minute before
    policy fixed-bucket 40  # a minute: 1.5 s
    callers 198.51.100.7 203.0.113.9
    web 443
    begin
    for minute in 1 2 3; do
        before=$(served 198.51.100.7)
        press_reconnecting 198.51.100.7 443 10
        full 198.51.100.7 '300/.* connections$'
        holds 300 1500 $(($(served 198.51.100.7) - before + 1)) "connections in minute $minute"
        relieve
        if [[ $minute == 1 ]]; then
            is 20 "$(connected 203.0.113.9 20 443)" 'connections of somebody else'
        fi
        wait_for 198.51.100.7
    done
}

@test 'fixed bucket: 10 connections a minute to the costly call' {
    policy fixed-bucket 40
    callers 198.51.100.7
    web 443 8443
    begin
    holds 10 1500 "$(connected 198.51.100.7 20 8443)" 'costly calls'
    wait_for 198.51.100.7
    holds 10 1500 "$(connected 198.51.100.7 20 8443)" 'costly calls in the next minute'
    is 20 "$(connected 198.51.100.7 20 443)" 'other calls'
}

@test 'fixed bucket: connections to the costly call count in both limits' {
    policy fixed-bucket 1
    callers 198.51.100.7
    web 443 8443
    is 10 "$(connected 198.51.100.7 12 8443)" 'costly calls'
    is 40 "$(connected 198.51.100.7 40 443)" 'other calls'
    is 50 "$(used 198.51.100.7 300/)" 'used by all'
}

@test 'fixed bucket: a single connection cannot carry an unlimited amount' {
    policy fixed-bucket 1
    callers 198.51.100.7
    web 443
    # frames as they are on a wire, of one segment each
    ip -n "$name-client" link set eth0 gso_max_segs 1
    head -c 60000000 /dev/zero >"$BATS_TEST_TMPDIR/large"
    nsenter --net="/run/netns/$name-client" curl --silent --insecure --output /dev/null \
        --max-time 30 --upload-file "$BATS_TEST_TMPDIR/large" "$(url 198.51.100.7 443)/files/" 3>&- &
    eventually uses_all_packets
    sleep 0.3
    is 20000 $(($(packets passed_within_limits) + $(packets passed_near_limit))) 'packets passed'
    [[ $(packets dropped_packets_limit) -gt 0 ]]
}

uses_all_packets() {
    [[ $(used 198.51.100.7 20000/) -eq 20000 ]]
}

@test 'fixed bucket: a permit lifts the limits, for its address' {
    policy fixed-bucket 1
    callers 198.51.100.7 198.51.100.8
    web 443 8443
    limiter --config "$file" permit request 198.51.100.7 >/dev/null
    all_answered 350 "$(ask_at_once 198.51.100.7 350 443)"
    all_answered 30 "$(ask_at_once 198.51.100.7 30 8443)"
    is 10 "$(connected 198.51.100.8 20 8443)" 'costly calls without a permit'
}

@test 'fixed bucket: five permit requests an hour, of ten addresses each, for a day' {
    policy fixed-bucket 1
    run -2 limiter --config "$file" permit request "$(echo 192.0.2.{1..11} | tr ' ' ,)"
    for _ in {1..5}; do
        limiter --config "$file" permit request "$(echo 192.0.2.{1..10} | tr ' ' ,)" >/dev/null
    done
    run -4 limiter --config "$file" permit request 192.0.2.1
    run -0 limiter permit list --json
    is 10 "$(jq '.permits | length' <<<"$output")" permits
    jq --exit-status '[.permits[].expires_in_seconds | . > 87200 and . <= 87300] | all' <<<"$output"
}

# ---- slow-not-fail.conf ----

@test 'slow, not fail: calls over 500 a minute are answered later' {
    local answers took_ms
    policy slow-not-fail 10  # a minute: 6 s, a request: 12 ms
    callers 198.51.100.7
    web 80
    begin
    answers=$(ask 198.51.100.7 200)
    took_ms=$(($(boot_ms) - began_ms))
    all_answered 200 "$answers"
    # 50 at once, and 12 ms for each of the others; the clock is read in steps of 10 ms
    [[ $took_ms -ge $((150 * 12 - 20)) ]]
    is 0 "$(took "$(head -n 50 <<<"$answers")" 0.15 5)" 'late ones of those that may come at once'
    [[ $(took "$answers" 0.15 5) -ge 3 ]]
    is 200 "$(took "$answers" 0 5)" 'calls of less than 5 s'
}

@test 'slow, not fail: on the slow endpoint a call in 10 seconds' {
    local answers
    policy slow-not-fail 10
    callers 198.51.100.7 198.51.100.8
    web 80 8081
    answers=$(ask 198.51.100.7 3 8081)
    all_answered 3 "$answers"
    is 1 "$(took "$answers" 0 0.5)" 'the first one'
    is 2 "$(took "$answers" 0.9 5)" 'the others'
    is 1 "$(took "$(ask 198.51.100.7 1)" 0 0.5)" 'on another endpoint'
    is 1 "$(took "$(ask 198.51.100.8 1 8081)" 0 0.5)" 'of somebody else'
}

@test 'slow, not fail: new connections are late, too' {
    local answers
    policy slow-not-fail 10
    callers 198.51.100.7
    web 80
    answers=$(ask_at_once 198.51.100.7 70 80 --parallel-max 70)
    all_answered 70 "$answers"
    [[ $(took "$answers" 0.9 5) -ge 10 ]]
    is 70 "$(took "$answers" 0 5)" 'calls of less than 5 s'
}

# ---- per-second-and-upload.conf ----

@test 'per second: at most 10 calls in a second' {
    local served
    policy per-second-and-upload 1
    eager_callers 198.51.100.7
    web 80
    room 1000 900
    press 198.51.100.7 80 5
    full 198.51.100.7 '10/1s http'
    holds_sliding 10 1000 "$(served 198.51.100.7)" 'served in the first second'
    pause 2000
    served=$(served 198.51.100.7)
    holds_sliding 10 1000 "$served" served
    [[ $served -gt 20 ]]
    relieve
}

@test 'per second: 100 calls a minute, for each address' {
    policy per-second-and-upload 10  # a minute: 6 s, a second: 0.1 s
    eager_callers 198.51.100.7 203.0.113.7
    web 80
    room 6000 3000
    press 198.51.100.7 80 5
    press 203.0.113.7 80 5
    full 198.51.100.7 '100/.* http'
    full 203.0.113.7 '100/.* http'
    holds_sliding 100 6000 "$(served 198.51.100.7)" one
    holds_sliding 100 6000 "$(served 203.0.113.7)" another
    relieve
}

@test 'per second: 100 connections a minute behind TLS' {
    policy per-second-and-upload 10
    callers 198.51.100.7
    web 443
    room 6000 2500
    holds_sliding 100 6000 "$(connected 198.51.100.7 120 443)" answered
}

# upload ADDRESS MEGABYTES: prints "STATUS SECONDS", 201 for a new file, 204 for one that was there
upload() {
    head -c "${2}000000" /dev/zero >"$BATS_TEST_TMPDIR/$1-$2"
    client curl --silent --output /dev/null --write-out '%{http_code} %{time_total}' \
        --upload-file "$BATS_TEST_TMPDIR/$1-$2" "$(url "$1" 80)/files/"
}

uses_nearly_all_bytes() {
    [[ $(used 198.51.100.7 5000000/) -gt 4900000 ]]
}

@test 'per second: 5 MB of upload a minute, and the rest in the next one' {
    local second
    policy per-second-and-upload 10
    eager_callers 198.51.100.7 203.0.113.7
    web 80
    has "$(upload 198.51.100.7 3)" '^20[14] [0-3]\.'
    upload 198.51.100.7 4 >"$BATS_TEST_TMPDIR/second" &
    second=$!
    eventually uses_nearly_all_bytes
    sleep 0.3
    [[ $(used 198.51.100.7 5000000/) -le 5000000 ]]
    has "$(upload 203.0.113.7 4)" '^20[14] [0-3]\.'
    is '' "$(cat "$BATS_TEST_TMPDIR/second")" 'of the second upload'
    wait "$second"
    has "$(cat "$BATS_TEST_TMPDIR/second")" '^201 ([4-9]|[12][0-9])\.'
}
