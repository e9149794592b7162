# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2034 # what this sets the tests use
#
# Helpers for the tests of the HTTP API: the server listens on loopback, on 198.51.100.1 and on
# a Unix socket; requests come from the client, 198.51.100.7, unless told otherwise.

readonly address=198.51.100.1
readonly public=http://$address:9420
readonly endpoint=$public/v3/firewall/permit

# prepare [LINE...]: addresses, an account `shop` with its token, and a configuration, with
# these lines in section [serve]
prepare() {
    ip -n "$name-server" addr add "$address/24" dev eth0
    ip -n "$name-client" addr add "$source/24" dev eth0
    ip -n "$name-client" addr add 198.51.100.8/24 dev eth0
    ip -n "$name-server" link set lo up
    socket=$BATS_TEST_TMPDIR/run/api.sock
    config=$BATS_TEST_TMPDIR/limiter.conf
    log=$BATS_TEST_TMPDIR/log
    configure "$@"
    token=$(new_account shop --approved)
}

# configure [LINE...]: rewrites the file
configure() {
    printf '%s\n' '[serve]' 'user = nobody' 'plaintext = yes' \
        "listen = 127.0.0.1:9420, $address:9420, unix:$socket" "$@" >"$config"
}

# new_account NAME [OPTION...]: prints its token
new_account() {
    limiter account add "$@" --json | jq --raw-output .token
}

# serve [OPTION...]: starts it in the background and waits until it listens; sets supervisor,
# worker and frontend
serve() {
    : >"$log"
    nsenter --net="/run/netns/$name-server" "$build/xdp-ratelimit" --config "$config" \
        serve "$@" 2>>"$log" >>"$log" 3>&- &
    supervisor=$!
    eventually grep -q '^listening on' "$log"
    eventually find_children
}

# with_capabilities EXPECTED: the children of the supervisor with these capabilities, newest last
with_capabilities() {
    local child
    for child in $(pgrep --parent "$supervisor" | sort -n); do
        if grep -q "^CapEff:.*$1\$" "/proc/$child/status" 2>/dev/null; then
            echo "$child"
        fi
    done
}

# Recognizes the frontend by having no capabilities, once it has dropped them.
find_children() {
    frontend=$(with_capabilities 0000000000000000 | tail -n 1)
    worker=$(with_capabilities 0000008000000002 | head -n 1)
    [[ $frontend && $worker ]]
}

stop_serve() {
    kill -TERM "$supervisor"
    wait "$supervisor"
}

# by SIDE ARGUMENT...: sends a request from that namespace; sets code, body and headers
by() {
    local who=$1
    shift
    code=$("$who" curl --silent --show-error --max-time 20 --output "$BATS_TEST_TMPDIR/body" \
        --dump-header "$BATS_TEST_TMPDIR/headers" --write-out '%{http_code}' "$@" \
        2>"$BATS_TEST_TMPDIR/curl") || {
        echo "curl: $(<"$BATS_TEST_TMPDIR/curl")" >&2
        return 1
    }
    body=$(cat "$BATS_TEST_TMPDIR/body" 2>/dev/null || true)
    headers=$(tr -d '\r' <"$BATS_TEST_TMPDIR/headers")
    rm -f "$BATS_TEST_TMPDIR/body"
}

# request ARGUMENT...: sends a request as the client, with the token of `shop`
request() {
    by client --header "Authorization: Bearer $token" "$@"
}

# locally ARGUMENT...: sends a request over the Unix socket
locally() {
    by server --unix-socket "$socket" --header "Authorization: Bearer $token" "$@"
}

# field EXPRESSION: a field of the body
field() {
    jq --raw-output --compact-output "$1" <<<"$body"
}

# header NAME
header() {
    sed -n "s/^$1: //Ip" <<<"$headers"
}

# answered CODE [ERROR]: checks the status, and the code in the body of an error
answered() {
    is "$1" "$code" "status (of $body)"
    if [[ ${2:-} ]]; then
        is "$2" "$(field .error.code)" code
        [[ $(field .error.message) ]]
    fi
}

# permitted: "ADDRESS ACCOUNT" of all active permits
permitted() {
    limiter permit list --json | jq --raw-output '.permits[] | "\(.address) \(.account)"'
}

quota_is() {
    is "$1" "$(header X-RateLimit-Limit)" X-RateLimit-Limit
    is "$2" "$(header X-RateLimit-Remaining)" X-RateLimit-Remaining
}

# make_certificate NAME: creates NAME.pem and NAME.key with that common name
make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj "/CN=$1" -addext "subjectAltName=IP:$address" \
        -keyout "$BATS_TEST_TMPDIR/$1.key" -out "$BATS_TEST_TMPDIR/$1.pem" 2>/dev/null
}

# shown_certificate: the common name of the server's certificate
shown_certificate() {
    client openssl s_client -connect "$address:9420" </dev/null 2>/dev/null |
        sed -n 's/^subject=CN = //p'
}

# ---- state ----

# refused CODE PATTERN OPTION...: serve does not start, and says why
refused() {
    local status=$1 pattern=$2
    shift 2
    run "-$status" server "$build/xdp-ratelimit" --config "$config" serve "$@"
    has "$output" "^xdp-ratelimit: .*$pattern"
    [[ $(grep -c . <<<"$output") -le 2 ]]
}

# status_of PROCESS FIELD
status_of() {
    sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

healthy() {
    by client "$public/healthz" && [[ $code == 200 ]]
}

reload() {
    local before
    before=$(grep -c '^reload' "$log" || true)
    kill -HUP "$supervisor"
    eventually more_reloads_than "$before"
}

more_reloads_than() {
    [[ $(grep -c '^reload' "$log") -gt $1 ]]
}

is_gone() {
    ! kill -0 "$1" 2>/dev/null
}

another_worker_than() {
    find_children && [[ $worker != "$1" ]]
}

another_frontend_than() {
    find_children && [[ $frontend != "$1" ]]
}
