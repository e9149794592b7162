# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # the tests use the variables set here
#
# Fixture of every end-to-end test: three network namespaces of its own
#
#     client eth0 ---- eth0 server out ---- in third
#            eth1 ---- eth1
#
# without IPv6 and without addresses, so that every packet is one that the test sent; its own pin
# directory and state directory; and helpers for common steps. The limiter runs in the server's
# namespace. All waiting is bounded.

bats_require_minimum_version 1.5.0

export PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
build=${BUILD_DIR:-$here/../../build}
build=$(cd "$build" && pwd)
readonly source=198.51.100.7

setup() {
    name=xrl-e2e-$$
    export XDP_RATELIMIT_PIN_DIR=/sys/fs/bpf/$name
    export XDP_RATELIMIT_STATE_DIR=$BATS_TEST_TMPDIR/state
    pins=$XDP_RATELIMIT_PIN_DIR
    mount_bpffs
    # By itself, bats handles these signals only after the foreground command; exit runs teardown.
    trap 'exit 130' INT TERM
    network_up
}

# Mounts bpffs before a test makes a mount namespace, which would not see a later mount by attach.
# The lock serializes this with other tests and with the limiter.
mount_bpffs() {
    flock /sys/fs/bpf sh -c 'mountpoint -q /sys/fs/bpf ||
        mount -t bpf -o nosuid,nodev,noexec,mode=0700 bpf /sys/fs/bpf'
}

teardown() {
    trap '' INT TERM
    kill_jobs
    remove_pins "$pins"
    ip netns del "$name-client" 2>/dev/null || true
    ip netns del "$name-server" 2>/dev/null || true
    ip netns del "$name-third" 2>/dev/null || true
}

kill_jobs() {
    local pid
    for pid in $(jobs -p); do
        kill -KILL "$pid" 2>/dev/null || true
    done
    wait
}

# remove_pins DIRECTORY: detaches with the limiter if that works, and removes the directory anyway
remove_pins() {
    if [[ -d $1 ]]; then
        timeout 20 nsenter --net="/run/netns/$name-server" \
            "$build/xdp-ratelimit" --pin-dir "$1" detach --all >/dev/null 2>&1 || true
        rm -rf "$1"
    fi
}

network_up() {
    local side
    for side in client server third; do
        ip netns add "$name-$side"
        disable_ipv6 "$side"
        use_reno "$side"
    done
    join client eth0 server eth0
    join client eth1 server eth1
    join server out third in
}

# disable_ipv6 SIDE
disable_ipv6() {
    nsenter --net="/run/netns/$name-$1" sh -c '
        echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
        echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6' 2>/dev/null || true
}

# use_reno SIDE: BBR, the default on some machines, measures the low rate that a source over its
# limit gets, and then waits up to 17 s before it sends more.
use_reno() {
    nsenter --net="/run/netns/$name-$1" sh -c 'echo reno >/proc/sys/net/ipv4/tcp_congestion_control'
}

# join SIDE INTERFACE SIDE INTERFACE
join() {
    ip -n "$name-$1" link add "$2" type veth peer name "$4" netns "$name-$3"
    ip -n "$name-$1" link set "$2" up
    ip -n "$name-$3" link set "$4" up
}

# ---- commands, by namespace ----

client() {
    timeout 60 nsenter --net="/run/netns/$name-client" "$@"
}

server() {
    timeout 60 nsenter --net="/run/netns/$name-server" "$@"
}

third() {
    timeout 60 nsenter --net="/run/netns/$name-third" "$@"
}

limiter() {
    server "$build/xdp-ratelimit" "$@"
}

# attach ARGUMENT...: quietly, and with few buckets, which is faster
attach() {
    limiter attach "$@" --sources 4096 >/dev/null
}

# rules LINE...: writes a configuration with these lines in [permits]; sets rules to its path
rules() {
    printf '%s\n' '[permits]' "$@" >"$BATS_TEST_TMPDIR/rules.conf"
    rules=$BATS_TEST_TMPDIR/rules.conf
}

# grant ADDRESS SECONDS: a permit of exactly that length, without grace period
grant() {
    rules "lifetime = $2s" 'linger = 0s' 'requests = 1000/1s'
    limiter --config "$rules" permit request "$1" >/dev/null
}

# send COUNT [OPTION...]: sends until that many frames are out, at a rate that rarely fills a queue
send() {
    local missing=$1 attempt sent
    shift
    for attempt in {1..10}; do
        sent=$(client "$build/tests/frames" send eth0 --source "$source" --count "$missing" \
            --rate 20000 "$@")
        missing=$((missing - sent))
        if [[ $missing -eq 0 ]]; then
            return
        fi
    done
    echo "could not send $missing frames" >&2
    return 1
}

# send_on INTERFACE COUNT
send_on() {
    client "$build/tests/frames" send "$1" --source "$source" --count "$2" --rate 20000 >/dev/null
}

