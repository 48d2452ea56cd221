#!/bin/sh
# The ssh transport against real sshds on loopback: test/ssh/run.sh [PROBE], where PROBE is the built ssh_probe.c.
# shellcheck source=test/ssh/lib.sh
. "$(dirname "$0")/lib.sh"

start_sshd plain "ClientAliveInterval 1" "ClientAliveCountMax 2"
start_sshd rekey "RekeyLimit 200K"
start_sshd rekey100 "RekeyLimit 100K"
start_sshd rekey500 "RekeyLimit 500K"
start_sshd noforward "AllowTcpForwarding no" "AllowStreamLocalForwarding no" "PermitTunnel no"
start_sshd few "MaxSessions 1"
start_sshd none "MaxSessions 0"
start_sshd forced "ForceCommand echo this account is for backups only"
start_sshd silent "ForceCommand echo no commands here >&2; exit 7"
start_sshd rsaonly "HostKey $work/keys/host_rsa"
start_sshd strict "MaxAuthTries 1"
start_sshd etm "MACs hmac-sha2-256-etm@openssh.com"

for name in plain rekey rekey100 rekey500 noforward few none forced silent rsaonly strict etm; do
    for type in ed25519 ecdsa rsa; do echo "[127.0.0.1]:$(port $name) $(public $type)"; done
done >"$work/known"
known="UserKnownHostsFile $work/known"
p=$(port plain)

host plain "$p" "$known" "$(key ed25519)"
check 'echo' 'note Connecting to plain
^ready plain \('"$user"'@127.0.0.1:'"$p"'\)
out out
typed$
lost after 10 retry: The command on plain .* ended \(exit status 3\): err$' plain echo
check 'killed by a signal' 'lost after 0 retry: The login shell of plain .* ended before it ran .*\(signal KILL\)' plain killed
check '20 MB each way' 'same 20971520 bytes' plain cat 20
check 'what came before a loss is delivered' 'lost after 200000 retry: The SSH connection to plain .* was lost' plain lost
check 'a noisy stderr' 'lost after 3 retry: The command on plain .* ended \(exit status 0\): x*y$' plain stderr 'echo up; head -c 3000000 /dev/zero | tr "\0" x >&2; echo y >&2'
check 'closed by its owner' '^closed$' plain closed

for name in rekey100 rekey rekey500; do
    host $name "$(port $name)" "$known" "$(key ed25519)"
    check "40 MB each way, $name" 'same 41943040 bytes' $name cat 40
done
host noforward "$(port noforward)" "$known" "$(key ed25519)"
check 'no forwarding is needed' '^ready' noforward login
host few "$(port few)" "$known" "$(key ed25519)"
check 'MaxSessions 1 is enough' '^ready' few login
host none "$(port none)" "$known" "$(key ed25519)"
check 'MaxSessions 0 is not' 'lost after 0 never: none .* refused to open a session .*MaxSessions' none login
host forced "$(port forced)" "$known" "$(key ed25519)"
check 'a ForceCommand' 'out this account is for backups only' forced run true
host silent "$(port silent)" "$known" "$(key ed25519)"
check 'a ForceCommand that only says why not' 'lost after 0 never: The login shell of silent .* ended before it ran .*\(exit status 7\): no commands here
does `ssh silent true` succeed' silent run true
for shell in fish tcsh zsh; do
    path=$(command -v $shell) || { skip "$shell as login shell" "it is not installed"; continue; }
    if [ "$(id -u)" = 0 ] && [ ! -e /.test-shell ]; then
        account=delvegate-$shell-$$
        mkdir "$work/home_$shell"
        useradd -M -d "$work/home_$shell" -s "$path" "$account" 2>/dev/null || { skip "$shell as login shell" "no account can be made"; continue; }
        accounts="$accounts $account"
        chmod 755 "$work" && chown "$account" "$work/home_$shell"
        usermod -p '*' "$account"
        host "$shell" "$p" "$known" "$(key ed25519)"
        sed -i "/^Host $shell\$/,/^Host/s/^  User .*/  User $account/" "$work/config"
        check "$shell as login shell" 'out out
