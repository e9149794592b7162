#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Prerequisites of all other guest tests. If one of these fails, fix it first.

# shellcheck source=/dev/null
. /check.sh

check 'the kernel provides BTF' test -s /sys/kernel/btf/vmlinux
check 'a veth pair can be made' ip link add left type veth peer name right
check 'its interfaces are in sysfs' test -d /sys/class/net/right
check 'bpftool lists programs' bpftool prog list
check 'objects can be pinned' mkdir /sys/fs/bpf/pins
plan
