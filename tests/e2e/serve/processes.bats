#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# shellcheck disable=SC2154 # code, body and headers are set by request
#
# The three processes: start, privileges, reload and end.

load ../network
load serve

@test 'the default: 127.0.0.1:9420 and /run/xdp-ratelimit/api.sock' {
    local listening
    prepare
    # in a mount namespace of its own, so that the /run of this machine stays as it is
    nsenter --net="/run/netns/$name-server" unshare --mount sh -c "
        mount -t tmpfs none /run
        exec '$build/xdp-ratelimit' serve --user nobody" 2>"$log" 3>&- &
    supervisor=$!
    eventually grep -q unix "$log"
    listening=$(nsenter --net="/run/netns/$name-server" ss -Hltn | awk '{ print $4 }')
    is 127.0.0.1:9420 "$listening"
    has "$(<"$log")" '^listening on unix:/run/xdp-ratelimit/api.sock$'
    is '660 755' "$(nsenter --mount --target "$supervisor" stat -c %a \
        /run/xdp-ratelimit/api.sock /run/xdp-ratelimit | xargs)"
    stop_serve
}

@test 'user and capabilities: two for supervisor and worker, none for the frontend' {
    local bpf_and_dac_override=0000008000000002 none=0000000000000000 process field
    prepare
    serve
    for process in "$supervisor" "$worker" "$frontend"; do
        is "$(id -u nobody | sed 's/.*/&\t&\t&\t&/')" "$(status_of "$process" Uid)" user
        is "$(id -g nobody | sed 's/.*/&\t&\t&\t&/')" "$(status_of "$process" Gid)" group
        is 1 "$(status_of "$process" NoNewPrivs)" 'no new privileges'
        for field in CapInh CapBnd CapAmb; do
            is "$none" "$(status_of "$process" "$field")" "$field"
        done
    done
    for process in "$supervisor" "$worker"; do
        is "$bpf_and_dac_override" "$(status_of "$process" CapPrm)" permitted
        is "$bpf_and_dac_override" "$(status_of "$process" CapEff)" effective
    done
    is "$none" "$(status_of "$frontend" CapPrm)" permitted
    is "$none" "$(status_of "$frontend" CapEff)" effective
    is '' "$(find "/proc/$frontend/fd" -lname '/*' ! -lname /dev/null ! -lname "$log")" files
    is '600 root' "$(stat -c '%a %U' "$XDP_RATELIMIT_STATE_DIR/permits.db")"
}

@test 'invalid settings are refused at the start, in one sentence' {
    prepare
    refused 1 'unencrypted' --listen 198.51.100.1:9000 --config <(echo)
    refused 1 'localhost:9420' --listen localhost:9420
    refused 1 '127.0.0.1:0' --listen 127.0.0.1:0
    refused 1 'absolute' --listen unix:api.sock
    refused 1 'twice' --listen 127.0.0.1:9420,127.0.0.1:9420
    refused 1 "no user 'nosuchuser'" --user nosuchuser
    has "$output" 'useradd --system'
    refused 1 'root' --user root
    refused 1 'nonsense' --trusted-proxies nonsense
    refused 1 '10.0.0.1/8' --trusted-proxies 10.0.0.1/8
    refused 1 'without a key' --certificate "$config"
    refused 2 'unknown argument' --nonsense
    refused 2 'needs a value' --listen
    refused 1 'cannot read the certificate' --certificate /nowhere --key /nowhere
    config=/nowhere refused 1 /nowhere
    echo 'nonsense = 1' >>"$config"
    refused 1 "$config:5"
    run -5 server setpriv --reuid=65534 --clear-groups "$build/xdp-ratelimit" serve
    has "$output" root
    # in a directory that other users cannot read, such as root's home
    mkdir --mode=700 "$BATS_TEST_TMPDIR/closed"
    cp "$build"/xdp-ratelimit{,-serve} "$BATS_TEST_TMPDIR/closed"
    run -5 server setpriv --reuid=65534 --clear-groups "$BATS_TEST_TMPDIR/closed/xdp-ratelimit" serve
    has "$output" 'cannot run .*: Permission denied'
    has "$output" root
}

@test 'a file in place of the socket is left alone; a stale socket is replaced' {
    prepare
    mkdir "$BATS_TEST_TMPDIR/run"
    echo precious >"$socket"
    refused 1 'is not a socket'
    is precious "$(<"$socket")"
    rm "$socket"
    server python3 -c "import socket; socket.socket(socket.AF_UNIX).bind('$socket')"
    serve
    locally http://localhost/v3/firewall/permit
    answered 200
}

@test 'a socket of another type is left alone' {
    prepare
    mkdir "$BATS_TEST_TMPDIR/run"
    server python3 -c "
import socket, time
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('$socket')
time.sleep(30)" 3>&- &
    eventually test -S "$socket"
    refused 6 'listens on'
    [[ -S $socket ]]
}

