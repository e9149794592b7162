#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # network.bash sets what is used
#
# Older versions reserved fewer names for maps, so an interface may have its directory where this
# version pins a map.

load ../network

# rename_interface NEW: renames the server's eth0
rename_interface() {
    ip -n "$name-server" link set eth0 down
    ip -n "$name-server" link set eth0 name "$1"
    ip -n "$name-server" link set "$1" up
}

# make_old: makes the pin directory look as the last version without the gate left it
make_old() {
    local value
    rm "$pins/gate" "$pins/flood"
    if [[ -d $pins/%67ate ]]; then
        mv "$pins/%67ate" "$pins/gate"
    fi
    value=$(bpftool --json map lookup pinned "$pins/meta" key 0 0 0 0 |
        jq --raw-output '.value[4:] | join(" ")')
    # shellcheck disable=SC2086
    bpftool map update pinned "$pins/meta" key 0 0 0 0 value 3 0 0 0 $value
}

# assert_new: everything is attached, and pinned where this version pins it
assert_new() {
    is attached "$(state_of gate)" state
    is "%67ate buckets cidrs class_buckets classes ${1:+$1 }flood gate meta permits protected_ports redirects separate_buckets" "$(cd "$pins" && echo *)" pins
    is 'counters link program' "$(cd "$pins/%67ate" && echo *)" pins
    [[ -f $pins/gate ]]
}

@test 'an interface with the name of a new map stays limited during a flood, with its permits' {
    rename_interface gate
    attach gate --limit '1000/1h packets'
    grant 198.51.100.8 60
    make_old
    start_receiver server gate --source "$source"
    start_flood
    sleep 0.2
    run -0 limiter attach gate --limit '1000/1h packets' --sources 4096
    has "$output" 'replaced in place; no packet went unfiltered'
    has "$output" 'active permits: 1$'
    sleep 0.2
    stop_flood
    stop_receiver
    [[ $flooded -gt 10000 && $received -gt 0 && $received -le 2000 ]]
    assert_new
    send 2000 --source 198.51.100.8
    is 2000 "$(packets passed_permit gate)" passed_permit
    run -0 limiter detach gate
    [[ ! -e $pins ]]
}

@test 'attaching another interface moves its pins' {
    rename_interface gate
    attach gate
    make_old
    attach eth1
    assert_new eth1
    is attached "$(state_of eth1)" state
}

@test 'until then status finds the old pins, and detach removes them' {
    rename_interface gate
    attach gate
    attach eth1
    make_old
    is attached "$(state_of gate)" state
    run -1 limiter reload
    has "$output" 'run attach again'
    run -0 limiter detach gate
    is '' "$(program_on gate)" program
    is attached "$(state_of eth1)" state
    attach gate
    assert_new eth1
    make_old
    run -0 limiter detach --all
    [[ ! -e $pins ]]
}

@test 'a killed attach lets nothing through, and the next one works' {
    local longest_us began_ns
    rename_interface gate
    attach gate --limit '100/1h packets'
    began_ns=$(date +%s%N)
    attach gate --limit '100/1h packets'
    longest_us=$((($(date +%s%N) - began_ns) / 1000))
    for _ in {1..15}; do
        make_old
        killed $((RANDOM * RANDOM % longest_us)) attach gate --limit '100/1h packets' \
            --sources 4096
        is attached "$(state_of gate)" state
        [[ $(program_on gate) ]]
        attach gate --limit '100/1h packets'
        assert_new
    done
}

@test 'an interface with the name of a map of CIDRs is moved before the map is pinned' {
    local number
    rename_interface cidrs_1
    for number in 1 2; do # of two policies one is in each copy
        printf '[class all]\nlimit = 8/1h packets\n[class c%s]\nlimit = 9/1h packets\nsources = 10.0.0.0/8\n' $number \
            >"$BATS_TEST_TMPDIR/policy"
        limiter --config "$BATS_TEST_TMPDIR/policy" attach cidrs_1 >/dev/null
        if [[ $number == 1 ]]; then
            rm -f "$pins/cidrs_0" "$pins/cidrs_1"
            mv "$pins/%63idrs_1" "$pins/cidrs_1"
            make_old
            is attached "$(state_of cidrs_1)" state
        fi
    done
    is attached "$(state_of cidrs_1)" state
    is 'counters link program' "$(cd "$pins/%63idrs_1" && echo *)" pins
    [[ ! -d $pins/cidrs_1 ]]
}

@test 'a foreign directory in the place of a map stays' {
    attach eth0
    make_old
    mkdir -p "$pins/gate/link" "$pins/gate/program"
    run -1 limiter attach eth0 --sources 4096
    has "$output" "contains 'gate', which xdp-ratelimit did not create"
    [[ -d $pins/gate/link ]]
    rm -r "$pins/gate"
    attach eth0
    assert_attached
}
