#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Where the demo cannot run it says so in one sentence and installs nothing. `make test-install` runs
# the demo itself.

bats_require_minimum_version 1.5.0

# A copy that every user may read.
setup() {
    scripts=$BATS_TEST_TMPDIR/scripts
    cp -r "$BATS_TEST_DIRNAME/../../../scripts" "$scripts"
    chmod -R a+rX "$BATS_RUN_TMPDIR"
}

# refuses TEXT COMMAND...: one sentence that contains TEXT, and exit code 1
refuses() {
    run -1 "${@:2}"
    [[ ${#lines[@]} -eq 1 && $output == 'demo: '*"$1"*. ]]
}

@test 'where it can run the check says nothing' {
    run -0 "$scripts/demo-check"
    [[ ! $output ]]
}

@test 'without root' {
    refuses 'run it as root' setpriv --reuid=65534 --clear-groups "$scripts/demo"
}

@test 'as root of a user namespace, which may not use bpf(2)' {
    refuses 'bpf(2) failed' unshare --user --map-root-user "$scripts/demo"
    refuses 'bpf(2) failed' unshare --user --map-root-user --net --mount "$scripts/demo"
}

@test 'without the capability to make namespaces' {
    refuses 'no network namespace can be made' setpriv --bounding-set=-sys_admin "$scripts/demo"
}

@test 'in a mount namespace without bpffs, where a mount would vanish' {
    refuses "mount -t bpf bpf /sys/fs/bpf" unshare --mount sh -c 'umount /sys/fs/bpf; exec "$0"' \
        "$scripts/demo"
}

@test 'where /sys is not mounted' {
    refuses '/sys/fs/bpf does not exist' unshare --mount sh -c \
        'mount -t tmpfs tmpfs /sys; exec "$0"' "$scripts/demo"
}

@test 'install-deps: no group and an unknown one' {
    run -2 "$scripts/install-deps"
    [[ ${lines[0]} == 'usage: install-deps all | GROUP...' ]]
    [[ ${lines[1]} == 'groups: bare bench build coverage demo fuzz kernels lint serve test' ]]
    run -2 "$scripts/install-deps" demo nonsense
}

@test 'install-deps: silent when everything is installed, for anybody' {
    run -0 setpriv --reuid=65534 --clear-groups "$scripts/install-deps" build demo
    [[ ! $output ]]
}

# A package whose name no archive has.
@test 'install-deps: without root it names the packages that are missing' {
    sed 's/\[serve\]=.*/[serve]="make no-such-package"/' "$scripts/install-deps" >"$scripts/deps"
    run -1 setpriv --reuid=65534 --clear-groups bash "$scripts/deps" serve
    [[ $output == *': run it as root, or install these packages first: no-such-package' ]]
}
