#!/bin/sh
# Where the ssh-agent is looked for: test/ssh/agent.sh [PROBE]. The server takes a key that only an agent can give, so that
# a login shows that one was found; the log says where. `systemctl` is one of the test's own, the agents are real.
# shellcheck source=test/ssh/lib.sh
. "$(dirname "$0")/lib.sh"

start_sshd plain
echo "[127.0.0.1]:$(port plain) $(public ed25519)" >"$work/known"
p=$(port plain)
set -- "UserKnownHostsFile $work/known" "IdentityFile $work/nothing"
ssh-keygen -q -p -P secret -N '' -f "$work/keys/user_locked" >/dev/null

# agent PATH [KEY]: starts an agent there.
agent() {
    ssh-agent -D -a "$1" >/dev/null &
    pids="$pids $!"
    until [ -S "$1" ]; do kill -0 $! || exit 1; done
    [ $# = 1 ] || SSH_AUTH_SOCK=$1 ssh-add -q "$work/keys/user_$2" 2>/dev/null || exit 1
}
# manager [LINE...]: what systemctl does from now on. It also says that it was asked.
manager() {
    {
        echo '#!/bin/sh'
        echo "echo \"\$*\" >>'$work/asked'"
        for line; do echo "$line"; done
    } >"$work/bin/systemctl"
    chmod +x "$work/bin/systemctl"
    : >"$work/asked"
}
prints() { printf "cat <<'END'\n%s\nEND\n" "$1"; }
asked() {
    [ "$(cat "$work/asked")" = "$1" ]
    count $? "... and systemctl was asked for: ${1:-nothing}"
}

agent "$work/full.sock" locked
agent "$work/empty.sock"
mkdir "$work/with space"
agent "$work/with space/it's" locked
node -e 'require("net").createServer(()=>{}).listen(process.argv[1])' "$work/mute.sock" &
pids="$pids $!"
node -e 'require("net").createServer(c=>c.end()).listen(process.argv[1])' "$work/curt.sock" &
pids="$pids $!"
# SSH_AGENT_FAILURE.
node -e 'require("net").createServer(c=>c.on("data", () => c.write(Buffer.from([0, 0, 0, 1, 5])))).listen(process.argv[1])' "$work/failing.sock" &
pids="$pids $!"
until [ -S "$work/mute.sock" ] && [ -S "$work/curt.sock" ] && [ -S "$work/failing.sock" ]; do kill -0 $! || exit 1; done
# A socket whose owner is gone.
node -e 'require("net").createServer(()=>{}).listen(process.argv[1], () => process.kill(process.pid, "SIGKILL"))' "$work/dead.sock" &
wait $! 2>/dev/null
touch "$work/file"
run=$XDG_RUNTIME_DIR
mkdir "$run/keyring" "$run/gcr"
no_key='lost after 0 ask: There is no key to log in to .*'

# 1. IdentityAgent is the only one.
host plain "$p" "$@"
host named "$p" "$@" "IdentityAgent $work/full.sock"
host dead "$p" "$@" "IdentityAgent $work/dead.sock"
host gone "$p" "$@" "IdentityAgent ~/gone.sock"
host none "$p" "$@" "IdentityAgent none"
host legacy "$p" "$@" "IdentityAgent \$MY_AGENT"
host braces "$p" "$@" "IdentityAgent \${MY_AGENT}"
host variable "$p" "$@" "IdentityAgent SSH_AUTH_SOCK"
manager
export PROBE_INFO=1 MY_AGENT= # `ssh -G` wants it to be set whatever the host
environment=SSH_AUTH_SOCK=$work/empty.sock
check 'IdentityAgent comes before the variable' '^ready' named login
logged "info ssh named: SSH agent: $work/full.sock, found through IdentityAgent$"
environment=SSH_AUTH_SOCK=$work/full.sock
check 'IdentityAgent that refuses is the only one' "${no_key}No SSH agent: IdentityAgent \(.*$work/dead.sock cannot be reached: connection refused\)\." dead login
logged 'warning ssh dead: no SSH agent through IdentityAgent: '
unlogged 'looking further'
check 'IdentityAgent that is absent is the only one' "${no_key}No SSH agent: IdentityAgent \(.*/gone.sock: absent\)\." gone login
check 'IdentityAgent none' "${no_key}No SSH agent: IdentityAgent is none\." none login
unlogged 'no SSH agent through'
check 'IdentityAgent $VARIABLE that is not set' "${no_key}No SSH agent: IdentityAgent \(MY_AGENT is not set\)\." legacy login
environment="SSH_AUTH_SOCK=$work/empty.sock MY_AGENT=$work/full.sock"
check 'IdentityAgent $VARIABLE' '^ready' legacy login
check 'IdentityAgent ${VARIABLE}' '^ready' braces login
environment=SSH_AUTH_SOCK=$work/full.sock
check 'IdentityAgent SSH_AUTH_SOCK' '^ready' variable login
asked ''

# 2. The variable.
check 'the variable SSH_AUTH_SOCK' '^ready' plain login
logged "info ssh plain: SSH agent: $work/full.sock, found through SSH_AUTH_SOCK$"
asked ''
environment=SSH_AUTH_SOCK=$work/empty.sock
ln -s "$work/full.sock" "$run/ssh-agent.socket"
check 'an agent without keys is taken' "${no_key}The SSH agent at $work/empty.sock \(found through SSH_AUTH_SOCK\) has no key to use: .ssh-add" plain login
asked ''
for stale in dead.sock gone.sock file curt.sock failing.sock mute.sock; do
    environment=SSH_AUTH_SOCK=$work/$stale
    check "the variable names $stale" '^ready' plain login
    logged "info ssh plain: no SSH agent through SSH_AUTH_SOCK: .*(/$stale|list its keys).*; looking further"
    logged "info ssh plain: SSH agent: $run/ssh-agent.socket, found through the runtime directory$"
done
environment=
check 'the variable is not set' '^ready' plain login
unlogged 'no SSH agent'
rm "$run/ssh-agent.socket"

# 3. The user's manager.
manager "$(prints "HOME=/root
SSH_AUTH_SOCK=$work/full.sock
PATH=/bin")"
ln -s "$work/empty.sock" "$run/ssh-agent.socket"
check "the manager's SSH_AUTH_SOCK" '^ready' plain login
logged "info ssh plain: SSH agent: $work/full.sock, found through systemctl --user show-environment$"
asked '--user show-environment'
environment=SSH_AUTH_SOCK=$work/dead.sock
check "the manager's, after the variable" '^ready' plain login
manager "$(prints "SSH_AUTH_SOCK=\$'$work/with space/it\\'s'")"
environment=
check "the manager's, quoted" '^ready' plain login
logged "SSH agent: $work/with space/it's, found"
environment=XDG_RUNTIME_DIR=
manager "[ \"\$XDG_RUNTIME_DIR\" = /run/user/$(id -u) ] || exit 1" "$(prints "SSH_AUTH_SOCK=$work/full.sock")"
check 'the manager is found without XDG_RUNTIME_DIR' '^ready' plain login
environment=
rm "$run/ssh-agent.socket"
ln -s "$work/full.sock" "$run/ssh-agent.socket"
manager 'echo "Failed to connect to bus" >&2' 'exit 1'
check 'no manager' '^ready' plain login
unlogged 'systemctl|no SSH agent|bus'
manager "$(prints 'HOME=/root')"
check 'a manager that knows of none' '^ready' plain login
unlogged 'systemctl|no SSH agent'
manager "$(prints "SSH_AUTH_SOCK=$work/dead.sock")"
check 'a manager whose agent is gone' '^ready' plain login
unlogged 'systemctl|no SSH agent'
manager "$(prints "SSH_AUTH_SOCK=\$'$work/never ends")"
check 'a manager that cannot be understood' '^ready' plain login
manager 'exec yes SSH_AUTH_SOCK=/nothing'
check 'a manager that never stops printing' '^ready' plain login
manager "echo \$\$ >'$work/hung'" 'exec sleep 1000'
check 'a manager that hangs' '^ready' plain login
! runs hung
count $? '... and was ended'
mkdir "$work/few"
ln -s "$(command -v env)" "$(command -v ssh-keygen)" "$(command -v sh)" "$work/bin/ssh" "$work/few/"
environment=PATH=$work/few
check 'no systemctl' '^ready' plain login
unlogged 'systemctl|no SSH agent'
environment=
rm "$run/ssh-agent.socket"

# 4. The runtime directory.
manager 'exit 1'
ln -s "$work/empty.sock" "$run/gcr/ssh"
for place in gcr/ssh keyring/ssh openssh_agent ssh-agent.socket; do
    ln -sf "$work/full.sock" "$run/$place"
    check "$place in the runtime directory" '^ready' plain login
    logged "info ssh plain: SSH agent: $run/$place, found through the runtime directory$"
    ln -sf "$work/empty.sock" "$run/$place" # the next one comes before it
done
rm "$run/ssh-agent.socket" "$run/openssh_agent" "$run/keyring/ssh" "$run/gcr/ssh"
check 'no agent anywhere' "${no_key}No SSH agent: SSH_AUTH_SOCK \(not set\), systemctl --user show-environment \(.*\), in $run: ssh-agent.socket \(absent\), openssh_agent \(absent\), keyring/ssh \(absent\), gcr/ssh \(absent\)\." plain login
environment='-u XDG_RUNTIME_DIR'
check 'the runtime directory without XDG_RUNTIME_DIR' "${no_key}in /run/user/$(id -u): ssh-agent.socket" plain login
environment=XDG_RUNTIME_DIR=relative
check 'a relative XDG_RUNTIME_DIR is ignored' "${no_key}in /run/user/$(id -u): ssh-agent.socket" plain login
environment=
if [ "$(id -u)" = 0 ]; then
    chown 12345 "$work/full.sock"
    ln -s "$work/full.sock" "$run/ssh-agent.socket"
    check "another user's socket is not guessed at" "${no_key}ssh-agent.socket \(it belongs to another user\)" plain login
    rm "$run/ssh-agent.socket"
    environment=SSH_AUTH_SOCK=$work/full.sock
    check "another user's socket is used when it is named" '^ready' plain login
    environment=
    chown 0 "$work/full.sock"
else
    skip "another user's socket is not guessed at" 'only root can give a socket to another user'
    skip "another user's socket is used when it is named" 'only root can give a socket to another user'
fi

# Agents come and go: each connection looks again.
ln -s "$work/full.sock" "$run/ssh-agent.socket"
check 'each connection looks again' 'lost after 0 retry
^ready' plain again "mv '$run/ssh-agent.socket' '$run/keyring/ssh'; kill -9 \$PPID
"
logged "SSH agent: $run/ssh-agent.socket, found"
logged "SSH agent: $run/keyring/ssh, found"

# What reaches the host for us needs the agent too.
host jump "$p" "$@" "ProxyJump plain"
check 'ProxyJump is told of the agent' '^ready' jump login
host proxied "$p" "$@" "ProxyCommand ssh -W %h:%p plain"
environment=SSH_AUTH_SOCK=$work/dead.sock
check 'ProxyCommand is told of the agent instead of a dead one' '^ready' proxied login
[ "$(grep -c 'SSH agent: ' "$work/err")" = 1 ]
count $? '... and the log says so once'
finish
