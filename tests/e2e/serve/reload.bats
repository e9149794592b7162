#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # code, body and headers are set by request
#
# SIGHUP activates the policy of the file.

load ../network
load serve

# with_policy LINE...: appends these lines to the configuration of serve
with_policy() {
    configure
    printf '%s\n' "$@" >>"$config"
}

# signalled PATTERN: sends SIGHUP, and expects this log line about the policy
signalled() {
    local before
    before=$(grep -c '^policy' "$log" || true)
    kill -HUP "$supervisor"
    eventually more_lines_than "$before"
    has "$(grep '^policy' "$log" | tail -n 1)" "$1"
}

more_lines_than() {
    [[ $(grep -c '^policy' "$log") -gt $1 ]]
}

in_force() {
    limiter status --json | jq --raw-output --compact-output ".policy | $1"
}

begin() {
    prepare
    with_policy '[class standard]' 'limit = 1000/1h packets' 'limit = 900/1h packets scope /24'
    limiter --config "$config" attach eth0 --sources 4096 >/dev/null
    serve
}

@test 'SIGHUP activates the policy of the file; unchanged limits keep their state' {
    local used
    begin
    send 100
    with_policy '[limiter]' 'default = standard' '[class standard]' 'limit = 2000/1h packets' \
        'limit = 900/1h packets scope /24' '[class other]' 'sources = 10.0.0.0/8' \
        'limit = 1/1s packets' 'action = redirect out'
    signalled "^policy reloaded: $config, generation 2$"
    is '["standard drop","other redirect out"]' \
        "$(in_force '[.classes[] | "\(.name) \(.action)"]')"
    used=$(limiter show "$source" --json | jq -c '[.limits[].used]')
    is 0 "$(jq '.[0]' <<<"$used")" 'of the limit that is new'
    jq --exit-status '.[1] >= 100' <<<"$used"
    signalled "^policy unchanged: $config, generation 2$"
    request "$endpoint"
    answered 200
}

@test 'SIGHUP with an invalid policy leaves the active one, and serve goes on' {
    local before line
    begin
    before=$(in_force .)
    for line in 'limit = 0/1s packets' 'action = redirect nowhere' 'sources = 10.0.0.1/8'; do
        with_policy '[class standard]' 'limit = 5/1h packets' "$line"
        signalled "^policy not reloaded: $config:[0-9]+: .*"
        is "$before" "$(in_force .)" policy
        request "$endpoint"
        answered 200
    done
    kill -0 "$supervisor"
}

@test 'SIGHUP with a policy while nothing is attached' {
    begin
    limiter detach eth0 >/dev/null
    signalled '^policy not reloaded: the limiter is not attached'
    request "$endpoint"
    answered 200
}

@test 'SIGHUP without a policy in the file keeps that of the command line' {
    prepare
    attach eth0 --limit '1000/1h packets'
    serve
    signalled "^policy not reloaded: there is no policy in $config"
    is '["1000/1h packets"]' "$(in_force .limits)"
}

@test 'SIGHUP many times: in the end the last file is active' {
    begin
    for round in {1..10}; do
        with_policy '[class standard]' "limit = $round/1h connections"
        kill -HUP "$supervisor"
    done
    eventually last_is_in_force
    request "$endpoint"
    answered 200
}

last_is_in_force() {
    [[ $(in_force '.limits[0]') == '10/1h connections' ]]
}

@test 'a caller is told of its class, by CIDR and with separate limits' {
    prepare
    with_policy '[limiter]' 'default = standard' '[class standard]' 'limit = 1000/1h packets' \
        '[class client]' 'sources = 198.51.100.0/24' 'limit = 5000/1h packets' \
        'limit = 4000/1h packets scope /24' 'limit = 3000/1h packets scope class'
    limiter --config "$config" attach eth0 --sources 4096 >/dev/null
    serve
    send 50
    request "$public/v3/rate-limit"
    answered 200
    is 'client cidr 198.51.100.0/24' "$(field '"\(.class) \(.class_reason) \(.cidr)"')"
    is true "$(field '[.limits[].used] | min >= 50')" 'all have counted'
}
