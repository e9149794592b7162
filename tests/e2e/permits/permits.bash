# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # network.bash sets name, pins and source
#
# Helpers for tests of permits, on top of network.bash: the store as SQLite shows it, the map as
# bpftool shows it, a configuration for every command of a test, and a small disk.

store=permits.db

# configure LINE...: sets these lines in [permits] for all later commands
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

# ---- where commands run ----

server() {
    timeout 60 nsenter --net="/run/netns/$name-server" \
        ${disk:+--mount="/proc/$disk/ns/mnt"} "$@"
}

# use_small_disk: moves the state directory to a file system of 512 KiB, in a mount namespace that
# all later commands on the server enter and that ends with a process of this test
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

# ---- store and map ----

# sql STATEMENT: on the store
sql() {
    server sqlite3 -cmd '.timeout 10000' "$XDP_RATELIMIT_STATE_DIR/$store" "$1"
}

# stored TABLE [CONDITION]: the number of rows
stored() {
    sql "SELECT count(*) FROM $1 WHERE ${2:-1}"
}

# permits_in_store: "ADDRESS END" of all active permits, the end in ns of boot time
permits_in_store() {
    sql "SELECT address || ' ' || (max(until_unix_ns) - boot_unix_ns) FROM permits, state
        WHERE ended_unix_ns IS NULL GROUP BY address" | LC_ALL=C sort
}

# permits_in_map: the same. jq would round large numbers.
permits_in_map() {
    bpftool -j map dump pinned "$pins/permits" | python3 -c '
import json, sys
for entry in json.load(sys.stdin):
    entry = entry["formatted"]
    print(".".join(map(str, entry["key"]["octets"])), entry["value"]["until_boot_ns"])' | LC_ALL=C sort
}

# assert_same [COUNT]: map and store hold the same COUNT permits with the same ends
assert_same() {
    permits_in_store >"$BATS_TEST_TMPDIR/in_store"
    permits_in_map >"$BATS_TEST_TMPDIR/in_map"
    diff "$BATS_TEST_TMPDIR/in_store" "$BATS_TEST_TMPDIR/in_map" | head >&2
    cmp -s "$BATS_TEST_TMPDIR/in_store" "$BATS_TEST_TMPDIR/in_map"
    if [[ $# -gt 0 ]]; then
        is "$1" "$(wc -l <"$BATS_TEST_TMPDIR/in_map")" permits
    fi
}

# everything: the contents of store and map, to detect changes
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

# ---- output of commands ----

# refused STATUS PATTERN COMMAND...: the command fails with STATUS and one sentence, perhaps with a hint
refused() {
    local expected=$1 pattern=$2 lines
    shift 2
    run "$@"
    is "$expected" "$status" "exit status of $*, which printed '${output:0:300}'"
    has "$output" "$pattern"
    lines=$(grep -c . <<<"$output")
    [[ $lines -le 2 ]] || is 'one sentence and a hint' "$output"
    has "$output" '^xdp-ratelimit: '
}

# field FILTER: of the JSON that the last run printed
field() {
    jq --raw-output "$1" <<<"$output"
}

# spent: the number of requests of the built-in account
spent() {
    stored requests 'account_id = 1'
}

# ---- concurrent commands ----

# note_status NUMBER COMMAND...: stores the output in said-NUMBER and the exit status
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
