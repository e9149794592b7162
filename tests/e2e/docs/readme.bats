#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# README.md: what it shows is what happens. Its other commands are run elsewhere: scripts/demo by
# tests/install (make test-install), scripts/test by the tests themselves, make and make install by
# e2e/docs/install.bats.

load ../network
load sessions

# before_command COMMAND
before_command() {
    case $1 in
    *'--action drop')
        send 50 --source 198.51.100.8 --proto tcp-syn
        ;;
    esac
}

@test 'README.md: every session, in order' {
    run_sessions "$here/../../README.md"
}

@test 'README.md: the command that takes a risky change back' {
    local lines
    lines=$(sed -n "s/^    \(nohup .*\)/\1/p; s/^    \(xdp-ratelimit attach .*\)/\1/p" \
        "$here/../../README.md" | sed 's/sleep 60/sleep 1/; s/&$//')
    is 2 "$(wc -l <<<"$lines")" lines
    cp "$build/xdp-ratelimit" "$BATS_TEST_TMPDIR/"
    nsenter --net="/run/netns/$name-server" env PATH="$BATS_TEST_TMPDIR:$PATH" \
        bash -c "$(sed 's/^nohup.*/& \&/' <<<"$lines"); wait" >/dev/null 2>&1 3>&-
    assert_detached
}

@test 'a page that shows a different word fails' {
    local page=$BATS_TEST_TMPDIR/page.md
    before_command() { :; }
    # shellcheck disable=SC2016 # backquotes are text
    printf '%s\n' '```' '# xdp-ratelimit status' 'no interface is unlimited' '```' >"$page"
    run -1 run_sessions "$page"
    has "$output" 'shows other output of: xdp-ratelimit status'
}

# Running the demo takes too long here, and its floods would disturb the tests beside it.
@test 'README.md: the demo says what is shown' {
    local text count=0
    while read -r text; do
        grep -qF -- "$text" "$here/../../scripts/demo-show" || {
            echo "scripts/demo-show does not say: $text" >&2
            return 1
        }
        count=$((count + 1))
    done < <(demo_texts)
    [[ $count -ge 10 ]]
}

# demo_texts: the second column of the demo in README.md, in the words of scripts/demo-show
demo_texts() {
    # shellcheck disable=SC2016 # names of the script's variables
    awk '/^```/ { inside = !inside; next } inside && /^[#$]/ { exit } inside' \
        "$here/../../README.md" |
        sed -E -e 's/^.{11}//; s/ {2,}.*//' -e 's|1000/1s packets|$limit|' \
            -e 's/10\.66\.0\.1/$flooder/; s/10\.66\.0\.2/$known/; s/10\.66\.0\.3/$new/' \
            -e 's/^10 requests/$requests requests/'
}
