#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # code, body and headers are set by request
#
# Processes that are killed or hang; a store that is locked or damaged; no server at all.

load ../network
load serve

@test 'a killed frontend is replaced' {
    local old
    prepare
    serve
    for _ in 1 2; do
        old=$frontend
        kill -KILL "$frontend"
        eventually another_frontend_than "$old"
        request "$endpoint"
        answered 200
    done
    has "$(<"$log")" "frontend \(process $old\) was killed by signal 9"
}

@test 'a killed worker is replaced, and its successor still knows the wrong tokens' {
    local old
    prepare
    serve
    for _ in {1..5}; do
        by client --header 'Authorization: Bearer wrong' "$endpoint"
    done
    old=$worker
    kill -KILL "$worker"
    eventually another_worker_than "$old"
    by server --header "Authorization: Bearer $token" http://127.0.0.1:9420/v3/firewall/permit
    answered 200
    by client --header 'Authorization: Bearer wrong' "$endpoint"
    answered 429 too_many_wrong_tokens
    has "$(<"$log")" "store worker \(process $old\) was killed by signal 9"
}

@test 'a worker killed within a request: 503, and the next request is answered' {
    prepare
    serve
    kill -STOP "$worker"
    (sleep 1 && kill -KILL "$worker") &
    request -X POST "$endpoint?ips=1.1.1.1"
    answered 503 unavailable
    eventually another_worker_than "$worker"
    request -X POST "$endpoint?ips=1.1.1.1"
    answered 200
}

@test 'a killed supervisor: the other processes end, and a restart works' {
    prepare
    serve
    kill -KILL "$supervisor"
    wait "$supervisor" || true
    eventually is_gone "$frontend"
    eventually is_gone "$worker"
    [[ -S $socket ]]
    limiter permit request 1.1.1.1
    serve
    locally http://localhost/v3/firewall/permit
    answered 200
}

@test 'a hung process: healthz reports it in time, and other requests are not delayed' {
    prepare
    serve
    kill -STOP "$supervisor"
    by client "$public/healthz"
    answered 503 unavailable
    [[ $(header Retry-After) -ge 1 ]]
    kill -CONT "$supervisor"
    by client "$public/healthz"
    answered 200
    kill -STOP "$worker"
    by client --max-time 30 --header "Authorization: Bearer $token" "$endpoint" &
    waited=$!
    sleep 0.5
    by client --max-time 1 "$public/healthz"
    answered 200
    wait "$waited"
    by client --max-time 1 "$public/healthz"
    answered 503 unavailable
    kill -CONT "$worker"
    eventually healthy
}

@test 'everything else works while serve is down' {
    prepare
    attach eth0 --limit '50/1h packets'
    serve
    locally -X POST 'http://localhost/v3/firewall/permit?ips=198.51.100.21'
    answered 200
    stop_serve
    send 100 --source 198.51.100.21
    is 0 "$(packets dropped_packets_limit)"
    limiter permit request 1.1.1.1 --account shop
    limiter permit revoke 198.51.100.21
    send 100 --source 198.51.100.21
    [[ $(packets dropped_packets_limit) -gt 0 ]]
    serve
    locally http://localhost/v3/firewall/permit
    is 1.1.1.1 "$(field '.permits[].address')"
}

@test '503: a locked store, and other requests are not delayed' {
    local database=$XDP_RATELIMIT_STATE_DIR/permits.db
    prepare
    serve
    request -X POST "$endpoint?ips=1.1.1.1"
    answered 200
    python3 - "$database" <<'END' &
import sqlite3, sys, time
c = sqlite3.connect(sys.argv[1], isolation_level=None)
c.execute('BEGIN IMMEDIATE')
time.sleep(13)
END
    locked=$!
    sleep 1
    (by client --header "Authorization: Bearer $token" -X POST "$endpoint?ips=2.2.2.2"
        answered 503 unavailable
        is 5 "$(header Retry-After)"
        is 5 "$(field .error.retry_after_seconds)"
        [[ $body != *permits.db* ]]) &
    waited=$!
    sleep 1
    by server --max-time 1 http://127.0.0.1:9420/healthz
    answered 200
    by server --max-time 1 http://127.0.0.1:9420/v3/firewall/permit
    answered 401 unauthorized
    wait "$waited"
    wait "$locked"
    request "$endpoint"
    answered 200
    quota_is 5 4
    is 1.1.1.1 "$(field '.permits[].address')"
}

@test '503: a damaged store' {
    local database=$XDP_RATELIMIT_STATE_DIR/permits.db
    prepare
    serve
    head -c 4096 /dev/urandom | dd of="$database" conv=notrunc status=none
    rm -f "$database"-*
    request -X POST "$endpoint?ips=2.2.2.2"
    answered 503 unavailable
    quota_is 5 0
    is 5 "$(header Retry-After)"
    [[ $body != *permits.db* ]]
    has "$(<"$log")" 'failed: .*permits.db'
    by client "$public/healthz"
    answered 200
}

@test 'the log says which account did what, and never a token' {
    prepare
    serve
    request -X POST "$endpoint?ips=1.1.1.1,2.2.2.2"
    request -X DELETE "$endpoint?ips=1.1.1.1"
    # a request that changes nothing is not logged
    request -X DELETE "$endpoint?ips=1.1.1.1,9.9.9.9"
    stop_serve
    has "$(<"$log")" "^permit of 1.1.1.1: new, by shop \($source\)$"
    has "$(<"$log")" "^permit of 2.2.2.2: new, by shop \($source\)$"
    has "$(<"$log")" "^permit of 1.1.1.1: revoked, by shop \($source\)$"
    is 3 "$(grep -c '^permit of' "$log")" 'changes in the log'
    [[ $(<"$log") != *xrl_* ]]
}

@test 'the loader without the HTTP part says so' {
    prepare
    cp "$build/xdp-ratelimit" "$BATS_TEST_TMPDIR/"
    run -3 server "$BATS_TEST_TMPDIR/xdp-ratelimit" serve
    has "$output" 'not installed'
    run -0 server "$BATS_TEST_TMPDIR/xdp-ratelimit" status
}
