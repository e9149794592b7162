# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # what network.bash sets
#
# What tests of permits look at: the store and the map, side by side.

# in_store: "ADDRESS END" of every permit in force, the end in boot time, in order
in_store() {
    sqlite3 -separator ' ' "$XDP_RATELIMIT_STATE_DIR/permits.db" '
        SELECT address, max(until_unix_ns) - (SELECT boot_unix_ns FROM state)
        FROM permits WHERE ended_unix_ns IS NULL GROUP BY address' | sort
}

# in_map: the same of the map
in_map() {
    bpftool --json map dump pinned "$pins/permits" |
        jq --raw-output '.[].formatted
            | "\(.key.octets | map(tostring) | join(".")) \(.value.until_boot_ns)"' | sort
}

assert_same() {
    diff <(in_store) <(in_map) >"$BATS_TEST_TMPDIR/difference" || {
        echo 'the store (<) and the map (>) differ:' >&2
        head -n 5 "$BATS_TEST_TMPDIR/difference" >&2
        return 1
    }
}
