#!/bin/sh
# Logging in where `ssh` can do more than delvegate, and where the server is in the way: test/ssh/auth.sh [PROBE].
# shellcheck source=test/ssh/lib.sh
. "$(dirname "$0")/lib.sh"

# What the ssh program would do instead is the matter of program.sh.
never_program

# works NAME DESTINATION: OpenSSH's own client logs in there, so that it is delvegate's matter.
works() {
    ssh -o BatchMode=yes "$2" true >"$work/out" 2>&1
    count $? "$1: ssh logs in"
}
# silent NAME PATTERN: the last error has no line that matches.
silent() {
    ! grep -Eq -- "$2" "$work/out"
    count $? "$1: nothing of $2"
}
text_of() { head -c "$1" /dev/zero | tr '\0' x | fold -w 79; }

ssh-keygen -q -t ed25519 -N '' -f "$work/keys/ca"
ssh-keygen -q -s "$work/keys/ca" -I test -n "$user" "$work/keys/user_stranger.pub" 2>/dev/null
cp "$work/keys/user_stranger" "$work/keys/named"
cp "$work/keys/user_stranger.pub" "$work/keys/named.pub"
mv "$work/keys/user_stranger-cert.pub" "$work/keys/certificate.pub"
cp "$work/keys/user_stranger" "$work/keys/beside"
cp "$work/keys/user_stranger.pub" "$work/keys/beside.pub"
cp "$work/keys/certificate.pub" "$work/keys/beside-cert.pub"
for size in 30000 39000 60000; do text_of $size >"$work/banner_$size"; done

own_key="HostKey $work/keys/host_ed25519"
start_sshd cert "TrustedUserCAKeys $work/keys/ca.pub"
start_sshd second "$own_key" "Match User $user" "PasswordAuthentication yes" "AuthenticationMethods publickey,password"
start_sshd two "$own_key" "AuthenticationMethods publickey,publickey"
start_sshd nokey "$own_key" "PubkeyAuthentication no" "Match User $user" "PasswordAuthentication yes"
for size in 30000 39000 60000; do start_sshd "banner$size" "Banner $work/banner_$size"; done
for name in cert second two nokey banner30000 banner39000 banner60000; do
    echo "[127.0.0.1]:$(port $name) $(public ed25519)"
done >"$work/known"
known="UserKnownHostsFile $work/known"

for size in 30000 39000; do
    host "banner$size" "$(port banner$size)" "$known" "$(key ed25519)"
    check "a Banner of $size bytes" '^ready' "banner$size" login
done
host banner60000 "$(port banner60000)" "$known" "$(key ecdsa)" "$(key ed25519)" "IdentitiesOnly yes"
works 'a Banner of 60000 bytes' banner60000
check 'a Banner of 60000 bytes' 'lost after 0 ask: banner60000 .* answered the login with a message that libssh2 .* cannot read: it takes at most 40000 bytes.*Banner names in its sshd_config
^Shorten that file' banner60000 login
silent 'a Banner of 60000 bytes' 'accepted no key|Tried:'
host banner_nokey "$(port banner60000)" "$known" "IdentityFile $work/nothing"
check 'a Banner of 60000 bytes, and no key' 'lost after 0 ask: banner_nokey .* answered the login .*Banner' banner_nokey login

host named "$(port cert)" "$known" "IdentityFile $work/keys/named" "CertificateFile $work/keys/certificate.pub"
works 'CertificateFile' named
check 'CertificateFile' 'lost after 0 ask: named .* accepted no key. Tried: .*keys/named \(file\). Not tried: .*keys/certificate.pub \(certificates are not supported\)
^.ssh. may log in by means that delvegate does not support' named login
silent 'CertificateFile' 'BatchMode|shows with which'
host beside "$(port cert)" "$known" "IdentityFile $work/keys/beside"
works 'a certificate beside its key' beside
check 'a certificate beside its key' 'lost after 0 ask: beside .* Not tried: .*keys/beside-cert.pub \(certificates are not supported\)
^.ssh. may log in by means that delvegate does not support' beside login
eval "$(ssh-agent -s -a "$work/agent.sock")" >/dev/null
pids="$pids $SSH_AGENT_PID"
ssh-add -q "$work/keys/beside" 2>/dev/null
host agent "$(port cert)" "$known" "IdentityFile $work/nothing"
works 'a certificate in the agent' agent
check 'a certificate in the agent' 'lost after 0 ask: agent .* Not tried: .* from the agent \(certificates are not supported\)
^.ssh. may log in' agent login
ssh-add -q -D 2>/dev/null
unset SSH_AUTH_SOCK
# The public half of a security key: what else it needs is in hardware.
node -e 'const s = (t) => { const b = Buffer.from(t), l = Buffer.alloc(4); l.writeUInt32BE(b.length); return Buffer.concat([l, b]) }
const t = "sk-ssh-ed25519@openssh.com"
console.log(t, Buffer.concat([s(t), s("k".repeat(32)), s("ssh:")]).toString("base64"))' >"$work/keys/sk.pub"
host sk "$(port cert)" "$known" "IdentityFile $work/keys/sk"
check 'a security key' 'lost after 0 ask: There is no key .* Not usable: .*keys/sk \(security keys are not supported\)
^.ssh. may log in by means that delvegate does not support' sk login
silent 'a security key' 'BatchMode'

host second "$(port second)" "$known" "$(key ed25519)" "$(key ecdsa)" "IdentitiesOnly yes"
check 'a second factor' 'lost after 0 ask: second .* accepted the key .*user_ed25519 but requires more: password. delvegate does not support a second factor
AuthenticationMethods publickey' second login
silent 'a second factor' 'BatchMode|accepted no key|`ssh '
host two "$(port two)" "$known" "$(key ed25519)" "$(key ecdsa)" "IdentitiesOnly yes"
check 'a second key is no second factor' '^ready' two login
host nokey "$(port nokey)" "$known" "$(key ed25519)"
check 'a server that takes no keys' 'lost after 0 ask: nokey .* does not let '"$user"' log in with a key: it allows password, which delvegate does not support' nokey login
silent 'a server that takes no keys' 'BatchMode|`ssh '
host stranger "$(port cert)" "$known" "$(key stranger)" "IdentitiesOnly yes"
check 'an ordinary key that is not accepted' 'lost after 0 ask: stranger .* accepted no key.*allows: publickey
^Add one of them to ~/.ssh/authorized_keys on the server, .*.ssh -v stranger true. shows with which key' stranger login
host nothing "$(port cert)" "$known" "IdentityFile $work/nothing"
check 'no key at all' 'lost after 0 ask: There is no key to log in to nothing .* with. No IdentityFile exists
^Create one with .ssh-keygen' nothing login
host off "$(port cert)" "$known" "$(key ed25519)" "PubkeyAuthentication no"
check 'PubkeyAuthentication no' 'lost after 0 ask: PubkeyAuthentication is off .*
Turn it on' off login
finish
