# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash
#
# Completion of xdp-ratelimit for bash: source it, or install it as
# /usr/share/bash-completion/completions/xdp-ratelimit.

# Prints the interfaces of this network namespace.
_xdp_ratelimit_interfaces() {
    local path
    for path in /sys/class/net/*/; do
        path=${path%/}
        echo "${path##*/}"
    done
}

# Prints the command on the line, if there is one, and its verb.
_xdp_ratelimit_command() {
    local word
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
        attach | detach | reload | check | status | stats | show | metrics | serve)
            echo "$word"
            return
            ;;
        permit | account)
            echo "$word$(_xdp_ratelimit_verb)"
            return
            ;;
        esac
    done
}

# Prints " VERB" of permit or account, once it is on the line.
_xdp_ratelimit_verb() {
    local word
    for word in "${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
        case $word in
        request | list | revoke | add | approve | token | remove)
            echo " $word"
            return
            ;;
        esac
    done
}

_xdp_ratelimit() {
    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} words
    COMPREPLY=()
    case $previous in
    --mode) words='auto native generic' ;;
    --action) words='drop monitor redirect' ;;
    --pin-dir | --state-dir)
        mapfile -t COMPREPLY < <(compgen -d -- "$current")
        return
        ;;
    --config | --certificate | --key)
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
        return
        ;;
    --user) words=$(compgen -u) ;;
    --limit | --sources | --account | --comment | --parent | --listen | --trusted-proxies) return ;;
    *)
        case $(_xdp_ratelimit_command) in
        '')
            words='attach detach reload check status stats show permit account metrics serve'
            words+=' --version'
            ;;
        attach) words="--limit --action --monitor --mode --sources $(_xdp_ratelimit_interfaces)" ;;
        detach) words="--all $(_xdp_ratelimit_interfaces)" ;;
        stats) words=$(_xdp_ratelimit_interfaces) ;;
        check)
            mapfile -t COMPREPLY < <(compgen -f -- "$current")
            [[ $current != -* ]] && return
            words=
            ;;
        permit) words='request list revoke' ;;
        'permit request') words='--account --comment' ;;
        'permit list') words='--all' ;;
        account) words='add list approve token remove' ;;
        'account add') words='--parent --approved' ;;
        'account approve') words='--withdraw' ;;
        'account token') words='--rotate' ;;
        serve) words='--listen --certificate --key --plaintext --trusted-proxies --user' ;;
        *) words= ;;
        esac
        words+=' --json --pin-dir --state-dir --config --verbose --help'
        ;;
    esac
    mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _xdp_ratelimit xdp-ratelimit
