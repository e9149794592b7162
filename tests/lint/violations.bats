#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Every lint fails on a violation, in a copy of the tree, and names its place.

bats_require_minimum_version 1.5.0

# The copy has no git, as an unpacked tarball, and no more than the headers and the lints, to be fast.
setup_file() {
    cd "$BATS_TEST_DIRNAME/../.."
    . scripts/lint/files.sh
    export sources=$BATS_FILE_TMPDIR/sources
    mkdir "$sources"
    all_files | grep -E '^(bpf|include|user)/.*\.h$|^scripts/lint/|^\.clang-format$' | tar -cf - -T - | tar -xf - -C "$sources"
}

setup() {
    cp -r "$sources" "$BATS_TEST_TMPDIR/tree"
    cd "$BATS_TEST_TMPDIR/tree"
    mkdir tests user/man
}

# fails LINT TEXT: it finds a violation at that file and line
fails() {
    run -1 scripts/lint/run "$1"
    [[ ${lines[0]} == "not ok 1 - $1" && ${lines[-1]} == 1..1 ]]
    grep -qF -- "$2" <<<"$output" || {
        echo "$1 does not find '$2':"
        echo "$output"
        return 1
    }
}

@test 'clang-format: four spaces' {
    printf 'int main(void)\n{\n    return 0;\n}\n' >user/util/new.c
    fails clang-format user/util/new.c:2
}

@test 'shellcheck: a word that splits' {
    printf '#!/bin/sh\nrm $1\n' >scripts/new
    fails shellcheck 'scripts/new line 2'
}

@test 'layers: an include of a higher layer, and of a folder of the same layer' {
    echo '#include "user/config/settings.h"' >user/policy/new.c
    fails layers 'user/policy/new.c:1: user/policy (layer 2) does not include user/config (layer 3)'
    echo '#include "user/config/settings.h"' >user/datapath/new.c
    fails layers 'user/datapath/new.c:1: user/datapath (layer 3) does not include user/config (layer 3)'
}

@test 'layers: the product in util, and the loader in the packet path' {
    echo '#include "include/policy.h"' >user/util/new.c
    fails layers 'user/util/new.c:1: user/util knows nothing of the product'
    echo '#include "user/policy/limit.h"' >bpf/gate/new.h
    fails layers 'bpf/gate/new.h:1: bpf/ does not include user/'
}

@test 'layers: an include of a higher layer in the packet path' {
    echo '#include "bpf/verdict/verdict.h"' >bpf/bucket/new.h
    fails layers 'bpf/bucket/new.h:1: bpf/bucket (layer 3) does not include bpf/verdict (layer 4)'
}

@test 'layers: the packet path in the loader, but for its arithmetic' {
    echo '#include "bpf/parse/packet.h"' >user/policy/new.c
    fails layers 'user/policy/new.c:1: user/ does not include bpf/'
}

@test 'layers: a circle of modules and a circle of folders' {
    echo '#include "user/util/b.h"' >user/util/a.h
    touch user/util/b.h
    echo '#include "user/util/a.h"' >user/util/b.c
    mkdir tests/one tests/two
    echo '#include "tests/two/b.h"' >tests/one/a.h
    touch tests/one/b.h tests/two/b.h
    echo '#include "tests/one/b.h"' >tests/two/a.h
    fails layers 'user/util/a -> user/util/b -> user/util/a'
    fails layers 'tests/one -> tests/two -> tests/one'
}

@test 'layers: a library outside of its folder' {
    echo '#include <bpf/bpf.h>' >user/permits/new.c
    echo '#include <sqlite3.h>' >user/cli/new.c
    echo '#include <microhttpd.h>' >user/serve/ipc/new.c
    echo '#include <jansson.h>' >user/policy/new.c
    fails layers 'user/permits/new.c:1: <bpf/bpf.h> is for'
    fails layers 'user/cli/new.c:1: <sqlite3.h> is for'
    fails layers 'user/serve/ipc/new.c:1: <microhttpd.h> is for'
    fails layers 'user/policy/new.c:1: <jansson.h> is for'
}

@test 'layers: JSON in a folder that has none' {
    echo 'json_t *limit_json(void);' >user/policy/new.h
    fails layers 'user/policy/new.h:1: facts become JSON in'
}

@test 'layers: an include that is not written from the root' {
    echo '#include "quote.h"' >user/util/new.c
    fails layers 'user/util/new.c:1: "quote.h" is not a path from the root of the tree'
}

@test 'layers: a folder without a layer' {
    mkdir user/new
    echo '#include "user/util/quote.h"' >user/new/new.c
    fails layers 'user/new/new.c:1: user/new has no layer'
}

@test 'length: 501 lines' {
    yes '# a line' | head -n 501 >scripts/new.sh
    fails length 'scripts/new.sh:501: 501 lines, 500 allowed'
}

@test 'length: functions of 61 lines, in C, bash, bats and Python' {
    local body
    body=$(yes '	;' | head -n 58)
    printf 'void f(void)\n{\n%s\n}\n' "$body" >user/util/new.c
    printf '#!/bin/bash\n\nf() {\n%s\n	;\n}\n' "$body" >scripts/new
    printf "@test 'a' {\n%s\n	;\n}\n" "$body" >tests/new.bats
    printf '#!/usr/bin/env python3\ndef f():\n%s\n' "$(yes '    pass' | head -n 60)" >scripts/new_python
    for place in user/util/new.c:1 scripts/new:3 tests/new.bats:1 scripts/new_python:2; do
        fails length "$place: a function of 61 lines, 60 allowed"
    done
}

@test 'words: in a line, and in the name of a file' {
    printf 'gizmo_[a-z]+\tgadget\n' >>scripts/lint/words.tsv
    printf '\n\tint gizmo_count;\n' >user/util/new.h
    touch user/util/gizmo_list.c
    fails words "user/util/new.h:2: /gizmo_[a-z]+/ has gone, use 'gadget': int gizmo_count;"
    fails words 'user/util/gizmo_list.c:0: /gizmo_[a-z]+/ has gone'
}

@test 'man: a warning of mandoc, a warning of groff' {
    printf '.Dd November 1, 2026\n.Dt NEW 8\n.Os\n.Sh NAME\n.Nm new\n.Nd new\n.Xx wrong\n' >user/man/new.8
    fails man 'user/man/new.8:7'
    printf '.Dd November 1, 2026\n.Dt NEW 8\n.Os\n.Sh NAME\n.Nm new\n.Nd new\n.tm x\n\\*[wrong]\n' \
        >user/man/new.8
    fails man "'wrong' not defined"
}

@test 'tree: a new name at the top level, a missing license, the path of a machine' {
    local home=/home
    mkdir docs
    touch docs/new.md
    fails tree 'docs/new.md:1: is not allowed at the top level'
    echo 'int a;' >user/util/new.c
    fails tree 'user/util/new.c:1: 0 SPDX lines, 1 expected'
    echo "cd $home/somebody/xdp" >scripts/new.sh
    fails tree "scripts/new.sh:1:cd $home/somebody/xdp"
}
