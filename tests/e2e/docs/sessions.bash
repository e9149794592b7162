# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Runs the sessions that a page shows, and compares what the commands print with what the page says
# they print: in shape, that is with figures, dates and hashes aside. A session is a block of lines:
# "# COMMAND" or "$ COMMAND" and below it the output. A command that goes on ends in a backslash. A
# line "..." of the output stands for lines that are left out.

# sessions_of PAGE: writes each command to $sessions/NNN.command and its output to NNN.output.
# PAGE is a Markdown file, whose blocks stand between lines of three backquotes, or a manual page,
# whose blocks stand between .Bd -literal and .Ed.
sessions_of() {
    sessions=$BATS_TEST_TMPDIR/sessions
    rm -rf "$sessions"
    mkdir "$sessions"
    case $1 in
    *.md) markdown_blocks "$1" ;;
    *) manual_blocks "$1" ;;
    esac | awk -v directory="$sessions" '
        function open(text) {
            name = sprintf("%s/%03d", directory, ++count)
            printf "%s\n", text >(name ".command")
            printf "" >(name ".output")
            goes_on = text ~ /\\$/
        }
        /^\f$/ { inside = 0; next }
        /^[#$] / { inside = 1; open(substr($0, 3)); next }
        inside && goes_on { print >(name ".command"); goes_on = /\\$/; next }
        inside { print >(name ".output") }'
}

# markdown_blocks FILE: the lines of its blocks; a form feed ends each
markdown_blocks() {
    awk '/^```/ { inside = !inside; if (!inside) print "\f"; next } inside' "$1"
}

# manual_blocks FILE: the same of a manual page, without its escapes
manual_blocks() {
    awk '/^\.Bd -literal/ { inside = 1; next }
        /^\.Ed/ { if (inside) print "\f"; inside = 0; next }
        inside' "$1" | sed -e 's/\\&//g; s/\\-/-/g; s/\\(aq/'"'"'/g; s/\\e/\\/g'
}

# shape: of the text on standard input, what has to be the same in every run
shape() {
    sed -E -e 's/--(pin-dir|state-dir|config) [^ ]+ //g' -e "s|$etc/|/etc/|g" \
        -e 's/xrl_[0-9a-f]+_[0-9a-f]+/TOKEN/g' \
        -e 's/sha256 [0-9a-f]+/sha256 HASH/g' \
        -e 's/[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z/TIME/g' |
        without_figures | sed -E 's/[[:space:]]+$//; s/ +/ /g; /^$/d'
}

# without_figures: N in place of each figure, but not of addresses
without_figures() {
    awk '{
        shape = ""
        while (match($0, /[0-9]+([.,][0-9]+)*/)) {
            figure = substr($0, RSTART, RLENGTH)
            if (figure !~ /^[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+$/)
                figure = "N"
            shape = shape substr($0, 1, RSTART - 1) figure
            $0 = substr($0, RSTART + RLENGTH)
        }
        print shape $0
    }'
}

# matches SHOWN ACTUAL: the same lines, but a line "..." of SHOWN stands for any number of lines
matches() {
    local shown actual line at=0 skipping=''
    mapfile -t shown <<<"$1"
    mapfile -t actual <<<"$2"
    for line in "${shown[@]}"; do
        if [[ $line == ... ]]; then
            skipping=yes
            continue
        fi
        while [[ $skipping && $at -lt ${#actual[@]} && ${actual[at]} != "$line" ]]; do
            at=$((at + 1))
        done
        [[ ${actual[at]:-} == "$line" ]] || return 1
        at=$((at + 1))
        skipping=''
    done
    [[ $skipping || $at -ge ${#actual[@]} ]]
}

# A session's commands run in the server's namespace, with files of the test in place of /etc and
# of the installed policies.
xdp-ratelimit() {
    limiter "$@"
}

curl() {
    server curl --silent --show-error "$@"
}

# localized COMMAND: the same with the test's files
localized() {
    local command=${1//\/etc\//$etc\/}
    echo "${command//\/usr\/local\/share\/xdp-ratelimit\/policies/$here\/..\/..\/scripts\/policies}"
}

# run_sessions PAGE: every session of the page, in order. "cat FILE" makes a file of what is shown.
# before_command COMMAND, which the test defines, sends the traffic that the next output shows.
run_sessions() {
    local file command expected actual etc=$BATS_TEST_TMPDIR/etc
    mkdir "$etc"
    sessions_of "$1"
    for file in "$sessions"/*.command; do
        [[ -e $file ]] || {
            echo "$1 shows no session" >&2
            return 1
        }
        command=$(<"$file")
        if [[ $command == *' /etc/xdp-ratelimit.conf'* ]]; then
            export XDP_RATELIMIT_CONFIG=$etc/xdp-ratelimit.conf
        fi
        if [[ $command == 'cat /etc/'* ]]; then
            cp "${file%.command}.output" "$(localized "${command#cat }")"
        fi
        before_command "$command"
        expected=$(shape <"${file%.command}.output")
        actual=$(eval "$(localized "$command")" 2>&1) || true
        if [[ $actual =~ xrl_[0-9a-f]+_[0-9a-f]+ ]]; then
            # shellcheck disable=SC2034 # sessions use it
            TOKEN=${BASH_REMATCH[0]}
        fi
        actual=$(shape <<<"$actual")
        if ! matches "$expected" "$actual"; then
            printf '%s shows other output of: %s\n' "${1##*/}" "$command" >&2
            diff <(echo "$expected") <(echo "$actual") >&2 || true
            return 1
        fi
    done
}
