#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # code, body and headers are set by request
#
# Clients behind proxies; clients that guess tokens, are slow, numerous, or broken.

load ../network
load serve

# forwarded LIST ARGUMENT...
forwarded() {
    local list=$1
    shift
    request --header "X-Forwarded-For: $list" "$@"
}

# own: the address that POST takes for the client's own
own() {
    answered 200
    field '.permits[0].address'
}

# guess [ARGUMENT...]: with a wrong token
guess() {
    by client --header 'Authorization: Bearer wrong' "$@" "$endpoint"
}

# mad PROGRAM: runs a Python program in the client's namespace, with helpers that all need
mad() {
    client python3 -c "
import socket, sys, time
def connect():
    return socket.create_connection(('$address', 9420), timeout=10)
def send(text):
    s = connect()
    s.sendall(text)
    return s
def read_all(s):
    s.settimeout(10)
    answer = b''
    try:
        while True:
            more = s.recv(65536)
            if not more:
                break
            answer += more
    except ConnectionResetError:
        pass
    return answer
$1"
}

@test 'X-Forwarded-For is ignored from a peer that is not a trusted proxy' {
    prepare
    serve
    forwarded 203.0.113.9 -X POST "$endpoint"
    is "$source" "$(own)"
    forwarded nonsense -X POST "$endpoint"
    is "$source" "$(own)"
}

@test 'X-Forwarded-For from a trusted proxy: the rightmost address that is not a proxy counts' {
    prepare 'trusted_proxies = 198.51.100.7, 192.0.2.0/24, unix'
    sed -i '1i [permits]\nrequests = 50/1h' "$config"
    serve
    forwarded 203.0.113.9 -X POST "$endpoint"
    is 203.0.113.9 "$(own)"
    forwarded '203.0.113.1, 203.0.113.2 ,192.0.2.77' -X POST "$endpoint"
    is 203.0.113.2 "$(own)"
    forwarded 203.0.113.3 --header 'X-Forwarded-For: 203.0.113.4' -X POST "$endpoint"
    is 203.0.113.4 "$(own)"
    forwarded 192.0.2.1,192.0.2.2 -X POST "$endpoint"
    is 192.0.2.1 "$(own)"
    forwarded ::ffff:203.0.113.5 -X POST "$endpoint"
    is 203.0.113.5 "$(own)"
    request -X POST "$endpoint"
    is "$source" "$(own)"
    request --interface 198.51.100.8 -X POST "$endpoint" --header 'X-Forwarded-For: 203.0.113.6'
    is 198.51.100.8 "$(own)"
    locally --header 'X-Forwarded-For: 203.0.113.7' -X POST http://localhost/v3/firewall/permit
    is 203.0.113.7 "$(own)"
    forwarded 203.0.113.8 "$public/v3/rate-limit"
    is 203.0.113.8 "$(field .source)"
}

@test 'invalid or IPv6 X-Forwarded-For is refused and costs no quota' {
    local list
    prepare 'trusted_proxies = 198.51.100.7'
    serve
    for list in nonsense '203.0.113.1,' ',' '203.0.113.1 203.0.113.2' 203.0.113.1:80 \
        'x,203.0.113.1' "$(printf '1%.0s' {1..2000})"; do
        forwarded "$list" -X POST "$endpoint"
        answered 400 bad_request
        quota_is 5 5
    done
    forwarded 2001:db8::1 -X POST "$endpoint"
    answered 400 bad_request
    has "$(field .error.message)" 2001:db8::1
    forwarded 2001:db8::1 -X POST "$endpoint?ips=1.1.1.1"
    answered 200
    by client --header 'X-Forwarded-For: nonsense' "$endpoint"
    answered 401 unauthorized
}

