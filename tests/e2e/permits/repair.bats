#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Store and map agree even after two failures at once.

load ../network
load permits

stepped() {
    server env LD_PRELOAD="$build/tests/step_clock.so" STEP_CLOCK_SECONDS="$1" \
        "$build/xdp-ratelimit" "${@:2}"
}

faulty() {
    server env XRL_FAULT="$1" "$build/tests/xdp-ratelimit-faults" "${@:2}"
}

@test 'a full disk and a stepped clock together move no permit' {
    local before
    use_small_disk
    attach eth0
    grant 192.0.2.1 1
    grant 192.0.2.2 60
    before=$(permits_in_map)
    # another process has it open, so that SQLite's side files exist already
    (echo 'SELECT count(*) FROM permits;' && sleep 30) |
        server sqlite3 "$XDP_RATELIMIT_STATE_DIR/$store" >"$BATS_TEST_TMPDIR/opened" 3>&- &
    eventually test -s "$BATS_TEST_TMPDIR/opened"
    sleep 1
    fill_disk
    refused 1 'no space is left for the permit store' stepped -86400 permit request 192.0.2.9
    is "$before" "$(permits_in_map)" map
    on_disk rm filler
    limiter permit list >/dev/null
    assert_same 1
    has "$(permits_in_map)" '^192\.0\.2\.2 '
}

@test 'changes of another process between two transactions reach the map' {
    attach eth0
    grant 192.0.2.1,192.0.2.2 60
    # a process that does not see the pin directory and so takes no lock
    server env XRL_FAULT=between_transactions \
        XRL_FAULT_COMMAND="$build/xdp-ratelimit --pin-dir $pins-other permit revoke 192.0.2.1" \
        "$build/tests/xdp-ratelimit-faults" permit request 192.0.2.3 >/dev/null
    assert_same 2
}

@test 'a rejected attach leaves the mark of an unfinished sync' {
    attach eth0
    run -137 faulty before_commit permit request 192.0.2.66
    permits_in_map | grep -q '^192\.0\.2\.66 '
    rules 'entries = 100000'
    # the driver rejects it after the new map was filled
    run ! limiter --config "$rules" attach lo --mode native
    limiter permit request 192.0.2.1 >/dev/null
    assert_same
}

@test 'permits on maps that no program reads are rejected until the next attach' {
    local step
    attach eth0 --limit '10/1h packets'
    grant "$source" 60
    rules 'entries = 100000'
    # killed after the programs were replaced and before the first map was
    run -137 server strace -f -o /dev/null -e inject=rename:signal=KILL:when=2 \
        "$build/xdp-ratelimit" --config "$rules" attach eth0
    run -1 limiter --config "$rules" permit revoke "$source"
    has "$output" 'does not use the maps pinned in'
    limiter --config "$rules" attach eth0 >/dev/null
    run -0 limiter --config "$rules" permit revoke "$source"
    assert_same
    send 20
    is 0 "$(packets passed_permit)" passed_permit
}

