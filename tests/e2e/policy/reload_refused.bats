#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # network.bash sets what is used
#
# Policies that are rejected, and reloads that fail or die: the active policy stays as it was.

load ../network
load reload

@test 'a bad file changes nothing' {
    local before line
    three_classes
    attach_file
    send 5
    before=$(in_force .)
    for line in 'limit = 0/1s packets' 'sources = 1.2.3.4/33' 'nonsense = 1' '[class' \
        'action = redirect nowhere' 'limit = 1/1s gallons'; do
        three_classes
        echo "$line" >>"$file"
        run -1 of_file reload
        has "$output" "^xdp-ratelimit: $file:[0-9]+: "
        run -1 of_file attach eth0 eth1
        is "$before" "$(in_force .)" policy
    done
    is none "$(state_of eth1)"
    is 5 "$(shown '.limits[0].used')"
}

@test 'reload without a file, or without the limiter' {
    three_classes
    run -3 of_file reload
    has "$output" 'not attached'
    attach_file
    run -1 limiter reload --config /nowhere
    has "$output" /nowhere
    run -1 limiter reload --config /dev/null
    has "$output" 'no policy in /dev/null'
    run -2 of_file reload now
    is office "$(shown .class)"
}

@test 'limits on the command line and a file with a policy exclude each other' {
    three_classes
    run -2 of_file attach eth0 --limit '1/1s packets'
    has "$output" "^xdp-ratelimit: $file has a policy"
    [[ ! -e $pins ]]
    attach_file
    run -2 of_file attach eth0 --limit '1/1s packets'
    is "$file" "$(in_force .file)"
    attach eth0 --limit '1/1s packets' --config /dev/null
    is 'null ["1/1s packets"]' "$(in_force '"\(.file) \(.limits)"')"
}

@test 'reload never takes more memory for CIDRs than two policies do' {
    local round count=3907 trees
    for round in {1..3}; do
        three_classes
        python3 -c "
print('[class many]\nlimit = $round/1h packets')
for i in range($count - 3):
    print(f'sources = 10.{i // 256}.{i % 256}.0/24')" >>"$file"
        [[ $round -gt 1 ]] || attach_file
        trees=$BATS_TEST_TMPDIR/trees
        server env XRL_FAULT=cidrs_made \
            XRL_FAULT_COMMAND="sleep 0.5; bpftool map show | grep -c 'max_entries $count ' >$trees" \
            "$build/tests/xdp-ratelimit-faults" --config "$file" reload >/dev/null
    done
    is 2 "$(<"$trees")" trees
}

# class_limits FIRST: the maximum number of limits with 'scope class'
class_limits() {
    file=$BATS_TEST_TMPDIR/limiter.conf
    python3 - "$1" >"$file" <<'END'
import sys
print('[limiter]\ndefault = c0')
for i in range(128):
    print(f'[class c{i}]\nsources = 10.{i}.0.0/16')
    for j in range(8):
        print(f'limit = {int(sys.argv[1]) - j}/{j + 1}h packets scope class')
END
}

@test 'an attach that cannot activate its policy attaches nothing' {
    local before
    class_limits 1000
    attach_file
    before=$(in_force .)
    class_limits 2000
    run -1 of_file attach eth1
    has "$output" "only 1024 buckets for limits with 'scope class'"
    has "$output" 'nothing was changed'
    is none "$(state_of eth1)"
    run -1 of_file reload
    is "$before" "$(in_force .)" policy
}

@test 'check knows how many limits can have the scope of a class' {
    class_limits 1000
    limiter check "$file"
    printf '%s\n' '[class more]' 'sources = 9.9.9.9' 'limit = 1/1s packets scope class' >>"$file"
    run -1 limiter check "$file"
    has "$output" "^$file:1285: mistake: there are more than 1024 limits with 'scope class'"
}

@test 'an attached interface cannot be a redirect target' {
    policy '[class standard]' 'limit = 10/1h packets'
    attach_file
    policy '[class standard]' 'limit = 10/1h packets' 'action = redirect eth0'
    run -1 of_file attach eth1
    has "$output" 'back to eth0; nothing was changed'
    is none "$(state_of eth1)"
    policy '[class standard]' 'limit = 10/1h packets' 'action = redirect out'
    reload
    run -1 attach out
    has "$output" 'back to out; nothing was changed'
    is none "$(state_of out)"
}

@test 'a policy that redirects is not read in another network namespace' {
    local before
    policy '[class standard]' 'limit = 10/1h packets'
    attach_file
    before=$(in_force .)
    policy '[class standard]' 'limit = 10/1h packets' 'action = redirect in'
    run -6 third "$build/xdp-ratelimit" --config "$file" reload
    has "$output" "'eth0' is in another network namespace"
    is "$before" "$(in_force .)" policy
}

@test 'maps without a name, as libbpf creates them when memory runs out, are ours' {
    local pin=$pins/cidrs_0
    three_classes
    attach_file
    bpftool map create "$pin" type lpm_trie key 8 value 4 entries 1 name '' flags 1 ||
        skip 'bpftool makes none without a name'
    limiter status >/dev/null
    reload
    limiter detach eth0
    assert_detached
}

@test 'a moment of memory shortage does not hide the active policy' {
    local number mapped calls=$BATS_TEST_TMPDIR/calls
    command -v strace >/dev/null || skip 'strace is missing'
    policy '[class second]' 'limit = 20/1h packets'
    attach eth0 --limit '10/1h packets'
    server strace -e trace=mmap -o "$calls" "$build/xdp-ratelimit" --config "$file" reload \
        >/dev/null
    mapped=$(grep -n MAP_SHARED "$calls" | cut -d: -f1)
    [[ -n $mapped ]]
    for number in $mapped; do
        limiter detach eth0 >/dev/null
        attach eth0 --limit '10/1h packets'
        run server strace -e trace=mmap -e "inject=mmap:error=ENOMEM:when=$number" \
            -o /dev/null "$build/xdp-ratelimit" --config "$file" reload
        case $status in
        0) is second "$(in_force .class)" "class after call $number" ;;
        *) is default "$(in_force .class)" "class after call $number" ;;
        esac
    done
}

@test 'a reload killed at any moment leaves one policy or the other' {
    local began_ns longest_us
    first_of_two
    attach_file
    send 40
    second_of_two
    began_ns=$(date +%s%N)
    reload
    longest_us=$((($(date +%s%N) - began_ns) / 1000))
    for round in {1..40}; do
        if ((round % 2)); then
            first_of_two
        else
            second_of_two
        fi
        killed $((RANDOM * RANDOM % longest_us)) --config "$file" reload
        one_or_other
        is attached "$(state_of eth0)" state
    done
    reload
    is 40 "$(shown '.limits[0].used')"
    run -0 limiter detach eth0
    assert_detached
}

@test 'a reload that dies at any step leaves the old policy, and the next one works' {
    local point
    for point in cidrs_made cidrs_written redirects_written policy_written; do
        first_of_two
        attach_file
        reload
        second_of_two
        run -137 server env XRL_FAULT="$point" "$build/tests/xdp-ratelimit-faults" \
            --config "$file" reload
        is 1 "$(in_force .cidrs)" "CIDRs after $point"
        one_or_other
        reload
        is 2 "$(in_force .cidrs)" "CIDRs in the end"
        one_or_other
    done
    first_of_two
    run -137 server env XRL_FAULT=policy_in_force "$build/tests/xdp-ratelimit-faults" \
        --config "$file" reload
    is 1 "$(in_force .cidrs)" CIDRs
    one_or_other
}
