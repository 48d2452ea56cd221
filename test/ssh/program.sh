#!/bin/sh
# The user's own ssh as the way to the machine: when it is taken, and that it works whatever its configuration says:
# test/ssh/program.sh [PROBE].
# shellcheck source=test/ssh/lib.sh
. "$(dirname "$0")/lib.sh"

PROBE_INFO=1
export PROBE_INFO
text_of() { head -c "$1" /dev/zero | tr '\0' x | fold -w 79; }
text_of 60000 >"$work/banner"
ssh-keygen -q -t ed25519 -N '' -f "$work/keys/ca"
ssh-keygen -q -s "$work/keys/ca" -I test -n "$user" "$work/keys/user_stranger.pub" 2>/dev/null
cp "$work/keys/user_stranger" "$work/keys/named"
cp "$work/keys/user_stranger.pub" "$work/keys/named.pub"
mv "$work/keys/user_stranger-cert.pub" "$work/keys/certificate.pub"
cp "$work/keys/user_stranger" "$work/keys/beside"
cp "$work/keys/user_stranger.pub" "$work/keys/beside.pub"
cp "$work/keys/certificate.pub" "$work/keys/beside-cert.pub"
cp "$work/keys/host_ed25519" "$work/keys/certified"
cp "$work/keys/host_ed25519.pub" "$work/keys/certified.pub"
ssh-keygen -q -s "$work/keys/ca" -I host -h -n 127.0.0.1 "$work/keys/certified.pub" 2>/dev/null

start_sshd plain
start_sshd user_ca "TrustedUserCAKeys $work/keys/ca.pub"
start_sshd host_ca "HostKey $work/keys/certified" "HostCertificate $work/keys/certified-cert.pub"
start_sshd rsaonly "HostKey $work/keys/host_rsa"
start_sshd etm "MACs hmac-sha2-256-etm@openssh.com"
start_sshd gcm "Ciphers aes256-gcm@openssh.com"
start_sshd banner "Banner $work/banner"
for name in plain user_ca rsaonly etm gcm banner; do
    for type in ed25519 ecdsa rsa; do echo "[127.0.0.1]:$(port $name) $(public $type)"; done
done >"$work/known"
: >"$work/empty"
known="UserKnownHostsFile $work/known"
p=$(port plain)
key=$(key ed25519)

# by_program NAME WHY DESTINATION: it is reached so, for that reason, with one line in the log.
by_program() {
    check "$1" '^ready' "$3" login
    logged "info ssh $3: the ssh program is run: $2"
    [ "$(grep -c 'the ssh program is run' "$work/err")" = 1 ]
    count $? '... said once'
}

# 1. Asked for.
host plain "$p" "$known" "$key"
PROBE_PROGRAM=yes
export PROBE_PROGRAM
check 'sshProgram: echo' 'note Connecting to plain
^ready plain \('"$user"'@127.0.0.1:'"$p"'\)
out out
typed$
lost after 10 retry: The command on plain .* ended \(exit status 3\): err$' plain echo
check 'sshProgram: 20 MB each way' 'same 20971520 bytes' plain cat 20
check 'sshProgram: a loss' 'lost after 200000 retry: The connection of ssh to plain .* was lost.*exit status 255' plain run 'head -c 200000 /dev/zero; sleep 1; kill -9 $PPID'
check 'sshProgram: closed by its owner' '^note' plain run 'echo $$ >'"$work/there"'; kill -9 $PPID'
check 'sshProgram: a port in the destination' '^ready' "$user@plain:$p" login
check 'sshProgram: killed by a signal' 'lost after 0 .*' plain killed
cat >"$work/bin/hanging" <<END
#!/bin/sh
case " \$* " in *' -G '*) exec "$work/bin/ssh.real" "\$@" ;; esac
trap '' TERM HUP INT
echo \$\$ >$work/hanging
sleep 1000 &
echo \$! >$work/hanging_child
echo close me >&2
wait
sleep 1000
END
chmod +x "$work/bin/hanging"
mv "$work/bin/ssh" "$work/bin/ssh.real"
cp "$work/bin/hanging" "$work/bin/ssh"
check 'an ssh that hangs is closed' '^note close me' plain closing
mv "$work/bin/ssh.real" "$work/bin/ssh"
for name in hanging hanging_child; do
    ended $name
done

