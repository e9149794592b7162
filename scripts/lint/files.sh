# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Lists of source files, for the lints. Without git (in an unpacked tarball) every file counts but
# those that a build makes.

# all_files: one a line, sorted
all_files() {
    {
        if git rev-parse --git-dir >/dev/null 2>&1 &&
            [[ $(git rev-parse --show-toplevel) == "$(pwd -P)" ]]; then
            git ls-files --cached --others --exclude-standard
        else
            find . -path ./build -prune -o -path ./.git -prune -o -type f -printf '%P\n'
        fi
    } | while read -r file; do
        if [[ -f $file ]]; then
            echo "$file"
        fi
    done | sort
}

# c_files: of the project itself; vmlinux/ is generated
c_files() {
    all_files | grep -E '\.[ch]$' | grep -v '^vmlinux/'
}

# shell_files: shell scripts and bats files
shell_files() {
    local file
    all_files | grep -vE '\.(c|h|md|conf|svg|[1-9])$|^tests/fuzz/corpus/' | while read -r file; do
        if [[ $file == *.bats || $file == *.bash || $file == *.sh ]] ||
            head -n 1 "$file" | grep -qE '^#!.*\b(sh|bash)$'; then
            echo "$file"
        fi
    done
}
