#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # network.bash sets what is used
#
# The policy of a file, activated under traffic.

load ../network
load reload

@test 'attach takes the policy of the file' {
    three_classes
    run -0 of_file attach eth0 --sources 4096
    has "$output" "^policy +$file, sha256 $(sha256sum "$file" | cut -c1-12)"
    has "$output" '^class +office, of 1 CIDR$'
    has "$output" '^class +friends, of 2 CIDRs$'
    send 200
    send 200 --source 198.51.100.8
    send 200 --source 192.0.2.1
    counts 'dropped_packets_limit 290' 'passed_trusted 200' 'passed_within_limits 110'
}

@test 'status says which policy it is' {
    three_classes
    attach_file
    is "$file" "$(in_force .file)"
    is "$(sha256sum "$file" | cut -d' ' -f1)" "$(in_force .sha256)"
    is 'standard null 3' "$(in_force '"\(.default_class) \(.permitted_class) \(.cidrs)"')"
    is '["standard 0 100/1h packets","office 1 10/1h packets","friends 2 "]' \
        "$(in_force '[.classes[] | "\(.name) \(.cidrs) \(.limits | join(","))"]')"
    has "$(in_force .since)" '^[0-9-]{10}T[0-9:]{8}Z$'
    run -0 limiter status
    has "$output" "^policy +$file, sha256 [0-9a-f]{12}\.\.\., generation 1, since "
    has "$output" '^class +standard, the default$'
    has "$output" '^limits +none: trusted$'
}

@test 'bpftool shows the CIDRs by name' {
    three_classes
    attach_file
    run -0 bpftool map dump pinned "$pins/cidrs_1"
    has "$output" '"?prefix_bits"?: 24'
    has "$output" '"?octets"?: \[203,0,113,0'
}

@test 'reload changes the limits, and says what is active' {
    local generation
    policy '[class standard]' 'limit = 100/1h packets'
    attach_file
    send 200
    generation=$(in_force .generation)
    policy '[class standard]' 'limit = 50/2h packets'
    run -0 of_file reload
    has "$output" '^reloaded$'
    has "$output" '^limits +50/2h packets'
    send 200
    counts 'dropped_packets_limit 250' 'passed_within_limits 150'
    is $((generation + 1)) "$(in_force .generation)" generation
    run -0 of_file reload
    has "$output" '^unchanged '
    run -0 of_file reload --json
    is 'false standard' "$(jq --raw-output '"\(.changed) \(.policy.default_class)"' <<<"$output")"
    is $((generation + 1)) "$(in_force .generation)" generation
}

@test 'reload during a flood: no packet passes unfiltered, and unchanged limits keep their state' {
    policy '[class standard]' 'limit = 1000/1h packets'
    attach_file
    start_receiver server eth0 --source "$source"
    start_flood
    for round in {1..10}; do
        policy '[class standard]' 'limit = 1000/1h packets' "limit = $round/1m connections" \
            '[class other]' "sources = 203.0.113.$round" 'limit = 1/1s packets'
        reload
    done
    stop_flood
    stop_receiver
    [[ $flooded -gt 10000 ]]
    is 1000 "$received" received
    is "$flooded" $(($(packets passed_within_limits) + $(packets dropped_packets_limit))) counted
}

@test 'unchanged limits keep their state, in any order and in each scope; others are reset' {
    policy '[class standard]' 'limit = 100/1h packets' 'limit = 90/1h packets sliding' \
        'limit = 1000/1h packets scope class' 'limit = 500/1h packets scope /24' \
        'limit = 400/1h packets endpoint udp/1-65535'
    attach_file
    send 30 --proto udp
    is '[30,30,30,30,30]' "$(shown '[.limits[].used]')"
    policy '[class standard]' 'limit = 90/1h packets sliding' 'limit = 100/1h packets' \
        'limit = 400/1h packets endpoint udp/1-65535' 'limit = 1001/1h packets scope class' \
        'limit = 500/1h packets scope /24'
    reload
    is '["packets 100 30","packets 90 30","packets 400 30","packets 1001 0","packets 500 30"]' \
        "$(shown '[.limits[] | "\(.unit) \(.limit) \(.used)"]')"
    send 5 --proto udp
    is '[35,35,35,5,35]' "$(shown '[.limits[].used]')"
    is '[0,0,0,5,35]' "$(shown '[.limits[].used]' 198.51.100.99)"
}

