#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

load ../network

# policy LINE...: writes $file
policy() {
    file=$BATS_TEST_TMPDIR/policy.conf
    printf '%s\n' "$@" >"$file"
}

good=('[limiter]' 'default = standard' '[class standard]' 'limit = 100/1m connections sliding'
    '[class enterprise]' 'sources = 203.0.113.0/24, 198.51.100.7' 'limit = 10/1h packets scope /24')

@test 'a correct file' {
    policy "${good[@]}"
    run -0 limiter check "$file"
    is "$file: correct: 2 classes, 2 CIDRs, default class 'standard'" "$output"
    run -0 limiter check "$file" --json
    is "{\"file\":\"$file\",\"correct\":true,\"mistakes\":[],\"warnings\":[]}" \
        "$(jq --compact-output . <<<"$output")"
}

@test 'the file that --config names is the default' {
    policy "${good[@]}"
    run -0 limiter --config "$file" check
    has "$output" '^/.*: correct: 2 classes'
    XDP_RATELIMIT_CONFIG=$file run -0 limiter check
    has "$output" '^/.*: correct: 2 classes'
}

@test 'a file without a policy' {
    policy '[permits]' 'addresses = 5'
    run -0 limiter check "$file"
    is "$file: correct: no classes: attach uses its own options or the active limits" "$output"
}

@test 'every mistake, in all sections, with its line' {
    policy "${good[@]}" 'limit = 5/1s packets slidng' '[serve]' 'users = me' '[permits]' \
        'addresses = 0'
    run -1 limiter check "$file"
    is "$file:8: mistake: limit '5/1s packets slidng': unknown word 'slidng', did you mean 'sliding'?
$file:10: mistake: unknown key 'users', did you mean 'user'?
$file:12: mistake: addresses '0': expected a whole number from 1 to 1000
$file: 3 mistakes, 0 warnings" "$output"
    run -1 limiter check "$file" --json
    is 'false [8,10,12] 0' "$(jq --raw-output \
        '"\(.correct) \([.mistakes[].line] | tojson) \(.warnings | length)"' <<<"$output")"
}

@test 'the section [flood]' {
    policy "${good[@]}" '[flood]' 'gate = of' 'newcomers = 50000' 'prefx = 1/1s'
    run -1 limiter check "$file"
    is "$file:9: mistake: unknown gate mode 'of', did you mean 'off'?
$file:10: mistake: newcomers '50000': N must be a whole number in digits, followed by '/'; \
expected N/PERIOD in packets, such as '50000/1s'
$file:11: mistake: unknown key 'prefx', did you mean 'prefix'?
$file: 3 mistakes, 0 warnings" "$output"
    policy "${good[@]}" '[flood]' 'gate = off' 'newcomers = 50000/1s packets' 'prefix = 2000/1s'
    run -0 limiter check "$file" --json
    is 'true [10,11]' "$(jq --raw-output '"\(.correct) \([.warnings[].line] | tojson)"' <<<"$output")"
    policy "${good[@]}" '[flood]' 'gate = monitor' 'newcomers = 1000/1s' 'prefix = 1001/1s'
    run -0 limiter check "$file"
    has "$output" ':11: warning: prefix = 1001/1s has no effect: newcomers = 1000/1s, for all'
    policy '[flood]' 'gate = on'
    run -1 limiter check "$file"
    has "$output" ':1: mistake: there is no default class; expected a section \[class NAME\]'
}

@test 'warnings are reported and are not mistakes' {
    policy '[class all]' 'limit = 1000/1s packets' 'action = redirect out' 'limit = 1500/1s bytes'
    run -0 limiter check "$file"
    has "$output" ':3: warning: out is a veth: '
    has "$output" ":4: warning: limit '1500/1s bytes' rejects every frame larger than 1500 bytes"
    has "$output" ": correct: 1 class, 0 CIDRs, default class 'all', 2 warnings$"
    run -0 limiter check "$file" --json
    is 'true [3,4]' "$(jq --raw-output '"\(.correct) \([.warnings[].line] | tojson)"' <<<"$output")"
}

@test 'no privileges are needed' {
    policy '[class all]' 'limit = 0/1s packets'
    run -1 server setpriv --bounding-set=-all --inh-caps=-all "$build/xdp-ratelimit" check "$file"
    has "$output" ":2: mistake: limit '0/1s packets': N must be at least 1"
}

@test 'a missing file, a directory, and two files' {
    run -1 limiter check "$BATS_TEST_TMPDIR/none"
    has "$output" '^xdp-ratelimit: cannot read .*/none: No such file or directory'
    run -1 limiter check "$BATS_TEST_TMPDIR" --json
    is failed "$(jq --raw-output .error.code <<<"$output")"
    run -2 limiter check a b
    has "$output" 'at most one file'
}

# with_cpus LIST COMMAND...: on a machine with these possible CPUs, of which fewer are present
with_cpus() {
    echo "$1" >"$BATS_TEST_TMPDIR/possible"
    unshare --mount sh -ec 'mount --bind "$0" /sys/devices/system/cpu/possible; exec "$@"' \
        "$BATS_TEST_TMPDIR/possible" "${@:2}"
}

@test 'the least number of sources is for the possible CPUs, not for those present' {
    policy '[limiter]' 'sources = 16383' '[class all]' 'limit = 1/1s packets'
    run -1 with_cpus 0-31,64-95 "$build/xdp-ratelimit" check "$file"
    has "$output" ":2: mistake: sources '16383': expected a number from 16384 \(256 for each CPU\)"
    policy '[limiter]' 'sources = 16384' '[class all]' 'limit = 1/1s packets'
    run -0 with_cpus 0-31,64-95 "$build/xdp-ratelimit" check "$file"
}
