#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

load ../network

@test 'status shows the interfaces and the policy' {
    attach eth0 eth1 --limit '100/1h packets' --limit '5/1m connections'
    grant 192.0.2.1 60
    run -0 limiter status
    has "$output" '^eth0 +native mode, program [0-9]+, version '
    has "$output" '^eth1 +native mode, program [0-9]+, version '
    has "$output" '^limits +100/1h packets'
    has "$output" '^ +5/1m connections'
    has "$output" '^permits +1 active'
}

@test 'status --json has the program id that the kernel has' {
    attach eth0
    run -0 limiter status --json
    is "$(program_on eth0)" "$(jq .interfaces[0].program_id <<<"$output")"
    is eth0 "$(jq --raw-output .interfaces[0].interface <<<"$output")"
    is "$pins" "$(jq --raw-output .pin_dir <<<"$output")"
    is '["10000/1s packets"]' "$(jq --compact-output .policy.limits <<<"$output")"
    has "$(jq --raw-output .interfaces[0].program_since <<<"$output")" \
        '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$'
}

@test 'show says what is left to a source' {
    attach eth0 --limit '100/1h packets'
    send 30
    run -0 limiter show "$source" --json
    is "$source 100 70 packets fixed source" "$(jq --raw-output '
        "\(.source) \(.limits[0] | "\(.limit) \(.remaining) \(.unit) \(.algorithm) \(.scope)")"
        ' <<<"$output")"
    is null "$(jq .permit_expires_at <<<"$output")"
    send 100
    run -0 limiter show "$source" --json
    is 0 "$(jq '.limits[0].remaining' <<<"$output")"
    jq --exit-status '.limits[0].retry_after_seconds | . > 3590 and . <= 3601' <<<"$output"
    run -0 limiter show "$source"
    has "$output" '100 used, 0 remaining, resets in [0-9.]+ s; rejected until then$'
}

@test 'show knows permits, and sources never seen' {
    attach eth0
    grant "$source" 60
    run -0 limiter show "$source" --json
    has "$(jq --raw-output .permit_expires_at <<<"$output")" '^[0-9-]{10}T[0-9:]{8}Z$'
    run -0 limiter show 192.0.2.99 --json
    is 10000 "$(jq '.limits[0].remaining' <<<"$output")"
}

@test 'stats and the map of counters have the same names' {
    attach eth0
    is "$(bpftool --json map dump pinned "$pins/eth0/counters" |
        jq --compact-output '.[0].formatted.values[0].value | keys')" \
        "$(limiter stats --json | jq --compact-output '.interfaces.eth0 | keys')" names
}

@test 'stats prints the counters and their sum' {
    attach eth0 --limit '100/1h packets'
    send 250
    run -0 limiter stats
    has "$output" '^  passed_within_limits +100 packets +6000 bytes'
    has "$output" '^  dropped_packets_limit +150 packets +9000 bytes'
    has "$output" '^  received +250 packets +15000 bytes'
}

@test 'bpftool shows the counters by name' {
    attach eth0 --limit '100/1h packets'
    send 250
    run -0 bpftool map dump pinned "$pins/eth0/counters"
    has "$output" '"?passed_within_limits"?: '
    has "$output" '"?dropped_packets_limit"?: '
    has "$output" '"?packets"?: '
    has "$output" '"?bytes"?: '
}

@test 'bpftool shows buckets and permits with the octets of the address' {
    attach eth0 --limit '100/1h packets'
    grant "$source" 60
    send 50
    run -0 bpftool map dump pinned "$pins/buckets"
    has "$output" '"?octets"?: \[198,51,100,7'
    has "$output" '"?permit_until_boot_ns"?: [1-9]'
    has "$output" '"?used_units"?: '
    run -0 bpftool map dump pinned "$pins/permits"
    has "$output" '"?octets"?: \[198,51,100,7'
    has "$output" '"?until_boot_ns"?: [1-9]'
}

@test 'bpftool shows the policy and the version of the layout' {
    attach eth0 --limit '100/1h packets'
    run -0 bpftool map dump pinned "$pins/classes"
    has "$output" '"?max_units"?: 100,'
    run -0 bpftool map dump pinned "$pins/meta"
    has "$output" '"?abi_version"?: [1-9]'
}

@test 'promtool accepts the metrics' {
    attach eth0 eth1 --limit '100/1h packets'
    send 250
    limiter metrics >"$BATS_TEST_TMPDIR/metrics"
    run -0 promtool check metrics <"$BATS_TEST_TMPDIR/metrics"
    is '' "$output" 'what promtool says'
    grep -Fqx 'xdp_ratelimit_packets_total{interface="eth0",verdict="dropped",reason="packets_limit"} 150' \
        "$BATS_TEST_TMPDIR/metrics"
}

@test 'attach, detach and their warnings in JSON' {
    run -0 limiter --json attach eth0 --sources 4096
    is 'eth0 native false' "$(jq --raw-output \
        '.attached[0] | "\(.interface) \(.mode) \(.replaced)"' <<<"$output")"
    run -0 limiter attach eth0 --json
    is true "$(jq '.attached[0].replaced' <<<"$output")"
    run -0 limiter detach eth0 --json
    is '["eth0"]' "$(jq --compact-output .detached <<<"$output")"
}

@test 'the options for the two directories work before and after the command' {
    run -0 limiter --pin-dir "$pins-other" attach eth0 --sources 4096
    [[ ! -e $pins ]]
    run -0 limiter detach eth0 --pin-dir="$pins-other"
    [[ ! -e $pins-other ]]
}

@test 'version and help' {
    run -0 limiter --version
    has "$output" '[0-9]+\.[0-9]+\.[0-9]+'
    run -0 limiter --help
    has "$output" '^  attach IF'
    run -0 limiter attach --help
    has "$output" '^usage: xdp-ratelimit attach IF'
}

@test 'the help of a command explains the options of its usage, and no others' {
    local command used explained
    while read -r command; do
        run -0 limiter "$command" --help
        used=$(head -n 1 <<<"$output" | grep -oE -- '--[a-z-]+' | grep -vx -- --config | sort -u)
        explained=$(sed -nE 's/^  (--[a-z-]+)( .*)?$/\1/p' <<<"$output" | sort -u)
        is "$used" "$explained" "$command"
    done < <(limiter --help | sed -nE 's/^  ([a-z]+)( .*)?$/\1/p')
}
