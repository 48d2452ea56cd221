#!/bin/sh
# What of ssh_config is expanded, where and how far, beside OpenSSH's own client; and what is ignored:
# test/ssh/settings.sh [PROBE].
# shellcheck source=test/ssh/lib.sh
. "$(dirname "$0")/lib.sh"

# What the ssh program would do instead is the matter of program.sh.
never_program
start_sshd plain
p=$(port plain)
for type in ed25519 ecdsa rsa; do echo "[127.0.0.1]:$p $(public $type)"; done >"$work/known"
known="UserKnownHostsFile $work/known"
host plain "$p" "$known" "$(key ed25519)"

check 'nothing set' '^ready' plain login
unlogged 'honoured'

# The shell's own: OpenSSH expands nothing but tokens.
# shellcheck disable=SC2016
host braces "$p" "$known" "$(key ed25519)" 'ProxyCommand ${NOT_SET_HERE-} ssh -W ${NOT_SET_HERE:-%h}:%p plain'
check 'a ProxyCommand with ${...}' '^ready' braces login
host tokens "$p" "$known" "$(key ed25519)" "ProxyCommand sh -c 'test %k-%n-%r = tokens-tokens-$user && exec ssh -W %h:%p plain'"
check 'every token of a ProxyCommand' '^ready' tokens login
host badtoken "$p" "$known" "$(key ed25519)" "ProxyCommand ssh -W %h:%p %u@plain"
check 'a token that a ProxyCommand does not have' 'lost after 0 never: badtoken: .*%u is not a token that OpenSSH supports here' badtoken login
host fdpass "$p" "$known" "$(key ed25519)" "ProxyCommand nc -F %h %p" "ProxyUseFdpass yes"
check 'ProxyUseFdpass' 'lost after 0 never: The ProxyCommand of fdpass .*ProxyUseFdpass' fdpass login
logged 'ignored in the SSH configuration: ProxyUseFdpass: '

# The name that OpenSSH's own client makes of it is given to a key.
every='every_%%_%C_%h_%i_%k_%L_%l_%n_%p_%r_%u'
host every "$p" "$known" "IdentityFile $work/keys/$every" "IdentitiesOnly yes"
file=$(ssh -v every true 2>&1 | sed -n 's/^debug1: identity file \(.*\) type .*/\1/p' | head -1)
cp "$work/keys/user_ed25519" "$file"
cp "$work/keys/user_ed25519.pub" "$file.pub"
check 'every token of an IdentityFile' '^ready' every login
# shellcheck disable=SC2016
host variable "$p" "$known" "IdentityFile \${KEYS}/user_ed25519" "IdentitiesOnly yes"
environment="KEYS=$work/keys"
check 'a variable in an IdentityFile' '^ready' variable login
environment=
check 'a variable that is not set' 'lost after 0 ask: There is no key .* IdentityFile \("\$\{KEYS\}/user_ed25519" in the SSH configuration: the variable is not set' variable login
host rest "$p" "$known" "IdentityFile $work/%i/nothing" "IdentityFile $work/%Z" "IdentityFile ~nobodyhere/id" "$(key ed25519)" "IdentitiesOnly yes"
check 'the files behind one that cannot be expanded' '^ready' rest login
logged 'an IdentityFile is ignored: .*/%Z" .*%Z is not a token'
logged 'an IdentityFile is ignored: "~nobodyhere/id" .*no such user'

# What `ssh -G` has expanded is not expanded again.
cp "$work/known" "$work/per%cent known"
host percent "$p" "UserKnownHostsFile \"$work/per%%cent known\" $work/nothing" "$(key ed25519)"
check 'a blank and a percent sign in UserKnownHostsFile' '^ready' percent login
eval "$(ssh-agent -s -a "$work/per%cent.sock")" >/dev/null
pids="$pids $SSH_AGENT_PID"
ssh-add -q "$work/keys/user_ed25519" 2>/dev/null
unset SSH_AUTH_SOCK
host agent "$p" "$known" "IdentityFile $work/nothing" "IdentityAgent $work/per%%cent.sock"
check 'a percent sign in IdentityAgent' '^ready' agent login
host broken "$p" "UserKnownHostsFile $work/%Z" "$(key ed25519)"
check 'the reason of a failing `ssh -G`' 'lost after 0 never: .ssh -G. for broken failed \(exit 255\): .*unknown key %Z$' broken login

# Named once, by ssh_config's name, with what is lost.
host ignored "$p" "$known" "$(key ed25519)" "BindAddress 127.0.0.1" "BindInterface lo" "CertificateFile $work/nothing" \
    "CheckHostIP yes" "Ciphers aes256-ctr" "Compression yes" "ConnectionAttempts 3" "ControlPath $work/none.sock" \
    "DynamicForward 1" "ForwardAgent yes" "ForwardX11 yes" "GSSAPIDelegateCredentials yes" \
    "HostbasedAuthentication yes" "HostKeyAlgorithms ssh-ed25519" "IPQoS cs1" "KexAlgorithms curve25519-sha256" \
    "KnownHostsCommand /bin/true" "LocalForward 2 a:1" "LocalForward 3 a:1" "MACs hmac-sha2-256" \
    "PermitLocalCommand yes" "LocalCommand true" "PKCS11Provider /nothing" "PreferredAuthentications password" \
    "PubkeyAcceptedAlgorithms ssh-ed25519" "RekeyLimit 1G" "RemoteCommand true" "RemoteForward 4 a:1" \
    "RequiredRSASize 3072" "RevokedHostKeys /nothing" "SecurityKeyProvider /nothing" "SendEnv LANG MY_*" \
    "SetEnv SECRET=hidden" "Tunnel yes" "VerifyHostKeyDNS ask"
check 'settings that are ignored' '^ready' ignored login
for name in BindAddress BindInterface CertificateFile CheckHostIP Ciphers Compression ConnectionAttempts ControlPath DynamicForward \
    ForwardAgent ForwardX11 GSSAPIDelegateCredentials HostbasedAuthentication HostKeyAlgorithms IPQoS KexAlgorithms \
    KnownHostsCommand LocalForward MACs PermitLocalCommand PKCS11Provider PreferredAuthentications \
    PubkeyAcceptedAlgorithms RekeyLimit RemoteCommand RemoteForward RequiredRSASize RevokedHostKeys SecurityKeyProvider \
    SendEnv SetEnv Tunnel VerifyHostKeyDNS; do
    named=$(grep -Ec "ignored in the SSH configuration: $name: " "$work/err")
    count $((named != 1)) "$name is named, once"
done
unlogged 'hidden'
host off "$p" "$known" "$(key ed25519)" "ForwardAgent no" "IPQoS none" "Compression no" "ControlPath none" "SendEnv LC_ALL" \
    "PreferredAuthentications publickey" "RemoteCommand none" "VerifyHostKeyDNS no"
check 'settings that change nothing' '^ready' off login
unlogged 'honoured'
finish
