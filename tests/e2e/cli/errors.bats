#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause

load ../network


# one_sentence TEXT: one line says what was wrong, and another gives a hint
one_sentence() {
    [[ $(grep -c . <<<"$1") -le 2 ]]
    has "$1" '^xdp-ratelimit: '
}

@test 'an interface that does not exist' {
    run -3 limiter attach nowhere
    one_sentence "$output"
    has "$output" "no interface 'nowhere'"
    [[ ! -e $pins ]]
}

@test 'one of two interfaces does not exist: neither is attached' {
    run -3 limiter attach eth0 nowhere --sources 4096
    assert_detached
}

@test 'without capabilities: the message names the missing one' {
    run -5 server setpriv --bounding-set=-all --inh-caps=-all "$build/xdp-ratelimit" attach eth0
    has "$output" CAP_BPF
    run -5 server setpriv --bounding-set=-net_admin --inh-caps=-net_admin \
        "$build/xdp-ratelimit" attach eth0
    has "$output" CAP_NET_ADMIN
    run -5 server setpriv --reuid=65534 --clear-groups "$build/xdp-ratelimit" status
    has "$output" CAP_BPF
    assert_detached
}

@test 'an invalid limit: one sentence, and nothing changes' {
    local text
    attach eth0 --limit '100/1h packets'
    for text in 0/s '0/1s packets' -1/1s '-1/1s packets' 10/0s '10/0s packets' '1e9/1s packets' \
        '99999999999999999999/1s packets' '1/99999999999999999999s packets' \
        '1000000001/1s packets' '10/32d packets' '10/1ms packets' \
        '10/1s gallons' '10/1s' '10/1s packets ' '10/1w packets' '' ' ' '+1/1s packets' \
        '0x10/1s packets' '10 /1s packets'; do
        run -2 limiter attach eth0 --limit "$text"
        one_sentence "$output"
        has "$output" "^xdp-ratelimit: limit '"
    done
    has "$(limiter status)" '^limits +100/1h packets'
}

@test 'usage errors' {
    local arguments
    for arguments in '' attach 'attach eth0 --mode fast' 'attach eth0 --action burn' \
        'attach eth0 --sources 1' 'attach eth0 --sources 99999999999' 'attach eth0 --nonsense' \
        'attach eth0 --action drop --monitor' detach 'detach --all eth0' nonsense \
        'show 1.2.3' 'show 1.2.3.4.5' 'show 01.2.3.4' show 'status eth0' '--pin-dir'; do
        # shellcheck disable=SC2086
        run -2 limiter $arguments
        [[ $output ]]
    done
    assert_detached
}

@test 'a fifth limit is rejected' {
    run -2 limiter attach eth0 --limit '1/1s packets' --limit '2/1s packets' \
        --limit '3/1s packets' --limit '4/1s packets' --limit '5/1s packets'
    one_sentence "$output"
    assert_detached
}

@test 'another XDP program: the message names it, and it stays' {
    local id
    put_program server eth0
    id=$(program_on eth0)
    run -6 limiter attach eth0 --sources 4096
    one_sentence "$output"
    has "$output" "'let_it_pass', id $id"
    is "$id" "$(program_on eth0)" program
    is none "$(state_of eth0)"
    [[ ! -e $pins ]]
}

@test 'another program in generic mode is found as well' {
    put_program server eth0 xdpgeneric
    run -6 limiter attach eth0 --sources 4096
    has "$output" let_it_pass
    [[ $(program_on eth0) ]]
}

@test 'another pin directory already limits the interface' {
    local id
    attach eth0
    id=$(program_on eth0)
    run -6 limiter --pin-dir "$pins-other" attach eth0 --sources 4096
    has "$output" "to eth0 already, id $id,"
    [[ ! -e $pins-other ]]
    assert_attached
}

@test 'a renamed interface: status shows both names, detach takes the old one' {
    attach eth0
    ip -n "$name-server" link set eth0 down
    ip -n "$name-server" link set eth0 name wan0
    has "$(limiter status)" '^eth0 .*now called wan0'
    run -6 limiter attach wan0
    run -0 limiter detach eth0
    is '' "$(program_on wan0)" program
    [[ ! -e $pins ]]
}

@test 'a failed write of the output is an error' {
    attach eth0
    # shellcheck disable=SC2016
    run -1 server sh -c '"$0" status >/dev/full' "$build/xdp-ratelimit"
    has "$output" 'No space left'
}

@test 'an attached interface that vanishes: status says so, detach cleans up' {
    attach eth0
    ip -n "$name-client" link del eth0
    is interface_gone "$(state_of eth0)"
    run -0 limiter status
    run -0 limiter stats
    run -0 limiter metrics
    run -0 limiter detach eth0
    [[ ! -e $pins ]]
}

@test 'an attached interface that vanishes and reappears can be attached' {
    attach eth0
    ip -n "$name-client" link del eth0
    join client eth0 server eth0
    run -0 limiter attach eth0 --limit '100/1h packets' --sources 4096
    send 200
    counts 'dropped_packets_limit 100' 'passed_within_limits 100'
    assert_attached
}

@test 'foreign entries in the pin directory stay' {
    mkdir "$pins"
    bpftool map create "$pins/stranger" type array key 4 value 4 entries 1 name stranger
    run -1 limiter attach eth0 --sources 4096
    one_sentence "$output"
    has "$output" stranger
    is stranger "$(ls "$pins")"
    is '' "$(program_on eth0)" program
    run -1 limiter detach --all || run -3 limiter detach --all
    is stranger "$(ls "$pins")"
    rm "$pins/stranger"
}

