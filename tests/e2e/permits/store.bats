#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2030,SC2031,SC2154 # each test is a process, and network.bash sets what it uses
#
# The permit store as a file: modes, locks, full disks.

load ../network
load permits

# modes FILE...: prints the modes of files in the directory of the test
modes() {
    (cd "$BATS_TEST_TMPDIR" && stat --format='%n %a' "$@")
}

@test 'only root can read the store, whatever the umask' {
    local state
    umask 0
    for state in state new/deep/state slash/; do
        export XDP_RATELIMIT_STATE_DIR=$BATS_TEST_TMPDIR/$state
        permit request 192.0.2.1 >/dev/null
        is "${state%/} 700" "$(modes "${state%/}")"
        is "${state%/}/$store 600" "$(modes "${state%/}/$store")"
    done
    is 'new/deep 755' "$(modes new/deep)"
}

@test 'the log beside the store is as private as the store' {
    umask 0
    account list >/dev/null
    hold_store 'BEGIN'
    permit request 192.0.2.1 >/dev/null
    is "state/$store 600
state/$store-shm 600
state/$store-wal 600" "$(modes "state/$store" "state/$store-shm" "state/$store-wal")"
}

# in_hex: as one line of hexadecimal digits
in_hex() {
    od --address-radix=n --format=x1 --output-duplicates | tr -d ' \n'
}

