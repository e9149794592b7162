#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # code, body and headers are set by request

load ../network
load serve

@test "POST permits the client's address, GET lists it, DELETE revokes it" {
    local now
    prepare
    serve
    now=$(date +%s)
    request -X POST "$endpoint"
    answered 200
    is "[\"$source\",\"new\"]" "$(field '.permits[0] | [.address, .change]')"
    is false "$(field .applied)" applied
    is '5 4' "$(field '.quota | "\(.limit) \(.remaining)"')" quota
    is 87300 "$(field '.permits[0].expires_in_seconds | round')"
    has "$(field '.permits[0].expires_at')" '^20..-..-..T..:..:..Z$'
    quota_is 5 4
    [[ $(header X-RateLimit-Reset) -ge $((now + 3600)) ]]
    [[ $(header X-RateLimit-Reset) -le $((now + 3610)) ]]
    is application/json "$(header Content-Type)"
    is "$source shop" "$(permitted)" permits

    request "$endpoint"
    answered 200
    is "$source" "$(field '.permits[].address')"
    quota_is 5 4
    request --head "$endpoint"
    answered 200
    quota_is 5 4

    request -X DELETE "$endpoint"
    answered 200
    is revoked "$(field '.permits[0].change')"
    is null "$(field '.permits[0].expires_at')"
    quota_is 5 4
    request -X DELETE "$endpoint"
    is none "$(field '.permits[0].change')"
    is '' "$(permitted)" permits
}

@test 'listed addresses: in the query or in a form, with a comment' {
    prepare
    serve
    request -X POST "$endpoint?ips=1.1.1.1,2.2.2.2&comment=two%20of+them"
    answered 200
    is '1.1.1.1 2.2.2.2' "$(field '[.permits[].address] | join(" ")')"
    request -X POST "$endpoint" --data 'ips=2.2.2.2%2C3.3.3.3' --data comment=again
    answered 200
    is 'extended new' "$(field '[.permits[].change] | join(" ")')"
    quota_is 5 3
    request "$endpoint"
    is 'two of them,again,again' "$(field '[.permits[].comment] | join(",")')"
    request -X DELETE "$endpoint" --data ips=1.1.1.1,9.9.9.9
    answered 200
    is 'revoked none' "$(field '[.permits[].change] | join(" ")')"
    request -X DELETE "$endpoint?ips=2.2.2.2"
    answered 200
    is '3.3.3.3 shop' "$(permitted)" permits
    request -X POST "$endpoint" --data ips=4.4.4.4 \
        --header 'Content-Type: Application/X-WWW-Form-Urlencoded; charset=utf-8'
    answered 200
    request -X POST "$public/v3/firewall/%70ermit" --data ''
    answered 200
}

@test 'each account sees and revokes its own permits only' {
    local other
    prepare
    other=$(new_account other --approved)
    serve
    request -X POST "$endpoint?ips=1.1.1.1"
    by client --header "Authorization: Bearer $other" "$endpoint"
    is '[]' "$(field .permits)"
    by client --header "Authorization: Bearer $other" -X DELETE "$endpoint?ips=1.1.1.1"
    is none "$(field '.permits[0].change')"
    is '1.1.1.1 shop' "$(permitted)"
}

@test 'the quota: the sixth request is refused, by the CLI as well' {
    local attempt
    prepare
    serve
    for attempt in 4 3 2 1 0; do
        request -X POST "$endpoint?ips=1.1.1.$attempt"
        answered 200
        quota_is 5 "$attempt"
    done
    request -X POST "$endpoint?ips=1.1.1.9"
    answered 429 quota_exceeded
    quota_is 5 0
    [[ $(header Retry-After) -gt 3500 && $(header Retry-After) -le 3600 ]]
    is "$(header Retry-After)" "$(field .error.retry_after_seconds)"
    [[ $(header X-RateLimit-Reset) -gt $(($(date +%s) + 3500)) ]]
    run -4 limiter permit request 1.1.1.9 --account shop
    request "$endpoint"
    answered 200
    quota_is 5 0
    is 5 "$(field '.permits | length')"
}

@test 'many requests at once: exactly five are granted' {
    local got
    prepare
    serve
    client curl --silent --parallel --parallel-max 40 --output /dev/null \
        --header "Authorization: Bearer $token" --write-out '%{http_code}\n' \
        -X POST "$endpoint?ips=1.1.1.[1-40]" >"$BATS_TEST_TMPDIR/codes"
    got=$(sort "$BATS_TEST_TMPDIR/codes" | uniq -c | awk '{ print $2 ":" $1 }' | xargs)
    is '200:5 429:35' "$got"
    is 5 "$(permitted | wc -l)"
}