# 2. Nothing in ssh_config keeps it from the command: each option against its opposite.
node -e 'const s=require("net").createServer(()=>{}).listen(0,"127.0.0.1",()=>console.log(s.address().port))' >"$work/taken" &
pids="$pids $!"
until [ -s "$work/taken" ]; do kill -0 $! || exit 1; done
# opposite NAME LINE...: with these settings it works all the same.
opposite() {
    opposite_name=$1
    shift
    host "opposite_$opposite_name" "$p" "$known" "$key" "$@"
    check "against $opposite_name" 'out out
typed$
lost after 10 retry: .*\(exit status 3\): err$' "opposite_$opposite_name" echo
}
opposite RemoteCommand 'RemoteCommand echo not this'
opposite RequestTTY 'RequestTTY force'
opposite SessionType 'SessionType none'
opposite StdinNull 'StdinNull yes'
opposite ForkAfterAuthentication 'ForkAfterAuthentication yes'
opposite forwardings 'ExitOnForwardFailure yes' "LocalForward $(cat "$work/taken") 127.0.0.1:1" "RemoteForward $(cat "$work/taken") 127.0.0.1:1" "DynamicForward $(cat "$work/taken")"
opposite PermitLocalCommand 'PermitLocalCommand yes' "LocalCommand touch $work/local_command"
[ ! -e "$work/local_command" ]
count $? '... and LocalCommand was not run'
opposite ControlMaster 'ControlMaster yes' "ControlPath $work/control.sock"
[ ! -e "$work/control.sock" ]
count $? '... and there is no master'
host master "$p" "$known" "$key" "ControlMaster yes" "ControlPath $work/master.sock"
ssh -N master &
pids="$pids $!"
until [ -S "$work/master.sock" ]; do kill -0 $! || exit 1; done
opposite ControlPath "ControlPath $work/master.sock" "ControlMaster auto"
before=$(grep -c 'Accepted publickey' "$work/sshd_plain.log")
check 'a connection of its own beside a master' '^ready' opposite_ControlPath login
[ "$(grep -c 'Accepted publickey' "$work/sshd_plain.log")" = $((before + 1)) ]
count $? '... and not the master'"'"'s'
opposite BatchMode 'BatchMode no' 'StrictHostKeyChecking ask'
opposite everything 'RemoteCommand echo not this' 'SessionType none' 'StdinNull yes' 'ForkAfterAuthentication yes' 'RequestTTY yes' 'PermitLocalCommand yes' "LocalCommand touch $work/local_command" "ControlPath $work/master.sock" "ControlMaster auto" "LocalForward $(cat "$work/taken") 127.0.0.1:1" 'ExitOnForwardFailure yes'
# Versions before 8.7 know three of them not at all.
mv "$work/bin/ssh" "$work/bin/ssh.real"
cat >"$work/bin/ssh" <<END
#!/bin/sh
for word; do
    case \$word in SessionType=* | StdinNull=* | ForkAfterAuthentication=*)
        echo "command-line: line 0: Bad configuration option: \${word%%=*}" >&2
        exit 255 ;;
    esac
done
case " \$* " in *' -G '*) "$work/bin/ssh.real" "\$@" | grep -v -e '^sessiontype ' -e '^stdinnull ' -e '^forkafterauthentication ' ;;
*) exec "$work/bin/ssh.real" "\$@" ;;
esac
END
chmod +x "$work/bin/ssh"
check 'an ssh without the newer options' 'typed$' plain echo
mv "$work/bin/ssh.real" "$work/bin/ssh"
unset PROBE_PROGRAM

