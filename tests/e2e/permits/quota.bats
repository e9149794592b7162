#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # network.bash sets what is used
#
# Quotas, and the addresses that a request may name.

load ../network
load permits

# use_up_quota: the five requests of an hour
use_up_quota() {
    local request
    for request in {1..5}; do
        permit request "10.0.0.$request" >/dev/null
    done
}

@test 'the sixth request within an hour is refused, with the time of the next one' {
    local before at
    attach eth0
    use_up_quota
    before=$(everything)
    refused 4 'quota of 5 requests .* used up' permit request 10.0.0.6
    at=$(sql "SELECT strftime('%Y-%m-%dT%H:%M:%SZ',
        (min(at_unix_ns) + 3600999999999) / 1000000000, 'unixepoch') FROM requests")
    has "$output" "the next one is possible at $at"
    run -4 permit request 10.0.0.1 --json
    is quota_exceeded "$(field .error.code)"
    has "$(field .error.message)" "$at"
    jq --exit-status '.error.retry_after_seconds | . > 3500 and . <= 3600' <<<"$output"
    is "$before" "$(everything)" 'store and map'
}

@test 'the quota is printed in a readable unit' {
    configure 'requests = 1/7s'
    permit request 10.0.0.1 >/dev/null
    refused 4 'quota of 1 request.* 7 ?s' permit request 10.0.0.1
    configure 'requests = 1/1d'
    refused 4 'quota of 1 request.* (24 ?h|1 ?d)' permit request 10.0.0.1
}

@test 'every account has a quota of its own' {
    account add agency --approved >/dev/null
    use_up_quota
    run -0 permit request 10.0.0.1 --account agency --json
    is 'agency 4' "$(field '"\(.account) \(.quota.remaining)"')"
    run -4 permit request 10.0.0.1
}

@test 'rejected requests cost nothing' {
    some_accounts
    configure 'entries = 2'
    permit request "$(addresses 1 2)" >/dev/null
    run -2 permit request 10.0.0.1/8
    run -2 permit request "$(addresses 1 11)"
    run -2 permit request 10.0.0.1 --comment $'line\nline'
    run -1 permit request 10.0.0.3
    run -3 permit request 10.0.0.1 --account nobody
    run -5 permit request 10.0.0.1 --account agency-one
    run -5 permit request 10.0.0.1 --account stranger
    is 1 "$(stored requests)" requests
    configure 'requests = 1/1h'
    run -4 permit request 10.0.0.1
    is 1 "$(stored requests)" requests
    configure
    run -0 permit request 10.0.0.1 --json
    is 3 "$(field .quota.remaining)"
}

@test 'the window slides: the next request passes at the announced time and not before' {
    local retry deadline_ns began_ns
    configure 'requests = 2/3s'
    permit request 10.0.0.1 >/dev/null
    sleep 1
    permit request 10.0.0.2 >/dev/null
    run -4 permit request 10.0.0.3 --json
    retry=$(field '.error.retry_after_seconds * 1000000000 | ceil')
    deadline_ns=$(($(date +%s%N) + retry))
    [[ $retry -gt 0 && $retry -le 2000000000 ]]
    for (( ; ; )); do
        began_ns=$(date +%s%N)
        run permit request 10.0.0.3 --json
        [[ $status -eq 4 && $began_ns -lt $deadline_ns ]] || break
    done
    is 0 "$status" 'exit status after the announced time'
    is 1 "$(sql 'SELECT max(at_unix_ns) - min(at_unix_ns) >= 3000000000 FROM requests')" \
        'not before'
    is "$(sql 'SELECT 2 - count(*) FROM requests
        WHERE at_unix_ns > (SELECT max(at_unix_ns) FROM requests) - 3000000000')" \
        "$(field .quota.remaining)" remaining
}

@test 'a changed quota applies from the next request on' {
    use_up_quota
    configure 'requests = 7/1h'
    run -0 permit request 10.0.0.6 --json
    is '7 1' "$(field '.quota | "\(.limit) \(.remaining)"')"
    configure 'requests = 2/1h'
    run -4 permit request 10.0.0.7
    is 6 "$(spent)" spent
}

# refused_list PATTERN LIST: a usage error that matches the pattern
refused_list() {
    refused 2 "$1" permit request "$2"
}

@test 'a list with an error is rejected as a whole, and the error quoted' {
    local before text
    attach eth0
    permit request 192.0.2.1 >/dev/null
    before=$(everything)
    refused_list "address '': an address is missing" ''
    for text in 1.2.3 01.2.3.4 1.2.3.4.5 1.2.3.256 1.2.3.-4 0x1.2.3.4 1.2.3.4/24 1.2.3.4:80 \
        ::1 2001:db8::1 ::ffff:1.2.3.4 0.0.0.0 0.1.2.3 224.0.0.1 239.255.255.255 \
        255.255.255.255 example.org ' ' ' 1.2.3.4' '1.2.3.4 ' '1.2.3.4 1.2.3.5'; do
        refused_list "address '$text':" "$text"
        refused_list "address '$text':" "10.0.0.1,$text,10.0.0.2"
    done
    refused_list "address '':" '10.0.0.1,'
    refused_list "address '':" ',10.0.0.1'
    refused_list "address '':" '10.0.0.1,,10.0.0.2'
    is "$before" "$(everything)" 'store and map'
}

@test 'a list that is too long is rejected with the maximum' {
    local before
    permit request 192.0.2.1 >/dev/null
    before=$(everything)
    refused_list "11 addresses, at most 10 .*'10\.0\.0\.11' is the first one too many" "$(addresses 1 11)"
    refused_list 'addresses, at most 10' "$(addresses 1 250)"
    configure 'addresses = 3'
    refused_list '4 addresses, at most 3' "$(addresses 1 4)"
    is "$before" "$(everything)" store
    configure 'addresses = 11'
    run -0 permit request "$(addresses 1 11)"
}

@test 'any text of any length is rejected in a short message' {
    local before long
    permit request 192.0.2.1 >/dev/null
    before=$(everything)
    long=$(head -c 100000 /dev/zero | tr '\0' x)
    refused_list "address 'x{60}\.\.\.':" "$long"
    [[ ${#output} -lt 400 ]]
    long=$(head -c 100000 /dev/zero | tr '\0' ,)
    refused_list "address '':" "$long"
    refused_list "address '10\.0\.0\.1\?\[31m':" $'10.0.0.1\e[31m'
    refused_list "address '10\.0\.0\.1\?':" $'10.0.0.1\n'
    refused_list "address '\?\?\?':" $'\x01\x7f\xff'
    refused_list "address '\?\?':" 'é'
    run -2 permit request $'\xff\xfe' --json
    has "$(field .error.message)" "'\?\?'"
    is "$before" "$(everything)" store
}

@test 'two hundred requests at once: exactly five are granted' {
    attach eth0
    is '0 5
4 195' "$(all_at_once 200 permit request 10.0.0.1)" 'exit statuses'
    is 5 "$(stored requests)" requests
    assert_same 1
}

@test 'two hundred requests at once with nothing attached' {
    is '0 5
4 195' "$(all_at_once 200 permit request 10.0.0.1)" 'exit statuses'
    is 5 "$(stored requests)" requests
    is 1 "$(stored permits)" permits
}