# killed MICROSECONDS ARGUMENT...: runs a limiter command and kills it that long after its start
killed() {
    local delay pid
    delay=$(printf '0.%06d' "$1")
    shift
    nsenter --net="/run/netns/$name-server" "$build/xdp-ratelimit" "$@" >/dev/null 2>&1 3>&- &
    pid=$!
    sleep "$delay"
    kill -KILL "$pid" 2>/dev/null || true
    wait "$pid" 2>/dev/null || true
}

# start_flood [OPTION...]: sends at full speed in the background, for at most 20 s
start_flood() {
    nsenter --net="/run/netns/$name-client" "$build/tests/frames" send eth0 \
        --source "$source" --seconds 20 "$@" >"$BATS_TEST_TMPDIR/flood" 3>&- &
    flood=$!
}

# stop_flood: sets flooded to the number of frames sent
stop_flood() {
    kill -INT "$flood"
    wait "$flood"
    flooded=$(<"$BATS_TEST_TMPDIR/flood")
}

# start_receiver SIDE INTERFACE [OPTION...]: counts in the background, for at most 30 s
start_receiver() {
    local side=$1 interface=$2
    shift 2
    nsenter --net="/run/netns/$name-$side" "$build/tests/frames" receive "$interface" \
        --seconds 30 "$@" >"$BATS_TEST_TMPDIR/received" 2>"$BATS_TEST_TMPDIR/listening" 3>&- &
    receiver=$!
    eventually test -s "$BATS_TEST_TMPDIR/listening"
}

# stop_receiver: sets received to the number of frames received
stop_receiver() {
    # The last frames may still be in a queue.
    sleep 0.1
    kill -INT "$receiver"
    wait "$receiver"
    received=$(<"$BATS_TEST_TMPDIR/received")
}

# eventually COMMAND...: repeats the command until it succeeds, for at most 5 s
eventually() {
    local attempt
    for ((attempt = 0; attempt < 250; attempt++)); do
        if "$@"; then
            return
        fi
        sleep 0.02
    done
    echo "still fails after 5 s: $*" >&2
    return 1
}

# put_program SIDE INTERFACE [xdpdrv|xdpgeneric]: attaches an XDP program that passes everything.
# Uses bpftool, since ip would leave directories of its own in bpffs.
put_program() {
    local pin=/sys/fs/bpf/$name-pass object=$BATS_TEST_TMPDIR/pass.o
    clang -O2 -g -target bpf -x c -c -o "$object" - <<<'
        __attribute__((section("xdp"), used)) int let_it_pass(void *context)
        {
            return context ? 2 : 2;
        }'
    bpftool prog load "$object" "$pin"
    "$1" bpftool net attach "${3:-xdpdrv}" pinned "$pin" dev "$2" || {
        rm "$pin"
        return 1
    }
    rm "$pin"
}

# A redirect into a veth requires an XDP program on its peer.
let_third_receive() {
    put_program third in
}

# ---- results ----

# is EXPECTED ACTUAL [NAME]
is() {
    if [[ $1 != "$2" ]]; then
        echo "${3:-value}: expected '$1', found '$2'" >&2
        return 1
    fi
}

# has TEXT PATTERN: PATTERN is an extended regular expression
has() {
    if ! grep -Eq -- "$2" <<<"$1"; then
        printf "no '%s' in:\n%s\n" "$2" "$1" >&2
        return 1
    fi
}

# packets COUNTER [INTERFACE]
packets() {
    limiter stats "${2:-eth0}" --json |
        jq --arg interface "${2:-eth0}" --arg counter "$1" \
            '.interfaces[$interface][$counter].packets'
}

# counted INTERFACE: "COUNTER PACKETS" of all nonzero counters, sorted by name
counted() {
    limiter stats "$1" --json |
        jq --raw-output --arg interface "$1" '
            .interfaces[$interface] | to_entries | sort_by(.key)[]
            | select(.value.packets > 0) | "\(.key) \(.value.packets)"'
}

# counts LINE...: exactly these counters of eth0 are nonzero
counts() {
    is "$(printf '%s\n' "$@")" "$(counted eth0)" counters
}

# state_of INTERFACE: the state that status shows, or "none"
state_of() {
    limiter status --json |
        jq --raw-output --arg interface "$1" \
            '[.interfaces[] | select(.interface == $interface).state][0] // "none"'
}

# program_on INTERFACE: the id of its XDP program, or nothing
program_on() {
    ip -n "$name-server" -json link show dev "$1" | jq '.[0].xdp.prog.id // empty'
}

# The limiter is attached to eth0 and complete.
assert_attached() {
    is attached "$(state_of eth0)" state
    [[ $(program_on eth0) ]]
    is 'buckets cidrs class_buckets classes eth0 flood gate meta permits protected_ports redirects separate_buckets' "$(cd "$pins" && echo *)" pins
    is 'counters link program' "$(cd "$pins/eth0" && echo *)" pins
}

# Nothing of the limiter is left.
assert_detached() {
    is none "$(state_of eth0)" state
    is '' "$(program_on eth0)" program
    [[ ! -e $pins ]]
}