@test '401: without a token, with another scheme, with a wrong one' {
    local path method target
    prepare
    serve
    for path in v3/firewall/permit v3/rate-limit; do
        for method in GET POST DELETE PUT; do
            by client -X "$method" "$public/$path?nonsense=1"
            answered 401 unauthorized
            has "$(header WWW-Authenticate)" '^Bearer'
        done
    done
    by client --header 'Authorization: Basic c2hvcDp4' "$endpoint"
    answered 401 unauthorized
    quota_is 5 0
    [[ $(header X-RateLimit-Reset) -le $(date +%s) ]]
    by client --header 'Authorization: Bearer' "$endpoint"
    answered 401 unauthorized
    by client --header 'Authorization: Bearer two words' "$endpoint"
    answered 401 unauthorized
    by client --header "Authorization: Bearer ${token}0" "$endpoint"
    answered 401 unauthorized
    by client --header "Authorization: Bearer ${token%?}" -X POST "$endpoint?ips=1.2.3"
    answered 401 unauthorized
    quota_is 5 0
    is '' "$(permitted)"
    by client --header "aUTHORIZATION: bEARER   $token" "$endpoint"
    answered 200
}

@test 'the old token of a rotated or removed account is void at once' {
    local rotated
    prepare
    serve
    rotated=$(limiter account token shop --rotate --json | jq --raw-output .token)
    request "$endpoint"
    answered 401 unauthorized
    token=$rotated
    request "$endpoint"
    answered 200
    limiter account remove shop
    request "$endpoint"
    answered 401 unauthorized
}

@test '403: a sub-account and an unapproved one' {
    local tokens method
    prepare
    tokens=("$(new_account branch --parent shop)" "$(new_account stranger)")
    serve
    for token in "${tokens[@]}"; do
        for method in POST GET DELETE; do
            request -X "$method" "$endpoint"
            answered 403 forbidden
            quota_is 5 0
        done
        request "$public/v3/rate-limit"
        answered 200
        request -X POST "$public/v3/rate-limit"
        answered 405 method_not_allowed
    done
    is '' "$(permitted)"
}

@test '400: invalid addresses are quoted and cost no quota' {
    local ips
    prepare
    serve
    for ips in 1.2.3 01.2.3.4 ::1 0.0.0.0 224.0.0.1 255.255.255.255 10.0.0.0/8 1.1.1.1,,2.2.2.2 \
        1.1.1.1,x '1.1.1.1%202.2.2.2' "$(seq -s, -f '1.1.1.%g' 11)" ''; do
        request -X POST "$endpoint?ips=$ips"
        answered 400 bad_request
        quota_is 5 5
    done
    request -X POST "$endpoint?ips=1.1.1.1,1.2.3"
    has "$(field .error.message)" "'1\.2\.3'"
    is '' "$(permitted)"
}

@test '400: unknown, repeated, malformed or too many parameters' {
    local query
    prepare
    serve
    for query in ip=1.1.1.1 IPS=1.1.1.1 'ips=1.1.1.1&ips=2.2.2.2' 'ips=%zz' 'ips=1.1.1.1%00' \
        'ips=1.1.1.1&comment=%ff%fe' "ips=1.1.1.1&comment=$(printf 'x%.0s' {1..300})"; do
        request -X POST "$endpoint?$query"
        answered 400 bad_request
        quota_is 5 5
    done
    request -X POST "$endpoint?ip=1.1.1.1"
    has "$(field .error.message)" "'ip'"
    request -X POST "$endpoint?ips=1.1.1.1" --data ips=1.1.1.1
    answered 400 bad_request
    request "$endpoint?ips=1.1.1.1"
    answered 400 bad_request
    request -X DELETE "$endpoint?comment=x"
    answered 400 bad_request
    request "$public/v3/rate-limit?ips=1.1.1.1"
    answered 400 bad_request
    request "$endpoint" --header "Authorization: Bearer $token"
    answered 400 bad_request
    is '' "$(permitted)"
}