@test 'unchanged limits keep their state when others are removed' {
    policy '[class standard]' 'limit = 100/1h packets' 'limit = 99999/1h bytes' 'limit = 40/1h packets'
    attach_file
    send 30 --proto udp
    policy '[class standard]' 'limit = 40/1h packets'
    reload
    is '["40/1h packets 30"]' "$(shown '[.limits[] | "\(.limit_text) \(.used)"]')"
    is '["40/1h packets"]' "$(in_force '.classes[0].limits' | jq --compact-output .)"
    send 30 --proto udp
    is 20 "$(packets dropped_packets_limit)"
    is '[40]' "$(shown '[.limits[].used]')"
    policy '[class standard]' 'limit = 7/1h packets' 'limit = 40/1h packets'
    reload
    is '["7/1h packets 0","40/1h packets 40"]' \
        "$(shown '[.limits[] | "\(.limit_text) \(.used)"]')"
}

@test 'scoped buckets are emptied only when there must be more of them, with a warning' {
    policy '[class standard]' 'limit = 500/1h packets scope /8'
    attach_file
    send 5
    policy '[class standard]' 'limit = 500/1h packets scope /8' 'limit = 1/1h bytes scope class'
    run -0 of_file reload
    [[ ! $output =~ warning ]]
    is 5 "$(shown '.limits[0].used')"
    policy '[class standard]' 'limit = 500/1h packets scope /8' 'limit = 600/1h packets scope /24'
    run -0 of_file reload
    has "$output" '^warning: the buckets of limits with an endpoint or for a prefix are empty again'
    send 7
    is '[7,7]' "$(shown '[.limits[].used]')"
    policy '[class standard]' 'limit = 600/1h packets scope /24'
    reload
    is '[7]' "$(shown '[.limits[].used]')"
    policy '[class standard]' 'limit = 600/1h packets'
    reload
    is 'cidrs separate_0' "$(cd "$pins" && echo cidrs separate_?)"
    reload
}

@test 'a changed limit is unused at once, even in a bucket of another limit' {
    policy '[class standard]' 'limit = 100/1h packets' 'limit = 1000/1h packets scope class'
    attach_file
    send 30
    for units in {1001..1004}; do
        policy '[class standard]' "limit = $units/1h packets" \
            "limit = $units/1h packets scope class"
        reload
        is '[0,0]' "$(shown '[.limits[].used]')" "used of $units"
        send 3
        is '[3,3]' "$(shown '[.limits[].used]')" "used of $units"
    done
}

@test 'a source that changes its class is reset, and others keep their state' {
    three_classes
    attach_file
    send 8
    send 20 --source 192.0.2.1
    policy '[limiter]' 'default = standard' \
        '[class first]' 'sources = 10.0.0.0/8' 'limit = 5/1s packets' \
        '[class standard]' 'limit = 100/1h packets'
    reload
    is '0 standard default' "$(shown '"\(.limits[0].used) \(.class) \(.class_reason)"')"
    is 20 "$(shown '.limits[0].used' 192.0.2.1)"
}

@test 'show says by which CIDR a source is in its class' {
    three_classes
    attach_file
    is 'office cidr 198.51.100.0/24' "$(shown '"\(.class) \(.class_reason) \(.cidr)"')"
    is 'friends cidr 198.51.100.8' \
        "$(shown '"\(.class) \(.class_reason) \(.cidr)"' 198.51.100.8)"
    is 'standard default null' "$(shown '"\(.class) \(.class_reason) \(.cidr)"' 192.0.2.1)"
    has "$(limiter show "$source")" '^class +office \(matches 198\.51\.100\.0/24\)$'
    has "$(limiter show 198.51.100.8)" '^limits +none: trusted$'
}

@test 'show says when the next unit passes, for each algorithm' {
    local limit wait_seconds
    for limit in '1/2s packets' '1/2s packets sliding' '1/2s packets token'; do
        policy '[class standard]' "limit = $limit"
        attach_file
        send 3
        wait_seconds=$(shown '.limits[0].retry_after_seconds')
        jq --exit-status '. > 0 and . <= 4' <<<"$wait_seconds"
        sleep "$wait_seconds"
        is 1 "$(shown '.limits[0].remaining')" "remaining of $limit"
    done
}

@test 'show says of a full sliding window when the next one passes, and when it is fully free' {
    policy '[class standard]' 'limit = 5/1h packets sliding'
    attach_file
    send 10
    run -0 limiter show "$source"
    has "$output" '^class +standard \(no CIDR matches\)$'
    has "$output" ': 5 used, 0 remaining, fully free in [0-9.]+ s; next one passes in [0-9.]+ s$'
}