@test 'a new store imports the permits of a lost one' {
    attach eth0
    grant 192.0.2.1,192.0.2.2 60
    rm "$XDP_RATELIMIT_STATE_DIR"/permits.db*
    run -0 limiter permit list
    has "$output" '^warning: there is no permit store in .*, but 2 permits are active'
    run -0 limiter permit request 192.0.2.3
    has "$output" '^warning: the permit store is new: imported 2 active permits'
    has "$output" 'quota +4 of 5'
    assert_same 3
    run -0 limiter permit list --json
    is local "$(jq --raw-output '[.permits[] | select(.address == "192.0.2.1").account][0]' \
        <<<"${output#*warning*$'\n'}")" account
}

@test 'a wrong state directory, named once, ends no permit' {
    attach eth0
    grant 192.0.2.1 60
    limiter --state-dir "$BATS_TEST_TMPDIR/wrong" permit request 192.0.2.2 >/dev/null
    is 2 "$(permits_in_map | wc -l)" permits
    limiter permit list >/dev/null
    assert_same 1
}

@test 'requests older than the retention count if the window is longer' {
    attach eth0
    rules 'requests = 2/31d' 'lifetime = 100ms' 'linger = 0s'
    limiter --config "$rules" permit request 192.0.2.1 >/dev/null
    limiter --config "$rules" permit request 192.0.2.1 >/dev/null
    sql "UPDATE requests SET at_unix_ns = at_unix_ns - CAST(30.5 * 86400e9 AS INTEGER);
        UPDATE permits SET since_unix_ns = since_unix_ns - CAST(30.5 * 86400e9 AS INTEGER),
            until_unix_ns = until_unix_ns - CAST(30.5 * 86400e9 AS INTEGER)"
    limiter --config "$rules" permit list >/dev/null
    run -4 limiter --config "$rules" permit request 192.0.2.1
}

@test 'the recovery procedure of the manual saves what can be read' {
    local db=$XDP_RATELIMIT_STATE_DIR/permits.db
    attach eth0
    rules 'requests = 1000/1h' 'addresses = 100'
    for net in 1 2 3 4 5; do
        limiter --config "$rules" permit request \
            "$(seq -s, -f "10.0.$net.%g" 1 100)" >/dev/null
    done
    # overwrite one page in the middle of the permits
    dd if=/dev/urandom of="$db" bs=4096 count=1 conv=notrunc 2>/dev/null \
        seek="$(sql "SELECT pageno FROM dbstat WHERE name = 'permits' AND pagetype = 'leaf'
            LIMIT 1 OFFSET 3")"
    run -1 limiter permit list
    has "$output" 'is damaged'
    cd "$XDP_RATELIMIT_STATE_DIR"
    eval "$(man -l "$here/../../user/man/xdp-ratelimit-permit.8" | col -bx | recovery_lines)"
    mv new.db permits.db
    run -0 limiter --config "$rules" permit request 10.1.0.1
    # permits of that page come from the map
    assert_same 501
    is 600 "$(stat -c %a permits.db)" mode
}

recovery_lines() {
    sed -n '/^ *(umask 077/,/new\.db)/p'
}

@test 'the restore procedure of the manual ends no permit' {
    local db=$XDP_RATELIMIT_STATE_DIR/permits.db copy=$BATS_TEST_TMPDIR/copy.db
    attach eth0
    limiter account add shop --approved >/dev/null
    limiter permit request 192.0.2.1 --account shop >/dev/null
    sqlite3 "$db" ".backup $copy"
    limiter permit request 192.0.2.2 >/dev/null
    limiter account remove shop >/dev/null
    sqlite3 "$db" ".restore $copy" 'UPDATE state SET followed = 0'
    run -0 limiter permit list
    has "$output" '^192\.0\.2\.1 +shop'
    has "$output" '^192\.0\.2\.2 +local'
    assert_same
}

@test 'the state directory may be a symbolic link, the store may not' {
    mkdir "$BATS_TEST_TMPDIR/real"
    ln -s real "$BATS_TEST_TMPDIR/link"
    limiter --state-dir "$BATS_TEST_TMPDIR/link/state/" permit request 192.0.2.1 >/dev/null
    is 700 "$(stat -c %a "$BATS_TEST_TMPDIR/real/state")" mode
    mv "$BATS_TEST_TMPDIR/real/state/permits.db" "$BATS_TEST_TMPDIR/elsewhere"
    ln -s "$BATS_TEST_TMPDIR/elsewhere" "$BATS_TEST_TMPDIR/real/state/permits.db"
    run -1 limiter --state-dir "$BATS_TEST_TMPDIR/link/state" permit request 192.0.2.1
    has "$output" 'is a symbolic link'
}

@test 'a comment cannot contain terminal controls' {
    local comment
    for comment in $'a\e[31m' $'a\xc2\x9b31m' $'a\xe2\x80\xae' $'a\xe2\x81\xa6' $'a\nb' $'\xff'; do
        run -2 limiter permit request 192.0.2.1 --comment "$comment"
        has "$output" 'without control characters'
    done
    limiter permit request 192.0.2.1 --comment $'\xc3\xa4\xe2\x82\xac \xe2\x80\x93 ok' >/dev/null
}