@test 'nobody but root can keep it from starting' {
    prepare
    mkdir "$BATS_TEST_TMPDIR/run"
    chmod 755 "$BATS_TEST_TMPDIR" "$BATS_TEST_TMPDIR/run"
    flock "$BATS_TEST_TMPDIR/run" sleep 30 3>&- &
    serve
    locally http://localhost/v3/firewall/permit
    answered 200
    is api.sock "$(ls "$BATS_TEST_TMPDIR/run")" 'what lies beside the socket'
}

@test 'the frontend shares no memory with the others, and has no terminal' {
    prepare
    serve
    run -1 grep -E '^[^ ]+ rw-s' "/proc/$frontend/maps"
    # the auth throttle, which only workers share
    grep -qE '^[^ ]+ rw-s' "/proc/$worker/maps"
    is /dev/null "$(readlink "/proc/$frontend/fd/0")" 'standard input'
    is "$frontend" "$(ps -o sid= -p "$frontend" | tr -d ' ')" session
}

@test 'only the frontend is in a sandbox' {
    prepare
    serve
    is 2 "$(sed -n 's/^Seccomp:[^0-9]*//p' "/proc/$frontend/status")" 'seccomp mode of the frontend'
    is 0 "$(sed -n 's/^Seccomp:[^0-9]*//p' "/proc/$worker/status")" 'seccomp mode of the worker'
    request "$endpoint"
    answered 200
}

@test 'a new frontend has no tokens of its predecessor in memory' {
    local old
    prepare
    serve
    for _ in {1..20}; do
        request "$endpoint"
    done
    old=$frontend
    kill -KILL "$frontend"
    eventually another_frontend_than "$old"
    # the text must not be found in the test's own command line either
    run -0 python3 -c '
import sys
frontend, token = sys.argv[1], open(sys.argv[2]).read().strip().encode()
found = 0
with open(f"/proc/{frontend}/mem", "rb", 0) as memory:
    for line in open(f"/proc/{frontend}/maps"):
        span, rights = line.split()[:2]
        if "r" not in rights or "[v" in line:
            continue
        begin, end = (int(x, 16) for x in span.split("-"))
        try:
            memory.seek(begin)
            found += memory.read(end - begin).count(token)
        except OSError:
            pass
print(found)' "$frontend" <(echo "$token")
    is 0 "$output" 'copies of the token'
}

@test 'a store that vanishes is not recreated' {
    prepare
    serve
    mv "$XDP_RATELIMIT_STATE_DIR" "$XDP_RATELIMIT_STATE_DIR.away"
    request "$endpoint"
    answered 503 unavailable
    [[ ! -e $XDP_RATELIMIT_STATE_DIR ]]
    for _ in {1..30}; do
        request "$endpoint"
    done
    [[ $(grep -c 'no permit store' "$log") -le 10 ]]
    mv "$XDP_RATELIMIT_STATE_DIR.away" "$XDP_RATELIMIT_STATE_DIR"
    request "$endpoint"
    answered 200
}

@test 'two at once: the second one says that the first is listening' {
    prepare
    serve
    refused 6 'already' --listen "unix:$socket"
    has "$output" "$socket"
    refused 6 '127.0.0.1:9420' --listen 127.0.0.1:9420
    request "$endpoint"
    answered 200
    locally http://localhost/v3/firewall/permit
    answered 200
}

@test 'TLS for remote clients, plain text on loopback' {
    prepare
    make_certificate one
    sed -i '/^plaintext/d' "$config"
    serve --certificate "$BATS_TEST_TMPDIR/one.pem" --key "$BATS_TEST_TMPDIR/one.key"
    request --cacert "$BATS_TEST_TMPDIR/one.pem" -X POST "https://$address:9420/v3/firewall/permit"
    answered 200
    is "$source" "$(field '.permits[0].address')"
    run -0 request --insecure --tls-max 1.2 "https://$address:9420/healthz"
    run ! request --insecure --tls-max 1.1 "https://$address:9420/healthz"
    run ! request "$public/healthz"
    by server http://127.0.0.1:9420/healthz
    answered 200
    locally http://localhost/healthz
    answered 200
}

@test 'TLS: files that do not match are refused' {
    local tmp=$BATS_TEST_TMPDIR
    prepare
    make_certificate one
    make_certificate two
    openssl pkey -in "$tmp/one.key" -aes128 -passout pass:x -out "$tmp/locked.key"
    refused 1 "two.key does not match" --certificate "$tmp/one.pem" --key "$tmp/two.key"
    refused 1 'passphrase' --certificate "$tmp/one.pem" --key "$tmp/locked.key"
    refused 1 'cannot use the certificate' --certificate "$config" --key "$tmp/one.key"
    refused 1 'PEM' --certificate /dev/null --key "$tmp/one.key"
}