@test 'wrong tokens: five at once, then responses to that address alone are delayed' {
    local attempt began_ns
    prepare
    serve
    for attempt in {1..5}; do
        guess
        answered 401 unauthorized
    done
    began_ns=$(date +%s%N)
    guess
    answered 429 too_many_wrong_tokens
    [[ $(($(date +%s%N) - began_ns)) -ge 1000000000 ]]
    [[ $(header Retry-After) -ge 1 && $(header Retry-After) -le 10 ]]
    is "$(header Retry-After)" "$(field .error.retry_after_seconds)"
    # a valid token is never refused because of wrong tokens of others
    request "$endpoint"
    answered 200
    request "$public/v3/rate-limit"
    answered 200
    by client "$endpoint"
    answered 401 unauthorized
    by client "$public/healthz"
    answered 200
    request --interface 198.51.100.8 "$endpoint"
    answered 200
    locally http://localhost/v3/firewall/permit
    answered 200
    sleep 10.5
    request "$endpoint"
    answered 200
    guess
    answered 401 unauthorized
    guess
    answered 429 too_many_wrong_tokens
    has "$(<"$log")" 'too many wrong tokens from 198.51.100.7'
    [[ $(<"$log") != *wrong' '"Bearer"* ]]
}

@test 'concurrent wrong tokens: at most five are checked' {
    local got
    prepare
    serve
    client curl --silent --parallel --parallel-max 40 --output /dev/null \
        --header 'Authorization: Bearer wrong' --write-out '%{http_code}\n' \
        "$endpoint?[1-40]" >"$BATS_TEST_TMPDIR/codes"
    got=$(sort "$BATS_TEST_TMPDIR/codes" | uniq -c | awk '{ print $2 ":" $1 }' | xargs)
    is '401:5 429:35' "$got"
}

@test 'valid tokens are never delayed' {
    prepare
    serve
    client curl --silent --parallel --parallel-max 40 --output /dev/null \
        --header "Authorization: Bearer $token" --write-out '%{http_code}\n' \
        "$endpoint?#[1-60]" >"$BATS_TEST_TMPDIR/codes"
    is 200 "$(sort -u "$BATS_TEST_TMPDIR/codes")"
}

@test 'wrong tokens count for the client that a trusted proxy names' {
    local attempt
    prepare 'trusted_proxies = 198.51.100.7'
    serve
    for attempt in {1..6}; do
        guess --header 'X-Forwarded-For: 203.0.113.1'
    done
    answered 429 too_many_wrong_tokens
    forwarded 203.0.113.2 "$endpoint"
    answered 200
    for attempt in {1..6}; do
        guess --header "X-Forwarded-For: 2001:db8::$attempt"
    done
    answered 429 too_many_wrong_tokens
    guess --header 'X-Forwarded-For: 2001:db8:0:1::1'
    answered 401 unauthorized
}

@test 'two Authorization headers' {
    prepare
    serve
    request --header "Authorization: Bearer $token" "$endpoint"
    answered 400 bad_request
}

@test 'a body with an ambiguous end is not read' {
    prepare
    serve
    mad "
for extra in ('Transfer-Encoding: chunked\r\nContent-Length: 4', 'Transfer-Encoding: gzip',
              'Content-Length: 11\r\nContent-Length: 4'):
    s = send(('POST /v3/firewall/permit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n'
              + extra + '\r\n\r\n' + 'b\r\nips=1.1.1.1\r\n0\r\n\r\n').encode())
    answer = read_all(s)
    assert answer.startswith(b'HTTP/1.1 400'), (extra, answer)
    assert answer.count(b'HTTP/1.1') == 1, (extra, answer)
"
    is '' "$(permitted)"
}

@test 'the server survives garbage' {
    prepare
    serve
    mad "
import random
random.seed(7)
for i in range(300):
    try:
        s = send(random.randbytes(random.randint(1, 4000)))
        s.settimeout(0.005)
        s.recv(100)
    except OSError:
        pass
for line in (b'GET', b'GET /healthz', b'\0\0\0', b'* * *', b'GET / HTTP/9.9', b'PRI * HTTP/2.0',
             b'GET http:// HTTP/1.1', b'GET ?ips HTTP/1.1', b'GET %00 HTTP/1.1',
             b'POST / HTTP/1.1\r\nContent-Length: -1', b'GET /' + b'a' * 70000 + b' HTTP/1.1',
             b'POST / HTTP/1.1\r\nContent-Length: 99999999999999999999',
             b'GET / HTTP/1.1\r\n' + b'x: y\r\n' * 5000):
    try:
        s = send(line + b'\r\nHost: x\r\n\r\n')
        s.settimeout(0.2)
        s.recv(4096)
    except OSError:
        pass
"
    by client "$public/healthz"
    answered 200
    [[ $(<"$log") != *ended* ]]
}