# 3. What ssh_config asks for.
host named "$(port user_ca)" "$known" "IdentityFile $work/keys/named" "CertificateFile $work/keys/certificate.pub"
by_program CertificateFile 'CertificateFile is set' named
host beside "$(port user_ca)" "$known" "IdentityFile $work/keys/beside"
by_program 'a certificate beside its key' 'there is a certificate beside .*keys/beside' beside
never_program
check 'sshProgram: false' 'lost after 0 ask: beside .* accepted no key' beside login
unlogged 'ssh program'
maybe_program
printf '#!/bin/sh\ncat %s\n' "$work/known" >"$work/knows"
chmod +x "$work/knows"
host knows "$p" "UserKnownHostsFile $work/empty" "$key" "KnownHostsCommand $work/knows"
by_program KnownHostsCommand 'KnownHostsCommand is set' knows
echo "@cert-authority 127.0.0.1,[127.0.0.1]:* $(cut -d' ' -f1,2 "$work/keys/ca.pub")" >"$work/authority"
host authority "$(port host_ca)" "UserKnownHostsFile $work/authority" "$key"
by_program '@cert-authority' '.*/authority has a certificate authority for the host' authority
host pkcs "$p" "$known" "$key" 'PKCS11Provider /nothing'
by_program PKCS11Provider 'PKCS11Provider is set' pkcs
node -e 'const s = (t) => { const b = Buffer.from(t), l = Buffer.alloc(4); l.writeUInt32BE(b.length); return Buffer.concat([l, b]) }
const t = "sk-ssh-ed25519@openssh.com"
console.log(t, Buffer.concat([s(t), s("k".repeat(32)), s("ssh:")]).toString("base64"))' >"$work/keys/sk.pub"
host sk "$p" "$known" "IdentityFile $work/keys/sk" "$key"
by_program 'a security key' '.*keys/sk is a security key' sk
host gssapi "$p" "$known" "$key" 'PreferredAuthentications gssapi-with-mic' 'GSSAPIAuthentication yes'
check 'GSSAPI alone' 'lost after 0 ask: ssh does not connect to gssapi .*Permission denied
^.ssh gssapi true. must work without a prompt' gssapi login
logged 'the ssh program is run: the SSH configuration allows only GSSAPI or host-based'
for setting in 'HostKeyAlgorithms rsa-sha2-512' 'Ciphers aes256-gcm@openssh.com' 'MACs hmac-sha2-512-etm@openssh.com' 'KexAlgorithms sntrup761x25519-sha512@openssh.com'; do
    name=${setting%% *}
    case $name,$(pkg-config --modversion libssh2) in
    HostKeyAlgorithms,1.10.*) ;;
    HostKeyAlgorithms,*) continue ;;
    esac
    host "$name" "$p" "$known" "$key" "$setting"
    by_program "$setting" "$name lists none that libssh2 supports" "$name"
done
host within "$p" "$known" "$key" 'Ciphers aes256-gcm@openssh.com,aes256-ctr' 'KexAlgorithms curve25519-sha256'
check 'algorithms within reach' '^ready' within login
unlogged 'ssh program is run'
host new "$p" "UserKnownHostsFile $work/new" "$key" 'StrictHostKeyChecking accept-new'
by_program 'accept-new' 'StrictHostKeyChecking accept-new' new
[ -s "$work/new" ]
count $? '... and the key is recorded'
check 'accept-new, once it is recorded' '^ready' new login
unlogged 'ssh program is run'

# 4. What shows only while connecting.
host etm "$(port etm)" "$known" "$key"
by_program 'a server with ETM only' 'libssh2 .* supports no MAC that the server has' etm
host gcm "$(port gcm)" "$known" "$key"
by_program 'a server with GCM only' 'libssh2 .* supports no cipher that the server has' gcm
host banner "$(port banner)" "$known" "$(key ecdsa)" "$key" 'IdentitiesOnly yes'
by_program 'a long Banner' 'libssh2 .* cannot read the server.s answer' banner
case $(pkg-config --modversion libssh2) in
1.10.*)
    host rsaonly "$(port rsaonly)" "$known" "$key"
    by_program 'a server with an RSA host key only' 'libssh2 .* supports no type of host key' rsaonly
    echo "[127.0.0.1]:$p $(public rsa)" >"$work/rsa_known"
    host rsa_recorded "$p" "UserKnownHostsFile $work/rsa_known" "$key"
    by_program 'only an RSA key recorded' 'the recorded host key is of a type' rsa_recorded
    ;;
esac
check 'a change of the host key is none of it' 'lost after 0 never' tors login
host again "$(port etm)" "$known" "$key"
check 'the next connection knows' 'lost after 0 .*
^ready' again again 'kill -9 $PPID'
[ "$(grep -c 'the ssh program is run' "$work/err")" = 2 ]
count $? '... and says so'
eval "$(ssh-agent -s -a "$work/agent.sock")" >/dev/null
pids="$pids $SSH_AGENT_PID"
ssh-add -q "$work/keys/beside" 2>/dev/null
host agent "$(port user_ca)" "$known" "IdentityFile $work/nothing"
by_program 'a certificate in the agent' 'the server may accept only keys that libssh2 cannot use' agent
mkdir -p "$XDG_RUNTIME_DIR"
ln -s "$work/agent.sock" "$XDG_RUNTIME_DIR/ssh-agent.socket"
unset SSH_AUTH_SOCK
by_program 'the agent is looked for on its behalf' 'the server may accept only keys that libssh2 cannot use' agent
rm "$XDG_RUNTIME_DIR/ssh-agent.socket"