@test 'SIGHUP activates another certificate and loses no request' {
    local tmp=$BATS_TEST_TMPDIR reloads
    prepare
    make_certificate one
    make_certificate two
    cp "$tmp/one.pem" "$tmp/shown.pem"
    cp "$tmp/one.key" "$tmp/shown.key"
    chmod 600 "$tmp/shown.key"
    serve --certificate "$tmp/shown.pem" --key "$tmp/shown.key"
    is one "$(shown_certificate)" certificate
    server python3 - 2>"$tmp/python" <<'END' &
import http.client, time
done, end = 0, time.time() + 4
while time.time() < end:
    c = http.client.HTTPConnection('127.0.0.1', 9420, timeout=5)
    last = False
    while not last and time.time() < end:
        c.request('GET', '/healthz')
        r = c.getresponse()
        assert r.status == 200, r.status
        last = r.getheader('Connection') == 'close'
        r.read()
        done += 1
    c.close()
assert done > 100, done
END
    reloads=$!
    cp "$tmp/two.pem" "$tmp/shown.pem"
    cp "$tmp/two.key" "$tmp/shown.key"
    for _ in {1..6}; do
        sleep 0.3
        reload
    done
    is two "$(shown_certificate)" certificate
    wait "$reloads"
}

@test 'SIGHUP: the old frontend finishes a request in progress' {
    local old
    prepare
    serve
    old=$frontend
    server python3 - >"$BATS_TEST_TMPDIR/answer" 2>&1 <<END &
import socket, time
s = socket.create_connection(('127.0.0.1', 9420))
s.sendall(b'POST /v3/firewall/permit HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer $token\r\n'
          b'Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\nips=')
time.sleep(2)
s.sendall(b'1.1.1.1')
print(s.recv(65536).decode())
END
    begun=$!
    sleep 1
    reload
    eventually another_frontend_than "$old"
    wait "$begun"
    has "$(<"$BATS_TEST_TMPDIR/answer")" '^HTTP/1.1 200'
    is '1.1.1.1 shop' "$(permitted)"
    eventually is_gone "$old"
}

@test 'SIGHUP: listeners are added and removed, rules change, options override the file' {
    prepare
    serve
    sed -i "s|^listen = .*|listen = 127.0.0.1:9421, unix:$socket|" "$config"
    printf '%s\n' '[permits]' 'requests = 2/1h' 'addresses = 1' >>"$config"
    reload
    by server http://127.0.0.1:9421/healthz
    answered 200
    run ! by server --connect-timeout 2 http://127.0.0.1:9420/healthz
    locally -X POST 'http://localhost/v3/firewall/permit?ips=1.1.1.1,2.2.2.2'
    answered 400 bad_request
    quota_is 2 2
    sed -i 's/^listen = .*/listen = 127.0.0.1:9422/' "$config"
    reload
    [[ ! -e $socket ]]
    by server http://127.0.0.1:9422/healthz
    answered 200
}

@test 'SIGHUP: a bad file changes nothing' {
    local line
    prepare
    serve
    for line in 'nonsense = 1' 'listen = nonsense' 'certificate = /nowhere' \
        'trusted_proxies = nonsense' 'listen = 203.0.113.1:9420'; do
        configure
        sed -i "/^${line%% *} /d" "$config"
        echo "$line" >>"$config"
        reload
        has "$(tail -n 1 "$log")" '^reload failed, nothing was changed: .'
        request "$endpoint"
        answered 200
        locally http://localhost/v3/firewall/permit
        answered 200
        is 1 "$(with_capabilities 0000000000000000 | wc -l)" frontends
    done
    configure 'user = daemon'
    sed -i '/^user = nobody/d' "$config"
    reload
    has "$(<"$log")" "the user remains 'nobody' until a restart"
}

@test 'SIGTERM and SIGINT: a clean end' {
    local signal
    prepare
    for signal in TERM INT; do
        serve
        request "$endpoint"
        answered 200
        kill "-$signal" "$supervisor"
        wait "$supervisor"
        [[ ! -e $socket ]]
        is_gone "$frontend"
        is_gone "$worker"
        is ending "$(tail -n 1 "$log")"
    done
}

@test 'SIGTERM: requests in progress are finished' {
    prepare
    serve
    server python3 - >"$BATS_TEST_TMPDIR/answer" 2>&1 <<END &
import socket, time
s = socket.create_connection(('127.0.0.1', 9420))
s.sendall(b'POST /v3/firewall/permit?ips=1.1.1.1 HTTP/1.1\r\nHost: x\r\n')
time.sleep(2)
s.sendall(b'Authorization: Bearer $token\r\n\r\n')
print(s.recv(65536).decode())
END
    begun=$!
    sleep 1
    stop_serve
    wait "$begun"
    has "$(<"$BATS_TEST_TMPDIR/answer")" '^HTTP/1.1 200'
    has "$(<"$BATS_TEST_TMPDIR/answer")" 'Connection: close'
    is '1.1.1.1 shop' "$(permitted)"
}