@test 'a foreign map under one of our names stays' {
    mkdir "$pins"
    bpftool map create "$pins/buckets" type array key 4 value 4 entries 1 name stranger
    run -1 limiter attach eth0 --sources 4096
    one_sentence "$output"
    has "$(bpftool map show pinned "$pins/buckets")" 'name stranger'
    is '' "$(program_on eth0)" program
    rm "$pins/buckets"
}

@test 'foreign entries in the directory of an interface stay' {
    mkdir -p "$pins/eth0"
    bpftool map create "$pins/eth0/stranger" type array key 4 value 4 entries 1 name stranger
    run -1 limiter attach eth0 --sources 4096
    run -1 limiter detach eth0
    is stranger "$(ls "$pins/eth0")"
    rm "$pins/eth0/stranger"
}

@test 'a foreign object in the place of a link stays' {
    mkdir -p "$pins/eth0"
    bpftool map create "$pins/eth0/link" type array key 4 value 4 entries 1 name stranger
    run -1 limiter attach eth0 --sources 4096
    run -1 limiter detach eth0
    is link "$(ls "$pins/eth0")"
    rm "$pins/eth0/link"
}

@test 'a pin directory that is not on a bpffs' {
    run -1 limiter attach eth0 --pin-dir "$BATS_TEST_TMPDIR/pins"
    one_sentence "$output"
    is '' "$(program_on eth0)" program
}

@test 'bpffs is not mounted: attach mounts it' {
    # In a PID namespace, process 1 has this mount namespace.
    # shellcheck disable=SC2016
    run -0 server unshare --mount --pid --fork --mount-proc sh -ec '
        umount /sys/fs/bpf
        "$0" attach eth0 --sources 4096
        "$0" status
        "$0" detach eth0' "$build/xdp-ratelimit"
    has "$output" 'mounted bpffs on /sys/fs/bpf'
    has "$output" '^eth0 +native mode'
    is '' "$(program_on eth0)" program
}

@test 'bpffs is not mounted: two attaches at once mount it once' {
    # The test plays the first of the two, after it has found no mount. A second mount on top of the
    # first would hide its pins.
    # shellcheck disable=SC2016
    run -0 server unshare --mount --pid --fork --mount-proc sh -ec '
        umount /sys/fs/bpf
        exec 9</sys/fs/bpf
        flock 9
        "$0" attach eth0 --sources 4096 9<&- &
        sleep 1
        ! mountpoint -q /sys/fs/bpf
        mount -t bpf bpf /sys/fs/bpf
        exec 9<&-
        wait $!
        test 1 = "$(grep -c " /sys/fs/bpf " /proc/self/mounts)"
        "$0" detach eth0' "$build/xdp-ratelimit"
    [[ ! $output =~ 'mounted bpffs' ]]
}

@test 'bpffs is not mounted: a lock held for ever does not keep attach from mounting it' {
    # shellcheck disable=SC2016
    run -0 server unshare --mount --pid --fork --mount-proc sh -ec '
        umount /sys/fs/bpf
        exec 9</sys/fs/bpf
        flock 9
        "$0" attach eth0 --sources 4096 9<&-
        "$0" detach eth0' "$build/xdp-ratelimit"
    has "$output" 'mounted bpffs on /sys/fs/bpf'
}

@test 'bpffs is not mounted in a private mount namespace: attach says what to do' {
    # The inner mount namespace is not that of process 1.
    # shellcheck disable=SC2016
    run -1 server unshare --mount --pid --fork --mount-proc sh -c '
        unshare --mount sh -c "umount /sys/fs/bpf; exec \"\$0\" attach eth0 --sources 4096" "$0"
        exit $?' "$build/xdp-ratelimit"
    has "$output" nsenter
    is '' "$(program_on eth0)" program
}

@test 'bpffs is not mounted: commands that only read find nothing, and mount nothing' {
    # shellcheck disable=SC2016
    run -0 server unshare --mount --pid --fork --mount-proc sh -ec '
        umount /sys/fs/bpf
        "$0" status
        ! mountpoint -q /sys/fs/bpf' "$build/xdp-ratelimit"
    has "$output" 'not attached'
}

@test 'an old kernel' {
    run -1 server setarch --uname-2.6 "$build/xdp-ratelimit" attach eth0
    one_sentence "$output"
    has "$output" 'kernel 2\.6.* is too old: 5\.15 or newer'
    assert_detached
}

@test 'detach of an interface that is not attached' {
    run -3 limiter detach eth0
    one_sentence "$output"
    run -3 limiter detach --all
    attach eth0
    run -3 limiter detach eth0 eth1
    assert_attached
}

@test 'stats and show without an attached interface' {
    run -3 limiter stats
    run -3 limiter stats eth0
    run -3 limiter show 192.0.2.1
    attach eth0
    run -3 limiter stats eth1
}

@test 'errors in JSON' {
    local arguments
    for arguments in 'attach nowhere' 'attach eth0 --limit 0/s' 'detach eth0' nonsense 'stats' \
        'attach eth0 --sources'; do
        # shellcheck disable=SC2086
        run limiter --json $arguments
        [[ $status -ne 0 ]]
        jq --exit-status --argjson status "$status" '
            (keys == ["error"]) and (.error | keys == ["code", "hint", "message"])
            and (.error.message | type == "string")
            and (.error.hint | type == "string" or . == null)
            ' <<<"$output" >/dev/null
    done
}
