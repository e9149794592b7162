#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # network.bash sets what is used

load ../network
load permits

@test 'a request prints what is new, until when, and the remaining quota' {
    attach eth0
    run -0 permit request 192.0.2.1,192.0.2.2
    has "$output" '^new +192\.0\.2\.1 +until [0-9-]{10}T[0-9:]{8}Z \(24 h 1[45] min\)'
    has "$output" '^new +192\.0\.2\.2 '
    has "$output" '^quota +4 of 5 requests remaining in any 1h for account local'
    is 3 "${#lines[@]}" lines
    assert_same 2
}

@test 'a request prints the same in JSON' {
    attach eth0
    run -0 permit request 192.0.2.1 --json
    is 'local true' "$(field '"\(.account) \(.applied)"')"
    is '192.0.2.1 new' "$(field '.permits[] | "\(.address) \(.change)"')"
    is '5 4' "$(field '.quota | "\(.limit) \(.remaining)"')"
    jq --exit-status '
        (.permits[0].expires_in_seconds | . > 87200 and . <= 87300)
        and (.permits[0].expires_at, .quota.reset_at
            | test("^[0-9-]{10}T[0-9:]{8}Z$"))' <<<"$output"
    is "$(field .permits[0].expires_at)" "$(sql "SELECT strftime('%Y-%m-%dT%H:%M:%SZ',
        (until_unix_ns + 999999999) / 1000000000, 'unixepoch') FROM permits")"
}

