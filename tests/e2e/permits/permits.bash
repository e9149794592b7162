# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # network.bash sets name, pins and source
#
# What tests of permits stand on besides network.bash: the store as SQLite shows it, the map
# as bpftool does, a configuration for every command of a test, and a disk to fill up.

store=permits.db

# configure LINE...: from now on, every command has these lines in [permits]
configure() {
    export XDP_RATELIMIT_CONFIG=$BATS_TEST_TMPDIR/permits.conf
    printf '%s\n' '[permits]' "$@" >"$XDP_RATELIMIT_CONFIG"
}

permit() {
    limiter permit "$@"
}

account() {
    limiter account "$@"
}

# some_accounts: agency, approved; agency-one, below it; stranger, not approved
some_accounts() {
    account add agency --approved >/dev/null
    account add agency-one --parent agency >/dev/null
    account add stranger >/dev/null
}

# ---- where it is done ----

server() {
    timeout 60 nsenter --net="/run/netns/$name-server" \
        ${disk:+--mount="/proc/$disk/ns/mnt"} "$@"
}

# use_small_disk: from now on what runs on the server sees the state directory on a file system
# of 512 KiB. It is mounted where nobody else sees it, and goes with a process of this test.
use_small_disk() {
    local place=$BATS_TEST_TMPDIR/disk
    mkdir "$place"
    # shellcheck disable=SC2016
    unshare --mount --propagation private sh -c '
        mount -t tmpfs -o size=512k none "$0" && touch "$0/mounted" && exec sleep 120' "$place" \
        >/dev/null 2>&1 3>&- &
    disk=$!
    eventually test -e "/proc/$disk/root$place/mounted"
    export XDP_RATELIMIT_STATE_DIR=$place/state
}

# on_disk COMMAND...: in its top directory
on_disk() {
    # shellcheck disable=SC2016
    server sh -c 'cd "$0" && exec "$@"' "$BATS_TEST_TMPDIR/disk" "$@"
}

# fill_disk: to the last byte
fill_disk() {
    on_disk sh -c 'cat /dev/zero >filler' 2>/dev/null || true
}

# ---- what is kept and what is obeyed ----

# sql STATEMENT: on the store
sql() {
    server sqlite3 -cmd '.timeout 10000' "$XDP_RATELIMIT_STATE_DIR/$store" "$1"
}

# stored TABLE [CONDITION]: how many rows
stored() {
    sql "SELECT count(*) FROM $1 WHERE ${2:-1}"
}

# permits_in_store: "ADDRESS END" of all in force, the end in ns of boot time
permits_in_store() {
    sql "SELECT address || ' ' || (max(until_unix_ns) - boot_unix_ns) FROM permits, state
        WHERE ended_unix_ns IS NULL GROUP BY address" | LC_ALL=C sort
}

# permits_in_map: the same. Not by jq, for which large numbers are not whole.
permits_in_map() {
    bpftool -j map dump pinned "$pins/permits" | python3 -c '
import json, sys
for entry in json.load(sys.stdin):
    entry = entry["formatted"]
    print(".".join(map(str, entry["key"]["octets"])), entry["value"]["until_boot_ns"])' | LC_ALL=C sort
}

# assert_same [COUNT]: map and store hold the same permits to the same ends, and so many
assert_same() {
    permits_in_store >"$BATS_TEST_TMPDIR/in_store"
    permits_in_map >"$BATS_TEST_TMPDIR/in_map"
    diff "$BATS_TEST_TMPDIR/in_store" "$BATS_TEST_TMPDIR/in_map" | head >&2
    cmp -s "$BATS_TEST_TMPDIR/in_store" "$BATS_TEST_TMPDIR/in_map"
    if [[ $# -gt 0 ]]; then
        is "$1" "$(wc -l <"$BATS_TEST_TMPDIR/in_map")" permits
    fi
}

# everything: all that the store and the map hold, to see whether something changed
everything() {
    sql .dump
    if [[ -e $pins/permits ]]; then
        permits_in_map
    fi
}

# addresses FIRST LAST: 10.0.0.FIRST,...,10.0.0.LAST
addresses() {
    seq --format=10.0.0.%g --separator=, "$1" "$2"
}

# ---- what commands say ----

# refused STATUS PATTERN COMMAND...: it fails so, and tells it in one sentence with a hint
refused() {
    local expected=$1 pattern=$2 lines
    shift 2
    run "$@"
    is "$expected" "$status" "exit status of $*, which said '${output:0:300}'"
    has "$output" "$pattern"
    lines=$(grep -c . <<<"$output")
    [[ $lines -le 2 ]] || is 'one sentence and a hint' "$output"
    has "$output" '^xdp-ratelimit: '
}

# field FILTER: of the JSON that the last run printed
field() {
    jq --raw-output "$1" <<<"$output"
}

# spent: how many requests of the built-in account count for its quota
spent() {
    stored requests 'account_id = 1'
}

# ---- many at once ----

# note_status NUMBER COMMAND...: keeps what it said in said-NUMBER, and how it ended
note_status() {
    local number=$1 status=0
    shift
    "$@" >"$BATS_TEST_TMPDIR/said-$number" 2>&1 || status=$?
    echo "$status" >"$BATS_TEST_TMPDIR/status-$number"
}

# all_at_once PROCESSES COMMAND...: prints "STATUS TIMES" for each exit status
all_at_once() {
    local processes=$1 number
    shift
    for ((number = 0; number < processes; number++)); do
        note_status "$number" "$@" 3>&- &
    done
    wait
    sort "$BATS_TEST_TMPDIR"/status-* | uniq -c | awk '{ print $2, $1 }'
}