typed$
lost after 10 retry: The command on '"$shell"' .* ended \(exit status 3\): ' "$shell" echo
        check "20 MB each way, $shell as login shell" 'same' "$shell" cat 20
    else
        skip "$shell as login shell" "only root can make an account"
    fi
done

for type in ecdsa rsa pem; do
    host "$type" "$p" "$known" "$(key $type)" "IdentitiesOnly yes"
    check "$type key from a file" '^ready' "$type" login
done
host locked "$p" "$known" "$(key locked)" "IdentitiesOnly yes"
check 'encrypted key, no agent' 'lost after 0 ask: There is no key .*user_locked \(encrypted, and no agent has it' locked login
host stranger "$p" "$known" "$(key stranger)" "IdentitiesOnly yes"
check 'no key accepted' 'lost after 0 ask: stranger .* accepted no key. Tried: .*user_stranger \(file\).*allows: publickey' stranger login

host strict "$(port strict)" "$known" "$(key stranger)" "$(key ed25519)" "IdentitiesOnly yes"
check 'the server hangs up after the first key' 'lost after 0 ask: strict .* ended the connection while keys were tried: Too many authentication failures' strict login

eval "$(ssh-agent -s -a "$work/agent.sock")" >/dev/null
pids="$pids $SSH_AGENT_PID"
for type in ed25519 ecdsa rsa; do
    ssh-add -q -D 2>/dev/null
    ssh-add -q "$work/keys/user_$type" 2>/dev/null
    host "agent_$type" "$p" "$known" "IdentityFile $work/nothing"
    check "$type key from the agent" '^ready' "agent_$type" login
done
cp "$work/keys/user_locked" "$work/keys/user_open"
ssh-keygen -q -p -P secret -N '' -f "$work/keys/user_open" >/dev/null
ssh-add -q -D 2>/dev/null
ssh-add -q "$work/keys/user_stranger" "$work/keys/user_open" 2>/dev/null
check 'encrypted key, held by the agent, found among others' '^ready' locked login
host noagent "$p" "$known" "$(key locked)" "IdentityAgent none"
check 'IdentityAgent none' 'lost after 0 ask: There is no key' noagent login
node -e 'require("net").createServer(()=>{}).listen(process.argv[1])' "$work/mute.sock" &
pids="$pids $!"
until [ -S "$work/mute.sock" ]; do kill -0 $! || exit 1; done
host mute "$p" "$known" "$(key ed25519)" "IdentityAgent $work/mute.sock"
check 'an agent that hangs does not stop a file' '^ready' mute login
# An agent in front of the real one that takes its time with signatures (message 13).
node -e 'const [, front, real] = process.argv, net = require("net")
net.createServer(c => {
    const a = net.connect(real)
    a.pipe(c)
    a.on("error", () => c.destroy())
    c.on("error", () => a.destroy()).on("close", () => a.destroy())
    c.on("data", d => d[4] === 13 ? setTimeout(() => a.write(d), 3000) : a.write(d))
}).listen(front)' "$work/slow.sock" "$work/agent.sock" &
pids="$pids $!"
until [ -S "$work/slow.sock" ]; do kill -0 $! || exit 1; done
host slow "$p" "$known" "$(key locked)" "IdentitiesOnly yes" "IdentityAgent $work/slow.sock"
check 'a slow agent' 'note Waiting for the SSH agent
^ready' slow login
unset SSH_AUTH_SOCK