@test 'a penalty is shown with its end' {
    policy '[class standard]' 'limit = 10/1s packets' 'penalty = 1h'
    attach_file
    is null "$(shown .penalty_until)"
    send 20
    has "$(shown .penalty_until)" '^[0-9-]{10}T[0-9:]{8}Z$'
    has "$(limiter show "$source")" '^penalty +for another 3[56][0-9]{2}\..*: everything but ICMP errors'
    attach eth0 --monitor
    has "$(limiter show "$source")" '^penalty +for another .*: passes anyway \(monitor\)$'
    send 3
    counts 'dropped_packets_limit 1' 'dropped_penalty 9' 'passed_monitor_penalty 3' \
        'passed_within_limits 10'
}

@test 'a permit with a class of its own' {
    policy '[limiter]' 'default = standard' '[class standard]' 'limit = 10/1h packets' \
        '[class vip]' 'limit = 50/1h packets' '[permits]' 'class = vip'
    attach_file
    grant "$source" 60
    send 100
    is 'vip permit 50' "$(shown '"\(.class) \(.class_reason) \(.limits[0].used)"')"
    counts 'dropped_packets_limit 50' 'passed_permit 50'
}

@test 'the policy of a file stays when attach has neither a file nor limits' {
    three_classes
    attach_file
    send 5
    attach eth1
    is "$file" "$(in_force .file)"
    is 5 "$(shown '.limits[0].used')"
    attach eth1 --monitor
    is '["monitor","monitor","monitor"]' "$(in_force '[.classes[].action]')"
    is 'office 5' "$(shown '"\(.class) \(.limits[0].used)"')"
}

@test 'an action on the command line applies to all classes, until the file is read again' {
    three_classes
    run -0 of_file attach eth0 --monitor --sources 4096
    has "$output" '^note +the action is that of the command line'
    has "$(limiter status)" 'its actions are overridden on the command line'
    is true "$(in_force .actions_replaced)"
    send 200
    counts 'passed_monitor_packets_limit 190' 'passed_within_limits 10'
    reload
    is false "$(in_force .actions_replaced)"
    is '["drop","drop","drop"]' "$(in_force '[.classes[].action]')"
}

@test 'each class redirects to its own interface' {
    let_third_receive
    policy '[limiter]' 'default = standard' '[class standard]' 'limit = 10/1h packets' \
        '[class office]' 'sources = 198.51.100.0/24' 'limit = 10/1h packets' \
        'action = redirect out'
    attach_file
    start_receiver third in
    send 100
    send 100 --source 192.0.2.1
    stop_receiver
    is 90 "$received" received
    counts 'dropped_packets_limit 90' 'passed_within_limits 20' 'redirected_packets_limit 90'
    policy '[class standard]' 'limit = 10/1h packets' 'action = redirect eth0'
    run -1 of_file reload
    has "$output" 'back to eth0'
    is 2 "$(in_force '.classes | length')"
}

@test 'reload finds a redirect target that was created again' {
    policy '[class standard]' 'limit = 10/1h packets' 'action = redirect out'
    attach_file
    ip -n "$name-server" link del out
    has "$(in_force .action)" 'interface is gone'
    join server out third in
    run -0 of_file reload
    has "$output" '^reloaded$'
    is 'redirect out' "$(in_force .action)"
}

@test 'attach takes the number of buckets from the file, and reload keeps it' {
    policy '[limiter]' 'sources = 8192' '[class standard]' 'limit = 10/1h packets'
    run -0 of_file attach eth0
    is 8192 "$(in_force .sources)"
    policy '[limiter]' 'sources = 4096' '[class standard]' 'limit = 20/1h packets'
    run -0 of_file reload
    has "$output" '^warning: there are 8192 buckets, and the file asks for 4096'
    is '8192 20/1h packets' "$(in_force '"\(.sources) \(.limits[0])"')"
    run -0 of_file attach eth0
    is 4096 "$(in_force .sources)"
}

@test 'only protected ports are limited' {
    policy '[limiter]' 'protect = tcp/80, udp/1-999' '[class standard]' 'limit = 10/1h packets'
    attach_file
    is '["tcp/80","udp/1-999"]' "$(in_force .protect)"
    has "$(limiter status)" '^protect +tcp/80, udp/1-999$'
    send 50 --proto icmp-unreachable
    counts 'passed_not_protected 50'
}

