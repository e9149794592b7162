#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Completion for bash offers exactly the commands, verbs and options that --help names.

bats_require_minimum_version 1.5.0

setup() {
    . "$BATS_TEST_DIRNAME/../../../scripts/completion.bash"
    help=$("${BUILD_DIR:?}/xdp-ratelimit" --help)
}

# completions WORD...: prints what is offered for an empty word, or for one that begins with a dash,
# after these words, one a line
completions() {
    local start
    for start in '' -; do
        COMP_WORDS=(xdp-ratelimit "$@" "$start")
        COMP_CWORD=$(($# + 1))
        COMPREPLY=()
        _xdp_ratelimit
        printf '%s\n' "${COMPREPLY[@]}"
    done | grep . | sort -u
}

# options_in TEXT: one a line
options_in() {
    grep -oE -- '--[a-z][a-z-]*' <<<"$1" | sort -u
}

# usages: prints "COMMAND USAGE" for each command of --help, and "COMMAND VERB USAGE" where it has verbs
usages() {
    local command usage form
    sed -nE 's/^  ([a-z]+)( .*)?$/\1\2/p' <<<"$help" | while read -r command usage; do
        case $command in
        permit | account)
            while read -r form; do
                echo "$command $form"
            done <<<"${usage// | /$'\n'}"
            ;;
        *) echo "$command $usage" ;;
        esac
    done
}

# same NAME EXPECTED OFFERED: two lists of lines
same() {
    diff <(sort -u <<<"$2") <(sort -u <<<"$3") || {
        echo "'$1': < is in --help alone, > is offered alone"
        return 1
    }
}

# global_options: those before COMMAND, and two that have no place in the usage line
global_options() {
    options_in "$(sed -n '/^usage:/,/COMMAND/p' <<<"$help")"
    echo --help
}

@test 'every command is offered, and no other' {
    [[ $(usages | wc -l) -ge 15 ]]
    same commands "$(usages | cut -d' ' -f1)" "$(completions | grep -v '^-')"
}

@test 'every verb of permit and account is offered, and no other' {
    local command
    for command in permit account; do
        same "$command" "$(usages | sed -n "s/^$command \([a-z]*\).*/\1/p")" \
            "$(completions "$command" | grep -v '^-')"
    done
}

@test 'every option of a command or verb is offered after it, and no other' {
    local command usage expected
    while read -r command usage; do
        case $command in
        permit | account) command+=" ${usage%% *}" ;;
        esac
        # shellcheck disable=SC2086 # a command and its verb are two words
        same "$command" "$(options_in "$usage" && global_options || global_options)" \
            "$(completions $command | grep '^-')"
    done < <(usages)
}

@test 'before a command the global options are offered' {
    same options "$(global_options && echo --version)" "$(completions | grep '^-')"
}

@test 'no option is offered where its value is expected' {
    local option
    while read -r option; do
        case $option in
        --json | --verbose | --help | --monitor | --all | --approved | --withdraw | --rotate | --plaintext) ;;
        *) [[ ! $(completions attach "$option" | grep '^-') ]] || {
            echo "after $option: $(completions attach "$option")"
            return 1
        } ;;
        esac
    done < <(options_in "$help")
    [[ $(completions attach --mode) == $'auto\ngeneric\nnative' ]]
}
