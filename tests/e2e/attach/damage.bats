#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # network.bash sets what is used
#
# The permit store is damaged, or something else is in its place.

load ../network
load ../permits/permits

# Each test starts with two active permits and damages the store.
begin() {
    attach eth0 --limit '100/1h packets'
    permit request "$source,192.0.2.1" >/dev/null
    file=$XDP_RATELIMIT_STATE_DIR/$store
    active_permits=$(permits_in_map)
}

# assert_refused PATTERN: every command reports the damage and changes nothing
assert_refused() {
    local before arguments
    before=$(fingerprint)
    for arguments in 'permit request 192.0.2.9' 'permit list' 'permit revoke 192.0.2.1' \
        'account list' 'account add agency' 'account remove local'; do
        # shellcheck disable=SC2086
        refused 1 "$1" limiter $arguments
        has "$output" "$file"
    done
    is "$before" "$(fingerprint)" 'state directory'
    is "$active_permits" "$(permits_in_map)" 'active permits'
}

# fingerprint: lists the state directory, with the content of its files
fingerprint() {
    stat --format='%F %a' "$file"
    find "$XDP_RATELIMIT_STATE_DIR/" -name '*.db' -type f -exec sha256sum {} +
}

# assert_attachable PATTERN: attach warns, and keeps the permits of the map
assert_attachable() {
    run -0 limiter attach eth0
    is 1 "$(grep -Ec "$1" <<<"$output")" 'warnings'
    has "$output" "^warning: .*($1)"
    run -0 limiter attach eth0 --json
    is 1 "$(jq --slurp length <<<"$output")" 'JSON texts'
    has "$(field '.warnings[]')" "$1"
    is "$active_permits" "$(permits_in_map)" 'active permits'
    send 300
    counts 'passed_permit 300'
}

# refused_everywhere PATTERN
refused_everywhere() {
    assert_refused "$1"
    assert_attachable "$1"
}

@test 'a store of random bytes' {
    begin
    head -c 20000 /dev/urandom >"$file"
    refused_everywhere 'is damaged'
}

@test 'half a store' {
    begin
    truncate --size=$(($(stat --format=%s "$file") / 2)) "$file"
    refused_everywhere 'is damaged'
}

@test 'a store with a destroyed header' {
    begin
    head -c 100 /dev/zero | dd of="$file" conv=notrunc status=none
    refused_everywhere 'is damaged'
}

@test 'a store with only the first page intact' {
    begin
    head -c $(($(stat --format=%s "$file") - 4096)) /dev/urandom |
        dd of="$file" bs=4096 seek=1 conv=notrunc status=none
    refused_everywhere 'is damaged'
}

@test 'a directory in place of the store' {
    begin
    rm "$file"
    mkdir "$file"
    refused_everywhere 'is a directory'
}

@test 'a symbolic link in place of the store' {
    begin
    mv "$file" "$XDP_RATELIMIT_STATE_DIR/other.db"
    ln -s other.db "$file"
    refused_everywhere 'is a symbolic link'
}

@test 'a symbolic link to nothing in place of the store' {
    begin
    rm "$file"
    ln -s nothing "$file"
    refused 1 'is a symbolic link' permit list
    refused 1 'is a symbolic link' permit request 192.0.2.9
    [[ ! -e $XDP_RATELIMIT_STATE_DIR/nothing ]]
    assert_attachable 'is a symbolic link'
}

@test 'a pipe in place of the store' {
    begin
    rm "$file"
    mkfifo "$file"
    refused 1 'is not a file' permit list
    refused 1 'is not a file' permit request 192.0.2.9
    assert_attachable 'is not a file'
}

@test 'a database of another program in place of the store' {
    begin
    rm "$file"
    sqlite3 "$file" 'CREATE TABLE theirs (a)'
    refused_everywhere 'another program'
    is theirs "$(sqlite3 "$file" .tables)"
}

@test 'a database of another program with a schema version' {
    begin
    rm "$file"
    sqlite3 "$file" 'CREATE TABLE theirs (a); PRAGMA user_version = 1'
    refused_everywhere 'another program'
}

@test 'a store of a newer version' {
    begin
    sql 'PRAGMA user_version = 99'
    refused_everywhere 'newer version'
}

@test 'an empty store counts as none: attach keeps the permits of the map, a request imports them' {
    begin
    : >"$file"
    run -0 permit list
    has "$output" '^warning: there is no permit store .* 2 permits are active'
    run -0 limiter attach eth0
    is "$active_permits" "$(permits_in_map)" 'active permits'
    run -0 permit request 192.0.2.9
    has "$output" '^quota +4 of 5'
    assert_same 3
}

@test 'a store restored after damage is authoritative again' {
    begin
    cp "$file" "$BATS_TEST_TMPDIR/backup"
    permit request 192.0.2.9 >/dev/null
    head -c 20000 /dev/urandom >"$file"
    run -1 permit list
    cp "$BATS_TEST_TMPDIR/backup" "$file"
    run -0 permit list
    assert_same 2
}
