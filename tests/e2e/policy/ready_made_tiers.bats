#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # network.bash and policies.bash set what is used
#
# The promises of the ready-made policies with classes of callers.

load ../network
load policies

# A caller of each class.
readonly anybody=192.0.2.7 professional=198.51.100.7 enterprise=203.0.113.7
readonly customer=203.0.113.65 customer_too=192.0.2.25

# ---- tiers.conf ----

@test 'tiers: the requests of each tier in a minute' {
    policy tiers 30  # a minute: 2 s, an hour: 120 s
    eager_callers $anybody $professional $enterprise $customer $customer_too
    web 80
    begin
    press $anybody 80 10
    press $professional 80 20
    press $enterprise 80 40
    press $customer 80 20
    press $customer_too 80 20
    full $anybody '30/.* http'
    full $professional '100/2s http'
    full $enterprise '500/.* http'
    full $customer '2000/.* http'
    holds 30 2000 "$(served $anybody)" everybody
    holds 100 2000 "$(served $professional)" professional
    holds 500 2000 "$(served $enterprise)" enterprise
    holds 2000 2000 "$(served $customer,$customer_too)" customer
    relieve
}

@test 'tiers: the requests of each tier in a sliding hour' {
    local before_ms after_ms served
    policy tiers 600  # a minute: 0.1 s, an hour: 6 s
    eager_callers $anybody $professional $enterprise
    web 80
    room 6000 4500
    press $anybody 80 10
    press $professional 80 20
    press $enterprise 80 60
    full $anybody '200/.* http'
    full $professional '1000/.* http'
    full $enterprise '10000/.* http'
    holds_sliding 200 6000 "$(served $anybody)" everybody
    holds_sliding 1000 6000 "$(served $professional)" professional
    holds_sliding 10000 6000 "$(served $enterprise)" enterprise
    relieve

    next_window 6000 2000
    before_ms=$(boot_ms)
    press $professional 80 20
    pause 1000
    served=$(served $professional)
    after_ms=$(($(boot_ms) + 10))
    relieve
    # what the last hour no longer covers: a sixth of a unit for each millisecond
    [[ $served -ge $((1000 + before_ms % 6000 / 6)) ]]
    [[ $served -le $((1000 * (after_ms / 6000 - began_ms / 6000) + after_ms % 6000 / 6 + 1)) ]]
}

@test 'tiers: 10, 20 and 100 calls an hour on three endpoints' {
    local caller
    policy tiers 600
    eager_callers $anybody $professional $enterprise $customer $customer_too
    web 8081 8082 8083
    room 6000 4500
    for caller in $anybody $professional $enterprise $customer $customer_too; do
        press "$caller" 8081 2
        press "$caller" 8082 3
        press "$caller" 8083 5
    done
    full $customer '100/.* http.*8081' '200/.* http.*8082' '1000/.* http.*8083'
    for caller in $anybody $professional $enterprise; do
        full "$caller" '10/.* http.*8081' '20/.* http.*8082' '100/.* http.*8083'
        holds_sliding 10 6000 "$(served "$caller" 8081)" "$caller, first endpoint"
        holds_sliding 20 6000 "$(served "$caller" 8082)" "$caller, second endpoint"
        holds_sliding 100 6000 "$(served "$caller" 8083)" "$caller, third endpoint"
    done
    holds_sliding 100 6000 "$(served $customer,$customer_too 8081)" 'customer, first endpoint'
    holds_sliding 200 6000 "$(served $customer,$customer_too 8082)" 'customer, second endpoint'
    holds_sliding 1000 6000 "$(served $customer,$customer_too 8083)" 'customer, third endpoint'
    relieve
}

@test 'tiers: connections are counted behind TLS' {
    policy tiers 40  # a minute: 1.5 s
    callers $anybody $professional
    web 443
    begin
    holds 30 1500 "$(connected $anybody 45 443)" everybody
    wait_for $anybody
    holds 30 1500 "$(connected $anybody 45 443)" 'everybody, in the next minute'
    begin
    holds 100 1500 "$(connected $professional 120 443)" professional
}

# ---- organisation-quota.conf ----

@test 'organisation: 2500 calls a day for all of its addresses' {
    local day before=0
    policy organisation-quota 28800  # a day: 3 s
    eager_callers 203.0.113.17 198.51.100.8 192.0.2.7
    web 80
    begin
    for day in 1 2; do
        press 203.0.113.17 80 10
        press 198.51.100.8 80 10
        full 203.0.113.17 '2500/.* http'
        relieve
        holds 2500 3000 $(($(served 203.0.113.17,198.51.100.8) - before)) "on day $day"
        # before the next one begins, with what was on its way when the callers were relieved
        before=$(served 203.0.113.17,198.51.100.8)
        wait_for 203.0.113.17
    done
    [[ $(served 203.0.113.17) -gt 0 && $(served 198.51.100.8) -gt 0 ]]
}

@test 'organisation: 2500 connections a day behind TLS, and 100 for anybody else' {
    policy organisation-quota 8640  # a day: 10 s
    callers 203.0.113.17 198.51.100.8 192.0.2.7
    web 443
    begin
    press_reconnecting 203.0.113.17 443 10
    press_reconnecting 198.51.100.8 443 10
    full 203.0.113.17 '2500/.* connections'
    holds 2500 10000 $(($(served 203.0.113.17,198.51.100.8) + 2)) 'of the organisation'
    relieve
    begin
    holds 100 10000 "$(connected 192.0.2.7 120 443)" 'of somebody else'
}

@test 'organisation: calls by this host are not counted, nor traffic to other ports' {
    policy organisation-quota 1
    callers 203.0.113.17
    web 80 22
    # what the organisation has for us, in its own network
    head -c 3000000 /dev/zero >"$BATS_TEST_TMPDIR/data"
    nsenter --net="/run/netns/$name-client" python3 -m http.server --bind 203.0.113.17 8000 \
        --directory "$BATS_TEST_TMPDIR" >/dev/null 2>&1 3>&- &
    eventually server curl --silent --fail --output /dev/null http://203.0.113.17:8000/data
    all_answered 40 "$(ask_at_once 203.0.113.17 40 22)"
    is '0 http-requests, 0 connections, 0 packets' "$(used_by_organisation)"
    [[ $(packets passed_not_protected) -gt 200 ]]
    all_answered 4 "$(ask 203.0.113.17 4)"
    has "$(used_by_organisation)" '^4 http-requests, 1 connections, [1-9]'
}

# used_by_organisation: of each of its limits
used_by_organisation() {
    limiter show 203.0.113.17 --json |
        jq --raw-output '[.limits[] | "\(.used) \(.unit)"] | join(", ")'
}
