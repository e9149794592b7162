#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Permit commands killed at every failpoint between store and map.

load ../network
load permits

faulty() {
    server env XRL_FAULT="$1" "$build/tests/xdp-ratelimit-faults" "${@:2}"
}

# steps_of ARGUMENT...: the failpoints that this command reaches
steps_of() {
    faulty list "$@" 2>&1 >/dev/null | sed -n 's/^fault: //p' | sort -u
}

# The map matches the store, and the program obeys it for a source it already knows.
assert_repaired() {
    local before after
    limiter permit list >/dev/null
    assert_same
    before=$(packets passed_permit)
    send 1
    after=$(packets passed_permit)
    is "$(permits_in_store | grep -c "^$source " || true)" $((after - before)) 'packets by permit'
}

# killed_everywhere PREPARATION STEPS ARGUMENT...: kills the command at each failpoint
killed_everywhere() {
    local preparation=$1 least=$2 steps step
    shift 2
    "$preparation"
    mapfile -t steps < <(steps_of "$@")
    [[ ${#steps[@]} -ge $least ]] || {
        echo "only these failpoints: ${steps[*]}" >&2
        return 1
    }
    for step in "${steps[@]}"; do
        "$preparation"
        run -137 faulty "$step" "$@"
        assert_repaired || {
            echo "after being killed at $step in: $*" >&2
            return 1
        }
    done
}

limited() {
    attach eth0 --limit '10/1h packets'
    send 20
}

no_permit() {
    limiter permit revoke "$source,198.51.100.8" >/dev/null 2>&1 || true
    rules 'requests = 1000/1s' 'lifetime = 1h'
}

some_permit() {
    grant "$source,198.51.100.8" 60
    rules 'requests = 1000/1s' 'lifetime = 1h'
}

ended_permit() {
    rules 'lifetime = 100ms' 'linger = 0s' 'requests = 1000/1s'
    limiter --config "$rules" permit request "$source,198.51.100.8" >/dev/null
    sleep 0.15
}

permit_of_account() {
    limiter account add shop --approved >/dev/null 2>&1 || true
    limiter permit request "$source" --account shop >/dev/null
}

# A store that the map was not synced to.
other_store() {
    some_permit
    sqlite3 "$XDP_RATELIMIT_STATE_DIR/permits.db" \
        "UPDATE state SET change = change + 1000;
         UPDATE permits SET until_unix_ns = until_unix_ns + 1000000000
         WHERE ended_unix_ns IS NULL AND address = '$source';
         UPDATE permits SET ended_unix_ns = until_unix_ns - 1
         WHERE ended_unix_ns IS NULL AND address != '$source'"
}

@test 'a request killed anywhere is stored or not, and the map matches the store' {
    limited
    killed_everywhere no_permit 7 --config "$BATS_TEST_TMPDIR/rules.conf" \
        permit request "$source,198.51.100.8"
}

@test 'an extending request killed anywhere' {
    limited
    killed_everywhere some_permit 7 --config "$BATS_TEST_TMPDIR/rules.conf" \
        permit request "$source,198.51.100.8"
}

@test 'revoke killed anywhere' {
    limited
    killed_everywhere some_permit 6 permit revoke "$source,198.51.100.8"
}

@test 'expiry killed anywhere' {
    limited
    killed_everywhere ended_permit 6 permit list
}

@test 'the removal of an account killed anywhere' {
    limited
    killed_everywhere permit_of_account 6 account remove shop
}

@test 'repair killed anywhere' {
    limited
    killed_everywhere other_store 4 permit list
}

@test 'attach killed anywhere while it restores permits' {
    limited
    killed_everywhere other_store 4 attach eth0
}

@test 'a killed request uses at most one request of the quota' {
    local step
    limited
    rules 'requests = 2/1h'
    for step in stored before_commit; do
        run -137 faulty "$step" --config "$rules" permit request "$source"
    done
    run -137 faulty committed --config "$rules" permit request "$source"
    run -0 limiter --config "$rules" permit request "$source"
    has "$output" '^extended'
    has "$output" '^quota +0 of 2'
}

@test 'permit list and attach repair a map changed by bpftool' {
    limited
    some_permit
    bpftool map delete pinned "$pins/permits" key 198 51 100 7
    assert_repaired
    bpftool map delete pinned "$pins/permits" key 198 51 100 8
    limiter attach eth0 >/dev/null
    assert_same
}
