#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # network.bash sets what is used

load ../network
load permits

# token_in TEXT
token_in() {
    grep -Eo 'xrl_[0-9a-f]{16}_[0-9a-f]{64}' <<<"$1"
}

# token_rows: the stored tokens, without the time
token_rows() {
    sql 'SELECT account_id, token_id, hex(secret_sha256) FROM tokens'
}

@test 'a new account gets a token, which is shown once' {
    local token
    run -0 account add agency
    has "$output" '^added +agency'
    token=$(token_in "$output")
    [[ $token ]]
    run -0 account list
    [[ $output != *"$token"* ]]
    run -2 account token agency
    has "$output" 'can.t be shown again: --rotate'
    run -0 account add other --json
    is other "$(field .account)"
    [[ $(token_in "$(field .token)") != "$token" ]]
}

@test 'list shows the accounts, their approval and their permits' {
    some_accounts
    permit request "$(addresses 1 3)" --account agency >/dev/null
    permit revoke 10.0.0.3 >/dev/null
    run -0 account list
    has "${lines[0]}" '^account +parent +approved +token +created +permits$'
    has "$output" '^agency +- +yes +yes +[0-9T:Z-]+ +2$'
    has "$output" '^agency-one +agency +never +yes +[0-9T:Z-]+ +0$'
    has "$output" '^local +- +yes +no +[0-9T:Z-]+ +0$'
    has "$output" '^stranger +- +no +yes +[0-9T:Z-]+ +0$'
}

@test 'list shows the same in JSON' {
    some_accounts
    permit request 10.0.0.1 --account agency >/dev/null
    run -0 account list --json
    is 'agency null true true 1
agency-one agency false true 0
local null true false 0
stranger null false true 0' "$(field '.accounts[]
        | "\(.account) \(.parent) \(.approved) \(.has_token) \(.permits)"')"
    jq --exit-status '[.accounts[].created_at | test("^[0-9-]{10}T[0-9:]{8}Z$")] | all' \
        <<<"$output"
}

@test 'account names are unique, ignoring case' {
    local before
    account add agency >/dev/null
    before=$(everything)
    for taken in agency AGENCY Agency local LOCAL; do
        refused 1 "the account '$taken' already exists" account add "$taken"
    done
    is "$before" "$(everything)" store
    run -0 permit request 10.0.0.1 --account LOCAL --json
    is local "$(field .account)"
}

@test 'invalid names' {
    local bad before
    account list >/dev/null
    before=$(everything)
    for bad in '' ' ' 'two words' .hidden _first 'a/b' "it's" 'a;b' é $'a\nb' \
        "$(printf 'x%.0s' {1..65})"; do
        refused 2 'letter or digit' account add "$bad"
    done
    refused 2 'letter or digit' account add -- -dash
    is "$before" "$(everything)" store
    run -0 account add "$(printf 'x%.0s' {1..64})"
    run -0 account add 7.a_b-C
}

@test 'only root accounts can be a parent' {
    local before
    some_accounts
    before=$(everything)
    refused 3 "no account 'nobody'" account add new --parent nobody
    refused 5 "'agency-one' is a sub-account" account add new --parent agency-one
    refused 2 'sub-account may never ask' account add new --parent agency --approved
    refused 3 "no account 'new'" account add new --parent new
    is "$before" "$(everything)" store
    run -0 account add new --parent stranger
}

@test 'a sub-account may neither request permits nor be approved' {
    some_accounts
    refused 5 "'agency-one' is a sub-account" permit request 10.0.0.1 --account agency-one
    refused 5 "'agency-one' is a sub-account" account approve agency-one
    refused 5 "'agency-one' is a sub-account" permit request 10.0.0.1 --account agency-one
    is 0 "$(stored requests)" requests
}

