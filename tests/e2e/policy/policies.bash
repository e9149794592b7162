# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck shell=bash disable=SC2154 # network.bash sets what is used
#
# The ready-made policies as they ship: nginx behind the limiter, clients with addresses from the
# networks that the files name, and periods shortened so that a test can wait for a day. Load it
# after network.
#
# Each client reaches the server at an address of its own: a route for that address selects the
# source address, which some programs (wrk) cannot.

readonly policies=$here/../../scripts/policies

declare -gA host=()  # of each caller: the server's address

# policy NAME FASTER: activates a policy with periods divided by FASTER
policy() {
    file=$policies/$1.conf
    run -0 limiter check "$file" --json
    is 'true [] []' "$(jq --raw-output '"\(.correct) \(.mistakes) \(.warnings)"' <<<"$output")"
    XRL_PERIODS_OVER=$2 server "$build/tests/xdp-ratelimit-faults" --config "$file" \
        attach eth0 --sources 4096 >/dev/null
}

# callers ADDRESS...
callers() {
    local address number
    for address; do
        number=$((201 + ${#host[@]}))
        host[$address]=192.0.2.$number
        ip -n "$name-client" address add "$address/32" dev eth0
        ip -n "$name-server" address add "192.0.2.$number/32" dev eth0
        ip -n "$name-server" route add "$address/32" dev eth0
        ip -n "$name-client" route add "192.0.2.$number/32" dev eth0 src "$address"
    done
}

# Callers retransmit after 40 ms instead of 200, so that they use freed units at once. The server
# acknowledges at once, or callers would retransmit what it has already, which would count twice.
eager_callers() {
    local address
    callers "$@"
    for address; do
        ip -n "$name-client" route change "${host[$address]}/32" dev eth0 src "$address" rto_min 40ms
        ip -n "$name-server" route change "$address/32" dev eth0 quickack 1
    done
}

# web PORT...: nginx in the server's namespace, with TLS on 443 and 8443
web() {
    local work=$BATS_TEST_TMPDIR/nginx
    mkdir "$work" "$work/files"
    make_certificate "$work"
    calls=$work/calls
    web_configuration "$work" "$@" >"$work/conf"
    nsenter --net="/run/netns/$name-server" nginx -p "$work" -c "$work/conf" -e "$work/errors" 3>&- &
    eventually test -s "$work/pid"
}

make_certificate() {
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 \
        -subj /CN=api.example.net -keyout "$1/key" -out "$1/certificate" 2>/dev/null
}

web_configuration() {
    local work=$1 port
    shift
    cat <<CONFIG
daemon off;
master_process off;
pid $work/pid;
error_log $work/errors;
events { worker_connections 4096; }
http {
    log_format call '\$remote_addr \$server_port \$status \$msec';
    access_log $calls call;
    client_body_temp_path $work;
    proxy_temp_path $work;
    fastcgi_temp_path $work;
    uwsgi_temp_path $work;
    scgi_temp_path $work;
    client_max_body_size 0;
    keepalive_requests 1000000;
    ssl_certificate $work/certificate;
    ssl_certificate_key $work/key;
    server {
        location / { return 200 "answer\n"; }
        location /files { root $work; dav_methods PUT; }
CONFIG
    for port; do
        echo "        listen $port$(uses_tls "$port" && echo ' ssl');"
    done
    echo '    }'
    echo '}'
}

uses_tls() {
    [[ $1 == *443 ]]
}

# ---- callers ----

# url ADDRESS PORT: of the server, as this caller reaches it
url() {
    uses_tls "$2" && echo "https://${host[$1]}:$2" || echo "http://${host[$1]}:$2"
}

# ask ADDRESS COUNT [PORT] [OPTION...]: COUNT requests in sequence, over one connection while it
# stays open; prints "STATUS SECONDS" for each, with status 000 for a failure
ask() {
    local address=$1 count=$2 port=${3:-80}
    shift $(($# < 3 ? $# : 3))
    client curl --silent --insecure --output /dev/null \
        --write-out '%{http_code} %{time_total}\n' "$@" "$(url "$address" "$port")/?[1-$count]" \
        2>/dev/null || true
}

# ask_at_once ADDRESS COUNT PORT [OPTION...]: concurrent requests, each on its own connection
ask_at_once() {
    ask "$@" --parallel --parallel-immediate --header 'Connection: close'
}

# connected ADDRESS COUNT PORT: how many of COUNT requests connect before TCP retransmits the SYN,
# which it does after a second
connected() {
    ask_at_once "$@" --parallel-max 20 --connect-timeout 0.9 | grep -c '^200 ' || true
}

# press ADDRESS PORT CONNECTIONS [OPTION...]: as many requests as possible, until stopped. wrk opens
# one more connection, without a request, to see whether there is a server.
press() {
    local url
    url=$(url "$1" "$2")
    nsenter --net="/run/netns/$name-client" wrk --threads 1 --connections "$3" "${@:4}" \
        --duration 50 --timeout 50 "$url/" >/dev/null 2>&1 3>&- &
    pressing+=($!)
}

# press_reconnecting ADDRESS PORT CONNECTIONS: with a connection for each request
press_reconnecting() {
    press "$@" --header 'Connection: close'
}

relieve() {
    kill -INT "${pressing[@]}" 2>/dev/null || true
    wait "${pressing[@]}" || true
    pressing=()
}

# ---- time ----

# The clock that the limiter follows.
boot_ms() {
    local up
    read -r up _ </proc/uptime
    echo $((10#${up/./} * 10))
}

# pause MS
pause() {
    sleep "$(($1 / 1000)).$(printf %03d $(($1 % 1000)))"
}

begin() {
    began_ms=$(boot_ms)
}

# room PERIOD_MS ROOM_MS: waits until at least ROOM_MS remain of a sliding window
room() {
    local left
    left=$(($1 - $(boot_ms) % $1))
    if [[ $left -lt $2 ]]; then
        pause $((left + 10))
    fi
    begin
}

# next_window PERIOD_MS MS: waits until MS into the next sliding window
next_window() {
    pause $(($1 - $(boot_ms) % $1 + $2))
}

# wait_for ADDRESS: waits until none of the caller's limits rejects any more
wait_for() {
    local seconds
    seconds=$(limiter show "$1" --json | jq '[.limits[].retry_after_seconds] | max + 0.01')
    sleep "$seconds"
    begin
}

# ---- results ----

# served ADDRESS[,ADDRESS...] [PORT]: calls that nginx has seen so far
served() {
    awk -v addresses=",$1," -v port="${2:-}" '
        index(addresses, "," $1 ",") && (port == "" || $2 == port) { calls++ }
        END { print calls + 0 }' "$calls"
}

# full ADDRESS LIMIT...: within 20 s all is used of each of the limits whose texts match; then
# whatever was on its way has the time to be served
full() {
    local address=$1 limit attempt
    shift
    for limit; do
        for ((attempt = 0; attempt < 400; attempt++)); do
            if [[ $(left "$address" "$limit") -eq 0 ]]; then
                continue 2
            fi
            sleep 0.05
        done
        echo "$address: '$limit' was not used up within 20 s" >&2
        return 1
    done
    sleep 0.15
}

# holds N PERIOD_MS ADMITTED WHAT: all that a window holds which began at began_ms, and no
# more; if this machine took so long that others were touched, no more than all these hold
holds() {
    within "$1" $((($(boot_ms) - began_ms) / $2 + 1)) "${@:3}"
}

# holds_sliding N PERIOD_MS ADMITTED WHAT: the same of windows that follow the clock
holds_sliding() {
    within "$1" $(($(boot_ms) / $2 - began_ms / $2 + 1)) "${@:3}"
}

# within N WINDOWS ADMITTED WHAT
within() {
    if [[ $3 -lt $1 || $3 -gt $(($1 * $2)) ]]; then
        echo "$4: expected $1 in each of $2 windows, found $3" >&2
        return 1
    fi
}

# used ADDRESS LIMIT, left ADDRESS LIMIT: of the one whose text matches
used() {
    of_limit "$1" "$2" used
}

left() {
    of_limit "$1" "$2" remaining
}

of_limit() {
    limiter show "$1" --json | jq --arg limit "^$2" --arg what "$3" \
        '[.limits[] | select(.limit_text | test($limit))] | if length == 1 then .[0][$what] else -1 end'
}

# all_answered COUNT ANSWERS: checks the output of ask
all_answered() {
    is "$1" "$(grep -c '^200 ' <<<"$2")" 'calls that succeeded'
}

# took ANSWERS AT_LEAST AT_MOST: how many calls took that many seconds
took() {
    awk -v least="$2" -v most="$3" '
        $2 >= least && $2 <= most { calls++ }
        END { print calls + 0 }' <<<"$1"
}
