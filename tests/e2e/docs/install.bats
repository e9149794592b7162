#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# make install and make uninstall, as README.md has them, below a directory of the test.

bats_require_minimum_version 1.5.0

setup() {
    top=$(cd "$BATS_TEST_DIRNAME/../../.." && pwd)
    build=$(cd "${BUILD_DIR:-$top/build}" && pwd)
    root=$BATS_TEST_TMPDIR/root
}

# install_with TARGET [VARIABLE=VALUE...]: of what is built already
install_with() {
    env -u MAKEFLAGS make --silent --directory "$top" OUT="$build" DESTDIR="$root" "$@" 2>&1
}

@test 'make install puts programs, pages, policies, completion and unit in place' {
    local page
    install_with install
    [[ $("$root/usr/local/sbin/xdp-ratelimit" --version) == *xdp-ratelimit* ]]
    [[ -x $root/usr/local/sbin/xdp-ratelimit-serve ]]
    for page in "$top"/user/man/*.[578]; do
        cmp "$page" "$root/usr/local/share/man/man${page##*.}/${page##*/}"
    done
    diff -r "$top/scripts/policies" "$root/usr/local/share/xdp-ratelimit/policies"
    grep -q '^ExecStart=/usr/local/sbin/' \
        "$root/usr/local/lib/systemd/system/xdp-ratelimit-serve.service"
    [[ -s $root/usr/local/share/bash-completion/completions/xdp-ratelimit ]]
}

@test 'PREFIX and make uninstall: no file is left' {
    install_with install PREFIX=/opt/limiter
    [[ -x $root/opt/limiter/sbin/xdp-ratelimit && ! -e $root/usr ]]
    install_with uninstall PREFIX=/opt/limiter
    [[ ! $(find "$root" -type f) ]]
}
