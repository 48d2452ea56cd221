# shellcheck shell=sh
# What the tests of the ssh transport share: a directory of their own ($work), keys, sshds on loopback, and `check`. $1 is
# the built ssh_probe.c. Every sshd, agent and server is started by a test, on a port that the kernel chose, and ended by
# its pid.
set -u
case $(getent passwd "$(id -u)" || echo ':/no/account/nologin') in
*/nologin | */false)
    echo "test/ssh: skipped: sshd lets nobody in who has no account with a login shell"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
    ;;
esac
probe=${1:-build/asan/ssh/ssh_probe}
work=$(mktemp -d) || exit 1
pids=
accounts=
limit=120 # seconds for one scenario
passed=0
failed=0
skipped=0
clean() {
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    for account in $accounts; do userdel -f "$account" 2>/dev/null; done
    rm -rf "$work"
}
trap clean EXIT
# Without a trap dash would not end what it has started: a pipe to who reads the results may break too.
trap 'exit 1' HUP INT PIPE TERM

# ssh reads the password database's home, not $HOME: the first ssh in PATH names the test's configuration.
mkdir "$work/bin" "$work/keys" "$work/home"
mkdir -m 700 "$work/run"
printf '#!/bin/sh\nexec %s -F %s "$@"\n' "$(command -v ssh)" "$work/config" >"$work/bin/ssh"
chmod +x "$work/bin/ssh"
PATH=$work/bin:$PATH
HOME=$work/home
# No agent of the user who runs the tests is found.
XDG_RUNTIME_DIR=$work/run
export PATH HOME XDG_RUNTIME_DIR
unset SSH_AUTH_SOCK DBUS_SESSION_BUS_ADDRESS DISPLAY WAYLAND_DISPLAY SSH_ASKPASS SSH_ASKPASS_REQUIRE
# libssh2 1.10 leaks its copy of the host key with each new key exchange, and a number for each ECDSA key file.
echo 'leak:libssh2.so' >"$work/leaks"
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}fast_unwind_on_malloc=0
LSAN_OPTIONS=${LSAN_OPTIONS:+$LSAN_OPTIONS:}suppressions=$work/leaks:print_suppressions=0
export ASAN_OPTIONS LSAN_OPTIONS
[ "$(id -u)" = 0 ] && mkdir -p /run/sshd
sshd=$(command -v sshd || echo /usr/sbin/sshd)
user=$(id -un)

for type in ed25519 ecdsa rsa; do
    ssh-keygen -q -t $type -N '' -f "$work/keys/host_$type"
    ssh-keygen -q -t $type -N '' -f "$work/keys/user_$type"
done
ssh-keygen -q -t rsa -m PEM -N '' -f "$work/keys/user_pem"
ssh-keygen -q -t ed25519 -N secret -f "$work/keys/user_locked"
ssh-keygen -q -t ed25519 -N '' -f "$work/keys/user_stranger"
cat "$work"/keys/user_ed25519.pub "$work"/keys/user_ecdsa.pub "$work"/keys/user_rsa.pub "$work"/keys/user_pem.pub \
    "$work"/keys/user_locked.pub >"$work/authorized"
chmod 644 "$work/authorized"

free_port() {
    node -e 'const s=require("net").createServer().listen(0,"127.0.0.1",()=>{console.log(s.address().port);s.close()})'
}

# Whether this sshd keeps out for a while who fails to log in: OpenSSH from 9.8 on.
penalizes() {
    echo "PerSourcePenalties no" >"$work/penalties"
    ! "$sshd" -t -f "$work/penalties" 2>&1 | grep -q 'Bad configuration option'
}

# start_sshd NAME [OPTION...]: waits until it listens.
start_sshd() {
    name=$1
    shift
    port=$(free_port)
    {
        echo "ListenAddress 127.0.0.1"
        echo "Port $port"
        echo "PidFile none"
        echo "AuthorizedKeysFile $work/authorized"
        echo "StrictModes no"
        echo "PasswordAuthentication no"
        echo "KbdInteractiveAuthentication no"
        echo "PermitRootLogin yes"
        echo "UsePAM no"
        echo "LogLevel VERBOSE"
        if penalizes; then echo "PerSourcePenalties no"; fi
        for option; do echo "$option"; done
        case "$*" in *HostKey*) ;; *)
            for type in ed25519 ecdsa rsa; do echo "HostKey $work/keys/host_$type"; done
            ;;
        esac
    } >"$work/sshd_$name"
    "$sshd" -D -e -f "$work/sshd_$name" 2>"$work/sshd_$name.log" &
    pids="$pids $!"
    until grep -qs 'Server listening' "$work/sshd_$name.log"; do
        kill -0 $! 2>/dev/null || { cat "$work/sshd_$name.log"; exit 1; }
    done
    echo "$port" >"$work/port_$name"
}

