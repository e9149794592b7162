#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# tests/run, with test programs that are scripts.

bats_require_minimum_version 1.5.0

setup() {
    cd "$BATS_TEST_TMPDIR"
    mkdir -p tests/unit/colors tests/e2e/cli scripts/lint build/tests/unit/colors
    cp "$BATS_TEST_DIRNAME/../run" tests/
    program red 'echo "ok 1 - a"; echo 1..1'
    program green 'echo "ok 1 - a"; echo "ok 2 - b # skip no paint"; echo 1..2'
    printf '@test "one" { true; }\n@test "two" { true; }\n' >tests/e2e/cli/words.bats
}

# program NAME COMMANDS: a unit test
program() {
    touch "tests/unit/colors/test_$1.c"
    printf '#!/bin/sh\n%s\n' "$2" >"build/tests/unit/colors/test_$1"
    chmod +x "build/tests/unit/colors/test_$1"
}

has() {
    [[ $output == *"$1"* ]] || {
        echo "no '$1' in:"
        echo "$output"
        return 1
    }
}

@test 'a suite, a folder, a program and a pattern' {
    for part in unit unit/colors 'unit/colors/re*' unit/colors/red/; do
        run -0 tests/run build "$part"
        has 'unit/colors/red '
    done
    run -0 tests/run build unit
    has '2 passed, 0 failed, 1 skipped'
    run -0 tests/run build unit/colors/red
    [[ $output != *green* ]]
}

@test 'a name that does not exist is refused, with its neighbors' {
    run -2 tests/run build unit/colors/reed
    [[ $output == "run: no test is named 'unit/colors/reed'; unit/colors has green red" ]]
    run -2 tests/run build unit/flavors
    [[ $output == "run: no test is named 'unit/flavors'; unit has colors" ]]
    run -2 tests/run build unti
    [[ $output == "run: no test is named 'unti'; there are lint unit fuzz prog e2e kernels" ]]
}

@test 'one test by its title' {
    run -0 tests/run --name 'tw.' build e2e
    has '1 passed, 0 failed, 0 skipped'
    run -2 tests/run --name three build e2e/cli
    [[ $output == "run: no test of e2e/cli has a title that matches 'three'" ]]
}

@test 'the make targets that a test needs' {
    run -0 tests/run --needs out unit/colors/red e2e/cli/words
    [[ $output == $'e2e-programs\nout/tests/unit/colors/test_red' ]]
}

@test 'a point that fails is shown, with the lines below it' {
    program blue 'echo "not ok 1 - the sky"; echo "# is gray"; echo 1..1; exit 1'
    run -1 tests/run build unit
    has $'    not ok 1 - the sky\n    # is gray'
    has '2 passed, 1 failed, 1 skipped'
}

@test 'a program that is not built, prints no plan, or too few points has failed' {
    touch tests/unit/colors/test_pink.c
    run -1 tests/run build unit/colors/pink
    has 'not ok - no plan, ended with status 127'
    program blue 'echo "ok 1 - a"; exit 3'
    run -1 tests/run build unit/colors/blue
    has 'not ok - no plan, ended with status 3'
    program blue 'echo "ok 1 - a"; echo 1..2'
    run -1 tests/run build unit/colors/blue
    has 'not ok - 2 points planned, 1 printed, ended with status 0'
}

@test 'an interrupt reaches the test programs' {
    program blue 'trap "echo cleaned up; exit" INT; echo started; while :; do sleep 0.1; done'
    # Background jobs of a script ignore SIGINT, unless it has job control.
    set -m
    tests/run build unit/colors/blue >out 2>&1 3>&- &
    set +m
    until grep -qs started build/tests/logs/unit-colors-blue.tap; do sleep 0.1; done
    kill -INT $!
    wait $! || [[ $? -eq 130 ]]
    grep -q 'cleaned up' build/tests/logs/unit-colors-blue.tap
}
