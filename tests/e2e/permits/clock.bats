#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Clock steps and reboots.

load ../network
load permits

# stepped SECONDS ARGUMENT...: the limiter, with a wall clock SECONDS ahead
stepped() {
    server env LD_PRELOAD="$build/tests/step_clock.so" STEP_CLOCK_SECONDS="$1" \
        "$build/xdp-ratelimit" "${@:2}"
}

# remaining_of ADDRESS [SECONDS]: whole seconds, by a wall clock SECONDS ahead
remaining_of() {
    stepped "${2:-0}" permit list --json | jq --arg address "$1" '
        [.permits[] | select(.address == $address).expires_in_seconds | round][0] // "none"'
}

# between LOW HIGH ACTUAL
between() {
    if [[ ! ($3 -ge $1 && $3 -le $2) ]]; then
        echo "expected $1 to $2, found $3" >&2
        return 1
    fi
}

# after_boot SCRIPT: runs it in the server's namespace with another boot id, an empty bpffs and
# no limiter on the interface
after_boot() {
    limiter detach --all >/dev/null 2>&1 || true
    cat /proc/sys/kernel/random/uuid >"$BATS_TEST_TMPDIR/boot_id"
    export build source
    server unshare --mount bash -euc "
        mount --bind '$BATS_TEST_TMPDIR/boot_id' /proc/sys/kernel/random/boot_id
        mount -t bpf bpf /sys/fs/bpf
        stepped() {
            LD_PRELOAD=\$build/tests/step_clock.so STEP_CLOCK_SECONDS=\$1 \
                \$build/xdp-ratelimit \"\${@:2}\"
        }
        $1
        \$build/xdp-ratelimit detach --all >/dev/null"
}

# For after_boot: prints the permits of the map, in seconds from now
readonly show_map='
    bpftool --json map dump pinned $XDP_RATELIMIT_PIN_DIR/permits |
        jq --raw-output --arg uptime "$(cut -d" " -f1 /proc/uptime)" ".[].formatted
            | \"\(.key.octets | map(tostring) | join(\".\")) \(.value.until_boot_ns / 1e9
            - (\$uptime | tonumber) | round)\"" | sort'

@test 'a step of the wall clock changes no active permit and no quota' {
    local step before
    attach eth0 --limit '10/1h packets'
    grant "$source" 3600
    before=$(permits_in_map)
    rules 'requests = 2/1h'
    limiter --config "$rules" permit request 192.0.2.1 >/dev/null
    limiter --config "$rules" permit revoke 192.0.2.1 >/dev/null
    for step in 86400 -86400 3600 0 -100000000; do
        between 3550 3600 "$(remaining_of "$source" "$step")"
        assert_same
        is "$before" "$(permits_in_map)" "map after a step of $step s"
        # one request by grant, one above
        run -4 stepped "$step" --config "$rules" permit request 192.0.2.2 --json
        between 3550 3600 "$(jq '.error.retry_after_seconds | floor' <<<"$output")"
    done
}

@test 'a permit requested after a step lasts as long as any other' {
    attach eth0 --limit '10/1h packets'
    limiter permit request 192.0.2.1 >/dev/null
    stepped 864000 permit request 192.0.2.2 >/dev/null
    between 87200 87300 "$(remaining_of 192.0.2.1)"
    between 87200 87300 "$(remaining_of 192.0.2.2)"
    assert_same
}

@test 'after a reboot attach restores what is left of each permit' {
    attach eth0
    grant 192.0.2.1 7200
    grant 192.0.2.2 1800
    run -0 after_boot "
        stepped 3600 attach eth0 --sources 4096 >/dev/null
        $show_map"
    has "$output" '^192\.0\.2\.1 (3600|359[0-9])$'
    is 1 "${#lines[@]}" 'permits restored'
}

@test 'after a reboot a restored permit lifts the limit again' {
    attach eth0
    grant "$source" 60
    limiter detach eth0 >/dev/null
    start_flood --rate 2000
    run -0 after_boot "
        \$build/xdp-ratelimit attach eth0 --limit '10/1h packets' --sources 4096 >/dev/null
        sleep 0.5
        \$build/xdp-ratelimit stats eth0 | grep -E 'passed_permit|dropped' | awk '{ print \$1 }'"
    stop_flood
    is passed_permit "$output" 'the only counter'
}

@test 'a wall clock that went back over a reboot neither extends nor ends a permit' {
    attach eth0
    grant 192.0.2.1 3600
    run -0 after_boot "
        stepped -864000 attach eth0 --sources 4096 >/dev/null
        $show_map
        # correcting the clock is a step, too
        \$build/xdp-ratelimit permit list >/dev/null
        $show_map"
    is 2 "${#lines[@]}" lines
    between 3590 3600 "${lines[0]#* }"
    between 3590 3600 "${lines[1]#* }"
}

@test 'after a reboot the quota counts earlier requests' {
    attach eth0
    rules 'requests = 2/1h'
    limiter --config "$rules" permit request 192.0.2.1 >/dev/null
    limiter --config "$rules" permit request 192.0.2.1 >/dev/null
    run -0 after_boot "
        stepped 1800 attach eth0 --sources 4096 >/dev/null
        stepped 1800 --config '$rules' permit request 192.0.2.1 --json |
            jq '.error.retry_after_seconds | floor'"
    between 1700 1800 "$output"
    run -0 after_boot "
        stepped 3700 attach eth0 --sources 4096 >/dev/null
        stepped 3700 --config '$rules' permit request 192.0.2.1 --json | jq .quota.remaining"
    is 1 "$output" 'remaining an hour later'
}

@test 'after the wall clock went back, permits keep the time left at the last write' {
    attach eth0
    grant 192.0.2.1 3600
    run -0 after_boot "
        stepped 1800 attach eth0 --sources 4096 >/dev/null"
    run -0 after_boot "
        stepped -864000 attach eth0 --sources 4096 >/dev/null
        $show_map"
    between 1790 1800 "${output#* }"
}

@test 'requests by a clock that was ahead count for one window at most' {
    local state=$XDP_RATELIMIT_STATE_DIR/permits.db ahead
    attach eth0
    rules 'requests = 1/1h'
    # ahead of the right clock even now, whatever the uptime
    ahead=$(awk '{ print int($1) + 86400 }' /proc/uptime)
    stepped "$ahead" --config "$rules" permit request 192.0.2.1 >/dev/null
    # before boot, as far as the store knows
    sqlite3 "$state" 'UPDATE requests SET at_unix_ns = (SELECT boot_unix_ns FROM state) - 1'
    run -4 stepped 0 --config "$rules" permit request 192.0.2.1 --json
    between 3500 3600 "$(jq '.error.retry_after_seconds | floor' <<<"$output")"
}
