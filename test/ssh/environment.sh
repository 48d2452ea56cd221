#!/bin/sh
# What a service manager tells delvegate alone is not in the environment of any child of the ssh transport:
# test/ssh/environment.sh [PROBE]. Each child writes down what it was given.
# shellcheck source=test/ssh/lib.sh
. "$(dirname "$0")/lib.sh"

start_sshd plain
echo "[127.0.0.1]:$(port plain) $(public ed25519)" >"$work/known"
p=$(port plain)
set -- "UserKnownHostsFile $work/known" "$(key ed25519)"
mkdir "$work/seen"

# record NAME: the line of sh that writes down the environment of the process that runs it.
record() { echo "tr '\\0' '\\n' </proc/\$\$/environ >$work/seen/$1.\$\$"; }
# recorder NAME PROGRAM: puts NAME first in PATH.
recorder() {
    printf '#!/bin/sh\n%s\nexec %s "$@"\n' "$(record "$1")" "$2" >"$work/recorder"
    chmod +x "$work/recorder"
    mv "$work/recorder" "$work/bin/$1"
}
recorder ssh "$(PATH=${PATH#*:} command -v ssh) -F $work/config"
recorder ssh-keygen "$(command -v ssh-keygen)"
recorder systemctl false
{
    echo '#!/bin/sh'
    record proxy
    echo 'exec ssh -W "$1" plain'
} >"$work/proxy"
chmod +x "$work/proxy"

host plain "$p" "$@"
host proxied "$p" "$@" "ProxyCommand $work/proxy %h:%p"
host jump "$p" "$@" "ProxyJump plain"
environment="NOTIFY_SOCKET=/of/the/manager WATCHDOG_USEC=1000000 WATCHDOG_PID=1 LISTEN_FDS=1 LISTEN_PID=1 LISTEN_FDNAMES=main KEPT=kept"
check 'a plain connection' '^ready' plain login
check 'ProxyCommand' '^ready' proxied login
check 'ProxyJump' '^ready' jump login
for child in ssh ssh-keygen systemctl proxy; do
    set -- "$work/seen/$child".*
    [ -f "$1" ] && ran=0 || ran=1
    count $ran "$child was run ($# times)"
    missing=$(grep -Lx 'KEPT=kept' "$@")
    [ -z "$missing" ] && kept=0 || kept=1
    count $kept "$child has the rest of the environment"
    found=$(grep -hE '^(NOTIFY_SOCKET|WATCHDOG_|LISTEN_)' "$@" | sort -u)
    [ -z "$found" ] && none=0 || none=1
    count $none "$child has nothing of the manager's${found:+: $found}"
done
finish