# 5. Questions, where there is a display.
host locked "$p" "$known" "$(key locked)" 'IdentitiesOnly yes'
check 'a passphrase, and no display' 'lost after 0 ask: There is no key .*encrypted' locked login
printf '#!/bin/sh\necho "$1" >>%s\necho secret\n' "$work/asked" >"$work/asker"
printf '#!/bin/sh\necho wrong\n' >"$work/wrong"
chmod +x "$work/asker" "$work/wrong"
environment="DISPLAY=:99 SSH_ASKPASS=$work/asker"
by_program 'a passphrase, and a display' 'a key needs its passphrase' locked
grep -q 'passphrase for key' "$work/asked"
count $? '... and it was asked for'
environment="WAYLAND_DISPLAY=wayland-0 SSH_ASKPASS=$work/asker"
by_program 'a passphrase, and Wayland' 'a key needs its passphrase' locked
environment="DISPLAY=:99 SSH_ASKPASS=$work/wrong"
check 'a wrong passphrase' 'lost after 0 ask: ssh does not connect to locked .*Permission denied' locked login
environment="DISPLAY=:99 SSH_ASKPASS=$work/nothing"
check 'a display, and no program that asks' 'lost after 0 ask: There is no key .*encrypted' locked login
environment=

# 6. Losses have a kind.
PROBE_PROGRAM=yes
export PROBE_PROGRAM
host denied "$p" "$known" "$(key stranger)" 'IdentitiesOnly yes'
check 'permission denied' 'lost after 0 ask: ssh does not connect to denied .*Permission denied \(publickey\)\. \(exit status 255\)
^.ssh denied true. must work without a prompt' denied login
host unknown "$p" "UserKnownHostsFile $work/empty" "$key"
check 'an unknown host key' 'lost after 0 never: .*Host key verification failed' unknown login
answer_yes
follow 'an unknown host key' unknown
unset SSH_ASKPASS SSH_ASKPASS_REQUIRE
echo "[127.0.0.1]:$p $(cut -d' ' -f1,2 "$work/keys/ca.pub")" >"$work/changed"
host changed "$p" "UserKnownHostsFile $work/changed" "$key"
check 'a changed host key' 'lost after 0 never: .*
.*Host key verification failed' changed login
host refused "$(free_port)" "$known" "$key"
check 'refused' 'lost after 0 retry: .*Connection refused' refused login
host nosuch 22 && sed -i '/^Host nosuch$/{n;s/127.0.0.1/nosuch.invalid/}' "$work/config"
check 'unknown name' 'lost after 0 never: .*Could not resolve hostname' nosuch login
host mute "$(cat "$work/taken")" "$known" "$key" 'ConnectTimeout 1'
check 'no answer' 'lost after 0 retry: .*timed out' mute login
host failing "$p" "$known" "$key" 'ProxyCommand sh -c "echo no way >&2; exit 1"'
check 'a ProxyCommand that fails' 'note no way
lost after 0 retry: ssh does not connect to failing .*no way' failing login
host jump "$p" "$known" "$key" 'ProxyJump plain'
check 'ProxyJump' '\(exit status 3\)' jump echo
cat >>"$work/config" <<END
Match host matched exec "true"
  HostName 127.0.0.1
  Port $p
  User $user
  GlobalKnownHostsFile none
  $known
  $key
END
check 'Match' '\(exit status 3\)' matched echo

# 7. Its environment.
printf '#!/bin/sh\ntr "\\0" "\\n" </proc/$$/environ >%s/seen\nexec %s -F %s "$@"\n' "$work" "$(PATH=${PATH#*:} command -v ssh)" "$work/config" >"$work/bin/ssh"
environment="NOTIFY_SOCKET=/of/the/manager WATCHDOG_USEC=1000000 KEPT=kept"
check 'its environment' '^ready' plain login
grep -qx 'KEPT=kept' "$work/seen" && ! grep -qE '^(NOTIFY_SOCKET|WATCHDOG_)' "$work/seen"
count $? '... has nothing of the manager'"'"'s, and the rest'
finish