@test '404, 405 with Allow, 413, 415' {
    local big=$BATS_TEST_TMPDIR/big
    prepare
    serve
    by client "$public/"
    answered 404 not_found
    request "$endpoint/"
    answered 404 not_found
    request "$public/V3/firewall/permit"
    answered 404 not_found
    request -X PUT "$endpoint"
    answered 405 method_not_allowed
    is 'GET, HEAD, POST, DELETE' "$(header Allow)"
    quota_is 5 5
    request -X OPTIONS "$endpoint"
    answered 405 method_not_allowed
    request -X POST "$public/v3/rate-limit"
    answered 405 method_not_allowed
    is 'GET, HEAD' "$(header Allow)"
    by client -X POST "$public/healthz"
    answered 405 method_not_allowed

    head -c 8193 /dev/zero | tr '\0' a >"$big"
    request -X POST "$endpoint" --data-binary "@$big"
    answered 413 content_too_large
    quota_is 5 5
    request -X POST "$endpoint" --data-binary "@$big" --header 'Transfer-Encoding: chunked'
    answered 413 content_too_large
    quota_is 5 5
    head -c 10000000 /dev/zero >"$big"
    request -X POST "$endpoint" --data-binary "@$big" --header 'Expect:'
    answered 413 content_too_large

    request -X POST "$endpoint" --header 'Content-Type: application/json' --data '{}'
    answered 415 unsupported_media_type
    quota_is 5 5
    request -X POST "$endpoint" --form ips=1.1.1.1
    answered 415 unsupported_media_type
    request -X POST "$endpoint" --header 'Content-Type:' --data ips=1.1.1.1
    answered 415 unsupported_media_type
    is '' "$(permitted)"
}

@test 'a body of exactly 8192 bytes is read' {
    local comment=$BATS_TEST_TMPDIR/form
    prepare
    serve
    { printf 'ips=1.1.1.1&comment='; head -c $((8192 - 20)) /dev/zero | tr '\0' x; } >"$comment"
    request -X POST "$endpoint" --data-binary "@$comment"
    answered 400 bad_request
    has "$(field .error.message)" comment
}

@test 'no response names the server software' {
    prepare
    serve
    for target in healthz nothing v3/firewall/permit; do
        by client "$public/$target"
        [[ ! $headers =~ [Ss]erver: ]]
        [[ ! "$headers$body" =~ (icrohttpd|[0-9]\.[0-9]\.[0-9]) ]]
    done
}

@test 'healthz needs no token, and ignores a query' {
    prepare
    serve
    by client "$public/healthz"
    answered 200
    is ok "$(field .status)"
    by client "$public/healthz?anything=%zz"
    answered 200
    by client --head "$public/healthz"
    answered 200
}

@test 'rate-limit: what remains to the client' {
    prepare
    serve
    request "$public/v3/rate-limit"
    answered 200
    is "$source false" "$(field '"\(.source) \(.limited)"')"
    attach eth0 --limit '1000/1h packets'
    request "$public/v3/rate-limit"
    answered 200
    is "$source true 1000" "$(field '"\(.source) \(.limited) \(.limits[0].limit)"')"
    [[ $(field '.limits[0].remaining') -lt 1000 ]]
}

@test 'a permitted client gets through while its neighbor is dropped' {
    prepare
    attach eth0 --limit '50/1h packets'
    serve
    locally -X POST "http://localhost/v3/firewall/permit?ips=198.51.100.21"
    answered 200
    is true "$(field .applied)" applied
    send 200 --source 198.51.100.21
    is 0 "$(packets dropped_packets_limit)" dropped
    send 200 --source 198.51.100.22
    is 150 "$(packets dropped_packets_limit)" dropped
    locally -X DELETE "http://localhost/v3/firewall/permit?ips=198.51.100.21"
    answered 200
}

@test 'the Unix socket: no client address; only its owner and group may connect' {
    prepare
    serve
    is "660 nobody nogroup" "$(stat -c '%a %U %G' "$socket")"
    is 755 "$(stat -c %a "$(dirname "$socket")")"
    locally -X POST http://localhost/v3/firewall/permit
    answered 400 bad_request
    has "$(field .error.message)" ips
    quota_is 5 5
    locally -X POST 'http://localhost/v3/firewall/permit?ips=1.1.1.1'
    answered 200
    locally http://localhost/v3/rate-limit
    answered 400 bad_request
    run -7 server setpriv --reuid=12345 --clear-groups curl --silent --unix-socket "$socket" \
        http://localhost/healthz
}

@test "IPv6: listed addresses are permitted, the client's own is refused" {
    prepare
    server sh -c 'echo 0 >/proc/sys/net/ipv6/conf/lo/disable_ipv6'
    ip -n "$name-server" addr replace ::1/128 dev lo
    serve --listen '[::1]:9420,127.0.0.1:9420'
    by server --header "Authorization: Bearer $token" -X POST 'http://[::1]:9420/v3/firewall/permit'
    answered 400 bad_request
    has "$(field .error.message)" ::1
    by server --header "Authorization: Bearer $token" -X POST \
        'http://[::1]:9420/v3/firewall/permit?ips=1.1.1.1'
    answered 200
}
