#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# The usage of a command is written once: in the command. --help prints it, and the manual pages
# have it from there.

bats_require_minimum_version 1.5.0

setup() {
    top=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
    build=$(cd "${BUILD_DIR:-$top/build}" && pwd)
    cp "$top"/user/man/*.[58] "$BATS_TEST_TMPDIR/"
}

@test 'the synopsis of each page is what --help says' {
    local page
    "$top/scripts/manual-usage" "$build/xdp-ratelimit" "$BATS_TEST_TMPDIR"/*.[58]
    for page in "$top"/user/man/*.[58]; do
        diff "$page" "$BATS_TEST_TMPDIR/${page##*/}" || {
            echo "run 'make manual' and commit ${page##*/}" >&2
            return 1
        }
    done
}

@test 'a synopsis that differs is rewritten' {
    local page=$BATS_TEST_TMPDIR/xdp-ratelimit-attach.8
    sed -i '/^\.Op Fl -monitor/d' "$page"
    "$top/scripts/manual-usage" "$build/xdp-ratelimit" "$page"
    cmp "$page" "$top/user/man/xdp-ratelimit-attach.8"
}

@test 'every command has its synopsis in one page' {
    local command commands
    commands=$("$build/xdp-ratelimit" --help | sed -n 's/^  \([a-z][a-z]*\).*/\1/p' | sort)
    [[ $commands ]]
    diff <(echo "$commands") \
        <(sed -n '/: global/d; /: commands/d; s/^\.\\" usage: \(.*\)/\1/p' "$top"/user/man/*.[58] |
            tr ' ' '\n' | sort)
}

@test 'wrong arguments of manual-usage' {
    run -2 "$top/scripts/manual-usage"
    run -2 "$top/scripts/manual-usage" /nowhere page
}

@test 'every reference between pages leads to a page' {
    local page reference
    for page in "$top"/user/man/*.[578]; do
        while read -r reference; do
            [[ -e $top/user/man/$reference ]] || {
                echo "${page##*/} refers to $reference" >&2
                return 1
            }
        done < <(sed -nE 's/^\.Xr (xdp-ratelimit[^ ]*) ([0-9]).*/\1.\2/p' "$page")
    done
}
