# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
# shellcheck disable=SC2154 # network.bash sets what is used
#
# Policies as files, for reload.bats and reload_refused.bats.

# policy LINE...: writes $file
policy() {
    file=$BATS_TEST_TMPDIR/limiter.conf
    printf '%s\n' "$@" >"$file"
}

# of_file COMMAND [ARGUMENT...]
of_file() {
    limiter --config "$file" "$@"
}

attach_file() {
    of_file attach eth0 --sources 4096 >/dev/null
}

reload() {
    of_file reload >/dev/null
}

# in_force EXPRESSION: of the active policy, from status
in_force() {
    limiter status --json | jq --raw-output --compact-output ".policy | $1"
}

# shown EXPRESSION [ADDRESS]: of a source, from show
shown() {
    limiter show "${2:-$source}" --json | jq --raw-output --compact-output "$1"
}

three_classes() {
    policy '[limiter]' 'default = standard' \
        '[class standard]' 'limit = 100/1h packets' \
        '[class office]' 'sources = 198.51.100.0/24' 'limit = 10/1h packets' 'action = drop' \
        '[class friends]' 'sources = 198.51.100.8, 203.0.113.0/24'
}

# one_or_other: the active policy is one of the two, complete and working
one_or_other() {
    has "$(in_force '"\(.cidrs) \(.limits)"')" "^(1 null|2 null)$"
    case $(in_force .cidrs) in
    1) is '10.0.0.0/8 1/1h packets' "$(shown '"\(.cidr) \(.limits[0].limit_text)"' 10.0.0.1)" ;;
    2) is '10.0.0.0/16 2/1h packets' "$(shown '"\(.cidr) \(.limits[0].limit_text)"' 10.0.0.1)" ;;
    esac
}

first_of_two() {
    policy '[limiter]' 'default = standard' '[class standard]' 'limit = 100/1h packets' \
        '[class other]' 'sources = 10.0.0.0/8' 'limit = 1/1h packets' \
        'limit = 9/1h packets scope class'
}

second_of_two() {
    policy '[limiter]' 'default = standard' '[class other]' 'sources = 10.0.0.0/16, 10.1.0.0/16' \
        'limit = 2/1h packets' 'limit = 9/1h packets scope /24' '[class standard]' \
        'limit = 100/1h packets'
}