@test '10,000 CIDRs' {
    three_classes
    attach_file
    python3 - >>"$file" <<'END'
print('[class many]\nlimit = 7/1h packets')
for i in range(40):
    for j in range(0, 250, 50):
        print('sources =', ', '.join(f'10.{i}.{k}.0/24' for k in range(j, j + 50)))
END
    run -0 of_file reload --json
    is '10003 10000' "$(jq --raw-output '.policy | "\(.cidrs) \(.classes[3].cidrs)"' <<<"$output")"
    send 20 --source 10.39.249.1
    is 'many 10.39.249.0/24 7' "$(shown '"\(.class) \(.cidr) \(.limits[0].used)"' 10.39.249.1)"
    is standard "$(shown .class 10.40.0.1)"
}

@test 'a file that can be read only once' {
    policy '[class standard]' 'limit = 7/1h packets' '[permits]' 'entries = 77'
    run -0 server bash -c "'$build/xdp-ratelimit' check /dev/stdin < <(cat '$file')"
    has "$output" "correct: 1 class, 0 CIDRs, default class 'standard'"
    server bash -c "'$build/xdp-ratelimit' attach eth0 --sources 4096 --config <(cat '$file')"
    is '["7/1h packets"]' "$(in_force .limits)"
    has "$(bpftool map show pinned "$pins/permits")" 'max_entries 77 '
}

@test 'a pipe that nobody has written to yet blocks no other command' {
    local process
    first_of_two
    attach_file
    mkfifo "$BATS_TEST_TMPDIR/pipe"
    limiter --config "$BATS_TEST_TMPDIR/pipe" reload >"$BATS_TEST_TMPDIR/told" 2>&1 3>&- &
    process=$!
    sleep 0.3
    run -0 timeout 5 nsenter --net="/run/netns/$name-server" "$build/xdp-ratelimit" attach eth1
    printf '%s\n' '[class standard]' 'limit = 7/1h packets' >"$BATS_TEST_TMPDIR/pipe"
    wait "$process"
    is '["7/1h packets"]' "$(in_force .limits)" limits
    limiter --config "$BATS_TEST_TMPDIR/pipe" attach eth0 >"$BATS_TEST_TMPDIR/told" 2>&1 3>&- &
    process=$!
    sleep 0.3
    run -0 timeout 5 nsenter --net="/run/netns/$name-server" "$build/xdp-ratelimit" detach eth1
    printf '%s\n' '[class standard]' 'limit = 8/1h packets' >"$BATS_TEST_TMPDIR/pipe"
    wait "$process"
    is '["8/1h packets"]' "$(in_force .limits)" limits
}

is_locked() {
    ! flock --nonblock "$pins" true
}

# changed_while_waiting COMMAND...: the file changes while COMMAND waits for the pin directory
changed_while_waiting() {
    local process holder
    policy '[class standard]' 'limit = 7/1h packets'
    mkfifo "$BATS_TEST_TMPDIR/enough"
    flock "$pins" head -n 1 "$BATS_TEST_TMPDIR/enough" 3>&- &
    holder=$!
    eventually is_locked
    of_file "$@" >"$BATS_TEST_TMPDIR/told" 2>&1 3>&- &
    process=$!
    sleep 0.4 # it should have read the file by then, and if it hasn't, nothing is lost
    policy '[class standard]' 'limit = 8/1h packets'
    echo >"$BATS_TEST_TMPDIR/enough"
    rm "$BATS_TEST_TMPDIR/enough"
    wait "$holder"
    wait "$process"
}

@test 'reload activates the file as it is once the pin directory is locked' {
    first_of_two
    attach_file
    changed_while_waiting reload
    is '["8/1h packets"]' "$(in_force .limits)" limits
    changed_while_waiting attach eth0
    is '["8/1h packets"]' "$(in_force .limits)" limits
}

@test 'the name of the file need not be UTF-8' {
    local directory
    policy '[class standard]' 'limit = 10/1h packets'
    directory=$BATS_TEST_TMPDIR/$'d\xff'
    mkdir "$directory"
    mv "$file" "$directory"
    is true "$(limiter check "$directory/limiter.conf" --json | jq .correct)"
    attach eth0 --config "$directory/limiter.conf"
    has "$(in_force .file)" '/d\?/limiter\.conf$'
    run -0 limiter --config "$directory/limiter.conf" reload --json
    is false "$(jq .changed <<<"$output")"
}