@test 'pipelined requests are answered in order' {
    prepare
    serve
    mad "
one = b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
two = b'GET /v3/firewall/permit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n'
last = b'GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
answer = read_all(send((one + two) * 50 + last))
assert answer.count(b'HTTP/1.1 200') == 100, answer
assert answer.count(b'HTTP/1.1 404') == 1, answer
assert answer.rindex(b'HTTP/1.1 404') > answer.rindex(b'HTTP/1.1 200')
"
}

@test 'a header that two parsers could read differently ends the connection' {
    prepare
    serve
    mad "
inner = b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n'
length = str(len(inner)).encode()
for header in (b'Content-Length : ' + length, b'Content-Length\t: ' + length,
               b'Transfer-Encoding : chunked', b'X-Y\x01: 1'):
    answer = read_all(send(b'POST /v3/firewall/permit HTTP/1.1\r\nHost: x\r\n' +
                           b'Authorization: Bearer $token\r\n' + header + b'\r\n\r\n' + inner))
    assert answer.count(b'HTTP/1.1') == 1, (header, answer)
    assert b'HTTP/1.1 400' in answer, (header, answer)
"
    is '' "$(permitted)" permits
}

@test 'huge headers, incomplete requests and clients that disconnect' {
    prepare
    serve
    mad "
health = b'GET /healthz HTTP/1.1\r\nHost: x\r\n'
permit = b' /v3/firewall/permit HTTP/1.1\r\nHost: x\r\n'
assert b' 431 ' in read_all(send(health + b'X: ' + b'y' * 40000 + b'\r\n\r\n'))
half = [send(b'POST' + permit + b'Content-Length: 100\r\n\r\nips=') for i in range(100)]
for i in range(200):
    send(b'GET' + permit + b'Authorization: Bearer $token\r\n\r\n').close()
assert b'\"ok\"' in read_all(send(health + b'Connection: close\r\n\r\n'))
"
    by client "$public/healthz"
    answered 200
}

@test 'one address cannot fill the whole queue' {
    prepare
    serve
    kill -STOP "$worker"
    mad "
ask = b'GET /v3/firewall/permit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n\r\n'
all = [send(ask) for i in range(80)]
time.sleep(2)
refused = 0
for s in all:
    s.setblocking(False)
    try:
        refused += s.recv(4096).startswith(b'HTTP/1.1 503')
    except BlockingIOError:
        pass
assert refused == 16, refused
" &
    waited=$!
    sleep 1
    request --interface 198.51.100.8 "$endpoint" &
    other=$!
    wait "$waited"
    kill -CONT "$worker"
    wait "$other"
    request "$endpoint"
    answered 200
}

@test 'a slow client is disconnected after 60 seconds, an idle one after 15' {
    prepare
    serve
    mad "
idle, slow = connect(), connect()
began = time.time()
idle.settimeout(20)
assert idle.recv(10) == b''
assert 13 < time.time() - began < 18, time.time() - began
" &
    waited=$!
    timeout 70 nsenter --net="/run/netns/$name-client" python3 -c "
import socket, time
s = socket.create_connection(('$address', 9420))
began = time.time()
try:
    s.sendall(b'GET /healthz HTTP/1.1\r\n')
    while time.time() - began < 66:
        s.sendall(b'X: y\r\n')
        time.sleep(0.5)
except OSError:
    pass
assert 55 < time.time() - began < 64, time.time() - began
"
    wait "$waited"
}

@test '3000 idle connections: the server answers, and one remote address gets at most 256' {
    prepare
    serve
    server python3 -c "
import resource, socket, time
resource.setrlimit(resource.RLIMIT_NOFILE, (4000, 4000))
all = [socket.create_connection(('127.0.0.1', 9420)) for i in range(3000)]
began = time.time()
for i in range(10):
    s = socket.create_connection(('127.0.0.1', 9420))
    s.sendall(b'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n')
    assert s.recv(4096).startswith(b'HTTP/1.1 200')
    all.append(s)
assert time.time() - began < 2
"
    mad "
all, refused = [], 0
for i in range(300):
    s = connect()
    all.append(s)
time.sleep(0.5)
for s in all:
    s.settimeout(0.01)
    try:
        refused += s.recv(10) == b''
    except socket.timeout:
        pass
    except ConnectionResetError:
        refused += 1
assert refused == 44, refused
"
    locally http://localhost/v3/firewall/permit
    answered 200
}
