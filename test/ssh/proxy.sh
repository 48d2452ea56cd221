#!/bin/sh
# Why a ProxyCommand or a jump host does not connect: in its own words, first and whole, and not as the target's:
# test/ssh/proxy.sh [PROBE].
# shellcheck source=test/ssh/lib.sh
. "$(dirname "$0")/lib.sh"

start_sshd plain
p=$(port plain)
for type in ed25519 ecdsa rsa; do echo "[127.0.0.1]:$p $(public $type)"; done >"$work/known"
: >"$work/empty"
known="UserKnownHostsFile $work/known"
host plain "$p" "$known" "$(key ed25519)"

# command NAME COMMAND REASON: why a ProxyCommand fails.
command_fails() {
    host "$1" "$p" "$known" "$(key ed25519)" "ProxyCommand $2"
    check "ProxyCommand: $1" "^lost after 0 retry: The ProxyCommand of $1 does not connect: $3" "$1" login
    ! grep -Eq "^lost.*$1 \($user@" "$work/out"
    count $? "ProxyCommand: $1: not called the target's"
}
command_fails words 'sh -c "echo no way >&2; exit 1"' 'no way \(exit status 1\)$'
command_fails lines 'sh -c "echo the first >&2; echo the last >&2; exit 3"' 'the first
^the last \(exit status 3\)$'
command_fails silent 'sh -c "exit 4"' 'it ended without a message \(exit status 4\)$'
command_fails missing 'no-such-program %h' '.*no-such-program: not found \(exit status 127\)$'
command_fails killed 'kill -9 $$' 'it ended without a message \(signal 9\)$'
command_fails greeting 'echo HTTP/1.1 403 Forbidden' 'it ended without a message \(exit status 0\); it sent in place of an SSH server.s greeting: HTTP/1.1 403 Forbidden$'
command_fails held 'sh -c "sleep 30 </dev/null >/dev/null & echo \$! >'"$work/held"'; echo gone >&2; exit 5"' 'gone \(exit status 5\)$'
kill "$(cat "$work/held")"
command_fails long 'sh -c "head -c 100000 /dev/zero >&2; echo the end >&2; exit 6"' '[?]*the end \(exit status 6\)$'

# jump_fails NAME JUMP REASON: why a ProxyJump fails.
jump_fails() {
    host "$1" "${jump_port:-$p}" "$known" "$(key ed25519)" "ProxyJump $2"
    check "ProxyJump: $1" "^lost after 0 retry: The jump host $3" "$1" login
    ! grep -Eq "^lost.*$1 \($user@" "$work/out"
    count $? "ProxyJump: $1: not called the target's"
}
dead=$(free_port)
host deadhop "$dead" "$known" "$(key ed25519)"
jump_fails refused deadhop "deadhop does not connect to 127.0.0.1 port $p: .*connect to host 127.0.0.1 port $dead: Connection refused
ssh deadhop true. must work without a prompt: it is the ProxyJump of refused"
jump_fails chain "plain,deadhop" "deadhop \(behind plain\) does not connect to 127.0.0.1 port $p: channel 0: open failed: connect failed: Connection refused
^.ssh -J plain deadhop true. must work"
jump_port=$dead
jump_fails behind plain "plain does not connect to 127.0.0.1 port $dead: channel 0: open failed: connect failed: Connection refused"
jump_port=
host strangehop "$p" "$known" "$(key stranger)" "IdentitiesOnly yes"
jump_fails denied strangehop "strangehop does not connect to .*: .*Permission denied \(publickey\)"
host newhop "$p" "UserKnownHostsFile $work/empty" "$(key ed25519)"
jump_fails unknown newhop "newhop does not connect to .*: Host key verification failed"
answer_yes
follow 'ProxyJump: unknown' unknown
unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
host expanded "$p" "$known" "$(key ed25519)" "ProxyJump %r@plain"
check 'a token in ProxyJump' '^ready' expanded login

# Later on the proxy's end is a loss like any other, and all that came before is delivered.
host jumped "$p" "$known" "$(key ed25519)" "ProxyJump plain"
check 'a loss behind a jump host' '^lost after 200000 retry: The SSH connection to jumped \('"$user"'@127.0.0.1:'"$p"'\) was lost: .*jump host plain' jumped lost

# Without a proxy: what a server says in place of its greeting is the reason.
node -e 'const s=require("net").createServer(c=>c.end("Exceeded MaxStartups\r\n")).listen(0,"127.0.0.1",()=>console.log(s.address().port))' >"$work/full" &
pids="$pids $!"
until [ -s "$work/full" ]; do kill -0 $! || exit 1; done
host full "$(cat "$work/full")" "$known"
check 'what a server says in place of its greeting' 'lost after 0 retry: full .* ended the connection before the SSH handshake was finished: it said: Exceeded MaxStartups' full login
finish