: >"$work/empty"
host unknown "$p" "UserKnownHostsFile $work/empty" "$(key ed25519)"
check 'unknown host key' 'lost after 0 never: The host key of \[127.0.0.1\]:'"$p"' is not known \(ED25519 SHA256:
Compare it and record it: run .ssh unknown true.' unknown login
host accept "$p" "UserKnownHostsFile $work/empty" "$(key ed25519)" "StrictHostKeyChecking no"
check 'unknown host key with StrictHostKeyChecking no' '^ready' accept login
[ -s "$work/empty" ] && { failed=$((failed + 1)); echo "not ok: a host key was recorded"; }
sed "s|^\([^ ]*\) .*|\1 $(cut -d' ' -f1,2 "$work/keys/user_ed25519.pub")|;1q" "$work/known" >"$work/changed"
host changed "$p" "UserKnownHostsFile $work/changed" "$(key ed25519)" "StrictHostKeyChecking no"
check 'changed host key' 'lost after 0 never: The host key of .* has CHANGED: the server shows ED25519 SHA256:.*, but ED25519 SHA256:.*is recorded .*changed:1' changed login
{ cat "$work/known"; echo "@revoked * $(public ed25519)"; } >"$work/revoked"
host revoked "$p" "UserKnownHostsFile $work/revoked" "$(key ed25519)"
check 'revoked host key' 'lost after 0 never: .*marked as revoked at .*revoked:' revoked login
grep ed25519 "$work/known" >"$work/hashed"
ssh-keygen -q -H -f "$work/hashed" >/dev/null 2>&1
host hashed "$p" "UserKnownHostsFile $work/empty $work/hashed" "$(key ed25519)"
check 'hashed names' '^ready' hashed login
{ echo "garbage"; echo "[127.0.0.*]:* $(public ecdsa)"; } >"$work/wildcard"
host wildcard "$p" "UserKnownHostsFile $work/wildcard" "$(key ed25519)"
check 'patterns, and another key type than the preferred' '^ready' wildcard login
echo "machine $(public ed25519)" >"$work/alias"
host alias "$p" "UserKnownHostsFile $work/alias" "$(key ed25519)" "HostKeyAlias machine"
check 'HostKeyAlias' '^ready' alias login
never_program
echo "@cert-authority * $(public ed25519)" >"$work/authority"
host authority "$p" "UserKnownHostsFile $work/authority" "$(key ed25519)"
check 'an authority is no host key' 'lost after 0 never: The host key .* is not known' authority login

case $(pkg-config --modversion libssh2) in
1.10.*) rsa_checked= ;; # no rsa-sha2 for host keys
*) rsa_checked=yes ;;
esac
host rsaonly "$(port rsaonly)" "$known" "$(key ed25519)"
host etm "$(port etm)" "$known" "$(key ed25519)"
if [ -z "$rsa_checked" ]; then
    check 'a server with an RSA host key only' 'lost after 0 never: rsaonly .* have no type of host key in common. The server has keys for rsa-sha2-512,rsa-sha2-256; libssh2 can check
ssh-keygen -A' rsaonly login
else
    check 'a server with an RSA host key only' '^ready' rsaonly login
fi
check 'a server with ETM only' 'lost after 0 never: etm .* have no MAC in common. The server allows hmac-sha2-256-etm@openssh.com; delvegate can use hmac-sha2-256,hmac-sha2-512
MACs in its sshd_config' etm login
maybe_program
host nosuch 22 && sed -i '/^Host nosuch$/{n;s/127.0.0.1/nosuch.invalid/}' "$work/config"
check 'unknown name' 'lost after 0 .*The name nosuch.invalid cannot be resolved' nosuch login
host refused "$(free_port)" "$known"
check 'refused' 'lost after 0 retry: refused: No connection to 127.0.0.1 .*connection refused.*Is sshd running' refused login
check 'a destination that is none' 'lost after 0 never: SSH destination "a:b".*not a port' a:b login
check 'user@host:port' '^ready' "$user@plain:$p" login
node -e 'const s=require("net").createServer(c=>c.end()).listen(0,"127.0.0.1",()=>console.log(s.address().port))' >"$work/shut" &
pids="$pids $!"
until [ -s "$work/shut" ]; do kill -0 $! || exit 1; done
host shut "$(cat "$work/shut")" "$known"
check 'closed before the handshake' 'lost after 0 retry: shut .* ended the connection before the SSH handshake' shut login
host jump "$p" "$known" "$(key ed25519)" "ProxyJump plain"
check 'ProxyJump' 'ended \(exit status 3\)' jump echo
host proxied "$p" "$known" "$(key ed25519)" "ProxyCommand ssh -W %h:%p plain"
check 'ProxyCommand' 'ended \(exit status 3\)' proxied echo
mkdir "$work/nobin"
PATH=$work/nobin "$probe" plain login >"$work/out" 2>&1
if grep -q 'lost after 0 never: .ssh -G. is not in PATH.*openssh-client' "$work/out"; then
    passed=$((passed + 1))
    echo "ok no ssh in PATH"
else
    failed=$((failed + 1))
    echo "not ok no ssh in PATH"
    cat "$work/out"
fi
finish