@test 'a repeated request extends the permit' {
    local before
    attach eth0
    configure 'lifetime = 60s'
    permit request 192.0.2.1 >/dev/null
    before=$(permits_in_map)
    run -0 permit request 192.0.2.1,192.0.2.2
    has "$output" '^extended +192\.0\.2\.1 '
    has "$output" '^new +192\.0\.2\.2 '
    assert_same 2
    [[ $(permits_in_map | head -n 1 | cut -d' ' -f2) -gt ${before#* } ]]
}

@test 'a request for less time changes nothing' {
    local before
    attach eth0
    permit request 192.0.2.1 >/dev/null
    before=$(permits_in_map)
    configure 'lifetime = 60s'
    run -0 permit request 192.0.2.1 --json
    is unchanged "$(field .permits[0].change)"
    is "$before" "$(permits_in_map)"
    assert_same 1
    run -0 permit request 192.0.2.1
    has "$output" '^unchanged +192\.0\.2\.1 .*\(24 h 1[45] min\)'
    is 3 "$(spent)" spent
}

@test 'a permit extended before it expires has no gap' {
    attach eth0 --limit '100/1h packets'
    grant "$source" 1
    grant "$source" 60
    sleep 1.1
    send 300
    counts 'passed_permit 300'
}

@test 'a repeated address gets one permit' {
    run -0 permit request "$(addresses 1 10),10.0.0.1,10.0.0.10,10.0.0.5"
    is 10 "$(grep -c ^new <<<"$output")"
    is 10 "$(stored permits)"
    is 10 "$(sql 'SELECT address_count FROM requests')"
}

@test 'list shows active permits by address, with their accounts' {
    run -0 permit list
    is 'no active permits' "$output"
    account add agency --approved >/dev/null
    permit request 192.0.2.20 --account agency --comment 'the second' >/dev/null
    permit request 192.0.2.3 >/dev/null
    run -0 permit list
    has "${lines[0]}" '^address +account +since +until +remaining'
    has "${lines[1]}" '^192\.0\.2\.3 +local +[^ ]+Z +[^ ]+Z +24 h 1[45] min$'
    has "${lines[2]}" '^192\.0\.2\.20 +agency +[^ ]+Z +[^ ]+Z +24 h 1[45] min +the second$'
    run -0 permit list --json
    is '192.0.2.3 local in_force null
192.0.2.20 agency in_force the second' \
        "$(field '.permits[] | "\(.address) \(.account) \(.state) \(.comment)"')"
    jq --exit-status '[.permits[].expires_in_seconds | . > 87200 and . <= 87300] | all' <<<"$output"
}

@test 'list --all shows ended permits, too, and how they ended' {
    configure 'lifetime = 100ms' 'linger = 0s'
    permit request 192.0.2.1 >/dev/null
    configure
    permit request 192.0.2.2,192.0.2.3 >/dev/null
    permit revoke 192.0.2.2 >/dev/null
    sleep 0.2
    run -0 permit list --json
    is 192.0.2.3 "$(field '.permits[].address')"
    run -0 permit list --all --json
    is '192.0.2.1 expired null
192.0.2.2 revoked null' "$(field '.permits[:2][] | "\(.address) \(.state) \(.expires_in_seconds)"')"
    is in_force "$(field '.permits[2].state')"
    has "$(permit list --all)" '^192\.0\.2\.1 .* expired$'
    has "$(permit list --all)" '^192\.0\.2\.2 .* revoked$'
}

@test 'revoke prints what it ended' {
    attach eth0
    permit request "$(addresses 1 3)" >/dev/null
    run -0 permit revoke 10.0.0.1
    is 'revoked    10.0.0.1' "$output"
    run -0 permit revoke 10.0.0.1,10.0.0.2
    has "$output" '^none +10\.0\.0\.1 \(had no permit\)'
    has "$output" '^revoked +10\.0\.0\.2$'
    assert_same 1
    run -0 permit revoke 10.0.0.3,10.0.0.4 --json
    is '10.0.0.3 revoked null, 10.0.0.4 none null' \
        "$(field '[.permits[] | "\(.address) \(.change) \(.expires_at)"] | join(", ")')"
    assert_same 0
    refused 3 'no permit for 10\.0\.0\.3' permit revoke 10.0.0.3
    is 1 "$(spent)" spent
}

@test 'a permit requested while nothing is attached is applied by attach' {
    run -0 permit request "$source"
    has "$output" '^note .* not attached.* attach will apply'
    run -0 permit request "$source" --json
    is false "$(field .applied)"
    attach eth0 --limit '100/1h packets'
    assert_same 1
    send 300
    counts 'passed_permit 300'
}

# serve_files: a real server on 198.51.100.1:8080, and two clients in one namespace
serve_files() {
    ip -n "$name-server" address add 198.51.100.1/24 dev eth0
    ip -n "$name-client" address add "$source/24" dev eth0
    ip -n "$name-client" address add 198.51.100.8/24 dev eth0
    mkdir "$BATS_TEST_TMPDIR/files"
    echo served >"$BATS_TEST_TMPDIR/files/page"
    nsenter --net="/run/netns/$name-server" python3 -m http.server 8080 --bind 198.51.100.1 \
        --directory "$BATS_TEST_TMPDIR/files" >/dev/null 2>&1 3>&- &
    eventually fetch "$source" 5
}

# fetch ADDRESS SECONDS
fetch() {
    client curl --silent --interface "$1" --max-time "$2" http://198.51.100.1:8080/page
}

@test 'a permitted client gets through a flood in which its neighbor is dropped' {
    serve_files
    attach eth0 --limit '1000/1h packets'
    permit request "$source" >/dev/null
    start_flood
    nsenter --net="/run/netns/$name-client" "$build/tests/frames" send eth0 \
        --source 198.51.100.8 --seconds 20 >/dev/null 3>&- &
    until [[ $(packets dropped_packets_limit) -gt 1000 && $(packets passed_permit) -gt 1000 ]]; do
        kill -0 "$flood"
    done
    is served "$(fetch "$source" 15)"
    run -28 fetch 198.51.100.8 2
    kill -0 "$flood"
    is 1000 "$(packets passed_within_limits)"
}

@test 'an address permitted by two accounts stays permitted without one of them' {
    attach eth0 --limit '100/1h packets'
    account add agency --approved >/dev/null
    configure 'lifetime = 60s'
    permit request "$source" >/dev/null
    configure
    permit request "$source" --account agency >/dev/null
    is 2 "$(stored permits)"
    assert_same 1
    is "$(sql "SELECT until_unix_ns - boot_unix_ns FROM permits, state WHERE account_id <> 1")" \
        "$(permits_in_map | cut -d' ' -f2)" 'the later end'
    run -0 account remove agency
    has "$output" '^removed +agency, with 1 active permits?'
    assert_same 1
    send 300
    counts 'passed_permit 300'
    permit revoke "$source" >/dev/null
    assert_same 0
}

@test 'revoke ends the permits of all accounts for an address' {
    attach eth0
    some_accounts
    permit request 192.0.2.1 >/dev/null
    permit request 192.0.2.1,192.0.2.2 --account agency >/dev/null
    permit revoke 192.0.2.1 >/dev/null
    assert_same 1
    is 192.0.2.2 "$(permit list --json | jq --raw-output '.permits[].address')"
}

@test 'removing an account ends its permits for traffic, too' {
    attach eth0 --limit '100/1h packets'
    account add agency --approved >/dev/null
    permit request "$source,192.0.2.1" --account agency >/dev/null
    permit request 192.0.2.2 >/dev/null
    send 200
    run -0 account remove agency --json
    is 'agency 2' "$(field '"\(.account) \(.ended_permits)"')"
    assert_same 1
    send 200
    counts 'dropped_packets_limit 100' 'passed_permit 200' 'passed_within_limits 100'
}

@test 'every permit command removes expired entries from the map' {
    local arguments
    attach eth0
    permit request 192.0.2.1 >/dev/null
    for arguments in list 'request 192.0.2.1' 'revoke 192.0.2.1'; do
        grant "$(addresses 1 5)" 1
        sleep 1.1
        is 6 "$(permits_in_map | wc -l)" 'entries before the command'
        # shellcheck disable=SC2086
        permit $arguments >/dev/null
        is '' "$(permits_in_map | grep ^10)" 'entries after it'
        assert_same
    done
    assert_same 0
}

@test 'a full map: rejected, and nothing changes' {
    local before
    configure 'entries = 2'
    attach eth0
    permit request "$(addresses 1 2)" >/dev/null
    before=$(everything)
    refused 1 'at most 2 addresses' permit request 10.0.0.3
    has "$output" "raise 'entries'"
    refused 1 'at most 2 addresses' permit request "$(addresses 2 3)"
    is "$before" "$(everything)" 'store and map'
    run -0 permit request "$(addresses 1 2)"
    is 2 "$(grep -c ^extended <<<"$output")"
    assert_same 2
}

@test 'a map smaller than configured: rejected when it is full, and nothing changes' {
    local before
    configure 'entries = 2'
    attach eth0
    configure 'entries = 100'
    permit request 10.0.0.1 >/dev/null
    before=$(everything)
    refused 1 'map permits is full .2 entries' permit request "$(addresses 1 3)"
    has "$output" 'run attach again'
    is "$before" "$(everything)" 'store and map'
    permit request 10.0.0.2 >/dev/null
    assert_same 2
}

@test 'raising entries and attaching again makes room, and permits stay active' {
    configure 'entries = 2'
    attach eth0 --limit '100/1h packets'
    permit request "$source,10.0.0.1" >/dev/null
    send 200
    configure 'entries = 100'
    attach eth0
    assert_same 2
    permit request "$(addresses 2 8)" >/dev/null
    assert_same 9
    send 200
    is 400 "$(packets passed_permit)"
}

@test 'fewer entries than permits: active ones can be extended, none added' {
    attach eth0
    permit request "$(addresses 1 3)" >/dev/null
    configure 'entries = 2'
    run -0 permit request 10.0.0.2
    has "$output" '^extended +10\.0\.0\.2 '
    refused 1 'at most 2 addresses' permit request 10.0.0.4
    assert_same 3
}

@test 'unknown verbs, and options of another verb' {
    local before arguments
    permit request 192.0.2.1 >/dev/null
    before=$(everything)
    for arguments in '' grant 'list 192.0.2.1' 'list --account local' 'list --everything' \
        'revoke 192.0.2.1 --account local' 'revoke 192.0.2.1 --comment x' 'revoke' \
        'revoke 192.0.2.1 192.0.2.2' 'request' 'request 192.0.2.2 --all' \
        'request 192.0.2.2 --account' 'request 192.0.2.2 192.0.2.3'; do
        # shellcheck disable=SC2086
        refused 2 usage: permit $arguments
    done
    is "$before" "$(everything)" store
}