@test 'no token can be found in the store, nor a plain hash of it' {
    local token hash digits
    account list >/dev/null
    hold_store 'BEGIN'
    token=$(account add agency --json | jq --raw-output .token)
    hash=$(printf %s "$token" | sha256sum | cut -d' ' -f1)
    [[ -s $XDP_RATELIMIT_STATE_DIR/$store-wal ]]
    digits=$(cat "$XDP_RATELIMIT_STATE_DIR"/* | in_hex)
    for secret in "$token" "${token##*_}" "$hash"; do
        run -1 grep --recursive --ignore-case --text "$secret" "$XDP_RATELIMIT_STATE_DIR"
        run -1 grep --ignore-case "$secret" <<<"$digits"
    done
    has "$digits" "$(printf agency | in_hex)"
}

# hold_store STATEMENT: another process runs it and keeps the store open, for at most a minute
hold_store() {
    nsenter --net="/run/netns/$name-server" python3 -c '
import sqlite3, sys, time
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute(sys.argv[2])
db.execute("SELECT count(*) FROM accounts").fetchall()
open(sys.argv[3], "w")
time.sleep(60)' "$XDP_RATELIMIT_STATE_DIR/$store" "$1" "$BATS_TEST_TMPDIR/held" 3>&- &
    holder=$!
    eventually test -e "$BATS_TEST_TMPDIR/held"
}

@test 'the state directory may be reached by a symbolic link' {
    mkdir "$BATS_TEST_TMPDIR/elsewhere"
    ln -s elsewhere "$BATS_TEST_TMPDIR/state"
    run -0 permit request 192.0.2.1
    run -0 permit list
    has "$output" '^192\.0\.2\.1 '
    run -0 limiter --state-dir "$BATS_TEST_TMPDIR/state/below" permit request 192.0.2.1
}

@test 'a directory for the store that cannot be created' {
    : >"$BATS_TEST_TMPDIR/file"
    refused 1 'Not a directory' limiter --state-dir "$BATS_TEST_TMPDIR/file" permit request 192.0.2.1
    refused 1 'Not a directory' limiter --state-dir "$BATS_TEST_TMPDIR/file/state" account list
    run -0 limiter --state-dir "$BATS_TEST_TMPDIR/none" permit list
    is 'no active permits' "$output"
    [[ ! -e $BATS_TEST_TMPDIR/none ]]
}

# as_somebody ARGUMENT...: the limiter as a user who may use maps and owns no file
as_somebody() {
    server setpriv --reuid=65534 --regid=65534 --clear-groups --inh-caps=+bpf \
        --ambient-caps=+bpf "$build/xdp-ratelimit" "$@"
}

@test 'a user who cannot read or create the store is told so' {
    local arguments
    permit request 192.0.2.1 >/dev/null
    chmod 755 "$BATS_RUN_TMPDIR"
    for arguments in 'permit request 192.0.2.2' 'permit list' 'permit revoke 192.0.2.1' \
        'account list' 'account add agency' "--state-dir $BATS_TEST_TMPDIR/new account list"; do
        # shellcheck disable=SC2086
        refused 5 'Permission denied' as_somebody $arguments
        has "$output" root
    done
    chmod 755 "$XDP_RATELIMIT_STATE_DIR"
    refused 5 'Permission denied' as_somebody permit request 192.0.2.2
    is 1 "$(stored permits)" permits
}

@test 'a user who cannot open the pin directory is told so' {
    attach eth0
    refused 5 'Permission denied' as_somebody permit list
    has "$output" 'cannot open the pin directory'
    has "$output" 'run it as root'
}

@test 'a full disk: the request is rejected, not counted, and the map unchanged' {
    local before
    use_small_disk
    attach eth0
    permit request 192.0.2.1 >/dev/null
    before=$(everything)
    fill_disk
    refused 1 'no space is left for the permit store' permit request "$(addresses 1 10)"
    has "$output" 'free space'
    refused 1 'no space is left' account add agency
    on_disk rm filler
    is "$before" "$(everything)" 'store and map'
    run -0 permit request 192.0.2.2 --json
    is 3 "$(field .quota.remaining)"
    assert_same 2
}

@test 'a disk that fills up within the transaction' {
    local before
    use_small_disk
    attach eth0
    permit request 192.0.2.1 >/dev/null
    before=$(everything)
    fill_disk
    # Enough for the index of the log, not for all of the log.
    on_disk truncate --size=-48K filler
    refused 1 'no space is left for the permit store' permit request "$(addresses 1 10)"
    is "$before" "$(everything)" 'store and map'
    on_disk rm filler
    run -0 permit request 192.0.2.2 --json
    is 3 "$(field .quota.remaining)"
    assert_same 2
}

@test 'a full disk before there is a store' {
    use_small_disk
    fill_disk
    refused 1 'no space is left' permit request 192.0.2.1
    on_disk rm filler
    run -0 permit request 192.0.2.1
    has "$output" '^quota +4 of 5'
}

@test 'permits can be listed on a full disk' {
    use_small_disk
    permit request 192.0.2.1 >/dev/null
    fill_disk
    run -0 permit list
    has "$output" '^192\.0\.2\.1 '
    run -0 permit list --json
    is 192.0.2.1 "$(field '.permits[].address')"
}

@test 'a read-only file system' {
    local before
    use_small_disk
    attach eth0
    permit request 192.0.2.1 >/dev/null
    before=$(everything)
    server mount -o remount,ro "$BATS_TEST_TMPDIR/disk"
    refused 1 'Read-only file system' permit request 192.0.2.2
    refused 1 'Read-only file system' permit revoke 192.0.2.1
    refused 1 'Read-only file system' account add agency
    refused 1 'Read-only file system' \
        limiter --state-dir "$BATS_TEST_TMPDIR/disk/new" permit request 192.0.2.2
    server mount -o remount,rw "$BATS_TEST_TMPDIR/disk"
    is "$before" "$(everything)" 'store and map'
}

@test 'a store locked by another program: busy, and nothing changes' {
    local before number arguments commands=('permit request 192.0.2.2'
        'permit revoke 192.0.2.1' 'account add agency' 'account remove local')
    permit request 192.0.2.1 >/dev/null
    before=$(everything)
    hold_store 'BEGIN EXCLUSIVE'
    permit list >"$BATS_TEST_TMPDIR/list" 2>&1 3>&- &
    for number in "${!commands[@]}"; do
        read -ra arguments <<<"${commands[number]}"
        note_status "$number" limiter "${arguments[@]}" 3>&- &
    done
    for number in "${!commands[@]}"; do
        eventually_in 30 test -s "$BATS_TEST_TMPDIR/status-$number"
        is 6 "$(<"$BATS_TEST_TMPDIR/status-$number")" "exit status of ${commands[number]}"
        has "$(<"$BATS_TEST_TMPDIR/said-$number")" "locked by another program"
    done
    eventually_in 30 grep -q '^192\.0\.2\.1 ' "$BATS_TEST_TMPDIR/list"
    kill "$holder"
    is "$before" "$(everything)" store
    run -0 permit request 192.0.2.2
}

# eventually_in SECONDS COMMAND...
eventually_in() {
    local deadline=$((SECONDS + $1))
    shift
    until "$@"; do
        [[ $SECONDS -lt $deadline ]]
        sleep 0.1
    done
}

@test 'killed at any moment while it creates the store: the next command works' {
    local round longest_us began_ns
    began_ns=$(date +%s%N)
    permit request 192.0.2.1 >/dev/null
    longest_us=$((($(date +%s%N) - began_ns) / 1000))
    for round in {1..30}; do
        export XDP_RATELIMIT_STATE_DIR=$BATS_TEST_TMPDIR/state-$round
        run timeout --signal=KILL "$(printf '0.%06d' $((1 + RANDOM * RANDOM % longest_us)))" \
            nsenter --net="/run/netns/$name-server" "$build/xdp-ratelimit" \
            permit request 192.0.2.1
        run -0 permit request 192.0.2.1
        is 1 "$(stored permits)" "permits in round $round"
        is ok "$(sql 'PRAGMA integrity_check')"
    done
}

@test '200 first commands at once all work' {
    configure 'requests = 1000/1h'
    is '0 200' "$(all_at_once 200 permit request 192.0.2.1)" 'exit statuses'
    is 200 "$(stored requests)" requests
    is ok "$(sql 'PRAGMA integrity_check')"
}

@test '8 first commands at once all work, in any order' {
    local round gate=$BATS_TEST_TMPDIR/gate
    for round in {1..20}; do
        export XDP_RATELIMIT_STATE_DIR=$BATS_TEST_TMPDIR/state-$round
        flock "$gate" sleep 0.1 3>&- &
        is '0 8' "$(all_at_once 8 flock --shared "$gate" "$build/xdp-ratelimit" account list)" \
            "exit statuses in round $round"
    done
}

@test 'lost pins, as after a reboot: attach restores the active permits' {
    attach eth0 --limit '100/1h packets'
    grant 192.0.2.1 1
    permit request "$source,192.0.2.2" >/dev/null
    permit revoke 192.0.2.2 >/dev/null
    sleep 1.1
    rm -r "$pins"
    attach eth0 --limit '100/1h packets'
    assert_same 1
    send 300
    counts 'passed_permit 300'
}

@test 'attach repairs a map that was changed by others' {
    attach eth0
    permit request "$(addresses 1 3)" >/dev/null
    bpftool map delete pinned "$pins/permits" key 10 0 0 1
    bpftool map update pinned "$pins/permits" key 10 0 0 2 value 1 0 0 0 0 0 0 0
    bpftool map update pinned "$pins/permits" key 10 0 0 9 value 1 0 0 0 0 0 0 1
    attach eth0
    assert_same 3
}

@test 'a hundred thousand permits are restored' {
    permit request 192.0.2.1 >/dev/null
    sql "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 99999)
        INSERT INTO permits (address, account_id, request_id, since_unix_ns, until_unix_ns)
        SELECT '10.' || (i >> 16) || '.' || (i >> 8 & 255) || '.' || (i & 255), 1, 1,
            since_unix_ns, until_unix_ns + i * 1000 FROM n, permits"
    configure 'entries = 131072'
    attach eth0
    assert_same 100000
    is 100000 "$(limiter status --json | jq .permits)" 'permits in status'
    run -0 permit request 192.0.2.2
    is 100001 "$(limiter status --json | jq .permits)" 'permits in status'
}

@test 'a store with more permits than configured: attach makes room for all' {
    permit request "$(addresses 1 10)" >/dev/null
    configure 'entries = 3'
    run -0 limiter attach eth0 --sources 4096
    has "$output" 'warning: .* 10 active permits, more than the 3 '
    assert_same 10
}