port() { cat "$work/port_$1"; }

# host NAME PORT [LINE...]: a Host in the configuration.
host() {
    {
        echo "Host $1"
        echo "  HostName 127.0.0.1"
        echo "  Port $2"
        echo "  User $user"
        echo "  GlobalKnownHostsFile none"
        shift 2
        for line; do echo "  $line"; done
    } >>"$work/config"
}

public() { cut -d' ' -f1,2 "$work/keys/host_$1.pub"; }

# Arguments of env(1) for the probe.
environment=

# $1: the check; $2: why it cannot be made here.
skip() {
    skipped=$((skipped + 1))
    echo "skip $1: $2"
}

# check NAME 'PATTERN...' DESTINATION SCENARIO [ARGUMENT]: every line of PATTERN is a regular expression that a line of
# the output must match.
check() {
    name=$1
    wanted=$2
    shift 2
    # shellcheck disable=SC2086
    timeout --foreground "$limit" env $environment "$probe" "$@" >"$work/out" 2>"$work/err"
    status=$?
    bad=
    [ $status = 0 ] || bad="exit $status"
    grep -q 'HANDLES LEFT' "$work/out" && bad="handles left"
    printf '%s\n' "$wanted" >"$work/wanted"
    while IFS= read -r pattern; do
        grep -Eq -- "$pattern" "$work/out" || bad="$bad; no line matches: $pattern"
    done <"$work/wanted"
    if [ -z "$bad" ]; then
        passed=$((passed + 1))
        echo "ok $name"
    else
        failed=$((failed + 1))
        echo "not ok $name: $bad"
        sed 's/^/    /' "$work/out" "$work/err" | cut -c1-600 | head -60
    fi
}

# never_program, maybe_program: from here on delvegate keeps to libssh2, or not.
never_program() {
    PROBE_PROGRAM=no
    export PROBE_PROGRAM
}
maybe_program() { unset PROBE_PROGRAM; }

# logged PATTERN, unlogged PATTERN: a line of the last check's log must, must not match.
logged() {
    grep -Eq -- "$1" "$work/err"
    count $? "... and the log has: $1"
}
unlogged() {
    ! grep -Eq -- "$1" "$work/err"
    count $? "... and the log has no: $1"
}

# Whether the process that wrote its id to this file runs: one that waits for its parent to ask for its status has ended.
runs() {
    grep -q '^State:[[:space:]]*[^ZX]' "/proc/$(cat "$work/$1" 2>/dev/null)/status" 2>/dev/null
}

# ended NAME: the process that wrote its id to this file is gone, within seconds of the probe's own end.
ended() {
    [ -s "$work/$1" ]
    count $? "... and $1 had begun"
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        runs "$1" || break
        sleep 0.3
    done
    ! runs "$1"
    count $? "... and $1 has ended"
}

key() { echo "IdentityFile $work/keys/user_$1"; }

# count STATUS NAME: counts a test that is no `check`.
count() {
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        echo "ok $2"
    else
        failed=$((failed + 1))
        echo "not ok $2"
    fi
}

# answer_yes: from here on ssh gets a yes to what it asks, as from a person at a terminal.
answer_yes() {
    printf '#!/bin/sh\necho yes\n' >"$work/yes"
    chmod +x "$work/yes"
    SSH_ASKPASS=$work/yes
    SSH_ASKPASS_REQUIRE=force
    export SSH_ASKPASS SSH_ASKPASS_REQUIRE
}

# follow NAME DESTINATION: does what the last error advised, the commands between backquotes, and checks that it helped.
follow() {
    sed -n '/^lost/,$p' "$work/out" | grep -o '`ssh[^`]*`' | tr -d '`' >"$work/advice"
    [ -s "$work/advice" ]
    count $? "$1: a command is advised"
    sh "$work/advice" >"$work/followed" 2>&1 </dev/null
    check "$1: what was advised helps" '^ready' "$2" login
}

# finish: says the sum, and ends.
finish() {
    echo "$passed passed, $failed failed, $skipped skipped"
    [ $failed = 0 ]
    exit
}