@test 'only an approved account may request permits' {
    some_accounts
    refused 5 "'stranger' is not approved" permit request 10.0.0.1 --account stranger
    run -0 account approve stranger
    is 'approved   stranger' "$output"
    run -0 permit request 10.0.0.1 --account stranger
    has "$output" '4 of 5 requests remaining .* for account stranger'
    run -0 account approve stranger --withdraw --json
    is 'stranger false' "$(field '"\(.account) \(.approved)"')"
    refused 5 "'stranger' is not approved" permit request 10.0.0.1 --account stranger
    is 1 "$(stored permits 'ended_unix_ns IS NULL')" 'active permits'
}

@test 'rotating a token invalidates the old one' {
    local old new before
    old=$(token_in "$(account add agency)")
    account add other >/dev/null
    before=$(token_rows)
    run -0 account token agency --rotate
    has "$output" '^rotated +agency'
    new=$(token_in "$output")
    [[ $new && $new != "$old" ]]
    is 2 "$(stored tokens)" tokens
    is 0 "$(stored tokens "token_id = '${old:4:16}'")" 'the old one'
    is 1 "$(stored tokens "token_id = '${new:4:16}'")" 'the new one'
    is "$(tail -n 1 <<<"$before")" "$(token_rows | tail -n 1)" 'the token of the other'
    run -0 account token agency --rotate --json
    [[ $(token_in "$(field .token)") ]]
}

@test 'an account with sub-accounts is not removed' {
    local before
    some_accounts
    permit request 10.0.0.1 --account agency >/dev/null
    before=$(everything)
    refused 5 "'agency' has sub-accounts" account remove agency
    is "$before" "$(everything)" store
    account remove agency-one >/dev/null
    run -0 account remove agency
    is 'local stranger' "$(account list --json | jq --raw-output '[.accounts[].account] | join(" ")')"
}

@test 'removing an account removes its tokens, requests and permits' {
    account add agency --approved >/dev/null
    permit request 10.0.0.1 --account agency >/dev/null
    permit request 10.0.0.2 >/dev/null
    account remove agency >/dev/null
    is '0 1 1' "$(stored tokens) $(stored requests) $(stored permits)"
    refused 3 "no account 'agency'" account remove agency
    refused 3 "no account 'agency'" permit request 10.0.0.1 --account agency
}

@test 'the built-in account stays, and stays approved' {
    local before
    permit request 10.0.0.1 >/dev/null
    before=$(everything)
    for builtin in local LOCAL; do
        refused 5 'built in' account remove "$builtin"
        refused 5 'built in' account approve "$builtin" --withdraw
    done
    is "$before" "$(everything)" store
}

@test 'unknown verbs, and options of another verb' {
    local before arguments
    some_accounts
    before=$(everything)
    for arguments in '' grant list\ agency 'list --approved' 'add' 'add new --rotate' \
        'add new --withdraw' 'add new other' 'add new --parent' 'approve' 'remove' \
        'remove agency --approved' 'approve agency --rotate' 'token' 'token --rotate' \
        'token agency --rotate other' 'token agency --withdraw' 'add new --nonsense'; do
        # shellcheck disable=SC2086
        refused 2 usage: account $arguments
    done
    refused 2 "'account token' takes no '--parent'" account token agency --parent local
    refused 2 "'account remove' takes no '--parent" account remove agency --parent=local
    is "$before" "$(everything)" store
}

@test 'JSON errors have code, hint and message' {
    local arguments
    some_accounts
    for arguments in 'account add local' 'account add .x' 'account remove agency' \
        'account remove nobody' 'account frobnicate' 'permit request 1.2.3' 'permit' \
        'permit request 10.0.0.1 --account stranger' 'permit revoke 10.0.0.1'; do
        # shellcheck disable=SC2086
        run limiter --json $arguments
        [[ $status -ne 0 ]]
        jq --exit-status --slurp '
            length == 1 and (.[0] | keys == ["error"])
            and (.[0].error | keys == ["code", "hint", "message"])' <<<"$output"
    done
}
